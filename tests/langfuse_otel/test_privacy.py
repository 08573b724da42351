"""What is refused as trace context and masked in content, over a corpus of both kinds."""

import time
from datetime import datetime
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import agent_observability  # noqa: F401 - adds the rule of order references
from langfuse_otel import privacy
from langfuse_otel.privacy import looks_like, looks_like_with_uuids, mask
from support.privacy_corpus import ALLOWED, MASKED, REFUSED

NAMES = {
    "e-mail": "an e-mail address",
    "order": "an order reference",
    "token": "a token or an API key",
    "phone": "a phone number",
    "card": "a card number",
    "iban": "an IBAN",
    "ssn": "a US social security number",
    "free text": "free text",
}


def test_the_corpus_is_large() -> None:
    """At least 200 distinct texts that must not travel, and 200 that look like them and may."""
    assert len(set(REFUSED)) >= 200
    assert len(set(ALLOWED)) >= 200


@pytest.mark.parametrize(("kind", "text"), REFUSED)
def test_refuses(kind: str, text: str) -> None:
    """Each personal or secret text is recognised as what it is."""
    assert looks_like(text) == NAMES[kind]


@pytest.mark.parametrize("text", ALLOWED)
def test_allows(text: str) -> None:
    """Each look-alike passes, the chapter's own values first, and is not masked either."""
    assert looks_like(text) is None
    assert mask(text) == text


@pytest.mark.parametrize(("kind", "text"), MASKED)
def test_masks_what_it_refuses(kind: str, text: str) -> None:
    """Recorded content is masked by the same rules: what is left is no longer refused for it."""
    masked = mask(f"see {text} there")
    assert f"[{kind}]" in masked
    assert looks_like(masked.replace(f"[{kind}]", "x")) in {None, "free text"}


def test_uuids_are_refused_if_so_configured() -> None:
    """A product whose raw account ids are UUIDs can refuse them; the other rules stay."""
    for text in (
        "550e8400-e29b-41d4-a716-446655440000",
        "usr_550E8400-E29B-41D4-A716-446655440000",
    ):
        assert looks_like(text) is None
        assert looks_like_with_uuids(text) == "a UUID"
    assert looks_like_with_uuids("ORDER-924") == "an order reference"
    assert looks_like_with_uuids("usr_pseudo_7f31c2") is None


@given(st.lists(st.sampled_from([*ALLOWED, *(text for _, text in REFUSED), "-", "_", "."])))
def test_the_quick_check_never_overrules_a_rule(parts: list[str]) -> None:
    """What the cheap first pass lets through, no rule would have refused."""
    text = "".join(parts)
    if looks_like(text) is None:
        assert not any(rule.occurs_in(text) for rule in privacy.rules())


def _uuid(digits: str) -> str:
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-8{digits[17:20]}-{digits[20:]}"


@settings(max_examples=500)
@given(st.lists(st.text("0123456789abcdef", min_size=32, max_size=32).map(_uuid), max_size=20))
def test_uuids_are_no_numbers(uuids: list[str]) -> None:
    """No telephone, card or account number is seen in a UUID, alone or among others."""
    text = "\n".join(uuids)
    assert mask(text) == text
    assert not any(map(looks_like, uuids))


def test_random_uuids_pass() -> None:
    """Ids that a service makes are never taken for a person's: half of these are digits mostly."""
    random = Random(13)
    for digits in ("0123456789abcdef", "0123456789" * 3 + "abcdef"):
        for _ in range(50_000):
            text = _uuid("".join(random.choices(digits, k=32)))
            assert looks_like(text) is None, text


def test_no_rule_sees_a_number_in_uuids_of_digits() -> None:
    """The quick check lets UUIDs pass; the rules themselves would, too."""
    random = Random(13)
    for _ in range(5_000):
        text = f"id {_uuid(''.join(random.choices('0123456789' * 3 + 'abcdef', k=32)))} it is"
        assert mask(text) == text


@given(st.integers(0, 10**15 - 1))
def test_a_check_digit_makes_the_card(number: int) -> None:
    """Of the ten numbers that differ in their last digit, one is a card's."""
    numbers = [f"4{number:014d}"[:15] + str(last) for last in range(10)]
    assert [looks_like(each) for each in numbers].count("a card number") == 1


@given(st.integers(0, 10**18 - 1))
def test_check_digits_make_the_iban(number: int) -> None:
    """Of the numbers that differ in their check digits, only the right ones are an account's."""
    right = 98 - int(f"{number:018d}131400") % 97
    found = [n for n in range(2, 99) if looks_like(f"DE{n:02d}{number:018d}") == "an IBAN"]
    assert found == [right]


@given(st.floats(allow_nan=False, allow_infinity=False), st.datetimes())
def test_measurements_and_times_are_no_numbers_of_persons(value: float, time: datetime) -> None:
    """Floats as JSON has them and times as logs have them are left alone."""
    for text in (repr(value), time.isoformat(), str(time), f"{time:%Y%m%dT%H%M%S}"):
        assert mask(text) == text


@pytest.mark.parametrize(
    "unit",
    [
        "a", "a.", "1-", "+1 ", "@a", "eyJ", "eyJ-", "0", "(5", "order ", "é", "4", "4111 ", "00 4",
        "de89 3", "GB82 W", "bearer a", "password: ", "://", "://a:", "SG.-", "-----BEGIN ", "tel 1",
        "-----BEGIN PRIVATE KEY-----", "2 34 ", "030 ", "06 12 ", "123-45-", "%40", "a@a.",
    ],
)  # fmt: skip
def test_long_text_costs_no_more_than_its_length(unit: str) -> None:
    """No pattern backtracks: 40,000 characters of its favourite food stay within seconds."""
    began = time.process_time()
    mask(unit * (40_000 // len(unit)))
    looks_like(unit * (40_000 // len(unit)))
    assert time.process_time() - began < 5
