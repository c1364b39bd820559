"""The EHR dialect: one Condition per coded state (C91.00, C91.01, C91.02), results as LOINC."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.support.fhir_writing import (
    DONOR_TYPES,
    GENES,
    HGNC,
    ICD10CM,
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
    number,
    patient_of,
    quantity,
    shifted,
    taken_from,
    testis_site,
)


def ehr_chart(patient_id: str, inputs: Mapping[str, Any]) -> Chart:
    """One Condition per coded state: C91.00, C91.01, C91.02, as an EHR codes encounters."""
    chart = Chart(patient_id)
    chart.resources.append(patient_of(patient_id, inputs))
    _disease(chart, inputs)
    _therapy(chart, inputs)
    if inputs["relapse_number"]:
        _relapse(chart, inputs)
        _marrow(chart, inputs)
        _csf(chart, inputs)
        _testis(chart, inputs)
        _other_sites(chart, inputs)
        _mrd(chart, inputs)
        _remission(chart, inputs)
    _genetics(chart, inputs)
    _earlier_treatment(chart, inputs)
    _donors(chart, inputs)
    return chart


def _disease(chart: Chart, inputs: Mapping[str, Any]) -> None:
    lineage = {
        "BCP": ((SNOMED, "277571004", "B-cell acute lymphoblastic leukemia (disorder)"),),
        "T": ((SNOMED, "277575008", "T-cell acute lymphoblastic leukemia (disorder)"),),
    }.get(inputs["phenotype"] or "", ())
    words = "Acute lymphoblastic leukemia not having achieved remission"
    chart.condition(concept(ICD10CM, "C91.00", words, *lineage), inputs["diagnosis_date"])
    if inputs["phenotype"] == "mature_B":
        words = "Mature B-cell leukemia Burkitt-type not having achieved remission"
        chart.condition(concept(ICD10CM, "C91.A0", words), inputs["diagnosis_date"])
    if inputs["phenotype"] == "MPAL":
        words = "Mixed Phenotype Acute Leukemia"
        chart.condition(concept(NCIT, "C82179", words), inputs["diagnosis_date"])
    if inputs.get("cr1_date"):
        words = "Acute lymphoblastic leukemia, in remission"
        chart.condition(concept(ICD10CM, "C91.01", words), inputs["cr1_date"])
    if inputs.get("cr1_achieved") is False:
        words = "Refractory acute lymphoid leukemia (disorder)"
        onset = shifted(inputs["diagnosis_date"], 33)
        chart.condition(concept(SNOMED, "12311000132101", words), onset)


def _therapy(chart: Chart, inputs: Mapping[str, Any]) -> None:
    first_line = concept(SNOMED, "708255002", "First line treatment")
    regimen = concept(SNOMED, "716872004", "Antineoplastic chemotherapy regimen (regime/therapy)")
    period = {"start": inputs["diagnosis_date"]} if inputs["diagnosis_date"] else {}
    if inputs.get("on_therapy"):
        chart.procedure(
            regimen,
            None,
            category=first_line,
            status="in-progress",
            performedPeriod=period or None,
        )
    elif inputs["therapy_end_date"]:
        ended = inputs["therapy_end_date"]
        if period and ended < inputs["diagnosis_date"]:
            period = {}
        chart.procedure(regimen, None, category=first_line, performedPeriod=period | {"end": ended})


def _relapse(chart: Chart, inputs: Mapping[str, Any]) -> None:
    words = "Acute lymphoblastic leukemia, in relapse"
    if inputs["relapse_number"] > 1:
        first = shifted(inputs["relapse_date"], -240)
        chart.condition(concept(ICD10CM, "C91.02", words), first)
        _status(chart, shifted(inputs["relapse_date"], -180), achieved=True)
    chart.condition(concept(ICD10CM, "C91.02", words), inputs["relapse_date"])


def _marrow(chart: Chart, inputs: Mapping[str, Any]) -> None:
    when, blasts = inputs["relapse_date"], inputs["marrow_blast_pct"]
    if blasts is not None:
        code = concept(LOINC, "11150-0", "Blasts/100 cells in Bone marrow")
        chart.observation(code, when, valueQuantity=quantity(blasts, "%"))
    for test in ("flow cytometry", "IG/TR PCR")[: inputs.get("bm_confirmatory_tests_ge1pct", 0)]:
        chart.observation(
            {"text": f"MRD bone marrow, {test}"},
            when,
            method={"text": test},
            valueQuantity=quantity(blasts, "%"),
            **taken_from("MAR", "Marrow"),
        )


def _csf(chart: Chart, inputs: Mapping[str, Any]) -> None:
    csf, when = inputs["csf"], inputs["relapse_date"]
    if csf is None:
        return
    counts = (
        (csf["wbc"], "26465-5", "Leukocytes [#/volume] in Cerebral spinal fluid", "/uL"),
        (csf["rbc"], "26454-9", "Erythrocytes [#/volume] in Cerebral spinal fluid", "/uL"),
        (
            csf.get("blood_wbc"),
            "6690-2",
            "Leukocytes [#/volume] in Blood by Automated count",
            "/uL",
        ),
        (
            csf.get("blood_rbc"),
            "789-8",
            "Erythrocytes [#/volume] in Blood by Automated count",
            "/uL",
        ),
    )
    for value, code, words, unit in counts:
        if value is not None:
            content = {"valueQuantity": quantity(value, unit)}
            chart.observation(concept(LOINC, code, words), when, **content)
    answer = (
        ("10828004", "Positive (qualifier value)")
        if csf["blasts"]
        else (
            "260415000",
            "Not detected (qualifier value)",
        )
    )
    words = "Microscopic cytologic examination cerebrospinal fluid specimen (procedure)"
    chart.observation(
        concept(SNOMED, "609313004", words), when, valueCodeableConcept=concept(SNOMED, *answer)
    )
    if csf["cranial_nerve_palsy"]:
        chart.condition(concept(SNOMED, "280816001", "Facial palsy"), when)


def _testis(chart: Chart, inputs: Mapping[str, Any]) -> None:
    testis, when = inputs.get("testis"), inputs["relapse_date"]
    if testis is None:
        return
    involved = [side for side in SIDES if testis[side]]
    for side in involved:
        words = "Secondary malignant neoplasm of testis (disorder)"
        site = [testis_site(side)]
        chart.condition(concept(SNOMED, "94623007", words), when, bodySite=site)
        _biopsy(chart, side, testis.get("biopsy"), when)
    for side in SIDES:
        if side not in involved:
            _biopsy(chart, side, testis.get("contralateral_biopsy"), when)


def _biopsy(chart: Chart, side: str, result: str | None, when: str | None) -> None:
    if result is None:
        return
    answers = {
        "positive": ("10828004", "Positive (qualifier value)"),
        "negative": ("260415000", "Not detected (qualifier value)"),
    }
    chart.observation(
        concept(SNOMED, "1251000", "Incisional biopsy of testis"),
        when,
        bodySite=testis_site(side),
        valueCodeableConcept=concept(SNOMED, *answers[result]),
    )


def _other_sites(chart: Chart, inputs: Mapping[str, Any]) -> None:
    if "other:skin" not in inputs["sites"]:
        return
    proven = inputs.get("other_biopsy") == "positive"
    status = ("confirmed", "Confirmed") if proven else ("unconfirmed", "Unconfirmed")
    chart.condition(
        concept(SNOMED, "404156009", "Leukemic infiltration of skin (disorder)"),
        inputs["relapse_date"],
        verificationStatus=concept(VERIFICATION, *status),
    )


def _mrd(chart: Chart, inputs: Mapping[str, Any]) -> None:
    methods = {"PCR": "IG/TR real-time PCR", "flow": "Flow cytometry"}
    for mrd in inputs.get("mrd", []):
        source = ("BLD", "Whole blood") if mrd.get("specimen") == "PB" else ("MAR", "Marrow")
        method = methods.get(mrd["method"] or "")
        chart.observation(
            {"text": "Minimal residual disease"},
            shifted(inputs["relapse_date"], 7 * mrd["week"]),
            method={"text": method} if method else None,
            **taken_from(*source),
            **_mrd_value(mrd),
        )


def _mrd_value(mrd: Mapping[str, Any]) -> Json:
    if mrd["value"] is None:
        negative = concept(INTERPRETATION, "NEG", "Negative")
        limit = f" (sensitivity {mrd['lod']:.0E})" if mrd.get("lod") else ""
        return {"valueString": f"not detected{limit}", "interpretation": [negative]}
    if mrd["unit"] is None:
        return {"valueQuantity": {"value": number(mrd["value"])}}
    unit = {"fraction": "1", "%": "%"}[mrd["unit"]]
    return {"valueQuantity": quantity(mrd["value"], unit, mrd.get("op"))}


def _status(chart: Chart, when: str, *, achieved: bool) -> None:
    answer = (
        ("550991000124107", "Malignant neoplasm in full remission (disorder)")
        if achieved
        else ("271299001", "Patient's condition worsened (finding)")
    )
    chart.observation(
        concept(LOINC, "97509-4", "Cancer disease progression"),
        when,
        valueCodeableConcept=concept(SNOMED, *answer),
    )


def _remission(chart: Chart, inputs: Mapping[str, Any]) -> None:
    if inputs.get("cr2") is not None:
        _status(chart, shifted(inputs["relapse_date"], 36), achieved=inputs["cr2"]["achieved"])


def _genetics(chart: Chart, inputs: Mapping[str, Any]) -> None:
    genetics = inputs.get("genetics")
    if genetics is None:
        return
    when = inputs["relapse_date"]
    for lesion in genetics["lesions"]:
        genes = [
            {
                "code": concept(LOINC, "48018-6", "Gene studied [ID]"),
                "valueCodeableConcept": concept(HGNC, code, name),
            }
            for code, name in GENES[lesion]
        ]
        chart.observation(
            concept(LOINC, "69548-6", "Genetic variant assessment"),
            when,
            valueCodeableConcept=concept(LOINC, "LA9633-4", "Present"),
            component=genes,
        )
    modal = genetics["modal_chromosomes"]
    if modal is not None:
        chart.observation(
            concept(LOINC, "62356-1", "Chromosome analysis result in ISCN expression"),
            when,
            valueString=f"{modal},XY,-3,-7,-17[18]/46,XY[2]",
        )


def _earlier_treatment(chart: Chart, inputs: Mapping[str, Any]) -> None:
    relapse = inputs["relapse_date"]
    dose = inputs.get("prior_cranial_rt_gy")
    code = concept(SNOMED, "428412000", "Radiotherapy to head (procedure)")
    if dose == 0:
        chart.procedure(code, None, status="not-done")
    elif dose is not None:
        total = {"url": "totalDoseDelivered", "valueQuantity": quantity(dose * 100, "cGy")}
        url = f"{MCODE}/mcode-radiotherapy-dose-delivered-to-volume"
        chart.procedure(
            code, shifted(inputs["cr1_date"], 150), extension=[{"url": url, "extension": [total]}]
        )
    if inputs.get("prior_hsct"):
        words = "Allogeneic bone marrow transplantation (procedure)"
        chart.procedure(concept(SNOMED, "58390007", words), shifted(relapse, -120))


def _donors(chart: Chart, inputs: Mapping[str, Any]) -> None:
    for donor in inputs.get("donors", []):
        answer = DONOR_TYPES.get(donor["type"])
        if answer is not None:
            code = {"text": "Donor type"}
            when = inputs["relapse_date"]
            chart.observation(code, when, valueCodeableConcept=concept(PCSP, *answer))
