"""The Collector without Docker: the same configuration, in front of the local backend.

`make demo COLLECTOR=native` runs the chapter's whole path (application, Collector, backend) on one
machine, whose first run builds the Collector.
"""

import os
import urllib.request
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlsplit

from langfuse_local.config import Settings, SettingsError, load_settings
from langfuse_local.probe import Kind, probe_otlp, probe_web
from langfuse_local.process import SERVE, Background, NotStartedError

from . import docker
from .build import ROOT, build, build_relay
from .counts import METRICS_PORT
from .envfile import collector_settings
from .errors import StackError

__all__ = ["make_way", "own_ports", "start", "stop_collector", "storage"]

_CONFIG = ROOT / "otel-collector-config.yaml"
_RELAY_CONFIG = ROOT / "collector" / "Caddyfile"
_NO_PROXY = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def start() -> None:
    """Run the Collector and, behind it, the local backend without a port for spans of its own.

    A local backend that takes spans itself gives way. What runs already is left alone.

    Raises:
        StackError: A setting is wrong, the real stack runs, the Collector could not be built, or
            one of the two did not start.
    """
    if docker.is_running():
        raise StackError(
            "The stack of make up runs, and its Collector has these ports: make demo sends to it."
            " For this one, run make down first."
        )
    settings, binary, proxy = _settings(), build(), build_relay()
    backend, relay, collector = _processes(settings)
    if collector.process():
        return
    if probe_otlp(settings.otel_exporter_otlp_traces_endpoint).kind is Kind.LOCAL:
        backend.stop()
    environment = _environment(settings)
    try:
        if probe_web(settings.langfuse_base_url).kind is Kind.NOTHING:
            with backend.starting():
                backend.start(
                    lambda: probe_web(settings.langfuse_base_url).kind is Kind.LOCAL,
                    [*SERVE, "--no-otlp"],
                )
        health = f"127.0.0.1:{environment['OTELCOL_RELAY_PORT']}/health"
        command = [str(proxy), "run", "--adapter", "caddyfile", "--config", str(_RELAY_CONFIG)]
        _start(relay, health, command, environment)
        command = [str(binary), f"--config={_CONFIG}"]
        _start(collector, f"{environment['OTELCOL_HEALTH_ENDPOINT']}/", command, environment)
    except NotStartedError as error:
        raise StackError(
            f"It did not start: {error} If a port is taken, stop what listens there or set another"
            f" (.env.example has the OTELCOL_ settings). The logs are {backend.log}, {relay.log}"
            f" and {collector.log}."
        ) from error


def _start(
    process: Background, health: str, command: list[str], environment: Mapping[str, str]
) -> None:
    with process.starting():
        if process.process() is None:
            process.start(lambda: _is_healthy(health), command, environment)


def make_way() -> bool:
    """Stop what this checkout runs in the background, and say so; return whether it ran."""
    backend, relay, collector = _processes(_settings())
    if stopped_collector := collector.stop() is not None:
        print("Stopped the Collector. What it had not delivered stays queued.", flush=True)
    relay.stop()
    if stopped_backend := backend.stop() is not None:
        print("Stopped the local backend. Its data stays.", flush=True)
    return stopped_collector or stopped_backend


def stop_collector() -> bool:
    """Stop the Collector alone, and return whether it ran."""
    return _processes(_settings())[2].stop() is not None


def storage() -> Path:
    """Return the directory in which the Collector keeps what it has not delivered."""
    return _settings().langfuse_local_data_dir / "collector"


def own_ports() -> set[int]:
    """Return the ports that `make_way` would free."""
    settings, chosen = _settings(), collector_settings()
    backend, _, collector = _processes(settings)
    spans = settings.otel_exporter_otlp_traces_endpoint
    addresses = [settings.langfuse_base_url, spans] if backend.process() else []
    if collector.process():
        grpc = chosen.get("OTELCOL_GRPC_ENDPOINT", "127.0.0.1:4317")
        metrics = chosen.get("OTELCOL_METRICS_PORT", METRICS_PORT)
        addresses += [spans, f"//{grpc}", f"//127.0.0.1:{metrics}"]
    return {port for each in addresses if (port := urlsplit(each).port)}


def _settings() -> Settings:
    try:
        return load_settings()
    except SettingsError as error:
        raise StackError(str(error)) from None


def _processes(settings: Settings) -> tuple[Background, Background, Background]:
    folder = settings.langfuse_local_data_dir
    return Background(folder), Background(folder, "relay"), Background(folder, "collector")


def _environment(settings: Settings) -> Mapping[str, str]:
    spans = urlsplit(settings.otel_exporter_otlp_traces_endpoint)
    defaults = {"OTELCOL_HEALTH_ENDPOINT": "127.0.0.1:13133", "OTELCOL_RELAY_PORT": "4319"}
    chosen = {**defaults, **collector_settings()}
    own = {
        "LANGFUSE_BASE_URL": settings.langfuse_base_url,
        "LANGFUSE_OTLP_ENDPOINT": (
            f"http://127.0.0.1:{chosen['OTELCOL_RELAY_PORT']}/api/public/otel"
        ),
        "LANGFUSE_PUBLIC_KEY": settings.langfuse_public_key,
        "LANGFUSE_SECRET_KEY": settings.langfuse_secret_key.get_secret_value(),
        "OTELCOL_HTTP_ENDPOINT": f"127.0.0.1:{spans.port or 80}",
        "OTELCOL_STORAGE_DIR": str(storage()),
        "GOMEMLIMIT": "384MiB",
    }
    return {**os.environ, **chosen, **own}


def _is_healthy(address: str) -> bool:
    try:
        with _NO_PROXY.open(f"http://{address}", timeout=2) as answer:
            return bool(answer.status == HTTPStatus.OK)
    except OSError:
        return False
