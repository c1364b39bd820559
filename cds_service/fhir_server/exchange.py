"""One GET and its answer: as far as the deadline and the cap on bytes allow, or why it failed.

Every failure is one of a few fixed texts; none repeats a URL, an id or what a server said.
"""

from __future__ import annotations

import logging
import secrets
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

import requests
from urllib3.exceptions import HTTPError

from cds_service.errors import MalformedRequest
from cds_service.fhir_server.connection import Adapter, AddressRefusedError
from cds_service.fhir_server.deadline import Deadline
from cds_service.fhir_server.settings import BaseUrl
from cds_service.unsafe_text import refuse_unsafe_text
from cds_service.watching import measures

MOST_BYTES: Final = 10_000_000
"""Of one search, decompressed."""
_CHUNK: Final = 65_536
_OK: Final = 200
_TOO_MANY_REQUESTS: Final = 429
_UNAVAILABLE: Final = 503
_STATUSES: Final = range(100, 600)
_REDIRECTS: Final = range(300, 400)
_ASKED_AGAIN: Final = frozenset({502, 503, 504})
_NOT_KNOWN: Final = frozenset({400, 422, 501})
_FAULTS: Final[Mapping[int, str]] = {
    400: "refused the search (400)",
    401: "refused access (401)",
    403: "refused access (403)",
    404: "does not know it (404)",
    410: "has deleted it (410)",
    429: "is asked too often (429)",
}
_HEADERS: Final = {
    "Accept": "application/fhir+json",
    "Accept-Encoding": "gzip",
    "Prefer": "handling=strict",
    "User-Agent": "relapsed-all-cds",
}
_SERVER: Final = "the FHIR server"
LATE: Final = f"{_SERVER} did not answer in time"
UNREACHABLE: Final = f"{_SERVER} cannot be reached"
UNTRUSTED: Final = f"{_SERVER} shows a certificate that is not trusted"
BROKEN_OFF: Final = f"{_SERVER} broke off its answer"
NO_FHIR: Final = f"{_SERVER} answered with something that is not FHIR"
ELSEWHERE: Final = f"{_SERVER} lies at a network address that this service may not reach"
PAUSED: Final = f"{_SERVER} failed before and is given a pause"
_SHORTEST_WAIT, _LONGEST_WAIT = 20, 80
"""Milliseconds before the second try, drawn at random: many callers do not come back at once."""

# urllib3 warns with whole URLs, which name patients; what fails is told by the faults above.
logging.getLogger("urllib3").setLevel(logging.CRITICAL + 1)


@dataclass(frozen=True, slots=True)
class FhirServer:
    """Where to ask, and the access token of the call; neither appears in a text."""

    base: BaseUrl = field(repr=False)
    token: str = field(default="", repr=False)


class ExchangeError(Exception):
    """One request failed; the text is one of the fixed faults.

    ``outage``: the server, and not this one question, is the trouble. ``retry_after``: seconds
    for which it asks to be left alone. ``again``: a second try may help. ``refused``: the server
    does not know such a search.
    """

    def __init__(
        self,
        fault: str,
        *,
        outage: bool = False,
        retry_after: float = 0.0,
        again: bool = False,
        refused: bool = False,
    ) -> None:
        """``fault``: in our own words."""
        super().__init__(fault)
        self.refused = refused
        self.outage = outage
        self.retry_after = retry_after
        self.again = again


class Exchange:
    """The requests of one conversation: they share deadline, cap, token and the one second try."""

    def __init__(self, adapter: Adapter, server: FhirServer, deadline: Deadline) -> None:
        """Nothing is sent yet."""
        self._adapter = adapter
        self._token = server.token
        self._deadline = deadline
        self._bytes = 0
        self._may_try_again = True
        self._status = 0

    def body(self, url: str) -> bytes:
        """The body of a 200, safe text in UTF-8; raises ExchangeError."""
        try:
            return self._counted(url)
        except ExchangeError as error:
            wait = max(_jitter(), error.retry_after)
            if not (error.again and self._may_try_again and wait < self._deadline.remaining):
                raise
        self._may_try_again = False
        time.sleep(wait)
        return self._counted(url)

    def _counted(self, url: str) -> bytes:
        """As ``_get``, counted and timed for the operator."""
        began, self._status, fault = time.perf_counter(), 0, ""
        try:
            return self._get(url)
        except ExchangeError as error:
            fault = str(error)
            raise
        finally:
            measures.fhir_call_ended(_outcome(self._status, fault), time.perf_counter() - began)

    def _get(self, url: str) -> bytes:
        remaining = self._deadline.remaining
        if not remaining:
            raise ExchangeError(LATE, outage=True)
        headers = dict(_HEADERS)
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        try:
            request = requests.Request("GET", url, headers=headers).prepare()
            response = self._adapter.send(request, stream=True, timeout=remaining, proxies={})
        except AddressRefusedError:
            raise ExchangeError(ELSEWHERE) from None
        except (requests.RequestException, HTTPError, OSError, ValueError) as error:
            raise self._unanswered(error) from None
        self._status = response.status_code
        with response:
            if response.status_code != _OK:
                raise _refusal(response)
            try:
                return self._read(response)
            except MalformedRequest:
                raise ExchangeError(NO_FHIR) from None
            except (requests.RequestException, HTTPError, OSError, ValueError) as error:
                raise self._cut(error) from None

    def _unanswered(self, error: Exception) -> ExchangeError:
        if isinstance(error, requests.Timeout) or not self._deadline.remaining:
            return ExchangeError(LATE, outage=True)
        if isinstance(error, requests.exceptions.SSLError):
            return ExchangeError(UNTRUSTED if _is_untrusted(error) else UNREACHABLE, outage=True)
        # Nothing was read yet: a kept connection may have been closed by the server meanwhile.
        again = isinstance(error, (requests.ConnectionError, OSError))
        return ExchangeError(UNREACHABLE, outage=True, again=again)

    def _cut(self, error: Exception) -> ExchangeError:
        late = isinstance(error, (requests.Timeout, TimeoutError)) or not self._deadline.remaining
        return ExchangeError(LATE if late else BROKEN_OFF, outage=True)

    def _read(self, response: requests.Response) -> bytes:
        parts: list[bytes] = []
        while part := response.raw.read1(_CHUNK, decode_content=True):
            self._bytes += len(part)
            if self._bytes > MOST_BYTES:
                raise ExchangeError(f"{_SERVER} answered with more than {MOST_BYTES} bytes")
            if not self._deadline.remaining:
                raise ExchangeError(LATE, outage=True)
            parts.append(part)
        body = b"".join(parts)
        refuse_unsafe_text(body)
        return body


def _is_untrusted(error: BaseException) -> bool:
    """Whether a certificate was refused, at the bottom of what was raised because of it."""
    causes: list[object] = [error]
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return True
        if isinstance(cause, BaseException):
            causes += [*cause.args, getattr(cause, "reason", None)]
    return False


def _outcome(status: int, fault: str) -> str:
    """One of a few words for how a call ended: its status class, or why there is none."""
    if fault == LATE:
        return "late"
    if status in _STATUSES:
        return f"{status // 100}xx"
    return "not_allowed" if fault == ELSEWHERE else "unreachable"


def _refusal(response: requests.Response) -> ExchangeError:
    status = response.status_code
    if status in _REDIRECTS:
        return ExchangeError(f"{_SERVER} answered with a redirect, which is not followed")
    asks = status in {_TOO_MANY_REQUESTS, _UNAVAILABLE}
    return ExchangeError(
        f"{_SERVER} {_FAULTS.get(status, f'failed ({status})')}",
        outage=status in _ASKED_AGAIN or status == _TOO_MANY_REQUESTS,
        retry_after=_seconds(response.headers.get("Retry-After", "")) if asks else 0.0,
        again=status in _ASKED_AGAIN,
        refused=status in _NOT_KNOWN,
    )


def _seconds(retry_after: str) -> float:
    """The seconds of a Retry-After, given as such or as a date; 0 for what is neither."""
    text = retry_after.strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        return max(0.0, (parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError, OverflowError):
        return 0.0


def _jitter() -> float:
    return (_SHORTEST_WAIT + secrets.randbelow(_LONGEST_WAIT - _SHORTEST_WAIT)) / 1000
