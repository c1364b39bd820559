"""``python -m cds_service explain FILE``: a record in a file, answered in a terminal."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest

from cds_service.__main__ import main
from cds_service.commands import answered
from cds_service.config import Config
from cds_service.errors import CommandError
from cds_service.explanation import file_explained
from cds_service.sample_patients.samples import samples

FOLDER = Path("cds_service/sample_patients")
SUBJECT = {"subject": {"reference": "Patient/p1"}}


def written(folder: Path, *resources: object) -> str:
    """A file with a Bundle of these resources."""
    entry = [{"resource": resource} for resource in resources]
    file = folder / "bundle.json"
    file.write_text(json.dumps({"resourceType": "Bundle", "entry": entry}))
    return str(file)


@pytest.mark.parametrize("patient_id", list(samples()))
def test_every_sample_is_explained_with_its_plan_and_the_rows_behind_it(patient_id: str) -> None:
    """Cards where there are some, the plan, and the tables that were read."""
    told = file_explained(str(FOLDER / f"{patient_id}.json"))
    child = samples()[patient_id]
    assert told.startswith("Card 1 of " if child.shown else "No card")
    assert f"plan {child.plan}" in " ".join(told.split())
    assert "concludes" in told, "the tables that were read"


def test_the_day_of_the_question_may_be_given() -> None:
    """A relapse of the future is none yet: the record contradicts the calendar."""
    file = str(FOLDER / "sample-s3-early-marrow.json")
    assert "DATA_ERROR" in file_explained(file, as_of=date(2019, 1, 1))


def test_what_could_not_be_read_is_named_with_its_fault(tmp_path: Path) -> None:
    """Beside an answer that does without it."""
    patient = {"resourceType": "Patient", "id": "p1"}
    sound = {"resourceType": "Condition", "id": "c2", **SUBJECT}
    broken = {"resourceType": "Condition", "id": "c1", "code": "x", **SUBJECT}
    told = " ".join(file_explained(written(tmp_path, patient, sound, broken)).split())
    assert "UNREADABLE: " in told
    assert "(Condition/c1)" in told


def test_a_file_with_nothing_to_answer_from_is_refused_with_its_faults(tmp_path: Path) -> None:
    """The resource and its field, and no all-clear."""
    patient = {"resourceType": "Patient", "id": "p1"}
    broken = {"resourceType": "Condition", "id": "c1", "code": "x", **SUBJECT}
    with pytest.raises(CommandError, match=r"(?s)conditions.*Condition/c1: .*code"):
        file_explained(written(tmp_path, patient, broken))


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("{", "must be JSON"),
        ("[]", "must be a JSON object"),
        ('{"resourceType": "Bundle", "entry": [{}]}', "entry[0].resource is required"),
        ('{"hook": "patient-view"}', "hookInstance is required"),
    ],
)
def test_a_file_that_cannot_be_read_ends_with_two_and_names_the_field(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str, told: str
) -> None:
    """On standard error, with the name of the file; nothing is printed."""
    file = tmp_path / "record.json"
    file.write_text(content)
    assert main(["explain", str(file)]) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith(f"{file}: ")
    assert told in output.err


def test_a_file_that_is_not_there_ends_with_two(capsys: pytest.CaptureFixture[str]) -> None:
    """Named, with the reason."""
    assert main(["explain", "nowhere.json"]) == 2
    assert capsys.readouterr().err == "nowhere.json: No such file or directory\n"


def test_an_explained_file_ends_with_zero(capsys: pytest.CaptureFixture[str]) -> None:
    """On standard output."""
    assert main(["explain", str(FOLDER / "sample-s1-late-cns.json")]) == 0
    assert "CHEMO_LOCAL_NO_HSCT" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [["explain"], ["explain", "a", "b"], ["explained", "a"]])
def test_another_command_is_refused_with_those_that_there_are(arguments: list[str]) -> None:
    """One file, no more and no less."""
    with pytest.raises(CommandError, match="explain FILE"):
        answered(arguments, Config())
