"""The JSON `filter` of Langfuse's API: a list of conditions, all of which must hold.

Operators compare whole stored texts, upper and lower case apart. An absent text is the empty one,
as it is in Langfuse's columns; an absent metadata key matches nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from langfuse_local.api import zod
from langfuse_local.responses import InvalidDataError, InvalidRequestError
from langfuse_local.store.columns import id_text
from langfuse_local.store.conditions import Condition, id_in, id_is, text_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from langfuse_local.store.columns import Columns

__all__ = ["checked", "conditions_of"]

# SQL is put together from the names and operators of tables alone; what was sent is a parameter.
_COMPARISONS: Final = (">", "<", ">=", "<=")
_TEXT: Final = ("=", "contains", "does not contain", "starts with", "ends with")
_OPTIONS: Final = ("any of", "none of")
_OPERATORS: Final = {
    "datetime": _COMPARISONS,
    "string": _TEXT,
    "number": ("=", *_COMPARISONS),
    "stringOptions": _OPTIONS,
    "categoryOptions": _OPTIONS,
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
_NO_TAGS: Final = (
    "Value array must not be empty unless operator is 'all of' or 'none of'"
    " (which represent waiting for selection)"
)


def checked(filters: Any, path: zod.Path) -> list[dict[str, Any]]:
    """Filters of the right form; raises InvalidDataError."""
    return [
        _checked(zod.record(one, (*path, place)), (*path, place))
        for place, one in enumerate(zod.array(filters, path))
    ]


def conditions_of(filters: Iterable[dict[str, Any]], columns: Columns) -> list[Condition]:
    """Conditions over these columns, from checked filters; raises InvalidRequestError."""
    return [_condition(one, columns) for one in filters]


def _checked(one: dict[str, Any], path: zod.Path) -> dict[str, Any]:
    kind = one.get("type")
    if not isinstance(kind, str) or kind not in _OPERATORS:
        raise zod.undiscriminated("type", path)
    zod.text(zod.member(one, "column"), (*path, "column"))
    zod.one_of(zod.member(one, "operator"), _OPERATORS[kind], (*path, "operator"))
    if kind in {"stringObject", "numberObject", "categoryOptions"}:
        zod.text(zod.member(one, "key"), (*path, "key"))
    value = _VALUES[kind](zod.member(one, "value"), (*path, "value"))
    if kind == "arrayOptions" and one["operator"] == "any of" and not value:
        raise zod.custom(_NO_TAGS, path)
    return {**one, "value": value}


def _condition(one: dict[str, Any], columns: Columns) -> Condition:
    kind, column, operator = one["type"], one["column"], one["operator"]
    types = columns.types(column)
    if not types:
        raise InvalidRequestError(columns.unknown(column, columns))
    if kind == "null":
        return _null(column, operator, columns)
    if kind not in types:
        raise InvalidRequestError(columns.mistyped(kind, column, columns))
    if kind == "stringObject":  # A row without the key does not match, whatever the operator.
        return _metadata(columns.metadata[column], one)
    if kind == "numberObject":
        held = f"(SELECT {columns.metadata[column]} AS found)"
        number = f"(SELECT number_of(found) FROM {held} WHERE found IS NOT NULL)"  # noqa: S608 - see above
        return Condition(f"{number} {operator} ?", (one["key"], one["value"]))
    positive = _READERS[kind](column, _NEGATED.get(operator, operator), one["value"], columns)
    if operator in _NEGATED:
        return Condition(f"NOT coalesce({positive.sql}, 0)", positive.values)
    return positive


def _string(column: str, operator: str, wanted: str, columns: Columns) -> Condition:
    if column in columns.ids:
        if operator == "=" and wanted:
            return id_is(columns.ids[column], wanted)
        return _matches(id_text(columns.ids[column]), operator, wanted)
    if column in columns.texts:
        return _matches(f"coalesce({columns.texts[column]}, '')", operator, wanted)
    interned = columns.interned[column]
    if operator == "=" and wanted:
        return text_in(interned, [wanted])
    found = _matches("value", operator, wanted)
    absent = "1" if not wanted else "0"
    return Condition(
        f"(s.{interned} IN (SELECT id FROM strings WHERE {found.sql})"  # noqa: S608 - see above
        f" OR (s.{interned} IS NULL AND {absent}))",
        found.values,
    )


def _string_options(
    column: str, _operator: str, wanted: Sequence[str], columns: Columns
) -> Condition:
    if column in columns.ids:
        return id_in(columns.ids[column], wanted)
    if column in columns.texts:
        text = f"coalesce({columns.texts[column]}, '')"
        return Condition(f"{text} IN ({_marks(wanted)})", (*wanted,))
    interned = columns.interned[column]
    if all(wanted):
        return text_in(interned, wanted)
    held = text_in(interned, wanted)
    return Condition(f"({held.sql} OR s.{interned} IS NULL)", held.values)


def _array_options(
    column: str, operator: str, wanted: Sequence[str], columns: Columns
) -> Condition:
    held = (
        f"SELECT count(DISTINCT tag.value) FROM json_each({columns.arrays[column]}) AS tag"  # noqa: S608 - see above
        f" WHERE tag.value IN ({_marks(wanted)})"
    )
    least = len(set(wanted)) if operator == "all of" else 1
    return Condition(f"({held}) >= ?", (*wanted, least))


def _number(column: str, operator: str, wanted: float, columns: Columns) -> Condition:
    return Condition(f"{columns.numbers[column]} {operator} ?", (wanted,))


def _datetime(column: str, operator: str, wanted: int, columns: Columns) -> Condition:
    return Condition(f"{columns.times[column]} {operator} ?", (wanted,))


def _boolean(column: str, operator: str, wanted: bool, columns: Columns) -> Condition:  # noqa: FBT001 - as the other readers
    return Condition(f"{columns.flags[column]} {operator} ?", (wanted,))


def _null(column: str, operator: str, columns: Columns) -> Condition:
    named = {**columns.interned, **columns.ids}
    known = {**columns.texts, **columns.arrays, **columns.times, **columns.numbers, **columns.flags}
    if column in columns.metadata:
        return Condition("0" if operator == "is null" else "1")
    expression = f"s.{named[column]}" if column in named else known[column]
    return Condition(f"{expression} {operator.upper()}")


def _metadata(sql: str, one: dict[str, Any]) -> Condition:
    found = _matches("found", one["operator"], one["value"])
    return Condition(
        f"(SELECT {found.sql} FROM (SELECT {sql} AS found))",  # noqa: S608 - see above
        (*found.values, one["key"]),
    )


def _matches(expression: str, operator: str, wanted: str) -> Condition:
    predicate = _PREDICATES[operator].format(expression)
    return Condition(predicate.replace("?1", "?"), (wanted,) * predicate.count("?1"))


def _texts(value: Any, path: zod.Path) -> list[str]:
    return [zod.text(one, (*path, place)) for place, one in enumerate(zod.array(value, path))]


def _options(value: Any, path: zod.Path) -> list[str]:
    if values := _texts(value, path):
        return values
    raise zod.custom("Invalid input", path)


def _nothing(value: Any, path: zod.Path) -> str:
    if value == "":
        return ""
    raise InvalidDataError(
        code="invalid_value", values=[""], path=[*path], message='Invalid input: expected ""'
    )


def _marks(values: Sequence[str]) -> str:
    return ", ".join("?" * len(values))


_VALUES: Final[dict[str, Callable[[Any, zod.Path], Any]]] = {
    "datetime": zod.date,
    "string": zod.text,
    "number": zod.number,
    "stringOptions": _options,
    "categoryOptions": _texts,
    "arrayOptions": _texts,
    "stringObject": zod.text,
    "numberObject": zod.number,
    "boolean": zod.boolean,
    "null": _nothing,
}
_READERS: Final[dict[str, Callable[[str, str, Any, Columns], Condition]]] = {
    "datetime": _datetime,
    "string": _string,
    "number": _number,
    "stringOptions": _string_options,
    "arrayOptions": _array_options,
    "boolean": _boolean,
}
