"""What the cards remember between children: what holds for every child, and nothing of one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from every_decision import BASE, SITES, TODAY, day, every_decision
from memories import memories, reachable

from cds_service import cards
from cds_service.cards.card_set import Card, cards_for, patterns_of
from cds_service.cards.stratification import fact_places
from cds_service.cards.suggestions import orders
from cds_service.cards.words import card_words
from relapse_model.amounts import exactly
from relapse_model.dates import known
from relapse_model.decide import decide
from relapse_model.decision import Decision
from relapse_model.facts import MrdResult, PatientFacts, Remark, fact

READ_AT_START = (card_words, orders)
"""Read from the package: as fixed as the code."""

CHANGES: tuple[dict[str, Any], ...] = (
    {},
    {"relapse_therapy_start": day("2025-02-21")},
    {"relapse_date": day("2025-03-02")},
    {"relapse_date": day("2021-01-01")},
    {"remarks": (Remark("UNREADABLE", "it cannot be read", ("Observation/o",)),)},
    {"genetics": fact("BCR-ABL1"), "abl_mutation": fact("resistant")},
    {"genetics": fact("BCR-ABL1")},
    {
        "mrd": (
            MrdResult(known(date(2025, 3, 25)), exactly("0.002"), "pcr", "marrow", "", ("O/1",)),
        )
    },
)
_RANDOM = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def forget() -> None:
    """Empty every memory of the cards."""
    for memory in memories(cards):
        if memory not in READ_AT_START:
            memory.cache_clear()


def told(decision: Decision, as_of: date = TODAY) -> str:
    """The cards without their random ids."""
    return _RANDOM.sub("*", str(cards_for(decision, as_of=as_of, patient_id="p1")))


def test_what_was_told_before_changes_no_later_card() -> None:
    """Cards out of memory are those of a program just started: own dates, references, remarks."""
    asked = [decide(BASE.with_facts(**SITES["marrow"], **change)) for change in CHANGES]
    days = (TODAY, date(2025, 3, 1), date(2025, 4, 20))
    remembered = [told(decision, as_of) for decision in asked * 2 for as_of in days]

    fresh = []
    for decision in asked:
        for as_of in days:
            forget()
            fresh.append(told(decision, as_of))

    assert len(set(fresh)) > len(CHANGES)
    assert remembered == fresh * 2


def test_children_with_one_conclusion_share_its_cards_and_nothing_else() -> None:
    """What is remembered is met again, and each card tells the record of its own child."""
    forget()
    first, second = (
        decide(
            BASE.with_facts(
                marrow_blasts=fact(exactly("80"), evidence=[f"Observation/{name}"]),
                **{
                    name: value
                    for name, value in SITES["marrow"].items()
                    if name != "marrow_blasts"
                },
                relapse_date=fact(known(relapsed), evidence=[f"Condition/{name}"]),
            )
        )
        for name, relapsed in (("one", date(2025, 2, 15)), ("two", date(2025, 2, 19)))
    )
    texts = told(first), told(second)
    assert (patterns_of.cache_info().hits, patterns_of.cache_info().misses) == (1, 1)
    for text, own, other in zip(texts, ("one", "two"), ("two", "one"), strict=True):
        assert f"Observation/{own}" in text.replace("\u200b", "")
        assert f"Condition/{own}" in text
        assert f"/{other}" not in text
    assert "2025-02-15" in texts[0]
    assert "2025-02-15" not in texts[1]


@pytest.fixture
def child() -> PatientFacts:
    """A child with dates, counts, references and texts that are met nowhere else."""
    relapsed = date(2025, 3, 27)
    remark = Remark("UNREADABLE", "canary text", ("Observation/canary",))
    return BASE.with_facts(
        as_of=date(2026, 5, 17),
        birth_date=fact(known(date(2017, 2, 13)), evidence=["Patient/canary"]),
        relapse_date=fact(known(relapsed), evidence=["Condition/canary"], note="canary"),
        relapse_therapy_start=fact(known(date(2025, 4, 3)), evidence=["Procedure/canary"]),
        marrow_blasts=fact(exactly("73.7"), evidence=["Observation/canary"]),
        csf_wbc=fact(exactly("1.93"), evidence=["Observation/canary"]),
        remarks=(remark,),
    )


def cards_about(child: PatientFacts) -> Iterator[list[Card]]:
    """The cards while both time points of MRD are to come, and in a conflict of dates."""
    late = Remark("DATA_INCOMPLETE", "canary data", ("Observation/canary",))
    conflict = child.with_facts(relapse_date=fact(known(date(2016, 3, 27)), evidence=["canary"]))
    for facts, as_of in ((child, date(2025, 4, 20)), (child, date(2025, 6, 1)), (conflict, TODAY)):
        yield cards_for(
            decide(facts),
            facts.remarks,
            as_of=as_of,
            patient_id="canary-patient",
            unneeded=(late,),
        )


def test_nothing_of_a_child_is_remembered_by_the_cards(child: PatientFacts) -> None:
    """No date, count, reference or text of a record is reachable from what is remembered."""
    forget()
    answers = str(list(cards_about(child)))
    canaries = (
        *("canary", "73.7", "1.93"),
        *("2017-02-13", "2025-03-27", "2016-03-27", "2025-04-03"),
        *("2023-07-10", "2024-07-10"),  # limits of the classes of time
        *("2025-05-01", "2025-05-15", "2025-06-19", "2025-07-10"),
    )
    assert [text for text in canaries if text not in answers] == []
    assert patterns_of.cache_info().currsize > 1

    found = list(reachable(list(memories(cards))))

    texts = [item for item in found if isinstance(item, str)]
    assert any("MRD" in text for text in texts)
    assert [text for text in texts for canary in canaries if canary in text] == []
    assert [item for item in found if isinstance(item, date)] == []


def test_what_the_cards_remember_is_bounded() -> None:
    """However many decisions there are; only what is read at start has no bound."""
    for decision in every_decision()[::5]:
        cards_for(decision, as_of=TODAY, patient_id="p1")
    for memory in memories(cards):
        info = memory.cache_info()
        assert info.maxsize is not None or info.currsize <= 1, memory
    assert fact_places.cache_info().currsize > 1
