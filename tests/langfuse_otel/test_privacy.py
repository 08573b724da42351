"""What is refused as trace context and masked in content, over a corpus of both kinds."""

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import agent_observability  # noqa: F401 - adds the rule of order references
from langfuse_otel import privacy
from langfuse_otel.privacy import looks_like, looks_like_with_uuids, mask

CORPUS = Path(__file__).parent / "privacy"
REFUSED = [
    tuple(line.replace("\\n", "\n").split("\t"))
    for line in (CORPUS / "refused.tsv").read_text().splitlines()
]
ALLOWED = (CORPUS / "allowed.txt").read_text().splitlines()
NAMES = {
    "e-mail": "an e-mail address",
    "order": "an order reference",
    "token": "a token or an API key",
    "phone": "a phone number",
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


@pytest.mark.parametrize(("kind", "text"), [each for each in REFUSED if each[0] != "free text"])
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
        assert not any(rule.pattern.search(text) for rule in (*privacy._added, *privacy._RULES))


@pytest.mark.parametrize("unit", ["a", "a.", "1-", "+1 ", "@a", "eyJ", "0", "(5", "order ", "é"])
def test_long_text_costs_no_more_than_its_length(unit: str) -> None:
    """No pattern backtracks: 40,000 characters of its favourite food stay within seconds."""
    began = time.process_time()
    mask(unit * (40_000 // len(unit)))
    looks_like(unit * (40_000 // len(unit)))
    assert time.process_time() - began < 5
