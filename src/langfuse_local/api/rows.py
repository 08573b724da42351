"""Observations as the public API answers them, key for key as recorded from Langfuse 4.16."""

from __future__ import annotations

import json
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from ..mapping.javascript import refuse_constant, replace_surrogates, string
from ..mapping.prices import TIER, model_of
from ..store.numbers import plain
from ..timestamps import iso

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from ..mapping.javascript import Value
    from ..mapping.observation import Observation
    from ..store.codec import Stored

__all__ = ["DEFAULT_GROUPS", "GROUPS", "row"]

_NANOS_PER_MICRO = 1_000
_NANOS_PER_MILLI = 1_000_000
_PLACES = 12  # of a cost
_SHOWN = 200  # characters of a metadata value in a list

GROUPS = (
    "core",
    "basic",
    "time",
    "io",
    "metadata",
    "model",
    "usage",
    "prompt",
    "metrics",
    "trace_context",
)
DEFAULT_GROUPS = frozenset({"core", "basic"})


def row(
    stored: Stored, groups: Collection[str], project_id: str, expanded: Collection[str] = ()
) -> dict[str, Any]:
    """Return an observation with these field groups; `core` is always there.

    Metadata values are cut as in Langfuse's lists, unless a key is to be expanded or input and
    output are among the groups. Times are whole milliseconds, durations their difference.
    """
    observation = stored.observation
    answer = _core(observation, project_id)
    if "basic" in groups:
        answer |= _basic(observation)
    if "time" in groups:
        answer |= _times(observation, stored.received)
    if "io" in groups:
        answer |= _io(observation)
    if "metadata" in groups:
        answer |= _metadata(observation, whole=bool(expanded) or "io" in groups)
    for group, part in _PARTS:
        if group in groups:
            answer |= part(observation)
    answer |= _durations(observation, groups)
    if "basic" in groups:
        answer |= _whose(observation)
    if "trace_context" in groups:
        answer |= _trace_context(observation)
    if "basic" in groups:
        answer |= {"bookmarked": False, "public": observation.public}
    return answer | _prices(observation.model if "model" in groups else "")


def _core(observation: Observation, project_id: str) -> dict[str, Any]:
    return {
        "id": observation.id,
        "traceId": observation.trace_id,
        "startTime": _iso(observation.start_time),
        "endTime": _iso(observation.end_time),
        "projectId": project_id,
        "parentObservationId": observation.parent_id,
        "type": observation.type,
    }


def _basic(observation: Observation) -> dict[str, Any]:
    return {
        "name": observation.name,
        "level": observation.level,
        "statusMessage": observation.status_message,
        "version": observation.version,
        "environment": observation.environment,
    }


def _durations(observation: Observation, groups: Collection[str]) -> dict[str, Any]:
    """Return what is always answered; in the group `metrics` a zero is null.

    Without that group they are taken from the times, of which the first token's is in `time`.
    """
    latency = _seconds(observation.start_time, observation.end_time)
    first_token = _seconds(observation.start_time, observation.completion_start_time)
    if "metrics" in groups:
        return {"latency": latency or None, "timeToFirstToken": first_token or None}
    return {"latency": latency, "timeToFirstToken": first_token if "time" in groups else None}


def _whose(observation: Observation) -> dict[str, Any]:
    return {
        "userId": observation.user_id,
        "sessionId": observation.session_id,
        "isRootObservation": observation.is_root,
    }


def _times(observation: Observation, received: int) -> dict[str, Any]:
    first_token = observation.completion_start_time
    return {
        "completionStartTime": None if first_token is None else _iso(first_token),
        "createdAt": iso(received),
        "updatedAt": iso(received),
    }


def _io(observation: Observation) -> dict[str, Any]:
    # Langfuse has no null in this column: nothing and an empty text are the same.
    return {"input": observation.input or None, "output": observation.output or None}


def _metadata(observation: Observation, *, whole: bool) -> dict[str, Any]:
    length = None if whole else _SHOWN
    shown = {key: _parsed(text[:length]) for key, text in observation.metadata.items()}
    return {"metadata": shown}


def _model(observation: Observation) -> dict[str, Any]:
    known = model_of(observation.model)
    return {
        "model": observation.model,
        "internalModelId": known.id if known else "",
        "modelParameters": _parsed(observation.model_parameters),
    }


def _prices(model: str) -> dict[str, Any]:
    """Return a model's price list, which Langfuse joins if the group `model` is asked for."""
    known = model_of(model)
    prices = known.prices if known and known.id else {}
    return {"modelId": known.id if prices and known else None} | {
        f"{kind}Price": string(prices[kind]) if kind in prices else None
        for kind in ("input", "output", "total")
    }


def _usage(observation: Observation) -> dict[str, Any]:
    usage, cost = observation.usage, observation.cost
    return {
        "usageDetails": usage,
        "inputUsage": _sum(usage, "input") or 0,
        "outputUsage": _sum(usage, "output") or 0,
        "totalUsage": usage.get("total", 0),
        "costDetails": {kind: plain(amount) for kind, amount in cost.items()},
        "inputCost": _sum(cost, "input"),
        "outputCost": _sum(cost, "output"),
        "totalCost": plain(observation.total_cost),
    }


def _sum(amounts: Mapping[str, float], word: str) -> int | float | None:
    """Add up the kinds with this word in their names, None if there are none."""
    kinds = [amount for kind, amount in amounts.items() if word in kind]
    return plain(round(sum(kinds), _PLACES)) if kinds else None


def _tier(observation: Observation) -> dict[str, Any]:
    known = model_of(observation.model) if observation.is_priced else None
    has_tier = known is not None and known.id
    return {
        "usagePricingTierId": known.tier_id if known and has_tier else None,
        "usagePricingTierName": TIER if has_tier else None,
    }


def _prompt(observation: Observation) -> dict[str, Any]:
    return {
        "promptId": "",
        "promptName": observation.prompt_name,
        "promptVersion": observation.prompt_version or None,
    }


def _trace_context(observation: Observation) -> dict[str, Any]:
    return {
        "traceName": observation.shown_trace_name,
        "release": observation.release,
        "tags": list(observation.tags),
    }


# After the prompt comes, of the group `usage`, which prices were used.
_PARTS: tuple[tuple[str, Callable[[Observation], dict[str, Any]]], ...] = (
    ("model", _model),
    ("usage", _usage),
    ("prompt", _prompt),
    ("usage", _tier),
)


def _iso(nanos: int) -> str:
    return iso(nanos // _NANOS_PER_MICRO)


def _seconds(start: int, end: int | None) -> int | float | None:
    if end is None:
        return None
    return plain((end // _NANOS_PER_MILLI - start // _NANOS_PER_MILLI) / 1000)


def _parsed(text: str) -> Any:
    """Read the JSON of a metadata value; other text, and numbers too exact, stay text."""
    try:
        content: Value = json.loads(
            text, parse_int=_number, parse_float=_number, parse_constant=refuse_constant
        )
        return replace_surrogates(content) if "\\u" in text else content
    except (ValueError, RecursionError):
        return text


def _number(text: str) -> int | float | str:
    number = float(text)
    try:
        is_exact = Decimal(text) == Decimal(repr(number))
    except InvalidOperation:  # More digits in the exponent than a Decimal has.
        return text
    return plain(number) if is_exact else text
