"""``python -m relapse_model explain FACTS.json``: a case checked without FHIR."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from relapse_model.__main__ import main
from relapse_model.errors import FactsError
from relapse_model.facts_file import amount, facts_from

EXAMPLE = Path(__file__).parents[2] / "examples" / "early-marrow-relapse.json"
TODAY = date(2026, 11, 22)


def explained(tmp_path: Path, facts: Any, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """Exit code and everything printed for these facts."""
    path = tmp_path / "facts.json"
    path.write_text(facts if isinstance(facts, str) else json.dumps(facts))
    code = main(["explain", str(path)])
    captured = capsys.readouterr()
    return code, captured.out + captured.err


def test_the_example_prints_decision_wanted_and_trace(capsys: pytest.CaptureFixture[str]) -> None:
    """The file in examples/ gives the decision, what would decide it, and the rows read."""
    assert main(["explain", str(EXAMPLE)]) == 0
    printed = capsys.readouterr().out

    assert "INSUFFICIENT_DATA" in printed
    assert "csf_blasts, csf_wbc, mrd" in printed
    assert "S3-early-isolated_bm-BCP" in printed
    assert "R-T3-on-therapy" in printed
    assert "verify against the protocol" in printed


WRONG = [
    ({"as_of": "2026-11-22", "marrow": "80"}, "marrow: is not a fact"),
    ({"as_of": "2026-13-22"}, "as_of: is not a day"),
    ({"as_of": "yesterday"}, "as_of: is not a date"),
    ({"relapse_date": "2024-02-30"}, "relapse_date: is not a day"),
    ({"relapse_date": []}, "relapse_date: is an empty list"),
    ({"marrow_blasts": "about 80"}, "marrow_blasts: is not an amount"),
    ({"marrow_blasts": 80.5}, "marrow_blasts: is not a text"),
    ({"csf_wbc": "<0"}, "csf_wbc: is below zero"),
    ({"csf_wbc": "9 to 5"}, "csf_wbc: has its bounds in the wrong order"),
    ({"immunophenotype": "B"}, "immunophenotype: has no value 'B'"),
    ({"genetics": "KMT2A"}, "genetics: has no value 'KMT2A'"),
    ({"relapse_number": True}, "relapse_number: is not a text"),
    ({"mrd": [{"fraction": "0.1"}]}, "mrd[0].taken: is missing"),
    ({"mrd": ["0.1"]}, "mrd[0]: is not an object"),
    ({"mrd": [{"taken": "2024", "unit": "%"}]}, "mrd[0].unit: is not one of"),
    ({"mrd": [{"taken": "2024", "method": "guess"}]}, "mrd[0].method: is 'guess'"),
    ({"donors": [{"kind": "friend"}]}, "donors[0].kind: is 'friend'"),
    ([], "facts: is not an object"),
    ("{", "is not JSON"),
]


@pytest.mark.parametrize(("facts", "message"), WRONG, ids=[message for _, message in WRONG])
def test_bad_input_names_the_field(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], facts: Any, message: str
) -> None:
    """Nothing is guessed: exit code 2, and the field that is wrong."""
    code, printed = explained(tmp_path, facts, capsys)

    assert code == 2
    assert message in printed


def test_a_missing_file_is_said(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """A wrong path is an error, not a decision."""
    assert main(["explain", str(tmp_path / "none.json")]) == 2
    assert "No such file" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("80", "80"),
        ("<5", "<5"),
        ("<=5", "<=5"),
        (">25", ">25"),
        (">= 25", ">=25"),
        ("1 to 5", "1 to 5"),
        ("1e-4", "0.0001"),
    ],
)
def test_an_amount_is_read_as_the_interval_it_says(text: str, expected: str) -> None:
    """Comparators and ranges become intervals; their text form says the same."""
    assert str(amount(text, "x")) == expected


def test_without_as_of_today_is_needed() -> None:
    """The reader never looks at the clock itself."""
    with pytest.raises(FactsError, match="as_of"):
        facts_from({})
    assert facts_from({}, TODAY).as_of == TODAY
