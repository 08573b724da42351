"""The settings of the checks: the environment first, then `.env`, validated and frozen.

They are the very variables that the application and the local backend use.
"""

from pathlib import Path
from typing import Annotated, cast
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

__all__ = ["Settings", "SettingsError", "address", "load_settings"]


class SettingsError(ValueError):
    """A setting cannot be used; the message names the variable and what is allowed."""


def address(value: str) -> str:
    """Return the address without a slash at its end; raise ValueError if it is none."""
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


class Settings(BaseSettings):
    """One attribute per environment variable of the same name in capitals."""

    model_config = SettingsConfigDict(
        env_file=".env",
        env_ignore_empty=True,
        extra="ignore",  # The agent and the local backend keep their variables in the same file.
        frozen=True,
        hide_input_in_errors=True,
    )

    agent_data_dir: Path = Path(".data")
    langfuse_base_url: Annotated[str, AfterValidator(address)] = "http://localhost:3000"
    langfuse_project_id: str = "order-status-demo"
    langfuse_public_key: Annotated[
        str, Field(pattern="^[^:]+$", description="one character or more, none of them a colon")
    ] = "pk-lf-demo"
    langfuse_secret_key: SecretStr = SecretStr("sk-lf-demo")


def load_settings() -> Settings:
    """Read the settings; raises SettingsError with one sentence per setting that is wrong."""
    try:
        return Settings()
    except ValidationError as error:
        sentences = (_sentence(cast("dict[str, object]", problem)) for problem in error.errors())
        # The original error knows the values, secrets among them: it is not chained.
        raise SettingsError(" ".join(sentences)) from None
    except (OSError, UnicodeDecodeError):
        raise SettingsError(".env should be a file of UTF-8 text that you may read.") from None


def _sentence(error: dict[str, object]) -> str:
    field = str(cast("tuple[object, ...]", error["loc"])[0])
    reason = str(error["msg"])
    if error["type"] == "string_pattern_mismatch":
        reason = f"should be {Settings.model_fields[field].description}"
    for prefix in ("Value error, ", "Input ", "String "):
        reason = reason.removeprefix(prefix)
    return f"{field.upper()} {reason}."
