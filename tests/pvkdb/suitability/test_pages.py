"""The pages on crossbars and kinetics: what they tell people to run, runs."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pvkdb.store.database import Store

DOCS = Path(__file__).parents[3] / "docs"


def blocks(page: str, language: str) -> str:
    text = (DOCS / page).read_text(encoding="utf-8")
    return "\n".join(re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL))


@pytest.fixture
def folder(sqlite_store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's folder with a loaded pvkdb.sqlite."""
    sqlite_store.close()
    (tmp_path / "loaded.sqlite").rename(tmp_path / "pvkdb.sqlite")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PVKDB_DATABASE_URL", raising=False)
    return tmp_path


@pytest.mark.parametrize(
    ("page", "count"), [("crossbar.md", 10), ("kinetics.md", 4), ("suitability.md", 9)]
)
def test_the_commands_run(page: str, count: int, folder: Path) -> None:
    from pvkdb.cli.app import app

    lines = [line.partition("#")[0] for line in blocks(page, "bash").split("\n")]
    commands = [line.strip() for line in lines if line.startswith("pvkdb ")]
    assert len(commands) == count
    for command in commands:
        outcome = CliRunner().invoke(app, shlex.split(command)[1:])
        assert outcome.exit_code == 0, (command, outcome.output, outcome.exception)
        assert outcome.stdout
    assert (folder / "margin.png").exists() == (page == "crossbar.md")
    assert (folder / "pictures").is_dir() == (page == "suitability.md")


@pytest.mark.parametrize("page", ["crossbar.md", "kinetics.md"])
def test_the_python_runs(page: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    exec(compile(blocks(page, "python"), page, "exec"), {})
    printed = capsys.readouterr().out
    if page == "kinetics.md":
        assert "switching time: 1.9e-08 to 5.5e+01 s" in printed  # nine decades
        assert "Ag electrode Table 2 row 3" in printed
    else:
        assert "cell_voltage" in printed
