"""Site of the relapse and CNS status, in every world that the findings allow.

Calling extramedullary disease too readily lowers the risk group (early BCP: combined is S2,
isolated marrow S3), so a doubtful site leaves both values and is never "combined" alone.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from itertools import product
from typing import NamedTuple

from relapse_model.amounts import AmountRange
from relapse_model.facts import ANY_PERCENTAGE, Fact, PatientFacts
from relapse_model.loader import Tables
from relapse_model.table import Rule
from relapse_model.worlds import Spread, Swing, spread


class Place(NamedTuple):
    """What the findings of one world say.

    ``cns``: proven, palsy_proven (by a palsy without imaging) or none; ``extramedullary``:
    proven or none.
    """

    site: str
    cns_status: str
    cns: str
    extramedullary: str


@dataclass(frozen=True, slots=True)
class SiteWorlds:
    """What the findings say in all worlds.

    ``site``: the site for the stratification, R-S8 applied. ``cns``: the union over the worlds.
    ``fired``: rows of the site and CNS tables that may fire.
    """

    site: Spread[str]
    cns_status: str
    cns: frozenset[str]
    flags: frozenset[str]
    fired: tuple[tuple[str, Rule], ...]


class Findings(NamedTuple):
    """What the tables of this module read: choices and bands, and no value of a child.

    ``axes``: each input with the options it may have. ``open_counts``: the counts that are not
    exactly known. ``csf_on_record``: whether anything speaks of the CNS. ``cns_asserted``: whether
    a record says that the CNS is involved.
    """

    axes: tuple[tuple[str, tuple[str, ...]], ...]
    marrow_measured: bool
    open_counts: tuple[str, ...]
    csf_on_record: bool
    cns_asserted: bool


_CSF_COUNTS = ("csf_wbc", "csf_rbc", "blood_wbc", "blood_rbc")
REMEMBERED = 1_000
"""Answers that are kept for findings that were met before; nothing in them is about a child."""


def site_worlds(facts: PatientFacts, tables: Tables) -> SiteWorlds:
    """Site and CNS status in every world of the findings; see SiteWorlds."""
    return _site_worlds(_findings(facts, tables), tables)


@lru_cache(maxsize=REMEMBERED)
def _site_worlds(findings: Findings, tables: Tables) -> SiteWorlds:
    axes = dict(findings.axes)
    cns_table, site_table = tables.decision["cns"], tables.decision["site"]
    fired: dict[str, Rule] = {}
    cns_fired: dict[str, Rule] = {}

    def result(world: Mapping[str, str]) -> Place:
        cns = cns_table.rule(
            csf_blasts=world["csf_blasts"],
            csf_leukocytes=world["csf_wbc"],
            csf_erythrocytes=world["csf_rbc"],
            beyond_contamination=world["contamination"],
            cranial_nerve_palsy=world["cranial_nerve_palsy"],
        )
        cns_fired.setdefault(cns.id, cns)
        disease = cns.then["cns_disease"]
        if disease == "palsy_only":
            # R-S7: with M1 marrow the palsy is the relapse; otherwise its cause must be known.
            if world["cns_imaging"] == "leukaemia":
                disease = "proven"
            elif findings.marrow_measured and world["marrow_blasts"] == "M1":
                disease = "palsy_proven"
            else:
                disease = "none"
        # A biopsy proves a testis, also one without a clinical finding.
        biopsies = (world["testis_biopsy_left"], world["testis_biopsy_right"])
        proven = disease != "none" or "positive" in biopsies or world["other_em"] == "proven"
        extramedullary = "proven" if proven else "none"
        site = site_table.rule(
            marrow=world["marrow_blasts"],
            marrow_confirmation=world["marrow_confirmation"],
            extramedullary=extramedullary,
        )
        fired.setdefault(site.id, site)
        return Place(site.then["site"], cns.then["cns_status"], disease, extramedullary)

    worlds = spread(axes, result)
    cns_rules, site_rules = list(cns_fired.values()), list(fired.values())
    states = dict(tables.facts["marrow_confirmation"].open_states)
    confirmation = axes["marrow_confirmation"]
    other = {to for value in confirmation for to in states.get(value, ())}
    wider = spread({**axes, "marrow_confirmation": sorted({*confirmation, *other})}, result)
    swings = {**worlds.swings, "marrow_confirmation": wider.swings["marrow_confirmation"]}
    return SiteWorlds(
        site=Spread(
            _recorded_sites(worlds, marrow_measured=findings.marrow_measured),
            {
                name: _site_swings(pairs)
                for name, pairs in _named_by_fact(swings, findings.open_counts).items()
            },
            {
                name: {
                    option: frozenset(place.site for place in places)
                    for option, places in options.items()
                }
                for name, options in worlds.answers.items()
            },
        ),
        cns_status=_cns_status(
            frozenset(place.cns_status for place in worlds.results), axes["csf_blasts"]
        ),
        cns=frozenset(place.cns for place in worlds.results),
        flags=_flags(findings, cns_rules, worlds),
        fired=(
            *(("cns", rule) for rule in (cns_rules if findings.csf_on_record else [])),
            *(("site", rule) for rule in site_rules),
        ),
    )


def _findings(facts: PatientFacts, tables: Tables) -> Findings:
    """The inputs of the site, amounts cut into the bands that the tables know."""
    palsy = facts.cranial_nerve_palsy.values
    marrow = (tables.limit("m1_below_percent"), tables.limit("m3_from_percent"))
    leukocytes = (tables.limit("csf_leukocytes_per_ul"),)
    erythrocytes = (tables.limit("csf_erythrocytes_per_ul"),)
    axes = {
        "marrow_blasts": bands(facts.marrow_blasts, marrow, ("M1", "M2", "M3")),
        "marrow_confirmation": _sorted(facts.marrow_confirmation),
        "csf_blasts": _sorted(facts.csf_blasts),
        "csf_wbc": bands(facts.csf_wbc, leukocytes, ("under_5", "5_or_more")),
        "csf_rbc": _csf_rbc_options(facts, erythrocytes),
        "contamination": _beyond_contamination(facts, tables),
        "cranial_nerve_palsy": _sorted(facts.cranial_nerve_palsy),
        "cns_imaging": _sorted(facts.cns_imaging) if "yes" in palsy else ("no_leukaemia",),
        "testis_biopsy_left": _biopsy_options(facts.testis_left, facts.testis_biopsy_left),
        "testis_biopsy_right": _biopsy_options(facts.testis_right, facts.testis_biopsy_right),
        "other_em": _other_em_options(facts.other_em),
    }
    return Findings(
        axes=tuple(axes.items()),
        marrow_measured=facts.marrow_blasts.values != ANY_PERCENTAGE.values,
        open_counts=tuple(name for name in _CSF_COUNTS if _is_open(getattr(facts, name))),
        csf_on_record=(facts.csf_blasts.decided or facts.csf_wbc.on_record or palsy == {"yes"}),
        cns_asserted=facts.cns_site.values == {"asserted"},
    )


def _sorted(known: Fact[str]) -> tuple[str, ...]:
    return tuple(sorted(known.values))


def _is_open(count: Fact[AmountRange]) -> bool:
    amount, *others = count.values
    return bool(others) or amount.low != amount.high


def _csf_rbc_options(facts: PatientFacts, limits: tuple[Decimal, ...]) -> tuple[str, ...]:
    """Red cells are asked for once there is a sample: a tap not yet done is imagined clean."""
    if not (facts.csf_wbc.on_record or facts.csf_blasts.on_record or facts.csf_rbc.on_record):
        return ("under_10",)
    return bands(facts.csf_rbc, limits, ("under_10", "10_or_more"))


def bands(
    fact: Fact[AmountRange], limits: tuple[Decimal, ...], names: tuple[str, ...]
) -> tuple[str, ...]:
    """The bands, cut at ``limits`` (each opening the next band), that the amount may be in."""
    found = {
        name
        for amount in fact.values
        for name in names[bisect_right(limits, amount.low) : 1 + sum(map(amount.may_reach, limits))]
    }
    return tuple(name for name in names if name in found)


def _biopsy_options(involved: Fact[str], biopsy: Fact[str]) -> tuple[str, ...]:
    """A biopsy nobody asks for is not an input: no finding, and no result on record."""
    if involved.values == {"not_involved"} and not biopsy.decided:
        return ("negative",)
    return _sorted(biopsy)


def _other_em_options(other_em: Fact[str]) -> tuple[str, ...]:
    """A suspected site may be disease or not."""
    options = set(other_em.values)
    if "unproven" in options:
        options = (options - {"unproven"}) | {"none", "proven"}
    return tuple(sorted(options))


def _beyond_contamination(facts: PatientFacts, tables: Tables) -> tuple[str, ...]:
    """CSF WBC/RBC > 2 x blood WBC/RBC, as far as the four counts settle it.

    The tables ask it only where both counts of the CSF reach their limits.
    """
    verdicts = {
        _exceeds(*counts, tables.limit("traumatic_tap_ratio"))
        for counts in product(
            _from(facts.csf_wbc, tables.limit("csf_leukocytes_per_ul")),
            _from(facts.csf_rbc, tables.limit("csf_erythrocytes_per_ul")),
            facts.blood_wbc.values,
            facts.blood_rbc.values,
        )
    }
    if verdicts == {True}:
        return ("yes",)
    return ("no",) if verdicts == {False} else ("yes", "no")


def _from(count: Fact[AmountRange], limit: Decimal) -> list[AmountRange]:
    """The parts of the count that reach ``limit``."""
    return [
        AmountRange(max(amount.low, limit), amount.high)
        for amount in count.values
        if amount.may_reach(limit)
    ]


def _exceeds(
    csf_wbc: AmountRange,
    csf_rbc: AmountRange,
    blood_wbc: AmountRange,
    blood_rbc: AmountRange,
    ratio: Decimal,
) -> bool | None:
    """Strictly more than ``ratio`` times the blood ratio; None when the counts leave it open."""
    most = None if csf_wbc.high is None or blood_rbc.high is None else csf_wbc.high * blood_rbc.high
    least = csf_wbc.low * blood_rbc.low
    explained_least = ratio * blood_wbc.low * csf_rbc.low
    explained_most = (
        None
        if blood_wbc.high is None or csf_rbc.high is None
        else ratio * blood_wbc.high * csf_rbc.high
    )
    if explained_most is not None and least > explained_most:
        return True
    if most is not None and most <= explained_least:
        return False
    return None


def _named_by_fact(
    swings: Mapping[str, frozenset[Swing]], open_counts: Iterable[str]
) -> dict[str, frozenset[Swing]]:
    """Give the swing of the contamination rule to the counts that leave it open."""
    named = dict(swings)
    contamination = named.pop("contamination")
    for name in open_counts:
        named[name] = named.get(name, frozenset()) | contamination
    return named


def _site_swings(pairs: frozenset[Swing]) -> frozenset[Swing]:
    sites = (frozenset(place.site for place in pair) for pair in pairs)
    return frozenset(pair for pair in sites if len(pair) > 1)


def _recorded_sites(worlds: Spread[Place], *, marrow_measured: bool) -> frozenset[str]:
    """The sites for the stratification.

    R-S8: without a marrow result and without proven extramedullary disease the recorded relapse
    may be anywhere; a site is not inferred by exclusion.
    """
    if marrow_measured:
        return frozenset(place.site for place in worlds.results)
    if all(place.extramedullary == "proven" for place in worlds.results):
        return frozenset({"combined", "isolated_em"})
    return frozenset({"combined", "isolated_bm", "isolated_em"})


def _cns_status(statuses: frozenset[str], blasts: tuple[str, ...]) -> str:
    """One status, CNS3_or_CNS2c when the traumatic-tap rule cannot be applied, or unknown."""
    if len(statuses) == 1:
        return next(iter(statuses))
    if blasts == ("seen",) and statuses <= {"CNS2c", "CNS3a", "CNS3b", "CNS3c"}:
        return "CNS3_or_CNS2c"
    return "unknown"


def _flags(findings: Findings, cns_rules: list[Rule], worlds: Spread[Place]) -> frozenset[str]:
    """Flags that hold in every world of the CNS findings, and a disagreement of records."""
    flags = frozenset.intersection(*(frozenset(rule.flags) for rule in cns_rules))
    axes = dict(findings.axes)
    if axes["cns_imaging"] == ("leukaemia",):
        flags -= {"PALSY_ONLY"}
    if (
        findings.cns_asserted
        and len(axes["csf_blasts"]) == 1
        and all(place.cns == "none" for place in worlds.results)
    ):
        flags |= {"SITE_CONFLICT"}
    return flags
