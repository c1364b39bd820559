"""Amounts as they are known: an interval of exact decimals.

``<0.01 %`` is [0, 1e-4), ``>=25`` is [25, ...). No float ever meets a threshold.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class AmountRange:
    """All amounts from ``low`` to ``high``; ``high`` None = no upper bound.

    ``low_open`` / ``high_open`` say that the bound itself is excluded.
    """

    low: Decimal
    high: Decimal | None
    low_open: bool = False
    high_open: bool = False

    def __post_init__(self) -> None:
        """Refuse an empty interval."""
        if self.high is None:
            return
        if self.high < self.low or (self.high == self.low and (self.low_open or self.high_open)):
            raise ValueError(f"no amount lies in {self}")

    def __str__(self) -> str:
        """``3``, ``<0.0001``, ``>=25`` or ``1 to 5``."""
        if self.high is None:
            return f"{'>' if self.low_open else '>='}{plain(self.low)}"
        if self.low == self.high:
            return plain(self.low)
        if self.low == 0 and not self.low_open:
            return f"{'<' if self.high_open else '<='}{plain(self.high)}"
        return f"{plain(self.low)} to {plain(self.high)}"

    def may_be_below(self, limit: Decimal) -> bool:
        """Whether some amount of the interval is < ``limit``."""
        return self.low < limit

    def may_be_above(self, limit: Decimal) -> bool:
        """Whether some amount of the interval is > ``limit``."""
        return self.high is None or self.high > limit

    def may_equal(self, limit: Decimal) -> bool:
        """Whether ``limit`` itself is in the interval."""
        above = self.low < limit or (self.low == limit and not self.low_open)
        return above and self.may_reach(limit)

    def may_reach(self, limit: Decimal) -> bool:
        """Whether some amount of the interval is >= ``limit``."""
        if self.high is None:
            return True
        return limit < self.high or (limit == self.high and not self.high_open)


def exactly(amount: Decimal | int | str) -> AmountRange:
    """The interval of one amount."""
    value = Decimal(amount)
    return AmountRange(value, value)


def at_least(amount: Decimal | int | str) -> AmountRange:
    """The interval from ``amount`` upwards."""
    return AmountRange(Decimal(amount), None)


def plain(value: Decimal) -> str:
    """Decimal without exponent or trailing zeros: ``0.0001``, ``80``."""
    text = format(value.normalize(), "f")
    return text if text != "-0" else "0"
