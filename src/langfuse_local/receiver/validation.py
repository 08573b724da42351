"""Checks a request that can be parsed, and refuses it where Langfuse 4.16 does."""

from __future__ import annotations

from typing import Any, Final

from .otlp import BadRequest

__all__ = ["RequestValidator"]

_NOT_A_LIST: Final = "not_an_array"


class RequestValidator:
    """Inspects the parts of a request, and counts what is wrong with them.

    The JSON methods return what Langfuse reads of a part: snake_case names, which it does not
    know, and links are left out, and ids are text.
    """

    def __init__(self) -> None:
        self._spans = 0
        self._invalid_spans = 0
        self._invalid_collections = 0
        self._reasons: dict[str, None] = {}

    def check(self) -> None:
        """Raise BadRequest if anything is wrong; the text quotes nothing of the request."""
        if not self._reasons:
            return
        problems = []
        if self._invalid_spans:
            problems.append(f"{self._invalid_spans} of {self._spans} span(s) cannot be processed")
        if self._invalid_collections:
            problems.append(
                f"{self._invalid_collections} resource- or scope-level field(s) are present but"
                " not arrays"
            )
        raise BadRequest(
            f"Invalid OTLP trace export: {'; '.join(problems)} ({', '.join(self._reasons)})."
            " Nothing of the request was stored. Send a traceId and a spanId with every span, each"
            " a text or a list of bytes, and resourceSpans, scopeSpans, spans, attributes and"
            " events as lists. Only traces can be sent here, no logs."
        )

    def count_span(self, reasons: list[str]) -> None:
        """Count one more span, and the reasons why it cannot be stored."""
        self._spans += 1
        if reasons:
            self._invalid_spans += 1
            self._reasons |= dict.fromkeys(reasons)

    def resources(self, value: Any) -> list[dict[str, Any]]:
        """The JSON of `resourceSpans`."""
        return [self._resource(_members(item)) for item in self._list(value, "resourceSpans")]

    def _resource(self, members: dict[str, Any]) -> dict[str, Any]:
        self._list(_members(members.get("resource")).get("attributes"), "resource.attributes")
        scopes = self._list(members.get("scopeSpans"), "scopeSpans")
        return members | {"scopeSpans": [self._scope(_members(scope)) for scope in scopes]}

    def _scope(self, members: dict[str, Any]) -> dict[str, Any]:
        self._list(_members(members.get("scope")).get("attributes"), "scope.attributes")
        spans = self._list(members.get("spans"), "spans")
        return members | {"spans": [self._span(_members(span)) for span in spans]}

    def _span(self, members: dict[str, Any]) -> dict[str, Any]:
        members.pop("links", None)
        ids = {name: _id_text(members.get(name)) for name in ("traceId", "spanId")}
        if parent := members.pop("parentSpanId", None):
            ids["parentSpanId"] = _id_text(parent)
        reasons = [
            f"{name}:{'not_an_id' if text is None else 'absent'}"
            for name, text in ids.items()
            if not text
        ]
        self.count_span([*reasons, *_list_problems(members)])
        return members | ids

    def _list(self, value: Any, name: str) -> list[Any]:
        if not _is_not_a_list(value):
            return value or []
        self._invalid_collections += 1
        self._reasons[f"{name}:{_NOT_A_LIST}"] = None
        return []


def _id_text(value: Any) -> str | None:
    """The text of an id, empty if it is absent, None if it cannot be one.

    Some senders write bytes as a list, or as Node.js writes a Buffer. An empty id counts as absent,
    as it does in protobuf, which cannot tell the two apart.
    """
    is_buffer = isinstance(value, dict) and value.get("type") == "Buffer"
    numbers = value.get("data") if is_buffer else value
    if isinstance(numbers, list):
        try:
            return bytes(numbers).hex()
        except (TypeError, ValueError):
            return None
    if value is None:
        return ""
    return value if isinstance(value, str) else None


def _list_problems(span: dict[str, Any]) -> list[str]:
    names = [name for name in ("attributes", "events") if _is_not_a_list(span.get(name))]
    events = span.get("events")
    if isinstance(events, list) and any(
        _is_not_a_list(_members(event).get("attributes")) for event in events
    ):
        names.append("event.attributes")
    return [f"{name}:{_NOT_A_LIST}" for name in names]


def _is_not_a_list(value: Any) -> bool:
    return value is not None and not isinstance(value, list)


def _members(value: Any) -> dict[str, Any]:
    """The members that Langfuse knows of an object; none if the value is something else."""
    if not isinstance(value, dict):
        return {}
    return {name: member for name, member in value.items() if "_" not in name}
