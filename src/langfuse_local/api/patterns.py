"""Whether a regular expression may be searched for in texts from outside."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["is_safe"]

_PARTS: Final = re.compile(
    r"""\\. | \[\^?\]?(?:\\.|[^\]\\])*\] | \(\?[:=!]|\(\?<[=!]|\(\?P?<\w+>|\( | \)
    | [*+?][?+]? | \{\d+(?:,\d*)?\}[?+]? | .""",
    re.VERBOSE | re.DOTALL,
)
_REPETITIONS: Final = 25  # the bound of `safe-regex2`, which Langfuse asks


def is_safe(pattern: str) -> bool:
    """A valid expression without a repetition inside a repetition, which may take for ever.

    The rule is that of `safe-regex2`: `(a+)+` is refused however harmless it might be. So are
    groups that JavaScript has not, as Python's flags and comments, in which brackets may not count.
    """
    try:
        re.compile(pattern)
    except (re.error, RecursionError, OverflowError):
        return False
    repetitions = 0
    groups = [False]  # whether each open group holds a repetition
    closed = False  # the same of what the next part may repeat
    previous = ""
    for part in _PARTS.findall(pattern):
        if previous == "(" and part[0] == "?":
            return False
        previous = part
        if part[0] in "*+?{" and len(part) + (part[0] != "{") > 1:
            repetitions += 1
            if closed or repetitions > _REPETITIONS:
                return False
            groups[-1] = True
            continue
        closed = False
        if part[0] == "(":
            groups.append(False)
        elif part == ")":
            closed = groups.pop()
            groups[-1] |= closed
    return True
