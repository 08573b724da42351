"""The privacy rules as the checks apply them: those of langfuse_otel and the shop's own."""

import agent_observability  # noqa: F401 - adds the rule of order references
from langfuse_otel.privacy import looks_like, mask, rules

__all__ = ["looks_like", "mask", "rules"]
