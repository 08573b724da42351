"""The default chat model: scripted, deterministic and offline."""

import json
import time
from collections.abc import Sequence
from typing import Any, Final

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult

__all__ = ["ScriptedChatModel"]

_CHARACTERS_PER_TOKEN: Final = 4  # The usual estimate for English text.

_STATUS: Final = {
    "processing": "Your order {reference} is being prepared and should arrive on {expected_on}.",
    "in_transit": (
        "Your order {reference} is on its way, was last seen in {last_seen},"
        " and should arrive on {expected_on}."
    ),
    "delayed": "Your order {reference} is delayed ({reason}) and should arrive on {expected_on}.",
    "delivered": "Your order {reference} was delivered on {expected_on}.",
    "returned": "Your order {reference} was returned to us on {expected_on}.",
}
_LATE: Final = (
    "Your order {reference} is late because {reason}; it was last seen in {last_seen},"
    " and the new date is {expected_on}."
)
_REFUND: Final = "You paid {total} for your order {reference}."
_OTHER: Final = ("I can only speak about your orders.",)
_UNCHANGED: Final = ("Nothing has changed since you last asked.",)
_CHANGED: Final = ("There is news since you last asked.",)


class ScriptedChatModel(BaseChatModel):
    """Answers from the facts in the last message, the JSON object of `prompts.answer_prompt()`.

    Reports token usage as a hosted model would, and takes `delay_seconds` to answer.
    """

    model_name: str = "order-model"
    provider: str = "scripted"
    delay_seconds: float = 0.0

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
        time.sleep(self.delay_seconds)
        text = _answer(json.loads(messages[-1].text))
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


def _answer(facts: dict[str, Any]) -> str:
    order, intent = facts["order"], facts["intent"]
    text = _STATUS[order["status"]]
    if intent == "delay" and order["status"] == "delayed":
        text = _LATE
    if intent == "refund":
        text = _REFUND
    total = f"{order['total_cents'] / 100:.2f} {order['currency']}"
    said = text.format(total=total, **order)
    opening = _OTHER if intent == "other" else _since_last_time(said, facts)
    return " ".join([*opening, said, *facts["policies"][:1]])


def _since_last_time(said: str, facts: dict[str, Any]) -> Sequence[str]:
    answers = [each["answer"] for each in facts["earlier"] if each["intent"] == facts["intent"]]
    if not answers:
        return ()
    return _UNCHANGED if any(said in each for each in answers) else _CHANGED


def _tokens(text: str) -> int:
    return -(-len(text) // _CHARACTERS_PER_TOKEN)
