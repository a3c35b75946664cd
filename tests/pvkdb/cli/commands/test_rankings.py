"""``pvkdb rank`` as a user runs it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from pvkdb.cli.output.ranking_tables import print_ranking
from pvkdb.store.database import Store
from pvkdb.suitability import Options, rank

from ..conftest import Run
from ..test_commands import failed_clearly

PROFILE = """title = "Forget at once"

[[devices]]
metric = "retention_s"
at_most = 10
fails_above = 1e3
source = "a drawer"
"""


@pytest.fixture
def ready(run: Run, loaded_sqlite: Path, tmp_path: Path) -> Run:
    """Run in a folder whose database holds the literature."""
    shutil.copy(loaded_sqlite, tmp_path / "user.sqlite")
    return run


def widest(text: str) -> int:
    return max(map(len, text.splitlines()))


def test_the_applications_are_listed_without_a_database(run: Run, tmp_path: Path) -> None:
    listed = run("rank")
    for name in ("synaptic-training", "physically-unclonable-function", "lif-neuron"):
        assert name in listed.stdout
    assert len(json.loads(run("rank", "--json").stdout)) == 11
    assert list(tmp_path.iterdir()) == []


def test_a_ranking_fits_a_terminal_and_shows_what_is_missing(ready: Run) -> None:
    outcome = ready("rank", "synaptic-training")
    shown = ("unknown", "not demonstrated", "≥ 5000", "product of the shares", "(r161), http")
    for text in shown:
        assert text in outcome.stdout
    assert widest(outcome.stdout) <= 100
    document = json.loads(ready("rank", "synaptic-training", "--json", "--limit", "3").stdout)
    assert [entry["rank"] for entry in document["candidates"]] == [1, 1, 3]
    assert "extrapolated" in outcome.stdout
    # The doubtful requirement of section 6 says that it is doubtful, and how else to read it.
    inference = ready("rank", "synaptic-inference", "--limit", "1").stderr
    assert "doubtful" in inference
    assert "no shorter than training" in inference


@pytest.mark.parametrize("application", ["lif-neuron", "reservoir-computing", "selector"])
def test_three_criteria_still_fit(
    sqlite_store: Store, capsys: pytest.CaptureFixture[str], application: str
) -> None:
    with sqlite_store.session() as session:
        print_ranking(rank(session, application, "devices", Options(samples=50)))
        print_ranking(rank(session, application, "materials", Options(samples=50)))
    assert widest(capsys.readouterr().out) <= 100


def test_filters_and_what_they_set_aside(ready: Run) -> None:
    arguments = ("rank", "selector", "--materials", "--samples", "1")
    text = ready(*arguments, "--where", "lead_free=true", "--where", "halide=I,Br").stdout
    assert "Set aside by the filter lead_free: " in text
    assert "(contains no I or Br)" in text
    assert "not rankable" in text.lower()
    asked = (*arguments, "--only-screening", "--without-computed", "--json")
    document = json.loads(ready(*asked).stdout)
    assert document["candidates"] == []  # the literature has no screening
    assert document["set_aside"][0]["reason"] == "no screening computed it"
    assert failed_clearly(ready(*arguments, "--where", "famly=3D", code=2), "did you mean 'family'")
    assert failed_clearly(
        ready(*arguments, "--where", "lead_free=a", code=2), "write true or false"
    )


def test_one_candidate_explained(ready: Run) -> None:
    outcome = ready("rank", "synaptic-training", "--explain", "d-t4-r11")
    text = " ".join(outcome.stdout.split())
    assert "not demonstrated" in text
    assert "Table 4 row 11" in text
    assert "papers that got so far, 2 reached 10⁶ cycles" in text
    assert "section 6 “greater than 10^6 cycles”" in text
    assert "Wang 2018 (r189), " in text  # leads from the key of a row to the paper
    assert "those of the review: https://doi.org/10.1039/d5cs01222h" in text
    assert widest(outcome.stdout) <= 100
    asked = ("rank", "non-volatile-memory", "--materials", "--explain", "CsPbBr3", "--json")
    document = json.loads(ready(*asked).stdout)
    assert [entry["id"] for entry in document["candidates"]] == ["CsPbBr3"]


def test_a_profile_weights_and_pictures_of_ones_own(ready: Run, tmp_path: Path) -> None:
    (tmp_path / "forget.toml").write_text(PROFILE, encoding="utf-8")
    files = ("--plot", "pictures", "--sheet", "forget.HTML", "--sheet", "forget.json")
    outcome = ready("rank", "--profile", "forget.toml", *files, "--samples", "50")
    assert "wrote forget.HTML" in outcome.stderr
    assert "Which device suits" in (tmp_path / "forget.HTML").read_text(encoding="utf-8")
    assert "Forget at once" in outcome.stdout
    assert (tmp_path / "forget.json").exists()
    assert "Judged by retention alone." in outcome.stdout
    written = sorted(path.name for path in (tmp_path / "pictures").iterdir())
    assert written == [f"forget-devices-{name}.png" for name in ("scores", "times")]
    weighed = ready("rank", "synaptic-training", "--weights", "on_off_ratio=3", "--json")
    weights = {each["metric"]: each["weight"] for each in json.loads(weighed.stdout)["criteria"]}
    assert weights["on_off_ratio"] == 3


def test_a_profile_that_cannot_be_used_names_its_line(ready: Run, tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text(PROFILE.replace("= 10", "= -10"), encoding="utf-8")
    refused = ready("rank", "--profile", "bad.toml", code=2)
    assert failed_clearly(refused, "bad.toml line 5", "-10 s is impossible", "above 0")
    no_kind = ready("rank", "selector", "--sheet", "s.docx", code=2)
    assert failed_clearly(no_kind, "'docx'", "choose one of html, pdf, json")
    (tmp_path / "r.json").write_text('{"title": 3}', encoding="utf-8")
    no_report = ready("rank", "selector", "--materials", "--screening", "r.json", code=2)
    assert failed_clearly(no_report, "r.json", "not the report of a screening")


def test_two_filters_in_one_option_are_refused_with_the_remedy(ready: Run) -> None:
    for command, text, remedy in (
        (("rank", "selector"), "has_stack=true,halide=I", "--where has_stack=… --where halide=…"),
        (("export", "devices"), "absorber=CsPbI3,q=Ag", "--where absorber=… --where q=…"),
    ):
        assert remedy in ready(*command, "--where", text, code=2).stderr
    assert "CsPbBr3" in ready("export", "devices", "--where", "absorber=CsPbI3,CsPbBr3").stdout
