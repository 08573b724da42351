"""The JSON `filter` of Langfuse's API: a list of conditions, all of which must hold.

Operators compare whole stored texts, upper and lower case apart. An absent text is the empty one,
as it is in Langfuse's columns.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from langfuse_local import zod
from langfuse_local.answers import InvalidRequestError
from langfuse_local.columns import FLAGS, IDS, METADATA, NUMBERS, TAGS, TEXTS, TIMES, id_text
from langfuse_local.conditions import Condition, id_is, text_in

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["conditions_of"]

# SQL is put together from the names and operators of tables alone; what was sent is a parameter.
_COMPARISONS: Final = (">", "<", ">=", "<=")
_TEXT: Final = ("=", "contains", "does not contain", "starts with", "ends with")
_OPTIONS: Final = ("any of", "none of")
_OPERATORS: Final = {
    "datetime": _COMPARISONS,
    "string": _TEXT,
    "number": ("=", *_COMPARISONS),
    "stringOptions": _OPTIONS,
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
    "starts with": "substr({0}, 1, length(?1)) = ?1",
    "ends with": "substr({0}, length({0}) - length(?1) + 1) = ?1 AND length({0}) >= length(?1)",
}
_METADATA_SQL: Final = (
    "metadata_of(s.details, (SELECT value FROM strings WHERE id = s.keys),"
    " (SELECT value FROM strings WHERE id = s.origin), ?)"
)


def conditions_of(filters: Any, path: zod.Path) -> list[Condition]:
    """Conditions over `spans AS s`; raises InvalidDataError or InvalidRequestError."""
    return [
        _condition(zod.record(one, (*path, place)), (*path, place))
        for place, one in enumerate(zod.array(filters, path))
    ]


def _condition(one: dict[str, Any], path: zod.Path) -> Condition:
    kind = zod.one_of(zod.member(one, "type"), tuple(_OPERATORS), (*path, "type"))
    column = zod.text(zod.member(one, "column"), (*path, "column"))
    operator = zod.one_of(zod.member(one, "operator"), _OPERATORS[kind], (*path, "operator"))
    positive = _READERS[kind](one, column, _NEGATED.get(operator, operator), path)
    if operator in _NEGATED:
        return Condition(f"NOT coalesce({positive.sql}, 0)", positive.values)
    return positive


def _string(one: dict[str, Any], column: str, operator: str, path: zod.Path) -> Condition:
    wanted = zod.text(zod.member(one, "value"), (*path, "value"))
    if column in IDS:
        if operator == "=" and wanted:
            return id_is(IDS[column], wanted)
        return _matches(id_text(IDS[column]), operator, wanted)
    interned = _known(column, TEXTS)
    if operator == "=" and wanted:
        return text_in(interned, [wanted])
    found = _matches("value", operator, wanted)
    absent = "1" if not wanted else "0"
    return Condition(
        f"(s.{interned} IN (SELECT id FROM strings WHERE {found.sql})"  # noqa: S608 - see above
        f" OR (s.{interned} IS NULL AND {absent}))",
        found.values,
    )


def _string_options(one: dict[str, Any], column: str, _operator: str, path: zod.Path) -> Condition:
    wanted = _texts(one, path)
    if column in IDS:
        return Condition(f"{id_text(IDS[column])} IN ({_marks(wanted)})", (*wanted,))
    interned = _known(column, TEXTS)
    if wanted and all(wanted):
        return text_in(interned, wanted)
    absent = "1" if "" in wanted else "0"
    held = text_in(interned, wanted or [""])
    return Condition(f"({held.sql} OR (s.{interned} IS NULL AND {absent}))", held.values)


def _array_options(one: dict[str, Any], column: str, operator: str, path: zod.Path) -> Condition:
    wanted = _texts(one, path)
    if column not in TAGS:
        raise _unknown(column, TAGS)
    held = (
        "SELECT count(DISTINCT tag.value) FROM strings AS held, json_each(held.value) AS tag"  # noqa: S608 - see above
        f" WHERE held.id = s.tags AND tag.value IN ({_marks(wanted)})"
    )
    least = len(set(wanted)) if operator == "all of" else 1
    return Condition(f"({held}) >= ?", (*wanted, least))


def _string_object(one: dict[str, Any], column: str, operator: str, path: zod.Path) -> Condition:
    key = _key(one, column, path)
    wanted = zod.text(zod.member(one, "value"), (*path, "value"))
    found = _matches("found", operator, wanted)
    return Condition(
        f"(SELECT {found.sql} FROM (SELECT {_METADATA_SQL} AS found))",  # noqa: S608 - see above
        (*found.values, key),
    )


def _number_object(one: dict[str, Any], column: str, operator: str, path: zod.Path) -> Condition:
    key = _key(one, column, path)
    wanted = zod.number(zod.member(one, "value"), (*path, "value"))
    return Condition(f"number_of({_METADATA_SQL}) {operator} ?", (key, wanted))


def _number(one: dict[str, Any], column: str, operator: str, path: zod.Path) -> Condition:
    wanted = zod.number(zod.member(one, "value"), (*path, "value"))
    return Condition(f"{_known(column, NUMBERS)} {operator} ?", (wanted,))


def _datetime(one: dict[str, Any], column: str, operator: str, path: zod.Path) -> Condition:
    wanted = zod.moment(zod.member(one, "value"), (*path, "value"))
    return Condition(f"{_known(column, TIMES)} {operator} ?", (wanted,))


def _boolean(one: dict[str, Any], column: str, operator: str, path: zod.Path) -> Condition:
    wanted = zod.boolean(zod.member(one, "value"), (*path, "value"))
    return Condition(f"{_known(column, FLAGS)} {operator} ?", (wanted,))


def _null(_one: dict[str, Any], column: str, operator: str, _path: zod.Path) -> Condition:
    named = TEXTS | IDS
    expression = f"s.{named[column]}" if column in named else _known(column, NUMBERS | TIMES)
    return Condition(f"{expression} {operator.upper()}")


_READERS: Final[dict[str, Callable[[dict[str, Any], str, str, zod.Path], Condition]]] = {
    "datetime": _datetime,
    "string": _string,
    "number": _number,
    "stringOptions": _string_options,
    "arrayOptions": _array_options,
    "stringObject": _string_object,
    "numberObject": _number_object,
    "boolean": _boolean,
    "null": _null,
}


def _matches(expression: str, operator: str, wanted: str) -> Condition:
    predicate = _PREDICATES[operator].format(expression)
    return Condition(predicate.replace("?1", "?"), (wanted,) * predicate.count("?1"))


def _texts(one: dict[str, Any], path: zod.Path) -> list[str]:
    values = zod.array(zod.member(one, "value"), (*path, "value"))
    return [zod.text(value, (*path, "value", place)) for place, value in enumerate(values)]


def _key(one: dict[str, Any], column: str, path: zod.Path) -> str:
    if column != METADATA:
        raise _unknown(column, (METADATA,))
    return zod.text(zod.member(one, "key"), (*path, "key"))


def _known(column: str, columns: dict[str, str]) -> str:
    if column not in columns:
        raise _unknown(column, tuple(columns))
    return columns[column]


def _unknown(column: str, columns: Sequence[str]) -> InvalidRequestError:
    return InvalidRequestError(
        f"Invalid filter column {column}. Must be one of {', '.join(sorted(columns))}"
    )


def _marks(values: Sequence[str]) -> str:
    return ", ".join("?" * len(values))
