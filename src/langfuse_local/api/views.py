"""What a metrics query can be about: rows, and what they may be grouped and measured by."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from langfuse_local.store.columns import Columns

__all__ = ["Dimension", "Measure", "View", "mistyped", "unknown"]

_TYPES: Final = {"string": "string", "arrayOptions": "string[]"}
_METADATA: Final = (
    "Invalid filter for field 'metadata': Metadata filters require type 'stringObject' with a 'key'"
    ' property, not \'{0}\'. Example: {{"column": "metadata", "type": "stringObject",'
    ' "key": "environment", "operator": "=", "value": "production"}}'
)


@dataclass(frozen=True, slots=True)
class Dimension:
    """Something to group by.

    Attributes:
        sql: What is shown.
        group: What is grouped by, if that is something shorter.
        empty: Shown in a gap of a time series: NULL where Langfuse's column can be.
        many: Whether it has so many values that a limit and an order are asked for.
        join: The join that it needs.
        read: Turns what SQL gives into what is answered.
    """

    sql: str
    group: str = ""
    empty: Any = None
    many: bool = False
    join: str | None = None
    read: Callable[[Any], Any] | None = None


@dataclass(frozen=True, slots=True)
class Measure:
    """Something to aggregate.

    Attributes:
        sql: A row's value.
        type: `integer`, `decimal`, `number` or `string`; decides the aggregations allowed.
        optional: Whether Langfuse's column can be NULL: then a sum over nothing is, too.
        join: The join that it needs.
    """

    sql: str
    type: str = "integer"
    optional: bool = False
    join: str | None = None


@dataclass(frozen=True, slots=True)
class View:
    """Rows with what they may be grouped by, aggregated and filtered.

    Attributes:
        source: The rows, for a FROM clause.
        time: SQL that gives a row's microseconds since the epoch.
        columns: What filters name.
        joins: FROM clauses by name, each with two question marks for the time range.
        always: A condition that every row of the view meets.
    """

    source: str
    time: str
    dimensions: Mapping[str, Dimension]
    measures: Mapping[str, Measure]
    columns: Columns
    joins: Mapping[str, str] = field(default_factory=dict)
    always: str = "1"


def unknown(column: str, columns: Columns) -> str:
    """The refusal of a filter on an unknown column."""
    (time,) = columns.times
    names = [name for name in columns.names() if name not in {time, "metadata"}]
    return f"Invalid filter column {column}. Must be one of {','.join(names)} or {time}"


def mistyped(kind: str, column: str, columns: Columns) -> str:
    """The refusal of a filter that does not suit its column."""
    expected = columns.types(column)
    if column in columns.metadata:
        return _METADATA.format(kind)
    what = "time dimension" if column in columns.times else "dimension type"
    named = column if column in columns.times else _TYPES.get(expected[0], expected[0])
    listed = " or ".join(f"'{one}'" for one in expected)
    return (
        f"Invalid filter for field '{column}': Filter type '{kind}' is not supported for"
        f" {what} '{named}'. Expected {listed}."
    )
