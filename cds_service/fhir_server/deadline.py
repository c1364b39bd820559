"""The time that is left to answer: one deadline holds for everything that one call asks for."""

from __future__ import annotations

import time
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Deadline:
    """A point in time (monotonic seconds) at which the answer must be given."""

    at: float

    @classmethod
    def after(cls, milliseconds: int) -> Deadline:
        """The deadline so many milliseconds from now."""
        return cls(time.monotonic() + milliseconds / 1000)

    @property
    def remaining(self) -> float:
        """Seconds left; 0 once it has passed."""
        return max(0.0, self.at - time.monotonic())
