"""A running service, the README's commands, and a clean environment to run them in."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

ROOT = Path(__file__).resolve().parents[2]
_FENCED = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# What an outer make or an activated environment would pass on to the commands under test.
_INHERITED = ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "HOST", "PORT", "PYTHON", "PYTHONPATH")


@dataclass(frozen=True)
class Running:
    """A service that answers on ``port``; ``log``: all that it printed."""

    port: int
    log: Path


@pytest.fixture(scope="session")
def root() -> Path:
    """The root of this checkout."""
    return ROOT


@pytest.fixture(scope="session")
def environment() -> dict[str, str]:
    """The environment of a newcomer's shell."""
    return {
        name: value
        for name, value in os.environ.items()
        if name not in _INHERITED and not name.startswith(("CDS_", "GIT_"))
    }


@pytest.fixture(scope="session")
def free_port() -> Callable[[], int]:
    """A function that names a port nobody listens on."""

    def port() -> int:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            return int(probe.getsockname()[1])

    return port


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., object]:
    """A context manager: start a command in a folder, wait for ``/health``, stop it."""

    @contextmanager
    def serve(
        command: list[str], folder: Path, env: dict[str, str], port: int, patience: float
    ) -> Iterator[Running]:
        started = time.monotonic()
        log = tmp_path_factory.mktemp("served") / "output.txt"
        with (
            log.open("w") as output,
            subprocess.Popen(
                command,
                cwd=folder,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            ) as process,
        ):
            try:
                while not _healthy(port):
                    waited = time.monotonic() - started
                    if process.poll() is not None or waited > patience:
                        pytest.fail(f"no answer after {waited:.1f} s:\n{log.read_text()}")
                    time.sleep(0.05)
                yield Running(port, log)
            finally:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGTERM)

    return serve


@pytest.fixture(scope="session")
def service(
    served: Callable[..., object], free_port: Callable[[], int], environment: dict[str, str]
) -> Iterator[Running]:
    """The service of this checkout, run by this Python."""
    port = free_port()
    command = [sys.executable, "-m", "cds_service"]
    with served(command, ROOT, {**environment, "PORT": str(port)}, port, 30) as running:
        yield running


@pytest.fixture(scope="session")
def curl_command() -> Callable[[int], str]:
    """The README's curl command as it stands there, for another port."""
    blocks = _FENCED.findall((ROOT / "README.md").read_text(encoding="utf-8"))
    (command,) = [block for block in blocks if block.startswith("curl ")]
    assert "127.0.0.1:8080" in command
    return lambda port: command.replace("127.0.0.1:8080", f"127.0.0.1:{port}")


def _healthy(port: int) -> bool:
    try:
        return requests.get(f"http://127.0.0.1:{port}/health", timeout=2).ok
    except requests.ConnectionError:
        return False
