"""Context managers that also decorate functions, async ones included.

`contextlib.contextmanager` decorates an `async def` without a word, and is left before it runs.
"""

import functools
import inspect
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any, ParamSpec, TypeVar, cast

__all__ = ["contextmanager"]

P = ParamSpec("P")
Function = TypeVar("Function", bound=Callable[..., Any])


def contextmanager(function: Callable[P, Iterator[None]]) -> Callable[P, "_Manager"]:
    """Make a context manager of a function that yields once, inside `try` and `finally`.

    The result also decorates functions: it is entered anew in every call. An error passes by it,
    so that it can neither swallow nor change one.
    """

    @functools.wraps(function)
    def make(*args: P.args, **kwargs: P.kwargs) -> _Manager:
        return _Manager(function, args, kwargs)

    return make


class _Manager(AbstractContextManager[None]):
    __slots__ = ("_args", "_function", "_kwargs", "_steps")

    def __init__(
        self,
        function: Callable[..., Iterator[None]],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> None:
        self._function, self._args, self._kwargs = function, args, kwargs

    def __enter__(self) -> None:
        self._steps: Any = self._function(*self._args, **self._kwargs)
        next(self._steps)

    def __exit__(self, *_error: object) -> None:
        self._steps.close()

    def __call__(self, function: Function) -> Function:
        """Return the function with the block around each of its calls.

        Raises:
            TypeError: It is a generator, whose body runs after the call.
        """
        if _is(inspect.isgeneratorfunction, function) or _is(inspect.isasyncgenfunction, function):
            raise TypeError(
                f"{_name(function)} is a generator, whose body runs after the call that a decorator"
                " surrounds: enter the block with `with`, inside it around the work between two"
                " yields, or around the whole loop that reads it."
            )
        wrapper = self._around_async if _is(inspect.iscoroutinefunction, function) else self._around
        return cast("Function", functools.update_wrapper(wrapper(function), function))

    def _around(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def inside(*args: Any, **kwargs: Any) -> Any:
            with _Manager(self._function, self._args, self._kwargs):
                return function(*args, **kwargs)

        return inside

    def _around_async(self, function: Callable[..., Any]) -> Callable[..., Any]:
        async def inside(*args: Any, **kwargs: Any) -> Any:
            with _Manager(self._function, self._args, self._kwargs):
                return await function(*args, **kwargs)

        return inside


def _is(kind: Callable[[Any], bool], function: Callable[..., Any]) -> bool:
    # Of an object that can be called, what counts is how its class defines the call.
    return kind(function) or kind(type(function).__call__)


def _name(function: Callable[..., Any]) -> str:
    return str(getattr(function, "__qualname__", type(function).__qualname__))
