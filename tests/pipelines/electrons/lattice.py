"""Cubic CsPbBr3 whose energies are counted: a spring at each site, and an energy for each bond."""

from __future__ import annotations

from typing import Any

import numpy as np
from ase import Atoms

from pvkdb.schemas.calculations import PotentialName
from pvkdb.schemas.calculations.electrons import PairReference, PairRequest
from pvkdb_pipelines.geometry.hosts import host_of
from pvkdb_pipelines.potentials.potential import Properties

from ..conftest import potential_from

EDGE_ANG = 6.0
#: Energies of a bond of Br with Cs and with Pb, eV.
CS_EV, PB_EV = 0.25, 0.5
_SITES = {
    "Pb": np.zeros((1, 3)),
    "Cs": np.full((1, 3), 0.5),
    "Br": np.eye(3) / 2,
}
#: Reaches the twelve Br around Cs (4.2 Å) and the six around Pb (3 Å), no others (7.3 and 6.7 Å).
_BOND_ANG = 5.0
UNIT = Atoms(
    "PbCsBr3",
    scaled_positions=np.vstack(list(_SITES.values())),
    cell=[EDGE_ANG] * 3,
    pbc=True,
)


def springs(atoms: Atoms) -> Properties:
    """Energy and forces of atoms near their sites."""
    shifts = np.zeros((len(atoms), 3))
    for symbol, sites in _SITES.items():
        of = np.flatnonzero(atoms.symbols == symbol)
        apart = atoms.positions[of, None] / EDGE_ANG - sites
        apart -= np.round(apart)
        nearest = np.abs(apart).sum(axis=2).argmin(axis=1)
        shifts[of] = EDGE_ANG * apart[np.arange(len(of)), nearest]
    still = atoms.copy()
    still.positions -= shifts
    near = still.get_all_distances(mic=True) < _BOND_ANG
    bromine = near[:, np.asarray(still.symbols == "Br")]
    bonds_ev = CS_EV * bromine[still.symbols == "Cs"].sum()
    bonds_ev += PB_EV * bromine[still.symbols == "Pb"].sum()
    return {"energy": float((shifts**2).sum() - bonds_ev), "forces": -2 * shifts}


LATTICE = potential_from(springs, "Cs", "Pb", "Br")


def crystals(**energies_ev: float) -> tuple[PairReference, ...]:
    """Relaxed compounds with an energy per formula unit."""
    return tuple(
        PairReference(formula=name, phase="P1", energy_ev_per_formula=energy, calculation="c1")
        for name, energy in energies_ev.items()
    )


def pair_of(cation: str = "Cs", **changes: Any) -> PairRequest:
    """Ask for the vacancies of a cation and bromine; the host has −6 eV a formula unit."""
    given: dict[str, Any] = {
        "formula": "CsPbBr3",
        "phase": "Pm-3m",
        "cation": cation,
        "charge": {"Cs": 1, "Pb": 2}[cation],
        "halide": "Br",
        "atoms_per_formula": 5,
        "host": host_of(UNIT),
        "references": crystals(CsBr=-2.5, PbBr2=-3.2),
        "potential": PotentialName.CHGNET,
    }
    return PairRequest(**{**given, **changes})
