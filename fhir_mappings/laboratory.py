"""Marrow, cerebrospinal fluid and blood counts at relapse.

Of several results at relapse the nearest counts; of equally near ones that disagree, both. A
result of another day that shows more disease than the nearest stays possible and is flagged: a
second lumbar puncture with blasts is never dropped in silence. A result in the wrong specimen,
or without an accepted unit, is flagged and not used.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from fhir_mappings.dates import gap
from fhir_mappings.observations import Result
from fhir_mappings.quantities import CELLS, ERYTHROCYTES, FRACTION, PERCENT, amount_of
from fhir_mappings.readings import Reading, cited, fact_of
from fhir_mappings.relapses import Relapses
from relapse_model.amounts import AmountRange
from relapse_model.dates import DateRange
from relapse_model.facts import Fact, Remark
from relapse_model.loader import tables

BLOOD_COUNT_DAYS: Final = 2
"""A blood count belongs to a lumbar puncture at most so many days away."""
CONFIRMING_FRACTION: Final = Decimal("0.01")
"""Another marrow test confirms a marrow of 5-24 % when positive at 1 % or more."""
_HUNDRED: Final = Decimal(100)
_COUNTS: Final[Mapping[str, tuple[str, Mapping[str, Decimal]]]] = {
    "csf_wbc": ("csf", CELLS),
    "csf_rbc": ("csf", ERYTHROCYTES),
    "blood_wbc": ("blood", CELLS),
    "blood_rbc": ("blood", ERYTHROCYTES),
}

_CUTS: Final[Mapping[str, tuple[str, ...]]] = {
    "marrow_blasts": ("m1_below_percent", "m3_from_percent"),
    "csf_wbc": ("csf_leukocytes_per_ul",),
}
"""Thresholds of the model above which a result shows more disease."""

Distance = Callable[[DateRange | None], int | None]


class Laboratory:
    """Reads laboratory facts of one record, collecting what it noticed."""

    def __init__(self, results: Sequence[Result], relapses: Relapses) -> None:
        """Results of one child, and the relapse by which they are placed."""
        self.results = results
        self.relapses = relapses
        self.remarks: list[Remark] = []

    def facts(self, mrd_results: Sequence[Result]) -> dict[str, Fact[Any]]:
        """All laboratory facts that the record tells; ``mrd_results`` may confirm a marrow."""
        distance = self.relapses.distance
        found: dict[str, Fact[Any] | None] = {
            "marrow_blasts": self._amount("marrow_blasts", "marrow", PERCENT, distance, _HUNDRED),
            "marrow_confirmation": self._confirmation(mrd_results),
            "csf_wbc": self._count("csf_wbc", distance),
            "csf_rbc": self._count("csf_rbc", distance),
            "csf_blasts": self._csf_blasts(distance),
        }
        near_tap = self._near_tap()
        if near_tap is not None:
            found["blood_wbc"] = self._count("blood_wbc", near_tap)
            found["blood_rbc"] = self._count("blood_rbc", near_tap)
        for name in ("marrow_blasts", "csf_wbc", "csf_blasts"):
            if found[name] is None:
                self._note_far(name)
        self._note_unused("csf_nucleated", "Nucleated cells of the CSF are not its leukocytes.")
        self._note_unused("csf_rbc_hint", "Erythrocytes under a code that a person must confirm.")
        self._note_hidden_csf()
        return {name: value for name, value in found.items() if value is not None}

    def _count(self, name: str, distance: Distance) -> Fact[AmountRange] | None:
        specimen, units = _COUNTS[name]
        return self._amount(name, specimen, units, distance)

    def _amount(
        self,
        name: str,
        specimen: str,
        units: Mapping[str, Decimal],
        distance: Distance,
        most: Decimal | None = None,
    ) -> Fact[AmountRange] | None:
        readings: list[tuple[int, Reading[AmountRange]]] = []
        for result in self._placed(name, specimen, distance):
            away = distance(result.when)
            amount = amount_of(result.quantity, units, most)
            if amount.interval is not None and away is not None:
                readings.append((away, _reading({amount.interval}, result)))
            elif not result.absent and away is not None:
                text = f"A result ({name}) could not be used: {amount.fault}."
                self.remarks.append(Remark("UNREADABLE", text, (result.reference,)))
        if name not in _CUTS:
            return _nearest(readings)
        cuts = tuple(tables().limit(cut) for cut in _CUTS[name])
        return self._with_more_disease(
            name, readings, lambda values: max(_highest_band(value, cuts) for value in values)
        )

    def _with_more_disease(
        self,
        name: str,
        readings: Sequence[tuple[int, Reading[Any]]],
        severity: Callable[[frozenset[Any]], int],
    ) -> Fact[Any] | None:
        """The nearest result, and those of other days at relapse that show more disease."""
        nearest = min((away for away, _ in readings), default=0)
        near = [reading for away, reading in readings if away == nearest]
        worst = max((severity(reading.values) for reading in near), default=0)
        more = [
            reading
            for away, reading in readings
            if away != nearest and severity(reading.values) > worst
        ]
        for reading in more:
            text = (
                f"A result of another day at relapse ({name}) shows more disease than the "
                "nearest one: both are kept as possible."
            )
            self.remarks.append(Remark("SITE_CONFLICT", text, (reading.reference,)))
        return fact_of([*near, *more])

    def _note_far(self, name: str) -> None:
        """A dated result too far from the relapse to belong to it is named, not passed over."""
        dated = [item for item in self.results if name in item.sets and item.when is not None]
        if any(self.relapses.distance(item.when) is not None for item in dated):
            return  # at relapse, and already said to be unreadable
        far = [
            (min(gap(item.when, day) for day in self.relapses.dates), item.reference)
            for item in dated
            if item.when is not None and self.relapses.dates
        ]
        if far:
            days, reference = min(far)
            text = (
                f"The nearest result ({name}) lies {days} days from the relapse on record: "
                "it was not used."
            )
            self.remarks.append(Remark("DATA_INCOMPLETE", text, (reference,)))

    def _placed(self, name: str, specimen: str, distance: Distance) -> list[Result]:
        """Results of the named set in the right specimen, near enough; others are flagged."""
        placed = []
        for result in self.results:
            if name not in result.sets:
                continue
            if distance(result.when) is None:
                self._note_undated(name, result)
            elif result.specimen in {specimen, "unknown"}:
                placed.append(result)
            else:
                self._conflict(name, result)
        return placed

    def _conflict(self, name: str, result: Result) -> None:
        text = f"Code and specimen or text of a result ({name}) disagree: it was not used."
        self.remarks.append(Remark("CODE_TEXT_CONFLICT", text, (result.reference,)))

    def _csf_blasts(self, distance: Distance) -> Fact[str] | None:
        readings: list[tuple[int, Reading[str]]] = []
        for result in self._placed("csf_blasts", "csf", distance):
            amount = amount_of(result.quantity, {**CELLS, **PERCENT}).interval
            values = {"seen", "not_seen"}
            if amount is not None and (amount.low > 0 or amount.low_open):
                values = {"seen"}
            elif amount is not None and amount.high == 0:
                values = {"not_seen"}
            elif amount is None:
                values = _seen(result)
            readings.append((distance(result.when) or 0, _reading(values, result)))
        readings += [
            (distance(result.when) or 0, _reading(_seen(result), result))
            for result in self._placed("csf_cytology", "csf", distance)
        ]
        return self._with_more_disease(
            "csf_blasts",
            [(away, reading) for away, reading in readings if reading.values],
            lambda values: 1 if values == {"seen"} else 0,
        )

    def _near_tap(self) -> Distance | None:
        """Days to the lumbar puncture of the relapse, within which a blood count belongs."""
        taps = {
            result.when
            for result in self.results
            if result.sets & {"csf_wbc", "csf_rbc", "csf_blasts", "csf_cytology"}
            and self.relapses.distance(result.when) is not None
        }
        if not taps:
            return None

        def distance(when: DateRange | None) -> int | None:
            days = [
                gap(when, tap)
                for tap in taps
                if when is not None and tap is not None and gap(when, tap) <= BLOOD_COUNT_DAYS
            ]
            if when is None:
                return 0 if None in taps else None
            return min(days, default=None)

        return distance

    def _confirmation(self, mrd_results: Sequence[Result]) -> Fact[str] | None:
        confirming = [
            _reading({"confirmed"}, result)
            for result in mrd_results
            if self.relapses.distance(result.when) is not None
            and result.specimen == "marrow"
            and (amount := amount_of(result.quantity, FRACTION).interval) is not None
            and amount.low >= CONFIRMING_FRACTION
        ]
        return fact_of(confirming)

    def _note_undated(self, name: str, result: Result) -> None:
        """A result without a date cannot be placed: flagged, once a relapse has one."""
        if result.when is None and self.relapses.possible:
            text = f"A result ({name}) has no date that can be read: it was not used."
            self.remarks.append(Remark("DATA_INCOMPLETE", text, (result.reference,)))

    def _note_unused(self, name: str, reason: str) -> None:
        """Results at relapse that are shown and not used."""
        found = [
            result.reference
            for result in self.results
            if name in result.sets and self.relapses.distance(result.when) is not None
        ]
        if found:
            text = f"{reason} The result was not used."
            self.remarks.append(Remark("DATA_INCOMPLETE", text, cited(found)))

    def _note_hidden_csf(self) -> None:
        """A blood code on a CSF specimen is neither: flagged even where no tap is on record."""
        named = {ref for remark in self.remarks for ref in remark.evidence}
        for result in self.results:
            name = next(iter(sorted(result.sets & {"blood_wbc", "blood_rbc"})), None)
            if (
                name is not None
                and result.specimen in {"csf", "conflict"}
                and result.reference not in named
                and self.relapses.distance(result.when) is not None
            ):
                self._conflict(name, result)


def _highest_band(amount: AmountRange, cuts: tuple[Decimal, ...]) -> int:
    """How many of the rising thresholds the amount may reach."""
    return sum(amount.may_reach(cut) for cut in cuts)


def _seen(result: Result) -> set[str]:
    return {
        "positive": {"seen"},
        "negative": {"not_seen"},
    }.get(result.polarity, {"seen", "not_seen"} if result.value_text else set())


def _reading(values: set[Any], result: Result) -> Reading[Any]:
    return Reading(frozenset(values), result.reference, result.element, result.when)


def _nearest(readings: Sequence[tuple[int, Reading[Any]]]) -> Fact[Any] | None:
    """The values nearest to the event, all of them where equally near ones disagree."""
    nearest = min((away for away, _ in readings), default=0)
    return fact_of([reading for away, reading in readings if away == nearest])
