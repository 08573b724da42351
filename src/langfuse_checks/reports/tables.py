"""Users and sessions as tables, and in words the answers that each table gives."""

from collections import Counter
from collections.abc import Sequence
from typing import Literal

from rich.table import Table

from .survey import Group, why_long

__all__ = ["session_answers", "session_table", "user_answers", "user_table"]

_REPEATED_DENIALS = 2
_NOBODY = "(none)"
_TOKENS = ("Tokens\nin", "Tokens\nout")


def user_table(users: Sequence[Group]) -> Table:
    """Return one line per user, in the same order."""
    table = _table(
        "User", "Sessions", "Traces", "Tokens in", "Tokens out", "Cost", "Denied", "Feedback"
    )
    for user in users:
        table.add_row(
            user.id or _NOBODY,
            str(len(user.sessions)),
            *_sums(user),
            str(user.outcomes["denied"] or ""),
            _feedback(user),
        )
    return table


def user_answers(users: Sequence[Group]) -> list[str]:
    """Say which user costs most, who is denied repeatedly, and where negative feedback clusters."""
    named = [user for user in users if user.id]
    total = sum(user.cost for user in users)
    answers = []
    if named and total:
        top = named[0]
        share = f"{top.cost / total:.0%} of ${total:.6f}"
        answers.append(f"Highest cost: {top.id}, ${top.cost:.6f} ({share}).")
    denied = [user for user in named if user.outcomes["denied"] >= _REPEATED_DENIALS]
    names = ", ".join(f"{user.id} ({user.outcomes['denied']})" for user in denied)
    answers.append(f"Repeated denials: {names or 'nobody'}.")
    answers.append(_negative_feedback(named))
    return answers


def session_table(sessions: Sequence[Group]) -> Table:
    """Return one line per session, in the same order."""
    table = _table("Session", "User", "Turns", *_TOKENS, "Cost", "Min", "Feedback")
    for session in sessions:
        table.add_row(
            session.id or _NOBODY,
            ", ".join(sorted(session.users)) or _NOBODY,
            *_sums(session),
            _minutes(session),
            _feedback(session),
        )
    return table


def session_answers(sessions: Sequence[Group]) -> list[str]:
    """Say how many sessions are long, and why each of them is."""
    reasons = {session.id: reason for session in sessions if (reason := why_long(session))}
    kinds = Counter(
        part.partition(":")[0] for reason in reasons.values() for part in reason.split("; ")
    )
    counts = ", ".join(f"{count} with {kind}" for kind, count in kinds.most_common())
    count = f"Sessions of three turns or more: {len(reasons)}{f' ({counts})' if counts else ''}."
    return [count, *(f"  {session}: {reason}" for session, reason in reasons.items())]


def _negative_feedback(users: Sequence[Group]) -> str:
    down = sum(user.down for user in users)
    if not down:
        return "Negative feedback: none."
    worst = sorted((user for user in users if user.down), key=lambda user: (-user.down, user.id))[
        :3
    ]
    shares = (f"{user.id} ({user.down} of {user.up + user.down})" for user in worst)
    return f"Negative feedback: {down}, most of it by {', '.join(shares)}."


def _table(first: str, *others: str) -> Table:
    table = Table(box=None, pad_edge=False)
    for name in (first, *others):
        is_whole = name in {first, "Feedback"}  # Whoever searches a pipe looks for a whole one.
        side: Literal["left", "right"] = "left" if name in {first, "User"} else "right"
        table.add_column(name, justify=side, no_wrap=is_whole, overflow="fold")
    return table


def _sums(group: Group) -> tuple[str, str, str, str]:
    return (
        str(len(group.traces)),
        f"{group.input_tokens:,}" if group.input_tokens else "",
        f"{group.output_tokens:,}" if group.output_tokens else "",
        _cost(group),
    )


def _cost(group: Group) -> str:
    """Return the known cost; a call of unknown price is counted as unknown, never as $0."""
    unknown = f"{group.unknown_costs} unknown" if group.unknown_costs else ""
    if not group.known_costs:
        return unknown
    return f"${group.cost:.6f} + {unknown}" if unknown else f"${group.cost:.6f}"


def _minutes(group: Group) -> str:
    if group.started is None or group.ended is None:
        return ""
    return f"{(group.ended - group.started).total_seconds() / 60:.1f}"


def _feedback(group: Group) -> str:
    return f"{group.up} up, {group.down} down" if group.up or group.down else ""
