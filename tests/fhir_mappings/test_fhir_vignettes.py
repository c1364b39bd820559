"""Each vignette, written as FHIR, is read back as exactly the facts that it states."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from fhir_mappings.patient_facts import patient_facts
from fhir_mappings.r4b import built
from fhir_mappings.resources import PrefetchKind, Resources
from relapse_model.amounts import AmountRange, exactly
from relapse_model.dates import known, partial_date
from relapse_model.decide import decide
from relapse_model.facts import PatientFacts, fact
from tests.support.vignette_fhir import bundle_for, patient_id_of, prefetch_for, shifted

AS_OF = date(2026, 1, 15)
FILE = Path(__file__).parents[1] / "vignettes" / "vignettes.json"
VIGNETTES = json.loads(FILE.read_text("utf-8"))["vignettes"]

each_dialect = pytest.mark.parametrize("dialect", ["ehr", "mcode", "pcsp"])
each_vignette = pytest.mark.parametrize("vignette", VIGNETTES, ids=lambda v: v["id"])


def stated_facts(inputs: Mapping[str, Any]) -> PatientFacts:
    """The facts that the inputs of a vignette state, without evidence."""
    diseases = {"mature_B": "mature_B", "MPAL": "mixed_phenotype"}
    facts: dict[str, Any] = {
        "birth_date": fact(partial_date(inputs["birth_date"])),
        "sex": fact("male"),
        "disease": fact(diseases.get(inputs["phenotype"] or "", "ALL")),
        "relapse_number": fact(str(inputs["relapse_number"])),
    }
    if inputs["phenotype"] in {"BCP", "T"}:
        facts["immunophenotype"] = fact(inputs["phenotype"])
    if inputs.get("cr1_achieved") is False:
        facts["cr1_achieved"] = fact("no")
    if inputs.get("prior_hsct"):
        facts["prior_hsct"] = fact("yes")
    if inputs.get("prior_cranial_rt_gy") is not None:
        facts["prior_cranial_rt_gy"] = fact(exactly(inputs["prior_cranial_rt_gy"]))
    facts |= stated_times(inputs) | stated_genetics(inputs)
    if inputs["relapse_number"]:
        facts |= stated_at_relapse(inputs)
    return PatientFacts(as_of=AS_OF, **facts)


def stated_times(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The dates that the inputs state, and whether first-line therapy had ended."""
    keys = {
        "diagnosis_date": "diagnosis_date",
        "cr1_date": "cr1_date",
        "relapse_date": "relapse_date",
        "therapy_end": "therapy_end_date",
    }
    facts: dict[str, Any] = {
        name: fact(partial_date(inputs[key])) for name, key in keys.items() if inputs.get(key)
    }
    if inputs.get("on_therapy"):
        facts["on_therapy"] = fact("yes")
    elif inputs["therapy_end_date"]:
        facts["on_therapy"] = fact("no")
    return facts


def stated_genetics(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The findings that the inputs state; 43 chromosomes are hypodiploid."""
    genetics = inputs.get("genetics")
    if genetics is None:
        return {}
    low = genetics["modal_chromosomes"] is not None
    return {"genetics": fact("+".join(sorted([*genetics["lesions"], *["hypodiploid"] * low])))}


def stated_at_relapse(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """What the inputs state about marrow, CSF, other sites and the second remission."""
    facts: dict[str, Any] = {}
    if inputs["marrow_blast_pct"] is not None:
        facts["marrow_blasts"] = fact(exactly(str(inputs["marrow_blast_pct"])))
    if inputs.get("bm_confirmatory_tests_ge1pct"):
        facts["marrow_confirmation"] = fact("confirmed")
    csf = inputs["csf"] or {}
    for name, key in (
        ("csf_wbc", "wbc"),
        ("csf_rbc", "rbc"),
        ("blood_wbc", "blood_wbc"),
        ("blood_rbc", "blood_rbc"),
    ):
        if csf.get(key) is not None:
            facts[name] = fact(exactly(csf[key]))
    if csf:
        facts["csf_blasts"] = fact("seen" if csf["blasts"] else "not_seen")
        facts["cranial_nerve_palsy"] = fact("yes" if csf["cranial_nerve_palsy"] else "no")
    testis = inputs.get("testis") or {"left": False, "right": False}
    for side in ("left", "right"):
        facts[f"testis_{side}"] = fact("involved" if testis[side] else "not_involved")
        biopsy = testis.get("biopsy" if testis[side] else "contralateral_biopsy")
        if biopsy:
            facts[f"testis_biopsy_{side}"] = fact(biopsy)
    if "other:skin" in inputs["sites"]:
        facts["other_em"] = fact("proven" if inputs.get("other_biopsy") else "unproven")
    if inputs.get("cr2"):
        facts["cr2"] = fact("achieved" if inputs["cr2"]["achieved"] else "not_achieved")
    return facts


def stated_mrd(inputs: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """(day, fraction, method, specimen) of each MRD result that the inputs state."""
    methods = {"PCR": "pcr", "flow": "flow", None: "unknown"}
    return [
        (
            known(date.fromisoformat(shifted(inputs["relapse_date"], 7 * mrd["week"]))),
            stated_fraction(mrd),
            methods[mrd["method"]],
            "blood" if mrd.get("specimen") == "PB" else "marrow",
        )
        for mrd in inputs.get("mrd", [])
    ]


def stated_fraction(mrd: Mapping[str, Any]) -> AmountRange | None:
    """The interval that one MRD input states, None where it states none."""
    if mrd["value"] is None:
        lod = mrd.get("lod")
        return AmountRange(Decimal(0), Decimal(str(lod)), high_open=True) if lod else None
    if mrd["unit"] is None:
        return None
    value = Decimal(str(mrd["value"])) / (100 if mrd["unit"] == "%" else 1)
    if mrd.get("op") == "<":
        return AmountRange(Decimal(0), value, high_open=True)
    return exactly(value)


def facts_of(vignette: Mapping[str, Any], dialect: str = "ehr") -> PatientFacts:
    """The facts that are read from the FHIR form of a vignette."""
    resources = Resources()
    state = resources.add(json.dumps(bundle_for(vignette, dialect)).encode(), "bundle")
    assert state.kind is PrefetchKind.DATA
    assert not state.truncated
    return patient_facts(resources, patient_id=patient_id_of(vignette), as_of=AS_OF)


def decision_of(facts: PatientFacts) -> dict[str, Any]:
    """The decision document without the places where its facts were read."""
    document = decide(facts).document()
    return {name: value for name, value in document.items() if name != "facts"}


@each_dialect
@each_vignette
def test_a_vignette_as_fhir_gives_exactly_the_facts_it_states(
    vignette: dict[str, Any], dialect: str
) -> None:
    """Every fact has the stated values, and what is not stated keeps its silence."""
    stated = stated_facts(vignette["inputs"]).named()
    read = {name: value.values for name, value in facts_of(vignette, dialect).named().items()}
    assert read == {name: value.values for name, value in stated.items()}


@each_dialect
@each_vignette
def test_a_vignette_as_fhir_gives_exactly_the_mrd_it_states(
    vignette: dict[str, Any], dialect: str
) -> None:
    """Day, fraction, method and specimen of each result survive; other tests are not MRD."""
    read = [(m.taken, m.fraction, m.method, m.specimen) for m in facts_of(vignette, dialect).mrd]
    assert read == stated_mrd(vignette["inputs"])


@pytest.mark.parametrize("dialect", ["mcode", "pcsp", "mixed"])
@each_vignette
def test_the_same_child_gets_the_same_decision_in_every_dialect(
    vignette: dict[str, Any], dialect: str
) -> None:
    """Flags, wanted facts and sentences included; also with all three dialects in one chart."""
    assert decision_of(facts_of(vignette, dialect)) == decision_of(facts_of(vignette))


@each_dialect
@each_vignette
def test_a_clean_record_draws_no_remark(vignette: dict[str, Any], dialect: str) -> None:
    """Nothing in the FHIR form of a vignette is unreadable, foreign or contradictory."""
    assert facts_of(vignette, dialect).remarks == ()


@each_dialect
@each_vignette
def test_every_known_fact_cites_a_resource_of_the_record_and_its_element(
    vignette: dict[str, Any], dialect: str
) -> None:
    """Evidence names resources that were sent; the note names the element that was read."""
    sent = {
        f"{entry['resource']['resourceType']}/{entry['resource']['id']}"
        for entry in bundle_for(vignette, dialect)["entry"]
    }
    facts = facts_of(vignette, dialect)
    for name, value in facts.named().items():
        assert set(value.evidence) <= sent
        assert bool(value.evidence) == ("read from " in value.note), name
    assert facts.disease.evidence
    assert all(set(mrd.evidence) <= sent for mrd in facts.mrd)


@each_dialect
@each_vignette
def test_findings_carry_the_day_on_which_they_were_observed(
    vignette: dict[str, Any], dialect: str
) -> None:
    """The card shows a date beside every result that has one."""
    inputs = vignette["inputs"]
    if not inputs["relapse_date"]:
        return
    facts = facts_of(vignette, dialect).named()
    day = partial_date(inputs["relapse_date"])
    findings = ("marrow_blasts", "csf_wbc", "csf_rbc", "csf_blasts", "testis_left", "other_em")
    for name in findings:
        if facts[name].evidence:
            assert facts[name].taken == day, name


@each_dialect
@each_vignette
def test_the_prefetch_holds_the_same_record_as_the_bundle(
    vignette: dict[str, Any], dialect: str
) -> None:
    """Reading the prefetch values gives the same facts as reading one Bundle."""
    resources = Resources()
    for key, value in prefetch_for(vignette, dialect).items():
        resources.add(json.dumps(value).encode(), key)
    facts = patient_facts(resources, patient_id=patient_id_of(vignette), as_of=AS_OF)
    assert facts == facts_of(vignette, dialect)


@each_dialect
@each_vignette
def test_the_generated_resources_are_valid_fhir(vignette: dict[str, Any], dialect: str) -> None:
    """Every resource of a vignette validates against FHIR R4B."""
    for entry in bundle_for(vignette, dialect)["entry"]:
        built(entry["resource"])
