"""``python -m tests.fuzz COUNT``: many wrong requests on all cores, and figures of what came back.

``--case NUMBER`` shows one case and its answer.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.fuzz.campaign import Campaign, Figures
from tests.fuzz.mutations import case

TOLD_EVERY = 5_000
"""Cases after which a process tells its figures."""
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
    latest = [Figures() for _ in range(processes)]

    def follow(place: int) -> int:
        part = [*command, "--part", f"{place}/{processes}"]
        with subprocess.Popen(part, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - this program itself
            for line in process.stdout or ():
                latest[place] = Figures(**json.loads(line))
                done = sum(figures.requests for figures in latest)
                bad = sum(figures.violated for figures in latest)
                sys.stderr.write(f"{done} of {count}, violations: {bad}\n")
        return process.returncode

    with ThreadPoolExecutor(processes) as threads:
        if any(threads.map(follow, range(processes))):
            raise SystemExit("a process of the campaign failed")
    figures = Figures()
    for part in latest:
        figures.add(part)
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
        gc.collect()
        gc.freeze()  # as the server does
        for start in range(0, len(numbers), TOLD_EVERY):
            figures = campaign.run(numbers[start : start + TOLD_EVERY], seed)
            sys.stdout.write(figures.as_json() + "\n")
            sys.stdout.flush()
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
