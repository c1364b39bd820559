"""The timeline against the decision document: every mark stands where its date is."""

from __future__ import annotations

from calendar import monthrange
from datetime import date, timedelta
from xml.etree import ElementTree as ET

import pytest
from drawn_charts import by_class, drawn, expected_percent, percent
from sample_facts import sample_facts
from vignette_facts import VIGNETTES, vignette_facts

from cds_service.clinician_page.page import page_of
from cds_service.clinician_page.scales import clipped
from cds_service.sample_patients.samples import samples
from relapse_model.dates import DateRange, partial_date
from relapse_model.decide import decide
from relapse_model.decision import Decision
from relapse_model.facts import PatientFacts
from relapse_model.facts_file import facts_from
from relapse_model.loader import tables

EVENTS = ("diagnosis_date", "cr1_date", "therapy_end", "relapse_date", "relapse_therapy_start")
RECORDS = [*samples(), *(vignette["id"] for vignette in VIGNETTES)]
COURSE = {
    "as_of": "2026-11-22",
    "disease": "ALL",
    "birth_date": "2015-05-01",
    "immunophenotype": "BCP",
    "diagnosis_date": "2020-08-31",
    "cr1_date": "2020-10-05",
    "therapy_end": "2022-08-31",
    "relapse_number": "1",
    "relapse_date": "2023-01-10",
    "marrow_blasts": "80",
    "csf_wbc": "1",
    "csf_rbc": "0",
    "csf_blasts": "not_seen",
}


def record(name: str) -> tuple[PatientFacts, Decision, ET.Element | None]:
    """Facts, decision and timeline of a sample patient or a vignette."""
    facts = sample_facts(name) if name in samples() else vignette_facts(name)
    decision = decide(facts)
    return facts, decision, drawn(page_of(facts, decision), "timeline")


def by_hand(**changes: object) -> tuple[Decision, ET.Element]:
    """Decision and timeline of the course above, changed; None takes a fact away."""
    given = {name: value for name, value in {**COURSE, **changes}.items() if value is not None}
    facts = facts_from(given)
    decision = decide(facts)
    chart = drawn(page_of(facts, decision), "timeline")
    assert chart is not None
    return decision, chart


def plus_months(day: date, months: int) -> date:
    """Calendar months, clamped to the end of the month (R-T1), written anew for the test."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def marks(chart: ET.Element, fact: str) -> dict[str, tuple[float, float]]:
    """The marks of one event: its days -> left and right end in percent."""
    found = {}
    for group in by_class(chart, "event"):
        if group.get("data-fact") != fact:
            continue
        for item in group:
            if "data-days" in item.attrib:
                start = percent(item.get("x"))
                width = percent(item.get("width")) if item.tag == "rect" else 0.0
                found[item.attrib["data-days"]] = (start, start + width)
    return found


@pytest.mark.parametrize("name", RECORDS)
def test_every_date_on_record_stands_where_it_is_on_the_scale(name: str) -> None:
    """A point for a day, a bar from the first to the last day for a range, nothing else."""
    facts, _, chart = record(name)
    known = {
        fact: {str(item): item for item in value.values if clipped(item) != (None, None)}
        for fact in EVENTS
        if (value := getattr(facts, fact)) is not None
    }
    if chart is None:
        assert not any(known.values())
        return
    for fact, ranges in known.items():
        found = marks(chart, fact)
        assert set(found) == set(ranges), fact
        for days, (start, end) in found.items():
            assert start == pytest.approx(expected_percent(chart, ranges[days].earliest), abs=0.01)
            assert end == pytest.approx(expected_percent(chart, ranges[days].latest), abs=0.01)


@pytest.mark.parametrize("name", RECORDS)
def test_the_limits_of_the_decision_document_are_drawn_at_their_days(name: str) -> None:
    """Each limit once, with both ends where the date it is counted from is a range."""
    _, decision, chart = record(name)
    if chart is None:
        return
    drawn_limits = {
        group.attrib["data-name"]: group
        for group in by_class(chart, "limit")
        if "governing" in group.attrib["class"]
    }
    assert set(drawn_limits) == {limit.name for limit in decision.limits}
    for limit in decision.limits:
        first, _, last = limit.day.partition("/")
        days = DateRange(partial_date(first).earliest, partial_date(last or first).latest)
        lines = drawn_limits[limit.name].findall("line")
        places = sorted({percent(line.get("x1")) for line in lines})
        wanted = sorted({expected_percent(chart, day) for day in (days.earliest, days.latest)})
        assert places == pytest.approx(wanted, abs=0.01)


@pytest.mark.parametrize("name", RECORDS)
def test_the_relapse_stands_in_a_band_of_its_own_time(name: str) -> None:
    """Whatever the decision still holds possible, the band under the relapse holds too."""
    facts, decision, chart = record(name)
    (relapsed,) = facts.relapse_date.values if facts.relapse_date.decided else (None,)
    if chart is None or not decision.timing or relapsed is None:
        return
    bands = by_class(chart, "band")
    under = {
        timing
        for band in bands
        for timing in band.attrib["data-timing"].split()
        if date.fromisoformat(band.attrib["data-first"]) <= relapsed.latest
        and relapsed.earliest < date.fromisoformat(band.attrib["data-last"])
    }
    assert set(decision.timing) <= under


def test_bands_change_on_the_days_that_the_thresholds_give() -> None:
    """Very early until 18 months after diagnosis, early until 6 months after therapy, then late."""
    decision, chart = by_hand()
    model = tables()
    early = plus_months(date(2020, 8, 31), model.whole("very_early_months"))
    late = plus_months(date(2022, 8, 31), model.whole("late_months"))
    assert (early, late) == (date(2022, 2, 28), date(2023, 2, 28))

    bands = [
        (band.attrib["data-timing"], band.attrib["data-first"], band.attrib["data-last"])
        for band in by_class(chart, "band")
    ]

    assert [band[0] for band in bands] == ["very_early", "early", "late"]
    assert [band[1] for band in bands][1:] == [str(early), str(late)]
    assert [limit.day for limit in decision.limits] == [str(early), str(late)]
    for band, start in zip(by_class(chart, "band")[1:], (early, late), strict=True):
        rect = band.find("rect")
        assert rect is not None
        assert percent(rect.get("x")) == pytest.approx(expected_percent(chart, start), abs=0.01)


def test_other_definitions_are_thin_marks_at_their_months() -> None:
    """30 months from remission, 30 and 36 from diagnosis: all from the table of thresholds."""
    _, chart = by_hand()
    model = tables()
    wanted = {
        plus_months(date(2020, 10, 5), model.whole("bfm_text_late_months")),
        plus_months(date(2020, 8, 31), model.whole("abstract_late_months")),
        plus_months(date(2020, 8, 31), model.whole("cog_late_months")),
    }
    others = [group for group in by_class(chart, "limit") if "other" in group.attrib["class"]]

    assert {group.attrib["data-days"] for group in others} == {str(day) for day in wanted}
    for group in others:
        line = group.find("line")
        assert line is not None
        day = date.fromisoformat(group.attrib["data-days"])
        assert percent(line.get("x1")) == pytest.approx(expected_percent(chart, day), abs=0.01)


def test_without_an_end_of_therapy_the_band_is_early_or_late() -> None:
    """What cannot be known is not drawn as known, and what is missing is told."""
    facts = facts_from({name: value for name, value in COURSE.items() if name != "therapy_end"})
    page = page_of(facts, decide(facts))
    chart = drawn(page, "timeline")
    assert chart is not None

    assert [band.attrib["data-timing"] for band in by_class(chart, "band")] == [
        "very_early",
        "early late",
    ]
    assert "<strong>Not on record:</strong> end of therapy." in page


def test_on_therapy_every_later_relapse_is_early_and_no_end_is_missed() -> None:
    """Therapy that goes on has no end to ask for."""
    given = {name: value for name, value in COURSE.items() if name != "therapy_end"}
    facts = facts_from({**given, "on_therapy": "yes"})
    page = page_of(facts, decide(facts))
    chart = drawn(page, "timeline")
    assert chart is not None

    assert [band.attrib["data-timing"] for band in by_class(chart, "band")] == [
        "very_early",
        "early",
    ]
    assert "Not on record" not in page
    assert "On first-line therapy at the relapse" in page


def test_a_date_known_by_its_month_gives_a_band_between_two_classes() -> None:
    """From the first to the last day of the month, both are possible."""
    _, chart = by_hand(diagnosis_date="2020-08", cr1_date=None)
    bands = {
        band.attrib["data-timing"]: (band.attrib["data-first"], band.attrib["data-last"])
        for band in by_class(chart, "band")
    }

    assert bands["early very_early"] == ("2022-02-01", "2022-02-28")
    assert marks(chart, "diagnosis_date")["2020-08"] == (
        pytest.approx(expected_percent(chart, date(2020, 8, 1)), abs=0.01),
        pytest.approx(expected_percent(chart, date(2020, 8, 31)), abs=0.01),
    )


def test_two_dates_on_record_for_one_event_are_both_drawn() -> None:
    """A conflict is shown, not settled."""
    _, chart = by_hand(relapse_date=["2023-01-10", "2023-06-20"])

    assert set(marks(chart, "relapse_date")) == {"2023-01-10", "2023-06-20"}


def test_dates_that_contradict_each_other_are_both_marked() -> None:
    """DATA_ERROR: no band, and the two dates say that they contradict."""
    decision, chart = by_hand(diagnosis_date="2023-05-01")
    conflicting = {
        group.attrib["data-fact"]
        for group in by_class(chart, "event")
        if "conflict" in group.attrib["class"].split()
    }

    assert decision.plan == "DATA_ERROR"
    assert not by_class(chart, "band")
    assert conflicting == {name for pair in decision.conflicts for name in pair} - {"as_of"}


def test_premature_end_of_therapy_is_open_until_30_months_from_diagnosis() -> None:
    """R-T7: therapy that ended before 22 months may have been abandoned."""
    _, chart = by_hand(therapy_end="2021-12-31", relapse_date="2022-10-01")
    bands = {
        band.attrib["data-timing"]: (band.attrib["data-first"], band.attrib["data-last"])
        for band in by_class(chart, "band")
    }
    end = plus_months(date(2020, 8, 31), tables().whole("premature_end_months"))

    assert bands["early late"] == ("2022-06-30", str(end))
    assert bands["late"][0] == str(end)
    assert date.fromisoformat(bands["late"][1]) > end + timedelta(days=1)
