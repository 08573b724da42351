"""Promises about traces: the session has two or more, and each turn is one whole trace."""

from collections.abc import Sequence
from typing import Final

from ..records import Observation
from .evidence import Evidence
from .verdicts import Result, broken, kept, unchecked

__all__ = ["no_trace_id_as_session", "one_named_root", "session_has_turns"]

_TURNS: Final = 2


def session_has_turns(evidence: Evidence) -> Result:
    """Check that the turns of one conversation are one session."""
    session = evidence.expected.session
    traces = [
        rows for rows in evidence.traces.values() if any(row.session_id == session for row in rows)
    ]
    if len(traces) >= _TURNS:
        return kept(f"{len(traces)} traces")
    if evidence.outside:
        return broken(
            "0 traces",
            span=evidence.outside,
            cause=f"its newest span started at {evidence.outside.start.isoformat()}, before what"
            " SINCE asks for, or the clock of one machine is wrong",
            fix="leave SINCE out, or set the clocks",
        )
    if traces:
        return broken(
            "1 trace",
            span=traces[0][0],
            cause="one turn has run, or each turn has a session of its own",
            fix="run `make demo` again, with the same conversation id for both turns",
        )
    if any(row.session_id == row.trace_id for row in evidence.roots_of_user):
        return broken(
            "0 traces",
            span=evidence.roots_of_user[0],
            cause="the user's traces have their trace ids for sessions",
            fix="send the conversation's own id, the same for all of its turns",
        )
    return broken(
        "0 traces",
        cause="nothing ran, nothing was flushed before the process ended, the endpoint's path is"
        " wrong, or no span names this session",
        fix="run `make demo` twice: it says what was delivered and where; shut the provider down"
        " in `finally`; check OTEL_EXPORTER_OTLP_TRACES_ENDPOINT and langfuse.session.id",
    )


def one_named_root(evidence: Evidence) -> Result:
    """Check that each trace has exactly one root, and that it carries the trace's name."""
    name = evidence.expected.trace_name
    whole = 0
    first: tuple[Observation, str, str] | None = None
    for rows in evidence.traces.values():
        roots = [row for row in rows if row.is_root]
        if len(roots) == 1 and roots[0].trace_name == name:
            whole += 1
        elif not first:
            first = _why_no_root(rows, roots)
    if first is None:
        return kept(f"{whole}/{len(evidence.traces)}")
    span, cause, fix = first
    return broken(f"{whole}/{len(evidence.traces)}", span=span, cause=cause, fix=fix)


def _why_no_root(
    rows: Sequence[Observation], roots: Sequence[Observation]
) -> tuple[Observation, str, str]:
    if not roots:
        cause = "the root never arrived: filtered out, not flushed, or a remote parent"
        return rows[0], cause, "never filter the root; shut the provider down in `finally`"
    if len(roots) > 1:
        cause = f"{len(roots)} spans of the trace have no parent"
        return roots[1], cause, "start them inside the turn's root span"
    cause = f"the root is called {roots[0].trace_name or 'nothing'}: it lacks langfuse.trace.name"
    return roots[0], cause, "enter langfuse_trace_context() before the root span starts"


def no_trace_id_as_session(evidence: Evidence) -> Result:
    """Check that no session id is the id of its trace."""
    rows = [*evidence.rows, *evidence.roots_of_user]
    if not rows:
        return unchecked("neither the session nor the user has an observation")
    wrong = [row for row in rows if row.session_id and row.session_id == row.trace_id]
    if not wrong:
        return kept(f"0 of {len(rows)} observations")
    return broken(
        f"{len(wrong)} of {len(rows)} observations",
        span=wrong[0],
        cause="the trace id was sent as the session id, which makes a session of every turn",
        fix="send the conversation's own id, the same for all of its turns",
    )
