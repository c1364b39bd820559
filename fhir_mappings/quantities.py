"""Quantities as exact intervals, by a whitelist of units for each concept.

UCUM validators accept look-alikes (``K/uL`` is kelvin, ``G/L`` gauss, ``rad`` an angle), so
validity is not enough: a unit that is not listed for the concept is refused, and so is a
missing one. Factors are exact decimals.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Final

import msgspec

from fhir_mappings.r4 import Quantity
from relapse_model.amounts import AmountRange

UCUM: Final = frozenset({"http://unitsofmeasure.org", "urn:oid:2.16.840.1.113883.6.8"})
_ONE: Final = Decimal(1)
_THOUSAND: Final = Decimal(1000)
_MILLION: Final = Decimal(1_000_000)
_PER_CENT: Final = Decimal("0.01")
_PPM: Final = Decimal("0.000001")

PERCENT: Final[Mapping[str, Decimal]] = MappingProxyType({"%": _ONE})

CELLS: Final[Mapping[str, Decimal]] = MappingProxyType(
    dict.fromkeys(
        (
            "/uL",
            "{cells}/uL",
            "{cell}/uL",
            "1/uL",
            "10*6/L",
            "10^6/L",
            "/mm3",
            "{cells}/mm3",
            "cells/uL",
            "cells/mcL",
            "cells/mm3",
            "/mcL",
            "#/uL",
            "/cumm",
            "x10E6/L",
            "x10^6/L",
        ),
        _ONE,
    )
    | dict.fromkeys(
        (
            "10*3/uL",
            "10^3/uL",
            "10*9/L",
            "10^9/L",
            "10*3/mm3",
            "/nL",
            "x10E3/uL",
            "x10^3/uL",
            "x10E9/L",
            "x10^9/L",
        ),
        _THOUSAND,
    )
)
"""Cells per microlitre. The spellings that UCUM does not know are those of real laboratories."""

ERYTHROCYTES: Final[Mapping[str, Decimal]] = MappingProxyType(
    dict(CELLS)
    | dict.fromkeys(
        ("10*6/uL", "10^6/uL", "10*12/L", "10^12/L", "x10E6/uL", "x10^6/uL", "x10E12/L"),
        _MILLION,
    )
)
"""As CELLS; only erythrocytes are counted in millions per microlitre."""

GRAY: Final[Mapping[str, Decimal]] = MappingProxyType(
    {"Gy": _ONE, "cGy": _PER_CENT, "RAD": _PER_CENT}
)

FRACTION: Final[Mapping[str, Decimal]] = MappingProxyType(
    {
        "%": _PER_CENT,
        "1": _ONE,
        "{ratio}": _ONE,
        "{fraction}": _ONE,
        "10*-3": Decimal("0.001"),
        "10*-4": Decimal("0.0001"),
        "10*-5": Decimal("0.00001"),
        "10*-6": _PPM,
        "[ppm]": _PPM,
        "/10*6": _PPM,
        "/10*6{cells}": _PPM,
    }
)
"""Share of all cells; no logarithms, no International Scale."""

_MICRO_SIGNS: Final = str.maketrans({"\u00b5": "u", "\u03bc": "u", "\u00d7": "x"})


class Amount(msgspec.Struct, frozen=True, gc=False):
    """What a quantity says: an interval, or why it cannot be used (never the number)."""

    interval: AmountRange | None
    fault: str = ""


def amount_of(
    quantity: Quantity | None, units: Mapping[str, Decimal], most: Decimal | None = None
) -> Amount:
    """The interval of ``quantity`` in the concept's own unit; ``most`` is its upper limit."""
    if quantity is None or quantity.value is None:
        return Amount(None, "no number")
    factor, fault = factor_of(quantity, units)
    if factor is None:
        return Amount(None, fault)
    return interval_of(quantity.value * factor, quantity.comparator, most)


def factor_of(quantity: Quantity, units: Mapping[str, Decimal]) -> tuple[Decimal | None, str]:
    """The factor of the quantity's unit, or None and the reason why it is refused.

    The coded unit counts; a written unit that is listed with another factor stops it.
    """
    code = quantity.code if quantity.system is None or quantity.system in UCUM else None
    coded, written = _listed(code, units), _listed(quantity.unit, units)
    if code is None and not quantity.unit:
        return None, "no unit"
    if code is not None and coded is None:
        return None, "a unit that is not accepted for this result"
    if coded is not None and written is not None and coded != written:
        return None, "a unit and a unit code that disagree"
    if coded is None and written is None:
        return None, "a unit that is not accepted for this result"
    return coded if coded is not None else written, ""


def interval_of(value: Decimal, comparator: str | None, most: Decimal | None = None) -> Amount:
    """All amounts that ``value`` with its comparator may mean, from 0 up to ``most``."""
    nothing_below = comparator == "<" and not value
    nothing_above = comparator == ">" and value == most
    if value < 0 or (most is not None and value > most) or nothing_below or nothing_above:
        return Amount(None, "a number outside its possible range")
    if comparator is None:
        return Amount(AmountRange(value, value))
    if comparator in {"<", "<="}:
        return Amount(AmountRange(Decimal(0), value, high_open=comparator == "<"))
    if comparator in {">", ">="}:
        return Amount(AmountRange(value, most, low_open=comparator == ">"))
    return Amount(None, "a comparator that is not of FHIR R4")


def _listed(unit: str | None, units: Mapping[str, Decimal]) -> Decimal | None:
    if unit is None:
        return None
    return units.get(unit.strip().translate(_MICRO_SIGNS).replace(" ", ""))
