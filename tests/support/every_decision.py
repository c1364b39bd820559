"""Every decision that the model can give, one child for each: the walk of its tables.

The children cover every combination of time, site, lineage, MRD and genetics, each with its unknown
value, and every row that ends the evaluation earlier; what is told beside these (taps, testes,
further MRD results, donors, ages, dates near a limit) stands with every time and lineage. Tests
hold that they meet every row of every table, every sentence, and every flag and answer there is.
Decisions that read the same, by the same rows, are one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from functools import cache
from itertools import product
from typing import Any

from relapse_model.amounts import AmountRange, exactly
from relapse_model.dates import DateRange, partial_date
from relapse_model.decide import decide
from relapse_model.decision import Decision
from relapse_model.facts import (
    ANY_DAY,
    ANY_PERCENTAGE,
    Donor,
    Fact,
    MrdResult,
    PatientFacts,
    Remark,
    fact,
)

TODAY = date(2026, 11, 22)


def day(text: str) -> Fact[DateRange]:
    """A date on record."""
    return fact(partial_date(text), evidence=["Condition/c1"])


def amount(value: object) -> Fact[AmountRange]:
    """An amount on record."""
    return fact(exactly(str(value)), evidence=["Observation/o1"])


def partial_date_fact(text: str) -> Fact[DateRange]:
    """A date that is known in part."""
    return fact(partial_date(text), evidence=["Patient/p1"])


OF_THE_READING = (
    "CODE_TEXT_CONFLICT",
    "DATA_INCOMPLETE",
    "OTHER_PATIENT",
    "RECORDED_DATE_ONLY",
    "THERAPY_END_INFERRED",
    "UNREADABLE",
)
"""Flags that the reading of a record raises, not the model."""

BASE = PatientFacts(
    as_of=TODAY,
    birth_date=fact(partial_date("2015-05-01"), evidence=["Patient/p1"]),
    sex=fact("male", evidence=["Patient/p1"]),
    disease=fact("ALL", evidence=["Condition/c1"]),
    immunophenotype=fact("BCP", evidence=["Condition/c1"]),
    diagnosis_date=day("2022-01-10"),
    cr1_date=day("2022-02-12"),
    therapy_end=day("2024-01-10"),
    on_therapy=fact("no"),
    relapse_number=fact("1", evidence=["Condition/c2"]),
    relapse_date=day("2025-02-15"),
)
TIMES: dict[str, dict[str, Any]] = {
    "late": {},
    "early": {"relapse_date": day("2024-03-20")},
    "very_early": {
        "relapse_date": day("2023-03-01"),
        "therapy_end": ANY_DAY,
        "on_therapy": fact("yes"),
    },
    "unknown": {"therapy_end": ANY_DAY, "on_therapy": fact("yes", "no")},
}
_CLEAN = {"csf_wbc": amount(1), "csf_rbc": amount(0), "csf_blasts": fact("not_seen")}
_CNS3 = {"csf_wbc": amount(42), "csf_rbc": amount(2), "csf_blasts": fact("seen")}
_BIOPSY = fact("positive", evidence=["Observation/o2"])
_ENLARGED = fact("involved", evidence=["Observation/o3"])
SITES: dict[str, dict[str, Any]] = {
    "marrow": {"marrow_blasts": amount(80), **_CLEAN},
    "combined": {"marrow_blasts": amount(40), **_CNS3},
    "cns": {"marrow_blasts": amount(2), **_CNS3},
    "testes": {
        "marrow_blasts": amount(2),
        **_CLEAN,
        "testis_left": _ENLARGED,
        "testis_right": _ENLARGED,
        "testis_biopsy_left": _BIOPSY,
        "testis_biopsy_right": _BIOPSY,
    },
    "one testis": {
        "marrow_blasts": amount(2),
        **_CLEAN,
        "testis_left": _ENLARGED,
        "testis_biopsy_left": _BIOPSY,
    },
    "M2": {"marrow_blasts": amount(15), **_CLEAN},
    "none": {"marrow_blasts": amount(2), **_CLEAN},
    "no puncture": {"marrow_blasts": amount(80)},
    "unknown": {"marrow_blasts": ANY_PERCENTAGE},
}
LINEAGES = {"BCP": fact("BCP"), "T": fact("T"), "unknown": fact("BCP", "T")}
LESIONS = ("not_reported", "none", "BCR-ABL1", "KMT2A-r", "ETV6-RUNX1")
FRACTIONS = {
    "pending": None,
    "good": AmountRange(Decimal(0), Decimal("0.00001")),
    "borderline": exactly("0.0001"),
    "poor": exactly("0.002"),
    "between": exactly("0.0005"),
    "indeterminate": AmountRange(Decimal(0), Decimal("0.001"), high_open=True),
}
ENDINGS: tuple[dict[str, Any], ...] = (
    {"disease": fact("mature_B")},
    {"disease": fact("ALL", "other")},
    {"relapse_number": fact("0")},
    {"relapse_number": fact("2")},
    {"relapse_number": fact("1", "2")},
    {"cr1_achieved": fact("no")},
    {"cr1_achieved": fact("yes", "no")},
    {"birth_date": day("1999-01-01")},
    {"birth_date": ANY_DAY},
    {"relapse_date": day("2021-01-01")},
    {"relapse_date": ANY_DAY},
    {"diagnosis_date": ANY_DAY},
    {"cr2": fact("achieved")},
    {"cr2": fact("not_achieved")},
    {"prior_hsct": fact("yes")},
    {"prior_hsct": fact("yes", "no")},
    {"hsct_after_relapse": fact("yes")},
    {"down_syndrome": fact("yes")},
    {"prior_tbi": fact("yes")},
    {"prior_cranial_rt_gy": amount(24)},
    {"prior_cranial_rt_gy": amount(0)},
    {"cranial_nerve_palsy": fact("yes")},
    {"abl_mutation": fact("resistant"), "genetics": fact("BCR-ABL1")},
)


def _tap(leukocytes: int, erythrocytes: int, **more: Any) -> dict[str, Any]:
    """A lumbar puncture with blasts."""
    counts = {"csf_wbc": amount(leukocytes), "csf_rbc": amount(erythrocytes)}
    return {**counts, "csf_blasts": fact("seen"), **more}


_PALSY = fact("yes", evidence=["Condition/p"])
_M1 = {"marrow_blasts": amount(2)}
_NEGATIVE = fact("negative", evidence=["Observation/b"])
_BLOOD = {"blood_wbc": amount(10_000), "blood_rbc": amount(4_000_000)}
_RIGHT = {"testis_right": _ENLARGED, "testis_biopsy_right": _BIOPSY}
_LEFT = {"testis_left": _ENLARGED, "testis_biopsy_left": _BIOPSY}
_MONTHS = partial_date("2022-02")

BESIDE: tuple[dict[str, Any] | Callable[[PatientFacts], dict[str, Any]], ...] = (
    _tap(3, 2),
    _tap(3, 50),
    _tap(3, 2, cranial_nerve_palsy=_PALSY),
    _tap(3, 50, cranial_nerve_palsy=_PALSY),
    _tap(50, 1_000),
    _tap(50, 1_000, **_BLOOD),
    _tap(8, 2_000, blood_wbc=amount(60_000), blood_rbc=amount(3_000_000)),
    _tap(
        8,
        2_000,
        blood_wbc=amount(60_000),
        blood_rbc=amount(3_000_000),
        cranial_nerve_palsy=_PALSY,
    ),
    {"csf_wbc": amount(8), "csf_blasts": fact("seen")},
    {"cns_site": fact("asserted", evidence=["Condition/c"])},
    {"cranial_nerve_palsy": _PALSY, "cns_imaging": fact("leukaemia")},
    {"cranial_nerve_palsy": _PALSY, "cns_imaging": fact("no_leukaemia")},
    {"marrow_blasts": amount(15), "marrow_confirmation": fact("confirmed")},
    {**_M1, "testis_left": _ENLARGED},
    {**_M1, "testis_right": _ENLARGED},
    {**_M1, **_RIGHT},
    {**_M1, **_LEFT, "testis_biopsy_right": _NEGATIVE},
    {**_M1, **_RIGHT, "testis_biopsy_left": _NEGATIVE},
    {"other_em": fact("proven", evidence=["Observation/e"])},
    {"other_em": fact("unproven", evidence=["Observation/e"])},
    lambda child: _taken(child, (35, "good"), (85, "good")),
    lambda child: _taken(child, (35, "good"), (85, "poor")),
    lambda child: _taken(child, (35, "good"), (85, "borderline")),
    lambda child: _taken(child, (35, "poor"), (85, "good")),
    lambda child: _taken(child, (35, "poor"), (35, "good")),
    lambda child: _taken(child, (85, "good")),
    lambda child: _taken(child, (85, "indeterminate")),
    lambda child: _taken(child, (60, "poor")),
    {
        "donors": (
            Donor("sibling", "identical"),
            Donor("unrelated", "7/8"),
            Donor("unrelated", "6/8"),
            Donor("cord_blood", "4/6"),
            Donor("haploidentical"),
        )
    },
    {"genetics": fact("BCR-ABL1+hypodiploid", evidence=["Observation/g"], taken=_MONTHS)},
    {"genetics": fact("BCR-ABL1", "none", evidence=["Observation/g"])},
    {"birth_date": day("2021-06-01")},
    {"birth_date": day("2022-01-01"), **_tap(42, 2)},
    {"birth_date": partial_date_fact("2006")},
    {"relapse_date": day("2023-07-12")},
    {"relapse_date": day("2023-10-12"), "therapy_end": day("2023-11-01")},
    {"relapse_date": day("2023-08-15"), "therapy_end": day("2022-11-10")},
    {
        "relapse_date": day("2023-08-15"),
        "therapy_end": day("2022-11-10"),
        "therapy_completed": fact("no"),
    },
    {"relapse_number": fact("0"), "cr1_achieved": fact("no"), "birth_date": day("2006-01-01")},
    {"local_therapy_given": fact("yes", evidence=["Procedure/l"]), **_tap(42, 2)},
    {"remarks": tuple(Remark(flag, "noticed", ("Observation/o",)) for flag in OF_THE_READING)},
)
"""What a record may tell beside the combinations: changes, or how to change a child."""


def children() -> Iterator[PatientFacts]:
    """One child for each combination; every ending with every site; then what is told beside."""
    for time, site, lineage in product(TIMES.values(), SITES.values(), LINEAGES.values()):
        child = BASE.with_facts(**{**time, **site, "immunophenotype": lineage})
        for lesion, fraction in product(LESIONS, FRACTIONS.values()):
            yield child.with_facts(genetics=fact(lesion), mrd=_results(child, fraction))
    for ending, site in product(ENDINGS, SITES.values()):
        yield BASE.with_facts(**{**site, **ending})
    for told, time, lineage in product(BESIDE, TIMES.values(), LINEAGES.values()):
        child = BASE.with_facts(**{**SITES["marrow"], **time, "immunophenotype": lineage})
        yield child.with_facts(**told(child) if callable(told) else told)


def _taken(child: PatientFacts, *results: tuple[int, str]) -> dict[str, Any]:
    """MRD results, each so many days after the relapse."""
    (relapsed,) = child.relapse_date.values
    found = []
    for days, name in results:
        amount_found = FRACTIONS[name]
        assert amount_found is not None
        taken = partial_date(date.fromordinal(relapsed.earliest.toordinal() + days).isoformat())
        found.append(
            MrdResult(taken, amount_found, "pcr", "marrow", "as reported", ("Observation/mrd",))
        )
    return {"mrd": tuple(found)}


def _results(child: PatientFacts, fraction: AmountRange | None) -> tuple[MrdResult, ...]:
    if fraction is None:
        return ()
    (relapsed,) = child.relapse_date.values
    ordinal = relapsed.earliest.toordinal() + 35
    taken = partial_date(date.fromordinal(ordinal).isoformat())
    evidence = ("Observation/mrd",)
    return (MrdResult(taken, fraction, "flow", "marrow", "as reported", evidence),)


@cache
def every_decision() -> tuple[Decision, ...]:
    """The decisions of all children, each once."""
    found: dict[str, Decision] = {}
    for child in children():
        decision = decide(child)
        document = {**decision.document(), "facts": None}
        key = f"{document} {decision.answers} {[step.rules for step in decision.trace]}"
        found.setdefault(key, decision)
    return tuple(found.values())
