"""The default chat model: deterministic, offline, and a LangChain model like any other."""

import json
from typing import Any, Final

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult

__all__ = ["ScriptedChatModel"]

_CHARACTERS_PER_TOKEN: Final = 4  # The usual estimate for English text.

_SENTENCES: Final = {
    "processing": "Your order {reference} is being prepared and should arrive on {expected_on}.",
    "in_transit": "Your order {reference} is on its way and should arrive on {expected_on}.",
    "delayed": "Your order {reference} is delayed ({reason}) and should arrive on {expected_on}.",
    "delivered": "Your order {reference} was delivered on {expected_on}.",
    "returned": "Your order {reference} was returned to us on {expected_on}.",
}


class ScriptedChatModel(BaseChatModel):
    """Answers from the facts in the last message, which is a JSON object.

    Expects `{"question": str, "order": {...}, "policy": str}`, the message that the agent's
    compose node writes, and reports token usage as a hosted model would.
    """

    model_name: str = "order-model"
    provider: str = "scripted"

    @property
    def _llm_type(self) -> str:
        return self.provider

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,  # noqa: ARG002 - LangChain's signature
        run_manager: CallbackManagerForLLMRun | None = None,  # noqa: ARG002 - as above
        **kwargs: Any,  # noqa: ARG002 - as above
    ) -> ChatResult:
        facts = json.loads(messages[-1].text)
        order = facts["order"]
        text = f"{_SENTENCES[order['status']].format(**order)} {facts['policy']}"
        read, written = _tokens("".join(m.text for m in messages)), _tokens(text)
        message = AIMessage(
            content=text,
            usage_metadata={
                "input_tokens": read,
                "output_tokens": written,
                "total_tokens": read + written,
            },
            response_metadata={"model_name": self.model_name, "finish_reason": "stop"},
        )
        return ChatResult(generations=[ChatGeneration(message=message)])


def _tokens(text: str) -> int:
    return -(-len(text) // _CHARACTERS_PER_TOKEN)
