"""What only a model call has: the model, its parameters, the prompt and the first token's time."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from langfuse_local.fields import sent
from langfuse_local.javascript import Value, parse, stringify
from langfuse_local.memory import Remembered
from langfuse_local.usage import json_object

if TYPE_CHECKING:
    from langfuse_local.values import Attributes

__all__ = [
    "COMPLETION_START_KEY",
    "MODEL_NAME_KEYS",
    "NO_PARAMETERS",
    "PARAMETER_KEYS",
    "PARAMETER_PREFIX",
    "PROMPT_NAME_KEYS",
    "PROMPT_VERSION_KEYS",
    "ROLL_UP_OPERATIONS",
    "completion_start",
    "is_roll_up",
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
PARAMETER_PREFIX: Final = "gen_ai.request."
PROMPT_NAME_KEYS: Final = ("langfuse.observation.prompt.name", "langfuse.prompt.name")
PROMPT_VERSION_KEYS: Final = ("langfuse.observation.prompt.version", "langfuse.prompt.version")
COMPLETION_START_KEY: Final = "langfuse.observation.completion_start_time"
# Spans of these add up what their children report: they keep no model, usage or cost.
ROLL_UP_OPERATIONS: Final = ("invoke_agent", "agent_step")
NO_PARAMETERS: Final = "{}"

_LARGEST_VERSION: Final = 65_535
_VERSION: Final = re.compile(r"[0-9]{1,5}")
_END_OF_TIME: Final = 2**63  # in the year 2262, as a database counts nanoseconds
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


def is_roll_up(attributes: Attributes) -> bool:
    """Whether the span's model, usage and cost repeat those of the spans below it."""
    return attributes.get("gen_ai.operation.name") in ROLL_UP_OPERATIONS


def parameters(attributes: Attributes) -> str:
    """Model parameters as a JSON object; values are strings and numbers."""
    for key in PARAMETER_KEYS:
        if given := json_object(attributes, key):
            return stringify({name: _simple(value) for name, value in given.items()})
    if not any(map(_IS_PARAMETER.__getitem__, attributes)):
        return NO_PARAMETERS
    requested: dict[str, Value] = {
        key.removeprefix(PARAMETER_PREFIX): _simple(value)
        for key, value in attributes.items()
        if _IS_PARAMETER[key]
    }
    return stringify(requested)


def _is_parameter(key: str) -> bool:
    return key.startswith(PARAMETER_PREFIX) and key != f"{PARAMETER_PREFIX}model"


_IS_PARAMETER: Final = Remembered(_is_parameter)


def prompt_name(attributes: Attributes) -> str:
    """The prompt's name, for a GENERATION; empty if there is none."""
    return sent(_present(attributes, PROMPT_NAME_KEYS))


def prompt_version(attributes: Attributes) -> int | None:
    """The prompt's version, for a GENERATION, if it is a whole number up to 65535."""
    value = _present(attributes, PROMPT_VERSION_KEYS)
    if isinstance(value, str):
        value = int(value) if _VERSION.fullmatch(value.strip()) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if 0 <= value <= _LARGEST_VERSION and value == int(value) else None


def completion_start(attributes: Attributes) -> int | None:
    """The first token's time in nanoseconds since the epoch, None unless it is from 1970 to 2262.

    Without an offset it is UTC. Some SDKs send the ISO text as JSON, in quotes of its own.
    """
    value = attributes.get(COMPLETION_START_KEY)
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(_unquoted(value))
    except ValueError:
        return None
    since = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - _EPOCH
    nanoseconds = since // _MICROSECOND * 1000
    return nanoseconds if 0 <= nanoseconds < _END_OF_TIME else None


def _unquoted(value: str) -> str:
    return sent(parse(value)) if value.startswith('"') else value


def _simple(value: Value) -> Value:
    is_simple = isinstance(value, str | int | float) and not isinstance(value, bool)
    return value if is_simple else stringify(value)


def _present(attributes: Attributes, keys: tuple[str, ...]) -> Value:
    return next((attributes[key] for key in keys if key in attributes), None)
