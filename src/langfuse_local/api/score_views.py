"""The metrics views `scores-numeric`, `scores-boolean` and `scores-categorical`.

What belongs to a score's trace or observation is joined to it: as in Langfuse, a query that names
such a dimension counts only scores whose trace, or observation, started in the time range.
"""

from __future__ import annotations

import json
from typing import Final

from langfuse_local.api.views import Dimension, Measure, View, mistyped, unknown
from langfuse_local.store.columns import Columns, id_text

__all__ = ["SCORE_VIEWS"]

_RANGE: Final = "s.start >= ? AND s.start <= ?"
_TEXT: Final = "(SELECT value FROM strings WHERE id = {0})"
_TRACE: Final = {
    "traceName": "coalesce(s.trace_name, s.name)",
    "userId": "s.user",
    "tags": "s.tags",
    "traceRelease": "s.release",
    "traceVersion": "s.version",
}
_JOINS: Final = {
    "trace": (
        f"JOIN (SELECT {id_text('trace')} AS id,"  # noqa: S608 - names from tables
        f" {', '.join(f'{column} AS {name}' for name, column in _TRACE.items())}"
        f" FROM spans AS s WHERE s.parent IS NULL AND {_RANGE} GROUP BY s.trace)"
        " AS t ON t.id = r.trace"
    ),
    "observation": (
        f"JOIN (SELECT {id_text('trace')} AS trace, {id_text('span')} AS id, s.name, s.model"  # noqa: S608 - as above
        f" FROM spans AS s WHERE {_RANGE}) AS o ON o.trace = r.trace AND o.id = r.observation"
    ),
}


def _of_trace(name: str, *, many: bool = False) -> Dimension:
    return Dimension(_TEXT.format(f"t.{name}"), f"t.{name}", many=many, join="trace")


def _day(form: str) -> Dimension:
    return Dimension(f"strftime('{form}', r.timestamp / 1000000, 'unixepoch')", empty="")


_DIMENSIONS: Final = {
    "sessionId": Dimension("r.session", many=True),
    "datasetRunId": Dimension("r.experiment", many=True),
    "traceName": _of_trace("traceName"),
    "userId": _of_trace("userId", many=True),
    "tags": Dimension(
        _TEXT.format("t.tags"),
        "t.tags",
        empty=[],
        join="trace",
        read=json.loads,
    ),
    "traceRelease": _of_trace("traceRelease"),
    "traceVersion": _of_trace("traceVersion"),
    "observationName": Dimension(
        f"coalesce({_TEXT.format('o.name')}, '')",
        "o.name",
        empty="",
        join="observation",
    ),
    "observationModelName": Dimension(_TEXT.format("o.model"), "o.model", join="observation"),
    "id": Dimension("r.id", many=True),
    "environment": Dimension("r.environment", empty=""),
    "name": Dimension("r.name", empty=""),
    "source": Dimension("r.source", empty=""),
    "dataType": Dimension("r.data_type", empty=""),
    "traceId": Dimension("r.trace", many=True),
    "configId": Dimension("r.config"),
    "timestampMonth": _day("%Y-%m"),
    "timestampDay": _day("%Y-%m-%d"),
    "observationId": Dimension("r.observation", many=True),
}
_VALUE: Final = {"value": Measure("r.number", "number")}


def _view(kinds: str, own: dict[str, Dimension], measures: dict[str, Measure]) -> View:
    dimensions = {**_DIMENSIONS, **own}
    numbers, flags = {"value"} & {*own}, {"booleanValue"} & {*own}
    return View(
        "scores AS r",
        "r.timestamp",
        dimensions,
        {"count": Measure("1"), **measures},
        Columns(
            unknown,
            mistyped,
            texts={
                name: dimension.sql
                for name, dimension in dimensions.items()
                if name not in {"tags", *numbers, *flags}
            },
            arrays={"tags": dimensions["tags"].sql},
            times={"timestamp": "r.timestamp"},
            numbers={name: own[name].sql for name in numbers},
            flags={name: own[name].sql for name in flags},
            metadata={
                "metadata": "coalesce((SELECT value FROM json_each(r.metadata) WHERE key = ?), '')"
            },
        ),
        joins=_JOINS,
        always=f"r.data_type IN ({kinds})",
    )


SCORE_VIEWS: Final = {
    "scores-numeric": _view(
        "'NUMERIC', 'BOOLEAN'", {"value": Dimension("r.number", empty=0)}, _VALUE
    ),
    "scores-boolean": _view(
        "'BOOLEAN'",
        {"booleanValue": Dimension("r.number <> 0", empty=False, read=bool)},
        _VALUE,
    ),
    "scores-categorical": _view("'CATEGORICAL', 'TEXT'", {"stringValue": Dimension("r.text")}, {}),
}
