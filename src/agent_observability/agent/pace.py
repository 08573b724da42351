"""The pace of the offline demo: each step takes a moment, as steps of a real service do.

Langfuse keeps whole milliseconds: steps that are shorter tie, and its tree shows them out of order.
"""

import functools
import time
from collections.abc import Mapping

from .dependencies import Node, Runtime, Update
from .state import AgentState

__all__ = ["paced_nodes"]


def paced_nodes(nodes: Mapping[str, Node]) -> dict[str, Node]:
    """Let each node wait before it does anything, for as long as the turn's services say."""
    return {name: _paced(node) for name, node in nodes.items()}


def _paced(node: Node) -> Node:
    @functools.wraps(node)
    def run(state: AgentState, runtime: Runtime) -> Update:
        time.sleep(runtime.context.step_delay_seconds)
        return node(state, runtime)

    return run
