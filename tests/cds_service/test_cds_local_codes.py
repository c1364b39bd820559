"""A site's own codes: the file, its checks at start, and what they change."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from cds_service.app import create_app
from cds_service.config import Config
from cds_service.errors import SettingError
from cds_service.local_codes import FIELDS
from cds_service.patient_view import DECISION, patient_view
from cds_service.prefetch import RecordSource
from fhir_mappings.queries import QUERIES, queries
from fhir_mappings.site_codes import SiteCodes

DOCS = Path(__file__).parents[2] / "docs" / "local-codes.md"
LAB = "https://lab.example.org/catalogue"
Json = dict[str, Any]


def example() -> str:
    """The example of docs/local-codes.md."""
    return DOCS.read_text("utf-8").partition("```toml\n")[2].partition("```")[0]


def written(folder: Path, text: str) -> dict[str, str]:
    """The environment that names a file of this text."""
    file = folder / "codes.toml"
    file.write_text(text, "utf-8")
    return {"CDS_LOCAL_CODES": str(file)}


def entry(**changes: str) -> str:
    """One entry in which nothing is wrong, with some fields changed or, if empty, left out."""
    values = {
        "set": "mrd",
        "system": LAB,
        "code": "M1",
        "display": "MRD",
        "verified_by": "somebody",
    } | changes
    return "[[codes]]\n" + "".join(f"{k} = {v!r}\n" for k, v in values.items() if v)


def test_the_example_of_the_documentation_is_a_valid_file(tmp_path: Path) -> None:
    """It is read, and its codes are asked for."""
    site = Config.from_environment(written(tmp_path, example())).local_codes
    assert [row.set for row in site.rows] == ["mrd", "marrow_blasts", "first_line_course"]
    asked = {query.key: query.template for query in queries(site)}
    assert f"{LAB}|BM-MRD-ALL" in asked["observations"]
    assert {"care-plans", "episodes"} <= set(asked)
    assert {"care-plans", "episodes"}.isdisjoint(query.key for query in QUERIES)


def test_the_documentation_names_every_field_of_the_schema() -> None:
    """Neither more nor fewer."""
    text = DOCS.read_text("utf-8")
    rows = [line.split("`")[1] for line in text.splitlines() if line.startswith("| `")]
    assert tuple(rows) == FIELDS


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("codes = ", "is not TOML"),
        ("", "must hold 1 to 500"),
        ("codes = 5", "must hold 1 to 500"),
        ("codes = [5]", r"codes\[0\] is not a table"),
        ("other = 1\n" + entry(), "'other'"),
        (entry(colour="red"), r"codes\[0\] holds 'colour'"),
        (entry(display=""), r"codes\[0\].display must be a text"),
        (entry(verified_by=" "), r"codes\[0\].verified_by must be a text"),
        (entry(system="lab"), r"codes\[0\].system must be an absolute URI"),
        (entry(system="https://lab.example.org/a|b"), r"codes\[0\].system"),
        (entry(code="A,B"), r"codes\[0\].code"),
        (entry(set="residual"), "mrd|names no code set"),
        (entry(set="palsy_hint"), "names no code set"),
        (entry(set="marrow_blasts", system="http://loinc.org", code="806-0"), "shipped code"),
        (entry() + entry(), "is listed twice"),
    ],
)
def test_a_fault_in_the_file_refuses_to_start_and_is_named(
    tmp_path: Path, text: str, fault: str
) -> None:
    """The setting, the entry and what is wrong with it."""
    with pytest.raises(SettingError, match=fault) as refusal:
        Config.from_environment(written(tmp_path, text))
    assert refusal.value.setting == "CDS_LOCAL_CODES"


def test_a_file_that_cannot_be_read_refuses_to_start() -> None:
    """A misspelt path is no silent default."""
    with pytest.raises(SettingError, match="file that can be read"):
        Config.from_environment({"CDS_LOCAL_CODES": "/nowhere/codes.toml"})


def test_discovery_asks_for_the_sites_own_codes(tmp_path: Path) -> None:
    """Through the application, from its settings."""
    config = Config.from_environment(written(tmp_path, example()))
    client = create_app(config).test_client()
    (service,) = client.get("/cds-services").json["services"]
    assert f"{LAB}|KM-BLASTEN" in service["prefetch"]["observations"]


def test_local_codes_decide_like_shipped_ones_and_nothing_leaks(tmp_path: Path) -> None:
    """Marrow, MRD and the end of therapy by local codes; without the file they are unknown."""
    site = Config.from_environment(written(tmp_path, example())).local_codes
    known = facts(record(), site)
    assert known["marrow_blasts"]["values"] == ["80"]
    assert known["therapy_end"]["values"] == ["2024-01-10"]
    assert known["mrd"]["values"] == ["0.003"]
    unknown = facts(record(), SiteCodes())
    assert {"marrow_blasts", "therapy_end", "mrd"}.isdisjoint(unknown)


def record() -> Json:
    """A child whose marrow, MRD and course are coded by the site's own catalogue."""

    def about(kind: str, name: str, **content: Any) -> Json:
        who = "patient" if kind == "EpisodeOfCare" else "subject"
        fixed = {"resourceType": kind, "id": name, who: {"reference": "Patient/p1"}}
        return fixed | content

    def coded(code: str, system: str = LAB) -> Json:
        return {"coding": [{"system": system, "code": code}]}

    def bundle(*resources: Json) -> Json:
        return {"resourceType": "Bundle", "entry": [{"resource": item} for item in resources]}

    icd = "http://hl7.org/fhir/sid/icd-10-cm"
    course = coded("ALL-FRONTLINE", "https://ehr.example.org/pathways")
    return {
        "patient": {"resourceType": "Patient", "id": "p1", "birthDate": "2017-05-01"},
        "conditions": bundle(
            about("Condition", "c1", code=coded("C91.00", icd), onsetDateTime="2022-01-10"),
            about("Condition", "c2", code=coded("C91.02", icd), onsetDateTime="2024-03-20"),
        ),
        "observations": bundle(
            about(
                "Observation",
                "o1",
                status="final",
                code=coded("KM-BLASTEN"),
                effectiveDateTime="2024-03-20",
                valueQuantity={"value": 80, "unit": "%"},
            ),
            about(
                "Observation",
                "o2",
                status="final",
                code=coded("BM-MRD-ALL"),
                effectiveDateTime="2024-04-24",
                valueString="0.3%",
            ),
        ),
        "episodes": bundle(
            about(
                "EpisodeOfCare",
                "e1",
                status="finished",
                type=[course],
                period={"start": "2022-01-10", "end": "2024-01-10"},
            )
        ),
    }


def facts(prefetch: Json, site: SiteCodes) -> dict[str, Json]:
    """The facts of the decision document, by name."""
    body = {
        "hook": "patient-view",
        "hookInstance": "i",
        "context": {"patientId": "p1"},
        "prefetch": prefetch,
    }
    source = RecordSource(site=site)
    answer = patient_view(json.dumps(body).encode(), date(2026, 1, 15), source=source)
    return {item["fact"]: item for item in answer["extension"][DECISION]["facts"]}
