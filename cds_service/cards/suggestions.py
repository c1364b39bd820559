"""Suggestions: the drafts that a card offers, as complete FHIR R4 resources.

Status draft, intent proposal: nothing is ordered. What stands in an order is in ``orders.toml``;
the skeletons are built and validated once, by fhir.resources (``fhir_mappings.emitted``).
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from cds_service.cards.draft import Occasion
from cds_service.cards.fixed_parts import FixedObject
from cds_service.cards.words import PLANS, CardWords, card_words
from cds_service.errors import OrdersError, ResponseDefectError
from cds_service.random_ids import random_uuid
from fhir_mappings import emitted
from relapse_model.decision import Decision

Suggestion = dict[str, Any]
_LOINC = "http://loinc.org"
_MOST_BASIS = 30


@dataclass(frozen=True, slots=True)
class Order:
    """One order: how it is offered, and the skeletons of what is created, with descriptions."""

    label: str
    actions: tuple[tuple[str, FixedObject], ...]


Offer = tuple[str, Order]
"""An order that a card offers, with its name."""


@dataclass(frozen=True, slots=True)
class Orders:
    """Everything that can be offered; ``settling``: wanted fact -> name of the order."""

    orders: Mapping[str, Order]
    settling: Mapping[str, str]
    plans: Mapping[str, Order]
    group: str


@cache
def orders() -> Orders:
    """The orders as shipped, built and validated once; raises OrdersError naming the place."""
    text = files("cds_service.cards").joinpath("orders.toml").read_text("utf-8")
    return orders_from(text, card_words())


def orders_from(text: str, words: CardWords) -> Orders:
    """The orders of one TOML document; raises OrdersError naming what is not sound."""
    try:
        data = tomllib.loads(text)
        note = data["note"]
        made = {name: _order(row, note) for name, row in data["orders"].items()}
        made["hla_typing"] = _hla(data["hla"], note)
        made["risk_assessment"] = _risk(data["risk_assessment"], note)
        plans = _care_plans(data["care_plan"], note, words)
        settling = {
            fact: name for name, row in data["orders"].items() for fact in row.get("for_facts", ())
        }
        return Orders(made, settling, plans, data["risk_assessment"]["group"])
    except (KeyError, TypeError, ValueError, ResponseDefectError) as error:
        raise OrdersError(f"{type(error).__name__}: {error}") from error


def offers(names: Iterable[str], plan: str) -> tuple[Offer, ...]:
    """What a card offers: the orders, each once, with their names.

    ``names``: names of orders, or of wanted facts that an order would settle.
    """
    known = orders()
    chosen = dict.fromkeys(known.settling.get(name, name) for name in names)
    found = [
        (name, known.plans.get(plan) if name == "care_plan" else known.orders.get(name))
        for name in chosen
    ]
    return tuple((name, order) for name, order in found if order is not None)


def conditions(decision: Decision) -> list[dict[str, str]]:
    """References to the Conditions that tell of the disease and its relapse."""
    return emitted.condition_references(
        _evidence(decision, {"disease", "relapse_date", "relapse_number"})
    )


def suggestions(offered: Iterable[Offer], occasion: Occasion) -> list[Suggestion]:
    """The suggestions of one card, each with a uuid; each create has a temporary id."""
    return [
        _suggestion(order, _elements(name, occasion), occasion.patient_id)
        for name, order in offered
    ]


def _suggestion(order: Order, elements: Mapping[str, Any], patient_id: str) -> Suggestion:
    return {
        "label": order.label,
        "uuid": random_uuid(),
        "actions": [
            {
                "type": "create",
                "description": description,
                "resource": emitted.filled(
                    skeleton, f"draft-{random_uuid()}", patient_id, elements
                ),
            }
            for description, skeleton in order.actions
        ],
    }


def _elements(name: str, occasion: Occasion) -> dict[str, Any]:
    """What the record adds to the skeleton: the conditions, the dates, the basis."""
    if name == "risk_assessment":
        return _assessment(occasion)
    if name == "care_plan":
        return {"addresses": occasion.conditions}
    elements: dict[str, Any] = {"reasonReference": occasion.conditions}
    if name == "mrd":
        point = occasion.next_mrd.point
        if point is not None and point.first and point.last:
            elements["occurrencePeriod"] = emitted.period(str(point.first), str(point.last))
    return elements


def _assessment(occasion: Occasion) -> dict[str, Any]:
    decision, words = occasion.decision, occasion.words
    risk = words.listed("risk", decision.risk)
    prediction = []
    for group in decision.s_group:
        outcome = orders().group.format(group=group)
        item: dict[str, Any] = {"outcome": {"text": outcome}}
        if risk:
            item["qualitativeRisk"] = {"text": risk}
        prediction.append(item)
    every = _evidence(decision, {report.fact for report in decision.facts})
    # Patient is the subject; what rests on it (age, sex) is said by the subject alone.
    basis = [item for item in every if "Patient/" not in item]
    return {
        "occurrenceDateTime": str(occasion.as_of) if occasion.as_of else "",
        "basis": emitted.references(basis)[:_MOST_BASIS],
        "prediction": prediction,
        "mitigation": words.plans[decision.plan].short,
    }


def _evidence(decision: Decision, facts: set[str]) -> Sequence[str]:
    found = (item.evidence for item in decision.facts if item.fact in facts)
    return sorted({reference for evidence in found for reference in evidence})


def _order(row: Mapping[str, Any], note: str) -> Order:
    known = {"label", "description", "text", "codings", "specimen", "body_site", "for_facts"}
    if unknown := set(row) - known:
        raise ValueError(f"unknown {sorted(unknown)}")
    parts = {
        name: emitted.concept(part["text"], [part])
        for name in ("specimen", "body_site")
        if (part := row.get(name))
    }
    code = emitted.concept(row["text"], row.get("codings", ()))
    skeleton = emitted.service_request(code, note, **parts)
    return Order(row["label"], ((row["description"], FixedObject(skeleton)),))


def _hla(row: Mapping[str, Any], note: str) -> Order:
    actions = []
    for code, display in row["loci"].items():
        coded = {"system": _LOINC, "code": code, "display": display}
        skeleton = emitted.service_request(emitted.concept(display, [coded]), note)
        actions.append((row["description"].format(text=display), FixedObject(skeleton)))
    return Order(row["label"], tuple(actions))


def _risk(row: Mapping[str, Any], note: str) -> Order:
    skeleton = emitted.risk_assessment({"text": row["code"]}, {"text": row["method"]}, note)
    return Order(row["label"], ((row["description"], FixedObject(skeleton)),))


def _care_plans(row: Mapping[str, Any], note: str, words: CardWords) -> dict[str, Order]:
    spoken = {name for name in PLANS if words.plans[name].kind in {"stratified", "caution"}}
    if different := spoken ^ set(row["activities"]):
        raise ValueError(f"care_plan.activities: missing or unknown {sorted(different)}")
    plans = {}
    for name, activities in row["activities"].items():
        short = words.plans[name].short
        title = row["title"].format(plan=short)
        skeleton = emitted.care_plan(title, row["text"], activities, note)
        described = row["description"].format(plan=short)
        plans[name] = Order(row["label"], ((described, FixedObject(skeleton)),))
    return plans
