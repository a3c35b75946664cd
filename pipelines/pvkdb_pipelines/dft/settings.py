"""Complete settings of DFT requests, and what follows from them: remarks and corrections."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from math import ceil
from typing import TypeVar

import numpy as np
from ase.data import atomic_numbers
from ase.units import Ry

from pvkdb.errors import InputError
from pvkdb.schemas.calculations.dft import (
    DftHopRequest,
    DftNebRequest,
    DftPathRequest,
    DftRelaxRequest,
    DftRequest,
    DftScfRequest,
    DftSettings,
    Engine,
)
from pvkdb.schemas.calculations.relaxations import Host
from pvkdb_pipelines.dft.codes import cp2k, sssp
from pvkdb_pipelines.dft.codes.runs import RunLocation

#: Default spacing of k-points, 1/Å.
SPACING_PER_ANG = 0.3
#: Cutoff of plane-wave PAW in the Materials Project's sets, eV (``pymatgen.io.vasp.sets``).
MP_CUTOFFS_EV = {"PBE": 520.0, "PBEsol": 520.0, "r2SCAN": 680.0}

RequestT = TypeVar("RequestT", bound=DftRequest)


def complete_request(request: RequestT) -> RequestT:
    """Return the request with complete settings; a complete request is returned unchanged.

    Raises:
        CalculationFailedError: SSSP has no file for an element (``UNSUPPORTED_ELEMENT``).
        InputError: the cutoff of the density is below 4 times the wave functions' cutoff; a user's
            set of pseudopotentials lacks an element, or comes without cutoffs; U of no element.
    """
    structure = structures_of(request)[0]
    settings = complete_settings(request.settings, structure)
    without = settings.hubbard_u_ev.keys() - set(structure.symbols)
    if without:
        raise InputError(
            f"U is given for {', '.join(sorted(without))}, which {request.formula} does not contain"
        )
    return request.model_copy(update={"settings": settings})


def structures_of(request: DftRequest) -> Sequence[Host]:
    """Return the structures of a request, in their order."""
    if isinstance(request, DftPathRequest | DftHopRequest):
        return [image.structure for image in request.images]
    if isinstance(request, DftNebRequest):
        return request.images
    assert isinstance(request, DftScfRequest | DftRelaxRequest)
    return [request.structure]


def complete_settings(settings: DftSettings, structure: Host) -> DftSettings:
    """Return complete settings for a structure, see :func:`complete_request`."""
    spacing = settings.kpoint_spacing_per_ang or SPACING_PER_ANG
    grid = settings.kpoint_grid or grid_of_spacing(np.array(structure.cell_ang), spacing)
    update: dict[str, object] = {
        "kpoint_spacing_per_ang": None,
        "kpoint_grid": grid,
        "off_gamma": settings.off_gamma and any(n % 2 == 0 for n in grid),
    }
    if settings.engine is Engine.ESPRESSO:
        update |= _espresso(settings, structure)
    elif settings.engine is Engine.CP2K:
        update |= _cp2k(settings, structure)
    elif settings.cutoff_wfc_ry is None:
        update["cutoff_wfc_ry"] = round(MP_CUTOFFS_EV[settings.functional] / Ry, 6)
    if settings.engine is Engine.VASP:
        update["potcar_release"] = settings.potcar_release or "PBE_54"
    return settings.model_copy(update=update)


def grid_of_spacing(cell_ang: np.ndarray, spacing_per_ang: float) -> tuple[int, int, int]:
    """Return the smallest grid of a cell, (3, 3), whose points are at most a spacing apart.

    The spacing is a distance in reciprocal space, 2π included, 1/Å.
    """
    reciprocal = 2 * np.pi * np.linalg.inv(cell_ang).T
    lengths = np.linalg.norm(reciprocal, axis=1)
    a, b, c = (max(1, ceil(round(float(length) / spacing_per_ang, 6))) for length in lengths)
    return a, b, c


def remarks_on(settings: DftSettings, structure: Host) -> list[str]:
    """Return sentences on what limits the accuracy of results with these settings."""
    remarks = []
    if settings.engine is Engine.ESPRESSO and _of_sssp(settings):
        wfc, rho = _recommended(structure)
        if (settings.cutoff_wfc_ry or 0) < wfc or (settings.cutoff_rho_ry or 0) < rho:
            remarks.append(
                f"cutoffs {settings.cutoff_wfc_ry:g}/{settings.cutoff_rho_ry:g} Ry below the "
                f"{wfc:g}/{rho:g} Ry that SSSP recommends"
            )
    dense = grid_of_spacing(np.array(structure.cell_ang), SPACING_PER_ANG)
    grid = settings.kpoint_grid or dense
    if any(given < wanted for given, wanted in zip(grid, dense, strict=True)):
        remarks.append(
            f"{'Γ only' if grid == (1, 1, 1) else 'k-points ' + '×'.join(map(str, grid))}, "
            f"coarser than {SPACING_PER_ANG} 1/Å ({'×'.join(map(str, dense))})"
        )
    electrons = sum(atomic_numbers[symbol] for symbol in structure.symbols) - settings.charge
    if electrons % 2 and settings.magnetization_mub is None and not settings.soc:
        remarks.append("an odd number of electrons, computed without spin")
    if settings.charge != 0 and settings.correction == "none":
        remarks.append("charged cell without correction: for differences at one charge and cell")
    return remarks


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


def _espresso(settings: DftSettings, structure: Host) -> dict[str, object]:
    if not _of_sssp(settings):
        return _own_files(settings, set(structure.symbols))
    files = [entry.file for entry in sssp.entries(structure.symbols)]
    wfc, rho = _recommended(structure)
    cutoff_wfc = settings.cutoff_wfc_ry or wfc
    cutoff_rho = settings.cutoff_rho_ry or cutoff_wfc * rho / wfc
    if cutoff_rho < 4 * cutoff_wfc:
        raise InputError(
            f"a density cutoff of {cutoff_rho:g} Ry is below 4 times that of the wave functions "
            f"({cutoff_wfc:g} Ry), whose squares need as much; omit cutoff_rho_ry"
        )
    return {
        "cutoff_wfc_ry": cutoff_wfc,
        "cutoff_rho_ry": cutoff_rho,
        "pseudopotentials": tuple(files),
    }


def _of_sssp(settings: DftSettings) -> bool:
    return sssp.library(settings.pseudopotentials) == sssp.LIBRARY


def _own_files(settings: DftSettings, elements: set[str]) -> dict[str, object]:
    files = {entry.element: entry for entry in settings.pseudopotentials}
    missing = elements - files.keys()
    if missing:
        kind = "fully relativistic " if settings.soc else ""
        raise InputError(
            f"the set of pseudopotentials has no {kind}{settings.functional} file of "
            f"{', '.join(sorted(missing))}; it has {', '.join(sorted(files))}"
        )
    if settings.cutoff_wfc_ry is None or settings.cutoff_rho_ry is None:
        raise InputError(
            "pvkdb knows the cutoffs of SSSP alone; give those that the authors of the set "
            "recommend: cutoff_wfc_ry = … and cutoff_rho_ry = …"
        )
    return {"pseudopotentials": tuple(files[element] for element in sorted(elements))}


def _cp2k(settings: DftSettings, structure: Host) -> dict[str, object]:
    basis_set = settings.basis_set or cp2k.DEFAULT_BASIS
    data = RunLocation.from_environment().cp2k_data
    files = settings.pseudopotentials or cp2k.entries(structure.symbols, basis_set, data)
    valence = cp2k.valence_electrons(files)
    electrons = sum(valence[symbol] for symbol in structure.symbols) - settings.charge
    moment = settings.magnetization_mub
    return {
        "basis_set": basis_set,
        "cutoff_rho_ry": settings.cutoff_rho_ry or cp2k.DEFAULT_CUTOFF_RY,
        "cutoff_wfc_ry": settings.cutoff_wfc_ry or cp2k.DEFAULT_RELATIVE_CUTOFF_RY,
        "pseudopotentials": tuple(files),
        "magnetization_mub": 1.0 if moment is None and electrons % 2 else moment,
    }


def _recommended(structure: Host) -> tuple[float, float]:
    """Return the largest cutoffs that SSSP recommends for the elements, Ry."""
    entries = sssp.entries(structure.symbols)
    return (
        max(entry.cutoff_wfc_ry for entry in entries),
        max(entry.cutoff_rho_ry for entry in entries),
    )
