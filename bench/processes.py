"""A server under measurement: its processes, their CPU time and memory, read from /proc."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Final
from urllib.error import URLError
from urllib.request import urlopen

_PATIENCE: Final = 30.0
_TICKS: Final = os.sysconf("SC_CLK_TCK")
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")
_MEGABYTE: Final = 1e6
_RSS_FIELD, _UTIME_FIELD, _STIME_FIELD = 1, 11, 12


class StartFailedError(Exception):
    """A server did not answer in time; the text holds the end of its output."""


@dataclass(frozen=True, slots=True)
class Process:
    """A running server: the id of its first process, and where it answers."""

    pid: int
    base: str

    def cpu_seconds(self) -> float:
        """User and system time of all its processes so far."""
        return sum(_cpu_ticks(pid) for pid in self._all()) / _TICKS

    def memory_megabytes(self) -> float:
        """Resident memory of the largest worker; of the server where it has none."""
        first, *workers = self._all()
        return max(_resident_pages(pid) for pid in workers or [first]) * _PAGE / _MEGABYTE

    def _all(self) -> Iterator[int]:
        waiting = [self.pid]
        while waiting:
            pid = waiting.pop()
            yield pid
            waiting += _children(pid)


def free_port() -> int:
    """A port on the loopback address that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(
    command: Sequence[str], port: int, settings: Mapping[str, str], folder: Path
) -> Iterator[Process]:
    """The server started by ``command`` on ``port``, once ``/health`` answers, until the end.

    Raises StartFailedError. Its output goes to a file in ``folder``.
    """
    base = f"http://127.0.0.1:{port}"
    output = folder / f"output-{port}.txt"
    with (
        output.open("wb") as log,
        subprocess.Popen(
            command,
            env={**_environment(), **settings},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        ) as process,
    ):
        try:
            until = time.monotonic() + _PATIENCE
            while not _healthy(base):
                if process.poll() is not None or time.monotonic() > until:
                    raise StartFailedError(output.read_text(errors="replace")[-2_000:])
                time.sleep(0.005)
            yield Process(process.pid, base)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)


def _environment() -> dict[str, str]:
    """This process's environment without settings of the service."""
    own = ("HOST", "PORT", "WEB_CONCURRENCY")
    return {
        name: value
        for name, value in os.environ.items()
        if name not in own and not name.startswith(("CDS_", "GUNICORN_", "GRANIAN_"))
    }


def _healthy(base: str) -> bool:
    try:
        with urlopen(f"{base}/health", timeout=2) as answer:
            return bool(answer.status == HTTPStatus.OK)
    except (URLError, OSError):
        return False


def _children(pid: int) -> list[int]:
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found += [int(child) for child in task.read_text().split()]
        except OSError:  # the thread has ended
            continue
    return found


def _cpu_ticks(pid: int) -> int:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return int(fields[_UTIME_FIELD]) + int(fields[_STIME_FIELD])


def _resident_pages(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[_RSS_FIELD])
    except OSError:
        return 0
