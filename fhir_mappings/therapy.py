"""Treatment facts: the end of first-line therapy, transplantation, irradiation, donors."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from fhir_mappings.conditions import State
from fhir_mappings.dates import first_of, last_of
from fhir_mappings.medications import Dose
from fhir_mappings.observations import Result
from fhir_mappings.procedures import ORCHIECTOMY, Treatment
from fhir_mappings.readings import Reading, cited, fact_of, strongest
from fhir_mappings.relapses import Relapses
from relapse_model.amounts import AmountRange, at_least, exactly
from relapse_model.dates import DateRange
from relapse_model.facts import Donor, Fact, Remark

_YES: Final = frozenset({"yes"})
_EITHER: Final = frozenset({"yes", "no"})
_LOCAL: Final = frozenset({"radiotherapy_cranial", "radiotherapy_testis"}) | ORCHIECTOMY
_DONORS: Final = {
    "donor_matched_related": ("related", "matched"),
    "donor_mismatched_related": ("related", "mismatched"),
    "donor_matched_unrelated": ("unrelated", "matched"),
    "donor_mismatched_unrelated": ("unrelated", "mismatched"),
    "donor_haploidentical": ("haploidentical", ""),
}


@dataclass
class Therapy:
    """Treatment facts by name, and what the reading noticed."""

    facts: dict[str, Fact[Any]] = field(default_factory=dict)
    remarks: list[Remark] = field(default_factory=list)

    def put(self, name: str, value: Fact[Any] | None) -> None:
        """Keep a fact that the record tells."""
        if value is not None:
            self.facts[name] = value


def therapy_of(
    treatments: Sequence[Treatment],
    doses: Sequence[Dose],
    states: Sequence[State],
    relapses: Relapses,
) -> Therapy:
    """All treatment facts that the record tells; ``doses``: of maintenance drugs."""
    therapy = Therapy()
    first_line = [t for t in treatments if "first_line" in t.kinds and t.status != "not-done"]
    if first_line:
        _first_line(first_line, therapy)
        therapy.put("cr1_achieved", _first_line_outcome(first_line))
    if "on_therapy" not in therapy.facts:
        _inferred_end(treatments, doses, relapses, therapy)
    therapy.put("relapse_therapy_start", _relapse_therapy_start(treatments, relapses))
    therapy.put("prior_hsct", _prior_hsct(treatments, states, relapses))
    therapy.put("hsct_after_relapse", _after(treatments, {"hsct_allogeneic"}, relapses))
    therapy.put("local_therapy_given", _after(treatments, _LOCAL, relapses))
    therapy.put("prior_cranial_rt_gy", _cranial_dose(treatments, relapses))
    therapy.put("prior_tbi", _before([t for t in treatments if "tbi" in t.kinds], relapses))
    return therapy


def donors_of(results: Iterable[Result]) -> tuple[Donor, ...]:
    """Donors typed with the PCSP donor types, as Observations about this child."""
    return tuple(
        Donor(kind, match, evidence=(result.reference,))
        for result in results
        for name, (kind, match) in _DONORS.items()
        if name in result.value_sets
    )


def _first_line(first_line: Sequence[Treatment], therapy: Therapy) -> None:
    """Status and end of the treatment that says of itself that it is first-line."""
    running = [t for t in first_line if t.status == "in-progress"]
    ended = [t for t in first_line if t.done and t.end is not None]
    values = {"yes"} if running else set()
    values |= {"no"} if ended else set()
    if values:
        readings = [
            Reading(frozenset(values), t.reference, "status" if t in running else t.ended_by)
            for t in first_line
        ]
        therapy.put("on_therapy", fact_of(readings))
    end = last_of([t.end for t in ended if t.end is not None])
    if end is not None:
        readings_of_end = [Reading(frozenset({end}), t.reference, t.ended_by) for t in ended]
        therapy.put("therapy_end", fact_of(readings_of_end))
    stopped = [
        Reading(frozenset({"no"}), t.reference, "status")
        for t in first_line
        if t.status == "stopped"
    ]
    therapy.put("therapy_completed", fact_of(stopped))


def _first_line_outcome(first_line: Sequence[Treatment]) -> Fact[str] | None:
    """Whether first-line therapy reached a remission (PCSP ``outcome``).

    ``active`` leaves both: a course that ends in a relapse is also recorded so.
    """
    readings = [
        Reading(
            frozenset({"yes"} if "active" not in t.outcome else {"yes", "no"}),
            t.reference,
            "outcome",
        )
        for t in first_line
        if t.done and t.outcome
    ]
    return strongest(readings, "yes")


def _inferred_end(
    treatments: Sequence[Treatment], doses: Sequence[Dose], relapses: Relapses, therapy: Therapy
) -> None:
    """The last chemotherapy before the first relapse, where nothing calls itself first-line."""
    first = relapses.first
    if first is None:
        return
    before = [
        t
        for t in treatments
        if "chemotherapy" in t.kinds and t.start is not None and t.start.latest < first.earliest
    ]
    running = [Reading(_YES, t.reference, "status") for t in before if t.status == "in-progress"]
    ended = [
        Reading(frozenset({day}), t.reference, t.ended_by)
        for t in before
        if t.done and (day := t.end or t.start) is not None
    ]
    ended += [
        Reading(frozenset({dose.when}), dose.reference, dose.element)
        for dose in doses
        if dose.when.latest < first.earliest
    ]
    end = last_of([day for item in ended for day in item.values])
    if running:
        therapy.put("on_therapy", fact_of(running, note="inferred from chemotherapy"))
    elif end is not None:
        last = [item for item in ended if all(day.overlaps(end) for day in item.values)]
        text = "The end of therapy is inferred from the last chemotherapy before the relapse."
        therapy.put("therapy_end", fact_of(last, [end], text))
        off = [Reading(frozenset({"no"}), item.reference, item.element) for item in last]
        therapy.put("on_therapy", fact_of(off, note=text))
        evidence = cited(item.reference for item in last)
        therapy.remarks.append(Remark("THERAPY_END_INFERRED", text, evidence))


def _relapse_therapy_start(
    treatments: Sequence[Treatment], relapses: Relapses
) -> Fact[DateRange] | None:
    """The earliest chemotherapy that starts at or after the relapse."""
    if not relapses.dates:
        return None
    starts = [
        Reading(frozenset({t.start}), t.reference, "performed[x]")
        for t in treatments
        if "chemotherapy" in t.kinds
        and "first_line" not in t.kinds
        and t.status != "not-done"
        and t.start is not None
        and relapses.after(t.start) == {True}
    ]
    start = first_of([when for item in starts for when in item.values])
    if start is None:
        return None
    return fact_of(
        [item for item in starts if all(when.overlaps(start) for when in item.values)], [start]
    )


def _prior_hsct(
    treatments: Sequence[Treatment], states: Sequence[State], relapses: Relapses
) -> Fact[str] | None:
    given = [t for t in treatments if "hsct_allogeneic" in t.kinds]
    found = _before(given, relapses)
    if found is not None and found.values == _YES:
        return found
    status = [
        (s.reference, relapses.after(s.start) if s.start else frozenset({False}))
        for s in states
        if "hsct_status" in s.sets
    ]
    told = [(reference, after) for reference, after in status if False in after]
    if told:
        sure = any(after == {False} for _, after in told) and not _is_explained(given, relapses)
        values = _YES if sure else _EITHER
        return fact_of([Reading(values, reference, "code") for reference, _ in told])
    unsaid = _before([t for t in treatments if "hsct_unspecified" in t.kinds], relapses)
    if found is None and unsaid is not None:
        note = f"a transplantation without saying from whom; {unsaid.note}"
        return Fact(_EITHER, unsaid.evidence, note, unsaid.taken)
    return found


def _is_explained(given: Sequence[Treatment], relapses: Relapses) -> bool:
    """Whether a transplantation after the relapse may be what an undated status speaks of."""
    return any(t.status == "completed" and True in relapses.after(t.start) for t in given)


def _before(treatments: Sequence[Treatment], relapses: Relapses) -> Fact[str] | None:
    """Whether any was completed before the relapse."""
    told = [(t, relapses.after(t.start)) for t in treatments if t.status == "completed"]
    return _any_of([(t, after) for t, after in told if False in after], certain=False)


def _after(
    treatments: Sequence[Treatment], kinds: frozenset[str] | set[str], relapses: Relapses
) -> Fact[str] | None:
    """Whether any was done at or after the relapse."""
    told = [(t, relapses.after(t.start)) for t in treatments if t.kinds & kinds and t.done]
    return _any_of([(t, after) for t, after in told if True in after], certain=True)


def _any_of(
    told: Sequence[tuple[Treatment, frozenset[bool]]], *, certain: bool
) -> Fact[str] | None:
    """``yes`` where one of them lies certainly on that side of the relapse, else either."""
    sure = any(after == {certain} for _, after in told)
    values = _YES if sure else _EITHER
    return fact_of([Reading(values, t.reference, "code", t.span) for t, _ in told])


def _cranial_dose(treatments: Sequence[Treatment], relapses: Relapses) -> Fact[AmountRange] | None:
    """The dose to brain or head before the relapse, Gy; all courses together.

    Two records of the same days and the same dose are one course.
    """
    cranial = [t for t in treatments if "radiotherapy_cranial" in t.kinds]
    given = [(t, relapses.after(t.end or t.start)) for t in cranial if t.done]
    given = [(t, after) for t, after in given if False in after]
    if not given:
        denied = [t.reference for t in cranial if t.status == "not-done"]
        return fact_of([Reading(frozenset({exactly(0)}), name, "status") for name in denied])
    courses = {(t.start, t.end, t.dose): (t, after) for t, after in given}.values()
    sure = _sum(t.dose for t, after in courses if after == {False})
    most = _sum(t.dose for t, _ in courses)
    readings = [Reading(frozenset({sure, most}), t.reference, "dose", t.span) for t, _ in given]
    return fact_of(readings)


def _sum(doses: Iterable[AmountRange | None]) -> AmountRange:
    low, high = Decimal(0), Decimal(0)
    bounded = True
    low_open = high_open = False
    for dose in doses:
        part = dose or at_least(0)
        low += part.low
        low_open |= part.low_open
        high_open |= part.high_open
        bounded = bounded and part.high is not None
        high += part.high or 0
    return AmountRange(low, high if bounded else None, low_open, high_open and bounded)
