"""Why a launch ends without the page: fixed words, each with its HTTP status.

Nothing here repeats what was sent: an address, an id or a text of the EHR could be about a
patient, or a trap.
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple


class _Told(NamedTuple):
    status: int
    heading: str
    advice: str


class LaunchFault(Enum):
    """One way in which a launch can fail: HTTP status, heading, and what to do now."""

    INCOMPLETE = _Told(
        400,
        "This page is opened from an EHR",
        "The EHR has to say which EHR it is and which chart is open. Open the page from the "
        "patient's chart, by the link of a card.",
    )
    FOREIGN = _Told(
        403,
        "This EHR is not known here",
        "Only EHRs that the operator of this service has listed may open the page. Nothing was "
        "asked of it.",
    )
    NO_CONFIGURATION = _Told(
        502,
        "The EHR cannot be reached",
        "The EHR did not tell how it wants to be asked for access. Please try again; if it stays "
        "so, the operator of this service can help.",
    )
    STALE = _Told(
        400,
        "This launch is over",
        "It was used already, was begun in another browser, or took too long. Open the page anew "
        "from the patient's chart.",
    )
    DENIED = _Told(
        403,
        "Access was not granted",
        "Without access to the record there is nothing to show. No data were read.",
    )
    REFUSED = _Told(
        502,
        "The EHR refused the launch",
        "A launch can be used once, for a short time. Open the page anew from the patient's chart.",
    )
    NO_TOKEN = _Told(
        502,
        "The EHR did not confirm the launch",
        "It gave no access to the record; perhaps the launch was used before. Open the page anew "
        "from the patient's chart.",
    )
    NO_PATIENT = _Told(
        400,
        "No patient is open",
        "The EHR did not say which patient's chart is open. Open a chart, and the page from there.",
    )
    NO_RECORD = _Told(
        502,
        "The record could not be read",
        "The EHR gave access, but not the patient and the problem list, without which nothing can "
        "be said. This is no statement about the patient.",
    )

    DEFECT = _Told(
        500,
        "The page failed",
        "This is a defect of the service, not of the record. Please report the time of day, and "
        "decide without the page.",
    )

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self.value.status

    @property
    def heading(self) -> str:
        """What happened, in a few words."""
        return self.value.heading

    @property
    def advice(self) -> str:
        """What that means, and what to do now."""
        return self.value.advice


class LaunchRefused(Exception):  # noqa: N818 - named for what happened, as in errors.py
    """A launch ends here; the reader is told why in fixed words."""

    def __init__(self, fault: LaunchFault) -> None:
        """``fault``: which of the ways."""
        super().__init__(fault.name)
        self.fault = fault
