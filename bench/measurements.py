"""What is measured, and how: the two servers in turn, round by round, the best round counts.

On a shared machine the best round is the one that was disturbed least. Ratios are of figures of the
same run. CPU is the user and system time of all processes of a server, from /proc.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from bench import servers
from bench.answers import PATH, check, posted
from bench.bodies import SIZES, Body, Size, bodies, without_prefetch
from bench.figures import Bound, Figure, plain, ratio
from bench.load import Loaded, loaded, sent, written
from bench.processes import Process
from bench.signed_calls import SigningClient

_CPU_GOALS: Final[Mapping[str, Bound]] = {
    "small": ("<=", 1.2),
    "medium": ("<=", 0.40),
    "large": ("<=", 0.25),
}
_P50_GOALS: Final[Mapping[str, Bound]] = {
    "small": ("<=", 1.2),
    "medium": ("<=", 0.45),
    "large": ("<=", 0.25),
}
_SIGNED: Final = ("small", "medium", "large")
_WAITING: Final = 32
_CONNECTIONS: Final = 8
_REQUESTS_FIRST: Final = 1_000


@dataclass(frozen=True, slots=True)
class Effort:
    """How long is measured: rounds of so many seconds, and requests before memory is read."""

    rounds: int
    seconds: float
    medium_requests: int
    large_requests: int
    cold_starts: int
    variants: int | None = None
    """Only so many variants of each body; None: all."""


EFFORTS: Final[Mapping[str, Effort]] = {
    "full": Effort(4, 3, 10_000, 500, 5),
    "quick": Effort(2, 1, 2_000, 50, 2),
    "tiny": Effort(1, 1, 20, 2, 1, variants=2),
}
"""By the name of the mode; ``tiny`` only shows that everything runs."""


@dataclass(frozen=True, slots=True)
class Round:
    """One round of load on one server; ``cpu_ms`` per request."""

    load: Loaded
    cpu_ms: float


@dataclass(slots=True)
class Rounds:
    """The rounds of one server under one kind of load."""

    rounds: list[Round] = field(default_factory=list)

    def best(self, figure: Callable[[Round], float]) -> float:
        """The least of a figure over the rounds."""
        return min(figure(one) for one in self.rounds)

    @property
    def per_second(self) -> float:
        """The most answers per second."""
        return max(one.load.per_second for one in self.rounds)


class Bench:
    """One run: the bodies, written once to a folder, and the effort."""

    def __init__(self, folder: Path, effort: Effort, tell: Callable[[str], None]) -> None:
        """``tell`` is given a line about each step."""
        self.folder = folder
        self.effort = effort
        self.tell = tell
        self.bodies: dict[str, tuple[Body, ...]] = {}
        for size in SIZES:
            tell(f"making the bodies: {size.name}")
            self.bodies[size.name] = bodies(size, effort.variants)
            written(self._folder(size.name), [body.content for body in self.bodies[size.name]])

    def figures(self) -> Iterator[Figure]:
        """Every figure, in the order of the table."""
        with self._both() as (base, service):
            self.tell("comparing every answer with one made in this process")
            for size in SIZES:
                check(service.base, self.bodies[size.name], servers.own_settings(self.folder))
            cpu: dict[str, float] = {}
            unsigned: dict[str, Rounds] = {}
            baseline: dict[str, Rounds] = {}
            for size in SIZES:
                one, other = self._rounds(size.name, 1, base, service)
                cpu[size.name] = other.best(lambda r: r.cpu_ms)
                baseline[size.name], unsigned[size.name] = one, other
                yield from _compared(size, one, other)
            yield plain("slope of CPU, medium to 8 MB (log-log)", self._slope(cpu), "", ("<=", 1.0))
        yield from self._signed(baseline, unsigned)
        yield from self._throughput()
        yield from self._memory()
        yield from self._cold_start()
        yield from self._without_prefetch()

    def _folder(self, name: str) -> Path:
        return self.folder / name.replace(" ", "-")

    @contextmanager
    def _both(self) -> Iterator[tuple[Process, Process]]:
        with servers.baseline(self.folder) as base, servers.service(self.folder) as service:
            yield base, service

    def _rounds(self, name: str, connections: int, *processes: Process) -> list[Rounds]:
        """The rounds of each server, in turn; the first of each only warms up."""
        found = [Rounds() for _ in processes]
        for number in range(self.effort.rounds + 1):
            self.tell(f"{name}, {connections} connections: round {number}/{self.effort.rounds}")
            for process, rounds in zip(processes, found, strict=True):
                seconds = self.effort.seconds if number else 1
                one = self._round(process, self._folder(name), connections, seconds)
                if number:
                    rounds.rounds.append(one)
        return found

    @staticmethod
    def _round(process: Process, folder: Path, connections: int, seconds: float) -> Round:
        before = process.cpu_seconds()
        load = loaded(f"{process.base}{PATH}", folder, seconds=seconds, connections=connections)
        used = process.cpu_seconds() - before
        return Round(load, 1_000 * used / load.requests)

    def _slope(self, cpu: Mapping[str, float]) -> float:
        """How CPU grows with the length of the body: 1 is in proportion."""
        least, most = (len(self.bodies[name][0].content) for name in ("medium", "8 MB"))
        return math.log(cpu["8 MB"] / cpu["medium"]) / math.log(most / least)

    def _signed(
        self, baseline: Mapping[str, Rounds], unsigned: Mapping[str, Rounds]
    ) -> Iterator[Figure]:
        """The same in production, each call with a JWT (ES384) that is used once."""
        client = SigningClient()
        settings = client.settings(self.folder)
        with servers.service(self.folder, settings=settings) as service:
            for name in _SIGNED:
                rounds = Rounds()
                enough = round(unsigned[name].per_second * self.effort.seconds * 1.5) + 100
                for number in range(self.effort.rounds):
                    self.tell(f"{name}, with a JWT: round {number + 1}/{self.effort.rounds}")
                    contents = [body.content for body in self.bodies[name]]
                    tokens = client.tokens(enough)
                    folder = written(self._folder(f"{name} signed"), contents, tokens)
                    rounds.rounds.append(self._round(service, folder, 1, self.effort.seconds))
                yield from _with_token(name, baseline[name], unsigned[name], rounds)

    def _throughput(self) -> Iterator[Figure]:
        with ExitStack() as stack:
            base = stack.enter_context(servers.baseline(self.folder))
            alone = stack.enter_context(servers.service(self.folder))
            pair = stack.enter_context(servers.service(self.folder, workers=2))
            one, two, four = self._rounds("medium", _CONNECTIONS, base, alone, pair)
        goal: Bound = (">=", 2.5)
        yield ratio(
            "answers per second, medium, one worker", one.per_second, two.per_second, "/s", goal
        )
        yield Figure(
            "answers per second, two workers against one",
            four.per_second,
            "/s",
            four.per_second / two.per_second,
            two.per_second,
            (">=", 1.7),
        )
        slowest = two.best(lambda r: r.load.p99_ms)
        yield ratio(
            "p99 at 8 connections, medium", one.best(lambda r: r.load.p99_ms), slowest, "ms"
        )

    def _memory(self) -> Iterator[Figure]:
        """Of a new service each: calls one after the other, and several at once."""
        many, large = self.effort.medium_requests, self.effort.large_requests
        first = min(_REQUESTS_FIRST, many // 2)
        for connections in (1, _CONNECTIONS):
            with servers.service(self.folder) as service:
                told = f"{connections} at once"
                self.tell(f"memory, {told}: {many} medium and {large} large requests")
                early = self._memory_after(service, "medium", first, connections)
                late = self._memory_after(service, "medium", many - first, connections)
                last = self._memory_after(service, "large", large, connections)
            yield plain(
                f"memory of a worker after {many} medium and {large} large requests, {told}",
                last,
                "MB",
                ("<=", 110),
            )
            yield Figure(
                f"memory, request {first} to request {many}, medium, {told}",
                late,
                "MB",
                late / early,
                early,
                ("<=", 1.10),
            )

    def _memory_after(self, service: Process, name: str, requests: int, connections: int) -> float:
        """Megabytes of a worker after so many more requests."""
        url = f"{service.base}{PATH}"
        sent(url, self._folder(name), requests=requests, connections=connections)
        return service.memory_megabytes()

    def _cold_start(self) -> Iterator[Figure]:
        """From starting the process to the first answer about a child."""
        body = self.bodies["small"][0]
        seconds: dict[str, list[float]] = {"baseline": [], "service": []}
        for number in range(self.effort.cold_starts):
            self.tell(f"cold start {number + 1}/{self.effort.cold_starts}")
            for name, start in (("baseline", servers.baseline), ("service", servers.service)):
                started = time.monotonic()
                with start(self.folder) as process:
                    posted(process.base, body.content)
                    seconds[name].append(time.monotonic() - started)
        base, own = min(seconds["baseline"]), min(seconds["service"])
        yield Figure("cold start to the first answer", own, "s", own, base, ("<=", 1.5))

    def _without_prefetch(self) -> Iterator[Figure]:
        """A search that finds nothing is asked a second way: a second round trip."""
        with self._distant("medium") as (ehr, service, folder):
            wall = self._alone(service, folder, 1).best(lambda r: r.load.p50_ms)
            trip = round_trip_ms(ehr)
        told = "without prefetch, against one round trip"
        yield Figure(f"{told}: every search finds", wall, "ms", wall / trip, trip, ("<=", 1.3))
        with self._distant("small") as (ehr, service, folder):
            wall = self._alone(service, folder, 1).best(lambda r: r.load.p50_ms)
            trip = round_trip_ms(ehr)
            waiting = self._alone(service, folder, _WAITING)
        yield Figure(f"{told}: some find nothing", wall, "ms", wall / trip, trip)
        told = f"without prefetch, {_WAITING} waiting"
        yield plain(f"{told}, answers per second", waiting.per_second, "/s", (">=", 100))
        yield plain(f"{told}, p99", waiting.best(lambda r: r.load.p99_ms), "ms")

    @contextmanager
    def _distant(self, name: str) -> Iterator[tuple[Process, Process, Path]]:
        """A distant EHR, a service, and the folder of calls about the EHR's children."""
        with ExitStack() as stack:
            ehr = stack.enter_context(servers.distant_ehr(self.folder, name))
            service = stack.enter_context(servers.service(self.folder))
            calls = [without_prefetch(body, f"{ehr.base}/fhir") for body in self.bodies[name]]
            yield ehr, service, written(self._folder(f"{name} without prefetch"), calls)

    def _alone(self, process: Process, folder: Path, connections: int) -> Rounds:
        """The rounds of one server; the first only warms up."""
        rounds = Rounds()
        for number in range(self.effort.rounds + 1):
            self.tell(f"{folder.name}, {connections} connections: round {number}")
            one = self._round(process, folder, connections, self.effort.seconds if number else 1)
            if number:
                rounds.rounds.append(one)
        return rounds


def round_trip_ms(ehr: Process) -> float:
    """The least time of a request to the distant EHR over a kept connection."""
    at = urlsplit(ehr.base)
    times = []
    with closing(HTTPConnection(at.hostname or "", at.port)) as connection:
        for _ in range(10):
            started = time.monotonic()
            connection.request("GET", "/health")
            connection.getresponse().read()
            times.append(1_000 * (time.monotonic() - started))
    return min(times)


def _with_token(name: str, base: Rounds, unsigned: Rounds, signed: Rounds) -> Iterator[Figure]:
    """The figures of one size with a JWT, and what the token costs."""
    cpu = signed.best(lambda r: r.cpu_ms)
    yield ratio(f"CPU per request with a JWT, {name}", base.best(lambda r: r.cpu_ms), cpu, "ms")
    p50 = signed.best(lambda r: r.load.p50_ms)
    yield ratio(f"p50 with a JWT, {name}", base.best(lambda r: r.load.p50_ms), p50, "ms")
    p99 = signed.best(lambda r: r.load.p99_ms)
    yield ratio(f"p99 with a JWT, {name}", base.best(lambda r: r.load.p99_ms), p99, "ms")
    yield plain(f"CPU of the JWT alone, {name}", cpu - unsigned.best(lambda r: r.cpu_ms), "ms")


def _compared(size: Size, base: Rounds, service: Rounds) -> Iterator[Figure]:
    """The figures of one size at one connection."""
    yield ratio(
        f"CPU per request, {size.name}",
        base.best(lambda r: r.cpu_ms),
        service.best(lambda r: r.cpu_ms),
        "ms",
        _CPU_GOALS.get(size.name),
    )
    own_p50 = service.best(lambda r: r.load.p50_ms)
    yield ratio(
        f"p50 at one connection, {size.name}",
        base.best(lambda r: r.load.p50_ms),
        own_p50,
        "ms",
        _P50_GOALS.get(size.name),
    )
    judged = size.name == "medium"
    own_p99 = service.best(lambda r: r.load.p99_ms)
    yield ratio(
        f"p99 at one connection, {size.name}",
        base.best(lambda r: r.load.p99_ms),
        own_p99,
        "ms",
        ("<=", 0.25) if judged else None,
    )
    if judged:
        yield Figure(
            "p99 against our own p50, medium", own_p99, "ms", own_p99 / own_p50, own_p50, ("<=", 3)
        )
