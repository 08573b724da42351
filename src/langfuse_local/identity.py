"""What a running backend says of itself: its checkout finds it, and others know whose it is."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["IDENTITY_PATH", "Identity"]

IDENTITY_PATH = "/-/backend"


@dataclass(frozen=True, slots=True)
class Identity:
    """Its process, the folder that its data is in, and how much it holds."""

    pid: int
    folder: str
    traces: int
    observations: int
