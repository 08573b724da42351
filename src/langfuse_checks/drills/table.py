"""The table of drills: what can go wrong in the wiring, and the promises that then turn red."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from rich.table import Table

from ..verify.evidence import Expected

__all__ = ["DRILLS", "REFUSED", "Drill", "drill_table", "expected"]

REFUSED: Final = 3
"""Exit code of broken turns whose values the trace context refused."""

_DEMO_TAGS: Final = Expected().tags
_COMMA_TAG: Final = "delivery,eu"


@dataclass(frozen=True, slots=True)
class Drill:
    """One drill.

    Attributes:
        breaks: The one part that is broken.
        complaint: The real complaint that it reproduces.
        red: Ids of all promises that it breaks; none for a drill that is refused.
        tags: The tags that its turns mean to send.
        settings: Environment variables of its turns.
    """

    breaks: str
    complaint: str
    red: frozenset[str]
    tags: tuple[str, ...] = _DEMO_TAGS
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_refused(self) -> bool:
        """Whether the trace context refuses the values, so that nothing runs."""
        return not self.red


_CONTEXT_PROMISES: Final = frozenset(
    {"carries_session", "carries_user", "carries_trace_name", "carries_tags", "carries_metadata"}
)
# Everywhere else the trace context drops an invalid value, and logs its field.
_IN_DEVELOPMENT: Final = {"DEPLOYMENT_ENVIRONMENT": "development"}

DRILLS: Final[Mapping[str, Drill]] = {
    "root-only": Drill(
        breaks="the span processor stamps root spans alone",
        complaint="Sessions show $0.00 (gooyoung/pi-langfuse#21, #27)",
        red=_CONTEXT_PROMISES | {"cost_by_user"},
    ),
    "inside-node": Drill(
        breaks="the context is entered inside the node lookup_order",
        complaint="cost by user is all unknown (langfuse/langfuse#16177)",
        red=_CONTEXT_PROMISES | {"root", "cost_by_user"},
    ),
    "no-flush": Drill(
        breaks="the process ends without shutting the provider down",
        complaint="spans of short scripts never arrive (Arize-ai/arize-skills#47)",
        red=frozenset({"session"}),
        # The SDK's own default; the demo sends every second.
        settings={"OTEL_BSP_SCHEDULE_DELAY_MILLIS": "5000"},
    ),
    "trace-id-session": Drill(
        breaks="the span processor sends the trace id as the session id",
        complaint="one session per turn, the mistake that the chapter warns of",
        red=frozenset({"session", "trace_id"}),
    ),
    "wrong-path": Drill(
        breaks="the exporter posts to a path where nothing takes spans",
        complaint="404 or 405 and an empty Langfuse (langfuse/langfuse#5652, #5695)",
        red=frozenset({"session"}),
    ),
    "comma-tag": Drill(
        breaks="tags travel as the chapter's comma-joined text",
        complaint="a tag with a comma becomes two (mastra-ai/mastra#12209 and others lose tags)",
        red=frozenset({"carries_tags"}),
        tags=(*_DEMO_TAGS, _COMMA_TAG),
    ),
    "email-user": Drill(
        breaks="the user id is an e-mail address",
        complaint="Langfuse takes it, and shows it on every page",
        red=frozenset(),
        settings=_IN_DEVELOPMENT,
    ),
    "order-metadata": Drill(
        breaks="a metadata value is an order reference",
        complaint="metadata that grows for ever, the chapter's bad example",
        red=frozenset(),
        settings=_IN_DEVELOPMENT,
    ),
    "double-usage": Drill(
        breaks="the node compose_answer reports usage, as its model does",
        complaint="cost is doubled (strands-agents/harness-sdk#1267, BerriAI/litellm#14020)",
        red=frozenset({"usage"}),
    ),
    "plain-thread": Drill(
        breaks="the node lookup_order works on a plain thread",
        complaint="spans of threads start traces of their own (langfuse/langfuse#10721)",
        red=frozenset({"strays"}),
    ),
    "bare-metadata": Drill(
        breaks="metadata goes without the prefix langfuse.trace.metadata.",
        complaint="metadata cannot be filtered by (langfuse/langfuse#5583, #11247)",
        red=frozenset({"carries_metadata"}),
    ),
    "text-cost": Drill(
        breaks="gen_ai.usage.cost is sent as a text",
        complaint="tokens are there, and the cost is $0",
        red=frozenset({"cost"}),
    ),
}


def expected(name: str) -> Expected:
    """Return what a drill's turns mean to send: a session and a user of their own."""
    return Expected(session=f"conv_drill_{name}", user=f"usr_drill_{name}", tags=DRILLS[name].tags)


def drill_table() -> Table:
    """Return the drills as a table to print."""
    table = Table(box=None, pad_edge=False)
    for title in ("Name", "What it breaks", "Seen in", "Turns red"):
        table.add_column(title, overflow="fold")  # A reader can search for a whole reference only.
    for name, drill in DRILLS.items():
        table.add_row(
            name,
            drill.breaks,
            drill.complaint,
            ", ".join(sorted(drill.red)) or "refused: nothing is sent",
        )
    return table
