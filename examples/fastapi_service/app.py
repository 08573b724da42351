"""A support service: FastAPI, a tracer provider of its own, streamed answers, feedback.

In your own service, `langfuse_context.py` and the span processor are your copies.
"""

import os
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractContextManager, asynccontextmanager
from typing import Annotated, Any, Literal

import httpx2
from fastapi import Body, FastAPI, Header, HTTPException
from fastapi.responses import StreamingResponse
from opentelemetry import propagate, trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from agent_observability.langfuse_context import langfuse_trace_context
from agent_observability.telemetry import LangfuseBaggageSpanProcessor
from langfuse_otel.asgi import TraceContextMiddleware
from langfuse_otel.propagation import TrustedHostsPropagator

ENVIRONMENT, VERSION = "production", "2.1.0"
# A real service asks its database, which maps a login to a pseudonym behind access control.
PSEUDONYMS = {"jane": "usr_pseudo_7f31c2", "ada": "usr_pseudo_b2c904"}
LANGFUSE = os.environ.get("LANGFUSE_BASE_URL", "http://localhost:3000")
KEYS = (
    os.environ.get("LANGFUSE_PUBLIC_KEY", "pk-lf-demo"),
    os.environ.get("LANGFUSE_SECRET_KEY", "sk-lf-demo"),
)

# What such a service has already.
names = {"service.name": "support", "deployment.environment.name": ENVIRONMENT}
provider = TracerProvider(resource=Resource.create(names))
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
trace.set_tracer_provider(provider)
tracer = trace.get_tracer("support")


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    """Deliver the spans that still wait when the service stops."""
    yield
    provider.shutdown()


app = FastAPI(title="Support", lifespan=lifespan)


def context_of(scope: Any) -> AbstractContextManager[None] | None:
    """Return the trace context of a request: of a conversation's messages, for who is signed in."""
    parts = scope["path"].strip("/").split("/")
    login = dict(scope["headers"]).get(b"x-login", b"").decode("ascii", "replace")
    if login not in PSEUDONYMS or parts[0] != "conversations":
        return None
    return langfuse_trace_context(
        session_id=parts[1],
        user_id=PSEUDONYMS[login],
        trace_name="order-status-turn",
        version=VERSION,
        tags=("order-status", "langgraph"),
        metadata={"environment": ENVIRONMENT, "workflow": "order-status", "region": "eu"},
    )


# What the pattern adds: the processor, baggage that stays inside, the middleware.
provider.add_span_processor(LangfuseBaggageSpanProcessor())
propagate.set_global_textmap(TrustedHostsPropagator())
app.add_middleware(TraceContextMiddleware, context_of=context_of)
FastAPIInstrumentor.instrument_app(app)  # Last: its span is then around the middleware.


@app.post("/conversations/{conversation}/messages")
def answer(
    question: Annotated[str, Body(embed=True)], x_login: Annotated[str, Header()]
) -> StreamingResponse:
    """Stream an answer, word by word; the trace's id is in the header `x-trace-id`."""
    if x_login not in PSEUDONYMS:
        raise HTTPException(401, "Sign in first.")
    trace_id = trace.get_current_span().get_span_context().trace_id
    return StreamingResponse(
        words(question), media_type="text/plain", headers={"x-trace-id": f"{trace_id:032x}"}
    )


def words(question: str) -> Iterator[str]:
    """Answer as a model would: slowly, and with a bill."""
    usage = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "order-model"}
    with tracer.start_as_current_span("chat order-model", attributes=usage) as span:
        text = "Your parcel left Rotterdam this morning."
        for word in text.split():
            time.sleep(0.01)
            yield f"{word} "
        span.set_attribute("gen_ai.usage.input_tokens", len(question) // 4)
        span.set_attribute("gen_ai.usage.output_tokens", len(text) // 4)
        span.set_attribute("gen_ai.usage.cost", 0.00002)


@app.post("/conversations/{conversation}/feedback", status_code=202)
async def feedback(
    trace_id: Annotated[str, Body(pattern="^[0-9a-f]{32}$")],
    value: Annotated[Literal["up", "down"], Body()],
) -> None:
    """Turn a thumb into a score of that turn."""
    score = {"name": "user-feedback", "traceId": trace_id, "dataType": "NUMERIC"}
    async with httpx2.AsyncClient(auth=KEYS, timeout=5) as langfuse:
        answered = await langfuse.post(
            f"{LANGFUSE}/api/public/scores", json={**score, "value": int(value == "up")}
        )
    if not answered.is_success:
        raise HTTPException(502, "The feedback could not be kept; please try again.")
