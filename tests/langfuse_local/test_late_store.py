"""A backend that is late on purpose: whoever reads sees a span, and a score, only after a while."""

from __future__ import annotations

import json
import signal
import time
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from served import served
from wire import JSON, ask, free_port, request_of, span

from langfuse_local.config import Settings, SettingsError, load_settings
from langfuse_local.server import open_store
from langfuse_local.store.late import LateStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from served import Served

_SPANS, _SCORES = 1.0, 2.0
_LATE = {
    "LANGFUSE_LOCAL_SPAN_DELAY_SECONDS": str(_SPANS),
    "LANGFUSE_LOCAL_SCORE_DELAY_SECONDS": str(_SCORES),
}
_TRACE = "0af7651916cd43dd8448eb211c80319c"
_PROJECT = "/project/order-status-demo"


@pytest.fixture(name="late")
def _late(tmp_path: Path) -> Iterator[Served]:
    with served(tmp_path, **_LATE) as backend:
        yield backend


def send(backend: Served) -> None:
    """Send a span of a session and a user, and a score on its trace; both are taken at once."""
    texts = {"langfuse.session.id": "conv_1", "langfuse.user.id": "usr_1"}
    attributes = [{"key": key, "value": {"stringValue": text}} for key, text in texts.items()]
    body = request_of(span(attributes=attributes))
    assert ask(backend.otlp, body, Content_Type=JSON).status == 200
    score = json.dumps({"id": "s", "name": "mood", "value": 1, "traceId": _TRACE}).encode()
    assert ask(f"{backend.web}/api/public/scores", score, Content_Type=JSON).status == 200


def seen(backend: Served) -> dict[str, bool]:
    """Say by who reads whether the span is there, and whether the score is."""
    metrics = quote(
        json.dumps(
            {
                "view": "observations",
                "metrics": [{"measure": "totalCost", "aggregation": "sum"}],
                "dimensions": [{"field": "userId"}],
                "fromTimestamp": "2020-01-01T00:00:00Z",
                "toTimestamp": "2030-01-01T00:00:00Z",
                "orderBy": [{"field": "sum_totalCost", "direction": "desc"}],
                "config": {"row_limit": 100},
            }
        )
    )
    api = f"{backend.web}/api/public"
    pages = {
        path: ask(f"{backend.web}{_PROJECT}/{path}").status == 200
        for path in ("sessions/conv_1", "users/usr_1", f"traces/{_TRACE}")
    }
    lists = {
        path: b"href=" + f'"{_PROJECT}/{path}/'.encode()
        in ask(f"{backend.web}{_PROJECT}/{path}").body
        for path in ("sessions", "users", "traces")
    }
    return {
        **pages,
        **lists,
        "observations": bool(ask(f"{api}/v2/observations").json["data"]),
        "metrics": bool(ask(f"{api}/v2/metrics?query={metrics}").json["data"]),
        "score": bool(ask(f"{api}/v3/scores").json["data"]),
    }


def test_all_who_read_see_it_late(late: Served) -> None:
    """API, metrics and pages agree: nothing at first, then the span, then the score."""
    send(late)
    began = time.monotonic()
    assert not any(seen(late).values())
    time.sleep(_SPANS + 0.5 - (time.monotonic() - began))
    spans_alone = seen(late)
    assert not spans_alone.pop("score")
    assert all(spans_alone.values()), spans_alone
    time.sleep(max(_SCORES + 0.5 - (time.monotonic() - began), 0))
    assert all(seen(late).values())


def test_what_waits_is_stored_when_it_is_stopped(tmp_path: Path) -> None:
    """After SIGTERM and a new start, without delay, both are there."""
    with served(tmp_path, **_LATE) as backend:
        send(backend)
        backend.process.send_signal(signal.SIGTERM)
        assert backend.process.wait(10) == 0
    with served(tmp_path) as backend:
        assert all(seen(backend).values())


def test_it_says_so(late: Served) -> None:
    """On every page and where it starts; a backend that is not late does not speak of it."""
    words = "late on purpose: spans after 1 s, scores after 2 s"
    for path in ("sessions", "mapping", "traces/none"):
        assert words in ask(f"{late.web}{_PROJECT}/{path}").body.decode()
    late.process.send_signal(signal.SIGTERM)
    assert late.process.stdout is not None
    assert f"mode     {words}\n" in late.process.stdout.read()
    assert Settings.model_construct().lateness == ""


def test_it_is_off_by_default(tmp_path: Path) -> None:
    """Without the settings the plain store is used, and one of the two is enough to be late."""
    for changes, is_late in (
        ({}, False),
        ({"langfuse_local_span_delay_seconds": 1.0}, True),
        ({"langfuse_local_score_delay_seconds": 1.0}, True),
    ):
        settings = Settings.model_construct(
            langfuse_local_data_dir=tmp_path / str(free_port()), **changes
        )
        store = open_store(settings)
        store.close()
        assert isinstance(store, LateStore) is is_late


@pytest.mark.parametrize("value", ["-1", "soon", "601"])
def test_a_bad_delay_is_a_sentence(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    """It names the variable and what is allowed."""
    monkeypatch.setenv("LANGFUSE_LOCAL_SPAN_DELAY_SECONDS", value)
    with pytest.raises(SettingsError, match="LANGFUSE_LOCAL_SPAN_DELAY_SECONDS should be"):
        load_settings()
