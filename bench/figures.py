"""One measured figure beside its goal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Bound = tuple[Literal["<=", ">="], float]


@dataclass(frozen=True, slots=True)
class Figure:
    """What was measured.

    ``baseline`` and ``service`` are in ``unit`` (empty: a plain number); ``value`` is what the goal
    is about, their ratio where there is a baseline. ``goal`` None: told without judging.
    """

    measure: str
    service: float
    unit: str
    value: float
    baseline: float | None = None
    goal: Bound | None = None

    @property
    def met(self) -> bool | None:
        """Whether the goal is reached; None where there is none."""
        if self.goal is None:
            return None
        word, bound = self.goal
        return self.value <= bound if word == "<=" else self.value >= bound

    def document(self) -> dict[str, Any]:
        """The figure for the JSON file."""
        return {
            "measure": self.measure,
            "baseline": _rounded(self.baseline),
            "service": _rounded(self.service),
            "unit": self.unit,
            "value": _rounded(self.value),
            "goal": "".join(map(str, self.goal)) if self.goal else None,
            "met": self.met,
        }


def ratio(
    measure: str, baseline: float, service: float, unit: str, goal: Bound | None = None
) -> Figure:
    """A figure of the service against the baseline's in the same run."""
    return Figure(measure, service, unit, service / baseline, baseline, goal)


def plain(measure: str, service: float, unit: str, goal: Bound | None = None) -> Figure:
    """A figure that stands alone."""
    return Figure(measure, service, unit, service, goal=goal)


def _rounded(number: float | None) -> float | None:
    return None if number is None else float(f"{number:.4g}")


def table(figures: list[Figure]) -> str:
    """All figures as a Markdown table."""
    lines = [
        "| measure | baseline | service | value | goal | |",
        "|---|---:|---:|---:|---:|---|",
    ]
    for figure in figures:
        verdict = {True: "met", False: "NOT MET", None: ""}[figure.met]
        goal = f"{figure.goal[0]} {figure.goal[1]:g}" if figure.goal else ""
        base = "" if figure.baseline is None else _told(figure.baseline, figure.unit)
        value = "" if figure.baseline is None and not figure.goal else f"{figure.value:.3g}"
        cells = (figure.measure, base, _told(figure.service, figure.unit), value, goal, verdict)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _told(number: float, unit: str) -> str:
    return f"{number:.3g} {unit}".strip()
