"""`scripts/pythons.py` finds each Python that a newcomer may run this with, once."""

from pathlib import Path

import pytest
from scripts.pythons import find_pythons


def python(path: Path, answer: str) -> str:
    """Write a stand-in for a Python that answers with its version, or fails."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{f'echo {answer}' if answer else 'exit 127'}\n")
    path.chmod(0o755)
    return str(path)


def test_each_version_is_found_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On PATH, of pyenv and of uv; what is older than 3.11, or only a stand-in, is none."""
    first = python(tmp_path / "bin/python3", "3 11 2")
    python(tmp_path / "bin/python3.11", "3 11 2")
    python(tmp_path / "bin/python3.12", "")
    later = python(tmp_path / "other/python3.14", "3 14 0")
    python(tmp_path / "pyenv/versions/3.9.1/bin/python3", "3 9 1")
    pyenvs = python(tmp_path / "pyenv/versions/3.12.1/bin/python3", "3 12 1")
    python(tmp_path / "bin/uv", str(tmp_path / "uv"))
    uvs = python(tmp_path / "uv/cpython-3.13.0/bin/python3", "3 13 0")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{tmp_path / 'other'}")
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    assert find_pythons() == {
        (3, 11, 2): first,
        (3, 12, 1): pyenvs,
        (3, 13, 0): uvs,
        (3, 14, 0): later,
    }
