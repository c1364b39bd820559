"""What if: the facts with some of them assumed, and the decision that they would give.

Nothing is stored: the facts come from the page and the answer goes back into it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from cds_service.cards.draft import label, plan_short
from cds_service.cards.words import CardWords, either
from cds_service.clinician_page.fact_words import ASSUMED, fraction_in_words, values_in_words
from relapse_model.amounts import AmountRange
from relapse_model.dates import FIRST_DAY, DateRange, known, partial_date
from relapse_model.decide import decide
from relapse_model.decision import Decision
from relapse_model.errors import FactsError
from relapse_model.facts import ANY_DAY, Fact, MrdResult, PatientFacts, fact
from relapse_model.facts_file import GENETICS, amount
from relapse_model.loader import tables

UNKNOWN = "unknown"
LONGEST = 40
"""Characters of one value of the form."""

OFFERED = (
    "immunophenotype",
    "relapse_number",
    "diagnosis_date",
    "cr1_date",
    "therapy_end",
    "on_therapy",
    "therapy_completed",
    "relapse_date",
    "marrow_blasts",
    "marrow_confirmation",
    "csf_blasts",
    "csf_wbc",
    "csf_rbc",
    "blood_wbc",
    "blood_rbc",
    "cranial_nerve_palsy",
    "cns_imaging",
    "testis_left",
    "testis_biopsy_left",
    "testis_right",
    "testis_biopsy_right",
    "other_em",
    "mrd",
    "genetics",
    "cr2",
    "prior_hsct",
    "prior_cranial_rt_gy",
    "birth_date",
)
"""The facts that may be assumed, in the order of the form."""

_LIMITS = {
    "marrow_blasts": ("m1_below_percent", "m3_from_percent"),
    "csf_wbc": ("csf_leukocytes_per_ul",),
    "csf_rbc": ("csf_erythrocytes_per_ul",),
}
"""The thresholds between the bands of an amount, in the order of the vocabulary."""

_SILENCE = PatientFacts(as_of=FIRST_DAY)
"""What every fact is where the record says nothing."""

_MRD_ANSWERS = ("good", "borderline", "poor", "pending")


@dataclass(frozen=True, slots=True)
class Assumption:
    """One fact that was assumed: as it is on record, and as it is assumed."""

    label: str
    recorded: str
    assumed: str


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """What the reader asked: ``settings`` as the form sent them, and what follows."""

    settings: Mapping[str, str]
    assumptions: tuple[Assumption, ...]
    facts: PatientFacts
    decision: Decision


@dataclass(frozen=True, slots=True)
class Option:
    """One value to choose."""

    value: str
    label: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class FormField:
    """One fact in the form; ``options`` empty: it is typed."""

    fact: str
    label: str
    recorded: str
    options: tuple[Option, ...]
    value: str
    hint: str
    wanted: bool


@dataclass(frozen=True, slots=True)
class Compared:
    """One conclusion on record, and under the hypothesis."""

    name: str
    recorded: str
    assumed: str

    @property
    def changed(self) -> bool:
        """Whether the hypothesis changes it."""
        return self.recorded != self.assumed


def hypothesis(facts: PatientFacts, settings: Mapping[str, str]) -> Hypothesis | None:
    """The decision under ``settings`` (fact: value as the form sends it); None if all are empty.

    Raises FactsError naming the field.
    """
    asked = {name: text.strip() for name, text in settings.items() if text.strip()}
    if not asked:
        return None
    changes: dict[str, Any] = {}
    for name, text in asked.items():
        if name not in OFFERED:
            raise FactsError(name, "is not a fact that can be assumed")
        if len(text) > LONGEST:
            raise FactsError(name, f"is longer than {LONGEST} characters")
        changes.update(_assumed_mrd(text, facts) if name == "mrd" else {name: _assumed(name, text)})
    changes.update(_follows(asked, facts))
    assumed = facts.with_facts(**changes)
    return Hypothesis(
        settings=asked,
        assumptions=tuple(_assumptions(facts, assumed, changes)),
        facts=assumed,
        decision=decide(assumed),
    )


def form_fields(
    facts: PatientFacts, wanted: tuple[str, ...], settings: Mapping[str, str]
) -> tuple[FormField, ...]:
    """The fields of the form, what is wanted first."""
    names = sorted(OFFERED, key=lambda name: (name not in wanted, OFFERED.index(name)))
    sexless = ("testis_left", "testis_right", "testis_biopsy_left", "testis_biopsy_right")
    if facts.sex.values == {"female"}:
        names = [name for name in names if name not in sexless]
    return tuple(_field(name, facts, name in wanted, settings.get(name, "")) for name in names)


def compared(recorded: Decision, assumed: Decision, words: CardWords) -> tuple[Compared, ...]:
    """The conclusions side by side."""
    before, after = (_conclusions(decision, words) for decision in (recorded, assumed))
    return tuple(
        Compared(name, before[name], after[name]) for name in before if before[name] or after[name]
    )


def _conclusions(decision: Decision, words: CardWords) -> dict[str, str]:
    local = decision.local_therapy
    asks = dict.fromkeys(words.asks.get(name, name) for name in decision.wanted)
    return {
        "Group": words.listed("s_group", decision.s_group) or "none",
        "Risk": words.listed("risk", decision.risk) or "none",
        "Plan": plan_short(decision.plan, words),
        "Plans still possible": either(
            *(plan_short(plan, words) for plan in decision.plans or (decision.plan,))
        ),
        "Time of relapse": words.listed("timing", decision.timing) or "not classified",
        "Site": words.listed("site", decision.site) or "not classified",
        "CNS": decision.cns_status.replace("_", " "),
        "MRD": words.listed("mrd", [decision.mrd]),
        "Local treatment": "; ".join(
            [
                *([f"CNS {either(*map(str, local.cns_rt_gy))} Gy"] if local.cns_rt_gy else []),
                *(words.words["testis_short"].get(item, item) for item in local.testis),
                *(words.words["undetermined_short"].get(item, item) for item in local.undetermined),
            ]
        )
        or "none",
        "Would still change it": "; ".join(asks) or "nothing",
    }


def _assumed(name: str, text: str) -> Fact[Any]:
    if text == UNKNOWN:
        default: Fact[Any] = getattr(_SILENCE, name)
        return Fact(default.values, ASSUMED)
    kind = tables().facts[name].kind
    if kind == "date":
        return fact(partial_date(text, name), evidence=ASSUMED)
    if kind == "amount":
        return fact(_band(name, text) or amount(text, name), evidence=ASSUMED)
    allowed = GENETICS if name == "genetics" else frozenset(tables().facts[name].values)
    if text not in allowed:
        raise FactsError(name, "has no such value")
    return fact(text, evidence=ASSUMED)


def _band(name: str, text: str) -> AmountRange | None:
    """The amounts of one band of the vocabulary (M2: from 5 to below 25 %)."""
    if name not in _LIMITS or text not in tables().facts[name].values:
        return None
    place = list(tables().facts[name].values).index(text)
    limits = [tables().limit(limit) for limit in _LIMITS[name]]
    low = limits[place - 1] if place else Decimal(0)
    if place < len(limits):
        return AmountRange(low, limits[place], high_open=True)
    return AmountRange(low, Decimal(100) if tables().facts[name].unit == "%" else None)


def _assumed_mrd(text: str, facts: PatientFacts) -> dict[str, Any]:
    """MRD of the first time point, instead of what is on record."""
    if text not in _MRD_ANSWERS:
        raise FactsError("mrd", "has no such value")
    if text == "pending":
        return {"mrd": ()}
    limit = tables().limit("mrd_fraction")
    fraction = {
        "good": AmountRange(Decimal(0), limit, high_open=True),
        "borderline": AmountRange(limit, limit),
        "poor": AmountRange(limit, None, low_open=True),
    }[text]
    start = facts.relapse_therapy_start or facts.relapse_date
    first = min(item.earliest for item in start.values)
    exact = start.decided and all(item.earliest == item.latest for item in start.values)
    changes: dict[str, Any] = {}
    if not exact:  # weeks can be counted only from one day: the assumption includes one
        day = max(first, facts.as_of - timedelta(days=tables().whole("tp2_last_day")))
        first = min(day, max(item.latest for item in start.values))
        changes["relapse_therapy_start"] = fact(known(first), evidence=ASSUMED)
    days = DateRange(
        first + timedelta(days=tables().whole("tp1_first_day")),
        first + timedelta(days=tables().whole("tp1_last_day")),
    )
    return {
        **changes,
        "mrd": (MrdResult(days, fraction, "flow", "marrow", "assumed", ASSUMED),),
    }


def _follows(asked: Mapping[str, str], facts: PatientFacts) -> dict[str, Any]:
    """What must give way: "on therapy" and an end of therapy on record are not both assumed."""
    if asked.get("on_therapy") == "yes" and "therapy_end" not in asked:
        return {"therapy_end": Fact(ANY_DAY.values, ASSUMED)}
    ended = "therapy_end" in asked and asked["therapy_end"] != UNKNOWN
    if ended and "on_therapy" not in asked and facts.on_therapy.values == {"yes"}:
        return {"on_therapy": fact("no", evidence=ASSUMED)}
    return {}


def _assumptions(
    facts: PatientFacts, assumed: PatientFacts, changes: Mapping[str, Any]
) -> Iterator[Assumption]:
    for name in changes:
        if name == "relapse_therapy_start":
            continue
        if name == "mrd":
            before, after = _results(facts), _results(assumed)
        else:
            before, after = (_told(name, getattr(item, name)) for item in (facts, assumed))
        yield Assumption(label(name), before, after)


def _results(facts: PatientFacts) -> str:
    if not facts.mrd:
        return "pending"
    if facts.mrd[0].evidence == ASSUMED:
        return f"{fraction_in_words(facts.mrd[0].fraction)} at the first time point"
    return f"{len(facts.mrd)} on record"


def _told(name: str, value: Fact[Any]) -> str:
    default: Fact[Any] = getattr(_SILENCE, name)
    silent = value.values == default.values
    if silent and (not value.decided or tables().facts[name].kind != "choice"):
        return "not known"
    return values_in_words(name, value)


def _field(name: str, facts: PatientFacts, wanted: bool, setting: str) -> FormField:
    row = tables().facts[name]
    recorded = _results(facts) if name == "mrd" else _told(name, getattr(facts, name))
    options = tuple(Option(value, told, value == setting) for value, told in _options(name))
    return FormField(
        fact=name,
        label=row.label[:1].upper() + row.label[1:],
        recorded=recorded,
        options=options,
        value=setting,
        hint="" if options else _hint(row.kind, row.unit),
        wanted=wanted,
    )


def assumable(name: str, answer: str) -> bool:
    """Whether ``answer`` is a value of the form, and no property of one."""
    return name in OFFERED and answer in dict(_options(name))


def _options(name: str) -> Iterator[tuple[str, str]]:
    row = tables().facts[name]
    if name == "mrd":
        yield from ((value, row.values[value]) for value in _MRD_ANSWERS)
    elif row.kind == "choice" or name in _LIMITS:
        allowed = GENETICS if name == "genetics" else frozenset(row.values)
        yield from ((value, told) for value, told in row.values.items() if value in allowed)
        default: Fact[Any] = getattr(_SILENCE, name)
        if not default.decided or name in _LIMITS:
            yield UNKNOWN, "not known"


def _hint(kind: str, unit: str) -> str:
    if kind == "date":
        return "2024-03-15, 2024-03, 2024 or unknown"
    return f"{unit}: 12, <18, >=20 or unknown".strip(": ")
