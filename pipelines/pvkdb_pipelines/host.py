"""The pristine host of a vacancy: a tilted perovskite, relaxed and symmetrised."""

from __future__ import annotations

from ase import Atoms
from ase.build import make_supercell
from ase.calculators.singlepoint import SinglePointCalculator

from pvkdb.errors import CalculationFailedError
from pvkdb.schemas.calculations import FailureKind, NebSettings
from pvkdb_pipelines.potentials import Potential
from pvkdb_pipelines.progress import OnStep
from pvkdb_pipelines.prototypes import tilted_perovskite
from pvkdb_pipelines.relaxation import relax
from pvkdb_pipelines.symmetry import space_group, standard_cell

#: Tolerance at which a freshly relaxed host counts as Pnma, Å. Residual forces of 0.01 eV/Å
#: leave rattled atoms up to 0.1 Å off (12 relaxations of CsPbX3); tilts move halides by 0.5 Å.
SYMPREC_RELAXED_ANG = 0.1
#: Tolerance at which the space group of a symmetrised host is reported, Å.
SYMPREC_ANG = 0.05
#: What symmetrising may cost: more means that the relaxed atoms had left Pnma, eV a formula unit.
SYMMETRISING_COST_EV = 0.002
#: From the standard Pnma cell (√2 × 2 × √2, in-phase tilt along b) to 2 × 2 × 2 octahedra.
PNMA_TO_PSEUDOCUBIC = ((1, 0, 1), (0, 1, 0), (-1, 0, 1))


def relaxed_pnma_host(
    a: str,
    b: str,
    x: str,
    start_lattice_ang: float,
    settings: NebSettings,
    potential: Potential,
    on_step: OnStep | None = None,
) -> Atoms:
    """Relax the 20-atom Pnma perovskite and expand it to 2 × 2 × 2 octahedra.

    The start is tilted and rattled, so that it can leave Pnma where the potential prefers
    another structure; it is then refused rather than held by symmetry.

    Args:
        a, b, x: Elements on the three sites.
        start_lattice_ang: B–B distance to start from, Å.
        settings: Tilt, rattle, seed, and the limits of the relaxation.
        potential: Source of energies, forces and stresses.
        on_step: Called with the step and the largest force.

    Returns:
        40 atoms, symmetrised to Pnma, with their energy (eV) and forces (eV/Å).

    Raises:
        CalculationFailedError: Relaxation not converged, atoms too close, or another space
            group (``SYMMETRY_CHANGED``).
    """
    start = tilted_perovskite(
        a,
        b,
        x,
        start_lattice_ang,
        settings.tilt_deg,
        settings.rattle_ang,
        settings.seed,
        primitive=True,
    )
    limits = (settings.fmax_cell_ev_per_ang, settings.max_steps_cell)
    free, _ = relax(start, potential, *limits, cell=True, what="host cell", on_step=on_step)
    found = space_group(free, SYMPREC_RELAXED_ANG)
    if found.symbol != "Pnma":
        raise _symmetry_changed(f"{a}{b}{x}3", potential, f"to {found.symbol} (no. {found.number})")
    # Symmetrising leaves forces of up to 0.02 eV/Å; a second relaxation removes them.
    symmetric, _ = relax(
        standard_cell(free, SYMPREC_RELAXED_ANG),
        potential,
        *limits,
        cell=True,
        what="symmetrised host cell",
        on_step=on_step,
    )
    units = symmetric.symbols.count(b)
    cost = (symmetric.get_potential_energy() - free.get_potential_energy()) / units
    if cost > SYMMETRISING_COST_EV:
        raise _symmetry_changed(
            f"{a}{b}{x}3", potential, f"to a structure {1000 * cost:.0f} meV a formula unit lower"
        )
    host = make_supercell(standard_cell(symmetric, SYMPREC_ANG), PNMA_TO_PSEUDOCUBIC)
    (properties,) = potential.evaluate([host], stress=False)
    host.calc = SinglePointCalculator(
        host, energy=properties["energy"], forces=properties["forces"]
    )
    return host


def _symmetry_changed(formula: str, potential: Potential, change: str) -> CalculationFailedError:
    return CalculationFailedError(
        FailureKind.SYMMETRY_CHANGED,
        f"{formula} relaxed from Pnma {change} with {potential.name}: the tilted phase is no "
        "minimum of this potential; use another potential, phase or composition",
    )
