"""The JSON `filter` of Langfuse's API: a list of conditions, all of which must hold.

Operators compare whole stored texts, upper and lower case apart. An absent text is the empty one,
as it is in Langfuse's columns; an absent metadata key matches nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ..responses import InvalidRequestError
from ..store.conditions import Condition, id_in, id_is, text_in
from .columns import (
    ARRAYS,
    FILTER_TYPES,
    FLAGS,
    IDS,
    INTERNED,
    METADATA,
    NUMBERS,
    TEXTS,
    TIMES,
    id_text,
)
from .validation import array, boolean, date, number, option, record, text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

__all__ = ["conditions_of", "parse_filters"]

# SQL is put together from the names and operators of tables alone; request data is a parameter.
_COMPARISONS: Final = (">", "<", ">=", "<=")
_TEXT: Final = ("=", "contains", "does not contain", "starts with", "ends with")
_OPERATORS: Final = {
    "datetime": _COMPARISONS,
    "string": _TEXT,
    "number": ("=", *_COMPARISONS),
    "stringOptions": ("any of", "none of"),
    "arrayOptions": ("any of", "none of", "all of"),
    "stringObject": _TEXT,
    "numberObject": ("=", *_COMPARISONS),
    "boolean": ("=", "<>"),
    "null": ("is null", "is not null"),
}
_NEGATED: Final = {"does not contain": "contains", "none of": "any of"}
_PREDICATES: Final = {
    "=": "{0} = ?1",
    "contains": "instr({0}, ?1) > 0",
    "does not contain": "instr({0}, ?1) = 0",
    "starts with": "substr({0}, 1, length(?1)) = ?1",
    "ends with": "substr({0}, length({0}) - length(?1) + 1) = ?1 AND length({0}) >= length(?1)",
}


def parse_filters(filters: Any, name: str) -> list[dict[str, Any]]:
    """Check the form of filters; raises InvalidDataError or InvalidRequestError."""
    return [
        _checked(record(each, f"{name}[{place}]"), f"{name}[{place}]")
        for place, each in enumerate(array(filters, name))
    ]


def conditions_of(filters: Iterable[dict[str, Any]]) -> list[Condition]:
    """Turn checked filters into conditions; raises InvalidRequestError."""
    return [_condition(each) for each in filters]


def _checked(members: dict[str, Any], name: str) -> dict[str, Any]:
    kind = option(members.get("type"), _OPERATORS, f"{name}.type")
    text(members.get("column"), f"{name}.column")
    option(members.get("operator"), _OPERATORS[kind], f"{name}.operator")
    if kind in {"stringObject", "numberObject"}:
        text(members.get("key"), f"{name}.key")
    value = _VALUES[kind](members.get("value"), f"{name}.value")
    if kind == "arrayOptions" and members["operator"] == "any of" and not value:
        raise InvalidRequestError(f"{name}.value must not be empty.")
    return {**members, "value": value}


def _condition(members: dict[str, Any]) -> Condition:
    kind, column, operator = members["type"], members["column"], members["operator"]
    _check_column(kind, column)
    if kind == "null":
        return _null(column, operator)
    if kind == "stringObject":  # A row without the key does not match, whatever the operator.
        matches = _matches("held", operator, members["value"])
        return _metadata(matches.sql, (*matches.values, members["key"]))
    if kind == "numberObject":
        sql = f"iif(held IS NULL, NULL, number_of(held)) {operator} ?"
        return _metadata(sql, (members["value"], members["key"]))
    positive = _READERS[kind](column, _NEGATED.get(operator, operator), members["value"])
    if operator in _NEGATED:
        return Condition(f"NOT coalesce({positive.sql}, 0)", positive.values)
    return positive


def _check_column(kind: str, column: str) -> None:
    types = FILTER_TYPES.get(column)
    if types is None:
        raise InvalidRequestError(
            f"Unknown column {column}. The local backend knows {', '.join(sorted(FILTER_TYPES))}."
        )
    if kind not in {"null", *types}:
        raise InvalidRequestError(
            f"Invalid filter type '{kind}' for column '{column}'. Expected {' or '.join(types)}."
        )


def _string(column: str, operator: str, wanted: str) -> Condition:
    if column in IDS:
        if operator == "=" and wanted:
            return id_is(IDS[column], wanted)
        return _matches(id_text(IDS[column]), operator, wanted)
    if column in TEXTS:
        return _matches(f"coalesce({TEXTS[column]}, '')", operator, wanted)
    if operator == "=" and wanted:
        return text_in(INTERNED[column], [wanted])
    matches = _matches("value", operator, wanted)
    absent = "1" if not wanted else "0"
    return Condition(
        f"(s.{INTERNED[column]} IN (SELECT id FROM strings WHERE {matches.sql})"  # noqa: S608 - see above
        f" OR (s.{INTERNED[column]} IS NULL AND {absent}))",
        matches.values,
    )


def _string_options(column: str, _operator: str, wanted: Sequence[str]) -> Condition:
    if column in IDS:
        return id_in(IDS[column], wanted)
    if column in TEXTS:
        return Condition(f"coalesce({TEXTS[column]}, '') IN ({_marks(wanted)})", (*wanted,))
    listed = text_in(INTERNED[column], wanted)
    if all(wanted):
        return listed
    return Condition(f"({listed.sql} OR s.{INTERNED[column]} IS NULL)", listed.values)


def _array_options(column: str, operator: str, wanted: Sequence[str]) -> Condition:
    held = (
        f"SELECT count(DISTINCT tag.value) FROM json_each({ARRAYS[column]}) AS tag"  # noqa: S608 - see above
        f" WHERE tag.value IN ({_marks(wanted)})"
    )
    least = len(set(wanted)) if operator == "all of" else 1
    return Condition(f"({held}) >= ?", (*wanted, least))


def _compared(columns: dict[str, str]) -> Callable[[str, str, Any], Condition]:
    return lambda column, operator, wanted: Condition(f"{columns[column]} {operator} ?", (wanted,))


def _null(column: str, operator: str) -> Condition:
    if column == "metadata":
        return Condition("0" if operator == "is null" else "1")
    named = {**INTERNED, **IDS}
    computed = {**TEXTS, **ARRAYS, **TIMES, **NUMBERS, **FLAGS}
    expression = f"s.{named[column]}" if column in named else computed[column]
    return Condition(f"{expression} {operator.upper()}")


def _metadata(sql: str, values: tuple[object, ...]) -> Condition:
    return Condition(f"(SELECT {sql} FROM (SELECT {METADATA} AS held))", values)  # noqa: S608 - see above


def _matches(expression: str, operator: str, wanted: str) -> Condition:
    predicate = _PREDICATES[operator].format(expression)
    return Condition(predicate.replace("?1", "?"), (wanted,) * predicate.count("?1"))


def _texts(value: Any, name: str) -> list[str]:
    return [text(each, f"{name}[{place}]") for place, each in enumerate(array(value, name))]


def _options(value: Any, name: str) -> list[str]:
    if values := _texts(value, name):
        return values
    raise InvalidRequestError(f"{name} must not be empty.")


def _empty(value: Any, name: str) -> str:
    return option(value, ("",), name)


def _marks(values: Sequence[str]) -> str:
    return ", ".join("?" * len(values))


_VALUES: Final[dict[str, Callable[[Any, str], Any]]] = {
    "datetime": date,
    "string": text,
    "number": number,
    "stringOptions": _options,
    "arrayOptions": _texts,
    "stringObject": text,
    "numberObject": number,
    "boolean": boolean,
    "null": _empty,
}
_READERS: Final[dict[str, Callable[[str, str, Any], Condition]]] = {
    "datetime": _compared(TIMES),
    "string": _string,
    "number": _compared(NUMBERS),
    "stringOptions": _string_options,
    "arrayOptions": _array_options,
    "boolean": _compared(FLAGS),
}
