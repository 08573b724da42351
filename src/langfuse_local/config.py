"""The backend's settings: the environment first, then `.env`, validated and frozen.

The addresses are the very settings that the clients use, so the two sides cannot disagree.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast
from urllib.parse import urlsplit

from opentelemetry.util.re import parse_env_headers
from pydantic import AfterValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "BASE_URL",
    "DATABASE",
    "TRACES_ENDPOINT",
    "TRACES_PATH",
    "Settings",
    "SettingsError",
    "is_loopback",
    "load_settings",
    "local_port",
]

BASE_URL = "LANGFUSE_BASE_URL"
TRACES_ENDPOINT = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
TRACES_PATH = "/v1/traces"
DATABASE = "langfuse.db"


class SettingsError(ValueError):
    """A setting cannot be used; the message names the variable and what is allowed."""


def _address(value: str) -> str:
    try:
        parts = urlsplit(value)
        usable = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise ValueError(
            "should be an address with http:// or https://, a host, and a port up to 65535"
        )
    return value.rstrip("/")


def _secret(value: SecretStr) -> SecretStr:
    if not value.get_secret_value():
        raise ValueError("should not be empty")
    return value


_Address = Annotated[str, AfterValidator(_address)]


def _traces_endpoint(settings: dict[str, Any]) -> str:
    base = settings.get("otel_exporter_otlp_endpoint") or "http://localhost:4318"
    return f"{base}/v1/traces"


class Settings(BaseSettings):
    """One attribute per environment variable of the same name in capitals."""

    model_config = SettingsConfigDict(
        env_file=".env",
        env_ignore_empty=True,  # `.env` files are full of names without a value.
        extra="ignore",  # The agent and the checks keep their variables in the same file.
        frozen=True,
        hide_input_in_errors=True,
    )

    langfuse_base_url: _Address = "http://localhost:3000"
    langfuse_public_key: Annotated[
        str, Field(pattern="^[^:]+$", description="one character or more, none of them a colon")
    ] = "pk-lf-demo"
    langfuse_secret_key: Annotated[SecretStr, AfterValidator(_secret)] = SecretStr("sk-lf-demo")
    langfuse_project_id: Annotated[
        str,
        Field(
            pattern=r"^[A-Za-z0-9._-]{1,100}$",
            description="1 to 100 characters of A-Z a-z 0-9 . _ -",
        ),
    ] = "order-status-demo"
    langfuse_local_data_dir: Path = Path(".data")
    langfuse_local_max_age_days: Annotated[float, Field(gt=0)] | None = None
    langfuse_local_max_megabytes: Annotated[float, Field(ge=1)] | None = None
    langfuse_local_span_delay_seconds: Annotated[float, Field(ge=0, le=600)] = 0
    langfuse_local_score_delay_seconds: Annotated[float, Field(ge=0, le=600)] = 0
    otel_exporter_otlp_endpoint: Annotated[
        str, AfterValidator(lambda value: value and _address(value))
    ] = ""
    otel_exporter_otlp_traces_endpoint: _Address = Field(default_factory=_traces_endpoint)
    otel_exporter_otlp_headers: SecretStr = SecretStr("")
    otel_exporter_otlp_traces_headers: SecretStr = SecretStr("")

    @property
    def database(self) -> Path:
        """The backend's one data file."""
        return self.langfuse_local_data_dir / DATABASE

    @property
    def otlp_headers(self) -> Mapping[str, str]:
        """What the exporter sends along with spans, credentials among it."""
        own = self.otel_exporter_otlp_traces_headers.get_secret_value()
        headers = own or self.otel_exporter_otlp_headers.get_secret_value()
        return parse_env_headers(headers, liberal=True)

    @property
    def lateness(self) -> str:
        """What is shown later than it is taken, in words; empty if everything is shown at once."""
        spans, scores = (
            self.langfuse_local_span_delay_seconds,
            self.langfuse_local_score_delay_seconds,
        )
        late = spans or scores
        return f"late on purpose: spans after {spans:g} s, scores after {scores:g} s" * bool(late)


def load_settings() -> Settings:
    """Read the settings; raises SettingsError with one sentence per setting that is wrong."""
    try:
        return Settings()
    except ValidationError as error:
        problems = (_sentence(cast("dict[str, object]", details)) for details in error.errors())
        # The original error knows the values, secrets among them: it is not chained.
        raise SettingsError(" ".join(problems)) from None
    except (OSError, UnicodeDecodeError):
        raise SettingsError(".env should be a file of UTF-8 text that you may read.") from None


def is_loopback(url: str) -> bool:
    """Whether the address is on this machine only."""
    host = urlsplit(url).hostname or ""
    return host in {"localhost", "::1"} or host.startswith("127.")


def local_port(variable: str, url: str) -> int:
    """The port to listen on for this address; raises SettingsError if it cannot be served here."""
    parts = urlsplit(url)
    if not is_loopback(url) or parts.scheme != "http":
        raise SettingsError(
            f"{variable} is {parts.scheme}://{parts.hostname}, which the local backend cannot"
            " serve: it answers plain http on this machine only. Remove the setting to use the"
            " local backend, or start what should answer there."
        )
    if variable == TRACES_ENDPOINT and parts.path != TRACES_PATH:
        raise SettingsError(
            f"{variable} has the path {parts.path or '/'}, but the local backend takes spans at"
            f" {TRACES_PATH}: write it in full, as in http://localhost:4318{TRACES_PATH}."
        )
    return parts.port or 80


def _sentence(error: dict[str, object]) -> str:
    field = str(cast("tuple[object, ...]", error["loc"])[0])
    reason = str(error["msg"])
    if error["type"] == "string_pattern_mismatch":
        reason = f"should be {Settings.model_fields[field].description}"
    for prefix in ("Value error, ", "Input ", "String "):
        reason = reason.removeprefix(prefix)
    return f"{field.upper()} {reason}."
