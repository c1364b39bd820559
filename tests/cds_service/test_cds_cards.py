"""The cards say what the decision says, within the limits of CDS Hooks."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from cds_decisions import HIGH_RISK, UNDECIDED, decisions, remarks
from hypothesis import given

from cds_service.cards.card_set import cards_for
from cds_service.cards.missing import by_decisiveness
from cds_service.cards.stratification import summary
from cds_service.cards.words import PLANS, card_words
from relapse_model.decision import Alternative, Answer, Decision, FactReport, LocalTherapy
from relapse_model.facts import Remark

SILENT = ("OUT_OF_SCOPE_DISEASE", "OUT_OF_SCOPE_AGE", "NO_RELAPSE")


def first_card(decision: Decision, noticed: tuple[Remark, ...] = ()) -> dict[str, Any]:
    """The card of the stratification."""
    card, *_ = cards_for(decision, noticed)
    assert card["source"]["topic"]["code"] == "RelapsedALLStratification"
    return card


def card_about(kind: str, decision: Decision) -> dict[str, Any]:
    """The one card of ``decision`` with this topic."""
    code = card_words().topics[kind]["code"]
    (card,) = [card for card in cards_for(decision) if card["source"]["topic"]["code"] == code]
    return card


def empties(value: Any) -> bool:
    """Whether a null, blank string, empty array or empty object stands anywhere in ``value``."""
    if isinstance(value, dict):
        return not value or any(empties(item) for item in value.values())
    if isinstance(value, list):
        return not value or any(empties(item) for item in value)
    return value is None or (isinstance(value, str) and not value.strip())


@given(decisions, remarks)
def test_every_card_of_every_decision_is_legal(decision: Decision, noticed: list[Remark]) -> None:
    """cds-hooks_2.0@3, @80, @83, @85, @87, @88, @90, @105, @107, @115, @216 and @217."""
    cards = cards_for(decision, noticed)
    silent = decision.plan in SILENT
    assert len(cards) <= 1 if silent else 1 <= len(cards) <= 5
    for card in cards:
        assert set(card) == {"uuid", "summary", "detail", "indicator", "source"}
        assert str(UUID(card["uuid"])) == card["uuid"]
        assert 0 < len(card["summary"]) < 140
        assert "{" not in card["summary"]
        assert "\n" not in card["summary"]
        assert card["indicator"] in {"info", "warning"}
        assert card["source"]["label"]
        assert card["source"]["url"] == "https://doi.org/10.1182/blood-2012-02-265884"
        assert set(card["source"]["topic"]) == {"system", "code", "display"}
        assert card["source"]["topic"]["code"].isalnum()
        assert len(card["source"]["topic"]["code"]) <= 100
        assert not empties(card)


@given(decisions, remarks)
def test_every_card_says_that_it_is_one_groups_approach_of_2012(
    decision: Decision, noticed: list[Remark]
) -> None:
    """Every output must say: verify against the protocol the child is treated on."""
    for card in cards_for(decision, noticed):
        assert "One centre group's 2012 approach" in card["detail"]
        assert "verify against the protocol the child is treated on" in card["detail"]


@pytest.mark.parametrize("plan", sorted(set(PLANS) - set(SILENT)))
@pytest.mark.parametrize("full", [True, False])
def test_every_plan_has_a_summary_with_and_without_its_values(plan: str, full: bool) -> None:
    """Where a value is not there the summary falls back to words without placeholders."""
    base = Decision(model=HIGH_RISK.model, plan=plan)
    if full:
        base = replace(
            base, s_group=("S1", "S2", "S3", "S4"), risk=("HR", "IR", "SR"), wanted=("mrd",)
        )
    told = summary(base, card_words())
    assert 0 < len(told) < 140
    assert "{" not in told
    assert not told.startswith((",", " "))


@pytest.mark.parametrize("plan", SILENT)
def test_a_child_outside_the_article_gets_no_card(plan: str) -> None:
    """Out of scope and no relapse are answered with ``cards: []`` (cds-hooks_2.0@77)."""
    assert cards_for(replace(HIGH_RISK, plan=plan)) == []


def test_a_child_who_has_died_gets_no_card() -> None:
    """Whatever the plan would be."""
    assert cards_for(HIGH_RISK, deceased=True) == []


def test_the_card_states_group_risk_and_plan_with_the_facts_they_rest_on() -> None:
    """Fact, value with unit, date and resource; the figures of Table 1 with tag and citation."""
    card = first_card(HIGH_RISK)
    assert card["summary"].startswith("S3, high risk: ")
    assert card["indicator"] == "warning"
    assert "| Fact | Value, date, source |" in card["detail"]
    assert "80 % · 2024-03-20 · Observation/o1 |" in card["detail"]
    assert "2024-03-20 · Condition/c2 |" in card["detail"]
    assert r"30 %. \[P1\]" in card["detail"]
    assert "**Sources**\n\n- Locatelli 2012, Table 1: 1" in card["detail"]
    assert "&lt; 5 %" in card["detail"]
    assert card_words().flags["DATE_SENSITIVE"] in card["detail"]


def test_a_fact_that_nobody_recorded_is_not_in_the_table_of_facts() -> None:
    """What is unknown is asked for, not shown as a value."""
    assert "CSF blasts" not in first_card(HIGH_RISK)["detail"]


def test_the_missing_card_asks_in_clinical_words_and_asks_once() -> None:
    """csf_blasts and csf_wbc are one lumbar puncture; MRD has a card of its own."""
    card = card_about("missing", UNDECIDED)
    assert card["summary"] == (
        "Not decided yet. Asked for: lumbar puncture with cell count and cytology"
    )
    assert card["indicator"] == "warning"
    assert "**1\\. Lumbar puncture with cell count and cytology**" in card["detail"]
    assert "**2" not in card["detail"]


def test_the_missing_card_says_what_each_answer_would_leave() -> None:
    """One row for each answer: the group and the plan it would leave."""
    detail = card_about("missing", UNDECIDED)["detail"]
    assert "| CSF blasts: seen | S2: chemotherapy, then MRD decides on HSCT |" in detail
    assert "| CSF blasts: not seen | S3: allogeneic HSCT in second remission |" in detail


def test_an_answer_that_leaves_everything_open_says_so() -> None:
    """Asking for it alone would not decide."""
    both = Answer("csf_blasts", "seen", ("CHEMO_THEN_MRD", "HSCT_HR"), ("S2", "S3"))
    detail = card_about("missing", replace(UNDECIDED, answers=(both,)))["detail"]
    assert "| CSF blasts: seen | still open: S2 or S3: " in detail


def test_what_decides_most_is_asked_for_first() -> None:
    """An answer that leaves one plan and one group decides most."""
    one = Answer("relapse_date", "early", ("HSCT_HR",), ("S3",))
    two = Answer("birth_date", "child", ("CHEMO_THEN_MRD", "HSCT_HR"), ("S2", "S3"))
    decision = replace(UNDECIDED, wanted=("birth_date", "relapse_date"), answers=(two, one))
    asked = by_decisiveness(decision, card_words(), frozenset())
    assert [facts for _, facts in asked] == [["relapse_date"], ["birth_date"]]


def test_later_states_are_one_line_and_not_a_table() -> None:
    """CR2 and an earlier transplantation are states of the chart in a decided plan."""
    later = Answer("cr2", "not_achieved", ("TRIAL_PHASE_1_2",), ("S3",))
    decision = replace(HIGH_RISK, wanted=("cr2", "prior_hsct"), answers=(later,))
    (card,) = cards_for(decision)
    assert "Could still change this: marrow after reinduction, history of HSCT." in card["detail"]


def test_the_undecided_card_names_the_plans_still_possible() -> None:
    """And nothing else: no plan is guessed."""
    detail = first_card(UNDECIDED)["detail"]
    assert (
        "**Plans still possible**\n\n"
        "- chemotherapy, then MRD decides on HSCT\n"
        "- allogeneic HSCT in second remission\n"
    ) in detail


def test_the_cns_status_is_told_as_the_model_names_it() -> None:
    """``CNS3_or_CNS2c`` reads as two classes."""
    detail = first_card(replace(HIGH_RISK, cns_status="CNS3_or_CNS2c"))["detail"]
    assert "CNS: **CNS3 or CNS2c**" in detail


def test_local_treatment_and_other_classifications_are_told() -> None:
    """Doses of the decision, and the class that other systems give where it differs."""
    decision = replace(
        HIGH_RISK,
        local_therapy=LocalTherapy(cns_rt_gy=(15, 18), undetermined=("testis",)),
        alternatives=(Alternative("UK ALL R3", "High"),),
    )
    card = card_about("local_therapy", decision)
    assert card["summary"] == (
        "Local treatment: CNS 15 or 18 Gy after systemic therapy, testis: biopsy first"
    )
    assert "radiotherapy of 15 or 18 Gy after intensive systemic therapy" in card["detail"]
    assert "- testis: no treatment can be stated yet" in card["detail"]
    assert "| UK ALL R3 | High |" in first_card(decision)["detail"]


def test_what_is_missing_is_shortened_to_fit_the_summary() -> None:
    """All that fits, then the number of the rest."""
    wanted = tuple(sorted(card_words().asks))
    card = card_about("missing", replace(UNDECIDED, wanted=wanted))
    assert card["summary"].endswith(" more")
    assert len(card["summary"]) < 140


def test_a_treatment_already_given_turns_the_card_into_information() -> None:
    """R-5b: the plan is unchanged, the indicator is info."""
    assert first_card(replace(HIGH_RISK, flags=("ALREADY_TREATED",)))["indicator"] == "info"


def test_a_remark_stands_beside_its_flag_with_its_resources() -> None:
    """The clinician can find the entry that could not be read."""
    noticed = Remark("UNREADABLE", "valueQuantity.value: decimal_type", ("Observation/o9",))
    detail = first_card(replace(HIGH_RISK, flags=("UNREADABLE",)), (noticed,))["detail"]
    told = "- Entries that could not be read: valueQuantity.value: decimal\\_type (Observation/o9)"
    assert told in detail.replace("\u200b", "")


def test_data_that_did_not_arrive_are_named_also_without_a_flag_of_the_model() -> None:
    """A remark is shown even if the decision ended before its flags were collected."""
    noticed = Remark("DATA_INCOMPLETE", "Not available: procedures were not sent.")
    assert "procedures were not sent" in first_card(HIGH_RISK, (noticed,))["detail"]


def test_html_from_fhir_is_shown_as_text() -> None:
    """A resource id, a note or a unit may hold anything."""
    report = FactReport("genetics", ("<img src=x>",), ("Observation/<b>",), note="| a | b |")
    detail = first_card(replace(HIGH_RISK, facts=(report,)))["detail"]
    assert "<img" not in detail
    assert "<b>" not in detail
    assert r"\| a \| b \|" in detail


def test_two_answers_to_one_decision_differ_only_in_their_ids() -> None:
    """The same input gives the same cards (determinism), but each card is its own."""
    first, second = cards_for(UNDECIDED), cards_for(UNDECIDED)
    for one, other in zip(first, second, strict=True):
        assert one.pop("uuid") != other.pop("uuid")
    assert first == second


@pytest.mark.parametrize("plan", PLANS)
def test_words_are_options_and_never_orders(plan: str) -> None:
    """No imperative that treats the child; the indicator is never critical."""
    words = card_words().plans[plan]
    text = f"{words.summary} {words.summary_plain} {words.short}".lower()
    assert not any(order in text for order in ("must ", "start ", "give ", "transplant the"))
    assert words.indicator != "critical"


def test_from_which_element_a_fact_was_read_stays_in_the_document() -> None:
    """A panel of 300 pixels has no room for it; a note that says more is kept."""
    notes = ("read from onsetDateTime", "by month only; read from onsetDateTime")
    reports = tuple(
        FactReport(name, ("2024-03",), ("Condition/c1",), note=note)
        for name, note in zip(("cr1_date", "relapse_date"), notes, strict=True)
    )
    detail = first_card(replace(HIGH_RISK, facts=reports))["detail"]
    assert "| date of first complete remission | 2024-03 · Condition/c1 |" in detail
    assert "| date of relapse | 2024-03; by month only · Condition/c1 |" in detail


def test_a_question_without_answers_says_what_settles_it() -> None:
    """Dates that contradict each other have no table of answers."""
    decision = Decision(HIGH_RISK.model, "DATA_ERROR", wanted=("relapse_date",))
    detail = card_about("missing", decision)["detail"]
    assert "Settled by the date of the first specimen that proved the relapse." in detail
