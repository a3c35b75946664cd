"""Loading of the shipped release of computed results into a store, in one transaction.

It replaces an older release: results that this one lacks, or has with other numbers, are removed
with their rows. Results that were computed or imported in the store have no ``recorded_in`` and
stay, also where the release has the same calculation.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import delete, exists, select
from sqlalchemy.orm import Session, aliased

from pvkdb.schemas import read_json
from pvkdb.schemas.runs import RunState
from pvkdb.schemas.screening import ScreeningReport
from pvkdb.store.base import batches
from pvkdb.store.curation.dataset import begin_release, current_version, parts_of
from pvkdb.store.files.calculation_import import take_calculations
from pvkdb.store.migrate import lock_curation
from pvkdb.store.models.calculations import (
    Calculation,
    CalculationDependency,
    CalculationEvent,
    CalculationFile,
)
from pvkdb.store.models.devices import Device
from pvkdb.store.models.energetics import Electronic, Energetic
from pvkdb.store.models.materials import Composition, CompositionTolerance, Material, SiteOccupancy
from pvkdb.store.models.screenings import ScreeningRun
from pvkdb.store.models.structures import Structure, StructureElement
from pvkdb.store.models.summaries import CompositionStability, CompositionSummary
from pvkdb.store.runs.screening_runs import counts_of, renew_stabilities

FOLDER = Path(__file__).parent
#: The plan that was computed.
PLAN = "inorganic"
#: Its calculations, a file of ``pvkdb jobs export``, and its report, of ``pvkdb screen``.
CALCULATIONS, REPORT = (
    FOLDER / f"{PLAN}-{name}" for name in ("calculations.jsonl.gz", "report.json.gz")
)
#: Band gaps: ``python -m validation.electrons.gaps``.
GAPS = FOLDER / "gaps-calculations.jsonl.gz"


@dataclass(frozen=True, slots=True)
class ComputedReport:
    """Numbers of calculations that a load of the release added and removed."""

    dataset_version: str
    added: int = 0
    removed: int = 0

    @property
    def changed(self) -> bool:
        """Whether the store had no release, or an older one."""
        return bool(self.added or self.removed)

    @property
    def words(self) -> str:
        """The numbers in a few words: ``3,048 calculations added``."""
        if not self.changed:
            return "unchanged"
        removed = f", {self.removed:,} of an older release removed" if self.removed else ""
        return f"{self.added:,} calculations added{removed}"


@cache
def release_version(folder: Path = FOLDER) -> str:
    """Return the version of the release: ``computed-`` and a hash over its files."""
    digest = hashlib.sha256()
    for path in (CALCULATIONS, GAPS, REPORT):
        digest.update((folder / path.name).read_bytes())
    return f"computed-{digest.hexdigest()[:10]}"


def load_computed(session: Session, folder: Path = FOLDER) -> ComputedReport:
    """Load the calculations of the release, their rows, and the report of their screening.

    Raises:
        InputError: a file of the release is damaged; nothing is loaded.
    """
    lock_curation(session)
    current = current_version(session)
    if release_version(folder) in parts_of(current):
        return ComputedReport(current)
    version = begin_release(session, release_version(folder))
    files = [folder / path.name for path in (CALCULATIONS, GAPS)]
    screened, gaps = map(_lines, files)
    outdated = _outdated(session, [*screened, *gaps])
    for names in batches(outdated, 1000):
        _remove(session, names)
    added = sum(take_calculations(session, path, recorded_in=version).new for path in files)
    report = gzip.decompress((folder / REPORT.name).read_bytes())
    _replace_run(session, report, version, screened)
    return ComputedReport(version, added, len(outdated))


def _lines(path: Path) -> list[dict[str, Any]]:
    """Return the calculations of a file."""
    with gzip.open(path) as stream:
        next(stream)
        return [*map(json.loads, stream)]


def _outdated(session: Session, given: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return ids of calculations of an older release that are not among those of this one.

    Those on which the user's own work rests become the user's, and stay.
    """
    results = {line["key"]: (line["state"], line["result"]) for line in given}
    needed, outdated = _needed(session), []
    released = select(Calculation).where(Calculation.recorded_in.is_not(None))
    for each in session.scalars(released.order_by(Calculation.id)):
        if results.get(each.key) == (each.state, each.result):
            continue
        if each.id in needed:
            each.recorded_in = None
        else:
            outdated.append(each.id)
    return outdated


def _needed(session: Session) -> set[str]:
    """Return the calculations that the user's own work rests on.

    Own calculations wait for them or start from their paths and structures; own energies supersede
    theirs.
    """
    own, newer = aliased(Calculation), aliased(Energetic)
    rests = CalculationDependency.calculation_id == own.id
    superseded = newer.supersedes_id == Energetic.id
    found = [
        *session.scalars(
            select(CalculationDependency.depends_on_id)
            .join(own, rests)
            .where(own.recorded_in.is_(None))
        ),
        *session.scalars(select(Energetic.calculation_id).join(newer, superseded)),
        *session.scalars(
            select(own.parameters["parent"].as_string()).where(own.kind.startswith("dft"))
        ),
    ]
    # A structure is named after its calculation: ``0bc7407ac81c-host``.
    return {name.partition("-")[0] for name in found if name}


def _remove(session: Session, names: Sequence[str]) -> None:
    """Delete calculations with their rows, and materials of which nothing is left."""
    of_them: dict[Any, Any] = {
        Structure: Structure.calculation_id.in_(names),
        Energetic: Energetic.calculation_id.in_(names),
        Electronic: Electronic.calculation_id.in_(names),
        Calculation: Calculation.id.in_(names),
    }
    materials = {
        name
        for table, condition in of_them.items()
        for name in session.scalars(select(table.material_id).where(condition).distinct())
    }
    structures = select(Structure.id).where(of_them[Structure])
    session.execute(delete(StructureElement).where(StructureElement.structure_id.in_(structures)))
    for table in (CalculationDependency, CalculationEvent, CalculationFile):
        session.execute(delete(table).where(table.calculation_id.in_(names)))
    for table, condition in of_them.items():
        session.execute(delete(table).where(condition))
    unused = [~exists().where(table.material_id == Material.id) for table in (*of_them, Device)]
    gone = delete(Material).where(Material.id.in_(materials), *unused)
    compositions = set(session.scalars(gone.returning(Material.composition_id)))
    left = select(Material.composition_id).where(Material.composition_id.in_(compositions))
    compositions -= set(session.scalars(left))
    for part in (CompositionSummary, CompositionStability, CompositionTolerance, SiteOccupancy):
        session.execute(delete(part).where(part.composition_id.in_(compositions)))
    session.execute(delete(Composition).where(Composition.id.in_(compositions)))


def _replace_run(
    session: Session, text: bytes, version: str, given: Sequence[Mapping[str, Any]]
) -> None:
    """Load the report of the screening in place of an older release's."""
    of_release = select(ScreeningRun).where(ScreeningRun.recorded_in.is_not(None))
    run = session.scalar(of_release) or ScreeningRun(plan=PLAN, scheduled=False)
    begun, ended = (
        sorted(filter(None, (line[column] for line in given)))
        for column in ("started_at", "finished_at")
    )
    run.fire_time = run.started_at = datetime.fromisoformat(begun[0])
    run.finished_at = datetime.fromisoformat(ended[-1])
    run.state, run.recorded_in = RunState.DONE.value, version
    run.counts = counts_of(read_json(ScreeningReport, text), computed=0).model_dump(mode="json")
    run.report = zlib.compress(text)
    session.add(run)
    session.flush()
    session.execute(delete(CompositionStability))
    renew_stabilities(session)
