"""What a span costs with the context active, and what entering and leaving the context costs."""

import gc
import time
from collections.abc import Callable
from statistics import median

from .peers import PEERS, Peer

__all__ = ["contexts", "spans"]

# Short rounds: what disturbs the machine for a moment then disturbs few of them.
ROUNDS, SPANS, TURNS = 300, 60, 60


def spans() -> dict[str, float]:
    """Return the median seconds of one span's start and end, by peer."""
    return _interleaved({name: _start_spans(peer) for name, peer in PEERS.items()}, SPANS)


def contexts() -> dict[str, float]:
    """Return the median seconds of one enter and leave, with ids that change every turn."""
    names = [
        name for name in PEERS if name not in {"no context", "attributes at start_span (floor)"}
    ]
    return _interleaved({name: _enter_contexts(PEERS[name]) for name in names}, TURNS)


def _interleaved(work: dict[str, Callable[[], float]], repeats: int) -> dict[str, float]:
    seconds: dict[str, list[float]] = {name: [] for name in work}
    for _ in range(ROUNDS):
        for name, run in work.items():
            gc.collect()
            gc.disable()
            seconds[name].append(run() / repeats)
            gc.enable()
    return {name: median(each) for name, each in seconds.items()}


def _start_spans(peer: Peer) -> Callable[[], float]:
    tracer = peer.tracer()
    session, user = "conv_82d9535867844b4c8cdff", "usr_pseudo_7f31c2"
    attributes = peer.attributes and peer.attributes(session, user)

    def run() -> float:
        with peer.enter(session, user):
            start = tracer.start_span
            began = time.perf_counter()
            if attributes:
                for _ in range(SPANS):
                    start("span", attributes=attributes).end()
            else:
                for _ in range(SPANS):
                    start("span").end()
            return time.perf_counter() - began

    return run


def _enter_contexts(peer: Peer) -> Callable[[], float]:
    turn = iter(range(10**9))

    def run() -> float:
        ids = [
            (f"conv_82d9535867844b4{n:07x}", f"usr_pseudo_{n:07x}")
            for n, _ in zip(turn, range(TURNS), strict=False)
        ]
        began = time.perf_counter()
        for session, user in ids:
            with peer.enter(session, user):
                pass
        return time.perf_counter() - began

    return run
