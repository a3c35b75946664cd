"""The computed results in the box: there at once, replaced by the next release, apart from own."""

from __future__ import annotations

import copy
import gzip
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import distinct, func, select
from sqlalchemy.orm import Session

from pvkdb.cli.commands.demo import FORMULAS
from pvkdb.cli.options import COMPARED_POTENTIALS
from pvkdb.computed import (
    CALCULATIONS,
    GAPS,
    REPORT,
    ComputedReport,
    load_computed,
    release_version,
)
from pvkdb.schemas.calculations import PotentialName
from pvkdb.schemas.calculations.migration import NebRequest
from pvkdb.schemas.calculations.relaxations import ElementRequest
from pvkdb.schemas.rankings import Grade, RankedCandidate
from pvkdb.store.curation.dataset import current_version
from pvkdb.store.database import Store
from pvkdb.store.files.calculation_import import take_calculations
from pvkdb.store.models.calculations import Calculation, CalculationEvent
from pvkdb.store.models.energetics import Electronic, Energetic
from pvkdb.store.models.materials import Composition, Material
from pvkdb.store.models.structures import Structure
from pvkdb.store.models.summaries import CompositionStability, CompositionSummary
from pvkdb.store.queue.claims import enqueue, requeue, submit
from pvkdb.store.runs.screening_reports import read_report
from pvkdb.store.runs.screening_runs import find_run, listed
from pvkdb.suitability import Options, rank

from ..store.files.exchanging import Line, file_of, with_path


@pytest.fixture(scope="module")
def lines() -> dict[str, Line]:
    """Lines of the release: one of each kind that is done, and a failed one."""
    found: dict[str, Line] = {}
    with gzip.open(CALCULATIONS) as stream:
        next(stream)
        for line in map(json.loads, stream):
            if line["state"] == "failed":
                found.setdefault("failed", line)
            elif line["kind"] == "element" or line["structures"]:
                found.setdefault(line["kind"], line)
    return found


def load(session: Session, folder: Path, *lines: Line) -> ComputedReport:
    """Load a release with these calculations."""
    folder.mkdir()
    file_of(folder / CALCULATIONS.name, *lines)
    file_of(folder / GAPS.name)
    shutil.copy(REPORT, folder)
    return load_computed(session, folder)


def counts(session: Session) -> dict[str, int]:
    tables: tuple[Any, ...] = (Calculation, CalculationEvent, Structure, Energetic, Material)
    tables += (Composition, CompositionSummary)
    return {
        table.__name__: session.scalar(select(func.count()).select_from(table)) or 0
        for table in tables
    }


def test_a_release_replaces_the_older_one_with_its_rows(
    store: Store, tmp_path: Path, lines: dict[str, Line]
) -> None:
    with store.session() as session:
        literature, before = current_version(session), counts(session)
    with store.session() as session:
        first = load(session, tmp_path / "1", *lines.values())
    assert (first.added, first.removed) == (5, 0)
    assert first.dataset_version == f"{literature}.{release_version(tmp_path / '1')}"
    recomputed = copy.deepcopy(lines["neb"])
    recomputed["result"]["cpu_seconds"] += 1
    with store.session() as session:
        held = session.get_one(Calculation, lines["neb"]["key"][:12])
        assert held.recorded_in == first.dataset_version
        second = load(session, tmp_path / "2", recomputed)
    assert (second.added, second.removed) == (1, 5)
    assert second.dataset_version == f"{literature}.{release_version(tmp_path / '2')}"
    with store.session() as session:
        (held,) = session.scalars(select(Calculation))
        assert held.result == recomputed["result"]
        assert held.recorded_in == current_version(session) == second.dataset_version
        # CsPbBr3 is in the literature; its phase is new.
        added = {"Calculation": 1, "CalculationEvent": 1, "Structure": 1, "Material": 1}
        added["Energetic"] = len(recomputed["energetics"])
        added |= {"Composition": 0, "CompositionSummary": 0}
        assert counts(session) == {name: before[name] + added[name] for name in before}
    with store.session() as session:
        again = load_computed(session, tmp_path / "2")
    assert (again.added, again.removed, again.words) == (0, 0, "unchanged")


def test_what_the_user_has_computed_or_builds_on_stays(
    store: Store, tmp_path: Path, lines: dict[str, Line]
) -> None:
    names = {kind: line["key"][:12] for kind, line in lines.items()}
    own = file_of(tmp_path / "own.gz", lines["vacancy"])
    with store.session() as session:
        take_calculations(session, own)
        assert load(session, tmp_path / "1", *lines.values()).added == 4
        # Images of a path, a calculation that waits for a release's, another attempt.
        take_calculations(session, file_of(tmp_path / "paths.gz", with_path(lines["neb"])))
        potassium = ElementRequest(symbol="K", potential=PotentialName.CHGNET)
        enqueue(session, potassium, depends_on=[names["element"]])
        requeue(session, names["failed"])
    with store.session() as session:
        images = select(func.count()).where(Structure.calculation_id == names["neb"])
        given = session.scalar(images)
        assert load(session, tmp_path / "2", lines["vacancy"]) == ComputedReport(
            current_version(session), added=0, removed=1
        )
        held = {row.id: row for row in session.scalars(select(Calculation))}
        assert {*names.values()} - {*held} == {names["relax"]}
        assert {row.recorded_in for row in held.values()} == {None}
        assert session.scalar(images) == given
        assert held[names["failed"]].state == "queued"


@pytest.mark.slow
@pytest.mark.parametrize("application", ["non-volatile-memory", "selector"])
def test_new_rankings_rest_on_computed_barriers(computed_store: Store, application: str) -> None:
    """At least 40 more compositions have evidence on E_A, and it changes the first ten."""
    settings = [Options(samples=1, computed=computed) for computed in (True, False)]
    with computed_store.session(read_only=True) as session:
        ranked = (rank(session, application, "materials", each) for each in settings)
        found, without = (each.candidates for each in ranked)

    def has_barrier(entry: RankedCandidate) -> bool:
        grades = {each.metric: each.grade for each in entry.criteria}
        return grades.get("e_a_ev", Grade.MISSING) is not Grade.MISSING

    barriers, known = ({each.id for each in of if has_barrier(each)} for of in (found, without))
    assert len(barriers) >= 50
    assert len(barriers - known) >= 40
    first, before = ({each.id for each in of if each.rank <= 10} for of in (found, without))
    assert first - before


@pytest.mark.slow
def test_a_new_store_has_structures_barriers_and_stabilities(
    sqlite_store: Store, computed_store: Store
) -> None:
    with sqlite_store.session() as session:
        version = f"{current_version(session)}.{release_version()}"
    with computed_store.session() as session:
        assert current_version(session) == version
        versions = select(Calculation.recorded_in, func.count()).group_by(Calculation.recorded_in)
        gaps = gzip.decompress(GAPS.read_bytes()).count(b"\n") - 1
        assert session.execute(versions).all() == [(version, 3_199 + gaps)]
        named = session.scalars(select(Electronic.as_computed).where(Electronic.method == "DFT"))
        assert len(named.all()) >= 47
        compositions = select(func.count(distinct(Material.composition_id)))
        structures = compositions.join(Structure, Structure.material_id == Material.id)
        barriers = compositions.join(Energetic, Energetic.material_id == Material.id)
        assert session.scalar(structures) == 1_057
        assert session.scalar(barriers.where(Energetic.scope == "percolation")) == 73
        assert session.scalar(select(func.count()).select_from(CompositionStability)) == 466
        run = find_run(session, "inorganic")
        assert listed(session, 10)[1] == 1
        assert run.recorded_in == version
        assert len(read_report(run).candidates) == 702
        # The demonstration still has something to compute.
        for formula in FORMULAS:
            for name in COMPARED_POTENTIALS:
                request = NebRequest(formula=formula, potential=PotentialName(name))
                assert submit(session, request)[1]


def test_the_version_names_the_files(tmp_path: Path) -> None:
    for path in (CALCULATIONS, GAPS, REPORT):
        shutil.copy(path, tmp_path)
    assert release_version(tmp_path) == release_version()
    changed = shutil.copytree(tmp_path, tmp_path / "changed")
    (changed / GAPS.name).write_bytes(b"")
    assert release_version(changed) != release_version()
