"""What a turn may be asked with, and how a question is understood."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_observability.agent.intents import intent_of
from agent_observability.agent.validation import InvalidInputError, checked_actor, checked_input

STATE = {
    "query": "Where is my order?",
    "conversation_id": "conv",
    "order_reference": "ORDER-924",
    "region": "eu",
}


@pytest.mark.parametrize(
    ("key", "value", "sentence"),
    [
        ("query", "", "The query is empty"),
        ("query", " \t\n ", "The query is empty"),
        ("query", "\x00\x1b\u200b", "The query is empty"),
        ("query", "secret " * 1000, "The query is longer than 4,000 characters"),
        ("query", None, "The query must be a text; it is of type NoneType"),
        ("query", b"secret", "The query must be a text; it is of type bytes"),
        ("query", ["secret"], "The query must be a text; it is of type list"),
        ("order_reference", 924, "The order_reference must be a text; it is of type int"),
        ("order_reference", "secret" * 50, "The order_reference is longer than 100 characters"),
        ("region", "secret", "The region must be one of eu, us, global"),
        ("region", "EU", "The region must be one of eu, us, global"),
        ("conversation_id", "secret secret", "The conversation_id must be 1 to 200 characters"),
        ("conversation_id", "secret\n", "The conversation_id must be 1 to 200 characters"),
        ("conversation_id", "", "The conversation_id must be 1 to 200 characters"),
    ],
)
def test_what_cannot_be_asked(key: str, value: Any, sentence: str) -> None:
    """One sentence names the key and what is allowed; it never repeats the value."""
    with pytest.raises(InvalidInputError) as caught:
        checked_input({**STATE, key: value})
    assert str(caught.value).startswith(sentence)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("key", STATE)
def test_a_missing_key_is_named(key: str) -> None:
    """LangGraph would lose it silently."""
    with pytest.raises(InvalidInputError, match=key):
        checked_input({name: value for name, value in STATE.items() if name != key})


def test_control_characters_become_spaces() -> None:
    """A terminal escape or half a surrogate cannot reach a log, a database or a span."""
    assert checked_input({**STATE, "query": "Where\x1b[2J is\ud800 it?\x00"})["query"] == (
        "Where [2J is  it?"
    )


@pytest.mark.parametrize("actor", ["", "jo@example.com", None, "a" * 201])
def test_an_actor_is_a_pseudonym(actor: Any) -> None:
    """An e-mail address, nothing and too much are refused, unrepeated."""
    with pytest.raises(InvalidInputError, match=r"^The actor must be 1 to 200 characters"):
        checked_actor(actor)


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    """No text whatever raises anything but the one error, and what passes can be stored."""
    try:
        query = checked_input({**STATE, "query": text})["query"]
    except InvalidInputError:
        return
    query.encode()
    intent_of(query)


@pytest.mark.parametrize(
    ("question", "intent"),
    [
        ("Where is my order?", "status"),
        ("Has my parcel shipped yet", "status"),
        ("Why is it delayed?", "delay"),
        ("my order is LATE", "delay"),
        ("I want a refund", "refund"),
        ("money back, please", "refund"),
        ("I want a human", "human"),
        ("Can I talk to someone?", "human"),
        ("Refund me or get me your manager", "human"),
        ("Do you sell gift cards?", "other"),
        ("\u6211\u7684\u8ba2\u5355", "other"),
    ],
)
def test_what_a_question_is_about(question: str, intent: str) -> None:
    """A wish for a person comes before everything else."""
    assert intent_of(question) == intent
