"""The facts of a child as they travel in the page: into its form, and back when it is sent.

Nothing is kept between two requests, so what comes back is read as strictly as anything else from
outside: its shape, its vocabulary, and its bounds. Lossless: what was carried is what is read.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal

import msgspec

from cds_service.errors import CarriedFactsUnreadable
from relapse_model.amounts import AmountRange
from relapse_model.dates import FIRST_DAY, LAST_DAY, DateRange
from relapse_model.facts import Fact, PatientFacts
from relapse_model.facts_file import DONORS, GENETICS, METHODS, SPECIMENS
from relapse_model.loader import tables

MOST_VALUES = 16
"""Values of one fact, MRD results, donors: more is no record of a child."""

MOST_RESULTS = 64
_LARGEST = Decimal(10) ** 9
_SMALLEST_EXPONENT = -18


def carried(facts: PatientFacts) -> str:
    """The facts as JSON, for a form of the page."""
    return msgspec.json.encode(facts).decode()


def facts_carried(text: str) -> PatientFacts:
    """The facts of ``carried``; raises CarriedFactsUnreadable naming the field."""
    try:
        facts = msgspec.json.decode(text, type=PatientFacts)
    except msgspec.ValidationError as error:
        raise CarriedFactsUnreadable(_place(error)) from error
    except (msgspec.DecodeError, UnicodeError, RecursionError, ArithmeticError) as error:
        raise CarriedFactsUnreadable("facts") from error
    _refuse_day("facts.as_of", facts.as_of)
    for name, fact in facts.named().items():
        _refuse_fact(name, fact)
    _refuse_results(facts)
    return facts


def _place(error: msgspec.ValidationError) -> str:
    """``facts.mrd[0].taken`` of msgspec's "... - at `$.mrd[0].taken`"; no value is repeated."""
    _, _, path = str(error).rpartition("`$")
    return f"facts{path.rstrip('`')}"


def _refuse_fact(name: str, fact: Fact[object]) -> None:
    if len(fact.values) > MOST_VALUES:
        raise CarriedFactsUnreadable(f"facts.{name}.values")
    kind = "date" if name == "relapse_therapy_start" else tables().facts[name].kind
    for value in fact.values:
        if isinstance(value, str) and kind == "choice":
            _refuse_choice(name, value)
        elif isinstance(value, DateRange) and kind == "date":
            _refuse_range(f"facts.{name}", value)
        elif isinstance(value, AmountRange) and kind == "amount":
            _refuse_amount(f"facts.{name}", value)
        else:
            raise CarriedFactsUnreadable(f"facts.{name}.values")
    if fact.taken is not None:
        _refuse_range(f"facts.{name}.taken", fact.taken)


def _refuse_choice(name: str, value: str) -> None:
    allowed = GENETICS if name == "genetics" else frozenset(tables().facts[name].values)
    _refuse_word(f"facts.{name}.values", value, allowed)


def _refuse_results(facts: PatientFacts) -> None:
    if len(facts.mrd) > MOST_RESULTS or len(facts.donors) > MOST_VALUES:
        raise CarriedFactsUnreadable("facts.mrd or facts.donors")
    for number, result in enumerate(facts.mrd):
        place = f"facts.mrd[{number}]"
        _refuse_range(f"{place}.taken", result.taken)
        if result.fraction is not None:
            _refuse_amount(f"{place}.fraction", result.fraction)
        _refuse_word(f"{place}.method", result.method, METHODS)
        _refuse_word(f"{place}.specimen", result.specimen, SPECIMENS)
    for number, donor in enumerate(facts.donors):
        _refuse_word(f"facts.donors[{number}].kind", donor.kind, DONORS)
        if donor.tnc_per_kg is not None:
            _refuse_amount(f"facts.donors[{number}].tnc_per_kg", donor.tnc_per_kg)


def _refuse_word(place: str, value: str, allowed: Iterable[str]) -> None:
    if value not in allowed:
        raise CarriedFactsUnreadable(place)


def _refuse_range(place: str, days: DateRange) -> None:
    _refuse_day(place, days.earliest)
    _refuse_day(place, days.latest)


def _refuse_day(place: str, day: date) -> None:
    if not FIRST_DAY <= day <= LAST_DAY:
        raise CarriedFactsUnreadable(place)


def _refuse_amount(place: str, amount: AmountRange) -> None:
    for bound in (amount.low, amount.high):
        if bound is None:
            continue
        exponent = bound.as_tuple().exponent
        if not isinstance(exponent, int) or exponent < _SMALLEST_EXPONENT:
            raise CarriedFactsUnreadable(place)
        if not 0 <= bound <= _LARGEST:
            raise CarriedFactsUnreadable(place)
