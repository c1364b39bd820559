"""What the README tells a newcomer to do works as it stands there."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
from fhir.resources.R4B.bundle import Bundle

from cds_service.commands import COMMANDS, OF_A_PLACE
from cds_service.self_check import CHECK

EXTENSION = "org.relapsed-all.decision"
_PATIENT_ROW = re.compile(r"^\| `(sample-[a-z0-9-]+)` \|.*\| `([A-Z0-9_]+)` \|$", re.MULTILINE)


def test_the_curl_command_brings_the_card_that_the_readme_shows(
    service: Any, curl_command: Callable[[int], str], root: Path, environment: dict[str, str]
) -> None:
    """What is shown stands in the answer, and the example sends all that discovery asks for."""
    done = subprocess.run(
        ["sh", "-c", curl_command(service.port)],
        cwd=root,
        env=environment,
        capture_output=True,
        check=True,
        timeout=30,
    )
    answer = json.loads(done.stdout)
    card, *_ = answer["cards"]

    shown = json.loads(_block(root, "json"))
    (shown_card,) = shown["cards"]
    assert shown_card.pop("source").items() <= card["source"].items()
    assert shown_card.items() <= card.items()
    assert shown["extension"][EXTENSION].items() <= answer["extension"][EXTENSION].items()
    assert "DATA_INCOMPLETE" not in answer["extension"][EXTENSION].get("flags", [])


def test_the_sandbox_address_names_a_sample_patient_and_open_addresses(
    service: Any, root: Path
) -> None:
    """Each address in the sandbox link answers, with CORS for the sandbox."""
    (link,) = re.findall(r"^https?://sandbox\S+$", _readme(root), re.MULTILINE)
    parameters = dict(pair.split("=", 1) for pair in link.partition("?")[2].split("&"))
    base = parameters["fhirServiceUrl"].replace(":8080", f":{service.port}")
    discovery = parameters["serviceDiscoveryURL"].replace(":8080", f":{service.port}")

    for address in (
        f"{base}/metadata",
        f"{base}/Patient/{parameters['patientId']}",
        f"{base}/Condition?patient={parameters['patientId']}",
        discovery,
    ):
        response = requests.get(
            address, headers={"Origin": "https://sandbox.cds-hooks.org"}, timeout=5
        )

        assert response.ok, address
        assert "Access-Control-Allow-Origin" in response.headers, address


def test_the_sample_patients_of_the_readme_have_the_plans_it_says(root: Path) -> None:
    """The table of patients agrees with the file that the sample patients are tested against."""
    expected = tomllib.loads(
        (root / "cds_service/sample_patients/expected.toml").read_text(encoding="utf-8")
    )
    rows = re.findall(
        r"^\| `(sample-[a-z0-9-]+)` \|.*\| `([A-Z0-9_]+)` \|$", _readme(root), re.MULTILINE
    )

    assert rows
    assert {patient: expected[patient]["plan"] for patient, _ in rows} == dict(rows)


def test_the_example_request_is_a_sample_patient_in_valid_r4(root: Path) -> None:
    """The shipped request holds every resource of its sample patient, and nothing else."""
    hook = json.loads((root / "examples/patient-view.json").read_text(encoding="utf-8"))
    patient = hook["context"]["patientId"]
    sample = json.loads(
        (root / f"cds_service/sample_patients/{patient}.json").read_text(encoding="utf-8")
    )
    sent = [hook["prefetch"].pop("patient")]
    for bundle in hook["prefetch"].values():
        Bundle.model_validate(bundle)
        sent += [entry["resource"] for entry in bundle.get("entry", [])]

    assert _by_id(sent) == _by_id([entry["resource"] for entry in sample["entry"]])


@pytest.mark.parametrize("word", ["explain examples", "cds_service explain"])
def test_the_explain_commands_print_a_decision(
    word: str, root: Path, environment: dict[str, str]
) -> None:
    """As they stand there, with the Python of the tests for that of ``make run``."""
    blocks = re.findall(r"^```sh\n(.*?)^```$", _readme(root), re.MULTILINE | re.DOTALL)
    (command,) = [block for block in blocks if word in block]
    python = re.sub(r"^(\.venv/bin/python|python3)", sys.executable, command)
    assert python != command
    done = subprocess.run(
        ["sh", "-c", python],
        cwd=root,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert re.search(r"HSCT_HR|INSUFFICIENT_DATA", done.stdout)


def test_every_command_of_the_table_is_known_and_none_is_left_out(root: Path) -> None:
    """What may follow ``python -m cds_service``."""
    table = _readme(root).partition("| `python -m cds_service …` | |")[2].partition("\n\n")[0]
    rows = re.findall(r"^\| `([a-z-]+)(?: [A-Z]+)?` \| .* \|$", table, re.MULTILINE)
    assert set(rows) == {CHECK, *COMMANDS, *OF_A_PLACE}


def test_every_link_inside_the_documents_leads_somewhere(root: Path) -> None:
    """A relative link in a Markdown file names a file or folder of the repository."""
    pages = [*root.glob("*.md"), *root.glob("docs/**/*.md")]
    broken = [
        f"{page.relative_to(root)}: {link}"
        for page in pages
        for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
        if not (page.parent / link).exists()
    ]

    assert not broken


def _readme(root: Path) -> str:
    return (root / "README.md").read_text(encoding="utf-8")


def _block(root: Path, language: str) -> str:
    (block,) = re.findall(rf"^```{language}\n(.*?)^```$", _readme(root), re.MULTILINE | re.DOTALL)
    return str(block)


def _by_id(resources: list[dict[str, Any]]) -> dict[tuple[str, str], dict[str, Any]]:
    return {(item["resourceType"], item["id"]): item for item in resources}
