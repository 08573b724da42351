"""The chat models: the scripted one, and any server that speaks OpenAI's API."""

import json
import logging
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from unittest.mock import ANY

import pytest
from langchain_core.messages import HumanMessage
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from agent_observability import graph
from agent_observability.agent import prompts
from agent_observability.agent.services import open_services
from agent_observability.config import SettingsError, load_settings
from agent_observability.models.factory import open_model
from agent_observability.models.scripted import ScriptedChatModel
from support.spans import outline

TURN: graph.AgentInput = {
    "query": "Where is my order?",
    "conversation_id": "conv",
    "order_reference": "ORDER-924",
    "region": "eu",
}
FACTS: dict[str, Any] = {
    "question": "Where?",
    "intent": "status",
    "order": {
        "reference": "ORDER-1",
        "status": "in_transit",
        "expected_on": "2026-12-01",
        "last_seen": "Rotterdam",
        "reason": "",
        "total_cents": 1250,
        "currency": "EUR",
    },
    "policies": ["A rule."],
    "earlier": [],
}


def said(**changes: Any) -> str:
    """What the scripted model answers from the facts, with some changed."""
    return ScriptedChatModel().invoke([HumanMessage(json.dumps({**FACTS, **changes}))]).text


def test_the_scripted_model_answers_the_question_at_hand() -> None:
    """Status, refund and what it cannot do read differently, from the same facts."""
    status = "Your order ORDER-1 is on its way, was last seen in Rotterdam, and should arrive on 2026-12-01."
    assert said() == f"{status} A rule."
    assert said(intent="refund") == "You paid 12.50 EUR for your order ORDER-1. A rule."
    assert said(intent="other") == f"I can only speak about your orders. {status} A rule."


def test_the_scripted_model_knows_what_it_said() -> None:
    """Asked again it says that nothing has changed, or that something has."""
    before = {"question": "Where?", "intent": "status", "answer": said()}
    assert said(earlier=[before]).startswith("Nothing has changed since you last asked. Your")
    moved = {**FACTS["order"], "expected_on": "2026-12-09"}
    assert said(earlier=[before], order=moved).startswith("There is news since you last asked.")
    assert said(earlier=[before], intent="refund").startswith("You paid")


class Server(ThreadingHTTPServer):
    """A loopback server that speaks the streaming chat completions API."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.statuses: list[int] = []
        self.requests: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        self.with_usage = True
        self.cut_short = False


class _Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        self.server.requests.append(json.loads(self.rfile.read(length)))
        self.server.keys.append(self.headers["Authorization"])
        status = self.server.statuses.pop(0) if self.server.statuses else 200
        self.send_response(status)
        self.send_header(
            "Content-Type", "text/event-stream" if status == 200 else "application/json"
        )
        self.end_headers()
        if status != 200:
            self.wfile.write(b'{"error": {"message": "the stack trace of the server"}}')
            return
        for chunk in self._chunks():
            self.wfile.write(f"data: {json.dumps(chunk)}\n\n".encode())
        self.wfile.write(b"data: [DONE]\n\n")

    def _chunks(self) -> Iterator[dict[str, Any]]:
        base = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "tiny-2026"}
        for text in ("It is ", "late."):
            yield {**base, "choices": [{"index": 0, "delta": {"content": text}}]}
        if self.server.cut_short:
            return
        yield {**base, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
        if self.server.with_usage:
            usage = {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120}
            yield {**base, "choices": [], "usage": usage}

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - inherited name
        """Print nothing."""


@pytest.fixture(name="server")
def _server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        monkeypatch.setenv("MODEL", "openai:gpt-4o-mini")
        monkeypatch.setenv("OPENAI_BASE_URL", f"http://127.0.0.1:{server.server_port}/v1")
        monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(name="agent")
def _agent(server: Server, exporter: InMemorySpanExporter) -> Iterator[InMemorySpanExporter]:
    assert server.server_port
    yield exporter
    model: Any = open_services().model
    model._client.close()


def chat_spans(exporter: InMemorySpanExporter) -> list[dict[str, Any]]:
    """The attributes of every model call, in order."""
    spans = [s for s in exporter.get_finished_spans() if s.name.startswith("chat ")]
    return [dict(span.attributes or {}) for span in spans]


def test_a_server_is_asked_as_the_api_says(agent: InMemorySpanExporter, server: Server) -> None:
    """Streamed with usage; what is recorded is the server's model, tokens and their cost."""
    assert graph.run_agent(TURN) == {"outcome": "answered", "answer": "It is late."}
    (request,) = server.requests
    assert (request["model"], request["stream"]) == ("gpt-4o-mini", True)
    assert request["stream_options"] == {"include_usage": True}
    assert [each["role"] for each in request["messages"]] == ["system", "user"]
    assert server.keys == ["Bearer sk-secret"]
    assert chat_spans(agent) == [
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "openai",
            "gen_ai.request.model": "gpt-4o-mini",
            "langfuse.observation.input": ANY,
            "langfuse.observation.output": "It is late.",
            "gen_ai.response.model": "tiny-2026",
            "gen_ai.response.finish_reasons": ("stop",),
            "gen_ai.usage.input_tokens": 100,
            "gen_ai.usage.output_tokens": 20,
            "gen_ai.usage.cost": pytest.approx(2.7e-05),
        }
    ]


def test_a_server_without_usage_has_no_cost(agent: InMemorySpanExporter, server: Server) -> None:
    """Unknown is left out; it is not zero."""
    server.with_usage = False
    assert graph.run_agent(TURN)["outcome"] == "answered"
    assert not [name for name in chat_spans(agent)[0] if "usage" in name]


def test_too_many_requests_are_retried(agent: InMemorySpanExporter, server: Server) -> None:
    """A 429 is an attempt that failed, seen as such, and the next one answers."""
    server.statuses = [429]
    assert graph.run_agent(TURN)["answer"] == "It is late."
    assert len(server.requests) == 2
    assert "compose_answer [INTERNAL ERROR]\n    chat gpt-4o-mini [CLIENT ERROR]" in outline(
        agent.get_finished_spans()
    )
    assert [each.get("error.type") for each in chat_spans(agent)] == ["ModelBusyError", None]


def test_a_failing_server_is_not_shown_to_the_customer(
    agent: InMemorySpanExporter, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    """After three 500s the customer reads an honest sentence; the log says what happened."""
    server.statuses = [500] * 3
    with caplog.at_level(logging.WARNING, "agent_observability"):
        result = graph.run_agent(TURN)
    assert result == {"outcome": "unavailable", "answer": prompts.UNAVAILABLE}
    assert caplog.messages == ["The model server answered 500."] * 3
    assert "stack trace" not in " ".join(s.to_json() for s in agent.get_finished_spans())


def test_a_refusal_is_not_retried(agent: InMemorySpanExporter, server: Server) -> None:
    """A wrong key stays wrong: one request, then the honest sentence."""
    server.statuses = [401]
    assert graph.run_agent(TURN)["outcome"] == "unavailable"
    assert len(server.requests) == 1
    assert chat_spans(agent)[0]["error.type"] == "ModelUnavailableError"


def test_half_an_answer_is_no_answer(agent: InMemorySpanExporter, server: Server) -> None:
    """A stream that ends without a finish reason is an error, not a short answer."""
    server.cut_short = True
    assert graph.run_agent(TURN)["outcome"] == "unavailable"
    assert {each["error.type"] for each in chat_spans(agent)} == {"ModelBusyError"}


def test_no_server_is_not_shown_to_the_customer(
    agent: InMemorySpanExporter, server: Server
) -> None:
    """A refused connection ends as an unavailable turn."""
    server.socket.close()
    assert graph.run_agent(TURN)["outcome"] == "unavailable"
    assert len(chat_spans(agent)) == 3


def test_a_missing_extra_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """MODEL=openai:... without the package says what to install."""
    monkeypatch.setenv("MODEL", "openai:gpt-4o-mini")
    monkeypatch.setitem(__import__("sys").modules, "openai", None)
    monkeypatch.delitem(
        __import__("sys").modules, "agent_observability.models.openai_compatible", raising=False
    )
    load_settings.cache_clear()
    with pytest.raises(SettingsError, match="needs the openai package; install it with"):
        open_model(load_settings())
    load_settings.cache_clear()


def test_the_key_is_in_no_representation(monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings that are printed or logged do not show it."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    load_settings.cache_clear()
    assert "sk-secret" not in repr(load_settings()) + str(load_settings().model_dump())
    load_settings.cache_clear()
