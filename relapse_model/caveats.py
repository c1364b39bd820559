"""Caveats: flags that change no plan but that a reader must know."""

from __future__ import annotations

from datetime import date

from relapse_model.dates import add_months
from relapse_model.decision import LocalTherapy
from relapse_model.facts import ANY_DAY, PatientFacts
from relapse_model.loader import Tables


def caveat_flags(facts: PatientFacts, therapy: LocalTherapy, tables: Tables) -> frozenset[str]:
    """Flags from age, history and genetics; certain ones only."""
    flags = set()
    if facts.birth_date.values == ANY_DAY.values:
        flags.add("BIRTH_DATE_MISSING")
    earliest_birth = min(item.earliest for item in facts.birth_date.values)
    latest_diagnosis = max(item.latest for item in facts.diagnosis_date.values)
    latest_relapse = max(item.latest for item in facts.relapse_date.values)
    infant_months = tables.whole("infant_at_diagnosis_months")
    if _younger(earliest_birth, latest_diagnosis, infant_months):
        flags.add("INFANT")
    young_months = 12 * tables.whole("young_for_radiotherapy_years")
    if therapy.cns_rt_gy and _younger(earliest_birth, latest_relapse, young_months):
        flags.add("YOUNG_FOR_RT")
    if facts.down_syndrome.values == {"yes"}:
        flags.add("DOWN_SYNDROME")
    if facts.prior_tbi.values == {"yes"}:
        flags.add("PRIOR_TBI")
    if "yes" in facts.hsct_after_relapse.values | facts.local_therapy_given.values:
        flags.add("ALREADY_TREATED")
    lesions = [frozenset(value.split("+")) for value in facts.genetics.values]
    if all(lesion & ADVERSE_LESIONS for lesion in lesions):
        flags.add("ADVERSE_GENETICS")
    if all(lesion & FAVOURABLE_LESIONS for lesion in lesions):
        flags.add("FAVOURABLE_GENETICS")
    return frozenset(flags)


ADVERSE_LESIONS = frozenset({"BCR-ABL1", "KMT2A-r", "hypodiploid"})
"""Lesions the article calls adverse (Risk stratification of relapsed ALL and the role of MRD)."""

FAVOURABLE_LESIONS = frozenset({"ETV6-RUNX1"})
"""Greater chance of rescue, same section; never waives a transplantation (R-X5)."""


def _younger(born: date, then: date, months: int) -> bool:
    """Whether the child was certainly younger than ``months`` on day ``then``."""
    return then < add_months(born, months)
