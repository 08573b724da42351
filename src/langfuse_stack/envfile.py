"""Read and complete `.env`: the one file that the application, the checks and Compose read.

What is there stays; only what Compose needs and the file lacks is added. No value is printed.
"""

import os
import re
import secrets
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from .errors import StackError

__all__ = ["GENERATED", "collector_settings", "complete", "read"]

GENERATED: Final[Mapping[str, Callable[[], str]]] = {
    "LANGFUSE_PUBLIC_KEY": lambda: f"pk-lf-{uuid.uuid4()}",
    "LANGFUSE_SECRET_KEY": lambda: f"sk-lf-{uuid.uuid4()}",
    "LANGFUSE_INIT_USER_EMAIL": lambda: "demo@example.com",
    # Hexadecimal throughout: it needs no quoting in .env, in an address or in a command.
    "LANGFUSE_INIT_USER_PASSWORD": lambda: secrets.token_hex(12),
    "NEXTAUTH_SECRET": lambda: secrets.token_hex(32),
    "SALT": lambda: secrets.token_hex(32),
    "ENCRYPTION_KEY": lambda: secrets.token_hex(32),
    "POSTGRES_PASSWORD": lambda: secrets.token_hex(24),
    "CLICKHOUSE_PASSWORD": lambda: secrets.token_hex(24),
    "REDIS_AUTH": lambda: secrets.token_hex(24),
    "MINIO_ROOT_PASSWORD": lambda: secrets.token_hex(24),
}
"""What Compose cannot start without, and how each is made."""

_HEADER = "\n# Added by `make up`: secrets of the stack on this machine. Keep them to yourself.\n"
_LINE = re.compile(r"\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*?)\s*")


def read(path: Path) -> dict[str, str]:
    """Return the variables of the file, without quotes and comments; empty if there is none.

    Raises:
        StackError: It is no text.
    """
    if not path.is_file():
        return {}
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        raise StackError(".env should be a file of UTF-8 text that you may read.") from None
    found = map(_LINE.fullmatch, lines)
    return {line[1]: _value(line[2]) for line in found if line}


def collector_settings() -> dict[str, str]:
    """Return the OTELCOL_* settings: the environment first, then `.env`, as everywhere."""
    present = read(Path(".env")) | os.environ
    return {name: value for name, value in present.items() if name.startswith("OTELCOL_") and value}


def complete(path: Path) -> list[str]:
    """Add what is missing or empty, and make the file its owner's alone (0600).

    Returns the names that were added.

    Raises:
        StackError: The file cannot be written, or holds a key that Langfuse would not take.
    """
    try:
        present = read(path)
        _check(present)
        missing = [name for name in GENERATED if not present.get(name)]
        _append(path, {name: GENERATED[name]() for name in missing})
    except OSError as error:
        raise StackError(
            f".env cannot be used ({error.strerror}): make it a file that you may write."
        ) from error
    return missing


def _check(present: Mapping[str, str]) -> None:
    key = present.get("ENCRYPTION_KEY")
    if key and not re.fullmatch(r"[0-9a-fA-F]{64}", key):
        raise StackError(
            "ENCRYPTION_KEY in .env must be 64 hexadecimal digits: correct it, or remove the line"
            " and make up writes one."
        )


def _append(path: Path, added: Mapping[str, str]) -> None:
    # Opened as 0600 from the start: there is no moment in which others can read the secrets.
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(descriptor, "a", encoding="utf-8") as file:
        os.fchmod(descriptor, 0o600)
        if added:
            before = path.read_text(encoding="utf-8")
            file.write("\n" if before and not before.endswith("\n") else "")
            file.write(_HEADER + "".join(f"{name}={value}\n" for name, value in added.items()))


def _value(text: str) -> str:
    if text[:1] in {"'", '"'}:
        return text[1:].split(text[0], maxsplit=1)[0]
    return re.split(r"\s#", text)[0].strip()
