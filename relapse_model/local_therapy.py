"""Local therapy of CNS and testes (clinical model section 6), independent of the plan."""

from __future__ import annotations

from dataclasses import dataclass

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
    cns_rules = _cns_rules(facts, site, tables)
    testis_rules = _testis_rules(facts, tables)
    doses = {rule.then["dose_gy"] for rule in cns_rules}
    testis = {rule.then["testis"] for rule in testis_rules}
    undetermined = [
        name for name, found in (("cns", doses), ("testis", testis)) if "undetermined" in found
    ]
    return LocalTherapyRules(
        LocalTherapy(
            cns_rt_gy=tuple(sorted(int(dose) for dose in doses if dose.isdigit())),
            testis=tuple(sorted(testis - {"undetermined", "none"})),
            undetermined=tuple(undetermined),
        ),
        (
            *(("cns_radiotherapy", rule) for rule in cns_rules),
            *(("testis", rule) for rule in testis_rules),
        ),
    )


def _cns_rules(facts: PatientFacts, site: SiteWorlds, tables: Tables) -> list[Rule]:
    limit = tables.limit("prior_cranial_rt_gy")
    prior = []
    doses = facts.prior_cranial_rt_gy.values
    if any(dose.may_be_below(limit) or dose.may_equal(limit) for dose in doses):
        prior.append("up_to_20_gy")
    if any(dose.may_be_above(limit) for dose in doses):
        prior.append("above_20_gy")
    irradiated = "yes" in facts.prior_tbi.values or "yes" in facts.prior_hsct.values
    rules = {
        rule.id: rule
        for dose in prior
        for rule in [
            tables.decision["cns_radiotherapy"].rule(
                cns=_cns_column(facts, site),
                prior_cranial_rt=dose,
                earlier_tbi_or_hsct="yes" if irradiated else "no",
            )
        ]
    }
    return list(rules.values())


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


def _testis_rules(facts: PatientFacts, tables: Tables) -> list[Rule]:
    left = _testis_column(facts.testis_left, facts.testis_biopsy_left)
    right = _testis_column(facts.testis_right, facts.testis_biopsy_right)
    return [tables.decision["testis"].rule(left=left, right=right)]


def _testis_column(involved: Fact[str], biopsy: Fact[str]) -> str:
    if biopsy.values == {"positive"}:
        return "proven"
    if biopsy.values == {"negative"}:
        return "biopsy_negative"
    return "suspected" if "involved" in involved.values else "not_biopsied"
