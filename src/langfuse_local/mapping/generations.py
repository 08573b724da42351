"""What only a model call has: the model, its parameters, the prompt and the first token's time."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from .fields import text, text_of
from .javascript import Value, parse, parsed, stringify

if TYPE_CHECKING:
    from .values import Attributes

__all__ = [
    "COMPLETION_START_KEY",
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
    "gen_ai.request.model",
    "llm.response.model",
    "llm.model_name",
    "model",
)
PARAMETER_KEYS: Final = ("langfuse.observation.model.parameters", "llm.invocation_parameters")
PARAMETER_PREFIXES: Final = ("gen_ai.request.", "llm.invocation_parameters.")
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
_NANOS_PER_MILLI: Final = 1_000_000


def is_roll_up(attributes: Attributes) -> bool:
    """Tell whether the span's model, usage and cost repeat those of the spans below it."""
    return attributes.get("gen_ai.operation.name") in ROLL_UP_OPERATIONS


def model_name(attributes: Attributes) -> str:
    """Return the model, empty if there is none."""
    return text(attributes, MODEL_NAME_KEYS)


def parameters(attributes: Attributes) -> str:
    """Return the model parameters as a JSON object; values are strings and numbers."""
    objects = (_object(attributes.get(key)) for key in PARAMETER_KEYS)
    values = next((members for members in objects if members is not None), None)
    if values is None:
        values = _of_single_attributes(attributes)
    simple = {name: _simple(value) for name, value in values.items()}
    return stringify(simple) if simple else NO_PARAMETERS


def is_parameter(key: str) -> bool:
    """Tell whether parameters may be in an attribute of this name."""
    return key in PARAMETER_KEYS or key.startswith(PARAMETER_PREFIXES)


def prompt_name(attributes: Attributes) -> str:
    """Return the prompt's name, for a GENERATION; empty if there is none."""
    return text_of(_first_present(attributes, PROMPT_NAME_KEYS))


def prompt_version(attributes: Attributes) -> int | None:
    """Return the prompt's version, for a GENERATION, if it is a whole number up to 65535."""
    value = _first_present(attributes, PROMPT_VERSION_KEYS)
    if isinstance(value, str):
        value = int(value) if _VERSION.fullmatch(value.strip()) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if 0 <= value <= _LARGEST_VERSION and value == int(value) else None


def completion_start(attributes: Attributes) -> int | None:
    """Return the first token's time in nanoseconds since the epoch.

    None unless it is from 1970 to 2262.
    """
    moment = _moment(attributes.get(COMPLETION_START_KEY))
    return moment if moment is not None and 0 <= moment < _END_OF_TIME else None


def _moment(value: Value) -> int | None:
    """Read ISO text, UTC without an offset, or milliseconds; some SDKs put the text in quotes."""
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


def _unquoted(value: str) -> str:
    return text_of(parse(value)) if value.startswith('"') else value


def _object(value: Value) -> dict[str, Value] | None:
    """Return the object or list that a JSON text holds, even an empty one."""
    content = parsed(value) if isinstance(value, str) else None
    if isinstance(content, list):
        return {str(index): item for index, item in enumerate(content)}
    return content if isinstance(content, dict) else None


def _of_single_attributes(attributes: Attributes) -> dict[str, Value]:
    values = {
        key.removeprefix(prefix): value
        for prefix in PARAMETER_PREFIXES
        for key, value in attributes.items()
        if key.startswith(prefix)
    }
    values.pop("model", None)
    return values


def _simple(value: Value) -> Value:
    is_simple = isinstance(value, str | int | float) and not isinstance(value, bool)
    return value if is_simple else stringify(value)


def _first_present(attributes: Attributes, keys: tuple[str, ...]) -> Value:
    return next((attributes[key] for key in keys if key in attributes), None)
