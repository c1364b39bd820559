"""Local therapy of CNS and testes (clinical model section 6), independent of the plan."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from relapse_model.decision import LocalTherapy
from relapse_model.facts import Fact, PatientFacts
from relapse_model.loader import Tables
from relapse_model.site import SiteWorlds
from relapse_model.table import Rule


@dataclass(frozen=True, slots=True)
class LocalTherapyRules:
    """Local therapy and the rows that gave it."""

    therapy: LocalTherapy
    fired: tuple[tuple[str, Rule], ...]


def local_therapy(facts: PatientFacts, site: SiteWorlds, tables: Tables) -> LocalTherapyRules:
    """What the article does locally, and where no dose can be stated yet."""
    return _local_therapy(
        _cns_column(facts, site),
        _prior_doses(facts, tables),
        "yes" if "yes" in facts.prior_tbi.values | facts.prior_hsct.values else "no",
        (
            _testis_column(facts.testis_left, facts.testis_biopsy_left),
            _testis_column(facts.testis_right, facts.testis_biopsy_right),
        ),
        tables,
    )


@lru_cache(maxsize=1_000)
def _local_therapy(
    cns: str,
    prior_doses: tuple[str, ...],
    irradiated: str,
    testes: tuple[str, str],
    tables: Tables,
) -> LocalTherapyRules:
    radiotherapy = tables.decision["cns_radiotherapy"]
    cns_rules = dict.fromkeys(
        radiotherapy.rule(cns=cns, prior_cranial_rt=dose, earlier_tbi_or_hsct=irradiated)
        for dose in prior_doses
    )
    left, right = testes
    testis_rule = tables.decision["testis"].rule(left=left, right=right)
    doses = {rule.then["dose_gy"] for rule in cns_rules}
    testis = testis_rule.then["testis"]
    undetermined = [
        name for name, found in (("cns", doses), ("testis", {testis})) if "undetermined" in found
    ]
    return LocalTherapyRules(
        LocalTherapy(
            cns_rt_gy=tuple(sorted(int(dose) for dose in doses if dose.isdigit())),
            testis=() if testis in ("undetermined", "none") else (testis,),
            undetermined=tuple(undetermined),
        ),
        (*(("cns_radiotherapy", rule) for rule in cns_rules), ("testis", testis_rule)),
    )


def _prior_doses(facts: PatientFacts, tables: Tables) -> tuple[str, ...]:
    limit = tables.limit("prior_cranial_rt_gy")
    doses = facts.prior_cranial_rt_gy.values
    low = any(dose.may_be_below(limit) or dose.may_equal(limit) for dose in doses)
    high = any(dose.may_be_above(limit) for dose in doses)
    return (*(("up_to_20_gy",) if low else ()), *(("above_20_gy",) if high else ()))


def _cns_column(facts: PatientFacts, site: SiteWorlds) -> str:
    if site.cns == {"proven"}:
        return "proven"
    found = (
        facts.csf_wbc.on_record
        or facts.csf_blasts.decided
        or "yes" in facts.cranial_nerve_palsy.values
        or "asserted" in facts.cns_site.values
    )
    return "uncertain" if site.cns != {"none"} and found else "none"


def _testis_column(involved: Fact[str], biopsy: Fact[str]) -> str:
    if biopsy.values == {"positive"}:
        return "proven"
    if biopsy.values == {"negative"}:
        return "biopsy_negative"
    return "suspected" if "involved" in involved.values else "not_biopsied"
