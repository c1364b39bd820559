"""The invented children that ship with the package: their FHIR resources, and what is expected.

``sample_patients/<patient id>.json`` is a collection Bundle; ``expected.toml`` says in one line who
each child is and which plan the model must give.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from cds_service.cards.words import card_words

Resource = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Sample:
    """One child: ``about`` in one line, the ``plan`` expected, and whether a card is ``shown``."""

    patient_id: str
    about: str
    plan: str
    shown: bool
    resources: tuple[Resource, ...]


@cache
def samples() -> Mapping[str, Sample]:
    """All sample patients by patient id, in the order of ``expected.toml``; read once."""
    folder = files("cds_service") / "sample_patients"
    expected = tomllib.loads(folder.joinpath("expected.toml").read_text("utf-8"))
    return {
        patient_id: Sample(
            patient_id=patient_id,
            about=row["about"],
            plan=row["plan"],
            shown=row.get("shown", card_words().plans[row["plan"]].kind != "silent"),
            resources=_resources(folder.joinpath(f"{patient_id}.json").read_text("utf-8")),
        )
        for patient_id, row in expected.items()
    }


def _resources(text: str) -> tuple[Resource, ...]:
    return tuple(entry["resource"] for entry in json.loads(text)["entry"])
