"""What makes Langfuse 4.16 refuse a request that can be parsed, counted over all of its spans."""

from __future__ import annotations

from typing import Any, Final

from langfuse_local.receiver.otlp import BadRequest

__all__ = ["Faults"]

_NO_LIST: Final = "not_an_array"


class Faults:
    """Inspects the parts of a request, and counts what is wrong with them.

    The JSON methods give back what of a part is read: snake_case names, which Langfuse does not
    know, and links are left out, and ids are text.
    """

    def __init__(self) -> None:
        self._spans = 0
        self._broken = 0
        self._collections = 0
        self._reasons: dict[str, None] = {}

    def check(self) -> None:
        """Raise BadRequest if there is a fault; nothing that was sent is quoted."""
        if not self._reasons:
            return
        problems = []
        if self._broken:
            problems.append(f"{self._broken} of {self._spans} span(s) cannot be processed")
        if self._collections:
            problems.append(
                f"{self._collections} resource- or scope-level field(s) are present but not arrays"
            )
        raise BadRequest(
            f"Invalid OTLP trace export: {'; '.join(problems)} ({', '.join(self._reasons)})."
            " Nothing of the request was stored. Send a traceId and a spanId with every span, each"
            " a text or a list of bytes, and resourceSpans, scopeSpans, spans, attributes and"
            " events as lists. Only traces can be sent here, no logs."
        )

    def count(self, reasons: list[str]) -> None:
        """Take one more span into account, and why it cannot be stored."""
        self._spans += 1
        if reasons:
            self._broken += 1
            self._reasons |= dict.fromkeys(reasons)

    def resources(self, sent: Any) -> list[dict[str, Any]]:
        """The JSON of `resourceSpans`."""
        return [self._resource(_known(one)) for one in self._list(sent, "resourceSpans")]

    def _resource(self, known: dict[str, Any]) -> dict[str, Any]:
        self._list(_known(known.get("resource")).get("attributes"), "resource.attributes")
        scopes = self._list(known.get("scopeSpans"), "scopeSpans")
        return known | {"scopeSpans": [self._scope(_known(one)) for one in scopes]}

    def _scope(self, known: dict[str, Any]) -> dict[str, Any]:
        self._list(_known(known.get("scope")).get("attributes"), "scope.attributes")
        spans = self._list(known.get("spans"), "spans")
        return known | {"spans": [self._span(_known(one)) for one in spans]}

    def _span(self, known: dict[str, Any]) -> dict[str, Any]:
        known.pop("links", None)
        ids = {name: _id(known.get(name)) for name in ("traceId", "spanId")}
        if parent := known.pop("parentSpanId", None):
            ids["parentSpanId"] = _id(parent)
        wrong = [
            f"{name}:{'not_an_id' if found is None else 'absent'}"
            for name, found in ids.items()
            if not found
        ]
        self.count([*wrong, *_no_lists(known)])
        return known | ids

    def _list(self, sent: Any, name: str) -> list[Any]:
        if not _is_no_list(sent):
            return sent or []
        self._collections += 1
        self._reasons[f"{name}:{_NO_LIST}"] = None
        return []


def _id(sent: Any) -> str | None:
    """The text of an id, empty if it is absent, None if it cannot be one.

    Some senders write bytes as a list, or as Node.js writes a Buffer. An empty id counts as absent,
    as it does in protobuf, which cannot tell the two apart.
    """
    is_buffer = isinstance(sent, dict) and sent.get("type") == "Buffer"
    listed = sent.get("data") if is_buffer else sent
    if isinstance(listed, list):
        try:
            return bytes(listed).hex()
        except (TypeError, ValueError):
            return None
    if sent is None:
        return ""
    return sent if isinstance(sent, str) else None


def _no_lists(span: dict[str, Any]) -> list[str]:
    wrong = [name for name in ("attributes", "events") if _is_no_list(span.get(name))]
    events = span.get("events")
    if isinstance(events, list) and any(_is_no_list(_known(e).get("attributes")) for e in events):
        wrong.append("event.attributes")
    return [f"{name}:{_NO_LIST}" for name in wrong]


def _is_no_list(sent: Any) -> bool:
    return sent is not None and not isinstance(sent, list)


def _known(sent: Any) -> dict[str, Any]:
    """The members that Langfuse knows of an object; none if it is something else."""
    if not isinstance(sent, dict):
        return {}
    return {name: value for name, value in sent.items() if "_" not in name}
