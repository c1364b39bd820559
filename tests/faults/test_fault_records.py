"""Answers that are FHIR and yet not what they seem: another child's, struck out, or half read."""

from __future__ import annotations

from typing import Any

import pytest
from fault_calls import asked, service
from fault_kinds import NOT_ASKED, entries, for_another
from fault_server import Asked, FaultServer, Json

DECISION = "org.relapsed-all.decision"


def answering(server: FaultServer, faulty: str, change: Any) -> None:
    """Let the right answer for one type be changed."""

    def act(asked: Asked) -> None:
        found = server.found(asked)
        assert found is not None
        asked.answer(change(found))

    server.faulty, server.fault = faulty, act


def test_the_record_of_another_patient_is_a_422(server: FaultServer) -> None:
    """Merged records answer under another id."""
    answering(server, "Patient", lambda found: found | {"id": "another"})
    response = asked(service(), server)
    assert response.status_code == 422
    assert response.json["issue"][0]["expression"] == ["prefetch.patient", "context.patientId"]


@pytest.mark.parametrize("resource_type", ["Observation", "Group", "Bundle"])
def test_a_read_that_answers_with_another_type_is_a_412(
    server: FaultServer, resource_type: str
) -> None:
    """It is no Patient, whatever it is."""
    answering(server, "Patient", lambda found: {"resourceType": resource_type, "id": found["id"]})
    response = asked(service(), server)
    assert response.status_code == 412
    assert response.json["issue"][0]["expression"] == ["prefetch.patient"]
    assert NOT_ASKED in response.text


@pytest.mark.parametrize("name", ["Condition", "Observation", "Procedure"])
def test_entries_of_another_patient_among_the_right_ones_are_left_out_and_noted(
    server: FaultServer, name: str
) -> None:
    """A sibling's results in the same search."""

    def with_a_sibling(found: Json) -> Json:
        if not entries(found):
            return found
        sibling = entries(found)[0] | {"id": "of-a-sibling", "subject": {"reference": "Patient/s"}}
        return found | {"entry": [*found["entry"], {"resource": sibling}]}

    answering(server, name, with_a_sibling)
    response = asked(service(), server)
    assert response.status_code == 200
    assert "Entries about another patient, ignored" in response.json["cards"][0]["detail"]
    assert "OTHER_PATIENT" in response.json["extension"][DECISION]["flags"]
    assert f"{name}/of-a-sibling" not in str(response.json["extension"][DECISION]["facts"])


def test_what_is_entered_in_error_equals_its_absence(server: FaultServer) -> None:
    """Struck out results decide nothing: the card asks for them."""
    fine = asked(service(), server).json["extension"][DECISION]

    def struck_out(found: Json) -> Json:
        for resource in entries(found):
            resource["status"] = "entered-in-error"
        return found

    answering(server, "Observation", struck_out)
    response = asked(service(), server)
    assert response.status_code == 200
    decision = response.json["extension"][DECISION]
    assert fine["plan"] == "HSCT_HR"
    assert not any("Observation/" in str(fact) for fact in decision["facts"])
    assert "Observation/" in str(fine["facts"])


def test_entries_that_cannot_be_read_beside_others_are_named(server: FaultServer) -> None:
    """One bad entry spoils no other, and is not passed over in silence."""

    def one_bad(found: Json) -> Json:
        return found | {"entry": [*found["entry"], {"resource": {"resourceType": "Condition"}}, 5]}

    answering(server, "Condition", one_bad)
    response = asked(service(), server)
    assert response.status_code == 200
    assert "Entries that could not be read" in response.json["cards"][0]["detail"]


def test_no_condition_about_this_patient_is_never_taken_for_no_condition(
    server: FaultServer,
) -> None:
    """An empty list of cards would say that relapsed ALL is out of the question."""
    answering(server, "Condition", lambda found: for_another(found, "Patient/other", 99))
    response = asked(service(), server)
    assert response.status_code == 412
    assert "records of another patient" in response.text


@pytest.mark.parametrize("status", [400, 422, 501])
def test_a_server_that_does_not_know_the_other_spelling_has_nothing(
    server: FaultServer, status: int
) -> None:
    """It answered ``patient=`` with an empty searchset; ``subject=`` is asked for caution alone."""
    server.record = [item for item in server.record if item["resourceType"] != "Procedure"]
    without = asked(service(), server).json

    def strict(asked: Asked) -> None:
        if "subject=" in asked.target:
            asked.answer({"resourceType": "OperationOutcome", "issue": []}, status)
        else:
            server.right(asked)

    server.faulty, server.fault = "Procedure", strict
    response = asked(service(), server)
    assert response.status_code == 200
    assert "FHIR server" not in response.text
    assert response.json["extension"][DECISION] == without["extension"][DECISION]


@pytest.mark.parametrize("status", [401, 500, 503])
def test_a_server_that_fails_at_the_other_spelling_is_not_taken_to_have_nothing(
    server: FaultServer, status: int
) -> None:
    """Some servers find nothing by ``patient=``, whatever they hold."""

    def fails(asked: Asked) -> None:
        if "subject=" in asked.target:
            asked.answer(b"", status)
        else:
            asked.answer({"resourceType": "Bundle", "type": "searchset", "total": 0})

    server.faulty, server.fault = "Condition", fails
    response = asked(service(), server)
    assert response.status_code == 412
    assert str(status) in response.text
