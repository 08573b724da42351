"""A model's price as it is sent, checked in Langfuse's order and refused in its words."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from langfuse_local.answers import InvalidRequestError
from langfuse_local.api import zod
from langfuse_local.api.patterns import is_safe
from langfuse_local.mapping.tiers import OPERATORS
from langfuse_local.moments import iso

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["FLAT", "model_of"]

_UNITS: Final = ("TOKENS", "CHARACTERS", "MILLISECONDS", "SECONDS", "REQUESTS", "IMAGES")
_TOKENIZERS: Final = ("openai", "claude")
FLAT: Final = {"inputPrice": "input", "outputPrice": "output", "totalPrice": "total"}
_LONGEST_NAME, _LONGEST_PATTERN, _LAST_PRIORITY = 100, 200, 999
_NAME_WORDS: Final = ("Name cannot be empty", "Name exceeds maximum length of 100 characters")
_PATTERN_WORDS: Final = (
    "Pattern cannot be empty",
    "Pattern exceeds maximum length of 200 characters",
)
_UNSAFE: Final = (
    "Invalid regex pattern: must be valid regex and not cause catastrophic backtracking"
)
_EITHER: Final = (
    "Must provide either flat prices (inputPrice/outputPrice/totalPrice) OR pricingTiers"
)


def model_of(body: Any) -> dict[str, Any]:
    """The model with all its members, `tiers` among them; empty for flat prices.

    Raises InvalidDataError, and InvalidRequestError for a pattern that is none.
    """
    sent = zod.record(body, ())
    model: dict[str, Any] = {
        "modelName": zod.text(zod.member(sent, "modelName"), ("modelName",)),
        "matchPattern": zod.text(zod.member(sent, "matchPattern"), ("matchPattern",)),
        "startDate": _date(sent.get("startDate")),
        "prices": {
            kind: zod.amount(sent[name], (name,))
            for name, kind in FLAT.items()
            if sent.get(name) is not None
        },
        "unit": zod.one_of(zod.member(sent, "unit"), _UNITS, ("unit",)),
        "tokenizerId": _tokenizer(sent.get("tokenizerId")),
        "tokenizerConfig": sent.get("tokenizerConfig"),
        "tiers": _tiers(sent.get("pricingTiers")),
    }
    _check_prices(model["prices"], model["tiers"])
    try:
        re.compile(model["matchPattern"])
    except (re.error, ValueError, RecursionError, OverflowError) as error:
        raise InvalidRequestError("matchPattern is not a valid regex pattern (Postgres)") from error
    return model


def _date(sent: Any) -> str | None:
    return None if sent is None else iso(zod.date(sent, ("startDate",)))


def _tokenizer(sent: Any) -> str | None:
    return None if sent is None else zod.one_of(sent, _TOKENIZERS, ("tokenizerId",))


def _tiers(sent: Any) -> list[dict[str, Any]]:
    path = ("pricingTiers",)
    listed = [] if sent is None else zod.array(sent, path)
    return [_tier(zod.record(one, (*path, n)), (*path, n)) for n, one in enumerate(listed)]


def _tier(sent: dict[str, Any], path: zod.Path) -> dict[str, Any]:
    name = zod.sized_text(
        zod.member(sent, "name"), (*path, "name"), longest=_LONGEST_NAME, words=_NAME_WORDS
    )
    default = zod.boolean(sent.get("isDefault", False), (*path, "isDefault"))
    priority = zod.whole(
        zod.member(sent, "priority"), (*path, "priority"), smallest=0, largest=_LAST_PRIORITY
    )
    listed = zod.array(zod.member(sent, "conditions"), (*path, "conditions"))
    conditions = [
        _condition(zod.record(one, (*path, "conditions", n)), (*path, "conditions", n))
        for n, one in enumerate(listed)
    ]
    prices = zod.record(zod.member(sent, "prices"), (*path, "prices"))
    return {
        "name": name,
        "isDefault": default,
        "priority": priority,
        "conditions": conditions,
        "prices": {
            kind: zod.amount(price, (*path, "prices", kind), "Price must be non-negative")
            for kind, price in prices.items()
        },
    }


def _condition(sent: dict[str, Any], path: zod.Path) -> dict[str, Any]:
    place = (*path, "usageDetailPattern")
    pattern = zod.sized_text(
        zod.member(sent, "usageDetailPattern"),
        place,
        longest=_LONGEST_PATTERN,
        words=_PATTERN_WORDS,
    )
    if not is_safe(pattern):
        raise zod.custom(_UNSAFE, place)
    return {
        "usageDetailPattern": pattern,
        "operator": zod.one_of(zod.member(sent, "operator"), tuple(OPERATORS), (*path, "operator")),
        "value": zod.amount(zod.member(sent, "value"), (*path, "value")),
        "caseSensitive": zod.boolean(sent.get("caseSensitive", False), (*path, "caseSensitive")),
    }


def _check_prices(flat: dict[str, float], tiers: list[dict[str, Any]]) -> None:
    if bool(flat) == bool(tiers):
        raise zod.custom(f"{_EITHER}, not both" if flat else _EITHER, ())
    if "total" in flat and len(flat) > 1:
        raise zod.custom(
            "If input and/or output price is set, total price must be null", ("totalPrice",)
        )
    if problem := next(_problems(tiers), None):
        raise zod.custom(problem, ("pricingTiers",))


def _problems(tiers: list[dict[str, Any]]) -> Iterator[str]:
    """What is wrong with tiers that are right one by one."""
    if not tiers:
        return
    defaults = [tier for tier in tiers if tier["isDefault"]]
    if not defaults:
        yield "Exactly one pricing tier must have isDefault: true"
        return
    if len(defaults) > 1:
        yield f"Only one pricing tier can have isDefault: true, found {len(defaults)}"
    if defaults[0]["priority"] != 0:
        yield "Default pricing tier must have priority: 0"
    if defaults[0]["conditions"]:
        yield "Default pricing tier must have empty conditions array"
    for tier in tiers:
        if not tier["isDefault"] and not tier["conditions"]:
            yield f'Non-default pricing tier "{tier["name"]}" must have at least one condition'
    if len({tier["priority"] for tier in tiers}) < len(tiers):
        yield "Pricing tier priorities must be unique within a model"
    if len({tier["name"] for tier in tiers}) < len(tiers):
        yield "Pricing tier names must be unique"
    yield from _problems_of_kinds(tiers, sorted(defaults[0]["prices"]))


def _problems_of_kinds(tiers: list[dict[str, Any]], expected: list[str]) -> Iterator[str]:
    for tier in tiers:
        if not tier["prices"]:
            yield f'Pricing tier "{tier["name"]}" must have at least one price defined'
    for tier in tiers:
        if (kinds := sorted(tier["prices"])) != expected:
            yield (
                f'Pricing tier "{tier["name"]}" must have the same usage keys as the default tier.'
                f" Expected: [{', '.join(expected)}], Got: [{', '.join(kinds)}]"
            )
