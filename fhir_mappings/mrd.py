"""Minimal residual disease: results of a site's code list, or found by the words of the code.

No LOINC code of ALL MRD could be verified, so the words decide, unless they speak of myeloma,
CLL, AML or the BCR::ABL1 International Scale. Every way of writing a level becomes an interval
of the fraction of cells. A missing unit or sensitivity gives no interval: indeterminate.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Final

from fhir_mappings.conditions import text_of
from fhir_mappings.mrd_text import level_of, sensitivity_of
from fhir_mappings.observations import Result
from fhir_mappings.quantities import FRACTION, amount_of, interval_of
from fhir_mappings.r4 import Quantity, Ratio
from fhir_mappings.relapses import Relapses
from fhir_mappings.result_codes import MRD_WORDS
from fhir_mappings.site_codes import MRD
from relapse_model.amounts import AmountRange
from relapse_model.dates import FIRST_DAY, DateRange
from relapse_model.facts import MrdResult

_OTHER_DISEASE: Final = re.compile(r"myeloma|\bcll\b|\baml\b", re.IGNORECASE)
_BCR_ABL: Final = re.compile(r"bcr.{0,3}abl", re.IGNORECASE)
_INTERNATIONAL_SCALE: Final = re.compile(r"\bis\b|international scale", re.IGNORECASE)
_FUSION: Final = re.compile(r"fusion|transcript|bcr.{0,3}abl|etv6|kmt2a", re.IGNORECASE)
_NGS: Final = re.compile(r"\bngs\b|next[-\s]?gen\w*|sequenc\w+|clonoseq", re.IGNORECASE)
_FLOW: Final = re.compile(r"flow|cytometr|\bm?fcm?\b|\bmpfc\b|durchfluss", re.IGNORECASE)
_PCR: Final = re.compile(r"pcr|\big/t[cr]|\bigh\b|\btcr\b", re.IGNORECASE)
_LIMIT: Final = re.compile(r"sensitivity|detection limit|\blod\b", re.IGNORECASE)
_ONE: Final = Decimal(1)


def mrd_candidates(results: Sequence[Result]) -> list[Result]:
    """Results that are MRD of ALL, whatever they say."""
    return [
        result
        for result in results
        if (MRD in result.sets or MRD_WORDS.search(result.text))
        and not result.sets & {"mrd_not_all"}
        and not _is_other(result.text)
    ]


def _is_other(text: str) -> bool:
    """Whether the words speak of another disease, or of the scale of another one."""
    scaled = _BCR_ABL.search(text) and _INTERNATIONAL_SCALE.search(text)
    return bool(scaled or _OTHER_DISEASE.search(text))


def mrd_of(candidates: Sequence[Result], relapses: Relapses, as_of: date) -> tuple[MrdResult, ...]:
    """MRD results that may measure the response to the treatment of the relapse, by date.

    What was taken at or before the relapse measures the relapse or the first treatment. A
    test that was not performed is no result.
    """
    read = [
        MrdResult(
            taken=result.when or DateRange(FIRST_DAY, as_of),
            fraction=fraction_of(result),
            method=method_of(result),
            specimen=_specimen(result),
            text=_as_reported(result),
            evidence=(result.reference,),
        )
        for result in candidates
        if relapses.possible and _may_follow(result.when, relapses) and _has_result(result)
    ]
    return tuple(sorted(read, key=lambda item: (item.taken, item.evidence)))


def fraction_of(result: Result) -> AmountRange | None:
    """The interval that a result says, or None where it cannot be established."""
    if result.quantity is not None and result.quantity.value is not None:
        interval = amount_of(result.quantity, FRACTION, _ONE).interval
    elif result.ratio is not None:
        interval = _of_ratio(result.ratio)
    else:
        interval = level_of(result.value_text)
    if interval is not None and interval.high == 0:
        interval = None  # zero is "not detected", and says nothing without a sensitivity
    negative = _is_negative(result)
    if negative and interval is not None and interval.low:
        return None  # "negative" beside a level that is not a limit: it contradicts itself
    if interval is None and negative:
        limit = _sensitivity(result)
        return AmountRange(Decimal(0), limit, high_open=True) if limit else None
    return interval


def method_of(result: Result) -> str:
    """``flow``, ``pcr``, ``ngs``, ``fusion_transcript`` or ``unknown``."""
    text = f"{result.method} {result.text}"
    if _FUSION.search(text) or "fusion_transcript" in result.sets:
        return "fusion_transcript"
    if _NGS.search(text):
        return "ngs"
    flow, pcr = bool(_FLOW.search(text)), bool(_PCR.search(text))
    if flow == pcr:
        return "unknown"
    return "flow" if flow else "pcr"


def _may_follow(when: DateRange | None, relapses: Relapses) -> bool:
    if when is None or not relapses.dates:
        return True
    return any(when.latest > relapse.earliest for relapse in relapses.dates)


def _has_result(result: Result) -> bool:
    return bool(
        (result.quantity is not None and result.quantity.value is not None)
        or result.ratio is not None
        or result.value_text
        or result.value_sets
        or result.boolean is not None
    )


def _specimen(result: Result) -> str:
    if result.specimen in {"marrow", "blood"}:
        return result.specimen
    return "unknown" if result.specimen in {"unknown", "conflict"} else "other"


def _of_ratio(ratio: Ratio) -> AmountRange | None:
    over, under = ratio.numerator, ratio.denominator
    if over is None or under is None or over.value is None or not under.value:
        return None
    if (over.code or over.unit) != (under.code or under.unit) or under.comparator:
        return None
    return interval_of(over.value / under.value, over.comparator, _ONE).interval


def _is_negative(result: Result) -> bool:
    zero = result.quantity is not None and result.quantity.value == 0
    return zero or result.polarity == "negative"


def _sensitivity(result: Result) -> Decimal | None:
    for component in result.members:
        if _LIMIT.search(text_of(component.code)):
            interval = amount_of(component.value_quantity, FRACTION, _ONE).interval
            if interval is None and component.value_string:
                interval = level_of(component.value_string)
            if interval is not None and interval.high:
                return interval.high
    return sensitivity_of(result.value_text)


def _as_reported(result: Result) -> str:
    """The result in the words or numbers of the report."""
    if result.quantity is not None and result.quantity.value is not None:
        return _written(result.quantity)
    if result.ratio is not None and result.ratio.numerator and result.ratio.denominator:
        return f"{_written(result.ratio.numerator)} / {_written(result.ratio.denominator)}"
    return result.value_text[:200] or ", ".join(sorted(result.value_sets))


def _written(quantity: Quantity) -> str:
    unit = quantity.unit or quantity.code or ""
    return f"{quantity.comparator or ''}{quantity.value} {unit}".strip()
