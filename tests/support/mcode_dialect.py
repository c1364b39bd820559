"""The mCODE dialect: one cancer Condition, its course told by status Observations.

Lineage stands in the histology extension, doses in cGy in the extension of the course, CSF as a
panel with members, MRD in 10*-4 with Specimens of their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from tests.support.fhir_writing import (
    CLINICAL,
    DONOR_TYPES,
    GENES,
    HGNC,
    ICD10,
    ICD10PCS,
    ICDO3,
    LOINC,
    MCODE,
    NCIT,
    PCSP,
    SIDES,
    SNOMED,
    SPECIMEN,
    VERIFICATION,
    Chart,
    Json,
    concept,
    patient_of,
    quantity,
    shifted,
    testis_site,
)

HISTOLOGY = {
    "BCP": ("9811/3", "B lymphoblastic leukemia/lymphoma, NOS"),
    "T": ("9837/3", "Precursor T-cell lymphoblastic leukemia"),
}
ANSWERS = {
    "positive": ("LA6576-8", "Positive"),
    "negative": ("LA6577-6", "Negative"),
    True: ("LA11882-0", "Detected"),
    False: ("LA11883-8", "Not detected"),
}


def mcode_chart(patient_id: str, inputs: Mapping[str, Any]) -> Chart:
    """One Condition from the diagnosis on, and an Observation for each change of its state."""
    chart = Chart(patient_id, "mcode-")
    chart.resources.append(patient_of(patient_id, inputs))
    _disease(chart, inputs)
    _course(chart, inputs)
    if inputs["relapse_number"]:
        _marrow(chart, inputs)
        _csf(chart, inputs)
        _sites(chart, inputs)
        _mrd(chart, inputs)
    _genetics(chart, inputs)
    _earlier_treatment(chart, inputs)
    for donor in inputs.get("donors", []):
        answer = DONOR_TYPES.get(donor["type"])
        if answer is not None:
            content = {"valueCodeableConcept": concept(PCSP, *answer)}
            chart.observation({"text": "Donor type"}, inputs["relapse_date"], **content)
    return chart


def _disease(chart: Chart, inputs: Mapping[str, Any]) -> None:
    histology = HISTOLOGY.get(inputs["phenotype"] or "")
    extension = (
        [
            {
                "url": f"{MCODE}/mcode-histology-morphology-behavior",
                "valueCodeableConcept": concept(ICDO3, *histology),
            }
        ]
        if histology
        else None
    )
    state = ("active", "Active")
    if inputs.get("cr1_date"):
        state = ("remission", "Remission")
    if inputs["relapse_number"]:
        state = ("relapse", "Relapse")
    chart.condition(
        concept(SNOMED, "91857003", "Acute lymphoid leukemia, disease (disorder)"),
        inputs["diagnosis_date"],
        clinicalStatus=concept(CLINICAL, *state),
        extension=extension,
    )
    others = {
        "mature_B": (ICD10, "C91.8", "Mature B-cell leukaemia Burkitt-type"),
        "MPAL": (NCIT, "C82179", "Mixed Phenotype Acute Leukemia"),
    }
    other = others.get(inputs["phenotype"] or "")
    if other:
        chart.condition(concept(*other), inputs["diagnosis_date"])
    if inputs.get("cr1_achieved") is False:
        words = "Refractory acute lymphoid leukemia (disorder)"
        onset = shifted(inputs["diagnosis_date"], 33)
        chart.condition(concept(SNOMED, "12311000132101", words), onset)


def _status(chart: Chart, when: str | None, code: str, words: str) -> None:
    chart.observation(
        concept(LOINC, "97509-4", "Cancer disease progression"),
        when,
        valueCodeableConcept=concept(SNOMED, code, words),
    )


def _course(chart: Chart, inputs: Mapping[str, Any]) -> None:
    remission = ("550991000124107", "Malignant neoplasm in full remission (disorder)")
    recurrence = ("1259237005", "Recurrent malignant neoplasm (disorder)")
    relapse = inputs["relapse_date"]
    if inputs.get("cr1_date"):
        _status(chart, inputs["cr1_date"], *remission)
    if inputs["relapse_number"] > 1:
        _status(chart, shifted(relapse, -240), *recurrence)
        _status(chart, shifted(relapse, -180), *remission)
    if inputs["relapse_number"] and relapse:
        _status(chart, relapse, *recurrence)
    if inputs["relapse_number"] and inputs.get("cr2") is not None:
        worse = ("271299001", "Patient's condition worsened (finding)")
        answer = remission if inputs["cr2"]["achieved"] else worse
        _status(chart, shifted(relapse, 36), *answer)
    first_line = concept(SNOMED, "708255002", "First line treatment")
    ended, begun = inputs["therapy_end_date"], inputs["diagnosis_date"]
    start = {"start": begun} if begun and not (ended and ended < begun) else {}
    if inputs.get("on_therapy"):
        period = start or None
        chart.procedure(first_line, None, status="in-progress", performedPeriod=period)
    elif ended:
        chart.procedure(first_line, None, performedPeriod=start | {"end": ended})


def _specimen(chart: Chart, code: str, words: str) -> Json:
    found = chart.add("Specimen", type=concept(SPECIMEN, code, words))
    return {"specimen": {"reference": f"Specimen/{found['id']}"}}


def _marrow(chart: Chart, inputs: Mapping[str, Any]) -> None:
    when, blasts = inputs["relapse_date"], inputs["marrow_blast_pct"]
    if blasts is not None:
        code = concept(LOINC, "11150-0", "Blasts/100 cells in Bone marrow")
        chart.observation(code, when, valueQuantity=quantity(blasts, "%"))
    for test in ("flow cytometry", "IG/TR PCR")[: inputs.get("bm_confirmatory_tests_ge1pct", 0)]:
        chart.observation(
            {"text": "Measurable residual disease"},
            when,
            method={"text": test},
            valueQuantity=quantity(blasts, "%"),
            **_specimen(chart, "MAR", "Marrow"),
        )


def _csf(chart: Chart, inputs: Mapping[str, Any]) -> None:
    csf, when = inputs["csf"], inputs["relapse_date"]
    if csf is None:
        return
    members = []
    for key, code, words in (
        ("wbc", "806-0", "Leukocytes [#/volume] in Cerebral spinal fluid by Manual count"),
        ("rbc", "26454-9", "Erythrocytes [#/volume] in Cerebral spinal fluid"),
    ):
        if csf[key] is not None:
            # A member without a date of its own: its panel was taken on one day.
            content = {"valueQuantity": quantity(csf[key], "10*6/L")}
            members.append(chart.observation(concept(LOINC, code, words), None, **content))
    if members:
        references = [{"reference": f"Observation/{item['id']}"} for item in members]
        chart.observation({"text": "CSF cell count"}, when, hasMember=references)
    for key, code, words, unit, factor in (
        ("blood_wbc", "26464-8", "Leukocytes [#/volume] in Blood", "10*9/L", 1000),
        (
            "blood_rbc",
            "789-8",
            "Erythrocytes [#/volume] in Blood by Automated count",
            "10*12/L",
            1_000_000,
        ),
    ):
        if csf.get(key) is not None:
            value = float(Decimal(csf[key]) / factor)
            chart.observation(
                concept(LOINC, code, words), when, valueQuantity=quantity(value, unit)
            )
    words = "Microscopic cytologic examination cerebrospinal fluid specimen (procedure)"
    chart.observation(
        concept(SNOMED, "609313004", words),
        when,
        valueCodeableConcept=concept(LOINC, *ANSWERS[bool(csf["blasts"])]),
    )
    if csf["cranial_nerve_palsy"]:
        chart.condition(concept(ICD10, "H49.2", "Sixth [abducent] nerve palsy"), when)


def _sites(chart: Chart, inputs: Mapping[str, Any]) -> None:
    testis, when = inputs.get("testis"), inputs["relapse_date"]
    for side in SIDES if testis else ():
        biopsy = testis.get("biopsy" if testis[side] else "contralateral_biopsy")
        if testis[side]:
            words = "Secondary malignant neoplasm of testis (disorder)"
            site = [testis_site(side)]
            chart.condition(concept(SNOMED, "94623007", words), when, bodySite=site)
        if biopsy:
            chart.observation(
                concept(SNOMED, "1251000", "Incisional biopsy of testis"),
                when,
                bodySite=testis_site(side),
                valueCodeableConcept=concept(LOINC, *ANSWERS[biopsy]),
            )
    if "other:skin" in inputs["sites"]:
        proven = inputs.get("other_biopsy") == "positive"
        status = ("confirmed", "Confirmed") if proven else ("provisional", "Provisional")
        chart.condition(
            concept(SNOMED, "404156009", "Leukemic infiltration of skin (disorder)"),
            when,
            verificationStatus=concept(VERIFICATION, *status),
        )


def _mrd(chart: Chart, inputs: Mapping[str, Any]) -> None:
    methods = {"PCR": "IG/TR real-time PCR", "flow": "Multiparameter flow cytometry"}
    for mrd in inputs.get("mrd", []):
        source = ("BLD", "Whole blood") if mrd.get("specimen") == "PB" else ("MAR", "Marrow")
        method = methods.get(mrd["method"] or "")
        chart.observation(
            {"text": "Measurable residual disease"},
            shifted(inputs["relapse_date"], 7 * mrd["week"]),
            method={"text": method} if method else None,
            **_specimen(chart, *source),
            **_mrd_value(mrd),
        )


def _mrd_value(mrd: Mapping[str, Any]) -> Json:
    if mrd["value"] is None:
        found: Json = {"valueCodeableConcept": concept(LOINC, *ANSWERS[False])}
        if mrd.get("lod"):
            limit = {
                "code": {"text": "Sensitivity of the test"},
                "valueQuantity": quantity(_ten_thousandths(mrd["lod"]), "10*-4"),
            }
            found["component"] = [limit]
        return found
    if mrd["unit"] is None:
        return {"valueQuantity": {"value": float(mrd["value"])}}
    value = Decimal(str(mrd["value"])) / (100 if mrd["unit"] == "%" else 1)
    return {"valueQuantity": quantity(_ten_thousandths(value), "10*-4", mrd.get("op"))}


def _ten_thousandths(fraction: Any) -> float:
    return float(Decimal(str(fraction)) * 10_000)


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
        iscn = {
            "code": concept(LOINC, "81291-7", "Variant ISCN"),
            "valueCodeableConcept": {"text": f"{modal},XY,-3,-7,-17[18]/46,XY[2]"},
        }
        chart.observation({"text": "Karyotype"}, when, component=[iscn])


def _earlier_treatment(chart: Chart, inputs: Mapping[str, Any]) -> None:
    dose = inputs.get("prior_cranial_rt_gy")
    code = concept(SNOMED, "1217123003", "Radiotherapy course of treatment (regime/therapy)")
    site = [concept(SNOMED, "12738006", "Brain structure (body structure)")]
    if dose == 0:
        chart.procedure(code, None, status="not-done", bodySite=site)
    elif dose is not None:
        day = shifted(inputs["cr1_date"], 150)
        total = {"url": "totalDoseDelivered", "valueQuantity": quantity(dose * 100, "cGy")}
        url = f"{MCODE}/mcode-radiotherapy-dose-delivered-to-volume"
        chart.procedure(
            code,
            None,
            performedPeriod={"start": day, "end": day},
            bodySite=site,
            extension=[{"url": url, "extension": [total]}],
        )
    if inputs.get("prior_hsct"):
        words = (
            "Transfusion of Allogeneic Unrelated Hematopoietic Stem Cells into Central Vein, "
            "Percutaneous Approach"
        )
        day = shifted(inputs["relapse_date"], -120)
        chart.procedure(concept(ICD10PCS, "30243Y3", words), day)
