"""Layers of octahedra with molecules between them, Ruddlesden-Popper n = 1, as published."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from importlib import resources
from io import StringIO

import numpy as np
from ase import Atoms
from ase.io import read
from scipy.sparse.csgraph import connected_components

from pvkdb.chemistry import Ion
from pvkdb.chemistry.ions import LAYER_PHASES
from pvkdb.compositions.compounds import Compound
from pvkdb_pipelines.geometry.molecules import bonds
from pvkdb_pipelines.prototypes.prototype import PrototypeInfo
from pvkdb_pipelines.prototypes.radii import contact_ang

_SOURCE = (
    "M. Pols et al., J. Phys. Chem. Lett. (2024), doi:10.1021/acs.jpclett.4c01629 (PBE-D3(BJ)); "
)
#: Space group and measured structure, by spacer.
_MEASURED = {
    "BA": (61, "doi:10.1021/acsnano.1c02022"),
    "PEA": (2, "doi:10.1021/acs.inorgchem.7b01094"),
}


def layers() -> Iterator[PrototypeInfo]:
    """Yield the layered prototypes, one for each spacer."""
    for spacer, phase in LAYER_PHASES.items():
        number, measured = _MEASURED[spacer]
        yield PrototypeInfo(
            stoichiometry="A2BX4",
            phase=phase,
            name=f"single layers of octahedra with {spacer} between them, {spacer}2PbI4",
            space_group=phase,
            number=number,
            wyckoff="molecules on A; B, X and all atoms of A as published",
            coordination=6,
            linkage="corners with 4",
            source=_SOURCE + measured,
            start=partial(_start, spacer),
            spacer=spacer,
        )


def _start(spacer: str, compound: Compound) -> Atoms:
    """Return the structure with other ions on B and X, and molecules that keep their shape."""
    text = (resources.files(__package__) / f"{spacer}2PbI4.vasp").read_text(encoding="utf-8")
    atoms = read(StringIO(text), format="vasp")
    ions = compound.sites
    ratio = contact_ang(ions["B"], 6, ions["X"]) / contact_ang(Ion("Pb", 2), 6, Ion("I", -1))
    _, labels = connected_components(bonds(atoms))
    before = atoms.copy()
    across = np.array([ratio, ratio, 1.0])[:, None]  # c leads from layer to layer
    atoms.set_cell(atoms.cell.array * across, scale_atoms=True)
    for label in set(labels[before.numbers < 10]):
        members = np.flatnonzero(labels == label)
        arms = before.get_distances(members[0], members, mic=True, vector=True)
        centre = arms.mean(axis=0) + before.positions[members[0]]
        scaled = centre @ np.linalg.inv(before.cell.array) @ atoms.cell.array
        atoms.positions[members] = scaled + arms - arms.mean(axis=0)
    halides, metals = atoms.symbols == "I", atoms.symbols == "Pb"
    atoms.symbols[halides], atoms.symbols[metals] = ions["X"].symbol, ions["B"].symbol
    return atoms
