"""The policy of the trace context: what is refused, how it is said, and what is dropped."""

import logging
import re
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from langfuse_otel import ContextFields, ContextPolicy, InvalidTraceContextError, policy

METADATA = {
    "environment": frozenset({"development", "production"}),
    "region": frozenset({"eu", "us", "global"}),
    "tenant_tier": frozenset({"free", "team"}),
}
FIELDS: dict[str, Any] = {
    "session_id": "conv_82d9535867844b4c8cdff",
    "user_id": "usr_pseudo_7f31c2",
    "trace_name": "order-status-turn",
    "version": "local",
    "tags": ("order-status", "langgraph"),
    "metadata": {"environment": "development", "region": "eu"},
}
BAD: list[tuple[str, Any, str]] = [
    ("session_id", "", "session_id"),
    ("session_id", "x" * 201, "session_id"),
    ("session_id", "söme", "session_id"),
    ("session_id", "a b", "session_id"),
    ("session_id", None, "session_id"),
    ("session_id", b"conv", "session_id"),
    ("user_id", "jane@example.com", "user_id"),
    ("user_id", "sk-proj-abcdefghijklmnopqrst", "user_id"),
    ("user_id", 7, "user_id"),
    ("user_id", ["u"], "user_id"),
    ("trace_name", "", "trace_name"),
    ("trace_name", "Where is my order?", "trace_name"),
    ("trace_name", "\ud800", "trace_name"),
    ("version", "x" * 201, "version"),
    ("version", {}, "version"),
    ("tags", "order-status", "tags"),
    ("tags", None, "tags"),
    ("tags", ["x"] * 21, "tags"),
    ("tags", [""], "tags"),
    ("tags", [{}], "tags"),
    ("tags", ["+49 30 901820"], "tags"),
    ("tags", {"a"}, "tags"),
    ("metadata", None, "metadata"),
    ("metadata", [("region", "eu")], "metadata"),
    ("metadata", {"query": "eu"}, "metadata"),
    ("metadata", {"region": "mars"}, "metadata region"),
    ("metadata", {"region": ["eu"]}, "metadata region"),
    ("metadata", {"region": None}, "metadata region"),
    ("metadata", {"tenant_tier": "gold"}, "metadata tenant_tier"),
]


def check(on_invalid: Any, **changes: Any) -> ContextFields:
    """Check the fields with some of them changed."""
    policy = ContextPolicy(metadata=METADATA, on_invalid=on_invalid)
    return policy.check(**{**FIELDS, **changes})


def test_fit_fields_travel_as_they_are() -> None:
    """Nothing is changed on the way."""
    assert check("raise") == ContextFields(**FIELDS)


@pytest.mark.parametrize(("field", "value", "named"), BAD)
def test_an_unfit_field_is_refused(field: str, value: Any, named: str) -> None:
    """The error names the field."""
    with pytest.raises(InvalidTraceContextError, match=f"^{named} "):
        check("raise", **{field: value})


@pytest.mark.parametrize(("field", "value", "named"), BAD)
def test_an_unfit_field_is_dropped(field: str, value: Any, named: str) -> None:
    """With `drop`, the field is left out and every other one stays."""
    fields = check("drop", **{field: value})
    name = named.partition(" ")[0]
    expected = {**FIELDS, name: {"tags": (), "metadata": {}}.get(name)}
    assert fields == ContextFields(**expected)


@pytest.mark.parametrize(("environment", "raises"), [("development", True), ("production", False)])
def test_the_contexts_own_environment_decides(environment: str, *, raises: bool) -> None:
    """By default a bad value is an error where somebody is looking, and dropped elsewhere."""
    changes = {"user_id": "", "metadata": {"environment": environment}}
    if raises:
        with pytest.raises(InvalidTraceContextError):
            check("auto", **changes)
    else:
        assert check("auto", **changes).user_id is None
    assert check("auto", user_id="", metadata={}).user_id is None


def test_the_likeness_comes_first() -> None:
    """Whoever sends an e-mail address is told so, not that a character is not allowed."""
    with pytest.raises(InvalidTraceContextError, match=r"^user_id looks like an e-mail address"):
        check("raise", user_id="jane@example.com")


def test_ids_may_have_a_pattern_of_their_own() -> None:
    """Ids with other characters travel where the policy says so."""
    own = ContextPolicy(metadata=METADATA, user_id_pattern=re.compile(r"auth0\|[a-z0-9]{1,40}"))
    assert own.check(**{**FIELDS, "user_id": "auth0|64f1c2"}).user_id == "auth0|64f1c2"
    with pytest.raises(InvalidTraceContextError, match=r"^user_id must match"):
        own.check(**{**FIELDS, "user_id": "usr_1"})


def test_all_problems_are_in_one_error_without_a_value() -> None:
    """Every field that is wrong is named at once, and no value, nor an unknown key, is repeated."""
    with pytest.raises(InvalidTraceContextError) as caught:
        check(
            "raise",
            session_id="jane@example.com",
            user_id="Bearer 0123456789abcdef",
            trace_name="Where is my parcel?",
            version="",
            tags=["+49 30 901820"],
            metadata={"jane@example.org": "x", "region": "Bearer abcdefghijklmnop"},
        )
    message = str(caught.value)
    for field in ("session_id", "user_id", "trace_name", "version", "tags", "metadata region"):
        assert field in message
    for value in ("jane", "0123", "parcel", "901820", "Bearer"):
        assert value not in message
    assert "eu, global, us" in message


def test_a_dropped_field_is_logged_once_and_counted(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """One warning for many turns; the counter has each of them, by field."""
    reader = InMemoryMetricReader()
    meter = MeterProvider([reader]).get_meter("tests")
    monkeypatch.setattr(policy, "_dropped", meter.create_counter("dropped"))
    policy._warn_once.cache_clear()
    for number in range(3):
        check("drop", user_id=f"jane{number}@example.com")
    warnings = [each.getMessage() for each in caplog.records if each.levelno == logging.WARNING]
    assert len(warnings) == 1
    assert "user_id" in warnings[0]
    assert "jane" not in warnings[0]
    data = reader.get_metrics_data()
    assert data is not None
    [point] = data.resource_metrics[0].scope_metrics[0].metrics[0].data.data_points
    assert dict(point.attributes or {}) == {"field": "user_id"}
    assert getattr(point, "value", None) == 3


def test_metadata_is_extended_in_one_place() -> None:
    """A policy with one more key lets it travel; values outside its set are still refused."""
    wider = ContextPolicy(
        metadata={**METADATA, "channel": frozenset({"web", "app"})}, on_invalid="raise"
    )
    assert wider.check(**{**FIELDS, "metadata": {"channel": "web"}}).metadata == {"channel": "web"}
    with pytest.raises(InvalidTraceContextError, match="metadata channel must be one of app, web"):
        wider.check(**{**FIELDS, "metadata": {"channel": "fax"}})
