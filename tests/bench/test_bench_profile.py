"""``make profile`` tells where the time of a body goes."""

from __future__ import annotations

import pytest

from bench.stage_profile import main
from cds_service.watching.stage_times import STAGES


def test_the_profile_tells_each_stage_and_the_costliest_functions(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Nothing is fetched in process; the sum of all is told beside the stages."""
    assert main(["small", "--rounds", "1"]) == 0

    stages, _, functions = capsys.readouterr().out.partition("\n\n")
    names = [line.split()[0] for line in stages.splitlines()[1:]]
    assert names == [*(name for name in STAGES if name != "fetch"), "all"]
    assert "decode" in functions
    assert "tottime" in functions
