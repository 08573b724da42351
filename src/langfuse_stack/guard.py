"""Write the Collector's part of the privacy rules into its configuration.

The application, its checks and the Collector share one list. RE2, the Collector's language of
regular expressions, has no look-around and no check digits: docs/collector.md lists what that
costs, and a test holds the list.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import agent_observability  # noqa: F401 - adds the shop's own rule
from langfuse_otel.privacy import rules
from langfuse_otel.privacy_rules import rule as part
from langfuse_otel.privacy_rules.account_numbers import CARD, IBAN, SSN
from langfuse_otel.privacy_rules.phones import PHONE

from .build import ROOT

__all__ = ["CONFIG", "guarded", "write_guard"]

CONFIG: Final = ROOT / "otel-collector-config.yaml"

_BEGIN: Final = "      # Generated from the privacy rules by `make guard`, from here\n"
_END: Final = "  # to here.\n"
# Values are often JSON text. There the `n` of `\n` belongs to the escape: half an escape would be
# left behind, and text that does not parse.
_ESCAPE: Final = r"\\+(?:[bfnrt]|u[0-9a-fA-F]{4})"
_ESCAPED_CHARACTER: Final = r"\\+u[0-9a-fA-F]{4}"
_WORD: Final = rf"(?:{_ESCAPE}|\b|_)"
_BOUNDARIES: Final = {
    part.DIALLED: _WORD,
    part.NUMBER: _WORD,
    part.SPACED: _WORD,
    part.SIGN: rf"(?:{_ESCAPE}|\B|_)",
    part.WORD: _WORD,
    part.SPACED_END: r"\b",
    part.NUMBER_END: r"\b",
    part.SIGN_END: r"\b",
    part.WORD_END: r"\b",
    part.NO_DATE: "",
    # A quotation mark that is masked would end JSON.
    part.QUOTE: "",
}
# What stands before digits can be kept only by a replacement that knows groups.
_BEFORE_DIGITS: Final = {
    part.DIGITS: r"(^|[^0-9A-Za-z.]|\\[bfnrt])",
    part.ALONE: r"(^|[^0-9A-Za-z_.,+-]|\\[bfnrt])",
}
_CLASS: Final = re.compile(r"\[(?:\\.|[^\]\\])+\]|\\u[0-9a-f]{4}")
# Limits of tens are there against backtracking, which RE2 does not do.
_LIMIT: Final = re.compile(r"\{(\d+),(?:[3-9]\d|\d{3,})\}")
_CHARACTERS: Final = re.compile(r"\\u([0-9a-f]{4})(?:-\\u[0-9a-f]{3}([0-9a-f]))?")
_NUMBERS: Final = (CARD, IBAN, PHONE, SSN)  # Keys have indexes and dates in them.
_ATTRIBUTES: Final = (
    "resource.attributes",
    "scope.attributes",
    "span.attributes",
    "spanevent.attributes",
)


def write_guard(path: Path = CONFIG) -> None:
    """Bring the configuration up to date with the rules."""
    path.write_text(guarded(path.read_text()))


def guarded(config: str) -> str:
    """Return the configuration with the rules of today."""
    before, rest = config.split(_BEGIN)
    return before + _BEGIN + "".join(f"{line}\n" for line in _lines()) + _END + rest.split(_END)[1]


def _lines() -> Iterator[str]:
    words = [(rule, each) for rule in rules() for each in rule.patterns if not _is_digits(each)]
    digits = [each for rule in rules() for each in rule.patterns if _is_digits(each)]
    for rule, pattern in words:
        text = _yaml(f"(?i){_re2(pattern)}")
        yield f"      - {text} # {rule.name}"
    yield ""
    yield "  transform/guard_keys_and_digits:"
    yield "    error_mode: propagate"
    yield "    trace_statements:"
    keys = "|".join(_re2(pattern) for rule, pattern in words if rule not in _NUMBERS)
    keys = json.dumps(f"(?i){keys}")
    for attributes in _ATTRIBUTES:
        yield "      - statements:"
        yield "          - " + _yaml(f"delete_matching_keys({attributes}, {keys})")
        for pattern in digits:
            masked = f'"value", {json.dumps(_re2(pattern))}, "${{1}}****"'
            yield "          - " + _yaml(f"replace_all_patterns({attributes}, {masked})")


def _is_digits(pattern: str) -> bool:
    return pattern.startswith(tuple(_BEFORE_DIGITS))


def _re2(pattern: str) -> str:
    for start, translation in _BEFORE_DIGITS.items():
        if pattern.startswith(start):
            return translation + _re2_within(pattern.removeprefix(start))
    is_word = pattern.startswith(part.WORD)
    return _re2_within(pattern) if is_word else rf"(?:{_ESCAPE})?{_re2_within(pattern)}"


def _re2_within(pattern: str) -> str:
    for boundary in sorted(_BOUNDARIES, key=len, reverse=True):
        pattern = pattern.replace(boundary, f"\0{list(_BOUNDARIES).index(boundary)}\0")
    pattern = _CLASS.sub(_re2_class, _LIMIT.sub(r"{\1,}", pattern))
    return re.sub(r"\0(\d+)\0", lambda match: list(_BOUNDARIES.values())[int(match[1])], pattern)


def _re2_class(match: re.Match[str]) -> str:
    """Translate a class of characters; one beyond ASCII may be an escape in JSON text."""
    found = match[0]
    if found == r"[^\W\d_]":
        return rf"(?:\p{{L}}|{_ESCAPED_CHARACTER})"
    characters = _CHARACTERS.sub(_re2_characters, found).replace(r"\w", r"\p{L}\p{N}_")
    if r"\w" in found:
        return f"(?:{characters}|{_ESCAPED_CHARACTER})"
    escapes = [
        f"{first[:3]}[{first[3]}-{last}]" if last else first
        for first, last in _CHARACTERS.findall(found)
    ]
    return rf"(?:{characters}|\\+u(?:{'|'.join(escapes)}))" if escapes else found


def _re2_characters(match: re.Match[str]) -> str:
    return re.sub(r"\\u(....)", r"\\x{\1}", match[0])


def _yaml(text: str) -> str:
    return "'" + text.replace("'", "''").replace("$", "$$") + "'"
