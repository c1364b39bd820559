"""One patient-view: bytes in, cards and the decision document out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from cds_service import decision_log
from cds_service.cards.card_set import Card, cards_for
from cds_service.cards.presentation import Presentation
from cds_service.cards.response_invariants import checked
from cds_service.hook_request import HookRequest
from cds_service.prefetch import SENT_ALONE, RecordSource, prefetched
from cds_service.random_ids import random_uuid
from cds_service.trust.clients import ANONYMOUS, Caller
from cds_service.turns import end_turn
from cds_service.watching import measures
from cds_service.watching.stage_times import stage
from fhir_mappings.patient_facts import patient_facts
from relapse_model.decide import decide
from relapse_model.decision import Decision
from relapse_model.facts import PatientFacts, Remark

DECISION = "org.relapsed-all.decision"
"""Extension that carries the decision document, also when there is no card (decision.md)."""

RESPONSE = "org.relapsed-all.response"
"""Extension that carries the id under which the decision was logged, and what was set aside."""

_EASTERNMOST = timedelta(hours=14)


def today() -> date:
    """The latest date that it is anywhere: no record of today is taken for one of the future."""
    return (datetime.now(UTC) + _EASTERNMOST).date()


@dataclass(frozen=True, slots=True)
class DecidedRecord:
    """What one patient's record says, and what is decided on it.

    ``facts`` carry the remarks of the reading and of what did not arrive; ``as_of`` is the day of
    the question. ``unneeded``: data that did not arrive and would change neither group nor plan.
    """

    facts: PatientFacts
    decision: Decision
    as_of: date
    unneeded: tuple[Remark, ...] = ()

    def cards(self, patient_id: str) -> list[Card]:
        """The cards, before a client's profile shapes them."""
        return cards_for(
            self.decision,
            self.facts.remarks,
            deceased=self.facts.deceased.values == {"yes"},
            as_of=self.as_of,
            patient_id=patient_id,
            unneeded=self.unneeded,
        )


def decided(
    hook: HookRequest, as_of: date | None = None, source: RecordSource = SENT_ALONE
) -> DecidedRecord:
    """Read the record of the patient in context and decide; raises CdsServiceError."""
    prefetch = prefetched(hook, source)
    day = as_of or today()
    with stage("map"):
        facts = patient_facts(
            prefetch.resources, patient_id=hook.patient_id, as_of=day, site=source.site
        )
        if prefetch.remarks:
            facts = facts.with_facts(remarks=(*facts.remarks, *prefetch.remarks))
    with stage("decide"):
        decision = decide(facts)
    missed = [item for item, told in prefetch.inferring if not _is_settled(told, facts, decision)]
    unneeded = tuple(item for item, _ in prefetch.inferring if item not in missed)
    if missed:
        facts = facts.with_facts(remarks=(*facts.remarks, *missed))
        decision = decision.with_remarks(missed)
    return DecidedRecord(facts, decision, day, unneeded)


def _is_settled(told: frozenset[str], facts: PatientFacts, decision: Decision) -> bool:
    """Whether data that only infer the facts ``told`` would change neither group nor plan.

    Something explicit is on record, or nothing hangs on these facts.
    """
    if decision.plan == "DATA_ERROR" or "THERAPY_END_INFERRED" in decision.flags:
        return False
    # An end is inferred only where no course says whether it is still running.
    return facts.on_therapy.on_record or not told & set(decision.wanted)


def patient_view(
    body: bytes,
    as_of: date | None = None,
    presentation: Presentation | None = None,
    source: RecordSource = SENT_ALONE,
    caller: Caller = ANONYMOUS,
) -> dict[str, Any]:
    """The CDS Hooks response to one request body; see ``answer_to``."""
    return answer_to(HookRequest.parse(body), as_of, presentation, source, caller)


def answer_to(
    hook: HookRequest,
    as_of: date | None = None,
    presentation: Presentation | None = None,
    source: RecordSource = SENT_ALONE,
    caller: Caller = ANONYMOUS,
) -> dict[str, Any]:
    """The CDS Hooks response to one call; raises CdsServiceError, see ``errors``.

    ``as_of``: the day the question is asked; today unless a test says otherwise.
    ``presentation``: client, links and alert fatigue; generic without it. ``source``: where data
    that were not sent may be fetched; nowhere without it. ``caller``: who asks, for the log.
    """
    presentation = presentation or Presentation()
    record = decided(hook, as_of, source)
    decision = record.decision
    with stage("render"):
        cards = record.cards(hook.patient_id)
    shown, held = _without_overridden(cards, hook, decision, presentation, caller)
    decision_id = random_uuid()
    measures.decided(decision.plan, (card["source"]["topic"]["code"] for card in shown))
    decision_log.record(hook, decision_id, decision, len(shown), caller)
    told: dict[str, Any] = {"decision": decision_id, **({"heldBack": held} if held else {})}
    with stage("render"):
        return checked(
            {
                "cards": presentation.shown(shown),
                "extension": {DECISION: decision.document(), RESPONSE: told},
            }
        )


def _without_overridden(
    cards: list[Card],
    hook: HookRequest,
    decision: Decision,
    presentation: Presentation,
    caller: Caller,
) -> tuple[list[Card], list[str]]:
    """The cards that are shown, and the topics of those held back: never a silent omission."""
    if presentation.memory is None:
        return cards, []
    # Two hospitals may well have a user and a patient of the same ids.
    user = f"{caller.iss} {caller.tenant} {hook.user_id}" if hook.user_id else ""
    end_turn()
    shown = presentation.memory.without_overridden(cards, user, hook.patient_id, decision)
    left = {card["uuid"] for card in shown}
    return shown, [card["source"]["topic"]["code"] for card in cards if card["uuid"] not in left]
