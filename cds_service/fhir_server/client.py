"""The client's FHIR server: what prefetch left out is asked for, in parallel, in time.

One deadline holds for all searches of one call. Only GET, no redirects, nothing from the
environment (proxies, .netrc), no cookies; a next page only under the same base; caps on bytes and
pages. The token travels in the header alone. No text from here repeats a URL, a token, an id or
anything that a server said: faults are fixed words (CDS Hooks 2.0 "FHIR Resource Access").
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from http.cookiejar import DefaultCookiePolicy
from typing import Final
from urllib.parse import quote, urlencode, urljoin

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError

from cds_service.fhir_server.settings import BaseUrl
from fhir_mappings.queries import MOST_RESULTS, PATIENT, Query
from fhir_mappings.resources import PrefetchKind, Resources

MOST_PAGES: Final = 20
MOST_BYTES: Final = 10_000_000
"""Of one search, decompressed."""
THREADS: Final = 64
_CHUNK: Final = 65_536
_OK: Final = 200
_REDIRECTS: Final = range(300, 400)
_FAULTS: Final[Mapping[int, str]] = {
    400: "refused the search (400)",
    401: "refused access (401)",
    403: "refused access (403)",
    404: "does not know it (404)",
    410: "has deleted it (410)",
    429: "is asked too often (429)",
}
_HEADERS: Final = {"Accept": "application/fhir+json", "Prefer": "handling=strict"}
_SERVER: Final = "the FHIR server"
LATE: Final = f"{_SERVER} did not answer in time"
UNREACHABLE: Final = f"{_SERVER} cannot be reached"
_NO_FHIR: Final = f"{_SERVER} answered with something that is not FHIR"


@dataclass(frozen=True, slots=True)
class FhirServer:
    """Where to ask, and the access token of the call; neither appears in a text."""

    base: BaseUrl = field(repr=False)
    token: str = field(default="", repr=False)


@dataclass(slots=True)
class Fetched:
    """What one query brought: resources, whether there is more, and why it failed if it did."""

    resources: Resources = field(default_factory=Resources)
    fault: str = ""
    truncated: bool = False
    hits: int = 0


@dataclass(frozen=True, slots=True)
class Deadline:
    """A point in time (monotonic seconds) at which the answer must be given."""

    at: float

    @classmethod
    def after(cls, milliseconds: int) -> Deadline:
        """The deadline so many milliseconds from now."""
        return cls(time.monotonic() + milliseconds / 1000)

    @property
    def remaining(self) -> float:
        """Seconds left; 0 once it has passed."""
        return max(0.0, self.at - time.monotonic())


class _FetchError(Exception):
    """One request failed; the text is one of the fixed faults."""


class FhirClient:
    """Asks FHIR servers; one per process, safe in threads, to be closed by who made it."""

    def __init__(self) -> None:
        """Nothing is opened before the first question."""
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        adapter = HTTPAdapter(pool_connections=16, pool_maxsize=THREADS, max_retries=0)
        self._session.mount("http://", adapter)
        self._session.mount("https://", adapter)
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="fhir")

    def close(self) -> None:
        """Close connections and threads."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._session.close()

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
        running: dict[str, Future[Fetched]] = {}
        for query, following in queries:
            conversation = _Conversation(self._session, server, deadline)
            running[query.key] = self._pool.submit(
                conversation.answer, patient_id, query, following
            )
        wait(running.values(), timeout=deadline.remaining)
        return {key: _result(future) for key, future in running.items()}


def _result(future: Future[Fetched]) -> Fetched:
    if not future.done():
        future.cancel()
        return Fetched(fault=LATE)
    return future.result()


def _spellings(query: Query, patient_id: str) -> Iterator[list[tuple[str, str]]]:
    """The search, by ``patient=`` and then, for servers that find nothing so, another way."""
    reference = f"Patient/{patient_id}"
    second = "patient" if query.resource_type == "EpisodeOfCare" else "subject"
    for name, value in (("patient", patient_id), (second, reference)):
        asked = [
            (name, value) if value_asked == PATIENT else (parameter, value_asked)
            for parameter, value_asked in query.parameters
        ]
        if all(parameter != "_count" for parameter, _ in asked):
            asked.append(("_count", str(MOST_RESULTS)))
        yield asked


class _Conversation:
    """The requests of one query: they share the deadline, the caps and the token."""

    def __init__(self, session: requests.Session, server: FhirServer, deadline: Deadline) -> None:
        self._session = session
        self._server = server
        self._deadline = deadline
        self._bytes = 0

    def answer(self, patient_id: str, query: Query, following: str | None) -> Fetched:
        """One read, or one search with all its pages."""
        base = self._server.base
        if following is not None and base.holds(following):
            return self.pages(following, query.key, first=False)
        if not query.parameters:
            resource = f"{query.resource_type}/{quote(patient_id, safe='')}"
            return self.pages(f"{base}/{resource}", query.key)
        found = Fetched()
        for spelling in _spellings(query, patient_id):
            asked = urlencode(spelling, quote_via=quote)
            found = self.pages(f"{base}/{query.resource_type}?{asked}", query.key)
            if found.hits or found.fault:
                break
        return found

    def pages(self, url: str, key: str, *, first: bool = True) -> Fetched:
        """The resource or searchset at ``url`` and every page after it.

        ``first``: whether this is the first page, so that the total counts what follows.
        """
        found = Fetched()
        seen: set[str] = set()
        total = entries = 0
        following: str | None = url
        while following is not None:
            if following in seen or len(seen) == MOST_PAGES:
                found.truncated = True
                break
            seen.add(following)
            try:
                body = self._body(following)
            except _FetchError as error:
                return self._stopped(found, str(error))
            if body.strip() in {b"", b"null"}:
                return self._stopped(found, _NO_FHIR)
            state = found.resources.add(body, key)
            if state.kind in {PrefetchKind.FAILED, PrefetchKind.UNREADABLE} and not state.entries:
                return self._stopped(found, _NO_FHIR)
            found.hits += state.kind is not PrefetchKind.EMPTY
            total, entries = max(total, state.total), entries + state.entries
            url, following = following, state.next_url
            if following is not None and not self._server.base.holds(_joined(url, following)):
                found.truncated = True
                break
            following = _joined(url, following) if following is not None else None
        found.truncated = found.truncated or (first and total > entries)
        return found

    @staticmethod
    def _stopped(found: Fetched, fault: str) -> Fetched:
        """A later page that fails leaves what came before it, marked as incomplete."""
        if found.hits:
            found.truncated = True
        else:
            found.fault = fault
        return found

    def _body(self, url: str) -> bytes:
        try:
            return self._get(url)
        except requests.Timeout:
            raise _FetchError(LATE) from None
        except (requests.ConnectionError, HTTPError, OSError):
            if not self._deadline.remaining:
                raise _FetchError(LATE) from None
        except (requests.RequestException, ValueError):
            raise _FetchError(UNREACHABLE) from None
        try:  # once more: a kept connection may have been closed by the server
            return self._get(url)
        except requests.Timeout:
            raise _FetchError(LATE) from None
        except (requests.RequestException, HTTPError, OSError, ValueError):
            raise _FetchError(UNREACHABLE) from None

    def _get(self, url: str) -> bytes:
        remaining = self._deadline.remaining
        if not remaining:
            raise _FetchError(LATE)
        headers = dict(_HEADERS)
        if self._server.token:
            headers["Authorization"] = f"Bearer {self._server.token}"
        with self._session.get(
            url, headers=headers, timeout=remaining, allow_redirects=False, stream=True
        ) as response:
            if response.status_code != _OK:
                raise _FetchError(_fault(response.status_code))
            return self._read(response)

    def _read(self, response: requests.Response) -> bytes:
        """The body, as far as the deadline and the cap allow."""
        parts: list[bytes] = []
        while part := response.raw.read1(_CHUNK, decode_content=True):
            self._bytes += len(part)
            if self._bytes > MOST_BYTES:
                raise _FetchError(f"{_SERVER} answered with more than {MOST_BYTES} bytes")
            if not self._deadline.remaining:
                raise _FetchError(LATE)
            parts.append(part)
        return b"".join(parts)


def _joined(url: str, following: str) -> str:
    """The next page, which may be given relative to this one; empty for what is no URL."""
    try:
        return urljoin(url, following)
    except ValueError:
        return ""


def _fault(status: int) -> str:
    if status in _REDIRECTS:
        return f"{_SERVER} answered with a redirect, which is not followed"
    return f"{_SERVER} {_FAULTS.get(status, f'failed ({status})')}"
