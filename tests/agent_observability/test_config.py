"""Settings: what is read, and what is said when a value cannot be used."""

import re
from pathlib import Path

import pytest

from agent_observability.config import (
    Settings,
    SettingsError,
    load_settings,
)

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    load_settings.cache_clear()


def test_the_chapters_values_are_the_defaults() -> None:
    """With nothing set, the version and the environment are the chapter's."""
    loaded = load_settings()
    assert (loaded.agent_version, loaded.deployment_environment) == ("local", "development")
    assert loaded.otel_exporter_otlp_traces_endpoint == "http://localhost:4318/v1/traces"


def test_the_environment_wins_over_the_env_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A variable in the environment beats .env, and names of other programs in it are no error."""
    (tmp_path / ".env").write_text("AGENT_VERSION=file\nOTEL_SERVICE_NAME=shop\nPOSTGRES_DB=x\n")
    monkeypatch.setenv("AGENT_VERSION", "shell")
    loaded = load_settings()
    assert (loaded.agent_version, loaded.otel_service_name) == ("shell", "shop")


def test_an_empty_value_means_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name left empty in .env is as if it were not there."""
    monkeypatch.setenv("DEPLOYMENT_ENVIRONMENT", "")
    assert load_settings().deployment_environment == "development"


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "otel_exporter_otlp_timeout_seconds"),
        ("OTEL_BSP_SCHEDULE_DELAY", "otel_bsp_schedule_delay_millis"),
        ("OTEL_BSP_EXPORT_TIMEOUT", "otel_bsp_export_timeout_millis"),
    ],
)
def test_the_sdks_own_names_work(monkeypatch: pytest.MonkeyPatch, name: str, field: str) -> None:
    """OpenTelemetry's standard variable sets the setting that the chapter names otherwise."""
    monkeypatch.setenv(name, "7")
    assert getattr(load_settings(), field) == 7


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("DEPLOYMENT_ENVIRONMENT", "prod-secret", "'development', 'staging' or 'production'"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "many-secret", "valid integer"),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "secret", "an address with http"),
        ("LANGFUSE_BASE_URL", "http://secret:99999", "a port up to 65535"),
        ("AGENT_VERSION", "a secret", "1 to 200 characters"),
        ("MODEL", "gpt-secret", "scripted, or openai:"),
        ("CAPTURE_CONTENT", "perhaps-secret", "boolean"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT_SECONDS", "-1", "greater than 0"),
    ],
)
def test_a_bad_value_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, allowed: str
) -> None:
    """The message names the variable and what is allowed, and never repeats the value."""
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    message = str(caught.value)
    assert message.startswith(f"{name} should ")
    assert allowed in message
    assert "\n" not in message
    assert "secret" not in message


def test_a_batch_larger_than_the_queue_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK would fail later and less clearly."""
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "100")
    with pytest.raises(SettingsError, match="OTEL_BSP_MAX_EXPORT_BATCH_SIZE should not be larger"):
        load_settings()


def test_every_setting_is_in_the_example_with_its_default() -> None:
    """.env.example lists every setting of the application, each with the default it has."""
    example = dict(re.findall(r"^([A-Z_]+)=(.*)$", (ROOT / ".env.example").read_text(), re.M))
    defaults = Settings.model_construct()  # the tests' environment has none
    for field in Settings.model_fields:
        written = Settings(_env_file=None, **{field: example[field.upper()]})
        assert getattr(written, field) == getattr(defaults, field), field


def test_the_general_endpoint_is_that_of_the_traces(monkeypatch: pytest.MonkeyPatch) -> None:
    """As OpenTelemetry has it: with /v1/traces added, unless the traces have one of their own."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "https://collector:4318/")
    assert load_settings().otel_exporter_otlp_traces_endpoint == "https://collector:4318/v1/traces"
    load_settings.cache_clear()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://own/v1/traces")
    assert load_settings().otel_exporter_otlp_traces_endpoint == "http://own/v1/traces"


def test_headers_are_read_from_the_environment_and_the_env_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Percent-encoded or not; the traces' own take the place of the general ones; none by default."""
    assert load_settings().otlp_headers == {}
    load_settings.cache_clear()
    (tmp_path / ".env").write_text(
        "OTEL_EXPORTER_OTLP_HEADERS=Authorization=Basic cGs6c2s=, x-tenant=a%2Cb,\n"
    )
    assert load_settings().otlp_headers == {"authorization": "Basic cGs6c2s=", "x-tenant": "a,b"}
    load_settings.cache_clear()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "api-key=hush")
    assert load_settings().otlp_headers == {"api-key": "hush"}
    assert "hush" not in repr(load_settings()) + str(load_settings())


@pytest.mark.parametrize(
    "headers",
    ["secret", "=secret", "a b=secret", "a=", "a=secret%0D%0Ab: c", "a=sécret", "a: secret"],
)
def test_headers_that_no_request_can_have_are_one_sentence(
    monkeypatch: pytest.MonkeyPatch, headers: str
) -> None:
    """It names the variable and the form, and never repeats what may be a secret."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", headers)
    with pytest.raises(
        SettingsError, match=r"^OTEL_EXPORTER_OTLP_HEADERS should be name=value"
    ) as caught:
        load_settings()
    assert "cret" not in str(caught.value)
