"""One patient-view: bytes in, cards and the decision document out."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4

from cds_service import decision_log
from cds_service.cards import cards_for
from cds_service.hook_request import HookRequest
from cds_service.prefetch import prefetched
from fhir_mappings.patient_facts import patient_facts
from relapse_model.decide import decide

DECISION = "org.relapsed-all.decision"
"""Extension that carries the decision document, also when there is no card (decision.md)."""

RESPONSE = "org.relapsed-all.response"
"""Extension that carries the id under which the decision was logged."""

_EASTERNMOST = timedelta(hours=14)


def today() -> date:
    """The latest date that it is anywhere: no record of today is taken for one of the future."""
    return (datetime.now(UTC) + _EASTERNMOST).date()


def patient_view(body: bytes, as_of: date | None = None) -> dict[str, Any]:
    """The CDS Hooks response to one request body; raises CdsServiceError, see ``errors``.

    ``as_of``: the day the question is asked; today unless a test says otherwise.
    """
    hook = HookRequest.parse(body)
    prefetch = prefetched(hook)
    facts = patient_facts(prefetch.resources, patient_id=hook.patient_id, as_of=as_of or today())
    facts = facts.with_facts(remarks=(*facts.remarks, *prefetch.remarks))
    decision = decide(facts)
    cards = cards_for(decision, facts.remarks, deceased=facts.deceased.values == {"yes"})
    decision_id = str(uuid4())
    decision_log.record(hook, decision_id, decision, len(cards))
    return {
        "cards": cards,
        "extension": {DECISION: decision.document(), RESPONSE: {"decision": decision_id}},
    }
