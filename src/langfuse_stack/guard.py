"""Write the Collector's part of the privacy rules into its configuration.

The application, its checks and the Collector share one list.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import agent_observability  # noqa: F401 - adds the shop's own rule
from langfuse_otel.privacy import rules
from langfuse_otel.privacy_rules.account_numbers import CARD, IBAN, SSN
from langfuse_otel.privacy_rules.phones import PHONE

from .build import ROOT
from .re2 import is_digits, of_digits, of_words

__all__ = ["CONFIG", "guarded", "write_guard"]

CONFIG: Final = ROOT / "otel-collector-config.yaml"

_BEGIN: Final = "      # Generated from the privacy rules by `make guard`, from here\n"
_END: Final = "  # to here.\n"
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
    patterns = [(rule, each) for rule in rules() for each in rule.patterns]
    words = [(rule, each) for rule, each in patterns if not is_digits(each)]
    for pattern in of_words(each for _, each in words):
        yield "      - " + _yaml(f"(?i){pattern}")
    yield ""
    yield "  transform/guard_keys_and_digits:"
    yield "    error_mode: propagate"
    yield "    trace_statements:"
    keys = "|".join(of_words(each for rule, each in words if rule not in _NUMBERS))
    # Groups of digits too, where a telephone number before them may go on into them.
    digits = of_digits(each for rule, each in patterns if is_digits(each) or rule in (CARD, SSN))
    masked = f'"value", {json.dumps(f"(?i){digits}")}, "${{1}}${{2}}****"'
    for attributes in _ATTRIBUTES:
        yield "      - statements:"
        yield "          - " + _yaml(
            f"delete_matching_keys({attributes}, {json.dumps(f'(?i){keys}')})"
        )
        yield "          - " + _yaml(f"replace_all_patterns({attributes}, {masked})")


def _yaml(text: str) -> str:
    return "'" + text.replace("'", "''").replace("$", "$$") + "'"
