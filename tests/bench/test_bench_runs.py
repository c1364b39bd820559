"""The bench runs, and what it measures is the service: its answers are those made without it.

Nothing here looks at a time: a slow machine is no defect.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.error import HTTPError

import pytest

from bench import answers, servers
from bench.bodies import SIZES, bodies, without_prefetch
from bench.figures import plain, ratio, table
from bench.signed_calls import SigningClient

ROOT = Path(__file__).resolve().parents[2]


def test_every_benched_answer_equals_the_unbenched_one(tmp_path: Path) -> None:
    """Apart from ids and times of day, for bodies of every size."""
    with servers.service(tmp_path) as service:
        for size in SIZES:
            answers.check(service.base, bodies(size, 2), servers.own_settings(tmp_path))


def test_a_signed_call_in_production_is_answered_like_one_without_a_token(tmp_path: Path) -> None:
    """The token changes who is let in, and nothing of the answer."""
    client = SigningClient()
    (body,) = bodies(SIZES[0], 1)
    with (
        servers.service(tmp_path) as trial,
        servers.service(tmp_path, settings=client.settings(tmp_path)) as production,
    ):
        (token,) = client.tokens(1)
        signed = answers.posted(production.base, body.content, token)
        unsigned = answers.posted(trial.base, body.content)
        with pytest.raises(HTTPError, match="401"):
            answers.posted(production.base, body.content)

    assert answers.comparable(signed) == answers.comparable(unsigned)


def test_an_answer_about_another_child_is_noticed(tmp_path: Path) -> None:
    """The comparison can fail: the baseline's static card is not the answer."""
    (body,) = bodies(SIZES[0], 1)

    with (
        servers.baseline(tmp_path) as baseline,
        pytest.raises(answers.OtherAnswerError, match=body.patient_id),
    ):
        answers.check(baseline.base, [body], servers.own_settings(tmp_path))


def test_the_distant_ehr_gives_what_the_service_asks_for(tmp_path: Path) -> None:
    """Without prefetch the same decision is made from what the EHR's server holds."""
    (body, *_) = bodies(SIZES[0], 1)

    with servers.distant_ehr(tmp_path, "small") as ehr, servers.service(tmp_path) as service:
        sent = answers.posted(service.base, body.content)
        fetched = answers.posted(service.base, without_prefetch(body, f"{ehr.base}/fhir"))

    assert answers.comparable(fetched) == answers.comparable(sent)


def test_the_table_judges_a_figure_by_its_goal() -> None:
    """A ratio within its goal is met, one beyond it is not, one without goal is only told."""
    figures = [
        ratio("within", 4.0, 1.0, "ms", ("<=", 0.25)),
        ratio("beyond", 4.0, 1.1, "ms", ("<=", 0.25)),
        plain("told", 3.0, "ms"),
    ]

    assert [figure.met for figure in figures] == [True, False, None]
    assert table(figures).splitlines()[3:] == [
        "| beyond | 4 ms | 1.1 ms | 0.275 | <= 0.25 | NOT MET |",
        "| told |  | 3 ms |  |  |  |",
    ]


def test_the_whole_bench_runs_in_its_smallest_form(tmp_path: Path) -> None:
    """Every figure is measured and written, whatever it is."""
    if shutil.which("wrk") is None and not os.environ.get("CI"):
        pytest.skip("wrk is not installed")
    written = tmp_path / "bench.json"

    done = subprocess.run(  # noqa: S603 - this Python
        [sys.executable, "-m", "bench", "--tiny", "--json", str(written)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=500,
    )

    assert done.returncode == 0, done.stderr
    document = json.loads(written.read_text())
    measured = {figure["measure"]: figure for figure in document["figures"]}
    assert {"CPU per request, small", "CPU per request, medium", "CPU per request, large"} <= set(
        measured
    )
    alone = "CPU of the JWT alone"  # a difference, which may be lost in the noise here
    assert any(name.startswith(alone) for name in measured)
    assert all(
        figure["service"] > 0 for name, figure in measured.items() if not name.startswith(alone)
    )
    assert all(name in done.stdout for name in measured)


def test_without_wrk_the_bench_says_what_to_install(tmp_path: Path) -> None:
    """A missing program is named, with the package that has it."""
    done = subprocess.run(
        [sys.executable, "-m", "bench", "--tiny"],
        cwd=ROOT,
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert done.returncode == 2
    assert "apt-get install wrk" in done.stderr
