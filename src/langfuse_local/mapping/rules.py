"""The mapper's rules as a table to read: which attributes each field is taken from, in order.

The keys are the mapper's own tables, so this list cannot say anything else than the mapper does.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from . import content, costs, fields, generations, metadata, observation_type, usage
from .javascript import number, parsed, string

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .javascript import Value
    from .observation import Observation

    Gives = Callable[[Observation, str, Value], bool]

__all__ = ["METADATA_RULES", "RULES", "Key", "Rule"]


@dataclass(frozen=True, slots=True)
class Key:
    """An attribute of the span or of its resource; a prefix stands for all that begin with it."""

    name: str
    of_resource: bool = False
    is_prefix: bool = False

    def covers(self, name: str) -> bool:
        """Tell whether the attribute of this name is meant."""
        return name.startswith(self.name) if self.is_prefix else name == self.name


@dataclass(frozen=True, slots=True)
class Rule:
    """How one field is filled.

    Attributes:
        field: What it is called.
        keys: In order of precedence; of prefixes, all count together.
        value: The field's text in a row, empty if there is none.
        gives: Whether an attribute of this name and value counts.
        otherwise: Where the value is from if no key gave it.
    """

    field: str
    keys: Sequence[Key]
    value: Callable[[Observation], str]
    gives: Gives = lambda _row, _name, value: bool(value)
    otherwise: str = "empty"


def _span(*names: str) -> tuple[Key, ...]:
    return tuple(Key(name) for name in names)


def _prefixes(*names: str) -> tuple[Key, ...]:
    return tuple(Key(name, is_prefix=True) for name in names)


def _is_set(_row: Observation, _name: str, _value: Value) -> bool:
    return True


def _gives_type(row: Observation, name: str, value: Value) -> bool:
    known = dict(observation_type.TYPE_RULES).get(name)
    if known is None:
        return observation_type.observation_type({name: value}) == row.type
    return known.get(string(value)) == row.type


def _gives_level(row: Observation, _name: str, value: Value) -> bool:
    return isinstance(value, str) and fields.LEVELS.get(value.strip().upper()) == row.level


def _gives_parameters(_row: Observation, name: str, value: Value) -> bool:
    if name in generations.PARAMETER_KEYS:
        return isinstance(value, str) and isinstance(parsed(value), dict | list)
    return not name.endswith(".model")


def _gives_usage(_row: Observation, name: str, value: Value) -> bool:
    if name == usage.USAGE_KEY:
        return usage.json_object({name: value}, name) is not None
    return usage.is_usage(name) and number(value) is not None


def _gives_cost(_row: Observation, name: str, value: Value) -> bool:
    if name == costs.COST_KEY:
        return usage.json_object({name: value}, name) is not None
    return value != ""


def _of_json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False) if value else ""


def _content(field: str, names: str, value: Callable[[Observation], str]) -> Rule:
    keys = [
        Key(f"event {name}" if source.of_events else name, is_prefix=source.is_nested)
        for source in content.SOURCES
        for name in getattr(source, names)
    ]
    return Rule(field, keys, value)


RULES: Final = (
    Rule("Session", _span(*fields.SESSION_KEYS), lambda row: row.session_id),
    Rule("User", _span(*fields.USER_KEYS), lambda row: row.user_id),
    Rule(
        "Trace name",
        _span(fields.TRACE_NAME_KEY),
        lambda row: row.shown_trace_name or "",
        otherwise="the root's name",
    ),
    Rule("Tags", _span(*fields.TAG_KEYS), lambda row: ", ".join(row.tags)),
    Rule(
        "Version",
        (*_span(fields.VERSION_KEY), Key(fields.SERVICE_VERSION_KEY, of_resource=True)),
        lambda row: row.version,
        _is_set,
    ),
    Rule(
        "Release",
        (*_span(fields.RELEASE_KEY), Key(fields.RELEASE_KEY, of_resource=True)),
        lambda row: row.release,
        _is_set,
    ),
    Rule(
        "Environment",
        tuple(Key(name, of) for name in fields.ENVIRONMENT_KEYS for of in (False, True)),
        lambda row: row.environment,
        otherwise="`default`: none was sent",
    ),
    Rule("Name", _span(*fields.NAME_KEYS), lambda row: row.name, otherwise="the span's name"),
    Rule(
        "Type",
        _span(
            *(key for key, _ in observation_type.TYPE_RULES),
            *observation_type.TOOL_KEYS,
            *observation_type.MODEL_KEYS,
        ),
        lambda row: row.type,
        _gives_type,
        "SPAN: no rule knows the span",
    ),
    Rule(
        "Level", _span(fields.LEVEL_KEY), lambda row: row.level, _gives_level, "the span's status"
    ),
    Rule(
        "Status message",
        _span(fields.STATUS_MESSAGE_KEY),
        lambda row: row.status_message,
        _is_set,
        "the span's status",
    ),
    Rule("Model", _span(*generations.MODEL_NAME_KEYS), lambda row: row.model),
    Rule(
        "Model parameters",
        (*_span(*generations.PARAMETER_KEYS), *_prefixes(*generations.PARAMETER_PREFIXES)),
        lambda row: (
            "" if row.model_parameters == generations.NO_PARAMETERS else row.model_parameters
        ),
        _gives_parameters,
    ),
    Rule(
        "Usage",
        (*_span(usage.USAGE_KEY), *_prefixes(*usage.COUNTER_PREFIXES)),
        lambda row: _of_json(row.usage),
        _gives_usage,
    ),
    Rule(
        "Cost",
        _span(costs.COST_KEY, *costs.TOTAL_COST_KEYS),
        lambda row: _of_json(row.cost),
        _gives_cost,
        "tokens times the model's price",
    ),
    Rule("Prompt", _span(*generations.PROMPT_NAME_KEYS), lambda row: row.prompt_name, _is_set),
    Rule(
        "Prompt version",
        _span(*generations.PROMPT_VERSION_KEYS),
        lambda row: "" if row.prompt_version is None else str(row.prompt_version),
        _is_set,
    ),
    Rule(
        "First token",
        _span(generations.COMPLETION_START_KEY),
        lambda row: "" if row.completion_start_time is None else str(row.completion_start_time),
    ),
    Rule(
        "Public",
        _span(*fields.PUBLIC_KEYS),
        lambda row: "true" if row.public else "",
        _is_set,
    ),
    Rule(
        "Entry of the application",
        _span(fields.ROOT_KEY),
        lambda row: "true" if row.is_app_root else "",
    ),
    _content("Input", "input_names", lambda row: row.input or ""),
    _content("Output", "output_names", lambda row: row.output or ""),
)
"""One rule per field, in the order in which the trace page shows them."""

METADATA_RULES: Final = (
    (f"{metadata.TRACE_PREFIX}.*", "metadata, to filter by; wins over the next two"),
    (f"{metadata.OBSERVATION_PREFIX}.*", "metadata, to filter by"),
    (f"{metadata.COMMON_PREFIX}.*", "metadata, to filter by"),
    ("definitions of tools", "the input, under tools"),
    ("anything else on the span", f"metadata, under {metadata.BLOCKS[0]}."),
    ("attributes of the resource", f"metadata, under {metadata.BLOCKS[1]}."),
    ("the instrumentation scope", f"metadata, under {metadata.BLOCKS[2]}."),
)
"""What becomes of attributes that no field takes."""
