"""``python -m tests.fuzz COUNT``: many wrong requests on all cores, and figures of what came back.

``--case NUMBER`` shows one case and its answer.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.fuzz.campaign import Campaign, Figures
from tests.fuzz.mutations import case

ROOT = Path(__file__).resolve().parents[2]


def main(arguments: list[str]) -> int:
    """0 where nothing broke a rule."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("count", type=int, nargs="?", default=0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--case", type=int)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--part", help="PLACE/PROCESSES: this process's share, figures as JSON")
    asked = parser.parse_args(arguments)
    if asked.case is not None:
        return _show(asked.case, asked.seed)
    if asked.part:
        place, _, of = asked.part.partition("/")
        return _run_part(range(int(place), asked.count, int(of)), asked.seed)
    figures = run_parts(asked.count, asked.seed, asked.processes)
    sys.stdout.write(told(figures))
    return 1 if figures.violated else 0


def run_parts(count: int, seed: int, processes: int) -> Figures:
    """The figures of so many cases, shared among processes."""
    command = [sys.executable, "-W", "error", "-m", "tests.fuzz", str(count), "--seed", str(seed)]
    running = [
        subprocess.Popen(  # noqa: S603 - this program itself
            [*command, "--part", f"{place}/{processes}"], cwd=ROOT, stdout=subprocess.PIPE
        )
        for place in range(processes)
    ]
    figures = Figures()
    for process in running:
        written, _ = process.communicate()
        if process.returncode:
            raise SystemExit(f"a process of the campaign failed ({process.returncode})")
        figures.add(Figures(**json.loads(written.splitlines()[-1])))
    return figures


def told(figures: Figures) -> str:
    """The figures for a reader."""
    rate = figures.requests / figures.seconds if figures.seconds else 0
    lines = [
        f"{figures.requests} requests in {figures.seconds:.0f} s, {rate:.0f} per second",
        f"log lines read: {figures.log_lines}",
        "by status: " + ", ".join(f"{k} {v}" for k, v in sorted(figures.statuses.items())),
        "changes: " + ", ".join(f"{k} {v}" for k, v in sorted(figures.changes.items())),
        f"violations: {figures.violated}",
        *(f"  case {number}: {rule}" for number, rule in figures.violations),
    ]
    return "\n".join(lines) + "\n"


def _run_part(numbers: range, seed: int) -> int:
    with (
        tempfile.TemporaryDirectory() as folder,
        Campaign(f"sqlite:///{folder}/feedback.sqlite3") as campaign,
    ):
        sys.stdout.write(campaign.run(numbers, seed).as_json() + "\n")
    return 0


def _show(number: int, seed: int) -> int:
    sent = case(number, seed)
    with (
        tempfile.TemporaryDirectory() as folder,
        Campaign(f"sqlite:///{folder}/feedback.sqlite3") as campaign,
    ):
        response = campaign.response(sent)
        status, broken = campaign.answered(sent)
    sys.stdout.write(f"{sent.method} {sent.path} {sent.headers} {sent.done}\n")
    sys.stdout.write(sent.body.decode("utf-8", "backslashreplace") + "\n\n")
    sys.stdout.write(f"{status} {broken}\n{response.get_data(as_text=True)}\n")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
