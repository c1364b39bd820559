"""Two real FHIR R4 servers for the tests, each holding one invented child at a time."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

import requests

NODE = Path(__file__).parent / "node"
OLDEST_NODE = 20
_PATIENCE = 30
Json = dict[str, Any]


class FhirServerUnderTest(Protocol):
    """A running server: its base URL, and a way to fill it."""

    base: str

    def hold(self, resources: list[Json]) -> None:
        """Hold exactly these resources and no others."""


@dataclass
class Sekmet:
    """sekmet-fhir: SQLite, paging links, strict handling of unknown parameters."""

    base: str
    _held: list[str] = field(default_factory=list)

    def hold(self, resources: list[Json]) -> None:
        """Delete what was held before, then write everything in one transaction."""
        if self._held:
            self._transaction([{"request": {"method": "DELETE", "url": u}} for u in self._held])
        urls = [f"{item['resourceType']}/{item['id']}" for item in resources]
        self._transaction(
            [
                {"resource": item, "request": {"method": "PUT", "url": url}}
                for item, url in zip(resources, urls, strict=True)
            ]
        )
        self._held = urls[::-1]

    def _transaction(self, entries: list[Json]) -> None:
        bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
        answer = requests.post(self.base, json=bundle, timeout=_PATIENCE)
        assert answer.status_code == requests.codes.ok, answer.text[:2000]


@dataclass
class Medplum:
    """Medplum's FhirRouter over its MemoryRepository: no paging links, no Preference."""

    root: str

    @property
    def base(self) -> str:
        """Where the FHIR API is."""
        return f"{self.root}/fhir"

    def hold(self, resources: list[Json]) -> None:
        """Replace everything."""
        bundle = {"resourceType": "Bundle", "entry": [{"resource": item} for item in resources]}
        answer = requests.put(f"{self.root}/records", json=bundle, timeout=_PATIENCE)
        assert answer.status_code == requests.codes.ok, answer.text[:2000]


def sekmet_obstacle() -> str:
    """Why the first server cannot run here; empty where it can."""
    return "" if find_spec("sekmet") else "sekmet-fhir is not installed"


def medplum_obstacle() -> str:
    """Why the second server cannot run here; empty where it can."""
    node = shutil.which("node")
    if node is None:
        return "Node.js is not installed"
    told = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    major = told.strip().removeprefix("v").partition(".")[0]
    if not major.isdigit() or int(major) < OLDEST_NODE:
        return f"Node.js is older than {OLDEST_NODE}"
    if not (NODE / "node_modules" / "@medplum" / "fhir-router").is_dir():
        return "npm ci has not been run in tests/integration/node"
    return ""


@contextmanager
def sekmet(folder: Path) -> Iterator[Sekmet]:
    """The first server, in a thread of this process, with its database in ``folder``."""
    import uvicorn  # noqa: PLC0415 - test dependencies, absent where the tests are skipped
    from sekmet.config import Settings  # noqa: PLC0415 - as above
    from sekmet.main import create_app  # noqa: PLC0415 - as above

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    base = f"http://127.0.0.1:{port}/fhir"
    settings = Settings(
        base_url=base, host="127.0.0.1", port=port, db_path=str(folder / "fhir.sqlite3")
    )
    server = uvicorn.Server(
        uvicorn.Config(create_app(settings), host="127.0.0.1", port=port, log_level="error")
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until = time.monotonic() + _PATIENCE
    while not server.started:
        assert time.monotonic() < until, "sekmet-fhir did not start"
        time.sleep(0.02)
    yield Sekmet(base)
    server.should_exit = True
    thread.join(_PATIENCE)


@contextmanager
def medplum() -> Iterator[Medplum]:
    """The second server, in a process of its own, which ends with the block."""
    node = shutil.which("node")
    assert node is not None
    with subprocess.Popen(
        [node, "server.mjs"],
        cwd=NODE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "NODE_NO_WARNINGS": "1"},
    ) as process:
        assert process.stdout is not None
        port = process.stdout.readline().strip()
        assert port.isdigit(), "the Node server did not start"
        yield Medplum(f"http://127.0.0.1:{port}")
        process.terminate()
