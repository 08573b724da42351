"""A healthy session as rows and evidence, which a test spoils one field at a time."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from langfuse_checks.arrival import Arrival, Missing
from langfuse_checks.records import Observation, Score
from langfuse_checks.verify.evidence import Evidence, Expected

EXPECTED = Expected()
START = datetime(2026, 11, 20, 10, tzinfo=UTC)


def row(trace: int, span: int, **changes: Any) -> Observation:
    """Return a healthy observation: span 1 is the root, span 2 the model's, others plain."""
    healthy = Observation(
        id=f"{span:016x}",
        trace_id=f"{trace:032x}",
        parent_id=None if span == 1 else f"{1:016x}",
        type={1: "AGENT", 2: "GENERATION"}.get(span, "SPAN"),
        name={1: "invoke_agent", 2: "chat"}.get(span, "node"),
        start=START + timedelta(minutes=trace, milliseconds=span),
        end=START + timedelta(minutes=trace, milliseconds=span + 5),
        level="DEFAULT",
        version="local",
        environment="development",
        user_id=EXPECTED.user,
        session_id=EXPECTED.session,
        is_root=span == 1,
        trace_name=EXPECTED.trace_name,
        tags=EXPECTED.tags,
        usage={"input": 10, "output": 5, "total": 15} if span == 2 else {},
        cost={"total": 0.001} if span == 2 else {},
        metadata={"environment": "development", "workflow": "order-status", "region": "eu"},
        input="Where is my order?" if span == 1 else "",
    )
    return replace(healthy, **changes)


def evidence(*spoiled: Observation, **changes: Any) -> Evidence:
    """Return two healthy turns of three observations; each of `spoiled` replaces the one of its id."""
    rows = {(r.trace_id, r.id): r for r in (row(t, s) for t in (1, 2) for s in (1, 2, 3))}
    rows |= {(r.trace_id, r.id): r for r in spoiled}
    healthy = Evidence(
        expected=EXPECTED,
        rows=tuple(rows.values()),
        roots_of_user=(row(1, 1), row(2, 1)),
        cost_by_user={EXPECTED.user: 0.002},
        scores=(Score("s", "user-feedback", 1, "session", EXPECTED.session, ""),),
        arrival=Arrival(Missing("span", 6), Missing("score", 1), is_known=True),
    )
    return replace(healthy, **changes)
