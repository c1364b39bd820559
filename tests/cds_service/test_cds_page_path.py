"""The decision path, the sites and the other schemes, against the decision they are drawn from."""

from __future__ import annotations

import re
from html import unescape

import pytest
from sample_facts import sample_facts
from vignette_facts import VIGNETTES, vignette_facts

from cds_service.cards.words import card_words
from cds_service.clinician_page.decision_path import asked_for, grid, steps
from cds_service.clinician_page.involvement import involvement
from cds_service.clinician_page.page import page_of
from cds_service.clinician_page.side_by_side import scheme_rows
from cds_service.sample_patients.samples import samples
from relapse_model.decide import decide
from relapse_model.facts import PatientFacts
from relapse_model.facts_file import facts_from
from relapse_model.loader import tables

RECORDS = [*samples(), *(vignette["id"] for vignette in VIGNETTES)]
every_record = pytest.mark.parametrize("name", RECORDS)


def facts_of(name: str) -> PatientFacts:
    """The facts of a sample patient or a vignette."""
    return sample_facts(name) if name in samples() else vignette_facts(name)


@every_record
def test_each_table_shows_the_rows_that_fired_and_greys_all_others(name: str) -> None:
    """Every row of every table that was read stands in the page, once, on its side."""
    facts = facts_of(name)
    decision = decide(facts)
    page = page_of(facts, decision)
    listed = {
        kind: set(re.findall(r"\] ([\w.+:-]+)</span>", "".join(blocks)))
        for kind in ("taken", "untaken")
        for blocks in [re.findall(rf'<ul class="rows {kind}">(.*?)</ul>', page, re.DOTALL)]
    }
    fired = {rule for step in decision.trace for rule in step.rules}
    every = {rule.id for step in decision.trace for rule in tables().decision[step.table].rules}

    assert listed["taken"] == fired
    assert listed["untaken"] == every - fired


@every_record
def test_the_grid_frames_exactly_the_cells_that_may_be_true(name: str) -> None:
    """Of the 18 cells those of the trace are framed; their groups are the decision's."""
    decision = decide(facts_of(name))
    drawn = grid(decision, card_words())
    if not decision.s_group:
        assert drawn is None
        return
    assert drawn is not None
    cells = [cell for _, row in drawn.rows for cell in row]
    fired = [step.rules for step in decision.trace if step.table == "s_group"]

    assert len(cells) == 18
    assert sum(cell.here for cell in cells) == len(fired[0])
    assert {cell.group for cell in cells if cell.here} == set(decision.s_group)


@every_record
def test_every_wanted_fact_is_a_fork_with_all_its_answers(name: str) -> None:
    """What each answer leaves is the decision document's, and the chart's present state is none."""
    decision = decide(facts_of(name))
    words = card_words()
    forks = {fork.fact: fork for item in asked_for(decision, words) for fork in item.forks}

    assert set(forks) == set(decision.wanted)
    open_states = {"pending", "indeterminate", "not_reported", "not_assessed"}
    for fact, fork in forks.items():
        told = " ".join(branch.answer for branch in fork.branches)
        for answer in decision.answers:
            if answer.fact == fact and answer.answer not in open_states:
                assert tables().facts[fact].values[answer.answer] in told


def test_an_open_table_shows_one_row_for_each_world() -> None:
    """No lumbar puncture: isolated or combined, S3 or S2, and both rows are told as open."""
    found = {
        step.table: step
        for step in steps(decide(facts_of("sample-no-lumbar-puncture")), card_words())
    }

    assert found["s_group"].open
    assert {row.conclusion for row in found["s_group"].taken} == {"S2", "S3"}
    assert not found["timing"].open


def test_no_cell_of_any_table_is_told_as_a_code() -> None:
    """Whatever the trace holds is read as words."""
    coded = set()
    for name in RECORDS:
        for step in steps(decide(facts_of(name)), card_words()):
            for row in step.rows:
                texts = [row.conclusion, *(text for pair in row.conditions for text in pair)]
                coded |= {text for text in texts if "_" in text}

    assert not coded


@every_record
def test_sites_agree_with_the_site_of_the_decision(name: str) -> None:
    """A site that counts is involved; what may count is possible; nothing else is claimed."""
    facts = facts_of(name)
    decision = decide(facts)
    if not decision.site:
        return
    states = {site.key: site.state for site in involvement(facts, decision)}
    outside = {state for key, state in states.items() if key != "marrow"}
    if decision.site == ("combined",):
        assert states["marrow"] == "involved"
        assert "involved" in outside
    if decision.site == ("isolated_em",):
        assert states["marrow"] == "free"
        assert "involved" in outside
    if decision.site == ("isolated_bm",):
        assert states["marrow"] == "involved"
        assert "involved" not in outside
    if "involved" in outside:
        assert not set(decision.site) & {"isolated_bm", "none"}


@pytest.mark.parametrize(
    ("given", "key", "state"),
    [
        ({"marrow_blasts": "80"}, "marrow", "involved"),
        ({"marrow_blasts": "15"}, "marrow", "possible"),
        ({"marrow_blasts": "15", "marrow_confirmation": "confirmed"}, "marrow", "involved"),
        ({"marrow_blasts": "<=30"}, "marrow", "possible"),
        ({"marrow_blasts": "2"}, "marrow", "free"),
        ({}, "marrow", "unknown"),
        ({}, "cns", "unknown"),
        ({"csf_wbc": "40", "csf_rbc": "2", "csf_blasts": "seen"}, "cns", "involved"),
        ({"csf_wbc": "1", "csf_rbc": "2", "csf_blasts": "not_seen"}, "cns", "free"),
        ({"csf_blasts": "seen"}, "cns", "possible"),
        ({"testis_left": "involved"}, "testis_left", "possible"),
        ({"testis_biopsy_left": "positive"}, "testis_left", "involved"),
        ({"testis_left": "involved", "testis_biopsy_left": "negative"}, "testis_left", "free"),
        ({}, "testis_right", "unknown"),
        ({"other_em": "unproven"}, "other", "possible"),
        ({"other_em": "proven"}, "other", "involved"),
    ],
)
def test_each_finding_counts_as_the_model_counts_it(
    given: dict[str, str], key: str, state: str
) -> None:
    """A site without a result is not called free."""
    facts = facts_from(
        {
            "as_of": "2026-11-22",
            "disease": "ALL",
            "sex": "male",
            "relapse_number": "1",
            "relapse_date": "2024-01-10",
            **given,
        }
    )
    states = {site.key: site.state for site in involvement(facts, decide(facts))}

    assert states[key] == state


@every_record
def test_every_other_class_of_the_decision_stands_beside_the_article_s(name: str) -> None:
    """The schemes that differ are marked; the article's own class comes first and governs."""
    facts = facts_of(name)
    decision = decide(facts)
    rows = scheme_rows(facts, decision, card_words())
    if not decision.s_group:
        assert rows == ()
        return
    assert rows[0].governing
    differing = {row.scheme: row.says for row in rows if row.differs}
    assert {item.scheme for item in decision.alternatives} == set(differing)
    for item in decision.alternatives:
        assert item.klass in differing[item.scheme]
    agreeing = {row.scheme for row in rows if not row.differs and not row.governing}
    assert not agreeing & {item.scheme for item in decision.alternatives}


@every_record
def test_every_fact_on_record_names_its_value_and_its_resource(name: str) -> None:
    """And so does everything that was set aside."""
    facts = facts_of(name)
    decision = decide(facts)
    text = unescape(page_of(facts, decision))

    for report in decision.facts:
        for evidence in report.evidence:
            assert f"<code>{evidence}</code>" in text
    for remark in decision.remarks:
        assert remark.text[:200] in text
