"""The clinician's page: what it shows of a decision, and what it lets through."""

from __future__ import annotations

import json
from datetime import date

import pytest
from jinja2 import DictLoader, Environment, TemplateSyntaxError
from sample_facts import sample_facts

from cds_service.app import create_app
from cds_service.cards.words import card_words
from cds_service.clinician_page import page as page_module
from cds_service.clinician_page.carried_facts import carried, facts_carried
from cds_service.clinician_page.page import page_of
from cds_service.clinician_page.what_if import hypothesis
from cds_service.config import Config
from cds_service.errors import CarriedFactsUnreadable
from cds_service.sample_patients.samples import samples
from relapse_model.decide import decide
from relapse_model.facts import PatientFacts, Remark

DAY = {"earliest": "2024-01-01", "latest": "2024-01-01"}
RESULT = {"taken": DAY, "fraction": None, "method": "flow", "specimen": "marrow"}
children = pytest.mark.parametrize("patient_id", list(samples()))


@children
def test_every_sample_patient_has_a_page_with_plan_and_statements(patient_id: str) -> None:
    """Each sentence that the decision carries is there, with its provenance."""
    facts = sample_facts(patient_id)
    decision = decide(facts)
    page = page_of(facts, decision)

    assert card_words().plans[decision.plan].short.lower() in page.lower()
    assert all(f"[{item.provenance}" in page for item in decision.statements)


@children
def test_facts_travel_in_the_page_without_loss(patient_id: str) -> None:
    """What the form carries is what is read, and decides the same."""
    facts = sample_facts(patient_id)

    assert facts_carried(carried(facts)) == facts


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("sex", {"values": []}),
        ("sex", {"values": ["x"]}),
        ("sex", {"values": [{"earliest": "2020-01-01", "latest": "2020-01-01"}]}),
        ("marrow_blasts", {"values": [{"low": "NaN", "high": None}]}),
        ("marrow_blasts", {"values": [{"low": "1e999999", "high": None}]}),
        ("marrow_blasts", {"values": [{"low": "1e-999999", "high": None}]}),
        ("birth_date", {"values": [{"earliest": "2020-01-02", "latest": "2020-01-01"}]}),
        ("birth_date", {"values": [{"earliest": "0001-01-01", "latest": "2020-01-01"}]}),
        ("birth_date", {"values": ["x"]}),
        ("birth_date", {"values": [{**DAY, "earliest": f"{n}-01-01"} for n in range(2000, 2017)]}),
        ("mrd", [{"taken": "yesterday"}]),
        ("mrd", [RESULT] * 65),
        ("mrd", [{**RESULT, "method": "tea leaves"}]),
        ("as_of", "9999-12-31"),
    ],
)
def test_facts_that_were_changed_on_the_way_are_refused_by_field(field: str, value: object) -> None:
    """They come from a browser: shape, vocabulary and bounds are checked, nothing is repeated."""
    data = json.loads(carried(PatientFacts(as_of=date(2026, 1, 1))))

    with pytest.raises(CarriedFactsUnreadable) as refused:
        facts_carried(json.dumps({**data, field: value}))

    assert refused.value.fields[0].startswith(f"facts.{field}")


def test_a_bound_that_cannot_be_compared_is_refused_and_no_defect() -> None:
    """A NaN raises another error than a wrong type does."""
    data = json.loads(carried(PatientFacts(as_of=date(2026, 1, 1))))
    data["marrow_blasts"] = {"values": [{"low": "0", "high": "NaN"}]}

    with pytest.raises(CarriedFactsUnreadable):
        facts_carried(json.dumps(data))


def test_an_assumed_value_changes_the_decision_and_is_marked() -> None:
    """Without a lumbar puncture S2 or S3; a clean one makes it S3."""
    facts = sample_facts("sample-no-lumbar-puncture")
    found = hypothesis(facts, {"csf_blasts": "not_seen", "csf_wbc": "under_5"})

    assert found is not None
    assert found.decision.s_group == ("S3",)
    page = page_of(facts, decide(facts), hypothesis=found)
    assert "Hypothetical: not this child's record" in page
    assert 'class="assumed"' in page


def test_the_page_says_by_the_date_of_birth_whose_record_it_is() -> None:
    """Beside sex and id of the Patient; also under a hypothesis, and never a guess."""
    facts = sample_facts("sample-s2-combined-mrd-poor")
    found = hypothesis(facts, {"cr2": "achieved"})
    assert "born 2016-08-19" in page_of(facts, decide(facts))
    assert "born 2016-08-19" in page_of(facts, decide(facts), hypothesis=found)
    nobody = PatientFacts(as_of=date(2026, 1, 1))
    assert "born" not in page_of(nobody, decide(nobody))


def test_what_could_not_be_read_is_never_told_as_out_of_scope() -> None:
    """As the cards: silence means out of scope, never that the problem list was not there."""
    facts = sample_facts("sample-no-relapse")
    whole = page_of(facts, decide(facts))
    lost = Remark("DATA_INCOMPLETE", "Only a part of conditions could be fetched.")
    facts = facts.with_facts(remarks=(lost,))
    part = page_of(facts, decide(facts))
    words = card_words().cards["unreadable"]

    assert "The article does not apply" in whole
    assert words["summary"] not in whole
    assert "The article does not apply" not in part
    assert words["summary"] in part
    assert lost.text in part.partition("<h2")[2].partition("</section>")[0]


def test_what_was_set_aside_is_told_beside_its_flag() -> None:
    """At the head of the page, three at most; all of them beside the facts."""
    facts = sample_facts("sample-s3-early-marrow")
    remarks = tuple(Remark("UNREADABLE", f"Entry {number} has no code.") for number in range(5))
    facts = facts.with_facts(remarks=remarks)
    page = page_of(facts, decide(facts))
    head, _, rest = page.partition('<section class="figure"')

    assert [f"Entry {number} has" in head for number in range(5)] == [
        True,
        True,
        True,
        False,
        False,
    ]
    assert "and 2 more" in head
    assert all(remark.text in rest for remark in remarks)


def test_a_template_that_does_not_compile_is_found_at_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Not when the first clinician opens the page."""
    broken = Environment(loader=DictLoader({"page.html.j2": "{% if %}"}), autoescape=True)
    monkeypatch.setattr(page_module, "_environment", lambda: broken)

    with pytest.raises(TemplateSyntaxError):
        create_app(Config(feedback_database="sqlite://"))
