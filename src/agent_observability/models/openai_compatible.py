"""A chat model behind any server that speaks OpenAI's chat completions API, streamed.

Needs the extra `openai`. The client's own retries are off: LangGraph makes them, so that each
attempt is a span.
"""

import logging
from collections.abc import Iterable, Sequence
from typing import Final, cast

import openai
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.messages.ai import UsageMetadata
from openai.types import CompletionUsage
from openai.types.chat import ChatCompletionChunk, ChatCompletionMessageParam

from .base import ModelBusyError, ModelUnavailableError

__all__ = ["OpenAIChatModel"]

_TIMEOUT_SECONDS: Final = 30.0
_ROLES: Final = {"system": "system", "human": "user", "ai": "assistant"}
_TRANSIENT: Final = frozenset({408, 409, 429, *range(500, 600)})

_log = logging.getLogger(__name__)


class OpenAIChatModel:
    """One model of one server."""

    provider = "openai"

    def __init__(self, model_name: str, *, base_url: str, api_key: str) -> None:
        self.model_name = model_name
        self._client = openai.OpenAI(
            base_url=base_url, api_key=api_key, max_retries=0, timeout=_TIMEOUT_SECONDS
        )

    def invoke(self, messages: Sequence[BaseMessage], /) -> AIMessage:
        """Return the whole answer once its stream has ended.

        Raises:
            ModelBusyError: No connection, no answer in time, 408, 409, 429 or 5xx.
            ModelUnavailableError: Any other refusal, which another attempt would not change.
        """
        try:
            with self._client.chat.completions.create(
                model=self.model_name,
                messages=[_message(each) for each in messages],
                stream=True,
                stream_options={"include_usage": True},
            ) as stream:
                return _joined(stream, self.model_name)
        except openai.APIStatusError as error:
            _log.warning("The model server answered %d.", error.status_code)
            raised = ModelBusyError if error.status_code in _TRANSIENT else ModelUnavailableError
            raise raised(f"The model server answered {error.status_code}.") from error
        except openai.OpenAIError as error:
            _log.warning("The model server could not be asked: %s.", type(error).__name__)
            raise ModelBusyError("The model server could not be asked.") from error


def _message(message: BaseMessage) -> ChatCompletionMessageParam:
    # The client has one type for each role; the server sees the same two keys.
    role_and_text = {"role": _ROLES[message.type], "content": message.text}
    return cast("ChatCompletionMessageParam", role_and_text)


def _joined(stream: Iterable[ChatCompletionChunk], requested: str) -> AIMessage:
    text, model, reason, usage = "", requested, None, None
    for chunk in stream:
        model, usage = chunk.model or model, chunk.usage or usage
        for choice in chunk.choices:
            text += choice.delta.content or ""
            reason = choice.finish_reason or reason
    if reason is None:
        raise ModelBusyError("The model server ended its answer early.")
    return AIMessage(
        content=text,
        usage_metadata=_counted(usage),
        response_metadata={"model_name": model, "finish_reason": reason},
    )


def _counted(usage: CompletionUsage | None) -> UsageMetadata | None:
    if usage is None:
        return None
    return UsageMetadata(
        input_tokens=usage.prompt_tokens,
        output_tokens=usage.completion_tokens,
        total_tokens=usage.total_tokens,
    )
