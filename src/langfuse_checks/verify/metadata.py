"""The promise about metadata: its values are of the bounded sets that filters are made for."""

from collections.abc import Mapping
from typing import Final

from .evidence import Evidence
from .verdicts import Result, broken, kept, unchecked

__all__ = ["ALLOWED_VALUES", "bounded_values"]

ALLOWED_VALUES: Final[Mapping[str, frozenset[str]]] = {
    "environment": frozenset({"development", "staging", "production"}),
    "workflow": frozenset({"order-status", "refund", "handoff"}),
    "region": frozenset({"eu", "us", "global"}),
    "tenant_tier": frozenset({"free", "team", "enterprise"}),
}


def bounded_values(evidence: Evidence) -> Result:
    """Check that each value of bounded metadata is one of its set."""
    checked = 0
    for row in evidence.rows:
        for key, allowed in ALLOWED_VALUES.items():
            if key not in row.metadata:
                continue
            checked += 1
            if str(row.metadata[key]) not in allowed:
                return broken(
                    f"metadata {key}",
                    span=row,
                    cause=f"it is none of {', '.join(sorted(allowed))}",
                    fix="send one of them: values that grow for ever are no filter",
                )
    return kept(f"{checked} values") if checked else unchecked("no observation has any")
