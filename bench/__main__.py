"""``python -m bench [--quick | --tiny]``: measure, print the table, write build/bench.json."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.figures import Figure, table
from bench.load import LoadFailedError, wrk
from bench.machine import machine, versions
from bench.measurements import EFFORTS, Bench


def main(arguments: Sequence[str]) -> int:
    """Run the bench; 2 when it cannot run. A goal that is not met is told, and no error."""
    chosen = _arguments(arguments)
    mode = "tiny" if chosen.tiny else "quick" if chosen.quick else "full"
    about: dict[str, Any] = {
        "date": datetime.now(UTC).date().isoformat(),
        "mode": mode,
        "machine": machine(),
        "versions": versions(),
    }
    try:
        wrk()
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            bench = Bench(Path(folder), EFFORTS[mode], _tell_step)
            figures = list(bench.figures())
    except LoadFailedError as error:
        sys.stderr.write(f"bench: {error}\n")
        return 2
    chosen.json.parent.mkdir(parents=True, exist_ok=True)
    document = about | {"figures": [figure.document() for figure in figures]}
    chosen.json.write_text(f"{json.dumps(document, indent=2)}\n")
    sys.stdout.write(_report(about, figures))
    return 0


def _arguments(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a minute or two; rough figures")
    parser.add_argument("--tiny", action="store_true", help="only whether everything runs")
    parser.add_argument("--json", type=Path, default=Path("build/bench.json"))
    return parser.parse_args(arguments)


def _report(about: dict[str, Any], figures: list[Figure]) -> str:
    facts = about["machine"] | about["versions"]
    told = ", ".join(f"{name} {value}" for name, value in facts.items())
    return f"\n{about['date']}, {about['mode']}: {told}\n\n{table(figures)}\n"


def _tell_step(text: str) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\x1b[2K\r{text}")
        sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
