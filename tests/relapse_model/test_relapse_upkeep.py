"""Every table has somebody who answers for it, and is overdue after a year."""

from __future__ import annotations

from datetime import date, timedelta
from importlib.resources import files

import pytest

from relapse_model.errors import TableError
from relapse_model.loader import checked_tables, tables
from relapse_model.upkeep import Upkeep, overdue, upkeep

FOLDER = files("relapse_model") / "tables"
CONTENT = {
    entry.name: entry.read_bytes() for entry in FOLDER.iterdir() if entry.name.endswith(".toml")
}
REVIEWED = date(2026, 11, 22)


def test_every_file_names_a_clinical_role_and_the_day_of_its_review() -> None:
    """All of them, thresholds, sentences and sources too."""
    kept = tables().upkeep
    assert {f"{item.table}.toml" for item in kept} == set(CONTENT)
    assert all(item.owner.strip() and item.reviewed >= date(2026, 1, 1) for item in kept)


@pytest.mark.parametrize("name", sorted(CONTENT))
@pytest.mark.parametrize("field", ["owner", "reviewed"])
def test_a_table_without_owner_or_review_is_refused(name: str, field: str) -> None:
    """The program does not start, and names the file."""
    lines = CONTENT[name].splitlines(keepends=True)
    left = [line for line in lines if not line.startswith(f"{field} = ".encode())]
    assert len(left) == len(lines) - 1
    with pytest.raises(TableError, match=rf"^{name}: .*{field}"):
        checked_tables({**CONTENT, name: b"".join(left)})


@pytest.mark.parametrize(
    "content",
    [
        {"owner": " ", "reviewed": REVIEWED},
        {"owner": 1, "reviewed": REVIEWED},
        {"owner": "haematologist", "reviewed": "2026-11-22"},
        {"owner": "haematologist", "reviewed": 2026},
    ],
)
def test_an_owner_is_a_text_and_a_review_a_date(content: dict[str, object]) -> None:
    """Anything else would be compared, or printed, wrongly."""
    with pytest.raises(TableError, match=r"^plan\.toml: "):
        upkeep("plan", dict(content))


@pytest.mark.parametrize(
    ("reviewed", "as_of", "late"),
    [
        (REVIEWED, REVIEWED, False),
        (REVIEWED, date(2027, 11, 22), False),
        (REVIEWED, date(2027, 11, 23), True),
        (REVIEWED, date(2028, 1, 1), True),
        (date(2028, 2, 29), date(2029, 2, 28), False),
        (date(2028, 2, 29), date(2029, 3, 1), True),
        (date(2027, 2, 28), date(2028, 2, 28), False),
        (date(2027, 2, 28), date(2028, 2, 29), True),
    ],
)
def test_a_review_is_overdue_from_the_day_after_a_year(
    reviewed: date, as_of: date, late: bool
) -> None:
    """Calendar years, leap days included."""
    found = overdue([Upkeep("plan", "haematologist", reviewed)], [], as_of)
    assert bool(found) is late
    if late:
        assert str(found[0]) == (
            f"table plan was last checked on {reviewed}, more than a year ago "
            "(owner: haematologist)"
        )


def test_sources_are_overdue_by_the_day_they_were_last_checked() -> None:
    """Each by its own date."""
    sources = tables().sources.values()
    first = min(source.last_checked for source in sources)
    assert tables().overdue(first) == ()
    late = tables().overdue(first + timedelta(days=367))
    named = {item.what for item in late}
    assert {f"source {item.key}" for item in sources if item.last_checked == first} <= named
