"""The MRD chart: every result at its power of ten, censored ones as arrows, unusable ones named."""

from __future__ import annotations

import re
from math import log10
from xml.etree import ElementTree as ET

import pytest
from drawn_charts import by_class, drawn, expected_percent, percent
from sample_facts import sample_facts
from vignette_facts import VIGNETTES, vignette_facts

from cds_service.clinician_page.page import page_of
from cds_service.sample_patients.samples import samples
from relapse_model.dates import partial_date
from relapse_model.decide import decide
from relapse_model.facts import MrdResult
from relapse_model.facts_file import facts_from
from relapse_model.loader import tables
from relapse_model.mrd import why_unused

RECORDS = [*samples(), *(vignette["id"] for vignette in VIGNETTES)]
LATE_MARROW = {
    "as_of": "2026-11-22",
    "disease": "ALL",
    "birth_date": "2015-05-01",
    "immunophenotype": "BCP",
    "diagnosis_date": "2020-08-31",
    "therapy_end": "2022-08-31",
    "relapse_number": "1",
    "relapse_date": "2024-01-10",
    "relapse_therapy_start": "2024-01-15",
    "marrow_blasts": "80",
    "csf_wbc": "1",
    "csf_rbc": "0",
    "csf_blasts": "not_seen",
}


def results_of(name: str) -> tuple[tuple[MrdResult, ...], ET.Element | None]:
    """The MRD results of a record, in the order of the chart, and the chart."""
    facts = sample_facts(name) if name in samples() else vignette_facts(name)
    chart = drawn(page_of(facts, decide(facts)), "mrd")
    return tuple(sorted(facts.mrd, key=lambda item: (item.taken, item.text))), chart


def with_mrd(*results: dict[str, str]) -> tuple[str, list[ET.Element], ET.Element]:
    """The page, the points of its chart and the chart, for results of the marrow by flow."""
    usual = {"taken": "2024-02-19", "method": "flow", "specimen": "marrow"}
    facts = facts_from({**LATE_MARROW, "mrd": [{**usual, **result} for result in results]})
    page = page_of(facts, decide(facts))
    chart = drawn(page, "mrd")
    assert chart is not None
    return page, by_class(chart, "point"), chart


def height(chart: ET.Element, fraction: float) -> float:
    """Where ``fraction`` must stand, between the two thresholds that the chart draws."""
    places = {
        float(group.attrib["data-fraction"]): float(line.attrib["y1"])
        for group in by_class(chart, "threshold")
        if (line := group.find("line")) is not None
    }
    (low, low_y), (high, high_y) = sorted(places.items())
    decade = (low_y - high_y) / (log10(high) - log10(low))
    return low_y - decade * (log10(fraction) - log10(low))


def at(point: ET.Element) -> ET.Element:
    """The symbol of a point."""
    found = point.find("svg")
    assert found is not None
    return found


def drawn_arrow(point: ET.Element) -> str:
    """``down``, ``up`` or nothing."""
    arrows = [path.attrib["d"] for path in point.iter("path") if path.get("class") == "arrow"]
    if not arrows:
        return ""
    match = re.match(r"M0 0V(-?\d+)", arrows[0])
    assert match
    return "down" if int(match[1]) > 0 else "up"


@pytest.mark.parametrize("name", RECORDS)
def test_every_mrd_result_stands_at_its_day_and_its_power_of_ten(name: str) -> None:
    """Also in the vignettes: exact values at log10, bounds with an arrow the right way."""
    results, chart = results_of(name)
    if not results:
        assert chart is None
        return
    assert chart is not None
    points = by_class(chart, "point")
    assert len(points) == len(results)
    for point, result in zip(points, results, strict=True):
        middle = (
            expected_percent(chart, result.taken.earliest)
            + expected_percent(chart, result.taken.latest)
        ) / 2
        assert percent(at(point).get("x")) == pytest.approx(middle, abs=0.01)
        assert ("unused" in point.attrib["class"].split()) == bool(why_unused(result))
        fraction = result.fraction
        if fraction is None:
            assert "unplaced" in point.attrib["class"].split()
            continue
        bound = fraction.low if fraction.high is None else fraction.high
        if bound > 0:
            placed = min(max(height(chart, float(bound)), height(chart, 1)), height(chart, 1e-6))
            assert float(at(point).attrib["y"]) == pytest.approx(placed, abs=0.05)
        wanted = "up" if fraction.high is None else "down" if fraction.low == 0 else ""
        assert drawn_arrow(point) == wanted


def test_the_lines_of_the_chart_are_the_thresholds_of_the_model() -> None:
    """1e-4 governs, 1e-3 is the cut-off of others; both come from the tables."""
    _, _, chart = with_mrd({"fraction": "0.002"})
    lines = {
        group.attrib["data-fraction"]: "governing" in group.attrib["class"]
        for group in by_class(chart, "threshold")
    }
    model = tables()

    assert lines == {
        str(model.limit("mrd_fraction")): True,
        str(model.limit("mrd_other_cut_off")): False,
    }


def test_the_time_points_are_drawn_on_the_days_of_the_model() -> None:
    """Counted from the start of relapse therapy."""
    _, _, chart = with_mrd({"fraction": "0.002"})
    start = partial_date("2024-01-15").earliest.toordinal()
    model = tables()
    found = [
        tuple(
            partial_date(window.attrib[f"data-{end}"]).earliest.toordinal() - start
            for end in ("first", "last")
        )
        for window in by_class(chart, "window")
    ]

    assert found == [
        (model.whole("tp1_first_day"), model.whole("tp1_last_day")),
        (model.whole("tp2_first_day"), model.whole("tp2_last_day")),
    ]


@pytest.mark.parametrize(
    ("fraction", "kind", "arrow"),
    [
        ("0.002", "exact", ""),
        ("<0.0001", "below", "down"),
        ("0", "below", "down"),
        (">0.01", "above", "up"),
        ("0.00001 to 0.001", "between", ""),
    ],
)
def test_a_censored_result_is_an_arrow_and_a_range_a_bar(
    fraction: str, kind: str, arrow: str
) -> None:
    """A bound is never drawn as if it were a measurement."""
    _, (point,), _ = with_mrd({"fraction": fraction})

    assert kind in point.attrib["class"].split()
    assert drawn_arrow(point) == arrow


def test_a_range_spans_from_its_highest_to_its_lowest_fraction() -> None:
    """The bar has both ends where they are on the scale."""
    _, (point,), chart = with_mrd({"fraction": "0.00001 to 0.001"})
    bar = next(path.attrib["d"] for path in point.iter("path") if path.get("class") == "bar")
    match = re.match(r"M0 0V([\d.]+)", bar)
    assert match

    top = float(at(point).attrib["y"])
    assert top == pytest.approx(height(chart, 0.001), abs=0.05)
    assert top + float(match[1]) == pytest.approx(height(chart, 0.00001), abs=0.05)


@pytest.mark.parametrize(
    ("result", "why"),
    [
        ({"fraction": "0.002", "specimen": "blood"}, "not known to be bone marrow"),
        ({"fraction": "0.002", "method": "unknown"}, "method not stated, or not comparable"),
        ({"text": "negative"}, "unit or sensitivity missing"),
    ],
)
def test_a_result_that_is_not_used_is_crossed_out_and_says_why(
    result: dict[str, str], why: str
) -> None:
    """It is shown, because somebody measured it; it decides nothing."""
    page, (point,), _ = with_mrd(result)

    assert "unused" in point.attrib["class"].split()
    assert any(path.get("class") == "cross" for path in point.iter("path"))
    assert f"<strong>not used</strong>: {why}" in page


def test_results_are_numbered_alike_in_the_chart_and_in_the_table() -> None:
    """The chart has no room for words; its numbers lead to them."""
    page, points, _ = with_mrd(
        {"fraction": "<0.0001", "taken": "2024-04-08"}, {"fraction": "0.002"}
    )
    numbers = [point.attrib["data-number"] for point in points]

    assert numbers == ["1", "2"]
    assert [point.attrib["data-days"] for point in points] == ["2024-02-19", "2024-04-08"]
    assert '<th scope="row">1</th><td class="day">2024-02-19' in page
    assert '<th scope="row">2</th><td class="day">2024-04-08' in page


def test_without_a_result_the_next_time_point_is_told_as_dates() -> None:
    """What to do next, not an empty chart."""
    facts = facts_from({**LATE_MARROW, "as_of": "2024-02-01"})
    page = page_of(facts, decide(facts))

    assert drawn(page, "mrd") is None
    assert "Next marrow MRD: <strong>2024-02-12 to 2024-02-26</strong>" in page
