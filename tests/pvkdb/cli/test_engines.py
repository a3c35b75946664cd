"""``--engine`` and ``--config`` of ``pvkdb work`` and ``pvkdb screen``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pvkdb.schemas.calculations import PotentialName
from pvkdb.schemas.calculations.relaxations import ElementRequest
from pvkdb.store.database import Store
from pvkdb.store.migrate import upgrade
from pvkdb.store.queue import claims as queue

from .conftest import Run
from .test_commands import failed_clearly

LOCAL = 'provider = "local"\ncores_per_node = 1\n'


@pytest.fixture
def user_store(environment: dict[str, str]) -> Store:
    """The user's store, with its tables."""
    store = Store(environment["PVKDB_DATABASE_URL"])
    upgrade(store)
    return store


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
    user_store: Store,
    tmp_path: Path,
    command: tuple[str, ...],
    text: str,
    words: tuple[str, ...],
) -> None:
    (tmp_path / "mine.toml").write_text(text, encoding="utf-8")
    before = sorted(entry.name for entry in tmp_path.iterdir())
    outcome = run(*command)
    assert failed_clearly(outcome, *words)
    assert outcome.returncode == 2
    assert sorted(entry.name for entry in tmp_path.iterdir()) == before


@pytest.mark.slow
def test_parsl_on_this_machine(run: Run, user_store: Store, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(LOCAL, encoding="utf-8")
    with user_store.session() as session:
        for symbol in ("I", "Pb"):
            request = ElementRequest(symbol=symbol, potential=PotentialName.CHGNET)
            queue.enqueue(session, request)
    outcome = run("work", "--engine", "parsl", "--config", "mine.toml", "--json", timeout=180)
    assert outcome.returncode == 0, outcome.stderr
    documents = json.loads(outcome.stdout)
    assert {document["result"]["symbol"] for document in documents} == {"I", "Pb"}
    assert "local job" in outcome.stderr
    assert "2 done, 0 failed" in outcome.stderr
