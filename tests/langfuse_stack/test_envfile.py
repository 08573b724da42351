"""`.env` as `make up` completes it."""

import stat
from pathlib import Path

import pytest

from langfuse_stack.envfile import GENERATED, complete, read
from langfuse_stack.errors import StackError


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_new_file_has_every_secret_and_one_reader(tmp_path: Path) -> None:
    """Created 0600 with a value for each variable, no two alike, and never the same twice."""
    files = [tmp_path / "one", tmp_path / "two"]
    for file in files:
        assert complete(file) == list(GENERATED)
        assert _mode(file) == 0o600
    one, two = map(read, files)
    assert set(one) == set(GENERATED)
    assert len(set(one.values())) == len(one)
    assert [name for name in one if one[name] == two[name]] == ["LANGFUSE_INIT_USER_EMAIL"]
    assert len(bytes.fromhex(one["ENCRYPTION_KEY"])) == 32


def test_what_is_there_stays_to_the_letter(tmp_path: Path) -> None:
    """Values, comments, quotes and order survive; only what is missing or empty is added."""
    file = tmp_path / ".env"
    before = "# mine\nexport SALT='keep # this'\nREDIS_AUTH=\nAGENT_VERSION=7 # the build"
    file.write_text(before)
    file.chmod(0o644)
    added = complete(file)
    assert file.read_text().startswith(before + "\n")
    assert "SALT" not in added
    assert "REDIS_AUTH" in added
    assert _mode(file) == 0o600
    values = read(file)
    assert (values["SALT"], values["AGENT_VERSION"]) == ("keep # this", "7")
    assert values["REDIS_AUTH"]


def test_a_second_time_changes_nothing(tmp_path: Path) -> None:
    """Complete is complete."""
    file = tmp_path / ".env"
    complete(file)
    before = file.read_text()
    assert complete(file) == []
    assert file.read_text() == before


def test_a_key_that_langfuse_would_refuse_is_a_sentence(tmp_path: Path) -> None:
    """The variable and what is allowed; never the value, and nothing is written."""
    file = tmp_path / ".env"
    file.write_text("ENCRYPTION_KEY=hunter2\n")
    with pytest.raises(StackError, match=r"ENCRYPTION_KEY.*64 hexadecimal") as caught:
        complete(file)
    assert "hunter2" not in str(caught.value)
    assert file.read_text() == "ENCRYPTION_KEY=hunter2\n"


def test_a_file_that_cannot_be_used_is_a_sentence(tmp_path: Path) -> None:
    """A folder in its place, say."""
    with pytest.raises(StackError, match=r"^\.env cannot be used \(.+\): make it a file"):
        complete(tmp_path)
