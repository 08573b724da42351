"""The project's own model prices, which count for the spans that arrive after them."""

from __future__ import annotations

import json
import re
import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from langfuse_local import zod
from langfuse_local.moments import iso
from langfuse_local.prices import BUILT_IN
from langfuse_local.sql import statement

if TYPE_CHECKING:
    from langfuse_local.store import Store

__all__ = ["Models"]

_UNITS: Final = ("TOKENS", "CHARACTERS", "MILLISECONDS", "SECONDS", "REQUESTS", "IMAGES")
_FLAT: Final = {"inputPrice": "input", "outputPrice": "output", "totalPrice": "total"}


@dataclass(frozen=True, slots=True)
class Models:
    """Model prices in a store, and the built-in ones after them."""

    store: Store

    def all(self) -> list[dict[str, Any]]:
        """Every model as the API answers it, the project's own first."""
        own = [json.loads(row["answer"]) for row in self.store.rows(statement("models"))]
        built_in = [
            _answer(price.model, price.model, price.pattern.pattern, {**price.per_token})
            for price in BUILT_IN
        ]
        return own + built_in

    def add(self, body: Any) -> dict[str, Any]:
        """Store a model and give it as the API answers it; raises InvalidDataError."""
        sent = zod.record(body, ())
        name = zod.text(zod.member(sent, "modelName"), ("modelName",))
        pattern = _pattern(sent)
        zod.one_of(zod.member(sent, "unit"), _UNITS, ("unit",))
        prices = _prices(sent)
        now = time.time_ns() // 1000
        answer = _answer(str(uuid.uuid4()), name, pattern, prices, sent=sent, created=now)
        values = {
            "id": answer["id"],
            "name": name,
            "pattern": pattern,
            "prices": json.dumps(prices),
            "answer": json.dumps(answer),
            "created": now,
        }
        self.store.write(statement("insert_model"), values)
        self.store.reprice()
        return answer

    def delete(self, model_id: str) -> bool:
        """Forget a model of the project; False if there is none of that id."""
        found = any(row["id"] == model_id for row in self.store.rows(statement("models")))
        self.store.write(statement("delete_model"), {"id": model_id})
        self.store.reprice()
        return found


def _pattern(sent: dict[str, Any]) -> str:
    pattern = zod.text(zod.member(sent, "matchPattern"), ("matchPattern",))
    try:
        re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        raise zod.custom("matchPattern is not a regular expression", ("matchPattern",)) from error
    return pattern


def _prices(sent: dict[str, Any]) -> dict[str, float]:
    flat = {
        kind: _price(sent[name], (name,))
        for name, kind in _FLAT.items()
        if sent.get(name) is not None
    }
    tiers = zod.array(sent.get("pricingTiers") or [], ("pricingTiers",))
    if bool(flat) == bool(tiers):
        also = ", not both" if flat else ""
        raise zod.custom(
            "Must provide either flat prices (inputPrice/outputPrice/totalPrice) OR"
            f" pricingTiers{also}",
            (),
        )
    if "total" in flat and len(flat) > 1:
        raise zod.custom(
            "If input and/or output price is set, total price must be null", ("totalPrice",)
        )
    return flat or _default_tier(tiers)


def _default_tier(tiers: list[Any]) -> dict[str, float]:
    """Prices of the tier that holds without conditions, the only one applied here."""
    for place, tier in enumerate(tiers):
        path = ("pricingTiers", place)
        if zod.record(tier, path).get("isDefault") is True:
            prices = zod.record(zod.member(tier, "prices"), (*path, "prices"))
            return {kind: _price(price, (*path, "prices", kind)) for kind, price in prices.items()}
    raise zod.custom("One pricing tier must have isDefault: true", ("pricingTiers",))


def _price(value: Any, path: zod.Path) -> float:
    price = zod.number(value, path)
    if price < 0:
        raise zod.custom("Too small: expected number to be >=0", path)
    return price


def _answer(
    model_id: str,
    name: str,
    pattern: str,
    prices: dict[str, float],
    *,
    sent: dict[str, Any] | None = None,
    created: int = 0,
) -> dict[str, Any]:
    given = sent or {"unit": "TOKENS"}
    tier = {
        "id": f"{model_id}_tier_default",
        "name": "Standard",
        "isDefault": True,
        "priority": 0,
        "conditions": [],
        "prices": prices,
    }
    return {
        "id": model_id,
        "createdAt": iso(created),
        "modelName": name,
        "matchPattern": pattern,
        "startDate": given.get("startDate"),
        "tokenizerConfig": given.get("tokenizerConfig"),
        "tokenizerId": given.get("tokenizerId"),
        "unit": given["unit"],
        **{flat: prices.get(kind) for flat, kind in _FLAT.items()},
        "prices": {kind: {"price": price} for kind, price in prices.items()},
        "isLangfuseManaged": sent is None,
        "pricingTiers": [tier],
    }
