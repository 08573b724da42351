"""The project's own model prices, which count for the spans that arrive after them."""

from __future__ import annotations

import json
import time
import uuid
from dataclasses import dataclass
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from langfuse_local.answers import InvalidRequestError
from langfuse_local.api.model_form import FLAT, model_of
from langfuse_local.mapping.prices import BUILT_IN
from langfuse_local.moments import iso
from langfuse_local.store.sql import statement

if TYPE_CHECKING:
    from collections.abc import Iterable

    from langfuse_local.store.store import Store

__all__ = ["Models"]


@dataclass(frozen=True, slots=True)
class Models:
    """Model prices in a store, and the built-in ones after them."""

    store: Store

    def all(self) -> list[dict[str, Any]]:
        """Every model as the API answers it, by name, the project's own and the built-in ones."""
        models = [*self._own(), *_BUILT_IN]
        models.sort(key=lambda model: model["startDate"] or "", reverse=True)
        return sorted(models, key=lambda model: (model["modelName"], model["unit"]))

    def add(self, body: Any) -> dict[str, Any]:
        """Store a model and give it as the API answers it.

        Raises InvalidDataError, and InvalidRequestError for a name that is taken.
        """
        model = model_of(body)
        name = model["modelName"]
        if any(own["modelName"] == name for own in self._own()):
            raise InvalidRequestError(f"Model name '{name}' already exists in project")
        now = time.time_ns() // 1000
        answer = _answer(str(uuid.uuid4()), model, now)
        values = {
            "id": answer["id"],
            "name": name,
            "pattern": model["matchPattern"],
            "prices": json.dumps({kind: one["price"] for kind, one in answer["prices"].items()}),
            "answer": json.dumps(answer),
            "created": now,
        }
        self.store.write(statement("insert_model"), values)
        self.store.reprice()
        return answer

    def delete(self, model_id: str) -> bool:
        """Forget a model of the project; False if there is none of that id."""
        found = any(own["id"] == model_id for own in self._own())
        self.store.write(statement("delete_model"), {"id": model_id})
        self.store.reprice()
        return found

    def _own(self) -> Iterable[dict[str, Any]]:
        return (json.loads(row["answer"]) for row in self.store.rows(statement("models")))


def _answer(
    model_id: str, model: dict[str, Any], created: int, *, managed: bool = False
) -> dict[str, Any]:
    sent = [{"id": str(uuid.uuid4()), **tier} for tier in model["tiers"]]
    tiers = sorted(sent, key=itemgetter("priority")) or [_flat(model_id, model)]
    prices = next(tier["prices"] for tier in tiers if tier["isDefault"])
    return {
        "id": model_id,
        "createdAt": iso(created),
        "modelName": model["modelName"],
        "matchPattern": model["matchPattern"],
        "startDate": model["startDate"],
        "tokenizerConfig": model["tokenizerConfig"],
        "tokenizerId": model["tokenizerId"],
        "unit": model["unit"],
        **{flat: prices.get(kind) for flat, kind in FLAT.items()},
        "prices": {kind: {"price": price} for kind, price in prices.items()},
        "isLangfuseManaged": managed,
        "pricingTiers": tiers,
    }


def _flat(model_id: str, model: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": f"{model_id}_tier_default",
        "name": "Standard",
        "isDefault": True,
        "priority": 0,
        "conditions": [],
        "prices": model["prices"],
    }


_BUILT_IN = [
    _answer(
        price.model,
        {
            "modelName": price.model,
            "matchPattern": price.pattern.pattern,
            "startDate": None,
            "tokenizerConfig": None,
            "tokenizerId": None,
            "unit": "TOKENS",
            "prices": {**price.per_token},
            "tiers": [],
        },
        0,
        managed=True,
    )
    for price in BUILT_IN
]
