"""Tables are cited partitions, and a slip in one of them is refused at load."""

from __future__ import annotations

import re
from importlib.resources import files
from itertools import product
from pathlib import Path

import pytest

from relapse_model.errors import TableError
from relapse_model.loader import DECISION_TABLES, checked_tables, tables

FOLDER = files("relapse_model") / "tables"
CONTENT = {
    entry.name: entry.read_bytes() for entry in FOLDER.iterdir() if entry.name.endswith(".toml")
}

# Table 1 of the article with the readings a, b and c of the clinical model: columns as printed
# there, rows very early, early, late.
EIGHTEEN_CELLS = {
    ("BCP", "isolated_bm"): ("S4", "S3", "S2"),
    ("BCP", "combined"): ("S4", "S2", "S2"),
    ("BCP", "isolated_em"): ("S2", "S2", "S1"),
    ("T", "isolated_bm"): ("S4", "S4", "S4"),
    ("T", "combined"): ("S4", "S4", "S4"),
    ("T", "isolated_em"): ("S2", "S2", "S1"),
}


@pytest.mark.parametrize(("phenotype", "site"), EIGHTEEN_CELLS)
def test_the_eighteen_cells_are_those_of_table_1(phenotype: str, site: str) -> None:
    """Every cell of timing x site x phenotype gives the group of the article."""
    table = tables().decision["s_group"]
    found = tuple(
        table.rule(timing=timing, site=site, immunophenotype=phenotype).then["s_group"]
        for timing in ("very_early", "early", "late")
    )

    assert found == EIGHTEEN_CELLS[phenotype, site]


@pytest.mark.parametrize("name", DECISION_TABLES)
def test_every_combination_of_inputs_fires_exactly_one_cited_rule(name: str) -> None:
    """A table is a partition, and each of its rows cites a place in a source."""
    table = tables().decision[name]
    for combination in product(*table.columns.values()):
        world = dict(zip(table.columns, combination, strict=True))
        firing = [
            rule
            for rule in table.rules
            if all(world[column] in cells for column, cells in rule.when.items())
        ]
        assert [rule.id for rule in firing] == [table.rule(**world).id]
        assert firing[0].citation.place


def changed(name: str, old: str, new: str) -> dict[str, bytes]:
    """The tables with one slip in one file."""
    text = CONTENT[name].decode()
    assert text.count(old) >= 1, f"{old!r} is not in {name}"
    return {**CONTENT, name: text.replace(old, new, 1).encode()}


UNCITED = """
[unused]
citation = "x"
verified = "own"
last_checked = 2026-01-01
how_read = "x"

"""

SLIPS = [
    (
        "a cell covered twice",
        "s_group.toml",
        'timing = "very_early", site = "isolated_bm", immunophenotype = "BCP"',
        'timing = "early", site = "isolated_bm", immunophenotype = "BCP"',
        "both fire",
    ),
    (
        "a value that is no value of the column",
        "site.toml",
        'marrow = "M1", extramedullary = "none"',
        'marrow = "M0", extramedullary = "none"',
        "no value",
    ),
    (
        "a combination that no row covers",
        "site.toml",
        'marrow = ["M2", "M3"], extramedullary = "proven"',
        'marrow = "M3", extramedullary = "proven"',
        "no rule fires",
    ),
    ("a row without a source", "risk.toml", 'source = "relapse-schemes-review"\n', "", "no source"),
    ("a row without a place", "risk.toml", 'place = "BFM column"\n', "", "no place"),
    (
        "a source that does not exist",
        "risk.toml",
        '"relapse-schemes-review"',
        '"somewhere"',
        "not in sources.toml",
    ),
    ("a provenance that is no tag", "risk.toml", 'provenance = "C"', 'provenance = "U"', "not P"),
    (
        "an unknown key",
        "risk.toml",
        'provenance = "C"',
        'provenance = "C"\ncomment = "x"',
        "unknown keys",
    ),
    (
        "a threshold as a float",
        "thresholds.toml",
        'value = "0.0001"',
        "value = 0.0001",
        "decimal in quotes",
    ),
    ("a threshold without a unit", "thresholds.toml", 'unit = "days"\n', "", "no unit"),
    ("two rows with one id", "mrd.toml", '"MRD-pending"', '"MRD-good"', "share an id"),
    (
        "a column that decides nothing",
        "site.toml",
        'extramedullary = ["proven", "none"]',
        'extramedullary = ["proven", "none"]\nweekday = ["odd", "even"]',
        "decides nothing",
    ),
    (
        "an output that no row concludes",
        "risk.toml",
        'risk = ["SR", "IR", "HR"]',
        'risk = ["SR", "IR", "HR", "LR"]',
        "no rule concludes",
    ),
    (
        "a source that nothing cites",
        "sources.toml",
        "[engineering]",
        UNCITED + "[engineering]",
        "nothing cites",
    ),
    ("a file that is not TOML", "risk.toml", "title =", "title", "risk.toml"),
    (
        "a statement about an unknown subject",
        "statements_plan.toml",
        'every = { plan = "HSCT_HR" }',
        'every = { weather = "fine" }',
        "no subject",
    ),
]


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [slip[1:] for slip in SLIPS],
    ids=[slip[0] for slip in SLIPS],
)
def test_a_slip_is_refused_with_the_place_and_the_defect(
    name: str, old: str, new: str, message: str
) -> None:
    """One wrong cell is a load error that says where and what."""
    with pytest.raises(TableError, match=message):
        checked_tables(changed(name, old, new))


def test_the_digest_changes_with_any_table() -> None:
    """The version in every decision identifies the data that made it."""
    edited = checked_tables(changed("risk.toml", "BFM column", "BFM columns"))

    assert edited.digest != tables().digest


def test_a_choice_of_ours_names_where_it_is_explained() -> None:
    """A card cites the section of docs/reading-the-article.md: a reader must find it there."""
    model = tables()
    page = (Path(__file__).parents[2] / "docs/reading-the-article.md").read_text("utf-8")
    rules = [rule.citation for table in model.decision.values() for rule in table.rules]
    rows = [row.citation for row in model.statements]
    thresholds = [threshold.citation for threshold in model.thresholds.values()]
    own = {item.place for item in (*rules, *rows, *thresholds) if item.provenance == "A"}

    assert own
    assert own <= set(re.findall(r"^## (.+)$", page, re.MULTILINE))
