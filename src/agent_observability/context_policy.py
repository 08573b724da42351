"""Which values may travel on every span, and what happens to the rest.

Langfuse checks none of this: an id of 500 characters or a customer's e-mail address is stored
and indexed as it came. This module belongs to `langfuse_context.py`; copy it together with that
and `privacy.py`.
"""

import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Final, Literal

from opentelemetry import metrics

from .privacy import looks_like

__all__ = ["ALLOWED_METADATA", "ContextPolicy", "InvalidTraceContextError"]

# Extend it here, and for a new key the guard of otel-collector-config.yaml. Small sets keep filters
# usable and cannot hold what a customer wrote.
ALLOWED_METADATA: Final[Mapping[str, frozenset[str]]] = {
    "environment": frozenset({"development", "staging", "production"}),
    "workflow": frozenset({"order-status", "refund", "handoff"}),
    "region": frozenset({"eu", "us", "global"}),
    "tenant_tier": frozenset({"free", "team", "enterprise"}),
}

_ID = re.compile(r"[A-Za-z0-9._:-]{1,200}")
# A lone surrogate cannot be encoded, and would take its whole batch of spans with it.
_TEXT = re.compile(r"(?=\S)[^\x00-\x1f\x7f-\x9f\ud800-\udfff]{1,200}")
_MAX_TAGS = 20
_log = logging.getLogger(__name__)
_dropped = metrics.get_meter(__name__).create_counter(
    "langfuse.context.dropped_fields", description="Fields that were unfit to travel, by field."
)


class InvalidTraceContextError(ValueError):
    """The values are not fit to travel on every span; the message names fields, never values."""


@dataclass(frozen=True, slots=True, eq=False)
class ContextPolicy:
    """What may travel, and what to do with the rest.

    Attributes:
        metadata: Allowed metadata keys, and the values each may have.
        looks_like: Says what a text looks like ("an e-mail address") if it must not travel.
        on_invalid: "raise" one InvalidTraceContextError for all fields, or "drop" each unfit
            field, log it once per process and count it in `langfuse.context.dropped_fields`.
    """

    metadata: Mapping[str, frozenset[str]] = field(default_factory=lambda: ALLOWED_METADATA)
    looks_like: Callable[[str], str | None] = looks_like
    on_invalid: Literal["raise", "drop"] = "raise"

    def problem_with_id(self, value: object) -> str | None:
        """Return what is wrong with a session or user id."""
        if isinstance(value, str) and _ID.fullmatch(value):
            return self._likeness(value)
        return "must be 1 to 200 characters of A-Z a-z 0-9 . _ : -"

    def problems_with_labels(
        self, trace_name: object, version: object, tags: object, metadata: object
    ) -> dict[str, str]:
        """Return what is wrong with everything but the ids, by field."""
        found = {
            "trace_name": self._problem_with_text(trace_name),
            "version": self._problem_with_text(version),
            "tags": self._problem_with_tags(tags),
            **self._problems_with_metadata(metadata),
        }
        return {name: problem for name, problem in found.items() if problem}

    def refuse(self, problems: Mapping[str, str | None]) -> None:
        """Raise, or log and count, as the policy says; `problems` is by field."""
        sentences = {name: f"{name} {problem}" for name, problem in problems.items() if problem}
        if self.on_invalid == "raise":
            raise InvalidTraceContextError("; ".join(sentences.values()) + ".")
        for name, sentence in sentences.items():
            _dropped.add(1, {"field": name})
            _warn_once(sentence)

    def _problem_with_text(self, value: object) -> str | None:
        if isinstance(value, str) and _TEXT.fullmatch(value):
            return self._likeness(value)
        return "must be 1 to 200 printable characters"

    def _problem_with_tags(self, tags: object) -> str | None:
        if not isinstance(tags, list | tuple) or len(tags) > _MAX_TAGS:
            return f"must be a list of at most {_MAX_TAGS} texts"
        problems = filter(None, map(self._problem_with_text, tags))
        return next((f"have one that {problem}" for problem in problems), None)

    def _problems_with_metadata(self, metadata: object) -> Mapping[str, str]:
        if not isinstance(metadata, Mapping):
            return {"metadata": "must be a mapping"}
        problems = {
            f"metadata {key}": f"must be one of {', '.join(sorted(allowed))}"
            for key, allowed in self.metadata.items()
            if key in metadata and not _is_among(metadata[key], allowed)
        }
        if metadata.keys() - self.metadata.keys():  # Not repeated: a key may be personal, too.
            problems["metadata"] = f"may only have the keys {', '.join(self.metadata)}"
        return problems

    def _likeness(self, value: str) -> str | None:
        found = self.looks_like(value)
        return f"looks like {found}, which must not travel on spans" if found else None


def _is_among(value: object, allowed: frozenset[str]) -> bool:
    return isinstance(value, str) and value in allowed


@cache
def _warn_once(sentence: str) -> None:
    # The sentences are a bounded set: they name fields and rules, never values.
    _log.warning("Trace context without a field: %s.", sentence)
