"""Panels: what a member lacks, the Observation that names it as its member says for it.

``hasMember`` is followed to Observations that were sent and to contained ones. A member takes
over time, specimen, body site and method where it has none of its own, and the words of the
panel stand before its own ("CSF: WBC").
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec

from fhir_mappings.conditions import text_of
from fhir_mappings.contained import contained_resource
from fhir_mappings.r4 import Observation
from fhir_mappings.r4_bundle import Held
from fhir_mappings.record import VOID
from fhir_mappings.result_codes import ResultCodes
from fhir_mappings.subject import local


class Member(NamedTuple):
    """An Observation, complete, and the words of the panel that it is a member of."""

    item: Held[Observation]
    panel: str = ""


def members_of(observations: Sequence[Held[Observation]], codes: ResultCodes) -> Iterator[Member]:
    """Every Observation that may tell something, complete by its panel, contained ones too."""
    panels: dict[str, Held[Observation]] = {}
    for item in observations:
        if item.resource.has_member and item.resource.status not in VOID:
            for member in item.resource.has_member:
                panels.setdefault(local(member.reference or ""), item)
    for item in observations:
        panel = panels.get(item.reference) if panels else None
        if panel is not None and panel is not item:
            whole = _completed(item.resource, panel.resource)
            own = Held(resource=whole, full_url=item.full_url)
            yield Member(own, text_of(panel.resource.code))
        elif (
            codes[item.resource.code].tells
            or item.resource.component
            or item.resource.value_codeable_concept
        ):
            yield Member(item)
        if item.resource.has_member and item.resource.status not in VOID:
            yield from _contained(item)


def _contained(panel: Held[Observation]) -> Iterator[Member]:
    """Members inside the panel: cited as the panel is, and of its subject."""
    for member in panel.resource.has_member:
        reference = member.reference or ""
        if not reference.startswith("#"):
            continue
        found = contained_resource(panel.resource.contained, reference)
        if isinstance(found, Observation):
            whole = _completed(found, panel.resource)
            whole = msgspec.structs.replace(
                whole, id=panel.resource.id, contained=panel.resource.contained
            )
            own = Held(resource=whole, full_url=panel.full_url)
            yield Member(own, text_of(panel.resource.code))


def _completed(member: Observation, panel: Observation) -> Observation:
    missing: dict[str, object] = {}
    if not (member.effective_date_time or member.effective_period or member.effective_instant):
        missing |= {
            "effective_date_time": panel.effective_date_time,
            "effective_period": panel.effective_period,
            "effective_instant": panel.effective_instant,
        }
    if member.specimen is None and member.body_site is None:
        missing |= {
            "specimen": panel.specimen,
            "body_site": panel.body_site,
            "contained": (*member.contained, *panel.contained),
        }
    if member.method is None:
        missing["method"] = panel.method
    if member.status is None:
        missing["status"] = panel.status
    return msgspec.structs.replace(member, **missing) if missing else member
