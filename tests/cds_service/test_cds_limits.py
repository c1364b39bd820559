"""How often and how much at once a client may call, and what it is told beyond that."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cds_answers import SERVICE, outcome_of
from debian_servers import redis as redis_server
from trusted_clients import EHR, production_config

from cds_service import hook_routes
from cds_service.app import create_app
from cds_service.errors import TrustUnavailable
from cds_service.patient_view import RESPONSE
from cds_service.trust.clients import Limits
from cds_service.trust.limits import Buckets, MemoryBuckets, RedisBuckets, Running
from cds_service.trust.replay import redis_client

SLOW = Limits(calls_per_minute=60, burst=3)


def limited(limits: str, name: str = "limited") -> Any:
    """A client with these limits."""
    return replace(EHR, iss=f"https://{name}.example.org", entry=f"limits = {{ {limits} }}")


def test_a_bucket_gives_its_burst_and_then_its_rate() -> None:
    """Three at once, then one each second; never more than the burst."""
    now = [100.0]
    buckets = MemoryBuckets(lambda: now[0])
    assert [buckets.wait("a", SLOW) for _ in range(4)] == [0, 0, 0, 1.0]
    assert buckets.wait("a", SLOW) == 1.0  # a call that was refused takes nothing
    now[0] += 0.5
    assert buckets.wait("a", SLOW) == pytest.approx(0.5)
    now[0] += 0.5
    assert [buckets.wait("a", SLOW) for _ in range(2)] == [0, 1.0]
    now[0] += 1_000
    assert [buckets.wait("a", SLOW) for _ in range(4)] == [0, 0, 0, 1.0]


def test_each_client_has_a_bucket_of_its_own() -> None:
    """One cannot use up the calls of another."""
    buckets = MemoryBuckets(lambda: 100.0)
    assert [buckets.wait(who, SLOW) for who in "aaaab"] == [0, 0, 0, 1.0, 0]


def test_processes_that_share_a_redis_share_the_buckets() -> None:
    """Of many askers at once exactly the burst is let in; a Redis that is gone is 503."""
    with redis_server() as url:
        pair: list[Buckets] = [RedisBuckets(redis_client(url)) for _ in range(2)]
        rare = Limits(calls_per_minute=1, burst=20)
        with ThreadPoolExecutor(8) as callers:
            waits = list(callers.map(lambda n: pair[n % 2].wait("a", rare), range(100)))
        assert waits.count(0.0) == 20
        assert all(50 < wait <= 60 for wait in waits if wait)
        assert pair[0].wait("b", rare) == 0
        often = Limits(calls_per_minute=60_000, burst=1)
        assert pair[0].wait("c", often) == 0
        threading.Event().wait(0.01)
        assert pair[1].wait("c", often) == 0  # it fills with the time of the Redis
    with pytest.raises(TrustUnavailable):
        pair[0].wait("a", rare)


def test_calls_in_work_are_counted_and_given_back() -> None:
    """For each client."""
    running = Running()
    assert [running.begin("a", 2) for _ in range(3)] == [True, True, False]
    assert running.begin("b", 2)
    running.end("a")
    assert running.begin("a", 2)


@pytest.mark.parametrize("shared", [False, True], ids=["memory", "redis"])
def test_a_client_that_calls_too_often_is_told_when_to_come_again(
    shared: bool, tmp_path: Path, hook_body: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    """429 with Retry-After; its tenants and other clients are answered."""
    client = limited("calls_per_minute = 1, burst = 2")
    client = replace(client, entry=f'tenants = ["north", "south"]\n{client.entry}')
    config = production_config(tmp_path, [client, EHR])
    with redis_server() as url:
        if shared:
            config = replace(config, trust=replace(config.trust, replay_store=url))
        service = create_app(config).test_client()

        def status(caller: Any = client, **claims: Any) -> int:
            headers = caller.bearer(**claims)
            return service.post(SERVICE, json=hook_body, headers=headers).status_code

        assert [status(tenant="north") for _ in range(3)] == [200, 200, 429]
        assert status(tenant="south") == 200
        assert status(EHR) == 200
        refused = service.post(SERVICE, json=hook_body, headers=client.bearer(tenant="north"))
        assert 50 < int(refused.headers["Retry-After"]) <= 60
        assert outcome_of(refused)["code"] == "throttled"
        line = json.loads(caplog.records[-1].getMessage())
        assert (line["event"], line["which"]) == ("limited", "calls_per_minute")
        assert (line["client"], line["tenant"]) == (client.iss, "north")


def test_a_refused_or_repeated_token_is_not_counted(
    tmp_path: Path, hook_body: dict[str, Any]
) -> None:
    """Whoever saw a token cannot lock its client out with it."""
    client = limited("calls_per_minute = 1, burst = 2")
    service = create_app(production_config(tmp_path, [client])).test_client()
    headers = client.bearer()
    answers = [service.post(SERVICE, json=hook_body, headers=headers) for _ in range(10)]
    assert [answer.status_code for answer in answers] == [200, *[401] * 9]
    assert service.post(SERVICE, json=hook_body, headers=client.bearer()).status_code == 200


def test_a_client_with_too_many_calls_in_work_is_told_to_come_again(
    tmp_path: Path, hook_body: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """503 with Retry-After at once; another client is answered, and afterwards this one too."""
    client = limited("concurrent = 2")
    app = create_app(production_config(tmp_path, [client, EHR]))
    inside, leave = threading.Semaphore(0), threading.Event()

    def slow(*_args: Any, **_options: Any) -> dict[str, Any]:
        inside.release()
        leave.wait(20)
        return {"cards": [], "extension": {RESPONSE: {"decision": "d"}}}

    monkeypatch.setattr(hook_routes, "answer_to", slow)

    def post(caller: Any) -> Any:
        return app.test_client().post(SERVICE, json=hook_body, headers=caller.bearer())

    with ThreadPoolExecutor(4) as callers:
        working = [callers.submit(post, client) for _ in range(2)]
        for _ in working:
            assert inside.acquire(timeout=20)
        refused = post(client)
        other = callers.submit(post, EHR)
        assert inside.acquire(timeout=20)
        leave.set()
        answers = [call.result() for call in (*working, other)]
    assert [answer.status_code for answer in answers] == [200] * 3
    assert refused.status_code == 503
    assert refused.headers["Retry-After"] == "1"
    assert post(client).status_code == 200


def test_a_call_that_fails_gives_its_place_back(
    tmp_path: Path, hook_body: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bad request, an unknown address and a bug of ours end a call as an answer does."""
    client = limited("concurrent = 1")
    service = create_app(production_config(tmp_path, [client])).test_client()
    address = f"{SERVICE}/x".replace("/cds-services", "https://cds.example.org/cds-services")
    assert service.post(SERVICE, data=b"{", headers=client.bearer()).status_code == 400
    assert service.post(f"{SERVICE}/x", headers=client.bearer(address)).status_code == 404
    with monkeypatch.context() as broken:
        broken.setattr(hook_routes, "answer_to", lambda *_a, **_o: 1 / 0)
        answer = service.post(SERVICE, json=hook_body, headers=client.bearer())
        assert answer.status_code == 500
    assert service.post(SERVICE, json=hook_body, headers=client.bearer()).status_code == 200


def test_development_does_not_limit_calls_without_a_token(
    hook_body: dict[str, Any], client: Any
) -> None:
    """More at once than any client of a trust file could send."""
    answers = [client.post(SERVICE, json=hook_body).status_code for _ in range(300)]
    assert answers == [200] * 300
