"""``python -m bench.stage_profile [SIZE]``: where the time of one kind of body goes, in process.

Each stage against ``json.loads`` of the same bodies in the same run, then the functions that cost
most. The bodies are those of the bench, so that nothing of a whole body is remembered.
"""

from __future__ import annotations

import argparse
import cProfile
import gc
import io
import json
import logging
import pstats
import sys
from collections.abc import Callable, Iterator, Sequence
from statistics import fmean
from time import perf_counter

import msgspec

from bench.bodies import SIZES, bodies
from cds_service.hook_request import HookRequest
from cds_service.patient_view import answer_to
from cds_service.watching.stage_times import STAGES, stage, timed

_VARIANTS = 8
_FUNCTIONS = 25


def main(arguments: Sequence[str]) -> int:
    """Print the tables; 2 for arguments that cannot be read."""
    parser = argparse.ArgumentParser(prog="python -m bench.stage_profile", description=__doc__)
    parser.add_argument("size", nargs="?", default="medium", choices=[size.name for size in SIZES])
    parser.add_argument("--rounds", type=int, default=50)
    chosen = parser.parse_args(arguments)
    size = next(size for size in SIZES if size.name == chosen.size)
    sent = [body.content for body in bodies(size, min(size.variants, _VARIANTS))]
    logging.getLogger("cds_service").addHandler(logging.NullHandler())
    for body in sent:
        _answer(body)  # what is remembered is remembered
    gc.freeze()
    sys.stdout.write("\n".join(_stages(sent, chosen.rounds)))
    sys.stdout.write(f"\n\n{_functions(sent, chosen.rounds)}\n")
    return 0


def _answer(body: bytes) -> bytes:
    """What the route does, without HTTP."""
    with stage("decode"):
        hook = HookRequest.parse(body)
    answer = answer_to(hook)
    with stage("render"):
        return msgspec.json.encode(answer)


def _stages(sent: Sequence[bytes], rounds: int) -> Iterator[str]:
    loads = fmean(_best(json.loads, body, rounds)["all"] for body in sent)
    found = [_best(_answer, body, rounds) for body in sent]
    yield f"{sum(map(len, sent)) // len(sent)} bytes: json.loads {loads:.3f} ms = 1.00"
    for name in (*STAGES, "all"):
        if name in found[0]:
            mean = fmean(best[name] for best in found)
            told = STAGES.get(name, "in process, without HTTP")
            yield f"{name:8}{mean:8.3f} ms{mean / loads:7.2f}  {told}"


def _best(call: Callable[[bytes], object], body: bytes, rounds: int) -> dict[str, float]:
    """Milliseconds of the call and of each stage in it, in the round that was disturbed least."""
    best: dict[str, float] = {}
    for _ in range(rounds):
        with timed() as times:
            began = perf_counter()
            call(body)
            times["all"] = perf_counter() - began
        for name, seconds in times.items():
            best[name] = min(best.get(name, seconds * 1000), seconds * 1000)
    return best


def _functions(sent: Sequence[bytes], rounds: int) -> str:
    profile = cProfile.Profile()
    profile.enable()
    for _ in range(rounds):
        for body in sent:
            _answer(body)
    profile.disable()
    told = io.StringIO()
    pstats.Stats(profile, stream=told).strip_dirs().sort_stats("tottime").print_stats(_FUNCTIONS)
    return told.getvalue().strip()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
