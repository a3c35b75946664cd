"""Hops in cells of rising size, for docs/validation/barriers.md: what images of a vacancy add.

    python -m validation.dft.cells                # every cell that is not there yet
    python -m validation.dft.cells --only CsPbBr3

Where the host does not tilt, each cell has the start and the saddle point that the potential finds
in it. Octahedra that tilt would turn otherwise in each cell; so the atoms near the hop are where
DFT has them in the largest cell, and all others at their sites: one hop, in each cell the same.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.geometry import find_mic

from pvkdb.errors import InputError
from pvkdb.schemas.calculations import CalculationDocument, PotentialName
from pvkdb.schemas.calculations.dft import Engine
from pvkdb.schemas.calculations.migration import NebResult
from pvkdb_pipelines.geometry.hosts import atoms_in
from pvkdb_pipelines.migration.result.stored import stored_host
from pvkdb_pipelines.potentials.loading import load_potential
from validation.dft import convergence
from validation.dft.hops import LARGE_SET, HopCase, open_store, path_and_hop
from validation.pages import ROOT

GUIDE = PotentialName.SEVENNET_0
#: By distance of the vacancy from its images.
CASES = tuple(
    HopCase("Cs2SnCl6", "Fm-3m", 1, code=Engine.CP2K, distance_ang=distance_ang)
    for distance_ang in (10.0, 14.0, 17.5, 20.0)
)
#: A hop of :data:`validation.dft.hops.LARGE_CASES` whose host tilts, and vectors of cells that fit
#: into its cell, in those of the cell of 20 atoms.
TILTING = "CsPbBr3 Pnma +1 15.5 Å"
VECTORS = (
    ((1, 0, 1), (0, 1, 0), (-1, 0, 1)),
    ((2, 0, 0), (0, 1, 0), (0, 0, 2)),
    ((2, 0, 0), (0, 2, 0), (0, 0, 2)),
)
#: Atoms nearer to the middle of the hop leave their sites, Å. The potential's barrier is then the
#: same in each of these cells within 5 meV, so that what changes with DFT is the charge and Γ.
NEAR_ANG = 4.5


def in_cell(host: Atoms, points: dict[str, Atoms], vectors: np.ndarray) -> dict[str, Atoms]:
    """Return a hop of a large cell in a smaller one, where only atoms near it leave their sites.

    Args:
        host: The large cell without a vacancy.
        points: Its start and saddle point, without one atom of ``host`` and in its order.
        vectors: Rows are those of the smaller cell, Å, of which the large one is a supercell.

    Raises:
        InputError: atoms near the hop are images of one another in the smaller cell.
    """
    start, saddle = points["start"], points["saddle"]
    vacant = _vacant(host, start)
    moving = int(np.linalg.norm(saddle.positions - start.positions, axis=1).argmax())
    moving += moving >= vacant
    way = find_mic(host.positions[vacant] - host.positions[moving], host.cell)[0]
    middle = host.positions[moving] + way / 2
    from_middle, distance_ang = find_mic(host.positions - middle, host.cell)
    # Of the sites that are images of one another in the smaller cell, the one nearest to the hop.
    order = np.argsort(distance_ang)
    places = from_middle[order] @ np.linalg.inv(vectors)
    apart = places[:, None] - places[None]
    images = (np.abs(apart - np.rint(apart)) < 0.01).all(axis=2)
    kept = np.sort(order[images.argmax(axis=1) == np.arange(len(order))])
    near = np.flatnonzero(distance_ang < NEAR_ANG)
    if not np.isin(near, kept).all():
        raise InputError(
            f"atoms within {NEAR_ANG:g} Å of the hop meet their images in a cell of {len(kept)} "
            "sites; take a larger one"
        )
    near, kept = near[near != vacant], kept[kept != vacant]
    found = {}
    for name, point in (("start", start), ("saddle", saddle)):
        relaxed = np.insert(point.positions, vacant, host.positions[vacant], axis=0)
        moved = from_middle.copy()
        moved[near] += find_mic(relaxed - host.positions, host.cell)[0][near]
        found[name] = Atoms(host.symbols[kept], moved[kept], cell=vectors, pbc=True)
    return found


def _vacant(host: Atoms, start: Atoms) -> int:
    """Return the site of the host that no atom of the start is near."""
    between = host.positions[:, None] - start.positions[None]
    distance_ang = find_mic(between.reshape(-1, 3), host.cell)[1]
    return int(distance_ang.reshape(len(host), -1).min(axis=1).argmax())


def of_path(case: HopCase, path: CalculationDocument, points: dict[str, Atoms]) -> None:
    """Append the force calls at the start and the saddle point of the potential's path."""
    guide_ev = NebResult.model_validate(path.result).barrier_forward_ev
    assert guide_ev is not None
    name = f"{case.formula} {case.phase} {case.charge:+d}, path of {GUIDE}, {case.distance_ang:g} Å"
    _append(name, case.charge, points, guide_ev)


def of_tilting(host: Atoms, points: dict[str, Atoms]) -> None:
    """Append the force calls of the hop whose host tilts, in each cell."""
    formula, phase, charge, *_ = TILTING.split()
    potential = load_potential(GUIDE)
    for vectors in VECTORS:
        own = in_cell(host, points, np.array(vectors) @ host.cell.array / 2)
        start, saddle = potential.evaluate([own["start"], own["saddle"]], stress=False)
        words = f"{formula} {phase} {charge}, near the hop as in {len(points['start'])} atoms"
        guide_ev = float(saddle["energy"] - start["energy"])
        _append(f"{words}, {len(own['start'])} atoms", int(charge), own, guide_ev)


def _append(name: str, charge: int, points: dict[str, Atoms], guide_ev: float) -> None:
    line = convergence.Line(name, charge, convergence.RECIPE, points)
    convergence.compute(line, convergence.read_calls(), guide_ev=guide_ev)
    convergence.write_page()


def main() -> None:
    """Compute what is missing, and write the page after each cell."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", default=[], metavar="WORD", help="words of the name")
    parser.add_argument("--database", type=Path, default=ROOT / "cells.sqlite")
    chosen = parser.parse_args()
    store = open_store(chosen.database, LARGE_SET)
    for case in (*(each for each in LARGE_SET.cases if each.name == TILTING), *CASES):
        if not all(word in case.name.split() for word in chosen.only):
            continue
        path, request = path_and_hop(store, LARGE_SET, case, GUIDE, compute=True)
        assert request is not None, path.failure_message
        if case.name == TILTING:
            (hop,) = (each for each in LARGE_SET.read().hops if each.name == TILTING)
            assert hop.result is not None
            relaxed = {each.name: atoms_in(each.structure) for each in hop.result.points}
            with store.session(read_only=True) as session:
                host = stored_host(session, path.id)
            of_tilting(host, relaxed)
        else:
            of_path(case, path, {each.name: atoms_in(each.structure) for each in request.images})
    store.close()


if __name__ == "__main__":
    main()
