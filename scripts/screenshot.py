"""Run the demo twice on ports of its own and photograph the Sessions page for the README."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parents[1]
PICTURE = ROOT / "docs" / "images" / "sessions.png"
SIZE = {"width": 1200, "height": 310}


def main() -> None:
    """Write docs/images/sessions.png."""
    web, otlp = _free_port(), _free_port()
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT / "src"),
        "LANGFUSE_BASE_URL": f"http://localhost:{web}",
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"http://localhost:{otlp}/v1/traces",
    }
    with tempfile.TemporaryDirectory() as folder:

        def run(*module: str) -> None:
            command = [sys.executable, "-m", *module]
            subprocess.run(command, cwd=folder, env=environment, check=True)

        run("langfuse_local", "ensure")
        try:
            run("agent_observability.main")
            run("agent_observability.main")
            _photograph(f"http://localhost:{web}")
        finally:
            run("langfuse_local", "stop")


def _photograph(address: str) -> None:
    chromium = shutil.which("chromium")
    if chromium is None:
        sys.exit("Chromium is missing. On Debian and Ubuntu: sudo apt-get install chromium")
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport=SIZE)
        page.goto(address)
        page.screenshot(path=PICTURE)
        browser.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


if __name__ == "__main__":
    main()
