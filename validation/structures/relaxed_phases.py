"""Relaxations of phases for the validation, in two ways.

- ``free``: as in a screening, from the prototype with a random shift of every coordinate, so that
  the relaxation can break its symmetry. For phases that are stable at low temperature.
- ``kept``: from the prototype itself, with its space group fixed (ASE's FixSymmetry). For phases
  that are stable only at high temperature: without thermal motion they are saddle points, and a
  free relaxation would tilt their octahedra. Also for comparing ideal prototypes.
"""

from __future__ import annotations

import warnings
from functools import cache
from typing import Literal, NamedTuple

import numpy as np
from ase import Atoms
from ase.constraints import FixSymmetry
from pydantic import Field

from pvkdb.chemistry import parse_composition
from pvkdb.errors import CalculationFailedError
from pvkdb.schemas.calculations import PotentialName
from pvkdb.schemas.calculations.findings import Finding, FindingField, Flaw
from pvkdb.schemas.calculations.relaxations import RelaxSettings
from pvkdb_pipelines.geometry.symmetry import space_group, standard_cell
from pvkdb_pipelines.potentials.loading import load_potential
from pvkdb_pipelines.prototypes import build, compound_of, prototype
from pvkdb_pipelines.prototypes.catalogue import PEROVSKITE_PHASES
from pvkdb_pipelines.relaxations.compound import compute_relaxation, relax_request
from pvkdb_pipelines.relaxations.relaxation import relax
from pvkdb_pipelines.structures import checks as health
from validation.pages import Numbers

Symmetry = Literal["free", "kept"]
SETTINGS = RelaxSettings()
#: Cs2PbI2Cl2 has its iodide on the apices of the octahedra and its chloride between them (Li et
#: al., J. Am. Chem. Soc. 140, 11085 (2018), doi:10.1021/jacs.8b06046). A prototype has one
#: halide: its start is this compound with exchanged apices.
APICAL = {"Cs2PbI2Cl2": ("Cs2PbCl4", "Pb", "I")}
#: A vector of the conventional cell is a whole number of those of the primitive one, to this.
_WHOLE = 1e-3


class Phase(NamedTuple):
    """A compound in a phase, with free or kept symmetry."""

    compound: str
    phase: str
    symmetry: Symmetry


class RelaxedPhase(Numbers):
    """A relaxed phase; numbers are None if the relaxation failed."""

    compound: str
    phase: str
    symmetry: Symmetry
    potential: PotentialName
    energy_ev_per_formula: float | None = None
    volume_ang3_per_formula: float | None = None
    axes_ang: tuple[float, float, float] | None = Field(
        default=None,
        description="Of the conventional cell of the prototype in its standard setting, Å; for R3m "
        "of the primitive cell.",
    )
    space_group: str | None = Field(
        default=None, description=f"Of the relaxed structure, within {health.SYMPREC_ANG} Å."
    )
    findings: tuple[FindingField, ...] = Field(
        default=(), description="Of the checks of a screening."
    )
    failure: str | None = None

    @property
    def key(self) -> Phase:
        """The phase that was relaxed."""
        return Phase(self.compound, self.phase, self.symmetry)

    @property
    def same_structure(self) -> bool:
        """Whether its octahedra are still linked as in the prototype."""
        flaws = {finding.flaw for finding in self.findings}
        return self.failure is None and flaws <= {Flaw.SYMMETRY_CHANGED}

    @property
    def left_symmetry(self) -> bool:
        """Whether its space group differs from that of the prototype."""
        stand_in = APICAL.get(self.compound, (self.compound,))[0]
        stoichiometry = compound_of(parse_composition(stand_in)).stoichiometry
        wanted = prototype(stoichiometry, self.phase).space_group
        return self.space_group not in (None, wanted)


def relax_phase(wanted: Phase, potential: PotentialName) -> RelaxedPhase:
    """Relax a phase; a failed relaxation is a result too.

    Energies are rounded to 0.1 meV and lengths to 0.001 Å, below the noise of a relaxation.
    """
    try:
        atoms, findings = _relaxed(wanted, potential)
    except CalculationFailedError as failure:
        return RelaxedPhase(**wanted._asdict(), potential=potential, failure=str(failure))
    units = atoms.symbols.formula.reduce()[1]
    a, b, c = (float(round(length, 3)) for length in conventional_axes_ang(wanted, atoms))
    return RelaxedPhase(
        **wanted._asdict(),
        potential=potential,
        energy_ev_per_formula=round(float(atoms.get_potential_energy()) / units, 4),
        volume_ang3_per_formula=round(float(atoms.get_volume()) / units, 2),
        axes_ang=(a, b, c),
        space_group=space_group(atoms, health.SYMPREC_ANG).symbol,
        findings=findings,
    )


@cache
def versions(potential: PotentialName) -> dict[str, str]:
    """Return the weights of a potential and the versions of its packages."""
    loaded = load_potential(potential)
    return {"weights": loaded.weights, **loaded.versions}


def start_of(wanted: Phase) -> Atoms:
    """Return the initial primitive cell of a phase, without a random shift."""
    if wanted.compound not in APICAL:
        return build(compound_of(parse_composition(wanted.compound)), wanted.phase)
    stand_in, centre, apical = APICAL[wanted.compound]
    atoms = build(compound_of(parse_composition(stand_in)), wanted.phase)
    halides = np.flatnonzero(atoms.symbols == "Cl")
    b_ion = int(np.flatnonzero(atoms.symbols == centre)[0])
    along_c = atoms.get_distances(b_ion, halides, mic=True, vector=True)[:, 2]
    atoms.symbols[halides[np.abs(along_c) > 1.0]] = apical
    return atoms


def conventional_axes_ang(wanted: Phase, relaxed: Atoms) -> np.ndarray:
    """Return the lengths of the conventional cell of a relaxed primitive cell, Å.

    The vectors are the same sums of primitive vectors as in the prototype, so that the symmetry of
    the relaxed structure is not needed and axes are not exchanged.

    Args:
        wanted: The phase.
        relaxed: Relaxed from :func:`start_of`.

    Returns:
        Lengths of a, b, c in the standard setting, shape (3,); for R3m, which starts as the cubic
        cell with B moved, those of the primitive vectors.
    """
    start = start_of(wanted)
    sums = standard_cell(start, 1e-3).cell.array @ np.linalg.inv(start.cell.array)
    if not np.allclose(sums, np.round(sums), atol=_WHOLE):
        return np.asarray(relaxed.cell.lengths())
    return np.asarray(np.linalg.norm(np.round(sums) @ relaxed.cell.array, axis=1))


def _relaxed(wanted: Phase, name: PotentialName) -> tuple[Atoms, tuple[Finding, ...]]:
    """Return the relaxed atoms with their energy, and the findings of the checks."""
    potential = load_potential(name)
    most = SETTINGS.fmax_ev_per_ang, SETTINGS.max_steps
    what = f"{wanted.compound} {wanted.phase}"
    if wanted.compound in APICAL:
        start = start_of(wanted)
        start.rattle(stdev=SETTINGS.rattle_ang, seed=SETTINGS.seed)
        return relax(start, potential, *most, cell=True, what=what)[0], ()
    compound = compound_of(parse_composition(wanted.compound))
    info = prototype(compound.stoichiometry, wanted.phase)
    if wanted.symmetry == "free":
        run = compute_relaxation(relax_request(compound, info, name, SETTINGS), potential=potential)
        return run.atoms, tuple(run.result.findings)
    start = start_of(wanted)
    with warnings.catch_warnings():
        # spglib, called by ASE, warns about its old error handling; pymatgen, called by CHGNet,
        # that it leaves the constraint out, which FIRE applies.
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.filterwarnings("ignore", message="Only FixAtoms")
        start.set_constraint(FixSymmetry(start))
        atoms, _ = relax(start, potential, *most, cell=True, what=f"{what}, symmetry kept")
    findings = health.check(
        atoms,
        compound,
        start,
        coordination=info.coordination,
        keeps_polyhedra=compound.stoichiometry in PEROVSKITE_PHASES,
        energy_ev=float(atoms.get_potential_energy()),
    )
    return atoms, findings
