"""What the tests of the DFT tier share: pw.x, small structures, cheap settings."""

from __future__ import annotations

import shutil
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from ase.build import molecule

from pvkdb.schemas.calculations.dft import (
    DftNebRequest,
    DftRelaxRequest,
    DftScfRequest,
    DftSettings,
)
from pvkdb_pipelines.dft.codes.runs import DEBIAN_CP2K_DATA
from pvkdb_pipelines.geometry.hosts import host_of

from ...conftest import lacks

#: Far below what SSSP recommends: the numbers are the machinery's, not the materials'.
CHEAP = DftSettings(
    cutoff_wfc_ry=20, cutoff_rho_ry=160, kpoint_grid=(1, 1, 1), scf_threshold_ry=1e-7
)
#: Inversion barrier of ammonia, 2018 cm⁻¹: J. D. Swalen, J. A. Ibers, J. Chem. Phys. 36, 1914
#: (1962), doi:10.1063/1.1701290.
AMMONIA_BARRIER_EV = 0.250

#: For molecules of a few light atoms: a second a run.
MOLECULE = CHEAP.model_copy(update={"cutoff_rho_ry": 120, "smearing": "fixed"})


@pytest.fixture(scope="session")
def cp2k() -> None:
    """CP2K and its data files."""
    if shutil.which("cp2k.psmp") is None or not DEBIAN_CP2K_DATA.is_dir():
        lacks("cp2k.psmp is not on the PATH, or its data are not there (Debian: cp2k)")


def cspbi3(shift_ang: float = 0.1) -> Atoms:
    """Cubic CsPbI3, 5 atoms, one iodine shifted along z."""
    atoms = Atoms(
        "CsPbI3",
        scaled_positions=[(0, 0, 0), (0.5, 0.5, 0.5), (0.5, 0.5, 0), (0.5, 0, 0.5), (0, 0.5, 0.5)],
        cell=[6.3] * 3,
        pbc=True,
    )
    atoms.positions[2, 2] += shift_ang
    return atoms


def csi(shift_ang: float = 0.1) -> Atoms:
    """Caesium iodide, 2 atoms, the iodine shifted along z: a second a run."""
    atoms = Atoms("CsI", scaled_positions=[(0, 0, 0), (0.5, 0.5, 0.5)], cell=[4.57] * 3, pbc=True)
    atoms.positions[1, 2] += shift_ang
    return atoms


def ammonia(upside_down: bool = False) -> Atoms:
    """NH3 in a box of 5 Å; its two mirror images are the ends of a path."""
    atoms = molecule("NH3")
    atoms.set_cell([5.0] * 3)
    atoms.pbc = True
    atoms.center()
    if upside_down:
        plane = np.mean([atom.position[2] for atom in atoms if atom.symbol == "H"])
        atoms.positions[:, 2] = 2 * plane - atoms.positions[:, 2]
    return atoms


def inversion() -> DftNebRequest:
    """A band over ammonia's umbrella inversion that only shows the machinery."""
    start, end = ammonia(), ammonia(upside_down=True)
    middle = start.copy()
    middle.positions = (start.positions + end.positions) / 2
    return DftNebRequest(
        formula="NH3", images=tuple(host_of(image) for image in (start, middle, end)),
        demonstration=True, settings=MOLECULE, fmax_endpoint_ev_per_ang=0.1,
        fmax_neb_ev_per_ang=0.1,
    )  # fmt: skip


def relaxation(**fields: Any) -> DftRelaxRequest:
    """Ammonia, relaxed to show the machinery."""
    given = {"formula": "NH3", "structure": host_of(ammonia()), "settings": MOLECULE}
    return DftRelaxRequest.model_validate(given | {"demonstration": True} | fields)


def scf(atoms: Atoms, formula: str, settings: DftSettings = CHEAP, **fields: Any) -> DftScfRequest:
    """A single point that only shows the machinery."""
    return DftScfRequest(
        formula=formula, structure=host_of(atoms), settings=settings, demonstration=True, **fields
    )
