"""``--database``, ``--engine`` and ``--config``: stores that are created, engines by name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pvkdb.cli.app import app
from pvkdb.cli.options import open_store
from pvkdb.errors import NotMigratedError
from pvkdb.schemas.calculations import PotentialName
from pvkdb.schemas.calculations.relaxations import ElementRequest
from pvkdb.store.database import Store
from pvkdb.store.queue import claims as queue

from ...each import for_each
from ...patience import PATIENCE_S
from ...programs import Start
from .conftest import Run
from .test_commands import failed_clearly

LOCAL = 'provider = "local"\ncores_per_node = 1\n'


@pytest.mark.parametrize(
    ("command", "text", "words"),
    [
        (("work", "--engine", "slurm"), "", ("'slurm'", "known: local, parsl")),
        (("screen", "lead-and-tin", "--engine", "parsl"), "", ("needs --config FILE",)),
        (("work", "--config", "mine.toml"), LOCAL, ("for --engine parsl",)),
        (
            ("work", "--engine", "parsl", "--config", "mine.toml"),
            'provider = "slurmm"\n',
            ("mine.toml line 1", "did you mean 'slurm'"),
        ),
        (
            ("screen", "lead-and-tin", "--engine", "parsl", "--config", "mine.toml"),
            LOCAL + "max_block = 2\n",
            ("mine.toml line 3", "did you mean 'max_blocks'"),
        ),
    ],
)
def test_a_mistake_is_one_line_and_nothing_is_written(
    run: Run,
    bare_store: Store,
    tmp_path: Path,
    command: tuple[str, ...],
    text: str,
    words: tuple[str, ...],
) -> None:
    (tmp_path / "mine.toml").write_text(text, encoding="utf-8")
    before = sorted(entry.name for entry in tmp_path.iterdir())
    assert failed_clearly(run(*command, code=2), *words)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == before


def test_a_new_sqlite_file_is_created_with_the_literature(run: Run, tmp_path: Path) -> None:
    outcome = run("rank", "selector", "--json", "--limit", "1", "--samples", "10")
    assert len(json.loads(outcome.stdout)["candidates"]) == 1
    step, end = outcome.stderr.splitlines()
    assert step.endswith("; loading the literature")
    assert end.startswith("created sqlite:///")
    assert all(path.name.startswith("user.sqlite") for path in tmp_path.iterdir())


def test_postgresql_is_never_created_by_itself(postgres_url: str) -> None:
    with pytest.raises(NotMigratedError, match="pvkdb init"):
        open_store(postgres_url, create=True)


@for_each(
    "arguments",
    [
        *(("jobs",), ("work",), ("report",), ("audit",), ("dft", "3f2a"), ("keys", "list")),
        *(("upgrade",), ("structure", "CsPbI3", "--relaxed")),
    ],
)
def test_commands_on_earlier_work_create_no_database(
    arguments: tuple[str, ...], tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path / 'mistyped.sqlite'}"
    outcome = CliRunner().invoke(app, [*arguments, "--database", url])
    assert isinstance(outcome.exception, NotMigratedError)
    assert "pvkdb init" in str(outcome.exception)
    assert list(tmp_path.iterdir()) == []


def test_a_dry_run_creates_no_database(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'new.sqlite'}"
    outcome = CliRunner().invoke(
        app, ["screen", "lead-and-tin", "--dry-run", "--json", "--database", url]
    )
    assert outcome.exit_code == 0, outcome.output
    assert json.loads(outcome.stdout)["in_store"] == 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_parsl_on_this_machine(start: Start, bare_store: Store, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(LOCAL, encoding="utf-8")
    with bare_store.session() as session:
        for symbol in ("I", "Pb"):
            request = ElementRequest(symbol=symbol, potential=PotentialName.CHGNET)
            queue.enqueue(session, request)
    process = start("work", "--engine", "parsl", "--config", "mine.toml", "--json")
    stdout, stderr = process.communicate(timeout=3 * PATIENCE_S)
    assert process.returncode == 0, stderr
    assert {document["result"]["symbol"] for document in json.loads(stdout)} == {"I", "Pb"}
    assert "local job" in stderr
    assert "2 done, 0 failed" in stderr
