"""The data of one call: what was sent under each key, what was fetched, and what is missing.

What may arrive under a key, and what it means (cds-hooks_2.0@52, @54 and "Prefetch"):

    absent                        asked of the FHIR server; else required 412, optional
                                  DATA_INCOMPLETE
    null                          the client has no data: empty, and complete
    resource or searchset Bundle  data (a Bundle may be empty)
    Bundle with more to come      data, topped up from the FHIR server; else DATA_INCOMPLETE
    OperationOutcome              the client's query failed: as absent, but not asked again
    nothing that can be read      as absent
    no object (a number, a list)  400
    more than MOST_ENTRIES        413
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from cds_service.body_errors import TooManyEntries
from cds_service.errors import FieldMistyped, OtherPatient, RequiredDataMissing
from cds_service.fhir_server.client import FhirClient
from cds_service.fhir_server.deadline import Deadline
from cds_service.fhir_server.exchange import FhirServer
from cds_service.fhir_server.search import Fetched
from cds_service.fhir_server.settings import BaseUrl, FhirSettings
from cds_service.hook_request import HookRequest
from cds_service.turns import end_turn
from cds_service.watching.stage_times import stage
from fhir_mappings.queries import SPECIMENS, Query, queries
from fhir_mappings.resources import MOST_ENTRIES, PrefetchKind, PrefetchState, Resources
from fhir_mappings.site_codes import NO_SITE_CODES, SiteCodes
from fhir_mappings.specimens import lacks_specimens
from relapse_model.facts import Remark

PATIENT = "patient"
REQUIRED = (PATIENT, "conditions")
"""Without these nothing can be said; every other key only makes the answer better."""

_INCOMPLETE = "DATA_INCOMPLETE"
_SINGULAR = frozenset({PATIENT, "laboratory"})


@dataclass(frozen=True, slots=True)
class RecordSource:
    """Where data may come from: the site's own codes, and FHIR servers (none without client)."""

    client: FhirClient | None = None
    settings: FhirSettings = field(default_factory=FhirSettings)
    site: SiteCodes = NO_SITE_CODES
    queries: tuple[Query, ...] = field(init=False, repr=False)
    """What is asked for, the site's own codes included; put together once."""

    def __post_init__(self) -> None:
        """Put the queries together."""
        object.__setattr__(self, "queries", queries(self.site))


SENT_ALONE = RecordSource()
"""Nothing but what the client sends."""


@dataclass(frozen=True, slots=True)
class Prefetch:
    """The resources that arrived, and a remark for each part of the data that did not.

    ``inferring``: those of them that are about data that only infer (``Query.only_infers``), with
    the facts they would tell; they are not among ``remarks``.
    """

    resources: Resources
    remarks: tuple[Remark, ...]
    inferring: tuple[tuple[Remark, frozenset[str]], ...] = ()


@dataclass(slots=True)
class _Sent:
    """The prefetch as it was sent: what it holds, and what is wrong with each key."""

    resources: Resources = field(default_factory=Resources)
    losses: dict[str, str] = field(default_factory=dict)
    """Key -> why its data did not arrive."""
    final: set[str] = field(default_factory=set)
    """Keys whose query failed at the client: it is not repeated."""
    following: dict[str, str | None] = field(default_factory=dict)
    """Truncated key -> next page."""
    partial: dict[str, str] = field(default_factory=dict)
    """Key of which only a part is here -> why."""


def prefetched(hook: HookRequest, source: RecordSource = SENT_ALONE) -> Prefetch:
    """Read every key that discovery asks for, each entry once, and fetch what is missing.

    Raises RequiredDataMissing (412) naming all required keys whose data did not arrive and why,
    OtherPatient (422), FieldMistyped (400) for a value that is no object, TooManyEntries (413).
    """
    wanted = source.queries
    with stage("decode"):
        sent = _sent(hook, wanted)
    server, why_not = _server(hook, source)
    deadline = Deadline.after(source.settings.deadline_ms)
    if server is not None and source.client is not None:
        asked = [
            (query, sent.following.get(query.key))
            for query in wanted
            if query.key in sent.following
            or (query.key in sent.losses and query.key not in sent.final)
        ]
        fetched = _fetched(source.client, server, hook.patient_id, asked, deadline)
        _take(sent, fetched)
        _refuse_other_patient(hook, sent.resources)
    else:
        for key in {*sent.losses, *sent.following} - sent.final:
            _add_reason(sent, key, why_not)
    if missing := {key: sent.losses[key] for key in REQUIRED if key in sent.losses}:
        raise RequiredDataMissing(missing)
    told = {key: f"Not available: {text}" for key, text in sent.losses.items()}
    remarks = {key: Remark(_INCOMPLETE, text) for key, text in {**sent.partial, **told}.items()}
    inferring = [
        (remarks.pop(query.key), query.only_infers)
        for query in wanted
        if query.only_infers and query.key in remarks
    ]
    specimens = _specimens(hook, source, sent, server, deadline)
    return Prefetch(sent.resources, (*remarks.values(), *specimens), tuple(inferring))


def _sent(hook: HookRequest, wanted: tuple[Query, ...]) -> _Sent:
    sent = _Sent()
    for query in wanted:
        key = query.key
        if key not in hook.prefetch:
            verb = "was" if key in _SINGULAR else "were"
            sent.losses[key] = f"{key} {verb} not sent."
            continue
        state = sent.resources.add(_object_or_null(key, hook.prefetch[key]), key)
        _note(sent, query, state)
        if key == PATIENT:
            _refuse_other_patient(hook, sent.resources)
    return sent


def _note(sent: _Sent, query: Query, state: PrefetchState) -> None:
    """Write down what is wrong with the data of one key."""
    key, kind = query.key, state.kind
    if kind is PrefetchKind.TOO_MANY:
        raise TooManyEntries(f"prefetch.{key}", MOST_ENTRIES)
    nothing = key in REQUIRED and not sent.resources.held(query.resource_type)
    if kind is PrefetchKind.FAILED or (kind is PrefetchKind.EMPTY and state.complaint):
        sent.losses[key] = f"the client's query for {key} failed."
        sent.final.add(key)
    elif kind is PrefetchKind.UNREADABLE or (kind is PrefetchKind.DATA and nothing):
        sent.losses[key] = f"nothing of {key} could be read."
    elif state.truncated:
        sent.following[key] = state.next_url
    elif state.complaint:
        sent.partial[key] = f"The client's query for {key} failed in part."


def _server(hook: HookRequest, source: RecordSource) -> tuple[FhirServer | None, str]:
    """The FHIR server that may be asked, or why there is none (empty: the call names none)."""
    if not hook.fhir_server or source.client is None:
        return None, ""
    if hook.access_fault:
        return None, hook.access_fault
    base = BaseUrl.parse(hook.fhir_server)
    if base is None:
        return None, "the address of the FHIR server cannot be used"
    refusal = source.settings.refusal(base, with_token=bool(hook.access_token))
    return (None, refusal) if refusal else (FhirServer(base, hook.access_token), "")


def _fetched(
    client: FhirClient,
    server: FhirServer,
    patient_id: str,
    asked: Sequence[tuple[Query, str | None]],
    deadline: Deadline,
) -> Mapping[str, Fetched]:
    """The answers of the FHIR server; other calls have their turn meanwhile."""
    with stage("fetch"):
        if not asked:
            return {}
        end_turn()
        return client.fetch(server, patient_id, asked, deadline)


def _take(sent: _Sent, fetched: Mapping[str, Fetched]) -> None:
    """Add what was fetched; what it settles is no longer missing."""
    for key, answer in fetched.items():
        if answer.fault:
            _add_reason(sent, key, answer.fault)
            continue
        sent.resources.include(answer.resources)
        sent.losses.pop(key, None)
        if answer.truncated:
            sent.partial[key] = f"Only a part of {key} could be fetched."


def _add_reason(sent: _Sent, key: str, why: str) -> None:
    """Say of what was not sent, or only in part, why it was not fetched either."""
    told = f", and {why}." if why else "."
    if key in sent.following:
        sent.partial[key] = f"Only the first page of {key} was sent{told}"
    else:
        sent.losses[key] = sent.losses[key].removesuffix(".") + told


def _specimens(
    hook: HookRequest,
    source: RecordSource,
    sent: _Sent,
    server: FhirServer | None,
    deadline: Deadline,
) -> list[Remark]:
    """Fetch the Specimens that MRD results name; a remark where they stay unknown."""
    with source.site.in_force():
        if not lacks_specimens(sent.resources):
            return []
        if server is not None and source.client is not None:
            asked = [(SPECIMENS, None)]
            fetched = _fetched(source.client, server, hook.patient_id, asked, deadline)
            sent.resources.include(fetched[SPECIMENS.key].resources)
        if not lacks_specimens(sent.resources):
            return []
    return [Remark(_INCOMPLETE, "Not available: the specimens that MRD results name.")]


def _object_or_null(key: str, sent: msgspec.Raw) -> msgspec.Raw:
    if bytes(memoryview(sent)[:1]) not in {b"{", b"n"}:
        raise FieldMistyped(f"prefetch.{key}", "a FHIR resource or null")
    return sent


def _refuse_other_patient(hook: HookRequest, resources: Resources) -> None:
    sent = resources.patient_ids
    if sent and hook.patient_id not in sent:
        raise OtherPatient(PATIENT)
