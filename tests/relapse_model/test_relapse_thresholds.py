"""Every threshold of thresholds.toml, probed at, just below and just above its value."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal

import pytest
from children import CNS3, amount, first_relapse

from relapse_model.amounts import exactly
from relapse_model.dates import add_months, known
from relapse_model.decide import decide
from relapse_model.facts import ANY_DAY, MrdResult, PatientFacts, fact
from relapse_model.loader import tables
from relapse_model.mrd import mrd_class, result_class

DIAGNOSIS = date(2022, 1, 10)
RELAPSE = date(2025, 2, 15)
NO_STEP = Decimal(0)


def relapsed(day: date, **changes: object) -> PatientFacts:
    """The invented child, relapsed on this day."""
    return first_relapse(relapse_date=fact(known(day), evidence=["Condition/2"]), **changes)


def mrd_on_day(days: int, fraction: str = "0.002") -> PatientFacts:
    """One PCR result this many days after the start of relapse therapy."""
    taken = known(RELAPSE + timedelta(days=days))
    result = MrdResult(taken, exactly(fraction), "pcr", "marrow")
    return first_relapse(mrd=(result,), relapse_therapy_start=fact(known(RELAPSE)))


def mrd_fired(facts: PatientFacts) -> str:
    """The row of the MRD table that a single result fires."""
    return mrd_class(facts, tables()).fired[0][1].id


def value_class(fraction: Decimal) -> str:
    """Class of one result of this fraction."""
    result = MrdResult(known(RELAPSE), exactly(fraction), "pcr", "marrow")
    return result_class(result, tables())


def very_early(months: Decimal, days: int) -> str:
    """Timing on therapy, days around diagnosis plus the months."""
    facts = relapsed(
        add_months(DIAGNOSIS, int(months)) + timedelta(days=days), on_therapy=fact("yes")
    )
    return decide(facts).timing[0]


def late(months: Decimal, days: int) -> str:
    """Timing, days around the end of therapy plus the months."""
    relapse = add_months(date(2024, 1, 10), int(months)) + timedelta(days=days)
    return decide(relapsed(relapse)).timing[0]


def premature(months: Decimal, days: int) -> str:
    """Timing after a short therapy, days around diagnosis plus the months."""
    relapse = add_months(DIAGNOSIS, int(months)) + timedelta(days=days)
    facts = relapsed(relapse, therapy_end=fact(known(date(2023, 3, 1)), evidence=["Procedure/1"]))
    return "/".join(decide(facts).timing)


def short_therapy(months: Decimal, days: int) -> str:
    """Timing at 29 months when therapy ended around diagnosis plus the months."""
    end = add_months(DIAGNOSIS, int(months)) + timedelta(days=days)
    facts = relapsed(
        add_months(DIAGNOSIS, 29), therapy_end=fact(known(end), evidence=["Procedure/1"])
    )
    return "/".join(decide(facts).timing)


def adult(years: Decimal, days: int) -> str:
    """Plan at the relapse, days around this birthday."""
    birth = add_months(RELAPSE, -12 * int(years)) - timedelta(days=days)
    facts = first_relapse(
        birth_date=fact(known(birth), evidence=["Patient/1"]),
    )
    return decide(facts).plan


def date_sensitive(days_limit: Decimal, days: int) -> str:
    """Whether a relapse this far from the late threshold is flagged."""
    relapse = add_months(date(2024, 1, 10), 6) + timedelta(days=int(days_limit) + days)
    return str("DATE_SENSITIVE" in decide(relapsed(relapse)).flags)


def young(years: Decimal, days: int) -> str:
    """Whether radiotherapy is flagged around this birthday."""
    birth = add_months(RELAPSE, -12 * int(years)) - timedelta(days=days)
    facts = first_relapse(
        birth_date=fact(known(birth)),
        diagnosis_date=fact(known(birth)),
        cr1_date=fact(known(birth)),
        therapy_end=fact(known(birth)),
        marrow_blasts=amount(2),
        **CNS3,
    )
    return str("YOUNG_FOR_RT" in decide(facts).flags)


def infant(months: Decimal, days: int) -> str:
    """Whether the diagnosis around this age is flagged."""
    birth = add_months(DIAGNOSIS, -int(months)) - timedelta(days=days)
    return str("INFANT" in decide(first_relapse(birth_date=fact(known(birth)))).flags)


def marrow(percent: Decimal, step: Decimal) -> str:
    """Site with clean CSF and this percentage."""
    return decide(first_relapse(marrow_blasts=amount(percent + step))).site[0]


def csf_wbc(count: Decimal, step: Decimal) -> str:
    """CNS status with blasts and this leukocyte count."""
    facts = first_relapse(csf_wbc=amount(count + step), csf_blasts=fact("seen"))
    return decide(facts).cns_status


def csf_rbc(count: Decimal, step: Decimal) -> str:
    """CNS status with blasts and this erythrocyte count."""
    facts = first_relapse(csf_wbc=amount(2), csf_rbc=amount(count + step), csf_blasts=fact("seen"))
    return decide(facts).cns_status


def tap_ratio(ratio: Decimal, step: Decimal) -> str:
    """CNS status of a traumatic tap at this multiple of the blood ratio."""
    facts = first_relapse(
        csf_wbc=amount((ratio + step) * 10),
        csf_rbc=amount(1000),
        csf_blasts=fact("seen"),
        blood_wbc=amount(40000),
        blood_rbc=amount(4000000),
    )
    return decide(facts).cns_status


def prior_rt(dose: Decimal, step: Decimal) -> str:
    """Cranial dose after this earlier dose."""
    facts = first_relapse(prior_cranial_rt_gy=amount(dose + step), **CNS3)
    return str(decide(facts).local_therapy.cns_rt_gy[0])


def other_cut_off(fraction: Decimal, step: Decimal) -> str:
    """Whether the result is flagged as between the two cut-offs."""
    result = MrdResult(
        known(RELAPSE + timedelta(days=35)), exactly(fraction + step), "pcr", "marrow"
    )
    return str("MRD_BETWEEN_1E4_AND_1E3" in decide(first_relapse(mrd=(result,))).flags)


def alternatives(facts: PatientFacts, scheme: str) -> str:
    """The classes of the schemes whose name begins so."""
    found = [item.klass for item in decide(facts).alternatives if item.scheme.startswith(scheme)]
    return "/".join(found) or "none"


def cog(months: Decimal, days: int) -> str:
    """COG class of a late marrow relapse, days around diagnosis plus the months."""
    relapse = add_months(DIAGNOSIS, int(months)) + timedelta(days=days)
    return "high" if "high" in alternatives(relapsed(relapse), "COG") else "as the article"


def abstract(months: Decimal, days: int) -> str:
    """Class by the abstract of a relapse on therapy, days around diagnosis plus the months."""
    relapse = add_months(DIAGNOSIS, int(months)) + timedelta(days=days)
    return alternatives(relapsed(relapse, on_therapy=fact("yes")), "Article's abstract")


def bfm_text(months: Decimal, days: int) -> str:
    """Class by the text of a relapse on therapy, days around first remission plus the months."""
    relapse = add_months(date(2022, 2, 12), int(months)) + timedelta(days=days)
    return alternatives(relapsed(relapse, on_therapy=fact("yes")), "BFM as in")


def surrogate(months: Decimal, days: int) -> str:
    """Confidence of the surrogate when the end of therapy is unknown."""
    relapse = add_months(DIAGNOSIS, int(months)) + timedelta(days=days)
    facts = relapsed(relapse, therapy_end=ANY_DAY, on_therapy=fact("yes", "no"))
    return "high" if "high" in alternatives(facts, "Surrogate") else "low"


def forum(years: Decimal, days: int) -> str:
    """Whether the evidence for younger children is shown, days around this birthday."""
    birth = add_months(RELAPSE, -12 * int(years)) - timedelta(days=days)
    facts = first_relapse(
        birth_date=fact(known(birth)),
        diagnosis_date=fact(known(birth)),
        cr1_date=fact(known(birth)),
        therapy_end=ANY_DAY,
        on_therapy=fact("yes"),
    )
    shown = {item.id for item in decide(facts).statements}
    return str("conditioning-under-4" in shown)


Probe = Callable[[Decimal, int], str] | Callable[[Decimal, Decimal], str]

# name: (probe, step, result just below, at, just above the value in the file)
PROBES: dict[str, tuple[Probe, object, tuple[str, str, str]]] = {
    "very_early_months": (very_early, 1, ("very_early", "early", "early")),
    "late_months": (late, 1, ("early", "late", "late")),
    "premature_end_months": (premature, 1, ("early/late", "late", "late")),
    "short_therapy_months": (short_therapy, 1, ("early/late", "late", "late")),
    "adult_years": (adult, 1, ("CHEMO_THEN_MRD", "OUT_OF_SCOPE_AGE", "OUT_OF_SCOPE_AGE")),
    "date_sensitive_days": (date_sensitive, 1, ("True", "True", "False")),
    "young_for_radiotherapy_years": (young, 1, ("True", "False", "False")),
    "infant_at_diagnosis_months": (infant, 1, ("True", "False", "False")),
    "m1_below_percent": (marrow, Decimal("0.1"), ("none", "m2_unconfirmed", "m2_unconfirmed")),
    "m3_from_percent": (
        marrow,
        Decimal("0.1"),
        ("m2_unconfirmed", "isolated_bm", "isolated_bm"),
    ),
    "csf_leukocytes_per_ul": (csf_wbc, 1, ("CNS2a", "CNS3a", "CNS3a")),
    "csf_erythrocytes_per_ul": (csf_rbc, 1, ("CNS2a", "CNS2b", "CNS2b")),
    "traumatic_tap_ratio": (tap_ratio, Decimal("0.1"), ("CNS2c", "CNS2c", "CNS3b")),
    "mrd_fraction": (
        lambda value, step: value_class(value + step),
        Decimal("0.000001"),
        ("good", "borderline", "poor"),
    ),
    "mrd_equality_tolerance": (
        lambda value, step: value_class(Decimal("0.0001") + value + step),
        Decimal("0.0000000001"),
        ("borderline", "borderline", "poor"),
    ),
    "mrd_other_cut_off": (other_cut_off, Decimal("0.00001"), ("True", "False", "False")),
    "tp1_first_day": (
        lambda day, step: mrd_fired(mrd_on_day(int(day) + step)),
        1,
        ("MRD-pending", "MRD-poor-tp1", "MRD-poor-tp1"),
    ),
    "tp1_last_day": (
        lambda day, step: mrd_fired(mrd_on_day(int(day) + step)),
        1,
        ("MRD-poor-tp1", "MRD-poor-tp1", "MRD-off-window-poor"),
    ),
    "tp2_first_day": (
        lambda day, step: mrd_fired(mrd_on_day(int(day) + step)),
        1,
        ("MRD-off-window-poor", "MRD-poor-tp2", "MRD-poor-tp2"),
    ),
    "tp2_last_day": (
        lambda day, step: mrd_fired(mrd_on_day(int(day) + step)),
        1,
        ("MRD-poor-tp2", "MRD-poor-tp2", "MRD-off-window-poor"),
    ),
    "cog_late_months": (cog, 1, ("high", "as the article", "as the article")),
    "abstract_late_months": (abstract, 1, ("none", "late, S2", "late, S2")),
    "bfm_text_late_months": (bfm_text, 1, ("none", "late, S2", "late, S2")),
    "surrogate_early_months": (surrogate, 1, ("high", "low", "low")),
    "surrogate_late_months": (surrogate, 1, ("low", "high", "high")),
    "forum_from_years": (forum, 1, ("True", "False", "False")),
    "prior_cranial_rt_gy": (prior_rt, Decimal("0.1"), ("18", "18", "15")),
}


def test_every_threshold_of_the_file_is_probed() -> None:
    """A new threshold needs its probe here."""
    assert set(PROBES) == set(tables().thresholds)


@pytest.mark.parametrize("name", PROBES)
def test_a_threshold_divides_exactly_where_the_file_says(name: str) -> None:
    """Just below, at and just above the value each give the stated class."""
    probe, step, expected = PROBES[name]
    value = tables().thresholds[name].value
    found = tuple(probe(value, sign * step) for sign in (-1, 0, 1))

    assert found == expected


@pytest.mark.parametrize(
    ("diagnosis", "relapse", "expected"),
    [
        ("2020-08-31", date(2022, 2, 27), "very_early"),
        ("2020-08-31", date(2022, 2, 28), "early"),
        ("2020-12-31", date(2022, 6, 29), "very_early"),
        ("2020-12-31", date(2022, 6, 30), "early"),
        ("2018-08-31", date(2020, 2, 28), "very_early"),
        ("2018-08-31", date(2020, 2, 29), "early"),
    ],
)
def test_months_are_clamped_to_the_end_of_the_month(
    diagnosis: str, relapse: date, expected: str
) -> None:
    """31 August plus 18 months is the last day of February (R-T1)."""
    diagnosed = known(date.fromisoformat(diagnosis))
    facts = relapsed(
        relapse,
        diagnosis_date=fact(diagnosed, evidence=["Condition/1"]),
        cr1_date=fact(diagnosed),
        on_therapy=fact("yes"),
    )

    assert decide(facts).timing == (expected,)
