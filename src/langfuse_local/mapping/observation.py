"""The row that one span becomes.

Langfuse 4 has no trace record: sessions, users and traces are groups of these rows, so a row
carries its own copy of everything it can be found by.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from opentelemetry.proto.trace.v1.trace_pb2 import Span

from .details import details_of

if TYPE_CHECKING:
    from .details import Details
    from .origin import Origin

__all__ = ["Observation"]


class _Fields(NamedTuple):
    """The fields that are mapped at once, those of `Observation`."""

    id: str
    trace_id: str
    parent_id: str | None
    start_time: int
    end_time: int
    type: str
    name: str
    completion_start_time: int | None
    level: str
    status_message: str
    version: str
    release: str
    environment: str
    public: bool
    is_app_root: bool
    user_id: str
    session_id: str
    trace_name: str | None
    tags: tuple[str, ...]
    model: str
    model_parameters: str
    usage: dict[str, int]
    cost: dict[str, float]
    is_priced: bool
    prompt_name: str
    prompt_version: int | None
    facets: dict[str, str]
    origin: Origin
    sent: bytes


class Observation(_Fields):
    """One stored observation, as Langfuse 4.16 stores it.

    "Absent" is the empty string for `version`, `release`, `user_id`, `session_id`, `model`,
    `status_message` and `prompt_name`, and None for `parent_id`, `trace_name`, `input`, `output`,
    `completion_start_time` and `prompt_version`; the public API answers both as they are.

    Attributes:
        id: Span id: 16 lower-case hex digits from OTLP, any text from Langfuse's own endpoint.
        trace_id: Trace id: likewise, 32 digits.
        parent_id: Parent span id, None for a span without a parent.
        type: SPAN, GENERATION, EVENT, EMBEDDING, AGENT, TOOL, CHAIN, RETRIEVER, GUARDRAIL or
            EVALUATOR.
        name: What the row is called; not always the span's name.
        start_time: Nanoseconds since the epoch, from 1 to 2**63 - 1. Langfuse keeps milliseconds.
        end_time: As `start_time`; lies before it if a sender says so.
        completion_start_time: When the first token came, in nanoseconds since the epoch.
        level: DEBUG, DEFAULT, WARNING or ERROR.
        status_message: Why the level is what it is.
        version: Version of the application.
        release: Release of the application.
        environment: Normalised, never empty; `default` when none was sent.
        public: Whether the trace may be read without signing in.
        is_app_root: Whether the sender marked this span as its entry, whatever its parent.
        user_id: Whom the row counts for on the Users page.
        session_id: What the row is grouped by on the Sessions page.
        trace_name: `langfuse.trace.name` as sent, None when absent or empty.
        tags: In the order sent, duplicates kept.
        model: Model name as the sender gave it.
        model_parameters: A JSON object as text, `{}` when there are none.
        usage: Tokens by kind, with `total` unless empty.
        cost: US dollars by kind, with `total` where Langfuse adds one; empty means unknown.
        is_priced: Whether the cost is tokens times the model's price.
        prompt_name: Prompt of a GENERATION.
        prompt_version: Version of that prompt, 0 to 65535.
        facets: The part of the metadata that rows are summed up by.
        origin: Where the span comes from.
        sent: The span as it was sent, an OTLP message less its ids and times; see `span`.
    """

    @property
    def span(self) -> Span:
        """The span as it was sent, with its events and links; ids and times are fields above."""
        return Span.FromString(self.sent)

    @cached_property
    def details(self) -> Details:
        """What may be large, and is mapped when it is first asked for."""
        return details_of(self.span, self.origin)

    @property
    def input(self) -> str | None:
        """Stored text: JSON, or whatever string was sent."""
        return self.details.input

    @property
    def output(self) -> str | None:
        """As `input`."""
        return self.details.output

    @property
    def own_metadata(self) -> dict[str, str]:
        """Dotted name to stored text.

        The public API parses each value as JSON where it can. Span attributes that no field took
        lie under `attributes.`.
        """
        return self.details.own_metadata

    @property
    def metadata(self) -> dict[str, str]:
        """All of the metadata: the row's own, and that of the resource and the scope.

        Theirs lies under `resourceAttributes.` and `scope.`.
        """
        return self.own_metadata | self.details.origin.metadata

    @property
    def is_root(self) -> bool:
        """Whether the row stands for its trace: no parent, or marked as the application's entry."""
        return self.parent_id is None or self.is_app_root

    @property
    def total_cost(self) -> float:
        """US dollars as Langfuse sums them: `cost["total"]`, 0 when there is none."""
        return self.cost.get("total", 0.0)

    @property
    def shown_trace_name(self) -> str | None:
        """`trace_name`, else the name of a root row; None on other rows.

        An empty `trace_name` counts as absent.
        """
        return self.trace_name or (self.name if self.is_root else None)
