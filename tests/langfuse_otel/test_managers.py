"""`@contextmanager`: a block for `with`, and around every call of a function that it decorates."""

import asyncio
import functools
import inspect
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from langfuse_otel import attach, contextmanager, restore, span_attributes


@contextmanager
def block(session: str) -> Iterator[None]:
    """Enter a session."""
    entered = attach(attributes={"session": session}, entries={})
    try:
        yield
    finally:
        restore(entered)


def session() -> object:
    """Return the session of a span that starts here."""
    return span_attributes().get("session")


class Agent:
    """Methods and calls, decorated."""

    @block("method")
    def answer(self) -> object:
        """Answer at once."""
        return session()

    @block("async method")
    async def aanswer(self) -> object:
        """Answer later."""
        await asyncio.sleep(0)
        return session()

    async def __call__(self) -> object:
        """Answer later, as an object that is called."""
        await asyncio.sleep(0)
        return session()


def test_it_is_entered_in_every_call_of_a_function() -> None:
    """Each call is inside, nothing is left after it, and arguments, result and name stay."""

    @block("alice")
    def answer(question: str, *, mark: str) -> tuple[str, object]:
        """Answer."""
        return question + mark, session()

    for _ in range(2):
        assert answer("where", mark="?") == ("where?", "alice")
        assert session() is None
    assert (answer.__name__, answer.__doc__) == ("answer", "Answer.")
    assert Agent().answer() == "method"


def test_it_is_entered_in_every_call_of_an_async_function() -> None:
    """The block lasts until the function has returned, in tasks side by side, too."""

    @block("alice")
    async def answer() -> object:
        await asyncio.sleep(0)
        return session()

    async def several() -> list[object]:
        bob = block("bob")(Agent())
        partial = block("carol")(functools.partial(Agent.__call__, Agent()))
        found = await asyncio.gather(
            answer(), answer(), bob(), partial(), Agent().aanswer(), asyncio.to_thread(session)
        )
        return [*found, session()]

    assert inspect.iscoroutinefunction(answer)
    expected = ["alice", "alice", "bob", "carol", "async method", None, None]
    assert asyncio.run(several()) == expected


def test_a_generator_is_refused() -> None:
    """A decorator cannot keep it inside: the error says so at import, and names the fix."""

    def parts() -> Iterator[int]:
        yield 1

    async def aparts() -> AsyncIterator[int]:
        yield 1

    class Stream:
        def __call__(self) -> Iterator[int]:
            yield 1

    for function in (parts, aparts, Stream(), functools.partial(parts)):
        with pytest.raises(TypeError, match=r"is a generator.*enter the block with `with`"):
            block("alice")(function)


@pytest.mark.parametrize(
    "error", [ZeroDivisionError(), StopIteration(1), GeneratorExit(), RuntimeError("generator")]
)
def test_an_error_passes_by(error: BaseException) -> None:
    """Whatever is raised inside comes out as it is, and the block is left."""
    entered: Any = block("alice")
    with pytest.raises(type(error)) as caught, entered:
        raise error
    assert caught.value is error
    assert caught.value.__cause__ is caught.value.__context__ is None
    assert session() is None


def test_a_function_that_cannot_enter_is_not_called() -> None:
    """An error on entering comes out of the `with` and of the decorated call."""

    @contextmanager
    def refusing() -> Iterator[None]:
        raise ValueError("no")
        yield

    with pytest.raises(ValueError, match="no"), refusing():
        pytest.fail("The block should not be entered.")
    with pytest.raises(ValueError, match="no"):
        refusing()(lambda: pytest.fail("The function should not be called."))()
