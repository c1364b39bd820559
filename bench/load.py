"""Load by wrk: the bodies of a folder in turn, over so many connections."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

SCRIPT: Final = Path(__file__).with_name("rotate_bodies.lua")
_LONGEST: Final = 600


class LoadFailedError(Exception):
    """wrk is missing, or an answer was not 200: such a figure would mean nothing."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """What wrk saw: latencies in milliseconds."""

    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float
    max_ms: float

    @property
    def per_second(self) -> float:
        """Answers per second."""
        return self.requests / self.seconds


def wrk() -> str:
    """The wrk program; raises LoadFailedError saying how to get it."""
    program = shutil.which("wrk")
    if program is None:
        raise LoadFailedError("the bench needs wrk (on Debian: apt-get install wrk)")
    return program


def written(folder: Path, contents: Iterable[bytes], tokens: Iterable[str] = ()) -> Path:
    """``folder`` with the bodies, and the tokens of signed calls, as the script reads them."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, content in enumerate(contents, start=1):
        (folder / f"{number}.json").write_bytes(content)
    if lines := "".join(f"{token}\n" for token in tokens):
        (folder / "tokens.txt").write_text(lines)
    return folder


def loaded(url: str, folder: Path, *, seconds: float, connections: int) -> Loaded:
    """Load ``url`` for ``seconds``, longer where not one answer came; raises LoadFailedError."""
    whole = max(1, round(seconds))
    while not (result := _result(url, folder, connections, whole, 0))["requests"]:
        whole *= 2
        if whole > _LONGEST:
            raise LoadFailedError(f"no answer from {url}")
    return Loaded(**result)


def sent(url: str, folder: Path, *, requests: int, connections: int) -> None:
    """Send so many requests to ``url``; raises LoadFailedError if any call failed."""
    _result(url, folder, connections, _LONGEST, requests)


def _result(url: str, folder: Path, connections: int, seconds: int, limit: int) -> dict[str, Any]:
    command = [wrk(), "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "30s"]
    command += ["-s", str(SCRIPT), url, "--", str(folder), str(limit)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise LoadFailedError(f"wrk failed: {done.stderr or done.stdout}")
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    failed, why = result.pop("failed"), result.pop("why")
    if failed:
        raise LoadFailedError(f"{failed} of {result['requests']} calls of {url} failed: {why}")
    return result
