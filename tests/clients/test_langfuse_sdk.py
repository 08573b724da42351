"""Langfuse's own Python SDK works unchanged against the local backend."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from langfuse import Langfuse, propagate_attributes

from conftest import KEYS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import Backend


@pytest.fixture(scope="module")
def client(backend: Backend) -> Iterator[Langfuse]:
    """The SDK's client."""
    public, secret = KEYS
    made = Langfuse(public_key=public, secret_key=secret, base_url=backend.web)
    yield made
    made.shutdown()


@pytest.fixture(scope="module")
def trace_id(client: Langfuse) -> str:
    """One turn traced by the SDK, with its scores, delivered."""
    with (
        propagate_attributes(
            session_id="conv_sdk",
            user_id="usr_sdk",
            trace_name="order-status-turn",
            version="7",
            tags=["order-status", "a,b"],
            metadata={"region": "eu"},
        ),
        client.start_as_current_observation(name="turn", as_type="agent") as turn,
    ):
        with client.start_as_current_observation(
            name="chat", as_type="generation", model="order-model"
        ) as chat:
            chat.update(usage_details={"input": 100, "output": 10}, output="In transit")
        turn.score_trace(name="resolved", value=1, data_type="BOOLEAN", score_id="sdk-trace")
    client.create_score(
        name="feedback", value=0.5, session_id="conv_sdk", score_id="sdk-session", comment="fine"
    )
    client.flush()
    return turn.trace_id


def test_traces(client: Langfuse, trace_id: str) -> None:
    """Every observation carries session, user, name, version and tags, and reads back."""
    found = client.api.observations.get_many(
        trace_id=trace_id, fields="core,basic,io,metadata,model,usage,trace_context"
    ).data
    assert {(one.name, one.type) for one in found} == {("turn", "AGENT"), ("chat", "GENERATION")}
    for one in found:
        assert (one.session_id, one.user_id, one.version) == ("conv_sdk", "usr_sdk", "7")
        assert (one.trace_name, one.tags) == ("order-status-turn", ["order-status", "a,b"])
        assert one.metadata["region"] == "eu"
    (chat,) = [one for one in found if one.name == "chat"]
    assert chat.usage_details == {"input": 100, "output": 10, "total": 110}
    assert chat.total_cost == pytest.approx(100 * 1.5e-7 + 10 * 6e-7)


def test_filters(client: Langfuse, trace_id: str) -> None:
    """The JSON filter reaches the rows of one session, by tag and metadata."""
    wanted = [
        {"type": "arrayOptions", "column": "tags", "operator": "all of", "value": ["a,b"]},
        {"type": "string", "column": "sessionId", "operator": "=", "value": "conv_sdk"},
    ]
    found = client.api.observations.get_many(filter=json.dumps(wanted), limit=10)
    assert {one.trace_id for one in found.data} == {trace_id}


def test_scores(client: Langfuse, trace_id: str) -> None:
    """Scores of a trace and of a session read back, and one can be deleted."""
    (one,) = client.api.scores.get_many(trace_id=trace_id, fields="subject,details").data
    assert (one.id, one.value, one.subject.kind) == ("sdk-trace", True, "trace")
    (one,) = client.api.scores.get_many(session_id="conv_sdk", fields="subject,details").data
    assert (one.id, one.value, one.comment) == ("sdk-session", 0.5, "fine")
    client.api.scores.delete("sdk-session")
    assert client.api.scores.get_many(session_id="conv_sdk").data == []


def test_metrics(client: Langfuse, trace_id: str) -> None:
    """Metrics by user hold the turn's cost."""
    assert trace_id
    query = {
        "view": "observations",
        "dimensions": [{"field": "userId"}],
        "metrics": [{"measure": "totalTokens", "aggregation": "sum"}],
        "filters": [],
        "fromTimestamp": "2020-01-01T00:00:00Z",
        "toTimestamp": "2100-01-01T00:00:00Z",
        "orderBy": [{"field": "sum_totalTokens", "direction": "desc"}],
        "config": {"row_limit": 10},
    }
    found = client.api.metrics.metrics(query=json.dumps(query)).data
    assert {"userId": "usr_sdk", "sum_totalTokens": 110} in found


def test_projects(client: Langfuse) -> None:
    """The SDK's own check of its keys passes."""
    assert client.auth_check()
