"""The sites of the relapse: what was found at each, and what that says by the model's own rules."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from cds_service.clinician_page.fact_words import values_in_words
from relapse_model.decision import Decision
from relapse_model.facts import ANY_PERCENTAGE, Fact, PatientFacts
from relapse_model.loader import tables
from relapse_model.site import bands, site_worlds

INVOLVED, POSSIBLE, FREE, UNKNOWN = "involved", "possible", "free", "unknown"
STATES = {
    INVOLVED: "involved",
    POSSIBLE: "possible, not proven",
    FREE: "not involved",
    UNKNOWN: "not on record",
}
"""What each state is called."""


_WITH_MARROW = frozenset({"isolated_bm", "combined"})
"""Sites of relapse that say that the marrow counts, from 5 % blasts where something proves it."""


@dataclass(frozen=True, slots=True)
class Site:
    """One site: its state, and the findings it rests on."""

    key: str
    name: str
    state: str
    findings: str

    @property
    def told(self) -> str:
        """The state in words."""
        return STATES[self.state]


def involvement(facts: PatientFacts, decision: Decision) -> tuple[Site, ...]:
    """Marrow, central nervous system, testes of a boy, and other sites."""
    return (
        _marrow(facts, decision),
        _cns(facts, decision.cns_status),
        *_testes(facts),
        _other(facts),
    )


def _marrow(facts: PatientFacts, decision: Decision) -> Site:
    model = tables()
    limits = (model.limit("m1_below_percent"), model.limit("m3_from_percent"))
    found = set(bands(facts.marrow_blasts, limits, (FREE, POSSIBLE, INVOLVED)))
    if facts.marrow_blasts.values == ANY_PERCENTAGE.values:
        state = UNKNOWN
    elif decision.site and set(decision.site) <= _WITH_MARROW:
        state = INVOLVED
    else:
        state = found.pop() if len(found) == 1 else POSSIBLE
    return _site("marrow", "Bone marrow", state, facts, "marrow_blasts", "marrow_confirmation")


def _cns(facts: PatientFacts, cns_status: str) -> Site:
    names = (
        "csf_wbc",
        "csf_rbc",
        "csf_blasts",
        "blood_wbc",
        "blood_rbc",
        "cranial_nerve_palsy",
        "cns_imaging",
        "cns_site",
    )
    proven = {cns != "none" for cns in site_worlds(facts, tables()).cns}
    on_record = any(getattr(facts, name).on_record for name in names)
    if not on_record:
        state = UNKNOWN
    elif proven == {True, False}:
        state = POSSIBLE
    else:
        state = INVOLVED if proven == {True} else FREE
    status = cns_status.replace("_", " ")
    site = _site("cns", "Central nervous system", state, facts, *names)
    told = "; ".join(text for text in (status, site.findings) if text and text != "unknown")
    return Site(site.key, site.name, site.state, told)


def _testes(facts: PatientFacts) -> Iterator[Site]:
    if facts.sex.values == {"female"}:
        return
    for side in ("left", "right"):
        finding, biopsy = f"testis_{side}", f"testis_biopsy_{side}"
        found: Fact[str] = getattr(facts, finding)
        proof: Fact[str] = getattr(facts, biopsy)
        if proof.values == {"positive"}:
            state = INVOLVED
        elif proof.values == {"negative"}:
            state = FREE
        elif "involved" in found.values:
            state = POSSIBLE
        else:
            state = FREE if found.on_record else UNKNOWN
        yield _site(f"testis_{side}", f"Testis, {side}", state, facts, finding, biopsy)


def _other(facts: PatientFacts) -> Site:
    values = facts.other_em.values
    if values == {"proven"}:
        state = INVOLVED
    elif values == {"none"}:
        state = FREE if facts.other_em.on_record else UNKNOWN
    else:
        state = POSSIBLE
    return _site("other", "Other extramedullary sites", state, facts, "other_em")


def _site(key: str, name: str, state: str, facts: PatientFacts, *names: str) -> Site:
    known: dict[str, Fact[Any]] = {item: getattr(facts, item) for item in names}
    on_record = {item: fact for item, fact in known.items() if fact.on_record}
    findings = "; ".join(
        f"{tables().facts[item].label} {values_in_words(item, fact)}"
        for item, fact in on_record.items()
    )
    return Site(key, name, state, findings)
