"""The worker example: two processes and a queue on disk, read back from the backend."""

import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
WORKER = ROOT / "examples/worker"
SESSION = "conv_worker"


def test_the_sessions_second_trace_is_the_workers_note(
    backend: Any, tmp_path: Path, monkeypatch: Any
) -> None:
    """Another process writes the note in the same session, for the same user, in its own trace."""
    monkeypatch.setenv("NOTES_QUEUE", str(tmp_path / "notes.db"))
    environment = {**backend.environment, "PYTHONPATH": f"{ROOT / 'src'}:{WORKER}"}
    subprocess.run(
        [sys.executable, str(WORKER / "main.py"), SESSION],
        cwd=tmp_path,
        env=environment,
        check=True,
        timeout=60,
    )
    turn = backend.wait_for(SESSION, {"invoke_agent support"})
    assert len(turn) == 1
    with sqlite3.connect(tmp_path / "notes.db") as queue:
        assert queue.execute("SELECT count(*) FROM task").fetchone() == (1,)
    consumer = [str(Path(sys.executable).parent / "huey_consumer"), "jobs.huey"]
    with subprocess.Popen(consumer, cwd=WORKER, env=environment) as process:
        try:
            rows = backend.wait_for(SESSION, {"write_note"})
        finally:
            process.terminate()
            process.wait(20)
    [note] = [row for row in rows if row["name"] == "write_note"]
    assert note["traceName"] == "handoff-note"
    assert note["traceId"] != turn[0]["traceId"]
    assert note["isRootObservation"] is True
    assert "HANDOFF-1001" in note["output"]
    for key in ("sessionId", "userId", "version", "tags"):
        assert note[key] == turn[0][key]
