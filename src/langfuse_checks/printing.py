"""How the commands print: tables fit, a reader may leave, and a refusal is a sentence."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Never

import typer
from rich.console import Console

__all__ = ["printing", "refuse"]

_PIPE_WIDTH = 100


@contextmanager
def printing() -> Iterator[Console]:
    """Print what the block prints, as wide as the terminal; into a pipe, 100 columns."""
    console = Console()
    console = console if console.is_terminal else Console(width=_PIPE_WIDTH)
    with console.capture() as capture:
        yield console
    try:
        print(capture.get(), end="", flush=True)
    except BrokenPipeError:
        # Whoever reads has enough, as `| head` does; the interpreter would complain at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def refuse(sentence: object) -> Never:
    """End the command with 2, and with a sentence that says what to type instead."""
    print(sentence, file=sys.stderr)
    raise typer.Exit(2)
