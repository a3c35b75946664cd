"""The pristine host of a defect: relaxed, symmetrised, expanded, and tested to be a minimum."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from ase.build import make_supercell

from pvkdb.errors import CalculationFailedError
from pvkdb.schemas.calculations import FailureKind
from pvkdb.schemas.calculations.migration import NebSettings
from pvkdb.schemas.calculations.relaxations import HOST_DROP_EV
from pvkdb_pipelines.geometry.supercells import (
    Matrix,
    given_supercell,
    shortest_vector_ang,
    symmetric_supercell,
)
from pvkdb_pipelines.geometry.symmetry import space_group, standard_cell
from pvkdb_pipelines.migration.host.hessian import Hessian
from pvkdb_pipelines.migration.sites.operations import SYMPREC_ANG
from pvkdb_pipelines.potentials.potential import Potential
from pvkdb_pipelines.progress import OnStep
from pvkdb_pipelines.relaxations.relaxation import relax

#: Tolerance for the space group of a freshly relaxed host, Å. Residual forces of
#: 0.01 eV/Å leave rattled atoms up to 0.1 Å off (12 relaxations of CsPbX3); tilts move halides by
#: 0.5 Å.
SYMPREC_RELAXED_ANG = 0.1
#: Tolerances in the order in which they are tried, if a coarser one costs energy.
_SYMPRECS_ANG = (SYMPREC_RELAXED_ANG, 0.03)
#: The same for the structure that a host relaxed to: it has only approximate symmetry.
_LOOSE_SYMPRECS_ANG = (0.6, 0.5, 0.4, 0.3, 0.2, *_SYMPRECS_ANG, SYMPREC_ANG)
#: Largest energy cost of symmetrising, eV per formula unit: with a larger cost, the relaxed atoms
#: have broken their symmetry.
SYMMETRISING_COST_EV = 0.002
#: Displacement of the most moving atom along each soft mode, Å, and number of modes.
_PUSH_ANG = 0.25
_MOST_MODES = 6
#: Default limit of the number of atoms.
MOST_ATOMS = 400


class HostFellError(CalculationFailedError):
    """The host is unstable: it relaxed to ``lower``, by ``drop_ev`` per formula unit."""

    def __init__(self, message: str, lower: Atoms, drop_ev: float) -> None:
        super().__init__(FailureKind.UNSTABLE_HOST, message)
        self.lower = lower
        self.drop_ev = drop_ev


@dataclass(frozen=True)
class Start:
    """The starting structure of a crystal's relaxation.

    Attributes:
        atoms: The structure, with all its symmetry.
        number: Space group that it should keep; None for any.
        flaw: Returns the flaw of a structure that it relaxed to, or None.
        fallen: Whether an unstable host relaxed to it: its symmetry is only approximate.
    """

    atoms: Atoms
    number: int | None = None
    flaw: Callable[[Atoms], str | None] = lambda atoms: None
    fallen: bool = False


@dataclass(frozen=True)
class Crystal:
    """A relaxed host: its supercell, conventional cell and space group.

    Attributes:
        cell: Symmetrised supercell with its energy (eV) and forces (eV/Å).
        conventional: Its conventional cell, in the same orientation.
        matrix: Vectors of the supercell in units of the primitive cell's vectors.
        space_group: Short Hermann-Mauguin symbol.
        distance_ang: Distance of a defect from its nearest image, Å.
        units: Formula units in the supercell.
        left_for: Description of the structure that it relaxed to if the requested one is not a
            minimum: space group and energy gain.
    """

    cell: Atoms
    conventional: Atoms
    matrix: Matrix
    space_group: str
    distance_ang: float
    units: float
    left_for: str | None = None

    @property
    def axes(self) -> dict[str, np.ndarray]:
        """The conventional axes a, b and c in vectors of the supercell."""
        vectors = self.conventional.cell.array @ np.linalg.inv(self.cell.cell.array)
        return dict(zip("abc", vectors, strict=True))


def relaxed_crystal(
    start: Start,
    potential: Potential,
    settings: NebSettings,
    *,
    name: str,
    atoms_per_formula: float,
    on_step: OnStep | None = None,
) -> Crystal:
    """Relax a crystal with its cell and expand it to a supercell that keeps its symmetry.

    The start is rattled, so that it can break its symmetry if the potential prefers another
    structure. If that one is lower by more than the limit for hosts, barriers are computed in it
    and ``left_for`` describes it. If it is about as low, the symmetric structure is kept.

    Raises:
        CalculationFailedError: Relaxation not converged, atoms too close, another kind of structure
            (``SYMMETRY_CHANGED``), or too many atoms (``TOO_LARGE``).
    """

    def relaxed(atoms: Atoms, what: str) -> Atoms:
        limits = (settings.fmax_cell_ev_per_ang, settings.max_steps_cell)
        return relax(atoms, potential, *limits, cell=True, what=what, on_step=on_step)[0]

    def per_formula_ev(atoms: Atoms) -> float:
        return float(atoms.get_potential_energy()) / len(atoms) * atoms_per_formula

    _require_size(start.atoms, len(start.atoms), settings, "the structure")
    rattled = start.atoms.copy()
    rattled.rattle(stdev=settings.rattle_ang, seed=settings.seed)
    free = relaxed(rattled, f"{name} cell")
    found = space_group(free, SYMPREC_RELAXED_ANG)
    left = None

    def symmetrised(symprecs: Sequence[float]) -> Atoms:
        """Return the cell with the highest symmetry at a negligible cost in energy."""
        tried = set()
        cost = np.inf
        for symprec in symprecs:
            loose = symprec > SYMPREC_RELAXED_ANG
            try:
                group = space_group(free, symprec).number
                if loose and group in tried:
                    continue
                tried.add(group)
                # Symmetrising leaves forces of up to 0.02 eV/Å; a second relaxation removes them.
                symmetric = relaxed(
                    standard_cell(free, symprec, primitive=True), f"symmetrised {name} cell"
                )
            except CalculationFailedError:
                if loose:
                    continue  # this tolerance gives no symmetry, or atoms at wrong positions
                raise
            cost = per_formula_ev(symmetric) - per_formula_ev(free)
            if cost <= SYMMETRISING_COST_EV:
                return symmetric
        raise _symmetry_changed(
            name, potential, f"to a structure {1000 * cost:.0f} meV a formula unit lower"
        )

    if start.number in (None, found.number):
        symmetric = symmetrised(_LOOSE_SYMPRECS_ANG if start.fallen else _SYMPRECS_ANG)
    else:
        symmetric = relaxed(start.atoms, f"symmetric {name} cell")
        cost = per_formula_ev(symmetric) - per_formula_ev(free)
        if cost > HOST_DROP_EV:
            wrong = start.flaw(free)
            change = f"to {found.symbol} (no. {found.number})"
            if wrong is not None:
                raise _symmetry_changed(name, potential, f"{change}: {wrong}")
            symmetric = symmetrised(_LOOSE_SYMPRECS_ANG)
            left = f"{1000 * cost:.0f} meV a formula unit lower"
    primitive = standard_cell(symmetric, 3 * SYMPREC_ANG, primitive=True)
    group = space_group(primitive, SYMPREC_ANG)
    if left is not None:
        left = f"{group.symbol}, {left}"
    conventional = of_lattice(standard_cell(primitive, SYMPREC_ANG), primitive)
    cell, matrix = _expanded(primitive, conventional, group.rotations, settings)
    return Crystal(
        cell=potential.evaluated(cell),
        conventional=conventional,
        matrix=matrix,
        space_group=group.symbol,
        distance_ang=shortest_vector_ang(cell.cell.array),
        units=len(cell) / atoms_per_formula,
        left_for=left,
    )


def require_minimum(
    crystal: Crystal,
    hessian: Hessian,
    potential: Potential,
    settings: NebSettings,
    on_step: OnStep | None = None,
) -> float:
    """Displace the supercell randomly and along its soft modes, relax it, and return its drop.

    That is the energy by which it relaxed below the crystal, eV per formula unit; at least 0.

    Raises:
        HostFellError: the energy is above the limit for hosts.
        CalculationFailedError: the relaxation failed (``UNSTABLE_HOST``).
    """
    cell = crystal.cell
    rattled = cell.copy()
    rattled.rattle(stdev=settings.rattle_ang, seed=settings.seed)
    signs = np.random.default_rng(settings.seed)
    for mode in hessian.soft_modes()[:_MOST_MODES]:
        rattled.positions += _PUSH_ANG * signs.choice((-1, 1)) * mode
    stiffness = hessian.of_atoms(np.arange(len(cell)))
    what, failure = "rattled supercell", FailureKind.UNSTABLE_HOST
    relaxed, _ = relax_ions(rattled, stiffness, potential, settings, what, on_step, failure)
    return checked_drop(crystal, relaxed, potential, "a rattled supercell")


def relax_ions(
    start: Atoms,
    stiffness: np.ndarray,
    potential: Potential,
    settings: NebSettings,
    what: str,
    on_step: OnStep | None = None,
    failure: FailureKind = FailureKind.ENDPOINT_NOT_CONVERGED,
) -> tuple[Atoms, int]:
    """Relax atoms in a fixed cell to the force limit of end points; see :func:`relax`."""
    return relax(
        start,
        potential,
        settings.fmax_endpoint_ev_per_ang,
        settings.max_steps_endpoint,
        cell=False,
        what=what,
        failure=failure,
        on_step=on_step,
        hessian=stiffness,
    )


def checked_drop(crystal: Crystal, relaxed: Atoms, potential: Potential, what: str) -> float:
    """Return the energy of a relaxed supercell below the crystal, eV per formula unit; at least 0.

    Raises:
        HostFellError: the energy is above the limit for hosts.
    """
    cell = crystal.cell
    drop = float(cell.get_potential_energy() - relaxed.get_potential_energy()) / crystal.units
    if drop > HOST_DROP_EV:
        raise HostFellError(
            f"{what} of {cell.get_chemical_formula()} relaxed {1000 * drop:.0f} meV a formula "
            f"unit below the crystal (at most {1000 * HOST_DROP_EV:.0f} are accepted): it is not "
            f"a minimum of {potential.name}, and barriers in it would be wrong; use another phase "
            "or potential",
            relaxed,
            drop,
        )
    return max(0.0, drop)


def of_lattice(conventional: Atoms, primitive: Atoms) -> Atoms:
    """Return a conventional cell whose vectors are lattice vectors of the primitive one exactly.

    The standard cell of a host that is symmetric to some 1e-4 only is off by as much. Then lengths
    in it were not those of the supercell, and no path led exactly along its axes.
    """
    vectors = np.rint(conventional.cell.array @ np.linalg.inv(primitive.cell.array))
    exact = conventional.copy()
    exact.set_cell(vectors @ primitive.cell.array, scale_atoms=True)
    return exact


def _expanded(
    primitive: Atoms, conventional: Atoms, rotations: np.ndarray, settings: NebSettings
) -> tuple[Atoms, Matrix]:
    cell = primitive.cell.array
    if settings.supercell is None:
        matrix = symmetric_supercell(cell, rotations, settings.distance_ang)
    else:
        multiples = np.array([int(each) for each in settings.supercell.split("x")])
        vectors = multiples[:, None] * (conventional.cell.array @ np.linalg.inv(cell))
        matrix = given_supercell(np.rint(vectors), cell, rotations, settings.distance_ang)
    atoms = len(primitive) * round(abs(np.linalg.det(matrix)))
    what = f"the supercell that keeps a defect {settings.distance_ang:g} Å from its images"
    _require_size(primitive, atoms, settings, what)
    return make_supercell(primitive, matrix), matrix


def _require_size(atoms: Atoms, count: int, settings: NebSettings, what: str) -> None:
    if count > settings.max_atoms:
        raise CalculationFailedError(
            FailureKind.TOO_LARGE,
            f"{atoms.get_chemical_formula()}: {what} has {count} atoms, more than "
            f"{settings.max_atoms}; use a smaller distance between images, a smaller cell, or a "
            "larger max_atoms",
        )


def _symmetry_changed(name: str, potential: Potential, change: str) -> CalculationFailedError:
    return CalculationFailedError(
        FailureKind.SYMMETRY_CHANGED,
        f"{name} relaxed {change} with {potential.name}: this phase is not a minimum of "
        "the potential; use another potential, phase or composition",
    )
