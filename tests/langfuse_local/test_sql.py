"""SQL statements are found by name, and a wrong name is said clearly."""

from __future__ import annotations

import pytest

from langfuse_local.store.sql import named_statements, script, statement


def test_finds_a_statement_by_its_name() -> None:
    """A name gives the statement below it, without the semicolon that ends it."""
    assert statement("counts").startswith("SELECT")
    assert named_statements(["-- name: a\nSELECT 1;\n\n-- name: b\n-- Why.\nSELECT 2;\n"]) == {
        "a": "SELECT 1",
        "b": "-- Why.\nSELECT 2",
    }


def test_includes_what_statements_share() -> None:
    """A name in braces stands for that statement."""
    assert statement("totals") in statement("session_totals")


def test_divides_a_script() -> None:
    """A script's statements run one by one, a trigger with its own semicolons among them."""
    assert [sql.count("CREATE") for sql in script("corrections")] == [1, 1, 1, 1, 1, 1, 1]


def test_refuses_an_unknown_name() -> None:
    """The sentence names what was asked for and what there is."""
    with pytest.raises(LookupError, match=r"No SQL statement is named 'sesions'.*'sessions'"):
        statement("sesions")


def test_refuses_a_name_that_stands_twice() -> None:
    """Two statements of one name, in one file or in two, are an error and not a choice."""
    text = "-- name: sessions\nSELECT 1;\n"
    with pytest.raises(ValueError, match="Two SQL statements are named 'sessions'"):
        named_statements([text, text])
