"""How ``explain`` prints: a decision written by hand, and the page it must give."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

import relapse_model.__main__ as command
from relapse_model.decision import (
    Alternative,
    Answer,
    Decision,
    LocalTherapy,
    Model,
    Statement,
    Step,
)
from relapse_model.decision import FactReport as Report

LONG = (
    "One sentence that is longer than a line of the page, "
    "so that it must be broken between two words and go on below."
)

DECISION = Decision(
    model=Model("0.1.0", "sha256:0"),
    plan="INSUFFICIENT_DATA",
    plans=("CHEMO_THEN_MRD", "HSCT_HR"),
    timing=("early",),
    site=("combined", "isolated_bm"),
    immunophenotype=("BCP",),
    s_group=("S2", "S3"),
    risk=("HR", "IR"),
    mrd="pending",
    cns_status="unknown",
    local_therapy=LocalTherapy(cns_rt_gy=(15, 18), undetermined=("testis",)),
    wanted=("csf_blasts", "relapse_date"),
    flags=("CNS2",),
    alternatives=(Alternative("COG", "high"),),
    trace=(
        Step(
            "site",
            ("SITE-combined", "SITE-isolated-bm"),
            (("marrow", ("M2", "M3")), ("extramedullary", ("none", "proven"))),
            (("site", ("combined", "isolated_bm")),),
        ),
        Step(
            "risk",
            ("RISK-S2",),
            (("s_group", ("S2",)),),
            (("risk", ("IR",)), ("words", ("which go on to the rim of a page", "and", "on"))),
        ),
    ),
    answers=(
        Answer("csf_blasts", "not_seen", ("CHEMO_THEN_MRD",), ("S2",)),
        Answer("weather", "fine", ("CHEMO_THEN_MRD", "HSCT_HR"), ("S2", "S3")),
    ),
    statements=(Statement("s-1", "plan", LONG, "P", "Locatelli 2012, Table 1"),),
    facts=(Report("sex", ("female",)),),
)

PAGE = """\
                            decision
--------------------------  ------------------------------
plan                        INSUFFICIENT_DATA
plans                       CHEMO_THEN_MRD, HSCT_HR
timing                      early
site                        combined, isolated_bm
immunophenotype             BCP
s_group                     S2, S3
risk                        HR, IR
mrd                         pending
cns_status                  unknown
wanted                      csf_blasts, relapse_date
flags                       CNS2
local_therapy.cns_rt_gy     15, 18
local_therapy.undetermined  testis
by COG                      high

wanted      answer    plans left               groups left
----------  --------  -----------------------  ------------------------------
csf_blasts  not seen  CHEMO_THEN_MRD           S2
weather     fine      CHEMO_THEN_MRD, HSCT_HR  S2, S3

table  row                      needs                    concludes
-----  -----------------------  -----------------------  ------------------------------
site   SITE-combined,           marrow = M2, M3;         site = combined, isolated_bm
       SITE-isolated-bm         extramedullary = none,
                                proven
risk   RISK-S2                  s_group = S2             risk = IR; words = which go on to the rim
                                                         of a page, and, on

[P] One sentence that is longer than a line of the page, so that it must be broken between two words
and go on below. (Locatelli 2012, Table 1)

One centre group's 2012 approach; verify against the protocol the child is treated on.
"""


def test_the_page_shows_decision_answers_trace_and_sentences(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tables side by side, long cells wrapped, labels for values, the caveat last."""
    path = tmp_path / "facts.json"
    path.write_text("{}")
    monkeypatch.setattr(command, "decide", lambda _facts: DECISION)

    assert command.main(["explain", str(path)]) == 0
    assert capsys.readouterr().out == PAGE


def test_a_decided_case_has_no_table_of_answers() -> None:
    """Nothing wanted, nothing else to say: the decision, the empty trace, the caveat."""
    page = list(command.explanation(Decision(model=Model("0.1.0", "sha256:0"), plan="NO_RELAPSE")))

    assert page == [
        "      decision",
        "----  ------------------------------",
        "plan  NO_RELAPSE",
        "mrd   not_used",
        "",
        "table  row  needs  concludes",
        "-----  ---  -----  ------------------------------",
        "",
        "",
        command.CAVEAT,
    ]


def test_a_refusal_is_one_line_on_the_error_stream(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """File, field and defect; nothing on the output stream."""
    path = tmp_path / "facts.json"
    path.write_text(json.dumps({"sex": "x"}))

    assert command.main(["explain", str(path)]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err == f"{path}: sex: has no value 'x'; one of ['female', 'male']\n"


def test_the_day_of_the_question_is_today_in_utc(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file without ``as_of`` is asked today."""
    path = tmp_path / "facts.json"
    path.write_text("{}")
    asked = []

    class Clock:
        @staticmethod
        def now(zone: object) -> datetime:
            asked.append(zone)
            return datetime(2031, 5, 6, tzinfo=UTC)

    monkeypatch.setattr(command, "datetime", Clock)
    monkeypatch.setattr(
        command, "decide", lambda facts: asked.append(facts.as_of.isoformat()) or DECISION
    )

    assert command.main(["explain", str(path)]) == 0
    assert asked == [UTC, "2031-05-06"]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--help"], 0, "usage: python -m relapse_model [-h] {explain}"),
        (["--help"], 0, "Check a case without FHIR"),
        (["--help"], 0, "print the decision for a file of facts"),
        (["explain", "--help"], 0, "JSON file of facts"),
        ([], 2, "required"),
    ],
)
def test_the_command_line_says_how_it_is_used(
    arguments: list[str], code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Help names the command and its file; without a command there is nothing to do."""
    with pytest.raises(SystemExit) as stopped:
        command.main(arguments)
    printed = capsys.readouterr()

    assert stopped.value.code == code
    assert said in printed.out + printed.err


def test_arguments_come_from_the_command_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without arguments given, those of the process are read."""
    monkeypatch.setattr(sys, "argv", ["relapse_model", "explain", "no-such-file.json"])

    assert command.main() == 2
    assert "no-such-file.json: No such file" in capsys.readouterr().err
