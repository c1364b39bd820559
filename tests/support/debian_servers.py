"""PostgreSQL, Redis and nginx of the machine, each started for the tests in a folder of its own."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import sqlalchemy as sa

_PATIENCE = 30
_UNPRIVILEGED = "nobody"
"""initdb refuses to run as root."""


def program(name: str, *places: str) -> Path:
    """Where ``name`` is installed; a build machine without it fails, any other skips the test."""
    for place in places:
        found = sorted(Path("/").glob(f"{place.lstrip('/')}/{name}"))
        if found:
            return found[-1]
    on_path = shutil.which(name)
    if on_path:
        return Path(on_path)
    missing = f"{name} is not installed (.ci/run installs it)"
    if os.environ.get("CI") == "true":
        pytest.fail(missing)
    pytest.skip(missing)


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True)
class PostgreSql:
    """A cluster; databases are made in it as they are needed, and it can be stopped for a while."""

    port: int
    folder: str
    control: tuple[str, ...]
    options: str

    def start(self) -> None:
        """Start it, and wait until it can be reached."""
        _run([*self.control, "-l", f"{self.folder}/log", "-o", self.options, "start"], self.folder)

    def stop(self) -> None:
        """Stop it at once; who is connected is cut off."""
        _run([*self.control, "-m", "immediate", "stop"], self.folder)

    def database(self, name: str) -> str:
        """The URL of a new, empty schema: to its users a database of their own."""
        schema = name.replace("-", "_")
        server = sa.create_engine(self.url, isolation_level="AUTOCOMMIT")
        with server.connect() as connection:
            connection.exec_driver_sql(f"CREATE SCHEMA {schema}")
        server.dispose()
        return f"{self.url}?options=-csearch_path%3D{schema}"

    @property
    def url(self) -> str:
        """The database of the cluster in which the schemas are."""
        return f"postgresql+psycopg://tests@127.0.0.1:{self.port}/postgres"


@contextmanager
def postgresql() -> Iterator[PostgreSql]:
    """A cluster of one's own, without durability: what is tested is killed, not the cluster."""
    binaries = program("initdb", "/usr/lib/postgresql/*/bin").parent
    as_user = ["runuser", "-u", _UNPRIVILEGED, "--"] if os.geteuid() == 0 else []
    with tempfile.TemporaryDirectory(prefix="pg-", ignore_cleanup_errors=True) as folder:
        if as_user:
            shutil.chown(folder, _UNPRIVILEGED)
        data, port = f"{folder}/data", free_port()
        options = (
            f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder} "
            "-c fsync=off -c synchronous_commit=off -c full_page_writes=off -c max_connections=60"
        )
        initdb = [str(binaries / "initdb"), "-D", data, "-U", "tests", "-A", "trust", "-N"]
        control = (*as_user, str(binaries / "pg_ctl"), "-D", data, "-w", "-s")
        _run([*as_user, *initdb, "-E", "UTF8", "--locale=C"], folder)
        cluster = PostgreSql(port, folder, control, options)
        cluster.start()
        try:
            yield cluster
        finally:
            cluster.stop()


@contextmanager
def redis(configuration: Path | None = None) -> Iterator[str]:
    """The URL, without a password, of a Redis in a folder that is deleted afterwards."""
    command, port = str(program("redis-server")), free_port()
    file = [str(configuration)] if configuration else ["--save", ""]
    with tempfile.TemporaryDirectory(prefix="redis-") as folder:
        options = [*file, "--port", str(port), "--bind", "127.0.0.1", "--dir", folder]
        with subprocess.Popen([command, *options], stdout=subprocess.DEVNULL) as server:
            try:
                wait_for(port, server)
                yield f"redis://127.0.0.1:{port}/0"
            finally:
                server.terminate()


def _run(command: list[str], folder: str) -> None:
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr


def wait_for(port: int, server: subprocess.Popen[bytes]) -> None:
    """Wait until the server listens; fail when it stops or takes too long."""
    give_up = time.monotonic() + _PATIENCE
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1):
                return
        except OSError:
            assert server.poll() is None, "the server stopped"
            assert time.monotonic() < give_up, "the server does not listen"
            time.sleep(0.02)
