"""Spans per second until they can be queried: the local backend, a floor, and Arize Phoenix.

The floor is the same work in one process without HTTP and without threads: decode the same
requests, make the same rows, insert them into the same tables, one transaction each. A second
floor leaves out making the rows. Phoenix runs in an environment of its own (`make bench-backend`
installs it); its spans are counted in its database, which is the earliest they could be queried.
"""

from __future__ import annotations

import socket
import sqlite3
import tempfile
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import psutil

from backend_load import ROOT, SPANS, Ratio, Server, local, median, post, requests, running
from langfuse_local.mapping.spans import observations
from langfuse_local.receiver.otlp import check_ids, decode
from langfuse_local.store.codec import pack
from langfuse_local.store.sql import statement
from langfuse_local.store.store import Store
from langfuse_local.store.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from langfuse_local.store.codec import Packed

_T = TypeVar("_T")
_PROTOBUF = "application/x-protobuf"
_ROUNDS = 5
_REQUESTS = 40
_PHOENIX = ROOT / ".tools/phoenix/bin/phoenix"
_PHOENIX_ROUNDS = 3
_PHOENIX_SPANS = 512


def measure() -> list[Ratio]:
    """Measure in turns, print the medians and give their ratios."""
    bodies = list(requests(_REQUESTS))
    floors, inserts, speeds, sizes, memory = [], [], [], [], []
    for _ in range(_ROUNDS):
        floors.append(_in_folder(lambda folder: _floor(folder, bodies)))
        inserts.append(_in_folder(lambda folder: _insert_alone(folder, bodies)))
        speed, size, resident = _in_folder(lambda folder: _backend(folder, bodies))
        speeds.append(speed)
        sizes.append(size)
        memory.append(resident)
    print(f"{len(bodies)} requests of {SPANS} spans, medians of {_ROUNDS} rounds in turn")
    print(f"floor           {median(floors):8.0f} spans/s (decode, make rows, insert)")
    print(f"insert alone    {median(inserts):8.0f} spans/s (decode, insert rows made before)")
    print(f"local backend   {median(speeds):8.0f} spans/s, {median(memory):.0f} MiB resident")
    return [
        Ratio("spans per second, to the floor", median(speeds) / median(floors), "at least 0.5"),
        Ratio("spans per second, to insertion alone", median(speeds) / median(inserts)),
        *_beside_phoenix(median(speeds), median(memory)),
        Ratio("size of the file, to the bytes received", median(sizes), "at most 1.0"),
    ]


def _beside_phoenix(speed: float, memory: float) -> list[Ratio]:
    rounds = [_in_folder(_phoenix) for _ in range(_PHOENIX_ROUNDS)]
    theirs, resident = median([one for one, _ in rounds]), median([one for _, one in rounds])
    print(f"Arize Phoenix   {theirs:8.1f} spans/s, {resident:.0f} MiB resident")
    return [
        Ratio("spans per second, to Phoenix", speed / theirs, "at least 50"),
        Ratio("resident memory, to Phoenix", memory / resident, "at most 0.3"),
    ]


def _in_folder(measure: Callable[[Path], _T]) -> _T:
    with tempfile.TemporaryDirectory() as folder:
        return measure(Path(folder))


def _floor(folder: Path, bodies: Sequence[bytes]) -> float:
    with closing(Writer(folder / "floor.db")) as writer:
        started = time.perf_counter()
        for body in bodies:
            request = decode(body, _PROTOBUF)
            check_ids(request)
            rows = [pack(one, 0) for one in observations(request)]
            _insert(writer, rows)
        return SPANS * len(bodies) / (time.perf_counter() - started)


def _insert_alone(folder: Path, bodies: Sequence[bytes]) -> float:
    made = [[pack(one, 0) for one in observations(decode(body, _PROTOBUF))] for body in bodies]
    with closing(Writer(folder / "floor.db")) as writer:
        started = time.perf_counter()
        for body, rows in zip(bodies, made, strict=True):
            check_ids(decode(body, _PROTOBUF))
            _insert(writer, rows)
        return SPANS * len(bodies) / (time.perf_counter() - started)


def _insert(writer: Writer, rows: list[Packed]) -> None:
    connection = writer.connection
    connection.execute("BEGIN IMMEDIATE")
    ids = writer.strings.ids(text for row in rows for text in row.interned)
    values = ((*row.values, *(ids[text] for text in row.interned)) for row in rows)
    connection.executemany(statement("upsert_span"), values)
    connection.execute("COMMIT")


def _backend(folder: Path, bodies: Sequence[bytes]) -> tuple[float, float, float]:
    with local(folder) as server:
        started = time.perf_counter()
        for body in bodies:
            post(server.traces, body)
        with closing(Store(folder / "langfuse.db")) as store:
            stored = store.counts().observations
        took = time.perf_counter() - started
        memory = _resident(server.pid)
    if stored != SPANS * len(bodies):
        raise RuntimeError(f"{stored} spans were stored.")
    size = sum(path.stat().st_size for path in folder.iterdir())
    return stored / took, size / sum(map(len, bodies)), memory


def _phoenix(folder: Path) -> tuple[float, float]:
    ports = [_port() for _ in range(2)]
    url = f"http://127.0.0.1:{ports[0]}"
    settings = {
        "PHOENIX_HOST": "127.0.0.1",
        "PHOENIX_PORT": str(ports[0]),
        "PHOENIX_GRPC_PORT": str(ports[1]),
        "PHOENIX_WORKING_DIR": str(folder),
        "PHOENIX_TELEMETRY_ENABLED": "false",
        "PYTHONPATH": "",
    }
    with running([str(_PHOENIX), "serve"], settings, lambda: _listens(ports[0])) as pid:
        server = Server(url, f"{url}/v1/traces", pid, folder)
        started = time.perf_counter()
        post(server.traces, next(iter(requests(1))))
        deadline = started + 300
        while _count(folder / "phoenix.db") < _PHOENIX_SPANS and time.perf_counter() < deadline:
            time.sleep(0.05)
        took = time.perf_counter() - started
        return _count(folder / "phoenix.db") / took, _resident(pid)


def _count(path: Path) -> int:
    with suppress(sqlite3.Error), closing(sqlite3.connect(path, timeout=1)) as database:
        return int(database.execute("SELECT count(*) FROM spans").fetchone()[0])
    return 0


def _resident(pid: int) -> float:
    process = psutil.Process(pid)
    family = [process, *process.children(recursive=True)]
    return float(sum(one.memory_info().rss for one in family)) / 1024**2


def _listens(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def _port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port
