"""The printed report of a screening: what passed, and the stability of what did not."""

from __future__ import annotations

import gzip
import json
from importlib import resources

import pytest

from pvkdb.cli.output.screening_tables import MAX_REASONS, print_preview, print_report
from pvkdb.schemas.screening import ScreeningReport, StageCount
from pvkdb_pipelines.screening.funnel import Preview
from pvkdb_pipelines.screening.plan.plan import read_plan

SHIPPED = resources.files("pvkdb.computed") / "inorganic-report.json.gz"


def test_the_stability_of_what_fell_is_printed_and_its_reason_names_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Of the shipped plan Cs2TeI6 is stable and beyond ``most``; CsPbI3 fell by its tau."""
    text = json.loads(gzip.decompress(SHIPPED.read_bytes()))
    some = {"CsPbBr3", "Cs2TeI6", "CsPbI3"}
    text["candidates"] = [each for each in text["candidates"] if each["formula"] in some]
    print_report(ScreeningReport.model_validate(text))
    printed = capsys.readouterr().out
    passed, fell = printed.split("Stability of rejected candidates")
    reasons = " ".join(passed.split())
    assert "not computed: most = 60 1 Cs2TeI6" in reasons
    assert "not tau < 4.18 1 CsPbI3" in reasons
    assert "CsPbBr3" in passed.split("Candidates that passed every stage")[1]
    (row,) = [line.split() for line in fell.splitlines() if "A2BX6" in line]
    assert row == ["Cs2TeI6", "A2BX6", "Fm-3m", "0.0", "−77.6"]
    assert "CsPbI3" not in fell


def test_a_preview_names_some_compositions_without_a_prototype(
    capsys: pytest.CaptureFixture[str],
) -> None:
    stages = [StageCount(stage="enumerate", entered=20_000, passed=20_000, fell={})]
    reasons = {f"formula {number}": "no prototype" for number in range(20_000)}
    print_preview(read_plan("lead-and-tin"), Preview(stages, no_prototype=reasons))
    shown = capsys.readouterr().out
    assert shown.count(": no prototype") == MAX_REASONS
    assert "and 19,990 more; --json has all" in shown
