"""DFT on the paths that the page of barriers discusses: docs/validation/path_points.json.

    python -m validation.dft.path_points    # 12 points

E(saddle) − E(start) with pw.x on geometries of SevenNet-0, neutral and positive: what is wanted is
which hop of a material can have a reported energy, and for this an estimate is enough. What is done
is kept and not done again. `python -m validation.migration.make --page-only` shows the numbers.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from pvkdb.schemas.calculations import PotentialName
from pvkdb.schemas.calculations.dft import DftPathRequest, DftScfRequest, DftScfResult
from pvkdb.schemas.calculations.migration import NebRequest, NebResult
from pvkdb.store.database import Store
from pvkdb.store.migrate import upgrade
from pvkdb.store.models.calculations import Calculation
from pvkdb.store.queue import claims as queue
from pvkdb_pipelines.dft.requests import barrier_request
from pvkdb_pipelines.work.cores import one_thread_each
from pvkdb_pipelines.work.worker import Worker
from validation.dft.hops import HopCase, computed
from validation.pages import FOLDER, read, write

FILE = FOLDER / "path_points.json"
#: Enough for an estimate.
_RY = (25.0, 150.0)
#: Host, phase, start of the description of the hop. The hop of Cs2SnI6 between octahedra is among
#: those that are relaxed: docs/validation/dft.md.
HOPS = (
    ("Cs3Sb2I9", "P-3m1", "octahedron edge, bridging–bridging"),
    ("Cs2SnI6", "Fm-3m", "octahedron edge"),
    ("Cs3Sb2I9", "P-3m1", "between layers"),
)
CASES = [
    (HopCase(formula, phase, charge, _RY), hop) for charge in (0, 1) for formula, phase, hop in HOPS
]


class PathPoint(BaseModel):
    """E(saddle) − E(start) of a hop by DFT, unrelaxed, beside the potential's."""

    model_config = ConfigDict(frozen=True)

    material: str
    hop: str
    length_ang: float
    charge: int
    settings: str
    potential_ev: float
    dft_ev: float
    cpu_seconds: float
    versions: dict[str, str] = {}


class PathPoints(BaseModel):
    """Every hop that was computed."""

    points: list[PathPoint] = []


def read_points(path: Path = FILE) -> list[PathPoint]:
    """Return the stored points; none where none was computed."""
    return read(PathPoints, path).points


def main() -> None:
    """Compute what is missing, and write the file after each hop."""
    one_thread_each()
    database = Path(tempfile.gettempdir()) / "pvkdb-path-points.sqlite"
    store = Store(f"sqlite:///{database}")
    upgrade(store)
    Worker(store).recover()
    for case, wanted in CASES:
        material = f"{case.formula} {case.phase}"
        points = read_points()
        if any(
            (each.material, each.charge) == (material, case.charge) and each.hop.startswith(wanted)
            for each in points
        ):
            continue
        points.append(_point(store, case, wanted))
        write(FILE, PathPoints(points=points))
        print(f"{material} {wanted} {case.charge:+d}: {points[-1].dft_ev:.3f} eV", file=sys.stderr)
    store.close()


def _point(store: Store, case: HopCase, wanted: str) -> PathPoint:
    guide = NebRequest(formula=case.formula, phase=case.phase, potential=PotentialName.SEVENNET_0)
    with store.session() as session:
        neb = queue.submit(session, guide)[0].id
    result = NebResult.model_validate(computed(store, neb).result)
    number, barrier = next(
        (number, each)
        for number, each in enumerate(result.hops, start=1)
        if each.hop.hop_class.startswith(wanted)
    )
    with store.session() as session:
        neb_done = session.get_one(Calculation, neb)
        path = barrier_request(session, neb_done, DftPathRequest, case.settings, number)
    energies, seconds, versions = {}, 0.0, {}
    for image in path.images[:2]:
        values = path.model_dump(include={"formula", "phase", "defect", "parent", "hop"})
        request = DftScfRequest(**values, settings=path.settings, structure=image.structure)
        with store.session() as session:
            key = queue.enqueue(session, request)[0].id
        document = computed(store, key)
        found = DftScfResult.model_validate(document.result)
        energies[image.name] = found.point.energy_ev
        seconds += found.cpu_seconds or 0.0
        versions = document.versions or {}
    return PathPoint(
        material=f"{case.formula} {case.phase}",
        hop=barrier.hop.hop_class,
        length_ang=barrier.hop.length_ang,
        charge=case.charge,
        settings=f"PBE, {case.cutoff_ry[0]:g}/{case.cutoff_ry[1]:g} Ry, Γ, no spin, no SOC",
        potential_ev=round(barrier.barrier_forward_ev or 0.0, 4),
        dft_ev=round(energies["saddle"] - energies["start"], 4),
        cpu_seconds=round(seconds, 0),
        versions=versions,
    )


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    main()
