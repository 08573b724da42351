"""Spans of others in the same process carry the same session and user."""

import asyncio
import json
import threading
from base64 import b64encode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.request import Request, urlopen

import openai
import pytest
from langfuse import Langfuse
from openinference.instrumentation import OITracer, TraceConfig, using_attributes
from opentelemetry import trace
from opentelemetry.instrumentation.openai_v2 import OpenAIInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from agent_observability.langfuse_context import langfuse_trace_context

SESSION, USER = "conv_82d9535867844b4c8cdff", "usr_pseudo_7f31c2"


def turn() -> AbstractContextManager[None]:
    """The chapter's context."""
    return langfuse_trace_context(
        session_id=SESSION,
        user_id=USER,
        trace_name="order-status-turn",
        version="local",
        tags=("order-status", "langgraph"),
        metadata={"environment": "development", "workflow": "order-status", "region": "eu"},
    )


def rows(backend: str) -> dict[str, str]:
    """The user of every observation of the session, by span id, as Langfuse's API lists them."""
    request = Request(
        f"{backend}/api/public/v2/observations?sessionId={SESSION}&limit=1000&fields=core,basic",
        headers={"Authorization": f"Basic {b64encode(b'pk-lf-demo:sk-lf-demo').decode()}"},
    )
    with urlopen(request, timeout=10) as answer:
        return {row["id"]: row["userId"] for row in json.load(answer)["data"]}


def check(spans: InMemorySpanExporter, backend: str, *names: str) -> None:
    """All named spans ended, and are in one session, of one user, at the backend too."""
    found = spans.get_finished_spans()
    assert set(names) <= {span.name for span in found}
    provider = trace.get_tracer_provider()
    assert isinstance(provider, TracerProvider)
    assert provider.force_flush()
    stored = rows(backend)
    for span in found:
        assert span.attributes is not None
        assert span.context is not None
        assert span.attributes["langfuse.session.id"] == SESSION
        assert span.attributes["langfuse.user.id"] == USER
        assert span.attributes["langfuse.trace.tags"] == ("order-status", "langgraph")
        assert stored[format(span.context.span_id, "016x")] == USER


@pytest.fixture(scope="module", name="model_server")
def _model_server() -> Iterator[str]:
    class Answer(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            message = {"role": "assistant", "content": "On its way."}
            body = json.dumps(
                {
                    "id": "1",
                    "object": "chat.completion",
                    "created": 0,
                    "model": "m",
                    "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
                    "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
                }
            ).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    server.shutdown()


def test_the_langfuse_sdk(
    spans: InMemorySpanExporter, provider: TracerProvider, backend: str
) -> None:
    """Observations that the Langfuse SDK creates on the same provider."""
    client = Langfuse(
        public_key="pk", secret_key="sk", base_url="http://127.0.0.1:9", tracer_provider=provider
    )
    with turn(), client.start_as_current_observation(name="sdk root", as_type="agent"):
        client.start_observation(name="sdk generation", as_type="generation").end()
        trace.get_tracer("plain").start_span("plain child").end()
    check(spans, backend, "sdk root", "sdk generation", "plain child")


def test_openinference(spans: InMemorySpanExporter, provider: TracerProvider, backend: str) -> None:
    """OpenInference's tracer; its own session attribute does not displace ours."""
    tracer = OITracer(provider.get_tracer("openinference"), TraceConfig())
    start = tracer.start_as_current_span
    with (
        turn(),
        using_attributes(session_id="theirs"),
        start("oi chain", openinference_span_kind="chain"),
    ):
        pass
    check(spans, backend, "oi chain")


def test_the_official_genai_instrumentation(
    spans: InMemorySpanExporter, provider: TracerProvider, backend: str, model_server: str
) -> None:
    """The client span of a model call over HTTP."""
    OpenAIInstrumentor().instrument(tracer_provider=provider)
    try:
        with turn(), openai.OpenAI(api_key="x", base_url=model_server) as client:
            client.chat.completions.create(model="m", messages=[{"role": "user", "content": "?"}])
    finally:
        OpenAIInstrumentor().uninstrument()
    check(spans, backend, "chat m")


@pytest.mark.usefixtures("provider")
def test_threads_pools_and_timers_keep_the_context(
    spans: InMemorySpanExporter, backend: str
) -> None:
    """With the option of configure_tracing(): plain threads, pools and timers started inside."""
    tracer = trace.get_tracer("plain")

    async def in_executor() -> None:
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(None, lambda: tracer.start_span("executor").end())

    with turn():
        thread = threading.Thread(target=lambda: tracer.start_span("thread").end())
        timer = threading.Timer(0.01, lambda: tracer.start_span("timer").end())
        thread.start()
        timer.start()
        with ThreadPoolExecutor(1) as pool:
            pool.submit(lambda: tracer.start_span("pool").end()).result()
        asyncio.run(in_executor())
    thread.join()
    timer.join()
    check(spans, backend, "thread", "timer", "pool", "executor")
