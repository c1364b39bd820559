"""First-line therapy as a CarePlan or EpisodeOfCare, where a site says by which code.

No terminology has a verified code for it, so only the site's own codes count
(``site_codes.FIRST_LINE_COURSE``); the period is read like that of a first-line Procedure.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from fhir_mappings import r4
from fhir_mappings.codes import CODES
from fhir_mappings.dates import end_of, start_of
from fhir_mappings.procedures import Treatment
from fhir_mappings.r4_bundle import Held
from fhir_mappings.site_codes import FIRST_LINE_COURSE

_STATUSES: Final = {
    "completed": "completed",
    "finished": "completed",
    "active": "in-progress",
    "revoked": "stopped",
}
"""Status of the plan or episode -> that of a Procedure; every other one equals absence."""


def courses_of(
    plans: Iterable[Held[r4.CarePlan] | Held[r4.EpisodeOfCare]],
) -> tuple[Treatment, ...]:
    """The first-line courses among ``plans``."""
    return tuple(
        Treatment(
            reference=item.reference,
            kinds=frozenset({"first_line"}),
            status=_STATUSES[item.resource.status],
            start=start_of(item.resource.period),
            end=end_of(item.resource.period),
            tissue_of=frozenset(),
            dose=None,
            ended_by="period",
        )
        for item in plans
        if item.resource.status in _STATUSES
        and FIRST_LINE_COURSE in CODES.sets_of(*_codes(item.resource))
    )


def _codes(plan: r4.CarePlan | r4.EpisodeOfCare) -> tuple[r4.Concept, ...]:
    return plan.category if isinstance(plan, r4.CarePlan) else plan.type
