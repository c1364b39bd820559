"""Marrow, CSF, blood, MRD and genetics out of Observations."""

# ruff: noqa: PLR0913, PLR0917 - fixtures come as arguments

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fhir_mappings.codes import site_codes
from fhir_mappings.genetics import modal_numbers
from fhir_mappings.site_codes import SiteCode
from relapse_model.facts import ANY_AMOUNT, ANY_PERCENTAGE, PatientFacts

Write = Callable[..., dict[str, Any]]
Read = Callable[..., PatientFacts]
Record = list[dict[str, Any]]
DAY = "2024-03-20"


def values(fact: Any) -> set[str]:
    """Values of a fact as text."""
    return {str(value) for value in fact.values}


def flags(facts: PatientFacts) -> set[str]:
    """Flags of the remarks."""
    return {remark.flag for remark in facts.remarks}


def test_marrow_is_read_at_relapse_and_the_nearest_counts(
    read: Read, relapsed: Record, result: Write
) -> None:
    """Neither the diagnosis marrow nor one a month later."""
    found = [
        result("loinc 11150-0", value, "%", effectiveDateTime=when)
        for value, when in (
            (95, "2022-01-10"),
            (30, "2024-03-29"),
            (60, "2024-03-21"),
            (1, "2024-05-01"),
        )
    ]
    assert values(read(*relapsed, *found).marrow_blasts) == {"60"}


def test_equally_near_results_that_disagree_give_both(
    read: Read, relapsed: Record, result: Write
) -> None:
    """Two marrows of one day."""
    found = [result("loinc 11150-0", value, "%") for value in (4, 6)]
    assert values(read(*relapsed, *found).marrow_blasts) == {"4", "6"}


@pytest.mark.parametrize("code", ["26446-5", "709-6", "34922-5"])
def test_blood_blasts_are_never_marrow(
    read: Read, relapsed: Record, result: Write, code: str
) -> None:
    """Nor is a result without a date placed at a relapse that has one."""
    undated = result("loinc 11150-0", 80, "%", effectiveDateTime=None)
    facts = read(*relapsed, result(f"loinc {code}", 80, "%"), undated)
    assert facts.marrow_blasts == ANY_PERCENTAGE


@pytest.mark.parametrize(
    ("value", "unit", "per_microlitre"),
    [
        (5, "/uL", "5"),
        (0.005, "10*9/L", "5"),
        (0.005, "10*3/uL", "5"),
        (5, "10*6/L", "5"),
        (5, "/mm3", "5"),
        (5, "cells/mcL", "5"),
        (0.005, "x10E9/L", "5"),
        (5, "/\u00b5L", "5"),
    ],
)
def test_csf_counts_are_converted_exactly(
    read: Read, relapsed: Record, result: Write, value: float, unit: str, per_microlitre: str
) -> None:
    """One count in any accepted unit."""
    assert values(read(*relapsed, result("loinc 806-0", value, unit)).csf_wbc) == {per_microlitre}


@pytest.mark.parametrize("unit", [None, "K/uL", "G/L", "%", "per uL"])
def test_a_csf_count_in_no_accepted_unit_is_rejected_and_flagged(
    read: Read, relapsed: Record, result: Write, unit: str | None
) -> None:
    """Look-alikes of UCUM and missing units."""
    facts = read(*relapsed, result("loinc 806-0", 5, unit))
    assert facts.csf_wbc == ANY_AMOUNT
    assert flags(facts) == {"UNREADABLE"}


def test_unit_and_unit_code_that_disagree_stop_the_result(
    read: Read, relapsed: Record, result: Write
) -> None:
    """A factor between them is a factor of danger."""
    quantity = {"value": 5, "unit": "10*3/uL", "code": "/uL", "system": "http://unitsofmeasure.org"}
    facts = read(*relapsed, result("loinc 806-0", valueQuantity=quantity))
    assert facts.csf_wbc == ANY_AMOUNT


def test_a_blood_code_with_a_csf_specimen_is_a_conflict_and_unknown(
    read: Read, relapsed: Record, result: Write
) -> None:
    """26464-8 is blood whatever is said of it; it becomes neither."""
    specimen = {"contained": [{"resourceType": "Specimen", "id": "s", "type": {"text": "CSF"}}]}
    stray = result("loinc 26464-8", 12, specimen={"reference": "#s"}, **specimen)
    facts = read(*relapsed, stray, result("loinc 26454-9", 0))
    assert facts.csf_wbc == ANY_AMOUNT
    assert facts.blood_wbc == ANY_AMOUNT
    assert flags(facts) == {"CODE_TEXT_CONFLICT"}


def test_nucleated_cells_are_shown_and_not_used(
    read: Read, relapsed: Record, result: Write
) -> None:
    """58470-6 is not a leukocyte count."""
    facts = read(*relapsed, result("loinc 58470-6", 12))
    assert facts.csf_wbc == ANY_AMOUNT
    assert flags(facts) == {"DATA_INCOMPLETE"}


def test_components_are_walked(read: Read, relapsed: Record, resource: Write, coded: Write) -> None:
    """One CSF Observation with coded components."""
    parts = [
        {"code": coded(f"loinc {code}"), "valueQuantity": {"value": value, "unit": "/uL"}}
        for code, value in (("26465-5", 3), ("26454-9", 1200))
    ]
    panel = resource("Observation", code={"text": "CSF"}, effectiveDateTime=DAY, component=parts)
    facts = read(*relapsed, panel)
    assert (values(facts.csf_wbc), values(facts.csf_rbc)) == ({"3"}, {"1200"})


def test_components_in_words_alone_are_read_in_a_csf_panel(
    read: Read, relapsed: Record, resource: Write
) -> None:
    """WBC, RBC and blasts of a panel that calls itself CSF; elsewhere they are nothing."""
    parts = [
        {"code": {"text": "WBC"}, "valueQuantity": {"value": 3, "unit": "/uL"}},
        {"code": {"text": "RBC"}, "valueQuantity": {"value": 1200, "unit": "/uL"}},
        {"code": {"text": "Blasts"}, "valueString": "seen"},
    ]
    panel = resource("Observation", code={"text": "CSF"}, effectiveDateTime=DAY, component=parts)
    facts = read(*relapsed, panel)
    assert (values(facts.csf_wbc), values(facts.csf_rbc)) == ({"3"}, {"1200"})
    assert values(facts.csf_blasts) == {"seen"}
    assert read(*relapsed, panel | {"code": {"text": "Blood count"}}).csf_wbc == ANY_AMOUNT


@pytest.mark.parametrize(
    ("code", "content", "blasts"),
    [
        ("loinc 26447-3", {"valueQuantity": {"value": 0, "unit": "%"}}, {"not_seen"}),
        ("loinc 26447-3", {"valueQuantity": {"value": 3, "unit": "%"}}, {"seen"}),
        (
            "loinc 26447-3",
            {"valueQuantity": {"value": 1, "unit": "%", "comparator": "<"}},
            {"seen", "not_seen"},
        ),
        ("snomed 609313004", {"valueString": "No blasts seen"}, {"not_seen"}),
        ("snomed 609313004", {"valueString": "Blasts present"}, {"seen"}),
        ("snomed 609313004", {"valueString": "see report"}, {"seen", "not_seen"}),
    ],
)
def test_csf_blasts_come_from_counts_or_cytology(
    read: Read,
    relapsed: Record,
    result: Write,
    code: str,
    content: dict[str, Any],
    blasts: set[str],
) -> None:
    """Seen, not seen, or not to be told."""
    assert values(read(*relapsed, result(code, **content)).csf_blasts) == blasts


def test_blood_counts_belong_to_the_tap_within_two_days(
    read: Read, relapsed: Record, result: Write
) -> None:
    """Erythrocytes are counted in millions."""
    tap = result("loinc 26454-9", 1000)
    near = result("loinc 789-8", 4, "10*12/L", effectiveDateTime="2024-03-22")
    far = result("loinc 6690-2", 40, "10*9/L", effectiveDateTime="2024-03-23")
    facts = read(*relapsed, tap, near, far)
    assert values(facts.blood_rbc) == {"4000000"}
    assert facts.blood_wbc == ANY_AMOUNT


def test_a_preliminary_result_is_shown_and_never_decides(
    read: Read, relapsed: Record, result: Write
) -> None:
    """Its remark names it."""
    facts = read(*relapsed, result("loinc 11150-0", 80, "%", status="preliminary"))
    assert facts.marrow_blasts == ANY_PERCENTAGE
    assert flags(facts) == {"DATA_INCOMPLETE"}


def test_an_amended_result_replaces_what_it_amends(
    read: Read, relapsed: Record, result: Write
) -> None:
    """Even where only the amended one carries the laboratory's number."""
    amended = result("loinc 11150-0", 2, "%", status="amended", identifier=[{"value": "LAB-77"}])
    assert values(read(*relapsed, result("loinc 11150-0", 80, "%"), amended).marrow_blasts) == {"2"}


def test_of_several_amendments_the_last_issued_stands(
    read: Read, relapsed: Record, result: Write
) -> None:
    """And a result with another laboratory number is another result."""
    known = {"identifier": [{"value": "LAB-77"}]}
    first = result("loinc 11150-0", 80, "%", **known)
    second = result(
        "loinc 11150-0", 40, "%", status="amended", issued="2024-03-21T08:00:00Z", **known
    )
    third = result(
        "loinc 11150-0", 20, "%", status="corrected", issued="2024-03-22T08:00:00Z", **known
    )
    other = result("loinc 11150-0", 3, "%", identifier=[{"value": "LAB-78"}])
    assert values(read(*relapsed, third, second, first).marrow_blasts) == {"20"}
    assert values(read(*relapsed, third, other).marrow_blasts) == {"20", "3"}


@pytest.mark.parametrize(
    ("value", "fraction"),
    [
        ({"valueString": "<0.01%"}, "<0.0001"),
        ({"valueQuantity": {"value": 0.01, "comparator": "<", "unit": "%"}}, "<0.0001"),
        ({"valueString": "5e-5"}, "0.00005"),
        ({"valueString": "2 x 10E-4"}, "0.0002"),
        ({"valueString": "not detected (sensitivity 1E-4)"}, "<0.0001"),
        ({"valueString": "positive, not quantifiable (<1E-4)"}, "<0.0001"),
        ({"valueString": "0,02 %"}, "0.0002"),
        ({"valueQuantity": {"value": 3, "unit": "10*-4"}}, "0.0003"),
        ({"valueQuantity": {"value": 100, "code": "[ppm]"}}, "0.0001"),
        ({"valueRatio": {"numerator": {"value": 23}, "denominator": {"value": 100000}}}, "0.00023"),
        ({"valueString": "0.005"}, "None"),
        ({"valueString": "10E-4"}, "None"),
        ({"valueString": "0.1 %, repeat 0.3 %"}, "None"),
        ({"valueString": "negative"}, "None"),
        ({"valueString": "negative, 0.02 %"}, "None"),
        ({"valueQuantity": {"value": 0.01}}, "None"),
        ({"valueQuantity": {"value": 0, "unit": "%"}}, "None"),
        ({"valueQuantity": {"value": -3.7, "unit": "log10"}}, "None"),
        ({"valueQuantity": {"value": 0.01, "unit": "%{IS}"}}, "None"),
    ],
)
def test_every_way_of_writing_mrd_becomes_an_interval_or_indeterminate(
    read: Read, relapsed: Record, mrd: Write, value: dict[str, Any], fraction: str
) -> None:
    """No unit and no sensitivity: no interval."""
    (found,) = read(*relapsed, mrd(**value)).mrd
    assert (str(found.fraction), found.method, found.specimen) == (fraction, "pcr", "marrow")


@pytest.mark.parametrize(
    "content",
    [
        {"code": {"text": "MRD multiple myeloma"}},
        {"code": {"text": "MRD AML"}},
        {"code": {"text": "BCR-ABL1 MRD, IS"}},
        {"effectiveDateTime": "2022-02-12"},
        {"effectiveDateTime": DAY},
        {"valueString": None, "dataAbsentReason": {"coding": [{"code": "not-performed"}]}},
        {"status": "preliminary"},
    ],
)
def test_what_is_not_a_response_of_this_leukaemia_is_no_mrd(
    read: Read, relapsed: Record, mrd: Write, content: dict[str, Any]
) -> None:
    """Other diseases, earlier measurements, tests that were not performed."""
    found = mrd(**({"valueString": "0.3 %"} | content))
    assert read(*relapsed, {k: v for k, v in found.items() if v is not None}).mrd == ()


def test_a_site_names_its_own_mrd_codes(read: Read, relapsed: Record, mrd: Write) -> None:
    """A local code without telling words counts when the site lists it."""
    local = {"coding": [{"system": "http://lab.example.org", "code": "bm-all"}]}
    found = mrd(code=local, valueString="0.3%")
    assert read(*relapsed, found).mrd == ()
    own = SiteCode("mrd", "http://lab.example.org", "bm-all", "MRD of ALL", "a test")
    assert len(read(*relapsed, found, site=site_codes([own])).mrd) == 1


@pytest.mark.parametrize(
    ("words", "method"),
    [
        ({"method": {"text": "Flow cytometry"}}, "flow"),
        ({"method": {"text": "NGS of IGH"}}, "ngs"),
        ({"method": {"text": "BCR::ABL1 fusion transcript RT-PCR"}}, "fusion_transcript"),
        ({"method": {"text": "flow or PCR"}}, "unknown"),
        ({"method": None}, "unknown"),
    ],
)
def test_the_method_is_read_from_method_or_words(
    read: Read, relapsed: Record, mrd: Write, words: dict[str, Any], method: str
) -> None:
    """Two methods at once are none."""
    (found,) = read(*relapsed, mrd(valueString="0.3%", **words)).mrd
    assert found.method == method


def test_a_specimen_that_is_not_stated_is_unknown(read: Read, relapsed: Record, mrd: Write) -> None:
    """Marrow is never assumed; blood by its words is blood."""
    plain = mrd(code={"text": "MRD"}, valueString="0.3%", specimen=None)
    blood = mrd(code={"text": "MRD PB"}, valueString="0.3%", specimen=None)
    found = read(*relapsed, plain, blood).mrd
    assert sorted(item.specimen for item in found) == ["blood", "unknown"]


@pytest.mark.parametrize(
    ("iscn", "findings"),
    [
        ("43,XY,-3,-7,-17[18]", {"hypodiploid"}),
        ("44,XX,-7,-17[12]", {"not_reported"}),
        ("43~45,XX[8]", {"hypodiploid", "not_reported"}),
        ("46,XY,t(9;22)(q34;q11.2)[20]", {"BCR-ABL1"}),
        ("46,XY,t(4;11)(q21;q23)[20]", {"KMT2A-r"}),
        ("46,XY,t(11;19)(q23;p13.3)[20]", {"KMT2A-r"}),
        ("46,XY,t(12;21)(p13;q22)[20]", {"ETV6-RUNX1"}),
        ("46,XY,t(1;19)(q23;p13)[20]", {"not_reported"}),
        ("no metaphases", {"not_reported"}),
    ],
)
def test_karyotypes_are_read_as_iscn(
    read: Read, relapsed: Record, result: Write, iscn: str, findings: set[str]
) -> None:
    """Translocations and the modal number; 43 is hypodiploid and 44 is not."""
    facts = read(*relapsed, result("loinc 62356-1", valueString=iscn))
    assert values(facts.genetics) == findings


def test_a_modal_range_covers_all_its_numbers() -> None:
    """``43~45`` is 43, 44 and 45, per clone."""
    assert modal_numbers("43~45,XX/46,XX") == [range(43, 46), range(46, 47)]


def test_hypodiploidy_by_code_alone_is_not_below_44(
    read: Read, relapsed: Record, resource: Write, coded: Write
) -> None:
    """The modal number is wanted."""
    subtype = resource("Condition", code=coded("snomed 450954006"), onsetDateTime="2022-01-10")
    assert values(read(*relapsed, subtype).genetics) == {"hypodiploid", "not_reported"}


def test_a_philadelphia_negative_code_is_not_positive(
    read: Read, relapsed: Record, resource: Write, coded: Write
) -> None:
    """714251006 names the chromosome in order to deny it."""
    negative = resource("Condition", code=coded("snomed 714251006"), onsetDateTime="2022-01-10")
    assert values(read(*relapsed, negative).genetics) == {"not_reported"}


def test_a_resistance_mutation_is_read_from_an_abl1_variant(
    read: Read, relapsed: Record, result: Write, coded: Write
) -> None:
    """T315I in the words of the result."""
    gene = {
        "code": coded("loinc 48018-6"),
        "valueCodeableConcept": {
            "coding": [{"system": "http://www.genenames.org", "code": "HGNC:76"}]
        },
    }
    facts = read(*relapsed, result("loinc 69548-6", valueString="T315I", component=[gene]))
    assert values(facts.abl_mutation) == {"resistant"}
