"""Whatever a backend answers, verify says one sentence and ends with the right exit code."""

import json
import socket
import threading
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from backends import KEYS, RECORDED, Answer, Serve

from langfuse_checks.api import Api, CannotLookError, Health
from langfuse_checks.verify.evidence import Expected
from langfuse_checks.verify.report import exit_code, is_unseen
from langfuse_checks.verify.verdicts import Status, Verdict
from langfuse_checks.verify.verification import verify

HEALTHY = Answer({"status": "OK", "version": "4.16.0"})
PROJECT = Answer({"data": [{"id": "order-status-demo"}]})
EMPTY = Answer({"data": [], "meta": {}})


def run_verify(api: Api, **options: Any) -> tuple[int, list[Verdict]]:
    """Verify without waiting; return the exit code and the verdicts."""
    verdicts = verify(api, Expected(), wait_seconds=0, **options)
    return exit_code(verdicts), verdicts


def diagnosis(verdicts: list[Verdict]) -> str:
    """Return the detail, cause and fix of the first promise that is wrong or cannot be seen."""
    result = next(v.result for v in verdicts if v.result.status is Status.BROKEN or is_unseen(v))
    return f"{result.detail} {result.cause}: {result.fix}"


def test_nothing_listens() -> None:
    """Exit 2, with the command that starts a backend."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with Api(f"http://127.0.0.1:{port}", *KEYS) as api:
        code, verdicts = run_verify(api)
    assert code == 2
    assert "Nothing answers at" in diagnosis(verdicts)
    assert "make demo" in diagnosis(verdicts)


def test_something_else_listens() -> None:
    """A server that hangs up without a word of HTTP is distinguished from no server."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def hang_up() -> None:
            connection, _ = server.accept()
            connection.close()

        thread = threading.Thread(target=hang_up)
        thread.start()
        with Api(f"http://127.0.0.1:{server.getsockname()[1]}", *KEYS) as api:
            code, verdicts = run_verify(api)
        thread.join()
    assert code == 2
    assert "broke off its answer" in diagnosis(verdicts)


@pytest.mark.parametrize(
    ("health", "sentence"),
    [
        (Answer("<html>Please sign in</html>", content_type="text/html"), "an HTML page"),
        (Answer("nope", content_type="text/plain"), "without a JSON object"),
        (Answer('{"status": "O', cut=True), "broke off its answer"),
        (Answer("[" * 100_000), "without a JSON object"),
        (Answer({"status": "Database not available"}, status=503), "Database not available"),
        (Answer({"status": "OK", "version": "3.213.0"}), "Langfuse 3.213.0 keeps session"),
        (Answer({"status": "OK"}), "of unknown version"),
    ],
    ids=["html", "text", "half", "nested", "ill", "v3", "no version"],
)
def test_an_unusable_backend(serve: Serve, health: Answer, sentence: str) -> None:
    """Exit 2; a backend that is unusable gets no further request."""
    paths: list[str] = []

    def script(path: str) -> Answer:
        paths.append(path)
        return health

    code, verdicts = run_verify(serve(script))
    assert code == 2
    assert sentence in diagnosis(verdicts)
    assert paths == ["/api/public/health"]
    assert len(verdicts) == 22


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (Answer({"message": "Invalid credentials."}, status=401), "does not accept the keys"),
        (Answer("<html>Forbidden</html>", status=403), "does not accept the keys"),
        (Answer("<html>Bad gateway</html>", status=502, content_type="text/html"), "an HTML page"),
        (Answer({"message": "boom"}, status=500), "answered HTTP 500 (boom)"),
        (Answer({"projects": []}), "without a list `data`"),
    ],
    ids=["wrong keys", "forbidden", "gateway", "500", "no data"],
)
def test_wrong_keys_and_broken_servers(serve: Serve, answer: Answer, sentence: str) -> None:
    """Exit 2, though the backend is up."""
    code, verdicts = run_verify(serve(lambda path: HEALTHY if path.endswith("/health") else answer))
    assert code == 2
    assert sentence in diagnosis(verdicts)


ROW: dict[str, Any] = {"id": "1" * 16, "traceId": "1" * 32, "startTime": "2026-11-20T10:00:00Z"}


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (Answer({"data": [ROW], "meta": {}}), "a row without 'parentObservationId'"),
        (Answer({"data": [7]}), "of an unknown form"),
        (Answer({"data": [{**ROW, "startTime": "soon"}]}), "of an unknown form"),
        (Answer({"data": [], "meta": {"cursor": "again"}}), "the same page"),
        (Answer({"data": [ROW]}, cut=True), "broke off its answer"),
        (Answer({"message": "not there"}, status=404), "is not there (HTTP 404)"),
    ],
    ids=["a key less", "no object", "no time", "repeating cursor", "half", "no endpoint"],
)
def test_unusable_observations(serve: Serve, answer: Answer, sentence: str) -> None:
    """Exit 2: no promise is called kept because its rows could not be read."""
    known = {"/api/public/health": HEALTHY, "/api/public/projects": PROJECT}
    code, verdicts = run_verify(serve(lambda path: known.get(path, answer)))
    assert code == 2
    assert sentence in diagnosis(verdicts)
    assert [v.id for v in verdicts if v.result.status is Status.KEPT] == [
        "reachable",
        "healthy",
        "version",
        "keys",
    ]


def test_more_rows_than_can_be_read(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit 2, with the bound and how to stay below it."""
    monkeypatch.setattr("langfuse_checks.api._MAX_ROWS", 1)
    recorded = json.loads((RECORDED / "observations.json").read_text())
    rows = [row for case in recorded for row in case["rows"]]
    many = Answer({"data": rows, "meta": {"cursor": "next"}})
    known = {"/api/public/health": HEALTHY, "/api/public/projects": PROJECT}
    code, verdicts = run_verify(serve(lambda path: known.get(path, many)))
    assert code == 2
    assert "more than 1 rows to read: look at fewer (SINCE=1h)" in diagnosis(verdicts)


def test_an_unknown_session(serve: Serve) -> None:
    """Exit 1: the backend answers, and has no trace of the session."""
    known = {"/api/public/health": HEALTHY, "/api/public/projects": PROJECT}
    code, verdicts = run_verify(serve(lambda path: known.get(path, EMPTY)))
    assert code == 1
    assert "nothing ran" in diagnosis(verdicts)


def test_clock_skew_is_reported(serve: Serve) -> None:
    """A backend an hour ahead is healthy, and its line says so."""
    api = serve(lambda _: HEALTHY)
    assert abs(api.health().ahead_seconds) < 5
    ahead = format_datetime(datetime.now(UTC) + timedelta(hours=1))
    skewed = _skewed(ahead)
    assert 3590 < skewed.ahead_seconds < 3610


def _skewed(date: str) -> Health:
    with socket.create_server(("127.0.0.1", 0)) as server:
        body = b'{"status":"OK","version":"4.16.0"}'
        head = f"HTTP/1.1 200 OK\r\nDate: {date}\r\nContent-Length: {len(body)}\r\n\r\n".encode()

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(head + body)

        thread = threading.Thread(target=answer)
        thread.start()
        with Api(f"http://127.0.0.1:{server.getsockname()[1]}", *KEYS) as api:
            health = api.health()
        thread.join()
        return health


def test_a_score_that_is_refused(serve: Serve) -> None:
    """The server's reason is in the sentence."""
    api = serve(lambda _: Answer({"message": "Invalid request data"}, status=400))
    with pytest.raises(CannotLookError, match=r"answered HTTP 400 \(Invalid request data\)"):
        api.post_score({"name": "x"})
