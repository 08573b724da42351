"""Where spans come from: an instrumentation scope of a resource, which many spans share."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans

from .fields import RELEASE_KEY, SERVICE_VERSION_KEY, text_of
from .values import attributes

if TYPE_CHECKING:
    from .values import Attributes

__all__ = ["Origin", "Resource", "Scope"]

_OWN_SDK: Final = "langfuse-sdk"


@dataclass(frozen=True)
class Resource:
    """A resource as it was sent: an OTLP `ResourceSpans` without spans."""

    sent: bytes

    @classmethod
    def of(cls, spans: ResourceSpans) -> Resource:
        """Leave the spans out."""
        sent = ResourceSpans(resource=spans.resource, schema_url=spans.schema_url)
        return cls(sent.SerializeToString())

    @cached_property
    def message(self) -> ResourceSpans:
        """The message that was sent."""
        return ResourceSpans.FromString(self.sent)

    @cached_property
    def attributes(self) -> Attributes:
        """Its attributes by name."""
        return attributes(self.message.resource.attributes)

    @cached_property
    def version(self) -> str:
        """The version of the service, for spans that have none."""
        return text_of(self.attributes.get(SERVICE_VERSION_KEY))

    @cached_property
    def release(self) -> str:
        """The release, for spans that have none."""
        return text_of(self.attributes.get(RELEASE_KEY))

    @cached_property
    def metadata(self) -> dict[str, str]:
        """Its part of the metadata of all its spans."""
        return {f"resourceAttributes.{key}": text_of(v) for key, v in self.attributes.items()}


@dataclass(frozen=True)
class Scope:
    """An instrumentation scope as it was sent: an OTLP `ScopeSpans` without spans."""

    sent: bytes

    @classmethod
    def of(cls, spans: ScopeSpans) -> Scope:
        """Leave the spans out; a span without a scope differs from one of a scope without name."""
        sent = ScopeSpans(schema_url=spans.schema_url)
        if spans.HasField("scope"):
            sent.scope.CopyFrom(spans.scope)
        return cls(sent.SerializeToString())

    @cached_property
    def message(self) -> ScopeSpans:
        """The message that was sent."""
        return ScopeSpans.FromString(self.sent)

    @cached_property
    def attributes(self) -> Attributes:
        """Its attributes by name."""
        return attributes(self.message.scope.attributes)

    @cached_property
    def is_own_sdk(self) -> bool:
        """Whether Langfuse's own SDK made the spans."""
        return self.message.scope.name.startswith(_OWN_SDK)

    @cached_property
    def metadata(self) -> dict[str, str]:
        """Its part of the metadata of all its spans."""
        if not self.message.HasField("scope"):
            return {}
        scope = self.message.scope
        own = {f"scope.attributes.{key}": text_of(v) for key, v in self.attributes.items()}
        return {"scope.name": scope.name, "scope.version": scope.version} | own


@dataclass(frozen=True)
class Origin:
    """A scope of a resource.

    Attributes:
        metadata: As `Observation.metadata`, the keys below `resourceAttributes.` and `scope.`.
    """

    resource: Resource
    scope: Scope
    metadata: dict[str, str]

    @classmethod
    def of(cls, resource: Resource, scope: Scope) -> Origin:
        """Join the metadata of both."""
        return cls(resource, scope, resource.metadata | scope.metadata)

    def without(self, prefixes: tuple[str, ...]) -> Origin:
        """The same, less the keys below these prefixes; shared, too: a resource may be large."""
        if prefixes not in self._rests:
            rest = {k: text for k, text in self.metadata.items() if not k.startswith(prefixes)}
            self._rests[prefixes] = Origin(self.resource, self.scope, rest)
        return self._rests[prefixes]

    @cached_property
    def _rests(self) -> dict[tuple[str, ...], Origin]:
        return {}
