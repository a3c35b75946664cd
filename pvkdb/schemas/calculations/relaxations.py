"""Relaxations of compounds, elements and vacancies: requests and results."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import ConfigDict, Field, model_validator

from pvkdb.display.notebook import NotebookView
from pvkdb.schemas import RequestModel
from pvkdb.schemas.calculations import AnyPotential, PotentialName, bounds
from pvkdb.schemas.calculations.findings import FindingField

__all__ = [
    "EquationOfStateQuestion",
    "EquationOfStateRequest",
    "EquationOfStateResult",
    "RelaxQuestion",
    "RelaxRequest",
    "RelaxResult",
    "VacancyQuestion",
    "VacancyRequest",
    "VacancyResult",
]

#: Raised whenever a change of the code changes the numbers of a relaxation for the same settings,
#: the starting structures of the prototypes included.
RELAXATION_RECIPE = 2
#: The same for a vacancy in a given host.
VACANCY_RECIPE = 1
#: A host that falls further than this when the halide is put back was not a minimum, eV a formula
#: unit: free relaxation slid by 45 to 57 meV in hosts that collapse, by less than 1 in others.
HOST_DROP_EV = 0.005


class CalculationRequest(RequestModel):
    """Base of requests for calculations: the recipe's revision is a part of the content key."""

    recipe: ClassVar[int]
    if TYPE_CHECKING:
        kind: str  # which every request has, in the order of its own fields

    def key(self) -> str:
        """Content key: SHA-256 over the canonical request and the recipe's revision."""
        return content_key(self.recipe, self.model_dump(mode="json"))


def content_key(recipe: int, parameters: dict[str, Any]) -> str:
    """Return the content key of parameters, as JSON, computed with a revision of the recipe."""
    content = {"recipe": recipe, **parameters}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


#: A length in Å; booleans and texts are refused.
Coordinate = Annotated[float, Field(strict=True, ge=-1e5, le=1e5)]
#: Most atoms of a structure; a potential computes a few hundred in minutes.
MOST_ATOMS = 5_000


class Host(RequestModel, NotebookView):
    """A periodic structure in a request: cell rows and Cartesian positions in Å."""

    model_config = ConfigDict(allow_inf_nan=False)

    symbols: tuple[str, ...] = Field(
        min_length=1, max_length=MOST_ATOMS, description="Elements of the n atoms."
    )
    cell_ang: tuple[tuple[Coordinate, Coordinate, Coordinate], ...] = Field(
        min_length=3, max_length=3, description="Cell vectors: 3 × 3, rows a, b, c, in Å."
    )
    positions_ang: tuple[tuple[Coordinate, Coordinate, Coordinate], ...] = Field(
        description="Cartesian positions: n × 3, in Å."
    )

    @model_validator(mode="after")
    def _one_position_each(self) -> Host:
        if len(self.symbols) != len(self.positions_ang):
            raise ValueError(
                f"{len(self.symbols)} symbols and {len(self.positions_ang)} positions: give one "
                "position for each atom"
            )
        return self


class RelaxSettings(RequestModel):
    """Numerical settings of a relaxation. Every field enters the content key.

    The defaults gave no failure in 182 relaxations of twelve halides in seven prototypes.
    """

    fmax_ev_per_ang: float = Field(default=0.02, ge=1e-4, le=0.1)
    max_steps: int = Field(default=300, ge=1, le=5000)
    rattle_ang: float = Field(default=0.05, ge=0, le=0.2, description="Starting random shift.")
    seed: int = Field(
        default=2145,
        ge=0,
        lt=2**32,
        description="Seed of the random shift, and of the arrangement of a mixture.",
    )


class RelaxQuestion(RequestModel):
    """A compound to relax from a prototype, with the settings of screenings."""

    formula: str = Field(
        max_length=200, description="ABX3, A2BB'X6 or another formula.", examples=["CsPbBr3"]
    )
    phase: str | None = Field(
        default=None,
        max_length=40,
        description="Prototype; default: the likeliest one.",
        examples=["Pnma"],
    )
    potential: AnyPotential = Field(
        default=PotentialName.SEVENNET_L3I5,
        description="Potential that computes it: see `pvkdb potentials`.",
        examples=["chgnet"],
    )


class RelaxRequest(CalculationRequest):
    """Request for the relaxation of a compound from a prototype or ``start``, atoms and cell."""

    recipe: ClassVar[int] = RELAXATION_RECIPE
    kind: Literal["relax"] = "relax"
    formula: str = Field(description="In the order of the stoichiometry, e.g. Cs2AgBiBr6.")
    stoichiometry: str = Field(description="Stoichiometry of the prototypes, e.g. A2BB'X6.")
    ions: tuple[tuple[str, Annotated[int, Field(ge=-8, le=8)]], ...] = Field(
        description="Element and charge on each of its sites, in their order; the first ones of a "
        "mixture."
    )
    phase: str = Field(description="Phase among the prototypes of the stoichiometry.")
    potential: AnyPotential
    settings: RelaxSettings = RelaxSettings()
    start: Host | None = Field(  # left out of the content key where it is None
        default=None,
        exclude_if=lambda start: start is None,
        description="Structure to start from in place of a prototype.",
    )


class RelaxResult(bounds.PotentialResult):
    """A relaxed structure. Energies are in eV as the potential gives them, per formula unit."""

    formula: str
    stoichiometry: str
    phase: str
    energy_ev_per_formula: bounds.TotalEnergy
    atoms_per_formula: bounds.AtomsPerFormula
    formula_units: bounds.Atoms = Field(description="Formula units in the relaxed cell.")
    volume_ang3_per_formula: bounds.Positive
    space_group: str = Field(description="Space group of the relaxed structure (spglib, 0.1 Å).")
    lattice_parameters: bounds.Lattice
    findings: list[FindingField] = Field(
        description="What is wrong with the structure; empty if healthy."
    )
    steps: bounds.Count
    optimizer: str


class ElementRequest(CalculationRequest):
    """Request for the relaxation of a solid element, a reference of chemical potentials."""

    recipe: ClassVar[int] = RELAXATION_RECIPE
    kind: Literal["element"] = "element"
    symbol: str
    potential: AnyPotential
    settings: RelaxSettings = RelaxSettings()


class ElementResult(bounds.PotentialResult):
    """A relaxed element."""

    symbol: str
    energy_ev_per_atom: bounds.AtomEnergy
    atoms: bounds.Atoms
    volume_ang3_per_atom: bounds.AtomVolume
    space_group: str = Field(description="Space group of the relaxed structure (spglib, 0.1 Å).")
    structure_source: str
    steps: bounds.Count


class DefectSettings(RequestModel):
    """Numerical settings of relaxations in a supercell of fixed shape."""

    fmax_ev_per_ang: float = Field(default=0.02, ge=1e-4, le=0.1)
    max_steps: int = Field(default=400, ge=1, le=5000)
    rattle_ang: float = Field(default=0.02, ge=0, le=0.2, description="Starting random shift.")
    seed: int = Field(default=2145, ge=0, lt=2**32, description="Seed of the random shift.")


class VacancySettings(DefectSettings):
    """Numerical settings of vacancies in a supercell of fixed shape."""

    distance_ang: float = Field(
        default=10.0, ge=6, le=30, description="Least distance of a vacancy from its images."
    )


class VacancyQuestion(RequestModel):
    """Halide vacancies to compute in a relaxed compound, with the potential that relaxed it."""

    relaxation: str = Field(
        max_length=200, description="Id of a finished relaxation.", examples=["3f2a"]
    )
    halide: str | None = Field(
        default=None,
        max_length=2,
        description="Halide of a mixture whose vacancies are computed; default: its first.",
        examples=["Br"],
    )


class EquationOfStateQuestion(VacancyQuestion):
    """The equation of state of a relaxed compound, with the potential that relaxed it."""


class EquationOfStateRequest(CalculationRequest):
    """Request for energies of a relaxed host at several volumes, the cell of one shape."""

    recipe: ClassVar[int] = 1
    kind: Literal["equation-of-state"] = "equation-of-state"
    formula: str
    phase: str
    atoms_per_formula: bounds.AtomsPerFormula = Field(le=MOST_ATOMS)
    host: Host
    potential: AnyPotential
    strain: float = Field(default=0.06, ge=0.01, le=0.15, description="Largest ΔV / V, both ways.")
    points: int = Field(default=7, ge=5, le=31, description="Volumes.")


class EquationOfStateResult(bounds.PotentialResult):
    """Energies at several volumes, atoms relaxed, and the Birch–Murnaghan fit of third order."""

    formula: str
    phase: str
    volumes_ang3_per_formula: list[bounds.Positive]
    energies_ev_per_formula: list[bounds.TotalEnergy]
    volume_ang3_per_formula: bounds.Positive = Field(description="V₀, of the lowest energy.")
    energy_ev_per_formula: bounds.TotalEnergy
    bulk_modulus_gpa: bounds.Positive = Field(description="B₀; 443 in diamond, the stiffest.")
    pressure_derivative: float = Field(description="B₀′ = dB/dp at V₀.")
    rms_ev_per_formula: float = Field(ge=0, description="Error of the fit; large: no smooth curve.")


class VacancyRequest(CalculationRequest):
    """Request for neutral vacancies of a halide in a relaxed host."""

    recipe: ClassVar[int] = VACANCY_RECIPE
    kind: Literal["vacancy"] = "vacancy"
    formula: str
    phase: str
    halide: str
    atoms_per_formula: bounds.AtomsPerFormula = Field(le=MOST_ATOMS)
    host: Host
    sites: tuple[Annotated[int, Field(ge=0, lt=MOST_ATOMS)], ...] = Field(
        description="Halides of the host, one of each symmetry-distinct kind of its prototype."
    )
    potential: AnyPotential
    settings: VacancySettings = VacancySettings()


class VacancySite(bounds.CalculationResult):
    """The energy of one symmetry-distinct vacancy."""

    site: int = Field(description="Index of the halide in the host.")
    energy_ev: bounds.TotalEnergy = Field(description="Energy of the relaxed supercell without it.")
    steps: bounds.Count


class VacancyResult(bounds.PotentialResult):
    """Vacancies of a halide in one host; energies of supercells of one size, eV."""

    formula: str
    phase: str
    supercell: tuple[tuple[int, int, int], ...] = Field(description="In vectors of the host.")
    atoms_in_cell: bounds.Atoms = Field(description="Without vacancy.")
    distance_ang: bounds.Length = Field(description="Distance of a vacancy from its nearest image.")
    host_ev: bounds.TotalEnergy = Field(
        description="Lowest energy found for the complete supercell."
    )
    host_drop_ev_per_formula: bounds.EnergyDifference | None = Field(
        description="How far the host fell when the halide was put back, 0 where it did not; None "
        "where that relaxation failed."
    )
    sites: list[VacancySite] = Field(min_length=1, description="Converged vacancies, at least one.")
    failed_sites: list[str] = Field(description="Reasons why the others have no energy.")
    charge: int | None = Field(
        description="Charge of the vacancy; None where the potential cannot set one (neutral cell)."
    )

    @property
    def lowest(self) -> VacancySite:
        """The vacancy with the lowest energy."""
        return min(self.sites, key=lambda site: site.energy_ev)


class EstimateRequest(CalculationRequest):
    """Request for an estimate of E_A of a halide vacancy, relaxed with these settings."""

    recipe: ClassVar[int] = 1
    kind: Literal["estimate"] = "estimate"
    formula: str
    phase: str
    host: Host
    vacancy_ev: bounds.TotalEnergy = Field(description="Energy of the lowest relaxed vacancy, eV.")
    potential: AnyPotential
    settings: VacancySettings = VacancySettings()


class EstimateResult(bounds.PotentialResult):
    """An estimated activation energy, to choose which barriers are worth computing."""

    formula: str
    phase: str
    e_a_ev: bounds.EnergyDifference = Field(description="Above the relaxed vacancy, eV.")
    limited_by: str = Field(description="Kind of the hop that limits it.")
