"""Leaving a block: no span gets another user's session, wherever and whenever it is left."""

import asyncio
import contextvars
import gc
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, aclosing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry import baggage, context
from opentelemetry.sdk.trace import TracerProvider

from langfuse_otel import Block, attach, attached_baggage, restore, span_attributes
from support.left_behind import nothing_left_behind

ROOT = Path(__file__).parents[2]
SESSION = "langfuse.session.id"


def enter(session: str) -> Block:
    """Attach a session of a user, to spans and to the baggage."""
    return attach(attributes={SESSION: session}, entries={SESSION: session})


@contextmanager
def block(session: str) -> Iterator[None]:
    """Enter and leave, as the context manager of a service does."""
    entered = enter(session)
    try:
        yield
    finally:
        restore(entered)


def session() -> str | None:
    """Return the session of a span that starts here, which the baggage has, too."""
    found = span_attributes().get(SESSION)
    assert found == baggage.get_baggage(SESSION) == attached_baggage().get(SESSION)
    assert found is None or isinstance(found, str)
    return found


@pytest.fixture(autouse=True)
def _leaves_no_trace(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    yield from nothing_left_behind(caplog)


def steps(name: str) -> Iterator[str | None]:
    """Work in two steps inside a block."""
    with block(name):
        yield session()
        yield session()


async def asteps(name: str) -> AsyncIterator[str | None]:
    """Do the same without blocking."""
    with block(name):
        yield session()
        yield session()


def test_a_context_that_code_inside_leaks_ends_with_the_block() -> None:
    """What somebody attached and never detached is gone after the block."""
    with block("alice"):
        context.attach(context.set_value("leaked", 1))
        context.attach(baggage.set_baggage("leaked", "1"))
        assert session() == "alice"
    assert session() is None
    assert context.get_value("leaked") is None


def test_another_users_task_closes_an_async_generator() -> None:
    """Alice's generator is closed in Bob's block, of another task: Bob stays Bob."""

    async def alice() -> AsyncIterator[str | None]:
        stream = asteps("alice")
        assert await anext(stream) == "alice"
        return stream

    async def bob(stream: Any) -> list[str | None]:
        with block("bob"):
            await stream.aclose()
            inside = session()
        return [inside, session()]

    async def both() -> list[str | None]:
        stream = await asyncio.create_task(alice())
        return await asyncio.create_task(bob(stream))

    assert asyncio.run(both()) == ["bob", None]


def test_a_child_task_finishes_the_generator() -> None:
    """As a streamed answer does: the child is out of the block, and so is its parent later."""

    async def finish(stream: Any) -> str | None:
        async for _ in stream:
            pass
        return session()

    async def parent() -> list[str | None]:
        stream = asteps("alice")
        await anext(stream)
        child = await asyncio.create_task(finish(stream))
        return [child]

    assert asyncio.run(parent()) == [None]


@pytest.mark.parametrize("then", [None, "bob"])
def test_an_abandoned_generator_is_collected_late(then: str | None) -> None:
    """After the outer block was left, maybe in another user's, collecting it changes nothing."""
    abandoned: list[Iterator[Any]] = []
    with block("outer"):
        abandoned.append(steps("alice"))
        next(abandoned[0])
    with ExitStack() as stack:
        if then:
            stack.enter_context(block(then))
        abandoned.clear()
        gc.collect()
        assert session() == then
    assert session() is None


def test_a_generator_that_is_collected_in_another_thread_leaves_it_alone() -> None:
    """The collector runs wherever memory is asked for: in Bob's thread, too."""
    abandoned = [steps("alice")]
    contextvars.copy_context().run(next, abandoned[0])

    def bob() -> str | None:
        with block("bob"):
            abandoned.clear()
            gc.collect()
            return session()

    assert contextvars.Context().run(bob) == "bob"


class Unit:
    """A task or a thread of one user, and the sessions that are open in its own context."""

    def __init__(self, user: str, parent: "Unit | None" = None) -> None:
        self.user = user
        self.open: list[Any] = list(parent.open) if parent else []
        self._own = parent.run(contextvars.copy_context) if parent else contextvars.Context()

    def run(self, function: Callable[..., Any], *args: Any) -> Any:
        """Run in the unit's context."""
        return self._own.run(function, *args)


STEP = st.tuples(
    st.sampled_from(["enter", "leave", "leave", "child"]), st.integers(0, 50), st.integers(0, 50)
)


@settings(deadline=None)
@given(st.lists(STEP, max_size=40))
def test_blocks_that_are_left_anywhere_mix_no_users(plan: list[tuple[str, int, int]]) -> None:
    """Tasks enter blocks, hand their context to children, and leave anybody's in any order."""
    units = [Unit(user) for user in ("alice", "bob", "carol")]
    entered: list[tuple[str, Block]] = []
    for number, (step, which, other) in enumerate(plan):
        unit = units[which % len(units)]
        if step == "enter":
            name = f"{unit.user}-{number}"
            entered.append((name, unit.run(enter, name)))
            unit.open.append(name)
        elif step == "child":
            units.append(Unit(unit.user, unit))
        elif entered:
            name, left = entered.pop(other % len(entered))
            unit.run(restore, left)
            if name in unit.open:
                del unit.open[unit.open.index(name) :]
        for each in units:
            found = each.run(session)
            assert found == (each.open[-1] if each.open else None)
            assert found is None or found.startswith(each.user)


TURNS = st.lists(
    st.tuples(
        st.sampled_from(["alice", "bob", "carol"]),
        st.lists(st.sampled_from(["start", "step", "abandon", "close", "collect"]), max_size=8),
    ),
    max_size=8,
)


@settings(deadline=None)
@given(TURNS, st.randoms(use_true_random=False))
def test_abandoned_generators_mix_no_users(turns: list[tuple[str, list[str]]], chance: Any) -> None:
    """On one thread, turn after turn: what a turn leaves running ends at any later time."""
    running: list[tuple[str, Iterator[Any]]] = []
    for number, (user, plan) in enumerate(turns):
        turn = f"{user}-{number}"
        with block(turn):
            for step in plan:
                if step == "start":
                    running.append((turn, steps(f"{turn}-{len(running)}")))
                    next(running[-1][1])
                elif running:
                    place = chance.randrange(len(running))
                    if step == "step" and running[place][0] == turn:
                        assert str(next(running[place][1], turn)).startswith(turn)
                    else:
                        running.pop(place)
                        gc.collect(0)
                assert str(session()).startswith(turn)
        assert session() is None
    running.clear()
    assert session() is None


def test_a_streamed_body_is_inside_the_block_that_surrounds_it() -> None:
    """The remedy: enter the block around the whole answer, and not around a `yield`."""

    async def body() -> AsyncIterator[str | None]:
        yield session()
        yield session()

    async def answer(name: str) -> list[str | None]:
        with block(name):
            async with aclosing(body()) as parts:  # type: ignore[type-var] # it is a generator
                return [part async for part in parts]

    async def both() -> list[list[str | None]]:
        return await asyncio.gather(answer("alice"), answer("bob"))

    assert asyncio.run(both()) == [["alice"] * 2, ["bob"] * 2]


def test_the_baggage_is_the_apis() -> None:
    """Entries are found, changed and removed by OpenTelemetry's own functions, inside and out."""
    token = context.attach(baggage.set_baggage("channel", "web"))
    with block("alice"):
        assert dict(baggage.get_all()) == {"channel": "web", SESSION: "alice"}
        assert dict(baggage.get_all(baggage.remove_baggage("channel"))) == {SESSION: "alice"}
        assert dict(baggage.get_all(baggage.clear())) == {}
    assert dict(baggage.get_all()) == {"channel": "web"}
    context.detach(token)


def test_a_processor_sees_the_block_of_the_explicit_context() -> None:
    """Attributes are those of the context that the span starts in, empty ones included."""
    with block("alice"):
        inside = context.get_current()
        assert span_attributes(context.Context()) == {}
        assert TracerProvider(shutdown_on_exit=False).get_tracer("t").start_span("s") is not None
    assert span_attributes(inside) == {SESSION: "alice"}


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("context.detach(contextvars.copy_context().run(context.attach, Context()))", "detach"),
        ("context.attach(context.set_value('left', 1))", "left"),
        ("pass", ""),
    ],
)
def test_the_check_for_what_is_left_behind_can_fail(tmp_path: Path, fault: str, said: str) -> None:
    """A test that makes OpenTelemetry complain, or leaves a context behind, is an error."""
    (tmp_path / "test_fault.py").write_text(
        "import contextvars, pytest\n"
        "from opentelemetry import context\n"
        "from opentelemetry.context import Context\n"
        "from support.left_behind import nothing_left_behind\n"
        "@pytest.fixture(autouse=True)\n"
        "def _leaves_no_trace(caplog): yield from nothing_left_behind(caplog)\n"
        f"def test_fault(): {fault}\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_fault.py"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT / "tests")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode == 1) is bool(said), done.stdout
    assert said in done.stdout
