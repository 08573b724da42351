"""`POST /api/public/ingestion`, by which Langfuse's SDKs send scores.

Of its many kinds of events, Langfuse 4 takes `score-create` and `sdk-log` alone when it stores
observations as events only; each of the others is refused by itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langfuse_local import zod
from langfuse_local.answers import InvalidDataError

if TYPE_CHECKING:
    from langfuse_local.scores import Scores

__all__ = ["ingest"]

_REFUSED = "This event type is not available in Langfuse v4 events_only mode."


def ingest(body: Any, scores: Scores) -> dict[str, Any]:
    """Store the scores of a batch and answer for each event; raises InvalidDataError."""
    batch = zod.array(zod.member(zod.record(body, ()), "batch"), ("batch",))
    answer: dict[str, Any] = {"successes": [], "errors": []}
    for place, sent in enumerate(batch):
        event = zod.record(sent, ("batch", place))
        event_id = zod.text(zod.member(event, "id"), ("batch", place, "id"))
        if problem := _problem(event, scores):
            answer["errors"].append({"id": event_id, **problem})
        else:
            answer["successes"].append({"id": event_id, "status": 201})
    return answer


def _problem(event: dict[str, Any], scores: Scores) -> dict[str, Any] | None:
    if event.get("type") == "sdk-log":
        return None
    if event.get("type") != "score-create":
        return {"status": 400, "message": _REFUSED, "error": "InvalidRequestError"}
    try:
        sent = zod.record(zod.member(event, "body"), ("body",))
        scores.save({"timestamp": event.get("timestamp"), **sent})
    except InvalidDataError as error:
        return {"status": 400, "message": "Invalid request data", "error": str(error)}
    return None
