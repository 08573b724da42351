"""`make cohort`: a reproducible population of conversations, every span of it delivered."""

import argparse
import json
import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Final

from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from rich.console import Console
from rich.progress import track

from langfuse_otel.delivery import Delivery
from langfuse_otel.delivery.report import without_secrets

from ..agent.services import CONVERSATIONS, SHOP, Services, build_services
from ..agent.state import AgentOutput
from ..agent.validation import InvalidInputError
from ..config import load_settings, settings
from ..shop.carrier import SimulatedCarrier
from ..shop.database import Database, StorageError
from ..shop.seed import Person, open_shop
from .console import open_receipts, print_delivery, run, tracing
from .population import Conversation, conversations, customers_with_orders, population
from .receipts import SentTrace
from .turn import Question, run_turn

__all__ = ["main"]

FEEDBACK: Final = "feedback.jsonl"
_MOST: Final = 10_000
_MOST_WAITING: Final = 4096  # The delivery remembers the traces of twice as many spans.
_RATED: Final = 0.4
_AT_ONCE: Final = {"model_delay_seconds": 0.0, "step_delay_seconds": 0.0}
"""Many turns are to be had, and none is to be looked at for its length."""


@dataclass(slots=True)
class Tally(SpanProcessor):
    """Counts what was made, to compare with what was delivered; `turns` by trace id."""

    spans: int = 0
    trace_id: str = ""
    turns: dict[str, Question] = field(default_factory=dict)
    outcomes: Counter[str] = field(default_factory=Counter)
    feedback: list[dict[str, object]] = field(default_factory=list)

    def on_end(self, span: ReadableSpan) -> None:
        """Count the span, and keep the id of the trace that a root ends."""
        self.spans += 1
        if span.parent is None and span.context is not None:
            self.trace_id = format(span.context.trace_id, "032x")


def main(users: str, seed: str) -> int:
    """Run the cohort and return the exit code, 1 for a lost span.

    Raises:
        InvalidInputError: One of the two is no number of its range.
        StorageError: The feedback cannot be written, or there is no room for the memory.
    """
    counts = _count("USERS", users), _count("SEED", seed)
    tally = Tally()
    _write_feedback(tally)  # Better found out now than when everything is sent.
    with tracing() as provider:
        provider.add_span_processor(tally)
        _run_conversations(*counts, tally, provider)
    _leave_receipts(tally, provider)
    _write_feedback(tally)
    _print_summary(tally)
    print_delivery(provider)
    delivery = Delivery.of(provider)
    return int(delivery is not None and delivery.report().delivered != tally.spans)


def _run_conversations(users: int, seed: int, tally: Tally, provider: TracerProvider) -> None:
    random = Random(seed)  # noqa: S311 - made-up customers, no secret
    customers = population(users, random)
    planned = list(conversations(customers, random))
    # A memory of its own: what an earlier cohort was told would change this one.
    with _memory() as folder:
        services = _services(folder, customers_with_orders(customers), random)
        waiting_from = 0
        for conversation in _with_progress(planned):
            _converse(conversation, services, tally, random)
            if tally.spans - waiting_from < min(
                settings.otel_bsp_max_queue_size // 2, _MOST_WAITING
            ):
                continue
            waiting_from = tally.spans
            if not provider.force_flush():
                break  # Whoever receives is gone; the report says so.
            _leave_receipts(tally, provider)


@contextmanager
def _memory() -> Iterator[Path]:
    try:
        # A step of an interrupted turn may still write there.
        folder = TemporaryDirectory(ignore_cleanup_errors=True)
    except OSError as error:
        raise StorageError(
            f"There is no room for temporary files ({error.strerror}): free some, or set TMPDIR to"
            " a folder that has it."
        ) from error
    with folder as name:
        yield Path(name)


def _services(folder: Path, people: Sequence[Person], random: Random) -> Services:
    shop = open_shop(folder / SHOP, people, random=random)
    memory = Database(folder / CONVERSATIONS, is_durable=False)  # Deleted in a minute.
    memory.create("conversations", "handoffs")
    return build_services(load_settings().model_copy(update=_AT_ONCE), shop, memory)


def _converse(conversation: Conversation, services: Services, tally: Tally, random: Random) -> None:
    customer = conversation.customer
    failing = partial(SimulatedCarrier, failures=customer.scenario.failures)
    question = Question(
        conversation_id=conversation.id,
        order_reference=customer.scenario.order_reference,
        region=customer.person.region,
        actor=customer.person.pseudonym,
    )
    for query in customer.scenario.queries:
        result = run_turn(
            replace(question, query=query),
            replace(services, carrier=failing),
            version=conversation.version,
            tenant_tier=customer.tenant_tier,
        )
        tally.turns[tally.trace_id] = question
        tally.outcomes[result["outcome"]] += 1
        if random.random() < _RATED:
            tally.feedback.append(_feedback(question, result, tally.trace_id, random))


def _feedback(
    question: Question, result: AgentOutput, trace_id: str, random: Random
) -> dict[str, object]:
    pleased = 0.85 if result["outcome"] == "answered" else 0.2
    return {
        "trace_id": trace_id,
        "session_id": question.conversation_id,
        "user_id": question.actor,
        "name": "user-feedback",
        "value": int(random.random() < pleased),
    }


def _leave_receipts(tally: Tally, provider: TracerProvider) -> None:
    delivery = Delivery.of(provider)
    delivered = delivery.delivered_by_trace if delivery else {}
    open_receipts().add_traces(
        [
            SentTrace(trace_id, turn.conversation_id, turn.actor, delivered[trace_id])
            for trace_id, turn in tally.turns.items()
            if trace_id in delivered
        ]
    )
    tally.turns.clear()


def _write_feedback(tally: Tally) -> None:
    path = settings.agent_data_dir / FEEDBACK
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text("".join(json.dumps(each) + "\n" for each in tally.feedback))
    except OSError as error:
        raise StorageError(
            f"{path} cannot be written ({error.strerror}): free some space, make it a file that"
            " you may write, or set AGENT_DATA_DIR to another folder."
        ) from error


def _print_summary(tally: Tally) -> None:
    outcomes = ", ".join(f"{count} {name}" for name, count in tally.outcomes.most_common())
    print(f"turns     {tally.outcomes.total()} ({outcomes})")
    print(f"created   {tally.spans} spans")
    print(f"feedback  {len(tally.feedback)} in {settings.agent_data_dir / FEEDBACK}")
    base = without_secrets(settings.langfuse_base_url)
    project = f"{base}/project/{settings.langfuse_project_id}"
    print(f"users     {project}/users")
    print(f"sessions  {project}/sessions")


def _with_progress(planned: Sequence[Conversation]) -> Iterable[Conversation]:
    # On standard error, and only there when it is a terminal.
    console = Console(stderr=True)
    return track(
        planned,
        description="Conversations",
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m agent_observability.commands.cohort",
        description="Run conversations of a made-up population, and send their traces over OTLP.",
    )
    for name, value, text in (
        ("users", "25", "how many customers"),
        ("seed", "1", "the same seed makes the same population"),
    ):
        default = os.environ.get(f"COHORT_{name.upper()}") or value
        parser.add_argument(f"--{name}", default=default, help=text)
    return parser


def _count(name: str, text: str) -> int:
    is_short = text.isascii() and text.isdecimal() and len(text) <= len(str(_MOST))
    if not (is_short and 1 <= int(text) <= _MOST):
        raise InvalidInputError(f"{name} should be a whole number from 1 to {_MOST:,}.")
    return int(text)


if __name__ == "__main__":
    options = _parser().parse_args()
    sys.exit(run(partial(main, options.users, options.seed)))
