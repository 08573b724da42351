"""A user and a password in an endpoint appear in no line that is printed or logged."""

import logging

import pytest
from benchmarks.failures import delivering

from langfuse_otel.delivery.report import without_secrets
from support.deliveries import counts
from support.otlp_sinks import sink


@pytest.mark.parametrize("mode", ["401", "refuses", "hangs", "redirects"])
def test_a_password_in_the_endpoint_is_not_shown(
    mode: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Not in the report, and not in what the exporter logs."""
    caplog.set_level(logging.DEBUG)
    with sink(mode) as receiver:
        endpoint = receiver.endpoint.replace("//", "//jane:secret@") + "?key=secret"
        provider, delivery = delivering(endpoint, (), seconds=0.3)
        provider.get_tracer("tests").start_span("span").end()
        provider.shutdown()
    shown = repr(delivery.report()) + str(delivery.report())
    assert "jane" not in shown
    assert "secret" not in shown
    assert "http://127.0.0.1:" in shown
    assert "jane" not in caplog.text


@pytest.mark.parametrize("where", ["localhost:99999999", "localhost:9x", "*", "a..b"])
def test_an_address_that_is_none_is_not_repeated(
    where: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever is wrong with it, the password in it is in no log."""
    provider, delivery = delivering(f"http://jane:secret@{where}/v1/traces", (), seconds=1)
    provider.get_tracer("tests").start_span("span").end()
    provider.shutdown()
    assert "secret" not in caplog.text
    assert "secret" not in str(delivery.report())
    assert counts(delivery.report()) == {"failed": 1}


def test_the_address_that_is_shown_says_where() -> None:
    """Scheme, host, port and path."""
    assert without_secrets("https://u:p@h:1/v1/traces?key=k#f") == "https://h:1/v1/traces"
    assert without_secrets("https://u:p@[::1/") == "an address that is none"
    assert without_secrets("https://h/v1/traces") == "https://h/v1/traces"
