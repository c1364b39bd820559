"""Dirty data as seen in public FHIR records: patterns 1 to 12, values, codes and versions.

The number in a test's name is that of the pattern. An outcome is: read rightly, a conflict that
is shown, unreadable and named, or left possible for a person to confirm; never a silent drop and
never a default.
"""

# ruff: noqa: PLR0913, PLR0917 - fixtures come as arguments

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from relapse_model.dates import partial_date
from relapse_model.facts import ANY_AMOUNT, ANY_PERCENTAGE, PatientFacts
from tests.support.fact_words import noticed, of, values

Write = Callable[..., dict[str, Any]]
Read = Callable[..., PatientFacts]
Record = list[dict[str, Any]]


def test_01_mrd_as_a_string_with_comparator(read: Read, relapsed: Record, mrd: Write) -> None:
    """Read as an interval; the report is kept in its own words."""
    (found,) = read(*relapsed, mrd(valueString="<0.01%")).mrd
    assert (str(found.fraction), found.text) == ("<0.0001", "<0.01%")


def test_02_mrd_quantity_with_comparator(read: Read, relapsed: Record, mrd: Write) -> None:
    """Below the limit, not at it."""
    quantity = {"value": 0.01, "comparator": "<", "unit": "%", "code": "%"}
    (found,) = read(*relapsed, mrd(valueQuantity=quantity)).mrd
    assert str(found.fraction) == "<0.0001"


@pytest.mark.parametrize(
    ("value", "fraction"),
    [
        ({"valueString": "2 x 10E-4"}, "0.0002"),
        ({"valueString": "5e-5"}, "0.00005"),
        ({"valueQuantity": {"value": -3.7, "unit": "log10"}}, "None"),
        ({"valueRatio": {"numerator": {"value": 23}, "denominator": {"value": 100000}}}, "0.00023"),
    ],
)
def test_03_mrd_as_power_logarithm_or_ratio(
    read: Read, relapsed: Record, mrd: Write, value: dict[str, Any], fraction: str
) -> None:
    """Powers and ratios are read; a logarithm without base and sign is indeterminate."""
    (found,) = read(*relapsed, mrd(**value)).mrd
    assert str(found.fraction) == fraction


def test_04_mrd_in_words_alone(read: Read, relapsed: Record, mrd: Write) -> None:
    """Not detected is not zero without a sensitivity, and not performed is no result."""
    coding = {"coding": [{"system": "http://loinc.org", "code": "LA11883-8"}]}
    (found,) = read(*relapsed, mrd(valueCodeableConcept=coding)).mrd
    assert found.fraction is None
    (found,) = read(*relapsed, mrd(valueString="positive, not quantifiable (<1E-4)")).mrd
    assert str(found.fraction) == "<0.0001"
    absent = mrd(dataAbsentReason={"coding": [{"code": "not-performed"}]})
    assert read(*relapsed, absent).mrd == ()


def test_05_a_local_code_alone(read: Read, relapsed: Record, mrd: Write) -> None:
    """Found by its words; by its code where the site lists it (docs/local-codes.md)."""
    coding = [{"system": "http://lab.example/local", "code": "bm-mrd-all"}]
    (found,) = read(
        *relapsed, mrd(code={"coding": coding, "text": "Bm-MRD, ALL"}, valueString="0.3%")
    ).mrd
    assert str(found.fraction) == "0.003"


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("loinc 26464-8", "Leukocytes [#/volume] in Cerebral spinal fluid"),
        ("loinc 26453-1", "Erythrocytes in CSF"),
        ("loinc 11150-0", "Blasts in peripheral blood"),
    ],
)
def test_06_right_text_wrong_code(
    read: Read, relapsed: Record, result: Write, coded: Write, code: str, words: str
) -> None:
    """A conflict: neither what the code says nor what the text says."""
    tap = result("loinc 26454-9", 0)
    stray = result(code, 12, "%" if "11150" in code else "/uL")
    stray["code"]["coding"][0]["display"] = words
    facts = read(*relapsed, tap, stray)
    assert (facts.csf_wbc, facts.blood_wbc, facts.blood_rbc) == (ANY_AMOUNT,) * 3
    assert facts.marrow_blasts == ANY_PERCENTAGE
    assert noticed(facts) == [("CODE_TEXT_CONFLICT", of(stray))]
    assert coded(code)["coding"][0]["code"] in code


@pytest.mark.parametrize("system", ["icd10", "ICD10", None, "http://loinc.org"])
def test_07_wrong_system_for_the_code(
    read: Read, relapsed: Record, resource: Write, result: Write, system: str | None
) -> None:
    """Unreadable and named, for Conditions and results alike."""
    stray = resource("Condition", code={"coding": [{"system": system, "code": "277575008"}]})
    marrow = result("loinc 11150-0", 80, "%")
    marrow["code"]["coding"][0]["system"] = "http://lab.example.org" if system else None
    for found in (stray, marrow):
        found["code"]["coding"] = [
            {k: v for k, v in item.items() if v} for item in found["code"]["coding"]
        ]
    facts = read(*relapsed, stray, marrow)
    assert values(facts.immunophenotype) == {"BCP", "T"}
    assert facts.marrow_blasts == ANY_PERCENTAGE
    assert noticed(facts) == [("UNREADABLE", of(stray)), ("UNREADABLE", of(marrow))]


def test_07_an_alias_of_a_system_and_spaces_are_read(
    read: Read, relapsed: Record, resource: Write
) -> None:
    """The object identifier of SNOMED CT is SNOMED CT."""
    coding = {"system": "urn:oid:2.16.840.1.113883.6.96 ", "code": " 277575008 "}
    leukaemia = resource("Condition", code={"coding": [coding]}, onsetDateTime="2022-01-10")
    assert values(read(*relapsed, leukaemia).immunophenotype) == {"T"}


@pytest.mark.parametrize(
    ("value", "unit", "count"),
    [
        (5, "cells/mcL", "5"),
        (0.005, "x10E9/L", "5"),
        (5, "#/uL", "5"),
        (5, "/cumm", "5"),
        (5, "K/uL", ">=0"),
        (5, "G/L", ">=0"),
        (5, None, ">=0"),
    ],
)
def test_08_units_outside_ucum(
    read: Read, relapsed: Record, result: Write, value: float, unit: str | None, count: str
) -> None:
    """Spellings of laboratories by a list; look-alikes and a missing unit are refused and named."""
    stray = result("loinc 806-0", value, unit)
    facts = read(*relapsed, stray)
    assert values(facts.csf_wbc) == {count}
    assert noticed(facts) == ([("UNREADABLE", of(stray))] if count == ">=0" else [])


@pytest.mark.parametrize(
    ("quantity", "dose"),
    [
        ({"value": 18, "unit": "Gy"}, "18"),
        ({"value": 1800, "unit": "Gy", "code": "cGy", "system": "http://unitsofmeasure.org"}, None),
        ({"value": 1800, "unit": "rad"}, None),
        ({"value": 1800}, None),
    ],
)
@pytest.mark.parametrize(
    "write",
    [
        lambda q: {
            "url": "https://www.medizininformatik-initiative.de/fhir/ext/modul-onko/"
            "StructureDefinition/mii-ex-onko-strahlentherapie-bestrahlung",
            "extension": [{"url": "Gesamtdosis", "valueQuantity": q}],
        },
        lambda q: {
            "url": "http://hl7.org/fhir/us/mcode/StructureDefinition/"
            "mcode-radiotherapy-dose-delivered-to-volume",
            "extension": [{"url": "totalDoseDelivered", "valueQuantity": q}],
        },
    ],
    ids=["mii", "mcode"],
)
def test_09_unit_and_unit_code_disagree(
    read: Read,
    relapsed: Record,
    resource: Write,
    coded: Write,
    quantity: dict[str, Any],
    dose: str | None,
    write: Callable[[Any], dict[str, Any]],
) -> None:
    """The code in ``unit`` is read, a factor of hundred stops it; in both profiles."""
    course = resource(
        "Procedure",
        code=coded("snomed 428412000"),
        performedDateTime="2022-06-01",
        extension=[write(quantity)],
    )
    facts = read(*relapsed, course)
    assert values(facts.prior_cranial_rt_gy) == {dose or ">=0"}
    assert noticed(facts) == ([] if dose else [("UNREADABLE", of(course))])


def test_10_entered_in_error_refuted_cancelled_preliminary(
    read: Read, relapsed: Record, result: Write
) -> None:
    """The first three equal absence; preliminary is shown and never decides."""
    relapsed[3]["verificationStatus"] = {"coding": [{"code": "refuted"}]}
    struck = [
        result("loinc 11150-0", 80, "%", status=status)
        for status in ("entered-in-error", "cancelled")
    ]
    assert read(*relapsed, *struck) == read(*relapsed[:3])
    del relapsed[3]["verificationStatus"]
    early = result("loinc 11150-0", 80, "%", status="preliminary")
    facts = read(*relapsed, early)
    assert facts.marrow_blasts == ANY_PERCENTAGE
    assert noticed(facts) == [("DATA_INCOMPLETE", of(early))]


def test_11_amended_results_and_finals_that_differ(
    read: Read, relapsed: Record, result: Write
) -> None:
    """An amendment replaces; two finals of one day that differ both stand."""
    known = {"identifier": [{"value": "LAB-77"}]}
    first = result("loinc 11150-0", 20, "%", **known)
    amended = result("loinc 11150-0", 2, "%", status="amended", **known)
    assert values(read(*relapsed, amended, first).marrow_blasts) == {"2"}
    second = result("loinc 11150-0", 60, "%")
    assert values(read(*relapsed, first, second).marrow_blasts) == {"20", "60"}


def test_12_one_result_from_two_sources_in_two_time_zones(
    read: Read, relapsed: Record, mrd: Write
) -> None:
    """The local date counts; a different result of the day before is another one."""
    day = mrd(valueString="0.3%", effectiveDateTime="2024-04-24")
    moment = mrd(valueString="0.3%", effectiveDateTime="2024-04-23T22:00:00Z")
    (found,) = read(*relapsed, day, moment).mrd
    assert found.taken == partial_date("2024-04-24")
    other = mrd(valueString="0.2%", effectiveDateTime="2024-04-23T22:00:00Z")
    assert len(read(*relapsed, day, other).mrd) == 2


@pytest.mark.parametrize("kind", ["contained", "sent"])
def test_10_a_specimen_entered_in_error_equals_its_absence(
    read: Read, relapsed: Record, mrd: Write, resource: Write, kind: str
) -> None:
    """The result stands; what it was measured in is unknown."""
    struck = resource("Specimen", type={"text": "bone marrow"}, status="entered-in-error")
    reference = {"sent": f"Specimen/{struck['id']}", "contained": f"#{struck['id']}"}[kind]
    found = mrd(
        code={"text": "MRD"},
        valueString="0.3%",
        specimen={"reference": reference},
        contained=[struck] if kind == "contained" else [],
    )
    (result,) = read(*relapsed, found, *([struck] if kind == "sent" else [])).mrd
    assert result.specimen == "unknown"
