"""Model prices: tiers by usage, what is refused, and how models are listed."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from wire import JSON, Reply, ask, request_of, span

from langfuse_local.api.models import Models
from langfuse_local.api.patterns import is_safe
from langfuse_local.mapping.prices import ModelPrice, Prices
from langfuse_local.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from wire import Backend

_LONG = {
    "name": "Long",
    "priority": 2,
    "conditions": [{"usageDetailPattern": "^INPUT", "operator": "gt", "value": 100}],
    "prices": {"input": 2, "output": 4},
}
_TALKATIVE = {
    "name": "Talkative",
    "priority": 1,
    "conditions": [
        {"usageDetailPattern": "^input", "operator": "lte", "value": 1000},
        {"usageDetailPattern": "output", "operator": "gte", "value": 50},
    ],
    "prices": {"input": 3, "output": 9},
}
_STANDARD = {
    "name": "Standard",
    "isDefault": True,
    "priority": 0,
    "conditions": [],
    "prices": {"input": 1, "output": 2},
}
_OWN = {"modelName": "own", "matchPattern": "^own-", "unit": "TOKENS"}
_FLAT = {**_OWN, "inputPrice": 1}
_TIERED = {**_OWN, "pricingTiers": [_LONG, _STANDARD, _TALKATIVE]}


@pytest.fixture(scope="module")
def refusing(
    tmp_path_factory: pytest.TempPathFactory,
    running: Callable[[Path], AbstractContextManager[Backend]],
) -> Iterator[Backend]:
    """A backend that is sent nothing it can keep."""
    with running(tmp_path_factory.mktemp("models")) as started:
        yield started


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        ({"input": 100}, 100),
        ({"input": 101}, 202),
        ({"input": 90, "input_cached": 11}, 180),
        ({"input": 10, "output": 49}, 108),
        ({"input": 10, "output": 50}, 480),
        ({"input": 200, "output": 50}, 1050),
        ({"input": 2000, "output": 50}, 4200),
    ],
)
def test_prices_by_tier(backend: Backend, usage: dict[str, int], expected: float) -> None:
    """The first tier by priority all of whose conditions hold counts, else the default one.

    A condition is about the sum over the kinds of usage in whose name its pattern occurs.
    """
    assert _add(backend, _TIERED).status == 200
    assert _cost(backend, usage) == expected
    with closing(Store(backend.store.path)) as again:
        price = again.prices.find("own-model")
        assert price is not None
        assert len(price.tiers) == 2


@pytest.mark.parametrize(
    ("operator", "held"),
    [("gt", 11), ("gte", 10), ("lt", 9), ("lte", 10), ("eq", 10), ("neq", 11)],
)
def test_compares_usage(backend: Backend, operator: str, held: int) -> None:
    """Each operator at the edge of what it holds for."""
    condition = {"usageDetailPattern": "^input$", "operator": operator, "value": 10}
    special = {**_LONG, "conditions": [condition], "prices": {"input": 5}}
    tiers = [{**_STANDARD, "prices": {"input": 1}}, special]
    assert _add(backend, {**_OWN, "pricingTiers": tiers}).status == 200
    assert _cost(backend, {"input": held}) == 5 * held
    other = {"gt": 10, "gte": 9, "lt": 10, "lte": 11, "eq": 11, "neq": 10}[operator]
    assert _cost(backend, {"input": other}) == other


def test_may_tell_upper_and_lower_case_apart(backend: Backend) -> None:
    """A pattern ignores case unless `caseSensitive` says so."""
    condition = {**_LONG["conditions"][0], "caseSensitive": True}  # type: ignore[dict-item, index]  # a literal
    tiers = [_STANDARD, {**_LONG, "conditions": [condition]}]
    assert _add(backend, {**_OWN, "pricingTiers": tiers}).status == 200
    assert _cost(backend, {"input": 101}) == 101


def test_answers_the_tiers(backend: Backend) -> None:
    """Tiers are listed by priority with ids; the flat prices are those of the default one."""
    answer = _add(backend, _TIERED).json
    assert (answer["inputPrice"], answer["outputPrice"], answer["totalPrice"]) == (1, 2, None)
    assert answer["prices"] == {"input": {"price": 1}, "output": {"price": 2}}
    tiers = answer["pricingTiers"]
    assert [tier["name"] for tier in tiers] == ["Standard", "Talkative", "Long"]
    assert list(tiers[2]) == ["id", "name", "isDefault", "priority", "conditions", "prices"]
    assert tiers[2]["isDefault"] is False
    assert tiers[2]["conditions"] == [{**_LONG["conditions"][0], "caseSensitive": False}]  # type: ignore[dict-item, index]  # a literal
    assert ask(f"{backend.web}/api/public/models/{answer['id']}").json == answer


def test_answers_flat_prices_as_one_tier(backend: Backend) -> None:
    """Flat prices are a default tier of a name and an id of its own."""
    answer = _add(backend, {**_OWN, "totalPrice": 0.5, "startDate": "2026-11-20"}).json
    (tier,) = answer["pricingTiers"]
    assert tier == {
        "id": f"{answer['id']}_tier_default",
        "name": "Standard",
        "isDefault": True,
        "priority": 0,
        "conditions": [],
        "prices": {"total": 0.5},
    }
    assert answer["startDate"] == "2026-11-20T00:00:00.000Z"


def _tiers(*changed: tuple[int, dict[str, Any]]) -> list[dict[str, Any]]:
    tiers: list[dict[str, Any]] = [{**_STANDARD}, {**_LONG}, {**_TALKATIVE}]
    for place, changes in changed:
        tiers[place] |= changes
    return tiers


@pytest.mark.parametrize(
    ("tiers", "problem"),
    [
        (_tiers((0, {"isDefault": False})), "Exactly one pricing tier must have isDefault: true"),
        (
            _tiers((1, {"isDefault": True})),
            "Only one pricing tier can have isDefault: true, found 2",
        ),
        (_tiers((0, {"priority": 3})), "Default pricing tier must have priority: 0"),
        (
            _tiers((0, {"conditions": _LONG["conditions"]})),
            "Default pricing tier must have empty conditions array",
        ),
        (
            _tiers((1, {"conditions": []})),
            'Non-default pricing tier "Long" must have at least one condition',
        ),
        (_tiers((1, {"priority": 1})), "Pricing tier priorities must be unique within a model"),
        (_tiers((1, {"name": "Standard"})), "Pricing tier names must be unique"),
        (
            _tiers((1, {"prices": {}})),
            'Pricing tier "Long" must have at least one price defined',
        ),
        (
            _tiers((1, {"prices": {"input": 1}})),
            (
                'Pricing tier "Long" must have the same usage keys as the default tier. Expected:'
                " [input, output], Got: [input]"
            ),
        ),
    ],
)
def test_refuses_tiers(refusing: Backend, tiers: list[dict[str, Any]], problem: str) -> None:
    """Tiers that do not fit together are refused with what does not fit."""
    answer = _add(refusing, {**_OWN, "pricingTiers": tiers})
    assert (answer.status, answer.json["message"]) == (400, "Invalid request data")
    assert answer.json["error"] == [
        {"code": "custom", "path": ["pricingTiers"], "message": problem}
    ]


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"name": ""}, ["name"]),
        ({"name": "n" * 101}, ["name"]),
        ({"priority": 1.5}, ["priority"]),
        ({"priority": 1000}, ["priority"]),
        ({"conditions": None}, ["conditions"]),
        ({"prices": {"input": -1, "output": 1}}, ["prices", "input"]),
        ({"prices": {"input": "1", "output": 1}}, ["prices", "input"]),
        ({"conditions": [{}]}, ["conditions", 0, "usageDetailPattern"]),
        *(
            ({"conditions": [{**_TALKATIVE["conditions"][0], **one}]}, ["conditions", 0, *one])  # type: ignore[index, dict-item]  # a literal
            for one in (
                {"usageDetailPattern": ""},
                {"usageDetailPattern": "a" * 201},
                {"usageDetailPattern": "(a+)+"},
                {"operator": "above"},
                {"value": -1},
                {"caseSensitive": "no"},
            )
        ),
    ],
)
def test_refuses_a_tier(refusing: Backend, changes: dict[str, Any], path: list[object]) -> None:
    """Every member of a tier is checked, and the one that is wrong is named by its path."""
    answer = _add(refusing, {**_OWN, "pricingTiers": _tiers((1, changes))})
    (issue,) = answer.json["error"]
    assert (answer.status, issue["path"]) == (400, ["pricingTiers", 1, *path])


def test_refuses_a_name_that_is_taken(backend: Backend) -> None:
    """A project has one model of a name; a built-in one is overridden by its name."""
    flat = {**_OWN, "inputPrice": 1}
    assert [_add(backend, flat).status for _ in range(2)] == [200, 400]
    assert _add(backend, flat).json == {
        "message": "Model name 'own' already exists in project",
        "error": "InvalidRequestError",
    }
    assert _add(backend, {**flat, "modelName": "gpt-4o-mini"}).status == 200


def test_refuses_a_pattern_that_is_none(refusing: Backend) -> None:
    """A pattern that cannot be searched for is refused by itself."""
    answer = _add(refusing, {**_OWN, "inputPrice": 1, "matchPattern": "("})
    assert answer.json["message"] == "matchPattern is not a valid regex pattern (Postgres)"


def test_lists_models_by_name(backend: Backend) -> None:
    """Own and built-in models are one list in the order of their names, in pages."""
    _add(backend, {**_OWN, "modelName": "h", "inputPrice": 1})
    url = f"{backend.web}/api/public/models"
    whole = ask(url).json
    names = [model["modelName"] for model in whole["data"]]
    assert names == ["gpt-4o-mini", "gpt-4o-mini-2024-07-18", "h", "order-model"]
    assert whole["meta"] == {"page": 1, "limit": 50, "totalItems": 4, "totalPages": 1}
    last = ask(f"{url}?limit=3&page=2").json
    assert [model["modelName"] for model in last["data"]] == ["order-model"]
    assert last["meta"] == {"page": 2, "limit": 3, "totalItems": 4, "totalPages": 2}
    assert ask(f"{url}?page=9").json["data"] == []


@pytest.mark.parametrize("query", ["page=0", "page=-1", "page=x", "limit=101", "limit=0"])
def test_refuses_a_page_that_is_none(refusing: Backend, query: str) -> None:
    """Pages count from 1 and hold up to 100 models."""
    answer = ask(f"{refusing.web}/api/public/models?{query}")
    assert (answer.status, answer.json["message"]) == (400, "Invalid request data")


def test_does_not_remove_what_is_built_in(backend: Backend) -> None:
    """Only the project's own models can be removed, and one that is gone is not found."""
    own = _add(backend, {**_OWN, "inputPrice": 1}).json["id"]
    assert _delete(backend, own).json == {"message": "Model successfully deleted"}
    for one in (own, "gpt-4o-mini"):
        answer = _delete(backend, one)
        assert (answer.status, answer.json["error"]) == (404, "LangfuseNotFoundError")
        assert "cannot delete built-in models" in answer.json["message"]
    assert ask(f"{backend.web}/api/public/models/{own}").json["message"] == (
        "No model with this id found."
    )
    assert ask(f"{backend.web}/api/public/models/gpt-4o-mini").json["isLangfuseManaged"] is True


@pytest.mark.parametrize(
    ("pattern", "safe"),
    [
        ("^(input|output)_(cached|regular)$", True),
        (".*tokens.*", True),
        ("(?:ab)+", True),
        (r"\(+[(+]+", True),
        ("b*" * 25, True),
        ("b*" * 26, False),
        ("(a+)+b", False),
        ("(x(a?)y){2}", False),
        ("(a{1,2})*", False),
        ("(unclosed", False),
        ("(?x)a#)", False),
        ("(?x)(a+#)\n)+", False),
        (r"\(?a[(?]", True),
    ],
)
def test_refuses_patterns_that_may_take_for_ever(pattern: str, *, safe: bool) -> None:
    """A repetition inside a repetition is unsafe, and so are more than 25 of them.

    Neither can be hidden in what Python's expressions have and JavaScript's have not.
    """
    assert is_safe(pattern) is safe


def test_refuses_a_pattern_with_too_long_a_number(backend: Backend) -> None:
    """A repetition that Python will not even read as a number is no pattern, and no error here."""
    answer = _add(backend, {**_FLAT, "matchPattern": f"a{{{'9' * 5000}}}"})
    assert (answer.status, answer.json["error"]) == (400, "InvalidRequestError")


def test_a_number_beyond_all_bounds_is_null(backend: Backend) -> None:
    """What no double holds cannot be answered as JSON: it is stored as JavaScript writes it."""
    sent = {**_FLAT, "tokenizerConfig": {"beyond": 1}}
    body = json.dumps(sent).replace('"beyond": 1', '"beyond": 1e999').encode()
    assert ask(f"{backend.web}/api/public/models", body, content_type=JSON).status == 200
    listed = ask(f"{backend.web}/api/public/models?limit=100").json["data"]
    own = [one for one in listed if not one["isLangfuseManaged"]]
    assert [one["tokenizerConfig"] for one in own] == [{"beyond": None}]


def test_prices_added_at_once_all_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two models added at the same time, the slower request does not undo the other's price."""
    with closing(Store(tmp_path / "langfuse.db")) as store, ThreadPoolExecutor(2) as threads:
        reading, added = threading.Event(), threading.Event()

        def slow(own: Iterable[ModelPrice]) -> Prices:
            read = [*own]
            if not reading.is_set():
                reading.set()
                added.wait(0.3)  # The other comes to its end meanwhile, or waits for this one.
            return Prices(read)

        monkeypatch.setattr("langfuse_local.store.store.Prices", slow)
        first = threads.submit(store.reprice)
        assert reading.wait(10)
        threads.submit(Models(store).add, _FLAT).add_done_callback(lambda _: added.set())
        first.result()
        assert added.wait(10)
        assert store.prices.find("own-model") is not None


def _add(backend: Backend, model: dict[str, Any]) -> Reply:
    url = f"{backend.web}/api/public/models"
    return ask(url, json.dumps(model).encode(), content_type=JSON)


def _delete(backend: Backend, model_id: str) -> Reply:
    return ask(f"{backend.web}/api/public/models/{model_id}", method="DELETE")


def _cost(backend: Backend, usage: dict[str, int]) -> float:
    attributes = [
        {"key": "gen_ai.request.model", "value": {"stringValue": "own-model"}},
        {
            "key": "langfuse.observation.usage_details",
            "value": {"stringValue": json.dumps(usage)},
        },
    ]
    sent = request_of(span(attributes=attributes))
    assert ask(backend.otlp, sent, content_type=JSON).status == 200
    (row,) = backend.rows("?fields=usage")
    cost: float = row["totalCost"]
    return cost
