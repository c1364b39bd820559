"""An empty list of cards means out of scope, never that something could not be read."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from cds_answers import SERVICE
from cds_decisions import HIGH_RISK
from flask.testing import FlaskClient

from cds_service.cards.card_set import cards_for
from relapse_model.facts import Remark

SILENT = ("OUT_OF_SCOPE_DISEASE", "OUT_OF_SCOPE_AGE", "NO_RELAPSE")
LOST = (
    Remark("UNREADABLE", "onsetDateTime: no date.", ("Condition/c7",)),
    Remark("UNREADABLE", "birthDate: no date.", ("Patient/p1",)),
    Remark("UNREADABLE", "is not a FHIR resource.", ("conditions[3]",)),
    Remark("UNREADABLE", "left out.", ("https://ehr.example/fhir/Condition/c7",)),
    Remark("CODE_TEXT_CONFLICT", "Code and text contradict each other.", ("Condition/c7",)),
    Remark("DATA_INCOMPLETE", "Only the first page of conditions was sent."),
)
KNOWN = (
    Remark("UNREADABLE", "valueQuantity: no number.", ("Observation/o1",)),
    Remark("OTHER_PATIENT", "left out.", ("Condition/c7",)),
    Remark("DATA_INCOMPLETE", "Not available: procedures were not sent."),
)


@pytest.mark.parametrize("plan", SILENT)
@pytest.mark.parametrize("remark", LOST, ids=lambda remark: f"{remark.flag} {remark.evidence}")
def test_a_silent_plan_over_an_unread_problem_list_gives_one_card(
    plan: str, remark: Remark
) -> None:
    """It says that relapsed ALL cannot be excluded, and names the resource."""
    (card,) = cards_for(replace(HIGH_RISK, plan=plan), (remark,))
    assert "cannot be excluded" in card["summary"]
    assert card["indicator"] == "warning"
    assert card["source"]["topic"]["code"] == "RelapsedALLUnreadable"
    for reference in remark.evidence:
        name = "Patient" if reference.startswith("Patient/") else reference.rpartition("/")[2]
        assert name.replace("[", r"\[").replace("]", r"\]") in card["detail"]
    assert "suggestions" not in card


@pytest.mark.parametrize("remark", KNOWN, ids=lambda remark: f"{remark.flag} {remark.text}")
def test_what_is_not_the_problem_list_does_not_break_the_silence(remark: Remark) -> None:
    """Otherwise every chart with one odd laboratory value would have a card."""
    assert cards_for(replace(HIGH_RISK, plan="NO_RELAPSE"), (remark,)) == []


def test_a_child_who_has_died_stays_without_a_card() -> None:
    """Nothing is to be decided."""
    assert cards_for(replace(HIGH_RISK, plan="NO_RELAPSE"), LOST, deceased=True) == []


def test_an_unreadable_condition_is_told_through_http(
    client: FlaskClient, hook_body: dict[str, Any]
) -> None:
    """A first page, or an entry that is not what it says, is never answered with no card."""
    bad = {"resourceType": "Condition", "id": "c9", "code": "C91.02"}
    hook_body["prefetch"]["conditions"] = {
        "resourceType": "Bundle",
        "type": "searchset",
        "total": 2,
        "entry": [
            {"resource": bad},
            {
                "resource": {
                    "resourceType": "Condition",
                    "id": "c1",
                    "subject": {"reference": "Patient/p1"},
                    "code": {"text": "Asthma"},
                }
            },
        ],
    }
    (card,) = client.post(SERVICE, json=hook_body).json["cards"]
    assert "cannot be excluded" in card["summary"]
    assert "Condition/c9" in card["detail"]


def test_a_truncated_problem_list_is_told_through_http(
    client: FlaskClient, hook_body: dict[str, Any]
) -> None:
    """What stands on the second page is not known."""
    hook_body["prefetch"]["conditions"] = {
        "resourceType": "Bundle",
        "type": "searchset",
        "total": 120,
        "link": [{"relation": "next", "url": "https://ehr.example.org/fhir?page=2"}],
    }
    response = client.post(SERVICE, json=hook_body).json
    (card,) = response["cards"]
    assert response["extension"]["org.relapsed-all.decision"]["plan"] == "OUT_OF_SCOPE_DISEASE"
    assert "conditions" in card["detail"]
