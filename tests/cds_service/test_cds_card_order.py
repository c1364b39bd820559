"""What a card puts first: the facts that decided, the next step, and what can be checked."""

from __future__ import annotations

import re
import tomllib
from dataclasses import replace
from importlib.resources import files
from typing import Any

import pytest
from cds_decisions import HIGH_RISK
from every_decision import BASE, FRACTIONS, SITES, TODAY, day

from cds_service.cards.card_set import Card, cards_for
from cds_service.cards.stratification import fact_places
from cds_service.cards.words import card_words, words_from
from cds_service.errors import WordsError
from relapse_model.dates import partial_date
from relapse_model.decide import decide
from relapse_model.decision import Decision, FactReport
from relapse_model.facts import MrdResult, PatientFacts, fact
from relapse_model.loader import tables

SITE = SITES["marrow"]
WORDS = files("cds_service.cards").joinpath("card_words.toml").read_text("utf-8")


def rows(decision: Decision) -> list[str]:
    """The first column of the table of facts, in its order."""
    detail = cards_for(decision, as_of=TODAY)[0]["detail"]
    (table,) = re.findall(r"\| Fact \|[^\n]*\n\| --- [^\n]*\n((?:\|[^\n]*\n?)+)", detail)
    return [row.split("|")[1].strip() for row in table.strip().splitlines()]


def about(kind: str, facts: PatientFacts) -> Card:
    """The card of this kind for a child."""
    code = card_words().topics[kind]["code"]
    (card,) = [
        card
        for card in cards_for(decide(facts), as_of=TODAY, patient_id="p1")
        if card["source"]["topic"]["code"] == code
    ]
    return card


def with_mrd(fraction: str, taken: str) -> dict[str, Any]:
    """A marrow MRD by flow cytometry on record, as the facts of a child."""
    result = MrdResult(
        partial_date(taken),
        FRACTIONS[fraction],
        "flow",
        "marrow",
        "as reported",
        ("Observation/m",),
    )
    return {
        "mrd": (result,),
        "relapse_therapy_start": fact(partial_date("2025-02-15"), evidence=["Procedure/r"]),
    }


def test_the_facts_follow_the_questions_of_the_article() -> None:
    """Time of the relapse, then site, lineage and history; who the child is comes last."""
    found = rows(decide(BASE))
    assert found[0] == "date of relapse"
    assert found[-2:] == ["date of birth", "sex"]
    assert found.index("date of initial diagnosis") < found.index("immunophenotype")
    assert found.index("immunophenotype") < found.index("disease")


@pytest.mark.parametrize(
    ("changes", "first"),
    [
        (with_mrd("poor", "2025-03-22"), "MRD"),
        (with_mrd("good", "2025-03-22"), "MRD"),
        ({"genetics": fact("KMT2A-r", evidence=["Observation/g"])}, "genetics on record"),
        (
            {"prior_hsct": fact("yes", evidence=["Procedure/t"])},
            "allogeneic transplantation before the relapse",
        ),
        ({"relapse_number": fact("2", evidence=["Condition/c3"])}, "number of relapses"),
    ],
)
def test_the_fact_that_the_plan_hangs_on_stands_first(changes: dict[str, Any], first: str) -> None:
    """MRD where MRD allocates, the transplantation where it ends the evaluation."""
    assert rows(decide(BASE.with_facts(**SITE, **changes)))[0] == first


def test_dates_that_contradict_each_other_stand_first() -> None:
    """They are what has to be checked."""
    found = rows(decide(BASE.with_facts(relapse_date=day("2021-01-01"))))
    assert set(found[:2]) == {"date of initial diagnosis", "date of relapse"}


def test_every_fact_has_its_place_and_none_has_two() -> None:
    """Also those that come first for a plan."""
    for plan in card_words().plans:
        order = list(fact_places(plan, HIGH_RISK.conflicts, card_words()))
        assert len(order) == len(set(order))
        assert set(tables().facts) <= set(order)


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ('"relapse_date", "diagnosis_date"', '"relapse_date"', "facts.order"),
        ('"deceased",\n]', '"deceased", "sex",\n]', "facts.order"),
        ('HSCT_MRD = ["mrd"]', 'HSCT_MRD = ["blood_type"]', "facts.first.HSCT_MRD"),
        ('HSCT_MRD = ["mrd"]', 'HSCT_MRT = ["mrd"]', "facts.first.HSCT_MRT"),
        ('"hsct-when"', '"hsct-whenever"', "lead.transplantation"),
    ],
)
def test_a_place_that_cannot_be_is_refused_at_start(old: str, new: str, place: str) -> None:
    """Words are checked like data."""
    assert WORDS.count(old) == 1
    with pytest.raises(WordsError, match=re.escape(place)):
        words_from(WORDS.replace(old, new))
    assert tomllib.loads(WORDS)


def test_the_class_of_time_shows_the_days_that_divide_it() -> None:
    """So that a reader can check it against the dates."""
    detail = cards_for(decide(BASE.with_facts(**SITE)), as_of=TODAY)[0]["detail"]
    assert "Time: **late** (early from 2023-07-10, late from 2024-07-10)" in detail


@pytest.mark.parametrize(
    ("value", "shown"),
    [("0.002", "2e-3"), ("<0.0001", "&lt;1e-4"), ("0", "0"), ("0.00050 to 0.01", "5e-4 to 1e-2")],
)
def test_mrd_is_written_as_a_power_of_ten(value: str, shown: str) -> None:
    """As it is spoken of, and as the limit is written."""
    report = FactReport("mrd", (value,), ("Observation/m",), unit="fraction", taken="2025-03-22")
    detail = cards_for(replace(HIGH_RISK, facts=(report,)))[0]["detail"]
    assert f"| MRD | {shown} · 2025-03-22 · Observation/m |" in detail


def test_the_transplantation_card_begins_with_timing_and_donor_search() -> None:
    """The next step stands above the lists, with its provenance."""
    facts = BASE.with_facts(**SITE, **with_mrd("poor", "2025-03-22"))
    when, search, *_ = about("transplantation", facts)["detail"].split("\n\n")
    assert when.startswith("Transplantation takes place in second complete remission")
    assert when.endswith(r"\[P1\]")
    assert search.startswith("HLA typing and donor search can begin at relapse")
    assert re.search(r"\\\[A\d+\\\]$", search)


@pytest.mark.parametrize("site", SITES)
def test_a_child_transplanted_after_this_relapse_is_told_of_no_donor_search(site: str) -> None:
    """Neither in the summary nor as the next step; where it is not sure, as for every child."""
    found = {"yes": fact("yes", evidence=["Procedure/h"]), "no": fact("no")}
    found["perhaps"] = fact("yes", "no", evidence=["Procedure/h"])
    told = {
        known: cards_for(decide(BASE.with_facts(**SITES[site], hsct_after_relapse=given)))
        for known, given in found.items()
    }
    texts = {known: f"{[card['summary'] for card in cards]}" for known, cards in told.items()}
    details = {known: "".join(card["detail"] for card in cards) for known, cards in told.items()}
    searched = site in {"marrow", "combined", "no puncture", "unknown"}
    assert ("donor search" in details["no"]) == searched
    assert "donor search" not in texts["yes"] + details["yes"]
    assert ("donor search" in details["no"]) == ("on record: what the article" in texts["yes"])
    assert ("donor search" in details["no"]) == ("not a next step" in details["yes"])
    assert "not a next step" not in details["no"] + details["perhaps"]
    assert ("donor search" in details["perhaps"]) == ("donor search" in details["no"])


def test_after_both_time_points_a_new_result_counts_only_above_the_limit() -> None:
    """R-M7: outside the windows a result below 1e-4 is shown and not used."""
    start = fact(partial_date("2025-02-15"), evidence=["Procedure/r"])
    card = about("mrd", BASE.with_facts(**SITE, relapse_therapy_start=start))
    assert card["summary"].endswith("a result now counts only above 1e-4")
    assert "days 28-42 and 77-98 are over" in card["detail"]


def test_a_relapse_after_transplantation_is_not_recorded_in_a_group() -> None:
    """Table 1 was not made for it: the group is for orientation, none is recorded."""
    facts = BASE.with_facts(**SITE, prior_hsct=fact("yes", evidence=["Procedure/t"]))
    card = about("stratification", facts)
    kinds = [
        action["resource"]["resourceType"]
        for item in card["suggestions"]
        for action in item["actions"]
    ]
    assert "RiskAssessment" not in kinds
    assert "group for orientation" in card["detail"]


def test_what_comes_next_is_not_told_of_a_child_already_treated() -> None:
    """R-5b: the plan says what the article would have offered, not what is to follow."""
    given = fact("yes", evidence=["Procedure/t"])
    treated = about("stratification", BASE.with_facts(**SITE, hsct_after_relapse=given))
    assert "Next, as options" not in treated["detail"]
    assert "Next, as options" in about("stratification", BASE.with_facts(**SITE))["detail"]


def test_plans_that_stay_open_are_told_apart() -> None:
    """A plan's own words may have commas: plans are divided by a semicolon."""
    open_ = BASE.with_facts(**{**SITE, "csf_wbc": BASE.csf_wbc, "csf_blasts": BASE.csf_blasts})
    early = open_.with_facts(relapse_date=day("2024-03-20"))
    detail = about("missing", early)["detail"]
    assert "MRD decides on HSCT; or allogeneic HSCT in second remission" in detail
