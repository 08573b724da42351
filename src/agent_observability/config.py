"""Settings: the environment first, then `.env`, validated and frozen."""

import re
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeVar, cast
from urllib.parse import unquote, urlsplit

from pydantic import AfterValidator, AliasChoices, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

__all__ = [
    "HttpUrl",
    "Settings",
    "SettingsError",
    "http_url",
    "load_settings",
    "parse_headers",
    "read_settings",
    "settings",
]

SettingsT = TypeVar("SettingsT", bound=BaseSettings)


class SettingsError(ValueError):
    """A setting cannot be used; the message names the variable and what is allowed."""


def http_url(value: str) -> str:
    """Return the address without a slash at its end; raise ValueError if it is none."""
    try:
        parts = urlsplit(value)
        usable = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:  # The port is no port.
        usable = False
    if not usable:
        raise ValueError(
            "should be an address with http:// or https://, a host, and a port up to 65535"
        )
    return value.rstrip("/")


HttpUrl = Annotated[str, AfterValidator(http_url)]
_HEADER: Final = re.compile(r"[A-Za-z0-9!#$&'*+.^_`|~-]+=[\x21-\x7e][\x20-\x7e]*")


def parse_headers(text: str) -> dict[str, str]:
    """Return the headers of `name=value,name=value`, with percent-encoding as OTLP has it."""
    pairs = [unquote(pair).strip() for pair in text.split(",") if pair.strip()]
    if not all(map(_HEADER.fullmatch, pairs)):
        raise ValueError("should be name=value, more of them joined by commas")
    return {name.lower(): value for name, _, value in (pair.partition("=") for pair in pairs)}


def _headers(value: SecretStr) -> SecretStr:
    parse_headers(value.get_secret_value())
    return value


def _traces_endpoint(settings: dict[str, Any]) -> str:
    base = settings.get("otel_exporter_otlp_endpoint") or "http://localhost:4318"
    return f"{base}/v1/traces"


class Settings(BaseSettings):
    """One attribute per environment variable of the same name in capitals."""

    model_config = SettingsConfigDict(
        env_file=".env",
        env_ignore_empty=True,
        extra="ignore",  # Compose and the checks keep their variables in the same .env.
        frozen=True,
        hide_input_in_errors=True,
        populate_by_name=True,
    )

    agent_version: Annotated[
        str,
        Field(
            pattern=r"^[A-Za-z0-9._+-]{1,200}$",
            description="1 to 200 characters of A-Z a-z 0-9 . _ + -",
        ),
    ] = "local"
    deployment_environment: Literal["development", "staging", "production"] = "development"
    agent_data_dir: Path = Path(".data")
    capture_content: bool = True
    carrier_deadline_seconds: Annotated[float, Field(gt=0, le=60)] = 1.0
    carrier_delay_seconds: Annotated[float, Field(ge=0, le=60)] = 0.03
    carrier_failures: Annotated[int, Field(ge=0)] = 0
    model: Annotated[
        str,
        Field(
            pattern=r"^(scripted|openai:[\x21-\x7e]{1,200})$",
            description="scripted, or openai: and the name of a model",
        ),
    ] = "scripted"
    model_delay_seconds: Annotated[float, Field(ge=0, le=60)] = 0.08
    openai_api_key: SecretStr = SecretStr("none")
    openai_base_url: HttpUrl = "https://api.openai.com/v1"
    refund_limit: Annotated[int, Field(ge=0)] = 200
    langfuse_base_url: HttpUrl = "http://localhost:3000"
    langfuse_project_id: str = "order-status-demo"
    otel_service_name: str = "order-status-agent"
    otel_exporter_otlp_endpoint: Annotated[
        str, AfterValidator(lambda value: value and http_url(value))
    ] = ""
    otel_exporter_otlp_traces_endpoint: HttpUrl = Field(default_factory=_traces_endpoint)
    otel_exporter_otlp_headers: Annotated[SecretStr, AfterValidator(_headers)] = SecretStr("")
    otel_exporter_otlp_traces_headers: Annotated[SecretStr, AfterValidator(_headers)] = SecretStr(
        ""
    )
    otel_exporter_otlp_timeout_seconds: Annotated[
        float,
        Field(
            gt=0,
            le=600,
            validation_alias=AliasChoices(
                "otel_exporter_otlp_timeout_seconds", "otel_exporter_otlp_timeout"
            ),
        ),
    ] = 10.0
    otel_bsp_max_queue_size: Annotated[int, Field(ge=1)] = 8192
    otel_bsp_schedule_delay_millis: Annotated[
        int,
        Field(
            ge=1,
            validation_alias=AliasChoices(
                "otel_bsp_schedule_delay_millis", "otel_bsp_schedule_delay"
            ),
        ),
    ] = 1000
    otel_bsp_max_export_batch_size: Annotated[int, Field(ge=1)] = 512
    otel_bsp_export_timeout_millis: Annotated[
        int,
        Field(
            ge=1,
            validation_alias=AliasChoices(
                "otel_bsp_export_timeout_millis", "otel_bsp_export_timeout"
            ),
        ),
    ] = 30000
    step_delay_seconds: Annotated[float, Field(ge=0, le=60)] = 0.002
    telemetry_shutdown_timeout_seconds: Annotated[float, Field(gt=0, le=60)] = 2.5
    telemetry_exception_details: bool = False
    telemetry_spool: bool = False
    telemetry_spool_max_mib: Annotated[int, Field(ge=1, le=102400)] = 64

    @property
    def otlp_headers(self) -> dict[str, str]:
        """What each export sends, secrets included: the traces' own headers, or else all's."""
        own = self.otel_exporter_otlp_traces_headers.get_secret_value()
        return parse_headers(own or self.otel_exporter_otlp_headers.get_secret_value())

    @property
    def telemetry_spool_max_bytes(self) -> int:
        """How large the spool may become."""
        return self.telemetry_spool_max_mib * 2**20


def read_settings(model: type[SettingsT]) -> SettingsT:
    """Read settings from the environment and `.env`.

    Raises:
        SettingsError: One sentence per variable that cannot be used; never its value.
    """
    try:
        return model()
    except ValidationError as error:
        # The original error knows the values, secrets among them: it is not chained.
        sentences = (_sentence(model, dict(problem)) for problem in error.errors())
        raise SettingsError(" ".join(sentences)) from None
    except (OSError, UnicodeDecodeError):
        raise SettingsError(".env should be a file of UTF-8 text that you may read.") from None


@cache
def load_settings() -> Settings:
    """Read the application's settings once per process; raise as `read_settings()` does."""
    loaded = read_settings(Settings)
    if loaded.otel_bsp_max_export_batch_size > loaded.otel_bsp_max_queue_size:
        raise SettingsError(
            "OTEL_BSP_MAX_EXPORT_BATCH_SIZE should not be larger than OTEL_BSP_MAX_QUEUE_SIZE."
        )
    return loaded


def _sentence(model: type[BaseSettings], problem: dict[str, Any]) -> str:
    name, reason = str(problem["loc"][0]), str(problem["msg"])
    if problem["type"] == "string_pattern_mismatch":
        reason = f"should be {model.model_fields[name].description}"
    for prefix in ("Value error, ", "Input ", "String "):
        reason = reason.removeprefix(prefix)
    return f"{name.upper()} {reason}."


class _ReadOnFirstUse:
    def __getattr__(self, name: str) -> object:
        return getattr(load_settings(), name)


settings = cast("Settings", _ReadOnFirstUse())
"""The settings, read when an attribute is first used: importing this module cannot fail."""
