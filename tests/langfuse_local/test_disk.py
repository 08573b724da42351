"""A disk that is full, a file that cannot be written, damaged or gone: said clearly, survived."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from served import served
from wire import JSON, ask, free_port, request_of, span

import langfuse_local
from langfuse_local.store.database import StoreError
from langfuse_local.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from wire import Backend

MIB = 1024**2


def filler(number: int) -> bytes:
    """A request that takes some 200 KiB on disk, since noise does not compress."""
    text = os.urandom(100_000).hex()
    pairs = [{"key": "langfuse.observation.input", "value": {"stringValue": text}}]
    return request_of(span(spanId=f"{number:016x}", attributes=pairs))


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A file system of 8 MiB, where this user may make one."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=8m,mode=700", "tmpfs", str(folder)]
    if subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("a small file system cannot be mounted: make test as root on Linux")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(backend: Backend, first: int) -> int:
    """Send until the answer is 503; how many were stored."""
    for number in range(first, first + 1000):
        status = ask(backend.otlp, filler(number), content_type=JSON).status
        if status == 503:
            return number - first
        assert status == 200
    raise AssertionError("The disk never filled up.")


def test_a_full_disk(
    tmp_path: Path, running: Callable[[Path], AbstractContextManager[Backend]]
) -> None:
    """Full is 503 with nothing acknowledged; once there is room again, storing goes on by itself."""
    with small_disk(tmp_path / "small") as folder, running(folder / "data") as backend:
        ballast = folder / "ballast"
        ballast.write_bytes(bytes(3 * MIB))
        stored = fill(backend, 1)
        assert len(backend.rows("?limit=1000")) == stored
        ballast.unlink()
        assert ask(backend.otlp, filler(9_999), content_type=JSON).status == 200
        assert len(backend.rows("?limit=1000")) == stored + 1
        with closing(sqlite3.connect(backend.store.path)) as file:
            assert file.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_full_database(backend: Backend) -> None:
    """The same where nobody may mount: SQLite's own limit on pages makes the same error."""
    connection = backend.store._writer.connection
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count = {pages + 100}")
    stored = fill(backend, 1)
    assert len(backend.rows("?limit=1000")) == stored
    connection.execute("PRAGMA max_page_count = 1000000")
    assert ask(backend.otlp, filler(9_999), content_type=JSON).status == 200


def test_a_limit_on_file_size(tmp_path: Path) -> None:
    """Files that the system lets grow no further are 503 and no crash."""
    limit = (
        "import os, resource, sys; "
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({2 * MIB}, {2 * MIB}));"
        " os.execv(sys.argv[1], sys.argv[1:])"
    )
    with served(tmp_path, sys.executable, "-c", limit) as server:
        answers = [
            ask(server.otlp, filler(number), content_type=JSON).status for number in range(1, 40)
        ]
        rows = ask(f"{server.web}/api/public/v2/observations?limit=1000").json["data"]
    assert set(answers) == {200, 503}
    assert len(rows) == answers.count(200)


def test_a_file_that_becomes_read_only(backend: Backend) -> None:
    """A database that takes nothing more is 503, says when to come again, and then recovers."""
    connection = backend.store._writer.connection
    connection.execute("PRAGMA query_only = ON")
    answer = ask(backend.otlp, request_of(span()), content_type=JSON)
    assert (answer.status, answer.headers["retry-after"]) == (503, "1")
    assert answer.json["message"].startswith("The spans could not be stored.")
    connection.execute("PRAGMA query_only = OFF")
    assert ask(backend.otlp, request_of(span()), content_type=JSON).status == 200


@pytest.mark.parametrize("folder", [False, True])
def test_a_read_only_file_at_start(tmp_path: Path, folder: bool) -> None:  # noqa: FBT001 - a parameter of pytest
    """One sentence that says what to do, and exit 1."""
    with closing(Store(tmp_path / "data" / "langfuse.db")):
        pass
    tmp_path.chmod(0o755)
    for path in (tmp_path / "data").iterdir():
        path.chmod(0o444)
    (tmp_path / "data").chmod(0o555 if folder else 0o755)
    result = start(tmp_path / "data")
    (line,) = result.stderr.splitlines()
    assert result.returncode == 1
    assert line.startswith(("The database ", "The folder "))
    assert "writable" in line
    assert "LANGFUSE_LOCAL_DATA_DIR" in line


def test_a_damaged_file_at_start(tmp_path: Path) -> None:
    """A file that is no database is one sentence, exit 1, and is not touched."""
    (tmp_path / "langfuse.db").write_bytes(b"x" * 5000)
    tmp_path.chmod(0o777)  # For the lock of the user whom it is started as.
    result = start(tmp_path)
    (line,) = result.stderr.splitlines()
    assert result.returncode == 1
    assert "Move the file away if it is damaged" in line
    assert (tmp_path / "langfuse.db").read_bytes() == b"x" * 5000


def start(folder: Path) -> subprocess.CompletedProcess[str]:
    """`serve` over the folder, as nobody where root would be allowed everything."""
    ports = ("LANGFUSE_BASE_URL", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
    environment = {
        **os.environ,
        "PYTHONPATH": str(Path(langfuse_local.__file__).parents[1]),
        **{name: f"http://127.0.0.1:{free_port()}/v1/traces" for name in ports},
        "LANGFUSE_LOCAL_DATA_DIR": str(folder),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    code = (
        "import os, sys\n"
        "from langfuse_local.__main__ import main\n"
        "import langfuse_local.server\n"  # Before the rights to read it are given up.
        "os.getuid() or os.setuid(65534)\n"
        "sys.exit(main(['serve']))\n"
    )
    return subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_file_damaged_while_running(backend: Backend) -> None:
    """503 for reads and writes alike; with the file moved away, a new one is made at once."""
    assert ask(backend.otlp, filler(1), content_type=JSON).status == 200
    path = backend.store.path
    backend.store._writer.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with path.open("r+b") as file:
        file.write(os.urandom(path.stat().st_size))
    answer = ask(f"{backend.web}/api/public/v2/observations")
    assert (answer.status, "message" in answer.json) == (503, True)
    assert ask(backend.otlp, filler(2), content_type=JSON).status == 503
    path.rename(path.with_name("damaged.db"))
    assert ask(backend.otlp, filler(3), content_type=JSON).status == 200
    assert [row["id"] for row in backend.rows()] == [f"{3:016x}"]


def test_a_file_deleted_while_running(backend: Backend) -> None:
    """What is acknowledged afterwards is in the file that has the name, not in one without."""
    assert ask(backend.otlp, filler(1), content_type=JSON).status == 200
    backend.store.path.unlink()
    assert ask(backend.otlp, filler(2), content_type=JSON).status == 200
    assert [row["id"] for row in backend.rows()] == [f"{2:016x}"]
    with closing(Store(backend.store.path)) as another:
        assert another.counts().observations == 1


def test_the_folder_is_gone(backend: Backend, tmp_path: Path) -> None:
    """A folder that cannot be made again is 503; when it can, storing goes on."""
    moved = tmp_path.with_name(f"{tmp_path.name}-moved")
    tmp_path.rename(moved)
    tmp_path.write_text("in the way")
    assert ask(backend.otlp, filler(1), content_type=JSON).status == 503
    score = b'{"name": "helpful", "value": 1, "traceId": "t"}'
    assert ask(f"{backend.web}/api/public/scores", score, content_type=JSON).status == 503
    tmp_path.unlink()
    assert ask(backend.otlp, filler(2), content_type=JSON).status == 200
    assert [row["id"] for row in backend.rows()] == [f"{2:016x}"]


def test_a_newer_format_while_running(backend: Backend) -> None:
    """A file of a newer version in its place is left alone: 503."""
    backend.store.path.unlink()
    with closing(sqlite3.connect(backend.store.path)) as file:
        file.execute("PRAGMA user_version = 99")
    assert ask(backend.otlp, filler(1), content_type=JSON).status == 503
    with pytest.raises(StoreError):
        Store(backend.store.path)


def test_a_span_damaged_in_the_file(backend: Backend, caplog: pytest.LogCaptureFixture) -> None:
    """Noise that SQLite does not see is 503 and a word in the log, and never a wrong answer."""
    assert ask(backend.otlp, filler(1), content_type=JSON).status == 200
    sent = bytearray(backend.store.rows("SELECT sent FROM spans")[0][0])
    sent[len(sent) // 2] ^= 0x40
    backend.store.write("UPDATE spans SET received = 1, sent = :sent", {"sent": bytes(sent)})
    for path in ("/api/public/v2/observations", "/project/order-status-demo/sessions"):
        assert ask(backend.web + path).status in {200, 503}
    assert ask(f"{backend.web}/api/public/v2/observations").status == 503
    assert "The database could not be used: A stored span cannot be read" in caplog.text
    assert ask(backend.otlp, filler(2), content_type=JSON).status == 503


def test_a_log_deleted_while_running(
    backend: Backend, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """What was acknowledged before SQLite's `-wal` file was deleted is in the file after the next request."""
    for number in (1, 2):
        assert ask(backend.otlp, filler(number), content_type=JSON).status == 200
    (tmp_path / "langfuse.db-wal").unlink()
    assert len(backend.rows()) == 2
    assert ask(backend.otlp, filler(3), content_type=JSON).status == 200
    copy = tmp_path / "copy.db"
    for suffix in ("", "-wal"):
        copy.with_name(copy.name + suffix).write_bytes(
            (tmp_path / f"langfuse.db{suffix}").read_bytes()
        )
    with closing(Store(copy)) as killed:
        assert killed.counts().observations == 3
        assert killed.rows("PRAGMA integrity_check")[0][0] == "ok"
    assert len(backend.rows()) == 3
    assert "langfuse.db-wal was deleted" in caplog.text


def test_a_locked_database(backend: Backend, caplog: pytest.LogCaptureFixture) -> None:
    """While another program holds the file, spans are 503 and readers read; then storing goes on."""
    assert ask(backend.otlp, filler(1), content_type=JSON).status == 200
    backend.store._writer.connection.execute("PRAGMA busy_timeout = 100")
    with closing(sqlite3.connect(backend.store.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        answer = ask(backend.otlp, filler(2), content_type=JSON)
        assert (answer.status, answer.headers["retry-after"]) == (503, "1")
        assert len(backend.rows()) == 1
        other.execute("ROLLBACK")
    assert "Another program is writing to" in caplog.text
    assert ask(backend.otlp, filler(2), content_type=JSON).status == 200
    assert len(backend.rows()) == 2
