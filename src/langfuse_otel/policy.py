"""Which values may travel on every span, and what happens to the rest.

Langfuse checks none of this: an id of 500 characters or a customer's e-mail address is stored
and indexed as it came.
"""

import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final, Literal, NamedTuple

from opentelemetry import metrics

from . import privacy

__all__ = ["ContextFields", "ContextPolicy", "InvalidTraceContextError"]

_ID: Final = re.compile(r"[A-Za-z0-9._:-]{1,200}")
# A lone surrogate cannot be encoded, and would take its whole batch of spans with it.
_TEXT: Final = re.compile(r"(?=\S)[^\x00-\x1f\x7f-\x9f\ud800-\udfff]{1,200}")
_MAX_TAGS: Final = 20
_SEQUENCES: Final = (list, tuple)
_MAX_REMEMBERED: Final = 512
_NO_LABEL: Final = "must be 1 to 200 printable characters"
_REFUSED: Final = "looks like {}, which must not travel on spans"
_log = logging.getLogger(__name__)
_dropped = metrics.get_meter(__name__).create_counter(
    "langfuse.context.dropped_fields", description="Fields that were unfit to travel, by field."
)


class InvalidTraceContextError(ValueError):
    """The values are not fit to travel on every span; the message names fields, never values."""


class ContextFields(NamedTuple):
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
        looks_like: Says what a text looks like ("an e-mail address") if it must not travel. What it
            says of a trace name, a version or a tag is remembered.
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
    # Labels are few and come back in every turn; ids do not, and are looked at each time.
    _fit_labels: set[str] = field(default_factory=set, init=False, repr=False)

    def check(
        self,
        *,
        session_id: Any,
        user_id: Any,
        trace_name: Any,
        version: Any,
        tags: Any,
        metadata: Any,
    ) -> ContextFields:
        """Return the fields that may travel; a value may be of any type.

        Raises:
            InvalidTraceContextError: Names every field that is unfit, unless they are dropped.
        """
        allowed, unfit_metadata = self._checked_metadata(metadata)
        bad_session = self._problem_with_id(session_id, self.session_id_pattern)
        bad_user = self._problem_with_id(user_id, self.user_id_pattern)
        bad_name = bad_version = bad_tags = None
        if not self._are_known(trace_name, version, tags):
            bad_name = self._problem_with_label(trace_name)
            bad_version = self._problem_with_label(version)
            bad_tags = self._problem_with_tags(tags)
        if bad_session or bad_user or bad_name or bad_version or bad_tags or unfit_metadata:
            problems = {
                "session_id": bad_session,
                "user_id": bad_user,
                "trace_name": bad_name,
                "version": bad_version,
                "tags": bad_tags,
                **unfit_metadata,
            }
            self._refuse(problems, allowed)
        return ContextFields(
            None if bad_session else session_id,
            None if bad_user else user_id,
            None if bad_name else trace_name,
            None if bad_version else version,
            () if bad_tags else tuple(tags),
            allowed,
        )

    def _refuse(self, problems: Mapping[str, str | None], metadata: Mapping[str, str]) -> None:
        sentences = {name: f"{name} {why}" for name, why in problems.items() if why}
        raises = self.on_invalid == "raise" or (
            self.on_invalid == "auto" and metadata.get("environment") == "development"
        )
        if raises:
            raise InvalidTraceContextError("; ".join(sentences.values()) + ".")
        for name, sentence in sentences.items():
            _dropped.add(1, {"field": name})
            _warn_once(sentence)

    def _are_known(self, trace_name: Any, version: Any, tags: Any) -> bool:
        if not isinstance(tags, _SEQUENCES) or len(tags) > _MAX_TAGS:
            return False
        try:
            return self._fit_labels.issuperset((trace_name, version, *tags))
        except TypeError:  # What cannot be hashed is no text.
            return False

    def _problem_with_id(self, value: object, pattern: re.Pattern[str]) -> str | None:
        if isinstance(value, str):
            if likeness := self.looks_like(value):
                return _REFUSED.format(likeness)
            if pattern.fullmatch(value):
                return None
        if pattern is _ID:
            return "must be 1 to 200 characters of A-Z a-z 0-9 . _ : -"
        return f"must match the policy's pattern {pattern.pattern}"

    def _problem_with_label(self, value: object) -> str | None:
        if not isinstance(value, str) or not _TEXT.fullmatch(value):
            return _NO_LABEL
        if likeness := self.looks_like(value):
            return _REFUSED.format(likeness)
        if len(self._fit_labels) < _MAX_REMEMBERED:
            self._fit_labels.add(value)
        return None

    def _problem_with_tags(self, tags: object) -> str | None:
        if not isinstance(tags, _SEQUENCES) or len(tags) > _MAX_TAGS:
            return f"must be a list of at most {_MAX_TAGS} texts"
        for tag in tags:
            if problem := self._problem_with_label(tag):
                return f"have one that {problem}"
        return None

    def _checked_metadata(self, metadata: object) -> tuple[dict[str, str], dict[str, str]]:
        if not isinstance(metadata, dict | Mapping):
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


@cache
def _warn_once(sentence: str) -> None:
    # The sentences are a bounded set: they name fields and rules, never values.
    _log.warning("Trace context without a field: %s.", sentence)
