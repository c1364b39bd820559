"""The decision document: what the model answers, field by field (docs/decision.md)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from relapse_model.facts import Remark


@dataclass(frozen=True, slots=True)
class Model:
    """Version of the model and digest of its data tables."""

    version: str
    tables: str


@dataclass(frozen=True, slots=True)
class LocalTherapy:
    """Local treatment of involved sites; empty tuples are left out of the document."""

    cns_rt_gy: tuple[int, ...] = ()
    testis: tuple[str, ...] = ()
    undetermined: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Whether there is anything to say."""
        return bool(self.cns_rt_gy or self.testis or self.undetermined)


@dataclass(frozen=True, slots=True)
class Alternative:
    """Another scheme's class where it differs from the article's."""

    scheme: str
    klass: str


class FactReport(NamedTuple):
    """A fact as it was known: the values it may still have, and the resources it came from.

    ``unit``: of the values (``%``, ``/uL``, ``Gy``, ``fraction``). ``taken``: day or range of
    days on which a finding was observed.
    """

    fact: str
    values: tuple[str, ...]
    evidence: tuple[str, ...] = ()
    note: str = ""
    unit: str = ""
    taken: str = ""


@dataclass(frozen=True, slots=True)
class Statement:
    """A sentence that a card may show, with its provenance (P, I, C, A) and citation.

    ``topic`` says which card it belongs to (statements.TOPICS).
    """

    id: str
    topic: str
    text: str
    provenance: str
    citation: str


@dataclass(frozen=True, slots=True)
class Step:
    """One table consulted: the rows that may fire, what they concluded, and from what."""

    table: str
    rules: tuple[str, ...]
    given: tuple[tuple[str, tuple[str, ...]], ...]
    concluded: tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """What one answer to a wanted fact would leave: the plans and groups still possible."""

    fact: str
    answer: str
    plans: tuple[str, ...]
    s_groups: tuple[str, ...]


class Limit(NamedTuple):
    """A day that divides two classes of time: from ``day`` on, the later class.

    ``day``: ISO 8601, a range of days where the date it is counted from is not fully known.
    """

    name: str
    day: str


@dataclass(frozen=True, slots=True)
class Decision:
    """One evaluation of the relapse model. Tuples are sorted; empty = not evaluated.

    ``conflicts``: with DATA_ERROR, pairs of facts that should stand (earlier, later) and do not;
    ``as_of`` is today. ``remarks``: what the reading set aside, and why. ``limits``: the days that
    divide very early, early and late here.
    """

    model: Model
    plan: str
    plans: tuple[str, ...] = ()
    timing: tuple[str, ...] = ()
    site: tuple[str, ...] = ()
    immunophenotype: tuple[str, ...] = ()
    s_group: tuple[str, ...] = ()
    risk: tuple[str, ...] = ()
    mrd: str = "not_used"
    cns_status: str = ""
    local_therapy: LocalTherapy = LocalTherapy()
    wanted: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    alternatives: tuple[Alternative, ...] = ()
    facts: tuple[FactReport, ...] = ()
    statements: tuple[Statement, ...] = ()
    trace: tuple[Step, ...] = ()
    answers: tuple[Answer, ...] = ()
    conflicts: tuple[tuple[str, str], ...] = ()
    limits: tuple[Limit, ...] = ()
    remarks: tuple[Remark, ...] = ()

    def with_remarks(self, remarks: Iterable[Remark]) -> Decision:
        """The same decision with more that the reading noticed, and their flags."""
        noticed = {*self.remarks, *remarks}
        flags = {*self.flags, *(remark.flag for remark in noticed)}
        return replace(self, remarks=tuple(sorted(noticed)), flags=tuple(sorted(flags)))

    def document(self) -> dict[str, Any]:
        """The JSON document of decision.md: no nulls, no empty lists."""
        document: dict[str, Any] = {
            "model": {"version": self.model.version, "tables": self.model.tables},
            "plan": self.plan,
        }
        for name in ("plans", "timing", "site", "immunophenotype", "s_group", "risk"):
            document[name] = list(getattr(self, name))
        document["mrd"] = self.mrd
        document["cns_status"] = self.cns_status
        document["local_therapy"] = {
            name: list(values)
            for name in ("cns_rt_gy", "testis", "undetermined")
            if (values := getattr(self.local_therapy, name))
        }
        document["conflicts"] = [list(pair) for pair in self.conflicts]
        document["limits"] = [{"limit": item.name, "day": item.day} for item in self.limits]
        document["wanted"] = list(self.wanted)
        document["flags"] = list(self.flags)
        document["alternatives"] = [
            {"scheme": item.scheme, "class": item.klass} for item in self.alternatives
        ]
        document["facts"] = [
            {
                "fact": item.fact,
                "values": list(item.values),
                **({"unit": item.unit} if item.unit else {}),
                **({"taken": item.taken} if item.taken else {}),
                **({"evidence": list(item.evidence)} if item.evidence else {}),
                **({"note": item.note} if item.note else {}),
            }
            for item in self.facts
        ]
        document["remarks"] = [
            {
                "flag": item.flag,
                "text": item.text,
                **({"evidence": list(item.evidence)} if item.evidence else {}),
            }
            for item in self.remarks
        ]
        document["statements"] = [
            {"id": item.id, "provenance": item.provenance, "citation": item.citation}
            for item in self.statements
        ]
        return {name: value for name, value in document.items() if value not in ("", [], {})}
