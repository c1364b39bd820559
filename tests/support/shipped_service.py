"""The service by the command and environment of the Dockerfile, on a port of this machine."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import requests
from debian_servers import free_port
from image_steps import instructions
from trusted_clients import TestClient

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 60.0
"""Seconds after which something that should have happened counts as failed."""
BUSY = TestClient(
    iss="https://busy.example.org",
    entry="[clients.limits]\ncalls_per_minute = 600000\nburst = 10000\nconcurrent = 16\n",
)
"""A trusted client that calls a great deal at once."""
_OUTSIDE = ("CDS_", "PROMETHEUS_", "GRANIAN_")


def shipped_command() -> list[str]:
    """The CMD of the last stage, with this Python for the image's."""
    (*_, command) = [argument for name, argument in _last_stage() if name == "CMD"]
    program, *arguments = json.loads(command)
    assert program == "python"
    return [sys.executable, *arguments]


def shipped_environment() -> dict[str, str]:
    """The variables that the last stage sets, but for the places of the image."""
    pairs = [
        pair.partition("=")
        for name, argument in _last_stage()
        if name == "ENV"
        for pair in argument.split()
    ]
    return {name: value for name, _, value in pairs if "/" not in value}


def _last_stage() -> list[tuple[str, str]]:
    steps = list(instructions((ROOT / "Dockerfile").read_text(encoding="utf-8")))
    start = max(number for number, (name, _) in enumerate(steps) if name == "FROM")
    return steps[start:]


@dataclass
class ShippedService:
    """One service as the image starts it; ``settings`` are those of the site."""

    settings: Mapping[str, str]
    log: Path
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def base(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def workers(self) -> list[int]:
        """The ids of its worker processes."""
        assert self.process is not None
        tasks = Path(f"/proc/{self.process.pid}/task").glob("*/children")
        return sorted(int(pid) for task in tasks for pid in task.read_text().split())

    def start(self) -> None:
        """Start it, and wait until it answers."""
        inherited = {
            name: value for name, value in os.environ.items() if not name.startswith(_OUTSIDE)
        }
        own = {"PYTHONPATH": str(ROOT), "HOST": "127.0.0.1", "PORT": str(self.port)}
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                shipped_command(),
                env={**inherited, **shipped_environment(), **self.settings, **own},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        give_up = time.monotonic() + PATIENCE
        while not self.answers():
            if self.process.poll() is not None or time.monotonic() > give_up:
                pytest.fail(f"does not start:\n{self.log.read_text()}")
            time.sleep(0.02)

    def answers(self, seconds: float = 2) -> bool:
        """Whether ``/health`` answers within so many seconds."""
        try:
            return requests.get(f"{self.base}/health", timeout=seconds).ok
        except requests.RequestException:
            return False

    def stop(self) -> int:
        """Ask it to stop, as a container engine does; its exit status."""
        assert self.process is not None
        self.process.terminate()
        return self.process.wait(PATIENCE)

    def kill(self) -> None:
        """Kill all its processes at once, in the middle of whatever they do."""
        if self.process is not None:
            with suppress(ProcessLookupError):  # it may have ended by itself
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.await_free_port()
            self.process = None

    def await_free_port(self) -> None:
        """Wait until nobody listens on the port any more."""
        give_up = time.monotonic() + PATIENCE
        while not _is_free(self.port):
            assert time.monotonic() < give_up, "somebody still listens"
            time.sleep(0.01)


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
