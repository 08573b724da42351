"""The settings of the checks: the environment first, then `.env`, validated and frozen.

They are the very variables that the application and the local backend use.
"""

from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from agent_observability.config import HttpUrl, SettingsError, http_url, read_settings

__all__ = ["Settings", "SettingsError", "http_url", "load_settings"]


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
    langfuse_base_url: HttpUrl = "http://localhost:3000"
    langfuse_project_id: str = "order-status-demo"
    langfuse_public_key: Annotated[
        str, Field(pattern="^[^:]+$", description="one character or more, none of them a colon")
    ] = "pk-lf-demo"
    langfuse_secret_key: SecretStr = SecretStr("sk-lf-demo")


def load_settings() -> Settings:
    """Read the settings; raises SettingsError with one sentence per setting that is wrong."""
    return read_settings(Settings)
