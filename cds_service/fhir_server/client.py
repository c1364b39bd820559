"""The client's FHIR server: what prefetch left out is asked for, in parallel, in time.

One deadline holds for all searches of one call, however slowly a server answers. Only GET, no
redirects, nothing from the environment (proxies, .netrc), no cookies; a next page only under the
same base; caps on bytes, pages and entries; a pause for a server that fails. The token travels in
the header alone. No text from here repeats a URL, a token, an id or anything that a server said:
faults are fixed words (CDS Hooks 2.0 "FHIR Resource Access").
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Final

from cds_service.fhir_server.connection import LINE, Adapter, Line
from cds_service.fhir_server.deadline import Deadline
from cds_service.fhir_server.exchange import LATE, PAUSED, Exchange, FhirServer
from cds_service.fhir_server.pauses import Pauses
from cds_service.fhir_server.reach import Reach
from cds_service.fhir_server.search import Fetched, answer
from cds_service.watching import measures, traces
from fhir_mappings.queries import Query

THREADS: Final = 64


class FhirClient:
    """Asks FHIR servers; one per process, safe in threads, to be closed by who made it."""

    def __init__(self, reach: Reach | None = None) -> None:
        """Nothing is opened before the first question; ``reach``: public addresses without it."""
        self._reach = reach or Reach()
        self._pauses = Pauses()
        self._adapter = Adapter(pool_connections=16, pool_maxsize=THREADS, max_retries=0)
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="fhir")

    def close(self) -> None:
        """Close connections and threads."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._adapter.close()

    def fetch(
        self,
        server: FhirServer,
        patient_id: str,
        queries: Iterable[tuple[Query, str | None]],
        deadline: Deadline,
    ) -> dict[str, Fetched]:
        """The answer to every query by its key; never raises, never later than ``deadline``.

        Each query comes with the next page of what was sent already, or None to ask it anew.
        """
        asked = list(queries)
        if not self._pauses.may_ask(server.base):
            return {query.key: Fetched(fault=PAUSED) for query, _ in asked}
        lines = {query.key: Line(self._reach) for query, _ in asked}
        running = {
            query.key: self._pool.submit(
                self._answer, lines[query.key], server, patient_id, query, following, deadline
            )
            for query, following in asked
        }
        with traces.span("ask FHIR server", queries=len(running)):
            wait(running.values(), timeout=deadline.remaining)
        found = {key: _result(future, lines[key]) for key, future in running.items()}
        measures.deadline_hit(sum(item.fault == LATE for item in found.values()))
        self._pauses.note(
            server.base,
            failed=all(item.fault for item in found.values())
            and any(item.outage for item in found.values()),
            retry_after=max((item.retry_after for item in found.values()), default=0.0),
        )
        return found

    def _answer(  # noqa: PLR0913, PLR0917 - one conversation, in a thread of its own
        self,
        line: Line,
        server: FhirServer,
        patient_id: str,
        query: Query,
        following: str | None,
        deadline: Deadline,
    ) -> Fetched:
        LINE.set(line)
        exchange = Exchange(self._adapter, server, deadline)
        try:
            return answer(exchange, server.base, patient_id, query, following)
        finally:
            line.let_go()


def _result(future: Future[Fetched], line: Line) -> Fetched:
    if not future.done():
        future.cancel()
        line.end()
        return Fetched(fault=LATE, outage=True)
    return future.result()
