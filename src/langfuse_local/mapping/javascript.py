"""JavaScript's reading and writing of values, where the difference reaches a stored row.

Langfuse is written in TypeScript: `JSON.stringify`, `JSON.parse` and `String()` decide what it
stores. Python spells numbers differently (`1.0`, `1e-07`) and reads NaN as JSON.
"""

from __future__ import annotations

import json
import math
import re
from decimal import Decimal
from json.encoder import encode_basestring
from typing import Final, NoReturn, TypeAlias

__all__ = [
    "MAX_SAFE_INTEGER",
    "Value",
    "number",
    "parse",
    "parsed",
    "refuse_constant",
    "replace_surrogates",
    "string",
    "stringify",
]

Value: TypeAlias = "str | int | float | bool | list[Value] | dict[str, Value] | None"

MAX_SAFE_INTEGER: Final = 2**53 - 1
# Every level costs Python frames in `stringify` and in the flattening of metadata.
_MAX_DEPTH: Final = 100
_EXACT_DIGITS: Final = 15
_NUMBER: Final = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,4})?")


def parse(text: str) -> Value:
    """`JSON.parse`: strict JSON, integers beyond 15 digits as doubles.

    Lone surrogates, which no UTF-8 store can hold, come back as U+FFFD.

    Raises:
        ValueError: The text is not JSON, or nested more than 100 levels deep.
    """
    try:
        value: Value = json.loads(text, parse_int=_integer, parse_constant=refuse_constant)
    except RecursionError:
        raise ValueError("The JSON text is nested too deeply.") from None
    if text.count("[") + text.count("{") > _MAX_DEPTH and _depth(value) > _MAX_DEPTH:
        raise ValueError("The JSON text is nested too deeply.")
    return replace_surrogates(value) if "\\u" in text else value


def parsed(value: Value) -> Value:
    """Return the JSON in a text; any other text, and other values, as they are."""
    if not isinstance(value, str):
        return value
    try:
        return parse(value)
    except ValueError:
        return value


def refuse_constant(name: str) -> NoReturn:
    """Refuse NaN and the infinities, which Python alone reads as JSON; raises ValueError."""
    raise ValueError(f"{name} is not JSON.")


def stringify(value: Value) -> str:
    """`JSON.stringify`: no spaces, numbers as JavaScript prints them."""
    if isinstance(value, str):
        return encode_basestring(value)
    if isinstance(value, list):
        return f"[{','.join([stringify(item) for item in value])}]"
    if isinstance(value, dict):
        members = [f"{encode_basestring(key)}:{stringify(item)}" for key, item in value.items()]
        return f"{{{','.join(members)}}}"
    if isinstance(value, float) and not math.isfinite(value):
        return "null"
    return string(value)


def string(value: Value) -> str:
    """`String(value)`."""
    if isinstance(value, str):
        return value
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ",".join(["" if item is None else string(item) for item in value])
    return "[object Object]" if isinstance(value, dict) else _number(value)


def number(value: Value) -> float | None:
    """`Number(value)`, None where that is not a number."""
    if isinstance(value, bool | int | float):
        return value + 0
    if not isinstance(value, str):
        return None
    digits = value.strip() or "0"
    return float(digits) if _NUMBER.fullmatch(digits) else None


def replace_surrogates(value: Value) -> Value:
    """Put U+FFFD in place of every lone surrogate."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [replace_surrogates(item) for item in value]
    if isinstance(value, dict):
        return {str(replace_surrogates(k)): replace_surrogates(v) for k, v in value.items()}
    return value


def _number(value: float) -> str:
    if isinstance(value, int) and abs(value) <= MAX_SAFE_INTEGER:
        return str(value)
    value = float(value)
    if not math.isfinite(value):
        return str(value).replace("inf", "Infinity").replace("nan", "NaN")
    if value == 0:
        return "0"
    if 1e-6 <= abs(value) < 1e21:  # noqa: PLR2004 - ECMA-262, Number::toString
        fixed = format(Decimal(repr(value)), "f")
        return fixed.rstrip("0").rstrip(".") if "." in fixed else fixed
    mantissa, _, exponent = repr(value).partition("e")
    return f"{mantissa}e{int(exponent):+d}"


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) <= _EXACT_DIGITS else float(digits)


def _depth(value: Value) -> int:
    depth, level = 0, [value]
    while level := [item for item in level if isinstance(item, list | dict)]:
        level = [
            item
            for container in level
            for item in (container.values() if isinstance(container, dict) else container)
        ]
        depth += 1
    return depth
