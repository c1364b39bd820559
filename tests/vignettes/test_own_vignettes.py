"""Vignettes of our own, and the proof that every rule decides at least one vignette."""

from __future__ import annotations

import json
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from vignette_fhir import prefetch_for

from fhir_mappings.patient_facts import patient_facts
from fhir_mappings.resources import Resources
from relapse_model.dates import partial_date
from relapse_model.decide import decide
from relapse_model.decision import Decision
from relapse_model.facts_file import facts_from
from relapse_model.loader import DECISION_TABLES, tables

HERE = Path(__file__).parent
OWN = tomllib.loads((HERE / "own_vignettes.toml").read_text())
GIVEN = json.loads((HERE / "vignettes.json").read_text())["vignettes"]


def own_decision(vignette: dict[str, Any]) -> Decision:
    """The decision for one of our own vignettes; an empty list takes a fact of the base away."""
    given = {**OWN["base"], **vignette["given"]}
    return decide(facts_from({name: value for name, value in given.items() if value != []}))


@pytest.mark.parametrize("vignette", OWN["vignettes"], ids=[v["id"] for v in OWN["vignettes"]])
def test_own_vignette(vignette: dict[str, Any]) -> None:
    """What the vignette expects is what is decided; flags and sentences are a subset."""
    decision = own_decision(vignette)
    document = decision.document()
    expect = dict(vignette["expect"])
    flags = set(expect.pop("flags", []))
    said = {item.id for item in decision.statements}

    assert {name: document.get(name) for name in expect} == expect, vignette["because"]
    assert flags <= set(document.get("flags", [])), vignette["because"]
    assert set(vignette.get("says", [])) <= said, vignette["because"]
    assert not set(vignette.get("silent_on", [])) & said, vignette["because"]


def test_every_sentence_that_a_vignette_names_exists() -> None:
    """A renamed sentence is renamed there too: else ``silent_on`` would hold for ever."""
    named = {
        name
        for vignette in OWN["vignettes"]
        for name in (*vignette.get("says", []), *vignette.get("silent_on", []))
    }
    assert named <= {row.id for row in tables().statements}


@cache
def decisions() -> tuple[Decision, ...]:
    """The decisions for all vignettes."""
    found = [own_decision(vignette) for vignette in OWN["vignettes"]]
    for vignette in GIVEN:
        resources = Resources()
        prefetch = prefetch_for(vignette)
        for key, value in prefetch.items():
            resources.add(json.dumps(value).encode(), key)
        facts = patient_facts(
            resources,
            patient_id=prefetch["patient"]["id"],
            as_of=partial_date("2026-11-22").latest,
        )
        found.append(decide(facts))
    return tuple(found)


@pytest.mark.parametrize("table", DECISION_TABLES)
def test_every_rule_is_the_deciding_rule_of_a_vignette(table: str) -> None:
    """For each row there is a case in which it alone answers its table's question."""
    deciding = {
        step.rules[0]
        for decision in decisions()
        for step in decision.trace
        if step.table == table and len(step.rules) == 1
    }
    rows = {rule.id for rule in tables().decision[table].rules}

    assert rows - deciding == set()


def test_every_sentence_is_shown_by_a_vignette_or_named_here() -> None:
    """A sentence that no case shows would be one that nobody has read in its place."""
    shown = {item.id for decision in decisions() for item in decision.statements}
    unseen = {row.id for row in tables().statements} - shown

    assert unseen == UNSEEN


UNSEEN: set[str] = set()
