"""``pvkdb jobs`` as its user sees it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from pvkdb.schemas.calculations.migration import NebRequest
from pvkdb.store.database import Store
from pvkdb.store.queue import claims as queue

from ..conftest import Run


@pytest.fixture
def names(bare_store: Store) -> dict[str, str]:
    """Ids in a store of one calculation in each state."""
    ids = {}
    with bare_store.session() as session:
        formulas = {"done": "CsPbI3", "failed": "CsPbBr3", "running": "CsPbCl3", "queued": "CsSnI3"}
        for state, formula in formulas.items():
            ids[state] = queue.submit(session, NebRequest(formula=formula))[0].id
            if state != "queued":
                queue.claim(session, "host:1:2", ids[state])
        waiting = NebRequest(formula="CsSnBr3")
        ids["waiting"] = queue.submit(session, waiting, depends_on=[ids["failed"]])[0].id
        queue.finish(session, ids["done"], "host:1:2", {}, {})
        queue.fail(session, ids["failed"], "host:1:2", "NEB not converged", "residual 0.2 eV/Å")
    return ids


def test_the_road_of_a_failed_calculation(run: Run, names: dict[str, str]) -> None:
    listed = run("jobs")
    lines = listed.stdout.splitlines()
    assert max(map(len, lines)) <= 100
    order = [next(i for i, line in enumerate(lines) if names[state] in line)
             for state in ("running", "queued")]  # fmt: skip
    assert order == sorted(order)
    assert "NEB not converged" in listed.stdout
    assert "2 failed" in lines[-1]

    failed = json.loads(run("jobs", "--state", "failed", "--kind", "neb", "--json").stdout)
    assert {row["id"] for row in failed} == {names["failed"], names["waiting"]}
    one = json.loads(run("jobs", "list", "--material", "CsSnBr3-Pnma", "--json").stdout)
    assert [row["failure_kind"] for row in one] == ["dependency failed"]

    shown = run("jobs", "show", names["waiting"][:7])
    assert f"waits for    {names['failed']} (failed)" in shown.stdout
    assert "failure      dependency failed: it waits for calculation" in shown.stdout
    document = json.loads(run("jobs", "show", names["failed"], "--json").stdout)
    assert [entry["event"] for entry in document["log"]] == ["queued", "running", "failed"]
    assert document["needed_by"] == {names["waiting"]: "failed"}

    again = run("jobs", "retry", "--failed", "NEB not converged")
    assert "1 calculation(s) queued again; compute them with: pvkdb work" in again.stderr
    revived = json.loads(run("jobs", "show", names["waiting"], "--json").stdout)
    assert revived["calculation"]["state"] == "waiting"

    followed = run("jobs", "follow", names["done"])
    assert followed.stdout.splitlines()[-1].endswith("done")
    cancelled = run("jobs", "cancel", names["queued"], names["running"], "--json")
    ended = {names["queued"]: "cancelled", names["running"]: "running"}
    assert json.loads(cancelled.stdout) == ended


def test_a_failure_that_is_followed_is_the_exit_code(run: Run, names: dict[str, str]) -> None:
    followed = run("jobs", "follow", names["failed"], code=5)
    assert followed.stderr.strip() == "pvkdb: NEB not converged: residual 0.2 eV/Å"


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("show", "nothing"), 3, "no calculation has the id 'nothing'"),
        (("--state", "runing"), 2, "did you mean 'running'?"),
        (("retry",), 2, "name calculations, or select"),
        (("retry", "--failed", "crash"), 2, "did you mean 'crashed'?"),
        (("retry", "DONE"), 2, "is done; only failed and cancelled"),
        (("cancel", "DONE"), 2, "is done; only calculations that have not"),
        (("files", "DONE"), 3, "has no files"),
    ],
)
def test_what_cannot_be_done_is_one_clear_line(
    run: Run, names: dict[str, str], arguments: tuple[str, ...], code: int, words: str
) -> None:
    given = [names["done"] if word == "DONE" else word for word in arguments]
    outcome = run("jobs", *given, code=code)
    assert words in outcome.stderr
    assert len(outcome.stderr.strip().splitlines()) == 1
    assert outcome.stdout == ""


def test_calculations_travel_through_a_file(
    run: Run, names: dict[str, str], migrated_sqlite: Path, tmp_path: Path
) -> None:
    written = run("jobs", "export", "file.gz", code=2)
    assert "wrote 1 calculations to file.gz" in written.stderr
    assert f"1 calculations are not in file.gz: {names['done']}: " in written.stderr
    told = json.loads(run("jobs", "export", "file.gz", "--json", code=2).stdout)
    kept = (told["file"], told["calculations"], [*told["left_out"]])
    assert kept == ("file.gz", 1, [names["done"]])
    known = {"new": 0, "known": 1, "other_recipe": 0, "queued": 0}
    assert json.loads(run("jobs", "import", "file.gz", "--json").stdout) == known
    again = run("jobs", "import", "file.gz").stderr
    assert "imported 0 calculations; 1 were already there" in again
    sent = run("jobs", "export", "queue.gz", "--queued")
    assert "wrote 1 calculations to queue.gz" in sent.stderr
    shutil.copy(migrated_sqlite, tmp_path / "cluster.sqlite")
    taken = run("jobs", "import", "queue.gz", "--database", "sqlite:///cluster.sqlite").stderr
    assert "queued 1 calculations; 0 were already there\ncompute them with: pvkdb work" in taken
    clash = run("jobs", "export", "file.gz", "--queued", "--without-paths", code=2)
    assert "--without-paths is of no use with --queued" in clash.stderr
    refused = run("jobs", "import", "no.gz", code=2)
    assert "write one with: pvkdb jobs export FILE" in refused.stderr
