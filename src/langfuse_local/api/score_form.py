"""A score as it is sent, checked in Langfuse's order and refused in its words."""

from __future__ import annotations

import json
import time
import uuid
from typing import Any, Final

from langfuse_local.api import zod
from langfuse_local.api.issues import mistyped
from langfuse_local.responses import InvalidDataError

__all__ = ["KINDS", "columns_of"]

KINDS: Final = ("NUMERIC", "CATEGORICAL", "BOOLEAN", "TEXT", "CORRECTION")
_SOURCES: Final = ("API", "ANNOTATION")
_WRITTEN: Final = ("CATEGORICAL", "TEXT", "CORRECTION")
_TARGETS: Final = ("traceId", "sessionId", "datasetRunId")
_SUBJECT: Final = (
    "Provide exactly one of the following: traceId (with optional observationId), sessionId or"
    " datasetRunId. ObservationId requires traceId."
)
_BOOLEAN: Final = "Value must be a number equal to either 0 or 1 for data type BOOLEAN"
_UNCONFIGURED: Final = (
    "configId is required when source is ANNOTATION (except for CORRECTION scores)."
)
_LONGEST_TEXT: Final = 500


def columns_of(body: Any) -> dict[str, object]:
    """The columns of a score as sent; raises InvalidDataError."""
    sent = zod.record(body, ())
    columns = _described(sent)
    kind = _kind(sent)
    number, text = _value(sent, kind)
    config = _config(sent, kind)
    _check_subject(sent)
    if columns["source"] == "ANNOTATION" and not config and kind != "CORRECTION":
        raise zod.custom(_UNCONFIGURED, ("configId",))
    return {**columns, "data_type": kind, "number": number, "text": text, "config": config}


def _described(sent: dict[str, Any]) -> dict[str, object]:
    """What all scores have."""
    now = time.time_ns() // 1000
    timestamp = sent.get("timestamp")
    return {
        "id": zod.optional_text(sent, "id") or str(uuid.uuid4()),
        "name": zod.sized_text(zod.member(sent, "name"), ("name",)),
        "trace": zod.optional_text(sent, "traceId") or None,
        "session": zod.optional_text(sent, "sessionId") or None,
        "experiment": zod.optional_text(sent, "datasetRunId") or None,
        "observation": zod.optional_text(sent, "observationId") or None,
        "comment": zod.optional_text(sent, "comment"),
        "metadata": json.dumps(sent.get("metadata") or {}, ensure_ascii=False),
        "environment": zod.text(sent.get("environment", "default"), ("environment",)),
        "queue": zod.optional_text(sent, "queueId"),
        "source": zod.one_of(sent.get("source", "API"), _SOURCES, ("source",)),
        "timestamp": now if timestamp is None else zod.moment(timestamp, ("timestamp",)),
        "now": now,
    }


def _kind(sent: dict[str, Any]) -> str:
    if "dataType" not in sent:
        return "CATEGORICAL" if isinstance(sent.get("value"), str) else "NUMERIC"
    if sent["dataType"] not in KINDS:
        raise zod.undiscriminated("dataType", ())
    return str(sent["dataType"])


def _value(sent: dict[str, Any], kind: str) -> tuple[float | None, str | None]:
    value = zod.member(sent, "value")
    if kind == "TEXT":
        return None, zod.sized_text(value, ("value",), longest=_LONGEST_TEXT)
    if kind in _WRITTEN:
        return None, zod.text(value, ("value",))
    try:
        number = zod.number(value, ("value",))
    except InvalidDataError as error:
        raise error if "dataType" in sent else _neither(value) from error
    if kind == "BOOLEAN" and number not in {0, 1}:
        raise zod.custom(_BOOLEAN, ("value",))
    return number, None


def _neither(value: Any) -> InvalidDataError:
    """Without a data type a value may be text or a number."""
    tried = [mistyped(expected, value, ()).problem for expected in ("string", "number")]
    return InvalidDataError(
        code="invalid_union",
        errors=[[issue] for issue in tried],
        path=["value"],
        message="Invalid input",
    )


def _config(sent: dict[str, Any], kind: str) -> str | None:
    if kind == "CORRECTION" and sent.get("configId") is not None:
        raise mistyped("undefined", sent["configId"], ("configId",))
    return zod.optional_text(sent, "configId")


def _check_subject(sent: dict[str, Any]) -> None:
    """A score is of one trace, or one session, or one experiment; an empty id is none."""
    given = [name for name in _TARGETS if sent.get(name)]
    if len(given) != 1 or (sent.get("observationId") and given != ["traceId"]):
        raise zod.custom(_SUBJECT, (*_TARGETS, "observationId"))
