"""Correction for the interaction of a charged cell with its periodic images."""

from __future__ import annotations

import warnings

import numpy as np

from pvkdb.schemas.calculations.dft import DftSettings
from pvkdb.schemas.calculations.relaxations import Host


def makov_payne_ev(cell_ang: np.ndarray, charge: int, dielectric_constant: float) -> float:
    """Return the leading Makov–Payne correction, eV, which is added to the energy of the cell.

    A point charge q repeated with the cell in a uniform background that neutralises it lowers the
    energy by its Madelung energy, screened by the crystal: E = q² α / (2 ε L) for a cubic cell of
    edge L, here with the lattice sum of any cell. The next term, of order L⁻³, needs the quadrupole
    of the defect's charge and is not included. The screening is that of an isotropic crystal.

    Args:
        cell_ang: Rows are the lattice vectors, shape (3, 3), Å.
        charge: Charge of the cell, in elementary charges.
        dielectric_constant: Static relative dielectric constant.

    Source: G. Makov, M. C. Payne, Phys. Rev. B 51, 4014 (1995), doi:10.1103/PhysRevB.51.4014,
    equation 15.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # warns that the cell is charged
        from pymatgen.analysis.ewald import EwaldSummation
        from pymatgen.core.structure import Structure

        point = Structure(
            cell_ang, ["H"], [[0, 0, 0]], site_properties={"charge": [charge]}, charge=charge
        )
        point.add_oxidation_state_by_site([charge])
        summed = EwaldSummation(point, acc_factor=16)  # type: ignore[no-untyped-call]  # no types there
        madelung_ev = float(summed.total_energy)
    return -madelung_ev / dielectric_constant


def correction_ev(settings: DftSettings, structure: Host) -> float | None:
    """Return the charge correction in eV; None if the settings request no correction."""
    if settings.correction == "none" or settings.dielectric_constant is None:
        return None
    return makov_payne_ev(
        np.array(structure.cell_ang), settings.charge, settings.dielectric_constant
    )


#: Madelung constant of a point charge in a cubic cell with background, for tests and readers:
#: E = −q² α / (2 L) with this α (M. Leslie, M. J. Gillan, J. Phys. C 18, 973 (1985)).
CUBIC_MADELUNG = 2.837297
