"""A vacancy in a crystal of pairs, of which one potential is the guide and another the truth."""

from __future__ import annotations

import numpy as np
from ase import Atoms
from ase.build import bulk

from pvkdb.schemas.calculations.dft import DftHopRequest, DftSettings, PathImage
from pvkdb_pipelines.geometry.hosts import host_of
from pvkdb_pipelines.migration.host.hessian import Hessian
from pvkdb_pipelines.migration.paths.saddle import climb
from pvkdb_pipelines.potentials.potential import Potential, Properties
from pvkdb_pipelines.relaxations.relaxation import relax

from ..conftest import potential_from

_CUTOFF_ANG = 3.6  # half of the cell of four atoms of copper along each edge


def pairs(depth_ev: float, range_per_ang: float, length_ang: float) -> Potential:
    """D ((1 − exp(−a (r − r₀)))² − 1) of the nearest images, made smooth at half the cell."""

    def evaluate_one(atoms: Atoms) -> Properties:
        vectors = atoms.positions[:, None] - atoms.positions[None]
        cell = atoms.cell.lengths()
        vectors = vectors - cell * np.round(vectors / cell)
        r = np.linalg.norm(vectors, axis=2) + 10 * np.eye(len(atoms))
        inside = r < _CUTOFF_ANG
        decay = np.exp(-range_per_ang * (r - length_ang))
        well = depth_ev * ((1 - decay) ** 2 - 1)
        slope = 2 * depth_ev * range_per_ang * decay * (1 - decay)
        rest = np.where(inside, 1 - (r / _CUTOFF_ANG) ** 2, 0)
        total = slope * rest**3 - well * 6 * r / _CUTOFF_ANG**2 * rest**2
        forces = -np.einsum("ij,ijx->ix", total / r, vectors)
        return {"energy": float((well * rest**3).sum() / 2), "forces": forces}

    return potential_from(evaluate_one, "Cu")


GUIDE = pairs(0.5, 1.4, 2.60)
#: A quarter stiffer, with longer bonds.
TRUTH = pairs(0.6, 1.5, 2.66)


def ends_and_saddle(potential: Potential, fmax: float = 1e-3) -> tuple[Atoms, Atoms, Atoms]:
    """The hop of an atom to the vacancy beside it, as a potential has it."""
    crystal = bulk("Cu", "fcc", a=3.61, cubic=True).repeat(2)
    hole = crystal.positions[0].copy()
    del crystal[0]
    mover = int(np.argmin(np.linalg.norm(crystal.positions - hole, axis=1)))
    stiff = Hessian(3 * np.eye(3 * len(crystal))).of_atoms(np.arange(len(crystal)))
    images = []
    for share in (0.0, 0.5, 1.0):
        image = crystal.copy()
        image.positions[mover] += share * (hole - crystal.positions[mover])
        images.append(image)
    start, end = (
        relax(images[n], potential, fmax, 300, cell=False, what="end", hessian=stiff)[0]
        for n in (0, 2)
    )
    top = images[1]
    top.calc = potential.calculator(stress=False)
    found = climb(top, end.positions - start.positions, stiff, potential, fmax, 300)
    return start, found.atoms, end


def hop_request(guide: Potential, **fields: object) -> DftHopRequest:
    """The hop with the structures of a guide."""
    images = ends_and_saddle(guide)
    named = zip(("start", "saddle", "end"), images, strict=True)
    given = {
        "formula": "Cu", "defect": "V_Cu", "guide": "sevennet-0",
        "images": tuple(PathImage(name=n, structure=host_of(a)) for n, a in named),
        "settings": DftSettings(cutoff_wfc_ry=30, cutoff_rho_ry=240, kpoint_grid=(1, 1, 1)),
    }  # fmt: skip
    return DftHopRequest.model_validate(given | fields)
