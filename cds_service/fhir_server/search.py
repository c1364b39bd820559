"""One question to a FHIR server: a read, or a search with all its pages, and what it brought.

What came is judged here, because an answer that only looks like "no data" is worse than none: a
search answers with a Bundle, a read with the type that was asked for; what a server counts but
does not send, what it says in an OperationOutcome, and what is about somebody else is no data.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote, urlencode, urljoin

from cds_service.fhir_server.exchange import NO_FHIR, Exchange, ExchangeError
from cds_service.fhir_server.settings import BaseUrl
from fhir_mappings.queries import MOST_RESULTS, PATIENT, Query
from fhir_mappings.resources import MOST_ENTRIES, PrefetchKind, PrefetchState, Resources
from fhir_mappings.subject import names_another

MOST_PAGES: Final = 20
_SERVER: Final = "the FHIR server"
UNREADABLE: Final = f"nothing that {_SERVER} answered could be read"
NO_ANSWER: Final = f"{_SERVER} answered with something that was not asked for"
OTHERS_ONLY: Final = f"{_SERVER} answered with records of another patient"
PAGE_ELSEWHERE: Final = f"{_SERVER} names a next page that is not its own"
COMPLAINED: Final = f"{_SERVER} answered that the search failed in part"
COUNTED_ONLY: Final = f"{_SERVER} counts records that it did not send"
TOO_MANY: Final = f"{_SERVER} answered with more than {MOST_ENTRIES} records"


@dataclass(slots=True)
class Fetched:
    """What one query brought: resources, whether there is more, and why it failed if it did.

    ``outage``, ``refused`` and ``retry_after`` (seconds): as in ExchangeError.
    """

    resources: Resources = field(default_factory=Resources)
    fault: str = ""
    truncated: bool = False
    outage: bool = False
    refused: bool = False
    retry_after: float = 0.0

    def failed(self, error: ExchangeError) -> Fetched:
        """This, with the error: what came before it is kept, marked as incomplete."""
        self.outage, self.refused = error.outage, error.refused
        self.retry_after = error.retry_after
        return self.lacking(str(error))

    def lacking(self, fault: str) -> Fetched:
        """This as a part where something is held; else as failed."""
        if self.resources.holds_anything:
            self.truncated = True
        else:
            self.fault = fault
        return self


def answer(
    exchange: Exchange, base: BaseUrl, patient_id: str, query: Query, following: str | None
) -> Fetched:
    """The answer to ``query``; from the page ``following`` on where that lies under ``base``."""
    if following is not None and base.holds(following):
        return _Pages(exchange, base, query).from_page(following, first=False)
    if not query.parameters:
        resource = f"{query.resource_type}/{quote(patient_id, safe='')}"
        return _Pages(exchange, base, query).from_page(f"{base}/{resource}")
    usual, other = (
        f"{base}/{query.resource_type}?{urlencode(spelling, quote_via=quote)}"
        for spelling in _spellings(query, patient_id)
    )
    found = _Pages(exchange, base, query).from_page(usual)
    if not (found.fault or found.truncated or found.resources.holds_anything):
        again = _Pages(exchange, base, query).from_page(other)
        # Who does not know the other spelling has answered the usual one: there is nothing.
        found = found if again.refused else again
    if _about_others_only(found, query, patient_id):
        return Fetched(fault=OTHERS_ONLY)
    return found


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


def _about_others_only(found: Fetched, query: Query, patient_id: str) -> bool:
    """Whether a search that found something found nothing that may be about this patient."""
    about = [
        getattr(held.resource, "subject", None) or getattr(held.resource, "patient", None)
        for held in found.resources.held(query.resource_type)
    ]
    return bool(about) and all(names_another(item, patient_id) for item in about)


class _Pages:
    """The pages of one read or search, followed under the same base only."""

    def __init__(self, exchange: Exchange, base: BaseUrl, query: Query) -> None:
        self._exchange = exchange
        self._base = base
        self._query = query
        self._found = Fetched()
        self._total = self._entries = 0

    def from_page(self, url: str, *, first: bool = True) -> Fetched:
        """Everything from ``url`` on; ``first``: whether the total counts nothing before it."""
        found, seen = self._found, set[str]()
        following: str | None = url
        while following is not None:
            if following in seen or len(seen) == MOST_PAGES:
                return found.lacking(NO_FHIR)
            seen.add(following)
            try:
                state = self._page(following)
            except ExchangeError as error:
                return found.failed(error)
            if state.next_url is None:
                break
            following = _joined(following, state.next_url)
            if not self._base.holds(following):
                return found.lacking(PAGE_ELSEWHERE)
        if first and self._total > self._entries:
            return found.lacking(COUNTED_ONLY)
        return found

    def _page(self, url: str) -> PrefetchState:
        body = self._exchange.body(url)
        if body.strip() in {b"", b"null"}:
            raise ExchangeError(NO_FHIR)
        resources = self._found.resources
        state = resources.add(body, self._query.key)
        self._total = max(self._total, state.total)
        self._entries += state.entries
        if state.kind is PrefetchKind.TOO_MANY or self._entries > MOST_ENTRIES:
            raise ExchangeError(TOO_MANY)
        if state.complaint:
            raise ExchangeError(COMPLAINED)
        if state.kind in {PrefetchKind.FAILED, PrefetchKind.UNREADABLE}:
            raise ExchangeError(UNREADABLE if state.entries else NO_FHIR)
        is_bundle = state.kind is PrefetchKind.EMPTY or bool(state.entries)
        missing = state.kind is PrefetchKind.DATA and not resources.held(self._query.resource_type)
        if missing or is_bundle is not bool(self._query.parameters):
            self._found.resources = Resources()
            raise ExchangeError(NO_ANSWER)
        return state


def _joined(url: str, following: str) -> str:
    """The next page, which may be given relative to this one; empty for what is no URL."""
    try:
        return urljoin(url, following)
    except ValueError:
        return ""
