"""Check a case without FHIR: ``python -m relapse_model explain FACTS.json``.

Prints the decision, what is wanted and why, and every table that was read, as plain text.
Exit codes: 0 decision printed, 2 the file could not be read (the field is named on stderr).
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from textwrap import wrap

from relapse_model.decide import decide
from relapse_model.decision import Decision
from relapse_model.errors import FactsError
from relapse_model.facts_file import facts_from
from relapse_model.loader import tables

WIDTH = 100
CAVEAT = "One centre group's 2012 approach; verify against the protocol the child is treated on."


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m relapse_model", description=__doc__)
    commands = parser.add_subparsers(required=True)
    explain = commands.add_parser("explain", help="print the decision for a file of facts")
    explain.add_argument(
        "facts", type=Path, help="JSON file of facts (relapse_model/facts_file.py)"
    )
    chosen = parser.parse_args(arguments)
    try:
        data = json.loads(chosen.facts.read_bytes())
        facts = facts_from(data, datetime.now(UTC).date())
    except OSError as error:
        return _refused(f"{chosen.facts}: {error.strerror}")
    except (ValueError, RecursionError):
        return _refused(f"{chosen.facts}: is not JSON")
    except FactsError as error:
        return _refused(f"{chosen.facts}: {error}")
    sys.stdout.write("\n".join(explanation(decide(facts))) + "\n")
    return 0


def _refused(why: str) -> int:
    sys.stderr.write(why + "\n")
    return 2


def explanation(decision: Decision) -> Iterator[str]:
    """The decision and its trace as lines of text."""
    document = decision.document()
    told: list[tuple[str, object]] = [
        (name, document[name])
        for name in (
            "plan",
            "plans",
            "timing",
            "site",
            "immunophenotype",
            "s_group",
            "risk",
            "mrd",
            "cns_status",
            "wanted",
            "flags",
        )
        if name in document
    ]
    told += [
        (f"local_therapy.{key}", value) for key, value in document.get("local_therapy", {}).items()
    ]
    told += [(f"by {item.scheme}", item.klass) for item in decision.alternatives]
    yield from _table(("", "decision"), [(name, _words(value)) for name, value in told])
    if decision.answers:
        yield ""
        yield from _table(
            ("wanted", "answer", "plans left", "groups left"),
            [
                (
                    item.fact,
                    _label(item.fact, item.answer),
                    _words(item.plans),
                    _words(item.s_groups),
                )
                for item in decision.answers
            ],
        )
    yield ""
    yield from _table(
        ("table", "row", "needs", "concludes"),
        [
            (step.table, _words(step.rules), _cells(step.given), _cells(step.concluded))
            for step in decision.trace
        ],
    )
    yield ""
    for item in decision.statements:
        yield from wrap(f"[{item.provenance}] {item.text} ({item.citation})", WIDTH)
    yield ""
    yield CAVEAT


def _label(fact: str, answer: str) -> str:
    name = tables().facts.get(fact)
    return name.values.get(answer, answer) if name else answer


def _words(value: object) -> str:
    if isinstance(value, (list, tuple)):
        return ", ".join(str(item) for item in value)
    return str(value)


def _cells(cells: Iterable[tuple[str, tuple[str, ...]]]) -> str:
    return "; ".join(f"{name} = {_words(values)}" for name, values in cells)


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    """Columns side by side, long cells wrapped."""
    cells = [head, *rows]
    most = max(12, WIDTH // len(head) - 2)
    widths = [min(most, max(len(row[column]) for row in cells)) for column in range(len(head))]
    widths[-1] = max(widths[-1], WIDTH - sum(widths[:-1]) - 2 * (len(head) - 1))
    for number, row in enumerate(cells):
        lines = [
            wrap(cell, width, break_long_words=False, break_on_hyphens=False) or [""]
            for cell, width in zip(row, widths, strict=True)
        ]
        for line in range(max(len(cell) for cell in lines)):
            parts = [cell[line] if line < len(cell) else "" for cell in lines]
            texts = (part.ljust(width) for part, width in zip(parts, widths, strict=True))
            yield "  ".join(texts).rstrip()
        if number == 0:
            yield "  ".join("-" * min(width, 30) for width in widths)


if __name__ == "__main__":
    sys.exit(main())
