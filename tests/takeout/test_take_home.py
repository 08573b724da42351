"""The package and the two files, taken out into a folder that holds nothing else of this project."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

import pytest

from support.otlp_sinks import Sink, sink

ROOT = Path(__file__).parents[2]
APPLICATION = ROOT / "src/agent_observability"
CONTEXT = """
CONTEXT = dict(
    session_id="conv_1", user_id="usr_1", trace_name="support-turn", version="1.0.0",
    tags=("support", "a,b"), metadata={"environment": "production", "region": "eu"},
)
"""
# What a service of its own has instead of this project's config.py.
CONFIG = """
from pathlib import Path
from types import SimpleNamespace

settings = SimpleNamespace(
    otel_service_name="support",
    agent_version="1.0.0",
    deployment_environment="production",
    agent_data_dir=Path("data"),
    otel_exporter_otlp_traces_endpoint="{endpoint}",
    otel_exporter_otlp_timeout_seconds=5,
    otel_bsp_max_queue_size=2048,
    otel_bsp_schedule_delay_millis=200,
    otel_bsp_max_export_batch_size=512,
    otel_bsp_export_timeout_millis=5000,
    telemetry_shutdown_timeout_seconds=2.5,
    otlp_headers=None,
    telemetry_exception_details=False,
    telemetry_spool=False,
    telemetry_spool_max_bytes=0,
)
"""
SERVICE = """
from contextlib import asynccontextmanager
from fastapi import FastAPI
from opentelemetry import trace
from .langfuse_context import langfuse_trace_context

@asynccontextmanager
async def lifespan(app):
    yield
    provider.shutdown()  # Or the spans that still wait are lost.

app = FastAPI(lifespan=lifespan)

@app.get("/ask")
def ask(user: str):
    with langfuse_trace_context(**{**CONTEXT, "user_id": user}):
        with trace.get_tracer("support").start_as_current_span("run"):
            with trace.get_tracer("support").start_as_current_span("model"):
                return {"answer": "soon"}
"""
WITHOUT_PROVIDER = """
from .telemetry import configure_tracing

provider = configure_tracing()
"""
WITH_PROVIDER = """
from opentelemetry import propagate, trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from langfuse_otel.propagation import TrustedHostsPropagator
from .config import settings
from .telemetry import LangfuseBaggageSpanProcessor

provider = TracerProvider()  # The service's own, here before.
exporter = OTLPSpanExporter(endpoint=settings.otel_exporter_otlp_traces_endpoint)
provider.add_span_processor(BatchSpanProcessor(exporter))
trace.set_tracer_provider(provider)

provider.add_span_processor(LangfuseBaggageSpanProcessor())
propagate.set_global_textmap(TrustedHostsPropagator())
"""


@pytest.fixture(scope="session", name="package")
def _package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel from the repository's subdirectory and unpack it into a folder of its own."""
    folder = tmp_path_factory.mktemp("package")
    source = shutil.copytree(
        ROOT / "src/langfuse_otel",
        folder / "source",
        ignore=shutil.ignore_patterns("__pycache__", "dist"),
    )
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    offline = ["--no-index", "--no-deps", "--no-build-isolation"]
    subprocess.run(
        [*pip, "wheel", *offline, "--wheel-dir", str(folder), str(source)], check=True, timeout=120
    )
    [wheel] = folder.glob("langfuse_otel-*.whl")
    site = folder / "site"
    subprocess.run(
        [*pip, "install", *offline[:2], "--target", str(site), str(wheel)], check=True, timeout=120
    )
    assert (site / "langfuse_otel/py.typed").exists()
    return site


def service(folder: Path, receiver: Sink, main: str) -> None:
    """Write a package `support` of the two copied files and a few lines of the service's own."""
    support = folder / "support"
    support.mkdir()
    for name in ("langfuse_context.py", "telemetry.py"):
        shutil.copy(APPLICATION / name, support)
    (support / "__init__.py").touch()
    (support / "config.py").write_text(CONFIG.format(endpoint=receiver.endpoint))
    (support / "main.py").write_text(CONTEXT + main + SERVICE)


@contextmanager
def running(folder: Path, package: Path) -> Iterator[str]:
    """Serve the folder's application with uvicorn, and stop it as an operator does."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "uvicorn", "support.main:app", "--port", str(port)]
    environment = {**os.environ, "PYTHONPATH": f"{folder}{os.pathsep}{package}"}
    with subprocess.Popen(command, cwd=folder, env=environment) as process:
        try:
            wait_for(port, process)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(20)


def wait_for(port: int, process: "subprocess.Popen[bytes]") -> None:
    """Wait until the service listens."""
    for _ in range(200):
        assert process.poll() is None, "the service ended"
        with socket.socket() as client:
            if client.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise TimeoutError


@pytest.mark.parametrize("main", [WITHOUT_PROVIDER, WITH_PROVIDER], ids=["none", "its own"])
def test_a_service_has_session_and_user_on_every_span(
    tmp_path: Path, package: Path, main: str
) -> None:
    """With a provider of its own or none, both ids are on the spans of a turn, and no 500 comes.

    A user id that is an e-mail address is dropped, and the request is answered.
    """
    with sink("accepts") as receiver:
        service(tmp_path, receiver, main)
        with running(tmp_path, package) as address:
            for user in ("usr_1", "jane@example.com"):
                with urlopen(f"{address}/ask?user={user}", timeout=10) as answer:
                    assert json.load(answer) == {"answer": "soon"}
        spans = [each for each in receiver.spans if each.name in {"run", "model"}]
        assert len(spans) == 4
        for span in spans:
            found = {each.key: each.value for each in span.attributes}
            assert found["langfuse.session.id"].string_value == "conv_1"
            assert found["langfuse.trace.metadata.region"].string_value == "eu"
            tags = found["langfuse.trace.tags"].array_value.values
            assert [each.string_value for each in tags] == ["support", "a,b"]
        users = [
            each.value.string_value
            for span in spans
            for each in span.attributes
            if each.key == "langfuse.user.id"
        ]
        assert users == ["usr_1"] * 2


def test_the_context_manager_alone(tmp_path: Path, package: Path) -> None:
    """`langfuse_context.py` runs without the SDK being imported, and without any other file."""
    shutil.copy(APPLICATION / "langfuse_context.py", tmp_path)
    script = CONTEXT + (
        "import json, sys\n"
        "from opentelemetry import baggage\n"
        "from langfuse_context import langfuse_trace_context\n"
        "with langfuse_trace_context(**CONTEXT):\n"
        "    print(json.dumps([dict(baggage.get_all()), 'opentelemetry.sdk' in sys.modules]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(package)},
        check=True,
        capture_output=True,
        text=True,
        timeout=30,
    )
    entries, has_sdk = json.loads(done.stdout)
    assert entries["langfuse.session.id"] == "conv_1"
    assert entries["app.langfuse.trace.tags"] == "support,a%2Cb"
    assert has_sdk is False
