"""The PCSP dialect (European childhood-cancer survivorship): a new Condition per relapse.

Its date is the asserted date and it names what it follows. First-line therapy is a category with
an outcome, doses are Observations in Gy that an extension points at, a CSF sample is one
Observation whose components carry words alone, and MRD is a string.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from tests.support.fhir_writing import (
    CLINICAL,
    DONOR_TYPES,
    ICD10,
    ICD10CM,
    ICDO3,
    INTERPRETATION,
    LOINC,
    MCODE,
    NCIT,
    PCSP,
    SIDES,
    SNOMED,
    VERIFICATION,
    Chart,
    Json,
    concept,
    patient_of,
    quantity,
    shifted,
    taken_from,
)

BASE = "http://hl7.org/fhir/StructureDefinition"
MORPHOLOGY = {
    "BCR-ABL1": ("9812/3", "B lymphoblastic leukemia/lymphoma with t(9;22); BCR-ABL1"),
    "KMT2A-r": ("9813/3", "B lymphoblastic leukemia/lymphoma with t(v;11q23); MLL rearranged"),
    "ETV6-RUNX1": ("9814/3", "B lymphoblastic leukemia/lymphoma with t(12;21); TEL-AML1"),
}
LINEAGE = {
    "BCP": ("277572006", "Pre B-cell acute lymphoblastic leukemia (disorder)"),
    "T": ("277575008", "T-cell acute lymphoblastic leukemia (disorder)"),
}


def pcsp_chart(patient_id: str, inputs: Mapping[str, Any]) -> Chart:
    """The first tumour, and a Condition of its own for every relapse."""
    chart = Chart(patient_id, "pcsp-")
    chart.resources.append(patient_of(patient_id, inputs))
    _disease(chart, inputs)
    _therapy(chart, inputs)
    if inputs["relapse_number"]:
        _marrow(chart, inputs)
        _csf(chart, inputs)
        _sites(chart, inputs)
        _mrd(chart, inputs)
        if inputs.get("cr2") is not None:
            _status(chart, shifted(inputs["relapse_date"], 36), inputs["cr2"]["achieved"])
    _earlier_treatment(chart, inputs)
    for donor in inputs.get("donors", []):
        answer = DONOR_TYPES.get(donor["type"])
        if answer is not None:
            content = {"valueCodeableConcept": concept(PCSP, *answer)}
            chart.observation({"text": "SCT donor"}, inputs["relapse_date"], **content)
    return chart


def _asserted(day: str | None) -> list[Json]:
    return [{"url": f"{BASE}/condition-assertedDate", "valueDateTime": day}] if day else []


def _disease(chart: Chart, inputs: Mapping[str, Any]) -> None:
    unspecified = ("91857003", "Acute lymphoid leukemia, disease (disorder)")
    code = concept(SNOMED, *LINEAGE.get(inputs["phenotype"] or "", unspecified))
    genetics = inputs.get("genetics") or {"lesions": [], "modal_chromosomes": None}
    morphology = [
        {
            "url": f"{MCODE}/mcode-histology-morphology-behavior",
            "valueCodeableConcept": concept(ICDO3, *MORPHOLOGY[lesion]),
        }
        for lesion in genetics["lesions"]
    ]
    # What is known of the genes is known of the relapse, where there is one.
    of_diagnosis = [] if inputs["relapse_number"] else morphology
    extension = [*_asserted(inputs["diagnosis_date"]), *of_diagnosis]
    first = chart.condition(code, None, extension=extension or None)
    others = {
        "mature_B": (ICD10CM, "C91.A2", "Mature B-cell leukemia Burkitt-type, in relapse"),
        "MPAL": (NCIT, "C82179", "Mixed Phenotype Acute Leukemia"),
    }
    other = others.get(inputs["phenotype"] or "")
    if other:
        chart.condition(concept(*other), inputs["diagnosis_date"])
    if inputs.get("cr1_achieved") is False:
        words = "Refractory acute lymphoid leukemia (disorder)"
        asserted = _asserted(shifted(inputs["diagnosis_date"], 33))
        chart.condition(concept(SNOMED, "12311000132101", words), None, extension=asserted)
    if inputs.get("cr1_date"):
        _status(chart, inputs["cr1_date"], achieved=True)
    relapse = inputs["relapse_date"]
    if inputs["relapse_number"] > 1:
        _relapse(chart, code, first, shifted(relapse, -240))
        _status(chart, shifted(relapse, -180), achieved=True)
    if inputs["relapse_number"]:
        _relapse(chart, code, first, relapse, morphology)
    if genetics["modal_chromosomes"] is not None:
        chart.observation(
            concept(LOINC, "29770-5", "Karyotype [Identifier] in Blood or Tissue Nominal"),
            relapse,
            valueString=f"{genetics['modal_chromosomes']},XY,-3,-7,-17[18]/46,XY[2]",
        )


def _relapse(
    chart: Chart, code: Json, first: Json, day: str | None, morphology: Sequence[Json] = ()
) -> None:
    following = {
        "url": f"{BASE}/condition-occurredFollowing",
        "valueReference": {"reference": f"Condition/{first['id']}"},
    }
    chart.condition(
        code,
        None,
        clinicalStatus=concept(CLINICAL, "relapse", "Relapse"),
        extension=[following, *_asserted(day), *morphology],
    )


def _status(chart: Chart, when: str, achieved: bool) -> None:
    answer = (
        ("103338009", "In full remission (qualifier value)")
        if achieved
        else ("271299001", "Patient's condition worsened (finding)")
    )
    chart.observation(
        concept(LOINC, "88040-1", "Response to cancer treatment"),
        when,
        valueCodeableConcept=concept(SNOMED, *answer),
    )


def _therapy(chart: Chart, inputs: Mapping[str, Any]) -> None:
    first_line = concept(SNOMED, "708255002", "First line treatment")
    code = {"text": "ALL protocol, standard arm"}
    ended, begun = inputs["therapy_end_date"], inputs["diagnosis_date"]
    start = {"start": begun} if begun and not (ended and ended < begun) else {}
    if inputs.get("on_therapy"):
        chart.procedure(
            code,
            None,
            category=first_line,
            status="in-progress",
            performedPeriod=start or None,
        )
    elif ended:
        outcome = None
        if inputs.get("cr1_date"):
            outcome = concept(CLINICAL, "remission", "Remission")
        chart.procedure(
            code,
            None,
            category=first_line,
            performedPeriod=start | {"end": ended},
            outcome=outcome,
        )


def _marrow(chart: Chart, inputs: Mapping[str, Any]) -> None:
    when, blasts = inputs["relapse_date"], inputs["marrow_blast_pct"]
    marrow = concept(SNOMED, "14016003", "Bone marrow structure (body structure)")
    if blasts is not None:
        code = concept(LOINC, "11150-0", "Blasts/100 cells in Bone marrow")
        content = {"valueQuantity": quantity(blasts, "%"), "bodySite": marrow}
        chart.observation(code, when, **content)
    for test in ("flow cytometry", "IG/TR PCR")[: inputs.get("bm_confirmatory_tests_ge1pct", 0)]:
        chart.observation(
            {"text": "MRD"},
            when,
            method={"text": test},
            valueQuantity=quantity(blasts, "%"),
            bodySite=marrow,
        )


def _csf(chart: Chart, inputs: Mapping[str, Any]) -> None:
    csf, when = inputs["csf"], inputs["relapse_date"]
    if csf is None:
        return
    parts = [
        {"code": {"text": words}, "valueQuantity": quantity(csf[key], "/mm3")}
        for key, words in (("wbc", "WBC"), ("rbc", "RBC"))
        if csf[key] is not None
    ]
    told = "blasts seen" if csf["blasts"] else "no blasts seen"
    parts.append({"code": {"text": "Blasts"}, "valueString": told})
    chart.observation({"text": "CSF"}, when, component=parts)
    for key, code, words, unit, factor in (
        (
            "blood_wbc",
            "6690-2",
            "Leukocytes [#/volume] in Blood by Automated count",
            "10*3/uL",
            1000,
        ),
        ("blood_rbc", "26453-1", "Erythrocytes [#/volume] in Blood", "10*6/uL", 1_000_000),
    ):
        if csf.get(key) is not None:
            value = float(Decimal(csf[key]) / factor)
            chart.observation(
                concept(LOINC, code, words), when, valueQuantity=quantity(value, unit)
            )
    if csf["cranial_nerve_palsy"]:
        words = "Multiple cranial nerve palsies in neoplastic disease"
        chart.condition(concept(ICD10, "G53.3", words), when)


def _sites(chart: Chart, inputs: Mapping[str, Any]) -> None:
    testis, when = inputs.get("testis"), inputs["relapse_date"]
    for side in SIDES if testis else ():
        biopsy = testis.get("biopsy" if testis[side] else "contralateral_biopsy")
        site = concept(
            SNOMED, "40689003", "Testis structure (body structure)", (SNOMED, *SIDES[side])
        )
        if testis[side]:
            words = "Leukemic infiltration (morphologic abnormality)"
            chart.condition(concept(SNOMED, "446688004", words), when, bodySite=[site])
        if biopsy:
            answer = ("POS", "Positive") if biopsy == "positive" else ("NEG", "Negative")
            chart.observation(
                concept(SNOMED, "1251000", "Incisional biopsy of testis"),
                when,
                bodySite=site,
                interpretation=[concept(INTERPRETATION, *answer)],
            )
    if "other:skin" in inputs["sites"]:
        proven = inputs.get("other_biopsy") == "positive"
        status = ("confirmed", "Confirmed") if proven else ("differential", "Differential")
        chart.condition(
            concept(SNOMED, "404156009", "Leukemic infiltration of skin (disorder)"),
            None,
            verificationStatus=concept(VERIFICATION, *status),
            extension=_asserted(when) or None,
        )


def _mrd(chart: Chart, inputs: Mapping[str, Any]) -> None:
    methods = {"PCR": "RQ-PCR of Ig/TCR", "flow": "FCM"}
    for mrd in inputs.get("mrd", []):
        source = ("BLD", "Whole blood") if mrd.get("specimen") == "PB" else ("MAR", "Marrow")
        method = methods.get(mrd["method"] or "")
        chart.observation(
            {"text": "Minimal residual disease"},
            shifted(inputs["relapse_date"], 7 * mrd["week"]),
            method={"text": method} if method else None,
            valueString=_mrd_text(mrd),
            **taken_from(*source),
        )


def _mrd_text(mrd: Mapping[str, Any]) -> str:
    if mrd["value"] is None:
        return f"undetectable, LOD {mrd['lod']:.0E}" if mrd.get("lod") else "undetectable"
    value = Decimal(str(mrd["value"]))
    if mrd["unit"] is None:
        return f"{value:f}"
    if mrd["unit"] == "%":
        return f"{mrd.get('op') or ''}{value:f} %"
    return f"{mrd.get('op') or ''}{value:E}".replace("E", "e")


def _earlier_treatment(chart: Chart, inputs: Mapping[str, Any]) -> None:
    dose = inputs.get("prior_cranial_rt_gy")
    course = {
        "category": concept(SNOMED, "108290001", "Radiation oncology AND/OR radiotherapy"),
        "bodySite": [concept(SNOMED, "12738006", "Brain structure (body structure)")],
    }
    code = concept(SNOMED, "33195004", "External beam radiotherapy")
    if dose == 0:
        chart.procedure(code, None, status="not-done", **course)
    elif dose is not None:
        total = chart.observation(
            concept(SNOMED, "445461008", "Total radiation dose delivered (observable entity)"),
            None,
            valueQuantity=quantity(dose, "Gy"),
        )
        related = {
            "url": f"{BASE}/resource-relatedInfo",
            "valueReference": {"reference": f"Observation/{total['id']}"},
        }
        day = shifted(inputs["cr1_date"], 150)
        chart.procedure(code, day, extension=[related], **course)
    if inputs.get("prior_hsct"):
        words = "Allogeneic unrelated bone marrow transplant"
        day = shifted(inputs["relapse_date"], -120)
        chart.procedure(concept(SNOMED, "234335003", words), day)
