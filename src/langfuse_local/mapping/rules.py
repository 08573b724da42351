"""The mapper's rules as a table to read: which attributes each field is taken from, in order.

The keys are the mapper's own tables, so this list cannot say anything else than the mapper does.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from . import content, costs, fields, generations, metadata, observation_type, usage

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .observation import Observation

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
        keys: In order of precedence.
        value: The field's text in a stored row, empty if there is none.
        gives: Whether an attribute's text is what the row has.
        otherwise: Where the value is from if no key gave it.
    """

    field: str
    keys: Sequence[Key]
    value: Callable[[Observation], str]
    gives: Callable[[Observation, str, str], bool]
    otherwise: str = "empty"


def _span(*names: str) -> tuple[Key, ...]:
    return tuple(Key(name) for name in names)


def _prefixes(*names: str) -> tuple[Key, ...]:
    return tuple(Key(name, is_prefix=True) for name in names)


def _same(value: Callable[[Observation], str]) -> Callable[[Observation, str, str], bool]:
    return lambda row, _, text: text == value(row)


def _text(
    field: str, keys: Sequence[Key], value: Callable[[Observation], str], otherwise: str = "empty"
) -> Rule:
    return Rule(field, keys, value, _same(value), otherwise)


def _is_there(_row: Observation, _name: str, text: str) -> bool:
    return bool(text)


def _gives_tags(row: Observation, name: str, text: str) -> bool:
    return fields.tags({name: text}) == row.tags


def _gives_environment(row: Observation, name: str, text: str) -> bool:
    return fields.environment({name: text}, {}) == row.environment


def _gives_type(row: Observation, name: str, text: str) -> bool:
    return observation_type.observation_type({name: text}) == row.type


def _gives_level(row: Observation, _: str, text: str) -> bool:
    return fields.LEVELS.get(text.strip().upper()) == row.level


def _of_json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False) if value else ""


def _content(field: str, key: str, value: Callable[[Observation], str]) -> Rule:
    otherwise = "one of the content attributes, which are not kept beside the field"
    return Rule(field, _span(key), value, _is_there, otherwise)


RULES: Final = (
    _text("Session", _span(*fields.SESSION_KEYS), lambda row: row.session_id),
    _text("User", _span(*fields.USER_KEYS), lambda row: row.user_id),
    _text(
        "Trace name",
        _span(fields.TRACE_NAME_KEY),
        lambda row: row.shown_trace_name or "",
        "the root's name",
    ),
    Rule("Tags", _span(*fields.TAG_KEYS), lambda row: ", ".join(row.tags), _gives_tags),
    _text(
        "Version",
        (*_span(fields.VERSION_KEY), Key(fields.SERVICE_VERSION_KEY, of_resource=True)),
        lambda row: row.version,
    ),
    _text(
        "Release",
        (*_span(fields.RELEASE_KEY), Key(fields.RELEASE_KEY, of_resource=True)),
        lambda row: row.release,
    ),
    Rule(
        "Environment",
        tuple(Key(name, of) for name in fields.ENVIRONMENT_KEYS for of in (False, True)),
        lambda row: row.environment,
        _gives_environment,
        "`default`: none was sent that can be one",
    ),
    _text("Name", _span(*fields.NAME_KEYS), lambda row: row.name, "the span's name"),
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
    _text(
        "Status message",
        _span(fields.STATUS_MESSAGE_KEY),
        lambda row: row.status_message,
        "the span's status",
    ),
    _text("Model", _span(*generations.MODEL_NAME_KEYS), lambda row: row.model),
    Rule(
        "Model parameters",
        (*_span(*generations.PARAMETER_KEYS), *_prefixes(*generations.PARAMETER_PREFIXES)),
        lambda row: (
            "" if row.model_parameters == generations.NO_PARAMETERS else row.model_parameters
        ),
        lambda _row, name, text: bool(text) and not name.endswith(".model"),
    ),
    Rule(
        "Usage",
        (*_span(usage.USAGE_KEY), *_prefixes(*usage.COUNTER_PREFIXES)),
        lambda row: _of_json(row.usage),
        lambda _row, name, text: bool(text) and name not in costs.TOTAL_COST_KEYS,
    ),
    Rule(
        "Cost",
        _span(costs.COST_KEY, *costs.TOTAL_COST_KEYS),
        lambda row: _of_json(row.cost),
        _is_there,
        "tokens times the model's price",
    ),
    _text("Prompt", _span(*generations.PROMPT_NAME_KEYS), lambda row: row.prompt_name),
    _text(
        "Prompt version",
        _span(*generations.PROMPT_VERSION_KEYS),
        lambda row: "" if row.prompt_version is None else str(row.prompt_version),
    ),
    Rule(
        "First token",
        _span(generations.COMPLETION_START_KEY),
        lambda row: "" if row.completion_start_time is None else str(row.completion_start_time),
        _is_there,
    ),
    Rule(
        "Public",
        _span(*fields.PUBLIC_KEYS),
        lambda row: "true" if row.public else "",
        lambda _row, _name, text: text == "true",
    ),
    Rule(
        "Entry of the application",
        _span(fields.ROOT_KEY),
        lambda row: "true" if row.is_app_root else "",
        lambda _row, _name, text: text == "true",
    ),
    _content("Input", content.OBSERVATION_KEYS[0], lambda row: row.input or ""),
    _content("Output", content.OBSERVATION_KEYS[1], lambda row: row.output or ""),
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
