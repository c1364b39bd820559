"""What a donor on record means in the article's order of choice (section 7)."""

from __future__ import annotations

import re
from collections.abc import Iterable

from relapse_model.facts import Donor

_MATCH = re.compile(r"(\d+)/(\d+)")

KINDS = {
    "sibling": "matched_family",
    "related": "matched_family",
    "cord_blood": "cord_blood",
    "haploidentical": "haploidentical",
}


def donor_kinds(donors: Iterable[Donor]) -> frozenset[str]:
    """The kinds of donor on record, ``none`` when there is none.

    An unrelated donor counts as within one allele only when its typing says so (``7/8``).
    """
    kinds = {KINDS.get(donor.kind) or _unrelated(donor) for donor in donors}
    return frozenset(kinds or {"none"})


def _unrelated(donor: Donor) -> str:
    match = _MATCH.fullmatch(donor.match.strip())
    if donor.match == "matched" or (match and int(match[2]) - int(match[1]) <= 1):
        return "unrelated_within_one"
    return "unrelated_beyond_one"
