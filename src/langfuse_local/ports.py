"""Listens on this machine only, at every address that `localhost` may stand for."""

from __future__ import annotations

import errno
import socket

import psutil

__all__ = ["PortTakenError", "holder", "listen", "taken"]

_BACKLOG = 2048  # uvicorn's own default, for sockets that it binds itself


class PortTakenError(RuntimeError):
    """Something else listens there; the message is a sentence that says what to do."""


def listen(port: int, variable: str) -> list[socket.socket]:
    """Bind 127.0.0.1 and, where the machine has it, ::1; raises PortTakenError.

    Port 0 takes any free one, the same for both. `variable` is the setting that names the port.
    """
    bound: list[socket.socket] = []
    try:
        bound.append(_bind(socket.AF_INET, "127.0.0.1", port))
        bound.append(_bind(socket.AF_INET6, "::1", bound[0].getsockname()[1]))
    except OSError as error:
        if not bound or error.errno == errno.EADDRINUSE:
            for listener in bound:
                listener.close()
            raise PortTakenError(_refused(port, variable, error)) from error
    return bound


def holder(port: int) -> str | None:
    """Name and pid of the process that listens on a port, None if the system does not say."""
    try:
        for connection in psutil.net_connections("tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr[1:] == (port,):
                return f"{psutil.Process(connection.pid).name()} (pid {connection.pid})"
    except (psutil.Error, OSError):
        return None
    return None


def taken(port: int, variable: str) -> str:
    """The sentence for a port that something else holds."""
    return (
        f"Port {port} is held by {holder(port) or 'another program'}: stop that program (see it"
        f" with `lsof -i :{port}`), or give {variable} another port."
    )


def _refused(port: int, variable: str, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return taken(port, variable)
    return f"Cannot listen on port {port}: {error.strerror}. Give {variable} another port."


def _bind(family: socket.AddressFamily, host: str, port: int) -> socket.socket:
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener
