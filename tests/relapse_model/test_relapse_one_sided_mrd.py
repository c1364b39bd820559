"""An MRD result that touches exactly 1e-4 from one side is borderline (R-M8)."""

from __future__ import annotations

from datetime import date

import pytest

from relapse_model.dates import known
from relapse_model.facts import MrdResult
from relapse_model.facts_file import amount
from relapse_model.loader import tables
from relapse_model.mrd import result_class


@pytest.mark.parametrize(
    ("fraction", "expected", "because"),
    [
        ("<0.0001", "good", "wholly below: the limit itself is excluded"),
        ("<=0.0001", "borderline", "ends at the limit"),
        (">=0.0001", "borderline", "begins at the limit"),
        (">0.0001", "poor", "wholly above: the limit itself is excluded"),
        ("0.00001 to 0.0001", "borderline", "ends at the limit"),
        ("0.0001 to 0.01", "borderline", "begins at the limit"),
        ("0.00001 to 0.01", "indeterminate", "lies on both sides"),
        ("<0.001", "indeterminate", "lies on both sides"),
        ("<=0.00005", "good", "wholly below"),
        (">=0.0002", "poor", "wholly above"),
    ],
)
def test_a_range_is_classed_by_where_it_ends(fraction: str, expected: str, because: str) -> None:
    """Below, above, touching from one side, or neither."""
    result = MrdResult(known(date(2025, 3, 22)), amount(fraction, "fraction"), "pcr", "marrow")

    assert result_class(result, tables()) == expected, because
