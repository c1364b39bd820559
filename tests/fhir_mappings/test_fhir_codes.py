"""Code sets, their checks, and the queries that are derived from them."""

from __future__ import annotations

import json
import re

import pytest

from fhir_mappings.code_facts import FACTS_OF_SETS
from fhir_mappings.code_syntax import syntax_defect
from fhir_mappings.codes import CODES, CodeRow, CodeSet, index_of, site_codes
from fhir_mappings.errors import CodeSetError
from fhir_mappings.queries import OBSERVATION_SETS, QUERIES, prefetch_templates
from fhir_mappings.r4 import Coding, Concept
from fhir_mappings.site_codes import SETS_OF_SITES, SiteCode
from relapse_model.loader import tables

ALLOWED = {"patient", "code", "category", "_sort", "_count"}


def coding(system: str, code: str) -> Concept:
    """A CodeableConcept of one coding."""
    return Concept(coding=(Coding(system=system, code=code),))


@pytest.mark.parametrize("name", sorted(CODES.sets))
def test_every_code_of_a_set_is_found_in_that_set(name: str) -> None:
    """By its URI, as it is written."""
    for row in CODES.sets[name].rows:
        code = row.code + "0ZZ" if row.prefix else row.code
        assert name in CODES.sets_of(coding(row.uri, code))


@pytest.mark.parametrize(
    ("syntax", "code"),
    [
        ("snomed", "91857003"),
        ("snomed", "12301000132103"),
        ("loinc", "11150-0"),
        ("loinc", "LA9633-4"),
        ("loinc", "LA11883-8"),
        ("icd-10", "C91.02"),
        ("icd-10-pcs", "30243Y3"),
        ("hgnc", "HGNC:76"),
    ],
)
def test_a_slip_of_one_digit_is_a_defect(syntax: str, code: str) -> None:
    """Check digits catch it; where there is none, the shape does."""
    assert syntax_defect(syntax, code) == ""
    assert syntax_defect(syntax, code + "x")
    if syntax in {"snomed", "loinc"}:
        digits = [n for n, sign in enumerate(code) if sign.isdigit()]
        for place in digits:
            other = str((int(code[place]) + 1) % 10)
            assert syntax_defect(syntax, code[:place] + other + code[place + 1 :])


def test_one_code_in_two_sets_of_a_file_is_a_load_error() -> None:
    """Sets of one file are disjoint."""
    row = CodeRow("loinc", "http://loinc.org", "11150-0", "Blasts", "VERIFIED-2")
    sets = [CodeSet(name, "results", "blasts", (row,)) for name in ("one", "two")]
    with pytest.raises(CodeSetError, match=r"results\.toml: two: 11150-0: is also in one"):
        index_of(sets, {"loinc": {"uri": "http://loinc.org", "aliases": []}})


def test_a_prefix_row_stands_for_its_family_and_no_exact_code_does() -> None:
    """``D000`` is every beam radiation of the brain; 30243Y0 is autologous."""
    pcs = "http://www.cms.gov/Medicare/Coding/ICD10"
    assert CODES.sets_of(coding(pcs, "D0004ZZ")) == {"radiotherapy_cranial"}
    assert CODES.sets_of(coding(pcs, "D0061ZZ")) == frozenset()
    assert CODES.sets_of(coding(pcs, "30243Y0")) == {"hsct_autologous"}
    assert CODES.sets_of(coding(pcs, "30243Y3")) == {"hsct_allogeneic"}


def test_only_verified_codes_decide() -> None:
    """PARTIAL codes stand in hint sets alone."""
    for name, code_set in CODES.sets.items():
        for row in code_set.rows:
            assert row.verified.startswith("VERIFIED") or name.endswith("_hint")


def test_the_templates_keep_to_the_query_subset_and_repeat_no_parameter() -> None:
    """Reads and searches by equality, with the one token that patient-view has."""
    templates = prefetch_templates()
    assert templates["patient"] == "Patient/{{context.patientId}}"
    assert templates["conditions"] == "Condition?patient={{context.patientId}}"
    for query in QUERIES:
        names = [name for name, _ in query.parameters]
        assert len(names) == len(set(names))
        assert set(names) <= ALLOWED
        tokens = re.findall(r"\{\{.*?\}\}", query.template)
        assert tokens == ["{{context.patientId}}"]
        assert " " not in query.template


def test_the_observation_query_asks_for_every_code_that_is_read() -> None:
    """Derived from the sets, never written beside them."""
    asked = dict(QUERIES[2].parameters)["code"].split(",")
    assert len(asked) == len(set(asked))
    read = {f"{row.uri}|{row.code}" for row in CODES.rows_of(*OBSERVATION_SETS)}
    assert set(asked) == read
    assert "http://loinc.org|11150-0" in read
    assert json.dumps(prefetch_templates())


def test_every_set_says_which_facts_it_is_read_into() -> None:
    """Known facts, and no set that does not exist; the page of codes is generated from it."""
    known = {*tables().facts, "donor", "relapse_therapy_start"}
    assert set(FACTS_OF_SETS) == {*CODES.sets, *SETS_OF_SITES}
    for name, facts in FACTS_OF_SETS.items():
        assert set(facts) <= known, name


def test_a_sites_codes_are_in_force_only_while_a_record_is_read() -> None:
    """Neither before nor after, and not for another site."""
    own = coding("http://lab.example.org", "B1")
    row = SiteCode("marrow_blasts", "http://lab.example.org", "B1", "Blasts", "a test")
    assert CODES.sets_of(own) == frozenset()
    with site_codes([row]).in_force():
        assert CODES.sets_of(own) == {"marrow_blasts"}
    assert CODES.sets_of(own) == frozenset()
