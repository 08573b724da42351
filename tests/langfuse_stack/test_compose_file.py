"""docker-compose.yml, as far as it can be held to its promises without a Docker engine."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from langfuse_stack.envfile import GENERATED, read

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "docker-compose.yml"
COMPOSE = yaml.safe_load(FILE.read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
MEANING = {
    "AUTH_DISABLE_SIGNUP": "nobody but the headless user gets an account",
    "CLICKHOUSE_CLUSTER_ENABLED": "one server, no cluster DDL",
    "CLICKHOUSE_MIGRATION_URL": "native protocol, for schema migrations",
    "CLICKHOUSE_PASSWORD": "secret",
    "CLICKHOUSE_URL": "HTTP interface",
    "CLICKHOUSE_USER": "the server's user",
    "DATABASE_URL": "PostgreSQL",
    "ENCRYPTION_KEY": "secret, 64 hex digits",
    "HOSTNAME": "every address: the health check asks on loopback",
    "LANGFUSE_INIT_ORG_ID": "headless start; without it every other INIT variable is ignored",
    "LANGFUSE_INIT_ORG_NAME": "headless start",
    "LANGFUSE_INIT_PROJECT_ID": "headless start; the id in the printed links",
    "LANGFUSE_INIT_PROJECT_NAME": "headless start",
    "LANGFUSE_INIT_PROJECT_PUBLIC_KEY": "headless start; needs the secret key beside it",
    "LANGFUSE_INIT_PROJECT_SECRET_KEY": "headless start",
    "LANGFUSE_INIT_USER_EMAIL": "headless start",
    "LANGFUSE_INIT_USER_NAME": "headless start",
    "LANGFUSE_INIT_USER_PASSWORD": "headless start, 8 characters or more",
    "LANGFUSE_S3_EVENT_UPLOAD_ACCESS_KEY_ID": "object store, events",
    "LANGFUSE_S3_EVENT_UPLOAD_BUCKET": "object store, events",
    "LANGFUSE_S3_EVENT_UPLOAD_ENDPOINT": "object store, events",
    "LANGFUSE_S3_EVENT_UPLOAD_FORCE_PATH_STYLE": "MinIO has no host names for buckets",
    "LANGFUSE_S3_EVENT_UPLOAD_PREFIX": "object store, events",
    "LANGFUSE_S3_EVENT_UPLOAD_REGION": "object store, events",
    "LANGFUSE_S3_EVENT_UPLOAD_SECRET_ACCESS_KEY": "secret",
    "LANGFUSE_S3_MEDIA_UPLOAD_ACCESS_KEY_ID": "object store, media",
    "LANGFUSE_S3_MEDIA_UPLOAD_BUCKET": "object store, media",
    "LANGFUSE_S3_MEDIA_UPLOAD_ENDPOINT": "object store, as the browser reaches it",
    "LANGFUSE_S3_MEDIA_UPLOAD_FORCE_PATH_STYLE": "as above",
    "LANGFUSE_S3_MEDIA_UPLOAD_PREFIX": "object store, media",
    "LANGFUSE_S3_MEDIA_UPLOAD_REGION": "object store, media",
    "LANGFUSE_S3_MEDIA_UPLOAD_SECRET_ACCESS_KEY": "secret",
    "NEXTAUTH_SECRET": "secret",
    "NEXTAUTH_URL": "where the browser finds the web server",
    "REDIS_AUTH": "secret",
    "REDIS_HOST": "queue and cache",
    "SALT": "secret",
    "TELEMETRY_ENABLED": "off: nothing is reported to Langfuse the company",
}
"""Every variable that Langfuse 4.16 is given, spelled as its source reads it, and what it is."""


def test_the_compose_specification_accepts_it() -> None:
    """The schema that the Compose project publishes, vendored by check-jsonschema."""
    command = ["-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(FILE)]
    checked = subprocess.run(
        [sys.executable, *command], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_every_service_is_there() -> None:
    """The Collector and its relay, Langfuse's two processes and its four stores, and nothing else."""
    assert set(SERVICES) == {
        *("otel-collector", "relay", "langfuse-web", "langfuse-worker"),
        *("clickhouse", "minio", "postgres", "redis"),
    }


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_hardened_bounded_and_watched(name: str) -> None:
    """Pinned, health-checked, restarted, limited, without privileges or endless logs."""
    service = SERVICES[name]
    assert re.search(r":v?\d+\.\d+(?:\.\d+)?(?:-alpine)?$|@sha256:[0-9a-f]{64}$", service["image"])
    assert {"test", "interval", "timeout", "retries"} <= set(service["healthcheck"])
    assert service["restart"] == "unless-stopped"
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["mem_limit"]
    assert service["pids_limit"]
    assert set(service["logging"]["options"]) == {"max-size", "max-file"}
    assert not service.get("privileged")


def test_only_loopback_is_published() -> None:
    """Pages and API, OTLP twice, the Collector's metrics, media: on 127.0.0.1, nothing more."""
    published = {name: service.get("ports", []) for name, service in SERVICES.items()}
    assert {name: ports for name, ports in published.items() if ports} == {
        "langfuse-web": ["127.0.0.1:3000:3000"],
        "minio": ["127.0.0.1:9090:9000"],
        "otel-collector": [f"127.0.0.1:{port}:{port}" for port in (4318, 4317, 8888)],
    }


def test_langfuse_waits_for_its_stores_and_the_collector_for_nothing() -> None:
    """A store that is missing at start would be a 500, which the Collector cannot retry."""
    names = ("clickhouse", "minio", "postgres", "redis")
    stores = {name: {"condition": "service_healthy"} for name in names}
    assert SERVICES["langfuse-web"]["depends_on"] == stores
    assert SERVICES["langfuse-worker"]["depends_on"] == stores
    assert "depends_on" not in SERVICES["otel-collector"]


def test_every_named_volume_is_used_and_declared() -> None:
    """Data is in named volumes; the files from the checkout are mounted read-only."""
    mounts = [mount for service in SERVICES.values() for mount in service.get("volumes", [])]
    assert {mount.split(":")[0] for mount in mounts if mount[0] != "."} == set(COMPOSE["volumes"])
    assert [mount for mount in mounts if mount[0] == "."] == [
        "./otel-collector-config.yaml:/etc/otelcol/config.yaml:ro",
        "./collector/Caddyfile:/etc/caddy/Caddyfile:ro",
    ]


def test_every_variable_is_documented_and_no_secret_has_a_default() -> None:
    """What Compose asks for is in .env.example, and make up is the only source of a secret."""
    asked = re.findall(r"(?<!\$)\$\{(\w+)(:[-?])?([^}]*)\}", FILE.read_text())
    assert {name for name, _, _ in asked} <= set(read(ROOT / ".env.example"))
    assert {name for name, kind, _ in asked if kind == ":?"} == set(GENERATED)
    assert {(name, text) for name, kind, text in asked if kind != ":?"} == {
        ("LANGFUSE_PROJECT_ID", "order-status-demo"),
        ("OTELCOL_GIVE_UP_AFTER", "24h"),
    }


def test_langfuse_is_given_what_it_reads() -> None:
    """No variable is misspelled: each is listed here with its meaning, and both sides agree."""
    web, worker = (set(SERVICES[f"langfuse-{part}"]["environment"]) for part in ("web", "worker"))
    assert web == set(MEANING)
    assert worker < web


def test_the_two_builds_of_the_collector_are_of_one_version() -> None:
    """What the tests run from source is what the image holds."""
    manifest = (ROOT / "collector" / "builder.yaml").read_text()
    (version,) = set(re.findall(r" v(0\.\d+\.\d+)$", manifest.split("replaces:")[0], re.MULTILINE))
    assert f"  version: {version}\n" in manifest
    dockerfile = (ROOT / "collector" / "Dockerfile").read_text()
    assert f"FROM otel/opentelemetry-collector-k8s:{version}\n" in dockerfile
    assert SERVICES["otel-collector"]["image"].endswith(f":{version}")


def test_the_collectors_environment_is_what_its_configuration_reads() -> None:
    """Every variable that Compose sets is one that the shared configuration knows."""
    config = (ROOT / "otel-collector-config.yaml").read_text()
    known = set(re.findall(r"\$\{env:(\w+)", config))
    assert set(SERVICES["otel-collector"]["environment"]) - {"GOMEMLIMIT"} <= known
