"""A token is accepted once: in threads, in processes, over Redis; and never when nobody knows.

``make replay`` runs the contest with 100,000 uses of one token in place of the few here.
"""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cds_answers import SERVICE
from debian_servers import redis as redis_server
from trusted_clients import EHR, production_config

from cds_service.app import create_app
from cds_service.errors import SettingError, TrustUnavailable
from cds_service.trust.replay import MemoryStore, ReplayStore, SqliteStore, replay_store

USES = int(os.environ.get("REPLAYS", "4000"))
PROCESSES, THREADS = 4, 8
LATER = 4_000_000_000

CONTEST = """
import sys
from concurrent.futures import ThreadPoolExecutor
from cds_service.trust.replay import replay_store
url, use, uses, threads = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
store = replay_store(url)
sys.stdin.readline()
with ThreadPoolExecutor(threads) as callers:
    won = sum(callers.map(lambda _: store.first_use(use, 4_000_000_000), range(uses)))
print(won)
"""


@pytest.fixture(scope="module")
def redis_url() -> Iterator[str]:
    """A Redis of these tests."""
    with redis_server() as url:
        yield url


def sqlite_url(folder: Path) -> str:
    """A new file."""
    return f"sqlite:///{folder / 'used.sqlite3'}"


@pytest.fixture(params=["memory", "sqlite", "redis"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of each kind of store."""
    kind: str = request.param
    if kind == "redis":
        return str(request.getfixturevalue("redis_url"))
    return sqlite_url(tmp_path) if kind == "sqlite" else kind


def test_a_use_is_the_first_one_once(url: str) -> None:
    """And each token has its own."""
    store = replay_store(url)
    assert [store.first_use("a", LATER) for _ in range(3)] == [True, False, False]
    assert store.first_use("b", LATER)
    assert store.answers()
    store.close()


def test_of_many_threads_one_is_the_first(url: str) -> None:
    """The check and the note are one step."""
    store = replay_store(url)
    with ThreadPoolExecutor(THREADS) as callers:
        for token in range(20):
            won = list(callers.map(lambda _, t=token: store.first_use(f"t{t}", LATER), range(50)))
            assert sum(won) == 1


@pytest.mark.parametrize("kind", ["sqlite", "redis"])
def test_of_many_processes_one_is_the_first(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Processes of eight threads each ask for the same token at the same time: one yes in all."""
    address = sqlite_url(tmp_path) if kind == "sqlite" else request.getfixturevalue("redis_url")
    command = [sys.executable, "-c", CONTEST, address, f"contest-{kind}"]
    arguments = [str(USES // PROCESSES), str(THREADS)]
    processes = [
        subprocess.Popen(  # noqa: S603 - this Python, and code of this file
            [*command, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(PROCESSES)
    ]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    told = [process.communicate()[0] for process in processes]
    assert [process.returncode for process in processes] == [0] * PROCESSES
    assert sum(map(int, told)) == 1


@pytest.mark.parametrize("kind", [MemoryStore, SqliteStore])
def test_what_has_expired_is_forgotten(kind: Any, tmp_path: Path) -> None:
    """The store stays as small as the lifetimes of tokens allow."""
    now = [1_000.0]
    clock = lambda: now[0]  # noqa: E731 - a clock of one line
    store: ReplayStore = (
        MemoryStore(clock) if kind is MemoryStore else SqliteStore(str(tmp_path / "f"), clock)
    )
    assert store.first_use("old", 1_300)
    assert store.first_use("long", 9_000)
    now[0] = 1_301.0
    assert store.first_use("new", 1_700)
    assert store.first_use("old", 1_700)
    assert not store.first_use("long", 9_000)
    store.close()


def test_redis_forgets_by_itself(redis_url: str) -> None:
    """Each note ends with its token."""
    import redis  # noqa: PLC0415 - an extra

    store = replay_store(redis_url, lambda: 1_000.0)
    assert store.first_use("ends", 1_311)
    with redis.Redis.from_url(redis_url) as client:
        assert 300 < client.ttl("relapsed-all:used:ends") <= 311
    store.close()


def test_a_store_survives_a_restart(tmp_path: Path) -> None:
    """Or a restart would let every token in again."""
    for first in (True, False):
        store = replay_store(sqlite_url(tmp_path))
        assert store.first_use("a", LATER) is first
        store.close()


def test_a_store_that_fails_lets_nobody_in(tmp_path: Path) -> None:
    """The table is gone, or the Redis."""
    store = replay_store(sqlite_url(tmp_path))
    assert store.first_use("a", LATER)
    store.close()
    (tmp_path / "used.sqlite3").unlink()
    with pytest.raises(TrustUnavailable):
        store.first_use("b", LATER)
    assert not store.answers()
    store.close()
    with redis_server() as address:
        store = replay_store(address)
        assert store.first_use("a", LATER)
    with pytest.raises(TrustUnavailable):
        store.first_use("b", LATER)
    assert not store.answers()
    store.close()


def test_the_service_answers_503_and_is_not_ready_without_its_store(
    tmp_path: Path, hook_body: dict[str, Any]
) -> None:
    """A good token is not enough when nobody can say whether it was used."""
    config = production_config(tmp_path)
    service = create_app(config).test_client()
    assert service.get("/health/ready").status_code == 200
    with sqlite3.connect(tmp_path / "replay.sqlite3") as other:
        other.execute("DROP TABLE used")
    other.close()
    answer = service.post(SERVICE, json=hook_body, headers=EHR.bearer())
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "5"
    assert service.get("/health/ready").status_code == 503


def test_two_services_share_what_was_used(tmp_path: Path, hook_body: dict[str, Any]) -> None:
    """Over one file, and over one Redis."""
    with redis_server() as address:
        config = production_config(tmp_path)
        for store in (config.trust.replay_store, address):
            settings = replace(config, trust=replace(config.trust, replay_store=store))
            pair = [create_app(settings).test_client() for _ in range(2)]
            headers = EHR.bearer()
            answers = [one.post(SERVICE, json=hook_body, headers=headers) for one in pair]
            assert [answer.status_code for answer in answers] == [200, 401]


@pytest.mark.parametrize(
    "address",
    ["", "postgresql://x", "sqlite://", "sqlite:///", "redis://127.0.0.1:1/0", "mem", "x.sqlite3"],
)
def test_a_store_that_cannot_be_used_refuses_to_start(address: str) -> None:
    """Named by its setting; no password of the address is repeated."""
    with pytest.raises(SettingError, match="CDS_REPLAY_STORE"):
        replay_store(address)
