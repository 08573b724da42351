"""What the agent asks of a chat model."""

from collections.abc import Sequence
from typing import Protocol

from langchain_core.messages import AIMessage, BaseMessage

__all__ = ["ChatModel", "ModelBusyError", "ModelUnavailableError"]


class ModelUnavailableError(Exception):
    """The model gave no answer; the message is for the operator, never for the customer."""


class ModelBusyError(ModelUnavailableError):
    """The model gave no answer now; asking again may help."""


class ChatModel(Protocol):
    """What the agent asks of a model; a LangChain chat model has this `invoke`."""

    @property
    def model_name(self) -> str:
        """What the provider calls it."""
        ...

    @property
    def provider(self) -> str:
        """The value of `gen_ai.provider.name`."""
        ...

    def invoke(self, messages: Sequence[BaseMessage], /) -> AIMessage:
        """Return the answer, with its usage if that is known.

        Raises:
            ModelUnavailableError: There is none.
        """
        ...
