"""The Collector without Docker: the same configuration, in front of the local backend.

`make demo COLLECTOR=native` runs the chapter's whole path (application, Collector, backend) on one
machine, whose first run builds the Collector.
"""

import os
import urllib.request
from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import urlsplit

from langfuse_local.config import Settings, SettingsError, load_settings
from langfuse_local.probe import Kind, probe_otlp, probe_web
from langfuse_local.process import SERVE, Background, NotStartedError

from .build import ROOT, build
from .envfile import collector_settings
from .errors import StackError

__all__ = ["start", "stop"]

_CONFIG = ROOT / "otel-collector-config.yaml"
_NO_PROXY = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def start() -> None:
    """Run the Collector and, behind it, the local backend without a port for spans of its own.

    A local backend that takes spans itself gives way. What runs already is left alone.

    Raises:
        StackError: A setting is wrong, the Collector could not be built, or one did not start.
    """
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


def stop() -> bool:
    """Stop the Collector that `start` started; what it holds stays queued on disk."""
    return _backends(_settings())[1].stop() is not None


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
