"""Which attribute a field is taken from: the keys in order, and how a value of one is read.

The tables are the rules. A key that is absent, empty, zero or false gives way to the next one.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from ..cache import BoundedCache
from .javascript import Value, parse, string, stringify

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .values import Attributes

__all__ = [
    "ENVIRONMENT_KEYS",
    "LEVELS",
    "LEVEL_KEY",
    "NAME_KEYS",
    "PUBLIC_KEYS",
    "RELEASE_KEY",
    "ROOT_KEY",
    "SERVICE_VERSION_KEY",
    "SESSION_KEYS",
    "STATUS_MESSAGE_KEY",
    "TAG_KEYS",
    "TRACE_NAME_KEY",
    "USER_KEYS",
    "VERSION_KEY",
    "environment",
    "flag",
    "level",
    "name",
    "tags",
    "text",
    "text_of",
    "winner",
]

SESSION_KEYS: Final = (
    "langfuse.session.id",
    "session.id",
    "gen_ai.conversation.id",
    "langfuse.observation.metadata.langfuse_session_id",
    "langfuse.trace.metadata.langfuse_session_id",
)
USER_KEYS: Final = (
    "langfuse.user.id",
    "user.id",
    "langfuse.observation.metadata.langfuse_user_id",
    "langfuse.trace.metadata.langfuse_user_id",
)
TAG_KEYS: Final = (
    "langfuse.trace.tags",
    "langfuse.tags",
    "langfuse.observation.metadata.langfuse_tags",
    "langfuse.trace.metadata.langfuse_tags",
    "tag.tags",
)
NAME_KEYS: Final = ("gen_ai.tool.name",)
# Each is looked up on the span and then on the resource before the next one.
ENVIRONMENT_KEYS: Final = (
    "langfuse.environment",
    "deployment.environment.name",
    "deployment.environment",
)
TRACE_NAME_KEY: Final = "langfuse.trace.name"
VERSION_KEY: Final = "langfuse.version"
SERVICE_VERSION_KEY: Final = "service.version"  # of the resource
RELEASE_KEY: Final = "langfuse.release"  # of the span, else of the resource
PUBLIC_KEYS: Final = ("langfuse.trace.public", "langfuse.public")
ROOT_KEY: Final = "langfuse.internal.is_app_root"
LEVEL_KEY: Final = "langfuse.observation.level"
STATUS_MESSAGE_KEY: Final = "langfuse.observation.status_message"
LEVELS: Final = {
    "DEBUG": "DEBUG",
    "TRACE": "DEBUG",
    "VERBOSE": "DEBUG",
    "DEFAULT": "DEFAULT",
    "INFO": "DEFAULT",
    "LOG": "DEFAULT",
    "NOTICE": "DEFAULT",
    "OK": "DEFAULT",
    "SUCCESS": "DEFAULT",
    "WARNING": "WARNING",
    "WARN": "WARNING",
    "ERROR": "ERROR",
    "FATAL": "ERROR",
    "CRITICAL": "ERROR",
}
_DEFAULT_ENVIRONMENT: Final = "default"
_RESERVED_PREFIX: Final = re.compile(r"^(langfuse[-_]?)+")
_ENVIRONMENT: Final = re.compile(r"[a-z0-9_-]{1,40}")


def winner(attributes: Attributes, keys: Sequence[str]) -> str | None:
    """Return the first of the keys whose value counts, None if there is none."""
    for key in keys:
        if attributes.get(key):
            return key
    return None


def text(attributes: Attributes, keys: Sequence[str]) -> str:
    """Return the winning key's value, as JSON unless it is a string; empty if there is none."""
    key = winner(attributes, keys)
    return "" if key is None else text_of(attributes[key])


def text_of(value: Value) -> str:
    """Return a value of which even an empty one counts: JSON unless it is a string."""
    if isinstance(value, str):
        return value
    return "" if value is None else stringify(value)


def flag(attributes: Attributes, keys: Sequence[str]) -> bool:
    """Tell whether the first key that is present holds `true` or `"true"`."""
    for key in keys:
        if key in attributes:
            return attributes[key] is True or attributes[key] == "true"
    return False


def name(attributes: Attributes, span_name: str) -> str:
    """Return what the observation is called."""
    return text(attributes, NAME_KEYS) or span_name


def level(attributes: Attributes, *, failed: bool) -> str:
    """Return the attribute's level if it is a known one, else what the span's status says."""
    value = attributes.get(LEVEL_KEY)
    if isinstance(value, str) and (known := LEVELS.get(value.strip().upper())):
        return known
    return "ERROR" if failed else "DEFAULT"


def environment(span: Attributes, resource: Attributes) -> str:
    """Return the normalised environment, `default` when there is none or it cannot be one."""
    for key in ENVIRONMENT_KEYS:
        if value := span.get(key) or resource.get(key):
            return _ENVIRONMENTS[value] if isinstance(value, str) else _DEFAULT_ENVIRONMENT
    return _DEFAULT_ENVIRONMENT


def tags(attributes: Attributes) -> tuple[str, ...]:
    """Return the tags of an array, a JSON array, or a text with commas."""
    value = attributes.get(winner(attributes, TAG_KEYS) or TAG_KEYS[-1])
    if isinstance(value, str) and value.strip().startswith("["):
        value = _json_array(value)
    if isinstance(value, list):
        return tuple(map(string, value))
    if not isinstance(value, str):
        return ()
    return tuple(tag.strip() for tag in value.split(",")) if "," in value else (value,)


def _normalised(value: str) -> str:
    bare = _RESERVED_PREFIX.sub("", value.lower())[:40]
    return bare if _ENVIRONMENT.fullmatch(bare) else _DEFAULT_ENVIRONMENT


_ENVIRONMENTS: Final = BoundedCache(_normalised)


def _json_array(value: str) -> Value:
    try:
        content = parse(value)
    except ValueError:
        return value
    return content if isinstance(content, list) else value
