"""What only a model call has: the model, its parameters, the prompt and the first token's time."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from langfuse_local.mapping.dialects import (
    AI_SCOPE,
    GENKIT_SCOPE,
    ai_parameters,
    genkit_parameters,
    payload,
)
from langfuse_local.mapping.fields import sent, text
from langfuse_local.mapping.javascript import Value, number, parse, stringify

if TYPE_CHECKING:
    from langfuse_local.mapping.values import Attributes

__all__ = [
    "AI_PROMPT_KEY",
    "COMPLETION_START_KEY",
    "FIRST_CHUNK_KEYS",
    "MODEL_NAME_KEYS",
    "NO_PARAMETERS",
    "PARAMETER_KEYS",
    "PARAMETER_PREFIXES",
    "PROMPT_NAME_KEYS",
    "PROMPT_VERSION_KEYS",
    "ROLL_UP_OPERATIONS",
    "completion_start",
    "is_parameter",
    "is_roll_up",
    "model_name",
    "parameters",
    "prompt_name",
    "prompt_version",
]

MODEL_NAME_KEYS: Final = (
    "langfuse.observation.model.name",
    "gen_ai.response.model",
    "ai.model.id",
    "gen_ai.request.model",
    "llm.response.model",
    "llm.model_name",
    "model",
)
PARAMETER_KEYS: Final = (
    "langfuse.observation.model.parameters",
    "llm.invocation_parameters",
    "model_config",
)
PARAMETER_PREFIXES: Final = ("gen_ai.request.", "llm.invocation_parameters.")
PROMPT_NAME_KEYS: Final = ("langfuse.observation.prompt.name", "langfuse.prompt.name")
PROMPT_VERSION_KEYS: Final = ("langfuse.observation.prompt.version", "langfuse.prompt.version")
# JSON with a name and a version, used where neither of the keys is.
AI_PROMPT_KEY: Final = "ai.telemetry.metadata.langfusePrompt"
COMPLETION_START_KEY: Final = "langfuse.observation.completion_start_time"
# Milliseconds since the span's start.
FIRST_CHUNK_KEYS: Final = ("ai.response.msToFirstChunk", "ai.stream.msToFirstChunk")
# Spans of these add up what their children report: they keep no model, usage or cost.
ROLL_UP_OPERATIONS: Final = ("invoke_agent", "agent_step")
NO_PARAMETERS: Final = "{}"

_LARGEST_VERSION: Final = 65_535
_VERSION: Final = re.compile(r"[0-9]{1,5}")
_END_OF_TIME: Final = 2**63  # in the year 2262, as a database counts nanoseconds
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_NANOS_PER_MILLI: Final = 1_000_000


def is_roll_up(attributes: Attributes) -> bool:
    """Whether the span's model, usage and cost repeat those of the spans below it."""
    return attributes.get("gen_ai.operation.name") in ROLL_UP_OPERATIONS


def model_name(attributes: Attributes) -> str:
    """The model, empty if there is none; Genkit names a model's span after the model."""
    is_genkits = attributes.get("genkit:metadata:subtype") == "model"
    return text(attributes, (*MODEL_NAME_KEYS, "genkit:name") if is_genkits else MODEL_NAME_KEYS)


def parameters(attributes: Attributes, scope: str = "") -> str:
    """Model parameters as a JSON object; values are strings and numbers."""
    own = _object(attributes.get(PARAMETER_KEYS[0]))
    if scope == AI_SCOPE:
        return stringify(ai_parameters(attributes) | _simplified(own or {}))
    if own is None and scope == GENKIT_SCOPE:
        own = _members(genkit_parameters(attributes)) or None
    for key in PARAMETER_KEYS[1:]:
        if own is None and key in attributes:
            own = _object(attributes[key])
    given = _single(attributes) if own is None else own
    return stringify(_simplified(given)) if given else NO_PARAMETERS


def is_parameter(key: str) -> bool:
    """Whether parameters may be found in an attribute of this name, whatever its scope."""
    return key in PARAMETER_KEYS or key.startswith(PARAMETER_PREFIXES)


def prompt_name(attributes: Attributes) -> str:
    """The prompt's name, for a GENERATION; empty if there is none."""
    return sent(_present(attributes, PROMPT_NAME_KEYS, "name"))


def prompt_version(attributes: Attributes) -> int | None:
    """The prompt's version, for a GENERATION, if it is a whole number up to 65535."""
    value = _present(attributes, PROMPT_VERSION_KEYS, "version")
    if isinstance(value, str):
        value = int(value) if _VERSION.fullmatch(value.strip()) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if 0 <= value <= _LARGEST_VERSION and value == int(value) else None


def completion_start(attributes: Attributes, start: int) -> int | None:
    """The first token's time in nanoseconds since the epoch, None unless it is from 1970 to 2262.

    Sent as a time, or as milliseconds since the span's start, which is in nanoseconds.
    """
    sent_time = attributes.get(COMPLETION_START_KEY)
    moment = None if sent_time is None else _moment(sent_time)
    if moment is None:
        response, stream = FIRST_CHUNK_KEYS
        moment = _passed(attributes.get(response, attributes.get(stream)), start)
    return moment if moment is not None and 0 <= moment < _END_OF_TIME else None


def _moment(value: Value) -> int | None:
    """ISO text, UTC without an offset, or milliseconds; some SDKs put the text in quotes."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return int(value) * _NANOS_PER_MILLI if value else None
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(_unquoted(value))
    except ValueError:
        return None
    since = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - _EPOCH
    return since // _MICROSECOND * 1000


def _passed(milliseconds: Value, start: int) -> int | None:
    passed = number(milliseconds) if milliseconds else None
    if passed is None or not math.isfinite(passed):
        return None
    return (start // _NANOS_PER_MILLI + math.ceil(passed)) * _NANOS_PER_MILLI


def _unquoted(value: str) -> str:
    return sent(parse(value)) if value.startswith('"') else value


def _object(value: Value) -> dict[str, Value] | None:
    """The object or list that a JSON text holds, even an empty one."""
    parsed = payload(value) if isinstance(value, str) else None
    return _members(parsed) if isinstance(parsed, dict | list) else None


def _members(value: Value) -> dict[str, Value]:
    if isinstance(value, list):
        return {str(index): item for index, item in enumerate(value)}
    return value if isinstance(value, dict) else {}


def _single(attributes: Attributes) -> dict[str, Value]:
    """Parameters that have an attribute each."""
    keys = [key for key in attributes if key.startswith(PARAMETER_PREFIXES)]
    found = {
        key.removeprefix(prefix): attributes[key]
        for prefix in PARAMETER_PREFIXES
        for key in keys
        if key.startswith(prefix)
    }
    found.pop("model", None)
    return found


def _simplified(values: dict[str, Value]) -> dict[str, Value]:
    return {name: _simple(value) for name, value in values.items()}


def _simple(value: Value) -> Value:
    is_simple = isinstance(value, str | int | float) and not isinstance(value, bool)
    return value if is_simple else stringify(value)


def _present(attributes: Attributes, keys: tuple[str, ...], name: str) -> Value:
    """The value of the first key that is there, else what the AI SDK's prompt calls so."""
    for key in keys:
        if key in attributes:
            return attributes[key]
    prompt = attributes.get(AI_PROMPT_KEY)
    parsed = payload(prompt) if prompt else None
    return parsed.get(name) if isinstance(parsed, dict) else None
