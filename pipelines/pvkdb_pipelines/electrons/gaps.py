"""Band gaps by PBE; it does not use the database."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from ase import Atoms

from pvkdb.errors import CalculationFailedError
from pvkdb.schemas.calculations import FailureKind
from pvkdb.schemas.calculations.dft import DftSettings
from pvkdb.schemas.calculations.electrons import BandEdge, GapRequest, GapResult
from pvkdb.schemas.calculations.relaxations import Host
from pvkdb_pipelines.dft.codes import sssp
from pvkdb_pipelines.dft.codes.engines import load_engine
from pvkdb_pipelines.dft.codes.levels import Levels
from pvkdb_pipelines.dft.codes.pw_output import ScfDetails
from pvkdb_pipelines.dft.codes.runs import cpu_seconds
from pvkdb_pipelines.dft.settings import complete_settings, grid_of_spacing, remarks_on
from pvkdb_pipelines.geometry.hosts import atoms_in, host_of
from pvkdb_pipelines.geometry.neighbours import check_structure
from pvkdb_pipelines.geometry.symmetry import space_group, standard_cell
from pvkdb_pipelines.potentials.potential import Potential
from pvkdb_pipelines.progress import ProgressReporter, Report

#: Largest cutoff of the wave functions by default, Ry, and that of the density in units of it. In
#: place of SSSP's they change the gaps of CsPbBr3, CsSnI3, CsCaCl3 and Cs2SnCl6 by at most 0.01 eV,
#: and that of Cs2AgInCl6 by 0.03.
CUTOFF_RY, DENSITY_FACTOR = 30.0, 6.0
#: Largest distance of k-points, 2π included, 1/Å: 4×4×4 in a cubic ABX3, whose gap is that of
#: 6×6×6 within 0.01 eV; 2×2×2 is up to 0.07 eV off.
SPACING_PER_ANG = 0.4
#: Plane waves take a day of one core beyond.
MOST_ATOMS = 120
#: What a relaxation leaves of the symmetry of its phase is restored within this, Å, as where sites
#: of relaxed structures are told apart.
_SYMPREC_ANG = 0.1

_SCF = "self-consistent field"


@dataclass(frozen=True)
class GapRun:
    """A finished calculation: result, versions, and files of the program."""

    result: GapResult
    versions: dict[str, str]
    files: Mapping[str, bytes]


def compute_gap(
    request: GapRequest, report: Report | None = None, engine: Potential | None = None
) -> GapRun:
    """Compute a band gap with pw.x, or with a given engine.

    Raises:
        CalculationFailedError: the compound has an odd number of electrons and no moment is given
            (``OPEN_SHELL``), its bands overlap (``NO_GAP``), it has too many atoms
            (``TOO_LARGE``), or the program fails.
    """
    atoms = atoms_in(request.structure)
    check_structure(atoms, request.formula)
    if request.kpoint_grid is None:
        atoms = _primitive(atoms)
    _require_computable(request, atoms)
    structure = host_of(atoms)
    settings = gap_settings(request, structure)
    started, cpu_started = time.perf_counter(), cpu_seconds()
    progress = ProgressReporter({_SCF: 1.0}, report)
    progress.begin(_SCF)
    own = engine is None
    engine = engine or load_engine(settings.engine.value, settings)
    try:
        (found,) = engine.evaluate([atoms], stress=False)
        numbers = gap_of(found["levels"], request.formula)
    except CalculationFailedError as error:
        error.files.update(engine.files())
        raise
    finally:
        if own:
            engine.close()
    progress.finish(_SCF)
    details: ScfDetails = found.get("details") or ScfDetails()
    result = GapResult(
        **numbers,
        formula=request.formula,
        phase=request.phase,
        settings=settings,
        atoms=len(atoms),
        structure=structure,
        space_group=_space_group(atoms),
        magnetization_mub=details.magnetization_mub,
        remarks=remarks_on(settings, structure),
        force_calls=engine.force_calls,
        cpu_seconds=round(cpu_seconds() - cpu_started, 2),
        wall_seconds=round(time.perf_counter() - started, 2),
    )
    return GapRun(result, {**engine.versions, "potentials": engine.weights}, engine.files())


def gap_settings(request: GapRequest, structure: Host) -> DftSettings:
    """Return the complete settings of a request, with what it leaves open by the recipe."""
    cell = np.array(structure.cell_ang)
    recommended = max(entry.cutoff_wfc_ry for entry in sssp.entries(structure.symbols))
    cutoff_ry = request.cutoff_wfc_ry or min(recommended, CUTOFF_RY)
    even = tuple(n + n % 2 for n in grid_of_spacing(cell, SPACING_PER_ANG))
    open_settings = DftSettings(
        cutoff_wfc_ry=cutoff_ry,
        cutoff_rho_ry=DENSITY_FACTOR * cutoff_ry,
        kpoint_grid=request.kpoint_grid or (even[0], even[1], even[2]),
        magnetization_mub=request.magnetization_mub,
        scf_threshold_ry=1e-7,
        mixing_beta=0.7,
    )
    return complete_settings(open_settings, structure)


def gap_of(levels: Levels, formula: str) -> dict[str, Any]:
    """Return gap, direct gap and edges of occupied and empty levels, as ``GapResult`` has them.

    Raises:
        CalculationFailedError: an empty level lies below an occupied one (``NO_GAP``).
    """
    spins = ("both",) if len(levels.occupied) == 1 else ("up", "down")
    highest, lowest = levels.highest_ev, levels.lowest_ev  # (spins, k-points)
    edges = []
    for level, at in ((highest, int(highest.argmax())), (lowest, int(lowest.argmin()))):
        spin, k = np.unravel_index(at, level.shape)
        a, b, c = (round(float(part), 6) + 0.0 for part in levels.kpoints[k])
        edges.append(
            BandEdge(level_ev=round(float(level[spin, k]), 6), kpoint=(a, b, c), spin=spins[spin])
        )
    valence, conduction = edges
    gap_ev = conduction.level_ev - valence.level_ev
    if gap_ev <= 0:
        raise CalculationFailedError(
            FailureKind.NO_GAP,
            f"PBE finds no gap in {formula}: its bands overlap by {-gap_ev:.2f} eV. It need "
            "not be a metal: with an open shell, give magnetization_mub; and PBE can close a gap "
            "of some tenths of an eV",
        )
    return {
        "gap_ev": round(gap_ev, 6),
        "direct_gap_ev": round(float((lowest.min(axis=0) - highest.max(axis=0)).min()), 6),
        "valence_maximum": valence,
        "conduction_minimum": conduction,
        "electrons": round(levels.electrons),
        "kpoints": len(levels.kpoints),
    }


def _primitive(atoms: Atoms) -> Atoms:
    """Return the symmetrised primitive cell; the structure itself if spglib finds none."""
    try:
        return standard_cell(atoms, _SYMPREC_ANG, primitive=True)
    except CalculationFailedError:
        return atoms


def _space_group(atoms: Atoms) -> str | None:
    try:
        return space_group(atoms, _SYMPREC_ANG).symbol
    except CalculationFailedError:
        return None


def _require_computable(request: GapRequest, atoms: Atoms) -> None:
    if len(atoms) > MOST_ATOMS:
        raise CalculationFailedError(
            FailureKind.TOO_LARGE,
            f"{request.formula} has {len(atoms)} atoms in this cell, and gaps are computed with "
            f"up to {MOST_ATOMS}; take a smaller cell",
        )
    if sum(atoms.numbers) % 2 and request.magnetization_mub is None:
        raise CalculationFailedError(
            FailureKind.OPEN_SHELL,
            f"{request.formula} has an odd number of electrons in this cell: without spin it would "
            "be a metal by accident; give magnetization_mub, the moment of the cell in μB",
        )
