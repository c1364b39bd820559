"""Every decision that the tables can give, rendered once: legal, whole, never more than said."""

from __future__ import annotations

import re
from collections import Counter
from functools import cache

import pytest
from every_decision import TODAY, every_decision

from cds_service.cards.card_set import cards_for
from cds_service.cards.client_profiles import PROFILES, Card
from cds_service.cards.presentation import Presentation
from cds_service.cards.response_invariants import checked
from cds_service.cards.words import PLANS, card_words
from relapse_model.loader import DECISION_TABLES, tables

SILENT = {"OUT_OF_SCOPE_DISEASE", "OUT_OF_SCOPE_AGE", "NO_RELAPSE"}
PLACEHOLDER = re.compile(r"\{\w*\}")
FORBIDDEN = re.compile(
    r"1200 ?mg|critical|figure [123] (shows|says|gives)|\b(must be|has to be) (given|transplanted)"
    r"|\bprescribe\b|\badminister\b|\bplease\b|\bmust\b|\bwe recommend\b"
    r"|66\.2 ?%|27\.1 ?%|clinical model|\brule R-|\w\\?_\w",
    re.IGNORECASE,
)
"""The nelarabine dose that is not to be repeated, orders, what no figure could tell, figures that
could not be verified, and names that only this software knows."""

CARDS = [
    (decision, cards_for(decision, as_of=TODAY, patient_id="p1")) for decision in every_decision()
]


def topics(cards: list[Card]) -> list[str]:
    """The topic codes of cards, in their order."""
    return [card["source"]["topic"]["code"] for card in cards]


def text_of(card: Card) -> str:
    """Everything of a card that a clinician reads."""
    offered = card.get("suggestions", ())
    labels = [item["label"] for item in offered]
    told = [action["description"] for item in offered for action in item["actions"]]
    return "\n".join([card["summary"], card["detail"], *labels, *told])


def test_the_walk_meets_every_plan() -> None:
    """No plan of the decision document is left out, and none stands for a single child alone."""
    met = Counter(decision.plan for decision, _ in CARDS)
    assert set(met) == set(PLANS)
    assert len(CARDS) > 1_000


@pytest.mark.parametrize("table", DECISION_TABLES)
def test_the_walk_meets_every_row_of_every_table(table: str) -> None:
    """Else "every decision" would leave out those that the row gives."""
    met = {rule for decision, _ in CARDS for step in decision.trace for rule in step.rules}
    assert {rule.id for rule in tables().decision[table].rules} - met == set()


def test_the_walk_meets_every_sentence_and_every_flag() -> None:
    """Each is rendered at least once; a flag that the words do not know is none."""
    said = {item.id for decision, _ in CARDS for item in decision.statements}
    flags = {flag for decision, _ in CARDS for flag in decision.flags}
    assert said == {row.id for row in tables().statements}
    assert flags == set(card_words().flags)


def test_the_walk_meets_every_open_answer() -> None:
    """Every group, time, site and lineage that may stay open, and every local treatment."""
    for name in ("s_group", "timing", "site", "immunophenotype"):
        open_ = [getattr(decision, name) for decision, _ in CARDS]
        assert {value for values in open_ for value in values} == set(card_words().words[name])
        assert any(len(values) > 1 for values in open_)
    local = [decision.local_therapy for decision, _ in CARDS]
    assert {dose for item in local for dose in item.cns_rt_gy} == {15, 18}
    assert {name for item in local for name in item.testis} == set(card_words().words["testis"])
    assert {name for item in local for name in item.undetermined} == {"cns", "testis"}


@pytest.mark.parametrize("profile", PROFILES)
def test_every_decision_gives_a_legal_response_for_every_client(profile: str) -> None:
    """cds-hooks_2.0@3, @74, @80, @83, @85, @87, @88, @90, @93, @95, @100, @117, @127 and @131."""
    shown = Presentation(profile=PROFILES[profile])
    for _, cards in CARDS:
        checked({"cards": shown.shown(cards)})


def test_only_a_silent_plan_has_no_card() -> None:
    """And a plan that speaks starts with the stratification."""
    for decision, cards in CARDS:
        assert bool(cards) == (decision.plan not in SILENT)
        assert not cards or topics(cards)[0] == "RelapsedALLStratification"


def test_no_two_cards_of_a_decision_have_the_same_topic() -> None:
    """Clients key acknowledgements on the topic."""
    for _, cards in CARDS:
        assert len(set(topics(cards))) == len(cards) <= 5


def test_no_placeholder_is_left_and_nothing_forbidden_is_said() -> None:
    """No braces, no dose of 1200 mg/m2 nelarabine, no order, no figure read."""
    for decision, cards in CARDS:
        for card in cards:
            text = text_of(card)
            assert not PLACEHOLDER.search(text), text
            assert not FORBIDDEN.search(text), (decision.plan, FORBIDDEN.search(text))
            assert "None" not in card["summary"]


def test_every_card_says_whose_approach_it_is() -> None:
    """One centre group's 2012 approach; options, not orders."""
    caveat = card_words().closing["caveat"]
    assert all(caveat in card["detail"] for _, cards in CARDS for card in cards)


def test_every_sentence_of_the_decision_stands_on_one_card_with_its_provenance() -> None:
    """Nothing that the model says is lost between the cards, and nothing is said twice."""
    for decision, cards in CARDS:
        if not cards:
            continue
        told = [line for card in cards for line in card["detail"].splitlines()]
        plain = [_plain(line) for line in told]
        for statement in decision.statements:
            text = _plain(statement.text)
            lines = [line for line, shown in zip(told, plain, strict=True) if text in shown]
            assert len(lines) == 1, (decision.plan, statement.id, topics(cards))
            assert re.search(rf"\\\[{statement.provenance}\d+\\\]", lines[0]), statement.id


def test_every_wanted_fact_is_asked_for() -> None:
    """On the card of what is missing, in the line of later states, or as the next MRD."""
    words = card_words()
    for decision, cards in CARDS:
        if not cards:
            continue
        told = "\n".join(text_of(card) for card in cards).lower()
        for name in decision.wanted:
            if name == "mrd" and "RelapsedALLMRD" in topics(cards):
                continue
            assert words.asks[name].lower() in told, (decision.plan, name)


def test_lineage_guard_no_cd19_agent_for_t_and_no_nelarabine_for_b() -> None:
    """Agents of one lineage are not shown for the other."""
    for decision, cards in CARDS:
        agents = [text_of(card) for card in cards if "Agents" in card["source"]["topic"]["code"]]
        for text in agents:
            if decision.immunophenotype == ("T",):
                assert not re.search("blinatumomab|epratuzumab|inotuzumab", text, re.IGNORECASE)
            if decision.immunophenotype == ("BCP",):
                assert "nelarabine" not in text.lower()


def test_the_indicator_is_warning_on_the_first_cards_alone() -> None:
    """Treatment cards inform; what calls for a decision now warns (docs/adr)."""
    for _, cards in CARDS:
        for card in cards:
            if card["indicator"] == "warning":
                assert card["source"]["topic"]["code"] in {
                    "RelapsedALLStratification",
                    "RelapsedALLMissingData",
                }


def test_every_card_is_rendered_the_same_twice() -> None:
    """Byte-identical apart from ids."""
    for decision, cards in CARDS[::25]:
        again = cards_for(decision, as_of=TODAY, patient_id="p1")
        assert _without_ids(again) == _without_ids(cards)


def test_figures_of_table_1_are_marked_historical() -> None:
    """Whenever an outcome of Table 1 is shown."""
    rows = [row for row in tables().statements if "5-year survival with" in row.text]
    assert len(rows) == 4
    assert all("historical, 2012" in row.text for row in rows)


@cache
def _plain(text: str) -> str:
    text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    return re.sub(r"\s+", " ", text.replace("\\", "")).strip()


def _without_ids(cards: list[Card]) -> str:
    return re.sub(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", "id", repr(cards))
