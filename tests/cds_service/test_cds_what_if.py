"""What if: another value, another decision, marked as such, and nothing kept."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
from flask.testing import FlaskClient
from sample_facts import sample_facts
from werkzeug.test import TestResponse

from cds_service.app import create_app
from cds_service.clinician_page.carried_facts import carried
from cds_service.clinician_page.facts_seal import LIFETIME, FactsSeal
from cds_service.clinician_page.routes import FORM_LIMIT
from cds_service.clinician_page.what_if import assumable, form_fields, hypothesis
from cds_service.config import Config
from cds_service.sample_patients.samples import samples
from relapse_model.decide import decide
from relapse_model.errors import FactsError
from relapse_model.facts import PatientFacts
from relapse_model.loader import tables
from relapse_model.mrd import time_points

WHAT_IF = "/clinician-page/what-if"
OPEN = "sample-no-lumbar-puncture"


KEY = "k" * 40
SEAL = FactsSeal(KEY)


@pytest.fixture(scope="module")
def client() -> FlaskClient:
    """A client of a service whose key is known to the test."""
    settings = Config().smart
    smart = replace(settings, cookie_key=KEY)
    return create_app(Config(feedback_database="sqlite://", smart=smart)).test_client()


def ask(client: FlaskClient, patient_id: str = OPEN, **settings: str) -> TestResponse:
    """The page under these settings."""
    sealed = SEAL.sealed(sample_facts(patient_id))
    return client.post(WHAT_IF, data={"facts": sealed, **settings})


def test_a_form_without_assumptions_gives_the_page_of_the_record(client: FlaskClient) -> None:
    """So "back to the record" needs no store."""
    response = ask(client)

    assert response.status_code == 200
    assert "Hypothetical" not in response.text
    assert 'data-plan="INSUFFICIENT_DATA"' in response.text


def test_an_assumption_shows_the_changed_decision_beside_the_recorded_one(
    client: FlaskClient,
) -> None:
    """A clean lumbar puncture makes it S3; what was recorded stays in sight."""
    response = ask(client, csf_blasts="not_seen", csf_wbc="under_5")

    assert 'data-plan="HSCT_HR"' in response.text
    assert "<title>Hypothetical: " in response.text
    assert "Hypothetical: not this child's record" in response.text
    row = response.text.partition('<th scope="row">Group</th>')[2].partition("</tr>")[0]
    assert "S2 or S3" in row
    assert "<strong>S3</strong>" in row
    assert "changed" in row


def test_nothing_is_stored_and_nobody_else_may_show_the_answer(client: FlaskClient) -> None:
    """No cookie, no caching, a policy that lets through this service's own files alone."""
    response = ask(client, csf_blasts="not_seen")

    assert "Set-Cookie" not in response.headers
    assert response.headers["Cache-Control"] == "no-store"
    policy = response.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy


def test_the_answer_of_a_fork_is_tried_by_its_button(client: FlaskClient) -> None:
    """The button carries fact and answer; it adds to what is assumed already."""
    response = ask(client, csf_wbc="under_5", **{"try": "csf_blasts=not_seen"})

    assert 'data-plan="HSCT_HR"' in response.text


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"csf_blasts": "perhaps"}, "csf_blasts"),
        ({"relapse_date": "last spring"}, "relapse_date"),
        ({"relapse_date": "2024-13-01"}, "relapse_date"),
        ({"prior_cranial_rt_gy": "a lot"}, "prior_cranial_rt_gy"),
        ({"mrd": "0.01"}, "mrd"),
        ({"birth_date": "2" * 41}, "birth_date"),
        ({"try": "deceased=yes"}, "deceased"),
    ],
)
def test_a_value_that_cannot_be_assumed_is_explained_beside_the_record(
    client: FlaskClient, settings: dict[str, str], said: str
) -> None:
    """400, the field by its name, the page of the record, and the value not repeated."""
    response = ask(client, **settings)

    assert response.status_code == 400
    alert = response.text.partition('role="alert">')[2].partition("</p>")[0]
    assert said in alert
    assert 'data-plan="INSUFFICIENT_DATA"' in response.text


def sealed_by_others() -> str:
    """Facts that were never read here, under a seal of another key."""
    return FactsSeal("x" * 40).sealed(sample_facts(OPEN))


def changed_on_the_way() -> str:
    """Facts that were read here, and changed since."""
    return SEAL.sealed(sample_facts(OPEN)).replace('"BCP"', '"T"')


@pytest.mark.parametrize(
    "facts",
    ["", "[]", "{", "é.x.y", carried(sample_facts(OPEN)), sealed_by_others(), changed_on_the_way()],
)
def test_facts_that_are_not_ours_end_in_a_page_that_says_so(
    client: FlaskClient, facts: str
) -> None:
    """On record is said of what this service read alone; no trace of what was sent."""
    response = client.post(WHAT_IF, data={"facts": facts})

    assert response.status_code == 400
    assert response.mimetype == "text/html"
    assert "is not as this service wrote it" in response.text


def test_a_page_of_yesterday_asks_to_be_opened_again(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The record may have changed; the facts of a page live for a working day."""
    sealed = SEAL.sealed(sample_facts(OPEN))
    now = time.time()
    monkeypatch.setattr("itsdangerous.timed.time.time", lambda: now + LIFETIME + 60)
    response = client.post(WHAT_IF, data={"facts": sealed})

    assert response.status_code == 400
    assert "opened long ago" in response.text


def test_a_form_that_is_too_large_is_refused(client: FlaskClient) -> None:
    """413 before it is read."""
    response = client.post(WHAT_IF, data={"facts": "x" * (FORM_LIMIT + 1)})

    assert response.status_code == 413
    assert response.mimetype == "text/html"


def test_another_content_type_is_refused(client: FlaskClient) -> None:
    """A form of this page is the only thing that is read here."""
    response = client.post(WHAT_IF, json={"facts": "{}"})

    assert response.status_code == 415


@pytest.mark.parametrize("patient_id", list(samples()))
def test_every_offered_value_of_every_sample_patient_can_be_assumed(patient_id: str) -> None:
    """Each option of each select gives a decision, and is found chosen in the next form."""
    facts = sample_facts(patient_id)
    wanted = decide(facts).wanted
    for field in form_fields(facts, wanted, {}):
        for option in field.options:
            settings = {field.fact: option.value}
            found = hypothesis(facts, settings)
            assert found is not None
            again = {item.fact: item for item in form_fields(facts, wanted, found.settings)}
            chosen = [item.value for item in again[field.fact].options if item.chosen]
            assert chosen == [option.value]


@pytest.mark.parametrize("patient_id", list(samples()))
def test_an_answer_that_is_tried_leaves_no_more_than_the_document_says(patient_id: str) -> None:
    """The plans and groups under an assumption are among those of the decision's answers."""
    facts = sample_facts(patient_id)
    decision = decide(facts)
    for answer in decision.answers:
        if not assumable(answer.fact, answer.answer):
            continue
        found = hypothesis(facts, {answer.fact: answer.answer})
        assert found is not None
        left = found.decision.plans or (found.decision.plan,)
        if found.decision.plan == "HSCT_INVARIANT":
            continue
        assert set(left) <= set(answer.plans), answer


@pytest.mark.parametrize(
    ("answer", "klass"),
    [("good", "good"), ("borderline", "borderline"), ("poor", "poor"), ("pending", "pending")],
)
@pytest.mark.parametrize("patient_id", [OPEN, "sample-s2-late-marrow", "sample-s1-mrd-poor"])
def test_an_assumed_mrd_counts_at_the_first_time_point(
    patient_id: str, answer: str, klass: str
) -> None:
    """Whatever the start of relapse therapy is, and instead of what is on record."""
    facts = sample_facts(patient_id)
    found = hypothesis(facts, {"mrd": answer})

    assert found is not None
    assert found.decision.mrd in {klass, "not_used"}
    assert all(time_points(result, found.facts, tables()) == ("tp1",) for result in found.facts.mrd)


def test_an_assumed_mrd_needs_a_day_to_count_from_and_assumes_one() -> None:
    """A relapse known by its year alone has no week 5."""
    facts = sample_facts("sample-s2-late-marrow")
    silence = PatientFacts(as_of=facts.as_of)
    found = hypothesis(
        facts.with_facts(relapse_therapy_start=silence.relapse_date), {"mrd": "poor"}
    )

    assert found is not None
    assert found.decision.mrd == "poor"


def test_a_value_may_be_taken_away() -> None:
    """What if this result is not to be trusted? It can be assumed unknown."""
    facts = sample_facts("sample-s3-early-marrow")
    found = hypothesis(facts, {"csf_blasts": "unknown", "csf_wbc": "unknown"})

    assert found is not None
    assert found.decision.s_group == ("S2", "S3")


def test_on_therapy_and_an_end_of_therapy_are_never_assumed_together() -> None:
    """The one that is on record gives way, and that is told."""
    facts = sample_facts("sample-s3-early-marrow")
    on_therapy = hypothesis(facts, {"on_therapy": "yes"})
    assert on_therapy is not None
    assert on_therapy.facts.therapy_end.values == PatientFacts(as_of=facts.as_of).therapy_end.values
    assert {item.label for item in on_therapy.assumptions} == {
        tables().facts[name].label for name in ("on_therapy", "therapy_end")
    }

    ended = hypothesis(sample_facts("sample-s4-very-early"), {"therapy_end": "2024-01-05"})
    assert ended is not None
    assert ended.facts.on_therapy.values == {"no"}


def test_only_what_is_offered_can_be_assumed() -> None:
    """The name is refused, not ignored."""
    with pytest.raises(FactsError):
        hypothesis(sample_facts(OPEN), {"disease": "other"})
