"""What a turn may be asked with: checked once, before anything runs or is recorded."""

import re
import unicodedata
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from .state import AgentInput

__all__ = ["REGIONS", "InvalidInputError", "checked_actor", "checked_input"]

REGIONS: Final = ("eu", "us", "global")
_MAX_QUERY: Final = 4000
_MAX_REFERENCE: Final = 100
_ID: Final = re.compile(r"[A-Za-z0-9._:-]{1,200}")


class InvalidInputError(ValueError):
    """A turn cannot start; the message is one sentence and never repeats the value."""


def checked_input(state: Mapping[str, object]) -> "AgentInput":
    """Return the state with a readable query, or say what is wrong with it.

    Control characters in the query and the reference become spaces. The conversation id is
    compared letter by letter, so another spelling of it is another conversation.

    Raises:
        InvalidInputError: Names the key and what is allowed.
    """
    query = _readable(state, "query")
    if not any(unicodedata.category(each)[0] in "LNPS" for each in query):
        raise InvalidInputError("The query is empty; ask something, such as: Where is my order?")
    if len(query) > _MAX_QUERY:
        raise InvalidInputError(f"The query is longer than {_MAX_QUERY:,} characters; shorten it.")
    reference = _readable(state, "order_reference")
    if len(reference) > _MAX_REFERENCE:
        raise InvalidInputError(
            f"The order_reference is longer than {_MAX_REFERENCE} characters; write ORDER-924."
        )
    region = _readable(state, "region")
    if region not in REGIONS:
        raise InvalidInputError(f"The region must be one of {', '.join(REGIONS)}.")
    return {
        "query": query,
        "conversation_id": _id(state.get("conversation_id"), "conversation_id"),
        "order_reference": reference,
        "region": region,
    }


def checked_actor(actor: object) -> str:
    """Return the actor if it can be a pseudonym.

    Raises:
        InvalidInputError: It cannot.
    """
    return _id(actor, "actor")


def _readable(state: Mapping[str, object], key: str) -> str:
    value = state.get(key)
    if not isinstance(value, str):
        raise InvalidInputError(f"The {key} must be a text; it is of type {type(value).__name__}.")
    shown = (" " if unicodedata.category(each) in {"Cc", "Cs"} else each for each in value)
    return "".join(shown).strip()


def _id(value: object, name: str) -> str:
    if not (isinstance(value, str) and _ID.fullmatch(value)):
        raise InvalidInputError(f"The {name} must be 1 to 200 characters of A-Z a-z 0-9 . _ : -")
    return value
