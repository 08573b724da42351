"""A score's request body as a row: its members checked in Langfuse's order."""

from __future__ import annotations

import json
import time
import uuid
from typing import Any, Final

from ..responses import InvalidRequestError
from .validation import moment, number, option, optional_text, record, text

__all__ = ["DATA_TYPES", "row_of"]

DATA_TYPES: Final = ("NUMERIC", "CATEGORICAL", "BOOLEAN", "TEXT", "CORRECTION")
_SOURCES: Final = ("API", "ANNOTATION")
_TEXT_TYPES: Final = ("CATEGORICAL", "TEXT", "CORRECTION")
_SUBJECTS: Final = ("traceId", "sessionId", "datasetRunId")
_LONGEST_TEXT: Final = 500


def row_of(body: Any) -> dict[str, object]:
    """Return the columns of a score; raises InvalidDataError or InvalidRequestError."""
    members = record(body, "The score")
    row = _common(members)
    data_type = _data_type(members)
    number_value, text_value = _value(members, data_type)
    config = _config(members, data_type)
    _check_subject(members)
    if row["source"] == "ANNOTATION" and not config and data_type != "CORRECTION":
        raise InvalidRequestError("configId is required when source is ANNOTATION.")
    return {
        **row,
        "data_type": data_type,
        "number": number_value,
        "text": text_value,
        "config": config,
    }


def _common(members: dict[str, Any]) -> dict[str, object]:
    now = time.time_ns() // 1000
    timestamp = members.get("timestamp")
    return {
        "id": optional_text(members, "id") or str(uuid.uuid4()),
        "name": _not_empty(members.get("name"), "name"),
        "trace": optional_text(members, "traceId") or None,
        "session": optional_text(members, "sessionId") or None,
        "experiment": optional_text(members, "datasetRunId") or None,
        "observation": optional_text(members, "observationId") or None,
        "comment": optional_text(members, "comment"),
        "metadata": json.dumps(members.get("metadata") or {}, ensure_ascii=False),
        "environment": text(members.get("environment", "default"), "environment"),
        "queue": optional_text(members, "queueId"),
        "source": option(members.get("source", "API"), _SOURCES, "source"),
        "timestamp": now if timestamp is None else moment(timestamp, "timestamp"),
        "now": now,
    }


def _data_type(members: dict[str, Any]) -> str:
    if "dataType" in members:
        return option(members["dataType"], DATA_TYPES, "dataType")
    return "CATEGORICAL" if isinstance(members.get("value"), str) else "NUMERIC"


def _value(members: dict[str, Any], data_type: str) -> tuple[float | None, str | None]:
    value = members.get("value")
    if data_type == "TEXT":
        if len(_not_empty(value, "value")) > _LONGEST_TEXT:
            raise InvalidRequestError(f"value must have {_LONGEST_TEXT} characters at most.")
        return None, value
    if data_type in _TEXT_TYPES:
        return None, text(value, "value")
    if data_type == "BOOLEAN" and number(value, "value") not in {0, 1}:
        raise InvalidRequestError("value must be 0 or 1 for data type BOOLEAN.")
    return number(value, "value"), None


def _not_empty(value: Any, name: str) -> str:
    if not text(value, name):
        raise InvalidRequestError(f"{name} must not be empty.")
    return str(value)


def _config(members: dict[str, Any], data_type: str) -> str | None:
    config = optional_text(members, "configId")
    if data_type == "CORRECTION" and config is not None:
        raise InvalidRequestError("configId does not go with data type CORRECTION.")
    return config


def _check_subject(members: dict[str, Any]) -> None:
    """Check that the score is of one trace, session or experiment; an empty id is none."""
    subjects = [name for name in _SUBJECTS if members.get(name)]
    if len(subjects) != 1:
        raise InvalidRequestError(f"Provide exactly one of {', '.join(_SUBJECTS)}.")
    if members.get("observationId") and subjects != ["traceId"]:
        raise InvalidRequestError("observationId requires traceId.")
