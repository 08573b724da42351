"""Finds the backend that answers at the addresses of the settings, or starts a local one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from .config import BASE_URL, DATABASE, TRACES_ENDPOINT, TRACES_PATH, is_loopback, local_port
from .ports import taken
from .probe import Kind, Probe, probe_identity, probe_otlp, probe_web
from .process import Background, NotStartedError

if TYPE_CHECKING:
    from .config import Settings
    from .identity import Identity

__all__ = ["Backend", "UnavailableError", "ensure_backend", "find_backend", "stop_backend"]

_STARTED = "started; stop it with: make down"


class UnavailableError(RuntimeError):
    """There is no backend to use and none may be started; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Backend:
    """The backend that answers at the two addresses of the settings, if any."""

    settings: Settings
    web: Probe
    otlp: Probe
    identity: Identity | None = None

    @property
    def is_absent(self) -> bool:
        """Whether nothing answers at either address."""
        return self.web.kind is self.otlp.kind is Kind.NOTHING

    def line(self, note: str = "running") -> str:
        """One line that names the backend in use; raises UnavailableError if it is not usable."""
        self._check()
        url = self.settings.langfuse_base_url
        through = f"through {_origin(self.settings.otel_exporter_otlp_traces_endpoint)}"
        if self.web.kind is Kind.EXPECTED:
            return f"backend  Langfuse {self.web.version}, {url}, {through}"
        if self.otlp.kind is Kind.EXPECTED:
            return f"backend  local, {url}, {through}"
        return f"backend  local, {url} ({self._owner() or note})"

    def holdings(self) -> str:
        """What the local backend holds, and where; empty for any other."""
        if self.identity is None:
            return ""
        counts = f"{self.identity.traces} traces, {self.identity.observations} spans"
        return f"data     {self.identity.folder}/{DATABASE}\nholds    {counts}"

    def _owner(self) -> str:
        """Whose it is, if another checkout's."""
        if self.identity is None or self.identity.folder == _own_folder(self.settings):
            return ""
        return f"used with the checkout whose data is in {self.identity.folder}"

    def _check(self) -> None:
        for probe, variable, url in (
            (self.web, BASE_URL, self.settings.langfuse_base_url),
            (self.otlp, TRACES_ENDPOINT, self.settings.otel_exporter_otlp_traces_endpoint),
        ):
            if unusable := _problem(probe.kind, variable, url):
                raise UnavailableError(unusable)
        if problem := self._missing() or self._mixed():
            raise UnavailableError(problem)

    def _missing(self) -> str | None:
        base, endpoint = _addresses(self.settings)
        if self.otlp.kind is Kind.NOTHING:
            return (
                f"{base} answers, but nothing takes spans at {endpoint}: start the Collector"
                " (`make up`), or stop what runs (`make down`) and run `make demo` again."
            )
        if self.web.kind is Kind.NOTHING:
            return (
                f"Something takes spans at {endpoint}, but nothing answers at {base}: start"
                f" Langfuse (`make up`), or stop what listens there"
                f" (see it with `lsof -i :{_port(endpoint)}`) and run `make demo` again."
            )
        return None

    def _mixed(self) -> str | None:
        base, endpoint = _addresses(self.settings)
        if self.web.kind is Kind.EXPECTED and self.otlp.kind is Kind.LOCAL:
            return (
                f"Langfuse answers at {base}, but spans sent to {endpoint} go to the local"
                " backend: stop that with `make down` and start the Collector (`make up`)."
            )
        return None


def find_backend(settings: Settings) -> Backend:
    """Probe both addresses."""
    base, endpoint = _addresses(settings)
    web = probe_web(base)
    identity = probe_identity(base) if web.kind is Kind.LOCAL else None
    return Backend(settings, web, probe_otlp(endpoint, settings.otlp_headers), identity)


def stop_backend(settings: Settings) -> int | None:
    """Stop the backend of this checkout, and return its pid; None if none was running.

    One that nothing remembers, because its folder was deleted, is asked whose it is.
    """
    background = Background(settings.langfuse_local_data_dir)
    with background.settled():
        if pid := background.stop():
            return pid
        identity = probe_identity(settings.langfuse_base_url)
        if identity is None or identity.folder != _own_folder(settings):
            return None
        return background.stop(identity.pid)


def ensure_backend(settings: Settings) -> str:
    """Start a local backend if nothing answers; returns the line that names the one in use.

    Raises UnavailableError or SettingsError.
    """
    backend = find_backend(settings)
    if not backend.is_absent:
        return backend.line()
    for variable, url in zip((BASE_URL, TRACES_ENDPOINT), _addresses(settings), strict=True):
        if not is_loopback(url):
            raise UnavailableError(
                f"{url} does not answer: start it or check {variable}, or remove that setting to"
                " use a local backend."
            )
        local_port(variable, url)
    return _start(settings)


def _start(settings: Settings) -> str:
    background = Background(settings.langfuse_local_data_dir)
    try:
        with background.starting():
            if not find_backend(settings).is_absent:  # Another command was faster.
                return find_backend(settings).line()
            background.start(lambda: find_backend(settings).web.kind is Kind.LOCAL)
            late = settings.lateness and f"{settings.lateness}; "
            return find_backend(settings).line(f"{late}{_STARTED}")
    except NotStartedError as error:
        raise UnavailableError(
            f"The local backend did not start: {error} Its log is {background.log}."
        ) from error
    except OSError as error:
        raise UnavailableError(
            f"The folder {settings.langfuse_local_data_dir} cannot be used ({error.strerror}):"
            " make it writable, or set LANGFUSE_LOCAL_DATA_DIR to another one."
        ) from error


def _own_folder(settings: Settings) -> str:
    """The data folder of this checkout, as a backend states it."""
    return str(settings.langfuse_local_data_dir.resolve())


def _problem(kind: Kind, variable: str, url: str) -> str:
    """Why what answers at one address is of no use; empty if it is."""
    if kind is Kind.UNAUTHORIZED:
        return (
            f"{url} does not accept the credentials that it got, if any (HTTP 401 or 403): set"
            " OTEL_EXPORTER_OTLP_HEADERS to Authorization=Basic%20 and the base64 text of the"
            " project's public key, a colon and its secret key."
        )
    if kind is Kind.MISPLACED:
        return (
            f"{url} answers, but takes no spans at that path: {variable} is to be written in full,"
            f" as in {_origin(url)}{TRACES_PATH}."
        )
    if kind is not Kind.OTHER:
        return ""
    wanted = "Langfuse" if variable == BASE_URL else "an OTLP receiver"
    problem = f"{url} answers, but not as {wanted} does."
    if is_loopback(url):
        return f"{problem} {taken(_port(url), variable)}"
    return f"{problem} Check {variable}."


def _addresses(settings: Settings) -> tuple[str, str]:
    return settings.langfuse_base_url, settings.otel_exporter_otlp_traces_endpoint


def _port(url: str) -> int:
    parts = urlsplit(url)
    return parts.port or (443 if parts.scheme == "https" else 80)


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
