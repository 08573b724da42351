"""Which values may travel on every span, and what happens to the rest.

Langfuse checks none of this: an id of 500 characters or a customer's e-mail address is stored
and indexed as it came.
"""

import logging
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Final, Literal, cast

from opentelemetry import metrics

from . import privacy

__all__ = ["ContextFields", "ContextPolicy", "InvalidTraceContextError"]

_ID: Final = re.compile(r"[A-Za-z0-9._:-]{1,200}")
# A lone surrogate cannot be encoded, and would take its whole batch of spans with it.
_TEXT: Final = re.compile(r"(?=\S)[^\x00-\x1f\x7f-\x9f\ud800-\udfff]{1,200}")
_MAX_TAGS: Final = 20
_log = logging.getLogger(__name__)
_dropped = metrics.get_meter(__name__).create_counter(
    "langfuse.context.dropped_fields", description="Fields that were unfit to travel, by field."
)


class InvalidTraceContextError(ValueError):
    """The values are not fit to travel on every span; the message names fields, never values."""


@dataclass(frozen=True, slots=True)
class ContextFields:
    """The fields that may travel; None, or an empty collection, for one that was dropped."""

    session_id: str | None
    user_id: str | None
    trace_name: str | None
    version: str | None
    tags: tuple[str, ...]
    metadata: Mapping[str, str]


@dataclass(frozen=True, slots=True, eq=False)
class ContextPolicy:
    """What may travel, and what to do with the rest.

    Attributes:
        metadata: Allowed metadata keys, and the values each may have.
        session_id_pattern: What the whole session id must match.
        user_id_pattern: What the whole user id must match: `auth0|…` needs one of its own.
        looks_like: Says what a text looks like ("an e-mail address") if it must not travel.
        on_invalid: "raise" one InvalidTraceContextError for all fields, or "drop" each unfit
            field, log it once per process and count it in `langfuse.context.dropped_fields`.
            "auto" raises where somebody is looking, in a context whose metadata says
            `environment: development`, and drops everywhere else.
    """

    metadata: Mapping[str, frozenset[str]] = field(default_factory=dict)
    session_id_pattern: re.Pattern[str] = _ID
    user_id_pattern: re.Pattern[str] = _ID
    looks_like: Callable[[str], str | None] = privacy.looks_like
    on_invalid: Literal["auto", "raise", "drop"] = "auto"

    def check(
        self,
        *,
        session_id: object,
        user_id: object,
        trace_name: object,
        version: object,
        tags: object,
        metadata: object,
    ) -> ContextFields:
        """Return the fields that may travel.

        Raises:
            InvalidTraceContextError: Names every field that is unfit, unless they are dropped.
        """
        allowed, problems = self._checked_metadata(metadata)
        fields = {
            "session_id": (session_id, self._problem_with_id(session_id, self.session_id_pattern)),
            "user_id": (user_id, self._problem_with_id(user_id, self.user_id_pattern)),
            "trace_name": (trace_name, self._problem_with_text(trace_name)),
            "version": (version, self._problem_with_text(version)),
            "tags": (tags, self._problem_with_tags(tags)),
        }
        problems = {name: why for name, (_, why) in fields.items() if why} | problems
        if problems:
            self._refuse(problems, allowed)
        fit = {name: value for name, (value, why) in fields.items() if not why}
        return ContextFields(
            session_id=cast("str | None", fit.get("session_id")),
            user_id=cast("str | None", fit.get("user_id")),
            trace_name=cast("str | None", fit.get("trace_name")),
            version=cast("str | None", fit.get("version")),
            tags=tuple(cast("Sequence[str]", fit.get("tags", ()))),
            metadata=allowed,
        )

    def _refuse(self, problems: Mapping[str, str], metadata: Mapping[str, str]) -> None:
        sentences = {name: f"{name} {problem}" for name, problem in problems.items()}
        raises = self.on_invalid == "raise" or (
            self.on_invalid == "auto" and metadata.get("environment") == "development"
        )
        if raises:
            raise InvalidTraceContextError("; ".join(sentences.values()) + ".")
        for name, sentence in sentences.items():
            _dropped.add(1, {"field": name})
            _warn_once(sentence)

    def _problem_with_id(self, value: object, pattern: re.Pattern[str]) -> str | None:
        if isinstance(value, str) and (likeness := self._likeness(value)):
            return likeness
        if isinstance(value, str) and pattern.fullmatch(value):
            return None
        if pattern is _ID:
            return "must be 1 to 200 characters of A-Z a-z 0-9 . _ : -"
        return f"must match the policy's pattern {pattern.pattern}"

    def _problem_with_text(self, value: object) -> str | None:
        if isinstance(value, str) and _TEXT.fullmatch(value):
            return self._likeness(value)
        return "must be 1 to 200 printable characters"

    def _problem_with_tags(self, tags: object) -> str | None:
        if not isinstance(tags, list | tuple) or len(tags) > _MAX_TAGS:
            return f"must be a list of at most {_MAX_TAGS} texts"
        problems = filter(None, map(self._problem_with_text, tags))
        return next((f"have one that {problem}" for problem in problems), None)

    def _checked_metadata(self, metadata: object) -> tuple[dict[str, str], dict[str, str]]:
        if not isinstance(metadata, Mapping):
            return {}, {"metadata": "must be a mapping"}
        fit: dict[str, str] = {}
        problems: dict[str, str] = {}
        for key, value in metadata.items():
            allowed = self.metadata.get(key)
            if allowed is None:  # Not repeated: a key may be personal, too.
                problems["metadata"] = f"may only have the keys {', '.join(self.metadata)}"
            elif isinstance(value, str) and value in allowed:
                fit[key] = value
            else:
                problems[f"metadata {key}"] = f"must be one of {', '.join(sorted(allowed))}"
        return fit, problems

    def _likeness(self, value: str) -> str | None:
        likeness = self.looks_like(value)
        return f"looks like {likeness}, which must not travel on spans" if likeness else None


@cache
def _warn_once(sentence: str) -> None:
    # The sentences are a bounded set: they name fields and rules, never values.
    _log.warning("Trace context without a field: %s.", sentence)
