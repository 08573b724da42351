"""Which attribute a field is taken from: the keys in order, and how a value of one is read.

The tables are the rules. A key that is absent, empty, zero or false gives way to the next one.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from langfuse_local.mapping.javascript import Value, parse, string, stringify
from langfuse_local.memory import Remembered

if TYPE_CHECKING:
    from collections.abc import Sequence

    from langfuse_local.mapping.values import Attributes

__all__ = [
    "ENVIRONMENT_KEYS",
    "LEVELS",
    "LEVEL_KEY",
    "LIVEKIT_SCOPE",
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
    "sent",
    "tags",
    "text",
    "winner",
]

SESSION_KEYS: Final = (
    "langfuse.session.id",
    "session.id",
    "gen_ai.conversation.id",
    "langfuse.observation.metadata.langfuse_session_id",
    "langfuse.trace.metadata.langfuse_session_id",
    "ai.telemetry.metadata.sessionId",
)
USER_KEYS: Final = (
    "langfuse.user.id",
    "user.id",
    "langfuse.observation.metadata.langfuse_user_id",
    "langfuse.trace.metadata.langfuse_user_id",
    "ai.telemetry.metadata.userId",
)
TAG_KEYS: Final = (
    "langfuse.trace.tags",
    "langfuse.tags",
    "langfuse.observation.metadata.langfuse_tags",
    "langfuse.trace.metadata.langfuse_tags",
    "ai.telemetry.metadata.tags",
    "tag.tags",
)
NAME_KEYS: Final = (
    "gen_ai.tool.name",
    "genkit:name",
    "logfire.msg",
    "ai.toolCall.name",
    "ai.operationId",
)
# Even an empty one of these is a name.
_KEPT_NAMES: Final = frozenset({"genkit:name", "ai.toolCall.name", "ai.operationId"})
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
LIVEKIT_SCOPE: Final = "livekit-agents"
_LIVEKIT_INNER_SPANS: Final = frozenset(
    {
        "user_speaking",
        "eou_detection",
        "llm_request_run",
        "tts_node",
        "tts_request",
        "tts_request_run",
        "tts_stream_adapter",
        "agent_speaking",
        "drain_agent_activity",
        "on_exit",
        "on_enter",
        "llm_fallback_adapter",
        "tts_fallback_adapter",
        "start_agent_activity",
    }
)
_DEFAULT_ENVIRONMENT: Final = "default"
_RESERVED_PREFIX: Final = re.compile(r"^(langfuse[-_]?)+")
_ENVIRONMENT: Final = re.compile(r"[a-z0-9_-]{1,40}")


def winner(attributes: Attributes, keys: Sequence[str]) -> str | None:
    """The first of the keys whose value counts, None if there is none."""
    for key in keys:
        if attributes.get(key):
            return key
    return None


def text(attributes: Attributes, keys: Sequence[str]) -> str:
    """The winning key's value, as JSON unless it is a string; empty if there is none."""
    key = winner(attributes, keys)
    return "" if key is None else sent(attributes[key])


def sent(value: Value) -> str:
    """A value where even an empty one counts: JSON unless it is a string, empty for None."""
    if isinstance(value, str):
        return value
    return "" if value is None else stringify(value)


def flag(attributes: Attributes, keys: Sequence[str]) -> bool:
    """Whether the first key that is present holds `true` or `"true"`."""
    for key in keys:
        if key in attributes:
            return attributes[key] is True or attributes[key] == "true"
    return False


def name(attributes: Attributes, span_name: str) -> str:
    """What the observation is called; an AI SDK operation is prefixed with its function."""
    for key in NAME_KEYS:
        if attributes.get(key) or (key in attributes and key in _KEPT_NAMES):
            own = sent(attributes[key])
            function = attributes.get("ai.telemetry.functionId") if key == NAME_KEYS[-1] else None
            return f"{string(function)}:{own}" if function else own
    return span_name


def level(attributes: Attributes, span_name: str, scope: str, *, failed: bool) -> str:
    """The level sent, if it is a known one; else what the span's status says.

    LiveKit's inner workings are for debugging.
    """
    value = attributes.get(LEVEL_KEY)
    if isinstance(value, str) and (known := LEVELS.get(value.strip().upper())):
        return known
    if failed:
        return "ERROR"
    is_inner = scope == LIVEKIT_SCOPE and span_name in _LIVEKIT_INNER_SPANS
    return "DEBUG" if is_inner else "DEFAULT"


def environment(span: Attributes, resource: Attributes) -> str:
    """The normalised environment, `default` when none was sent or it cannot be one."""
    for key in ENVIRONMENT_KEYS:
        if value := span.get(key) or resource.get(key):
            return _ENVIRONMENTS[value] if isinstance(value, str) else _DEFAULT_ENVIRONMENT
    return _DEFAULT_ENVIRONMENT


def tags(attributes: Attributes) -> tuple[str, ...]:
    """Tags from an array, a JSON array, or text with commas."""
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


_ENVIRONMENTS: Final = Remembered(_normalised)


def _json_array(value: str) -> Value:
    try:
        parsed = parse(value)
    except ValueError:
        return value
    return parsed if isinstance(parsed, list) else value
