"""Everything that the loader checks and carries, beside the partition of the tables."""

from __future__ import annotations

import hashlib
from decimal import Decimal
from importlib.resources import files

import pytest

from relapse_model.errors import TableError
from relapse_model.loader import checked_tables
from relapse_model.statements import TOPICS

FOLDER = files("relapse_model") / "tables"
CONTENT = {
    entry.name: entry.read_bytes() for entry in FOLDER.iterdir() if entry.name.endswith(".toml")
}


def refused(changes: dict[str, bytes]) -> str:
    """What the loader says of the tables with these files changed or added."""
    with pytest.raises(TableError) as error:
        checked_tables({**CONTENT, **changes})
    assert str(error.value).startswith(f"{error.value.where}: ")
    return str(error.value)


def edited(name: str, old: str, new: str) -> dict[str, bytes]:
    """One file with one slip."""
    text = CONTENT[name].decode()
    assert old in text, f"{old!r} is not in {name}"
    return {name: text.replace(old, new, 1).encode()}


SOURCE = """
[new-source]
citation = "x"
link = "https://example.org"
verified = "own"
last_checked = 2026-01-01
how_read = "x"
"""

STATEMENT = """
[new-sentence]
topic = "general"
text = "A sentence."
every = { plan = "HSCT_HR", sex = ["male", "female"] }
some = { lesions = "KMT2A-r" }
none_of = { flags = ["INFANT"] }
source = "locatelli-2012"
place = "Abstract"
provenance = "P"
note = "how it was read"
"""

FACT = """
[new_fact]
label = "a fact"
kind = "choice"
unit = "Gy"
values = { a = "an a", b = "a b" }
open_states = { a = ["b"] }
settled_by = "asking"
silence = "unknown"
"""

THRESHOLD = """
[new_limit]
value = "2.5"
unit = "days"
inclusive = false
opens = "the next class"
source = "engineering"
place = "a rule"
provenance = "A"
note = "why"
"""


def without(text: str, key: str) -> str:
    """The row without one of its keys."""
    return "\n".join(line for line in text.splitlines() if not line.startswith(f"{key} ="))


def added(name: str, text: str) -> dict[str, bytes]:
    """One file with a row more."""
    return {name: CONTENT[name] + text.encode()}


@pytest.mark.parametrize("key", ["citation", "verified", "how_read"])
def test_a_source_says_what_it_is_and_how_it_was_read(key: str) -> None:
    """Every source has its citation, how far it was verified and how it was read."""
    said = refused(added("sources.toml", without(SOURCE, key)))

    assert said == f"sources.toml: new-source: has no {key}"


def test_a_source_is_verified_in_one_of_three_ways_and_on_a_day() -> None:
    """Nothing but full, partial or own; the day is a day."""
    vague = SOURCE.replace('"own"', '"somewhat"')
    undated = SOURCE.replace("2026-01-01", '"lately"')

    assert refused(added("sources.toml", vague)) == (
        "sources.toml: new-source: verified is not full, partial or own"
    )
    assert refused(added("sources.toml", undated)) == (
        "sources.toml: new-source: last_checked is not a date"
    )
    assert refused(added("sources.toml", without(SOURCE, "last_checked"))) == (
        "sources.toml: new-source: last_checked is not a date"
    )


@pytest.mark.parametrize("verified", ["full", "partial", "own"])
def test_a_cited_source_is_carried_whole(verified: str) -> None:
    """What the rules page prints of a source is what the file says."""
    source = SOURCE.replace('"own"', f'"{verified}"')
    cited = STATEMENT.replace('"locatelli-2012"', '"new-source"')
    found = checked_tables(
        CONTENT | added("sources.toml", source) | added("statements_general.toml", cited)
    ).sources["new-source"]

    assert (found.key, found.citation, found.link) == ("new-source", "x", "https://example.org")
    assert (found.verified, found.last_checked.isoformat()) == (verified, "2026-01-01")
    assert found.how_read == "x"


def test_a_source_without_a_link_has_none() -> None:
    """The link is the one thing that a source may lack."""
    content = CONTENT | added("sources.toml", without(SOURCE, "link"))
    cited = STATEMENT.replace('"locatelli-2012"', '"new-source"')
    found = checked_tables(content | added("statements_general.toml", cited))

    assert found.sources["new-source"].link == ""


@pytest.mark.parametrize("key", ["value", "unit", "opens"])
def test_a_threshold_says_its_value_unit_and_what_it_opens(key: str) -> None:
    """A number without its unit or its meaning is refused."""
    said = refused(added("thresholds.toml", without(THRESHOLD, key)))

    assert said == f"thresholds.toml: new_limit: has no {key}"


def test_a_threshold_is_carried_whole() -> None:
    """Value, unit, side and citation are those of the file; a value is inclusive unless said."""
    found = checked_tables(CONTENT | added("thresholds.toml", THRESHOLD))
    limit = found.thresholds["new_limit"]
    silent = checked_tables(CONTENT | added("thresholds.toml", without(THRESHOLD, "inclusive")))

    assert (limit.name, limit.value, limit.unit) == ("new_limit", Decimal("2.5"), "days")
    assert (limit.inclusive, limit.opens) == (False, "the next class")
    assert (limit.citation.place, limit.citation.provenance) == ("a rule", "A")
    assert limit.citation.note == "why"
    assert limit.citation.source.key == "engineering"
    assert str(limit.citation) == f"{limit.citation.source.citation}, a rule"
    assert silent.thresholds["new_limit"].inclusive is True
    assert found.limit("new_limit") == Decimal("2.5")
    assert found.whole("new_limit") == 2


@pytest.mark.parametrize("key", ["source", "place", "provenance"])
def test_a_threshold_without_a_citation_is_refused(key: str) -> None:
    """Where a number comes from is part of it."""
    said = refused(added("thresholds.toml", without(THRESHOLD, key)))

    assert said == f"thresholds.toml: new_limit: has no {key}"


def test_a_note_may_be_missing() -> None:
    """Most rows need none."""
    found = checked_tables(CONTENT | added("thresholds.toml", without(THRESHOLD, "note")))

    assert found.thresholds["new_limit"].citation.note == ""


@pytest.mark.parametrize("key", ["label", "kind", "settled_by", "silence"])
def test_a_fact_says_how_it_is_called_settled_and_read_from_silence(key: str) -> None:
    """Nothing is asked for that nobody could answer."""
    said = refused(added("facts.toml", without(FACT, key)))

    assert said == f"facts.toml: new_fact: has no {key}"


def test_a_fact_is_of_a_known_kind() -> None:
    """Choice, date, amount or results."""
    said = refused(added("facts.toml", FACT.replace('"choice"', '"guess"')))

    assert said == ("facts.toml: new_fact: kind 'guess' is not choice, date, amount or results")


def test_a_fact_is_carried_whole() -> None:
    """Label, kind, unit, values, states and question are those of the file."""
    found = checked_tables(CONTENT | added("facts.toml", FACT)).facts["new_fact"]
    bare = FACT
    for key in ("unit", "values", "open_states"):
        bare = without(bare, key)
    spare = checked_tables(CONTENT | added("facts.toml", bare)).facts["new_fact"]

    assert (found.name, found.label, found.kind) == ("new_fact", "a fact", "choice")
    assert (found.unit, found.values) == ("Gy", {"a": "an a", "b": "a b"})
    assert found.open_states == {"a": ("b",)}
    assert (found.settled_by, found.silence) == ("asking", "unknown")
    assert (spare.unit, spare.values, spare.open_states) == ("", {}, {})


def test_a_statement_is_carried_whole_and_after_the_topics_before_its_own() -> None:
    """Conditions, text and citation are those of the file, in the order of the topics."""
    rows = checked_tables(CONTENT | added("statements_agents.toml", STATEMENT)).statements
    row = next(row for row in rows if row.id == "new-sentence")
    topics = [TOPICS.index(item.topic) for item in rows]
    shown = row.statement()

    assert topics == sorted(topics)
    assert row.every == {
        "plan": frozenset({"HSCT_HR"}),
        "sex": frozenset({"male", "female"}),
    }
    assert row.some == {"lesions": frozenset({"KMT2A-r"})}
    assert row.none_of == {"flags": frozenset({"INFANT"})}
    assert (shown.id, shown.topic, shown.text) == ("new-sentence", "general", "A sentence.")
    assert (shown.provenance, shown.citation) == ("P", str(row.citation))
    assert row.citation.note == "how it was read"


def test_a_statement_holds_only_when_every_condition_does() -> None:
    """All of ``every``, one of ``some``, none of ``none_of``; nothing known is not "every"."""
    rows = checked_tables(CONTENT | added("statements_general.toml", STATEMENT)).statements
    row = next(row for row in rows if row.id == "new-sentence")
    fitting = {
        "plan": frozenset({"HSCT_HR"}),
        "sex": frozenset({"male"}),
        "lesions": frozenset({"KMT2A-r", "hypodiploid"}),
        "flags": frozenset({"CNS2"}),
    }
    unfitting = {
        "plan": frozenset({"HSCT_HR", "HSCT_MRD"}),
        "sex": frozenset(),
        "lesions": frozenset({"hypodiploid"}),
        "flags": frozenset({"CNS2", "INFANT"}),
    }

    assert row.holds(fitting)
    for name, values in unfitting.items():
        assert not row.holds({**fitting, name: frozenset(values)}), name


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('topic = "general"', 'topic = "weather"', "topic 'weather' is not one of"),
        ('topic = "general"', "", "topic None is not one of"),
        ('text = "A sentence."', "", "has no text"),
        ('note = "how', 'remark = "how', "unknown keys ['remark']"),
        ("some = { lesions", "some = { weather", "no subject ['weather']"),
        ("none_of = { flags", "none_of = { weather", "no subject ['weather']"),
        ('source = "locatelli-2012"', "", "has no source"),
    ],
)
def test_a_slip_in_a_statement_is_refused(old: str, new: str, said: str) -> None:
    """File, row and defect are named."""
    message = refused(added("statements_general.toml", STATEMENT.replace(old, new)))

    assert message.startswith(f"statements_general.toml: new-sentence: {said}")


def test_two_statements_of_one_id_are_refused() -> None:
    """Also when they stand in two files."""
    twice = added("statements_general.toml", STATEMENT) | added("statements_mrd.toml", STATEMENT)

    assert refused(twice) == "statements: repeated ids ['new-sentence']"


def test_files_that_nothing_reads_are_refused() -> None:
    """A table with a slip in its name would otherwise be silent."""
    said = refused({"weather.toml": b"", "sunshine.toml": b""})

    assert said == "sunshine, weather: no part of the model reads this file"


def test_a_file_that_is_no_text_is_refused() -> None:
    """Bytes that are not UTF-8 name their file."""
    assert refused({"risk.toml": b"\xff"}).startswith("risk.toml: 'utf-8' codec")


def test_classes_of_schemes_fit_the_schemes_table() -> None:
    """Neither a class without a name nor a name without a class."""
    said = refused(edited("scheme_classes.toml", "standard = {", "ordinary = {"))
    classes = checked_tables(CONTENT).scheme_classes

    assert said == (
        "scheme_classes.toml: does not fit: [('uk_all_r3', 'ordinary'), ('uk_all_r3', 'standard')]"
    )
    assert classes["uk_all_r3", "standard"].scheme == "UK ALL R3"
    assert classes["uk_all_r3", "standard"].label == "standard risk"
    assert classes["uk_all_r3", "standard"].agrees_with == {"SR"}


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('id = "SR"\n', "", "risk: rules[0] (no id): has no id"),
        ('{ s_group = "S1" }', '{ group = "S1" }', "risk: rules[0] SR: no column 'group'"),
        (
            '{ s_group = "S1" }',
            '{ s_group = ["S1", "S5", "S0"] }',
            "risk: rules[0] SR: s_group has no value ['S0', 'S5']",
        ),
        (
            'then = { risk = "SR" }',
            'then = { danger = "SR" }',
            "risk: rules[0] SR: concludes ['danger'], not ['risk']",
        ),
        (
            'then = { risk = "SR" }',
            'then = { risk = "LR" }',
            "risk: rules[0] SR: risk has no value 'LR'",
        ),
        (
            '{ s_group = "S1" }',
            '{ s_group = ["S1", "S2"] }',
            "risk: SR and IR both fire for ('S2',)",
        ),
        ('["S3", "S4"]', '["S4"]', "risk: no rule fires for ('S3',)"),
        ('id = "IR"', 'id = "SR"', "risk: two rules share an id"),
        (
            'risk = ["SR", "IR", "HR"]',
            'risk = ["SR", "IR", "HR", "VHR", "LR"]',
            "risk: no rule concludes risk = ['LR', 'VHR']",
        ),
        (
            's_group = ["S1", "S2", "S3", "S4"]',
            's_group = ["S1", "S2", "S3", "S4"]\nweekday = ["odd", "even"]',
            "risk: column 'weekday' decides nothing",
        ),
        (
            's_group = ["S1", "S2", "S3", "S4"]',
            'weekday = ["odd", "even"]\ns_group = ["S1", "S2", "S3", "S4"]',
            "risk: column 'weekday' decides nothing",
        ),
    ],
)
def test_a_slip_in_a_table_is_refused_in_words(old: str, new: str, said: str) -> None:
    """Table, row and defect, so that whoever edits the table finds it."""
    assert refused(edited("risk.toml", old, new)) == said


def test_a_table_is_carried_whole() -> None:
    """Title, columns, outputs, rows and flags are those of the file."""
    table = checked_tables(CONTENT).decision["risk"]
    rule = table.rule(s_group="S4")
    flags = checked_tables(
        CONTENT | edited("risk.toml", 'id = "SR"', 'id = "SR"\nflags = ["CNS2"]')
    ).decision["risk"]

    assert (table.name, table.title) == ("risk", "Risk of each S-group (clinical model 2)")
    assert table.columns == {"s_group": ("S1", "S2", "S3", "S4")}
    assert table.outputs == {"risk": ("SR", "IR", "HR")}
    assert [row.id for row in table.rules] == ["SR", "IR", "HR"]
    assert (rule.id, rule.when, rule.then) == (
        "HR",
        {"s_group": frozenset({"S3", "S4"})},
        {"risk": "HR"},
    )
    assert rule.flags == ()
    assert flags.rule(s_group="S1").flags == ("CNS2",)


def test_the_digest_is_of_all_files_in_the_order_of_their_names() -> None:
    """Anybody can compute it again with sha256sum."""
    whole = b"".join(CONTENT[name] for name in sorted(CONTENT))

    assert checked_tables(CONTENT).digest == f"sha256:{hashlib.sha256(whole).hexdigest()}"
    backwards = {name: CONTENT[name] for name in sorted(CONTENT, reverse=True)}
    assert checked_tables(backwards).digest == checked_tables(CONTENT).digest
