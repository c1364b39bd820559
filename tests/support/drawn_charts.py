"""The charts of a clinician's page, read back from its SVG."""

from __future__ import annotations

import re
from datetime import date
from xml.etree import ElementTree as ET

NAMESPACE = re.compile(r'\sxmlns="[^"]*"')


def drawn(page: str, name: str) -> ET.Element | None:
    """The SVG of class ``name`` (timeline, mrd), or None where the page has none."""
    start = page.find(f'<svg class="chart {name}"')
    if start < 0:
        return None
    depth, place = 0, start
    for match in re.finditer(r"<svg\b|</svg>", page[start:]):
        depth += 1 if match.group() != "</svg>" else -1
        place = start + match.end()
        if depth == 0:
            break
    return ET.fromstring(page[start:place])  # noqa: S314 - a page of our own


def percent(text: str | None) -> float:
    """``12.5%`` as 12.5."""
    assert text is not None
    assert text.endswith("%")
    return float(text[:-1])


def expected_percent(chart: ET.Element, day: date) -> float:
    """Where ``day`` must stand between the first and the last day of the chart."""
    first, last = (date.fromisoformat(chart.attrib[f"data-{end}"]) for end in ("first", "last"))
    share = (day.toordinal() - first.toordinal()) / (last.toordinal() - first.toordinal())
    return 100 * min(max(share, 0), 1)


def by_class(chart: ET.Element, name: str) -> list[ET.Element]:
    """The groups whose first class is ``name``."""
    return [item for item in chart.iter("g") if item.get("class", "").split()[0] == name]
