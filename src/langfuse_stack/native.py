"""The Collector without Docker: the same configuration, in front of the local backend.

`make demo COLLECTOR=native` runs the chapter's whole path (application, Collector, backend) on a
machine that has Go.
"""

import os
import urllib.request
from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import urlsplit

import psutil

from langfuse_local.config import Settings, SettingsError, load_settings
from langfuse_local.probe import Kind, probe_otlp, probe_web
from langfuse_local.process import SERVE, Background, NotStartedError

from . import docker
from .build import ROOT, build
from .envfile import collector_settings
from .errors import StackError

__all__ = ["make_way", "own_ports", "start"]

_CONFIG = ROOT / "otel-collector-config.yaml"
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
    settings, binary = _settings(), build()
    backend, collector = _backends(settings)
    if collector.process():
        return
    if probe_otlp(settings.otel_exporter_otlp_traces_endpoint).kind is Kind.LOCAL:
        backend.stop()
    try:
        if probe_web(settings.langfuse_base_url).kind is Kind.NOTHING:
            with backend.starting():
                backend.start(
                    lambda: probe_web(settings.langfuse_base_url).kind is Kind.LOCAL,
                    [*SERVE, "--no-otlp"],
                )
        environment = _environment(settings)
        with collector.starting():
            collector.start(
                lambda: _is_healthy(environment["OTELCOL_HEALTH_ENDPOINT"]),
                [str(binary), f"--config={_CONFIG}"],
                environment,
            )
    except NotStartedError as error:
        raise StackError(
            f"It did not start: {error} If a port is taken, stop what listens there or set"
            f" OTELCOL_GRPC_ENDPOINT, OTELCOL_HEALTH_ENDPOINT or OTELCOL_METRICS_PORT. The logs"
            f" are {backend.log} and {collector.log}."
        ) from error


def make_way() -> bool:
    """Stop what this checkout runs in the background, and say so; return whether it ran."""
    backend, collector = _backends(_settings())
    if stopped_collector := collector.stop() is not None:
        print("Stopped the Collector. What it had not delivered stays queued.", flush=True)
    if stopped_backend := backend.stop() is not None:
        print("Stopped the local backend. Its data stays.", flush=True)
    return stopped_collector or stopped_backend


def own_ports() -> set[int]:
    """Return the ports that `make_way` would free."""
    running = [each.process() for each in _backends(_settings())]
    return {port for process in running if process for port in _ports(process)}


def _ports(process: psutil.Process) -> set[int]:
    try:
        connections = process.net_connections(kind="tcp")
    except psutil.Error:
        return set()
    return {each.laddr.port for each in connections if each.status == psutil.CONN_LISTEN}


def _settings() -> Settings:
    try:
        return load_settings()
    except SettingsError as error:
        raise StackError(str(error)) from None


def _backends(settings: Settings) -> tuple[Background, Background]:
    folder = settings.langfuse_local_data_dir
    return Background(folder), Background(folder, "collector")


def _environment(settings: Settings) -> Mapping[str, str]:
    spans = urlsplit(settings.otel_exporter_otlp_traces_endpoint)
    own = {
        "LANGFUSE_OTLP_ENDPOINT": f"{settings.langfuse_base_url}/api/public/otel",
        "LANGFUSE_PUBLIC_KEY": settings.langfuse_public_key,
        "LANGFUSE_SECRET_KEY": settings.langfuse_secret_key.get_secret_value(),
        "OTELCOL_HTTP_ENDPOINT": f"127.0.0.1:{spans.port or 80}",
        "OTELCOL_STORAGE_DIR": str(settings.langfuse_local_data_dir / "collector"),
        "GOMEMLIMIT": "384MiB",
    }
    health = {"OTELCOL_HEALTH_ENDPOINT": "127.0.0.1:13133"}
    return {**os.environ, **health, **collector_settings(), **own}


def _is_healthy(endpoint: str) -> bool:
    try:
        with _NO_PROXY.open(f"http://{endpoint}/", timeout=2) as answer:
            return bool(answer.status == HTTPStatus.OK)
    except OSError:
        return False
