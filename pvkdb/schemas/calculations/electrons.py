"""Electrons: band gaps, and vacancies that keep the charge together."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from pvkdb.chemistry.defects import Defect
from pvkdb.schemas import RequestModel
from pvkdb.schemas.calculations import AnyPotential, bounds
from pvkdb.schemas.calculations.dft import DftResult
from pvkdb.schemas.calculations.relaxations import (
    MOST_ATOMS,
    CalculationRequest,
    DefectSettings,
    Host,
    VacancyQuestion,
)

__all__ = [
    "BandEdge",
    "GapQuestion",
    "GapRequest",
    "GapResult",
    "PairQuestion",
    "PairRequest",
    "PairResult",
]

#: Raised whenever a change of the code changes the gap of the same request.
GAP_RECIPE = 1
#: The same for the energies of a pair.
PAIR_RECIPE = 1
#: A gap, eV; wider than that of any solid is not of this physics.
Gap = Annotated[float, Field(gt=0, le=25)]


class _GapSettings(RequestModel):
    """What decides a gap besides the structure; what is left open follows from the recipe."""

    cutoff_wfc_ry: float | None = Field(
        default=None,
        ge=10,
        le=200,
        examples=[40.0],
        description="Cutoff of the wave functions; default: SSSP's, at most 30 Ry. That of the "
        "density is 6 times as high.",
    )
    kpoint_grid: tuple[int, int, int] | None = Field(
        default=None,
        description="Γ-centred grid; default: the smallest of even numbers whose "
        "points are at most 0.4 1/Å apart. Edges of bands lie at Γ or on the edge of the zone, "
        "which odd numbers leave out.",
        examples=[(4, 4, 4)],
    )
    magnetization_mub: float | None = Field(
        default=None,
        ge=0,
        le=100,
        description="Total moment of the cell; default: no spin.",
        examples=[5.0],
    )


class GapQuestion(_GapSettings):
    """Question for the band gap of a relaxed compound."""

    relaxation: str = Field(
        description="Calculation of the relaxation whose structure is taken.",
        examples=["c1"],
        max_length=64,
    )


class GapRequest(CalculationRequest, _GapSettings):
    """Request for the band gap of a structure by PBE (pw.x, pseudopotentials of SSSP 1.3.0)."""

    recipe: ClassVar[int] = GAP_RECIPE
    kind: Literal["gap"] = "gap"
    formula: str = Field(max_length=200)
    phase: str | None = Field(default=None, max_length=40)
    parent: str | None = Field(default=None, description="Calculation of the structure.")
    structure: Host


class BandEdge(RequestModel):
    """An edge of a band: level, and where it lies in the Brillouin zone."""

    level_ev: float = Field(description="Energy, on the scale of the calculation alone.")
    kpoint: tuple[float, float, float] = Field(
        description="In units of the reciprocal lattice vectors of the computed cell."
    )
    spin: Literal["both", "up", "down"] = "both"


class GapResult(DftResult):
    """Result of ``gap``: that of the grid of k-points, without spin–orbit coupling.

    A Kohn–Sham gap is not a measured one: PBE's are mostly too small.
    """

    formula: str
    phase: str | None
    structure: Host = Field(
        description="The primitive cell of the request's structure, symmetrised; with a grid of "
        "k-points given, the structure itself."
    )
    space_group: str | None = Field(
        description="Of that cell, within 0.1 Å; a relaxation can leave the symmetry of its phase."
    )
    gap_ev: Gap = Field(description="Between the edges of the bands, as computed.")
    direct_gap_ev: Gap = Field(description="Smallest at one k-point, as computed.")
    valence_maximum: BandEdge
    conduction_minimum: BandEdge
    electrons: int = Field(ge=1, description="Valence electrons of the cell.")
    kpoints: bounds.Count = Field(description="Distinct by symmetry.")
    magnetization_mub: float | None = None

    @model_validator(mode="after")
    def _edges_make_the_gap(self) -> GapResult:
        gap_ev = self.conduction_minimum.level_ev - self.valence_maximum.level_ev
        if abs(gap_ev - self.gap_ev) > 1e-4 or self.direct_gap_ev < self.gap_ev - 1e-4:
            raise ValueError(
                f"a gap of {self.gap_ev} eV, {self.direct_gap_ev} eV at one k-point, is not that "
                f"of edges {gap_ev:.4f} eV apart"
            )
        return self


class PairQuestion(VacancyQuestion):
    """A cation and the halides that balance it, missing together in a relaxed compound."""

    cation: str | None = Field(
        default=None,
        max_length=20,
        description="Cation that is missing; default: the first, on the A site.",
        examples=["Pb"],
    )


class PairReference(RequestModel):
    """A relaxed compound in its lowest phase."""

    formula: str
    phase: str
    energy_ev_per_formula: bounds.TotalEnergy
    calculation: str


class PairRequest(CalculationRequest):
    """Request for the vacancies of a cation and of the halides that balance its charge.

    No electron is added or missing, so that no Fermi level and no potential of a halogen decides.
    """

    recipe: ClassVar[int] = PAIR_RECIPE
    kind: Literal["pair"] = "pair"
    formula: str = Field(max_length=200)
    phase: str = Field(max_length=40)
    cation: str = Field(max_length=20)
    charge: int = Field(ge=1, le=8, description="Of the cation: so many halides are missing.")
    halide: str = Field(max_length=2)
    atoms_per_formula: bounds.AtomsPerFormula = Field(le=MOST_ATOMS)
    host: Host
    references: tuple[PairReference, ...] = Field(
        description="What the host may decompose into: the crystal that is given back among it."
    )
    potential: AnyPotential
    settings: DefectSettings = DefectSettings()

    @property
    def missing(self) -> Defect:
        """The defect, e.g. ``V_Pb+2V_Br``; its species is the formula of the crystal."""
        return Defect.salt(self.cation, self.halide, self.charge)


class PairEnergy(bounds.CalculationResult):
    """An arrangement of the vacancies."""

    distance_ang: bounds.Length = Field(
        description="Of the cation from the farthest of the halides, before relaxation."
    )
    cell_ev: bounds.TotalEnergy = Field(description="Energy of the relaxed supercell.")
    rich_ev: bounds.EnergyDifference = Field(description="With the crystal given back.")
    poor_ev: bounds.EnergyDifference | None = Field(
        description="Beside the other phases that the host decomposes into; None where the host is "
        "not stable against them and the crystal, or they have no energies."
    )
    steps: bounds.Count


class PairResult(bounds.PotentialResult):
    """Formation energies of a missing salt such as CsBr, eV, between the ends of its potential.

    Phases between the ends, such as Cs4PbBr6, would narrow the range. Potentials have no charges:
    no energy is corrected for the images of charged vacancies.
    """

    formula: str
    phase: str
    defect: str = Field(examples=["V_Cs+V_Br"])
    atoms_in_cell: bounds.Atoms = Field(description="Without vacancies.")
    distance_ang: bounds.Length = Field(description="Distance of a vacancy from its nearest image.")
    host_ev: bounds.TotalEnergy = Field(description="Lowest energy of the complete supercell.")
    host_drop_ev: bounds.EnergyDifference | None = Field(
        description="How far the supercell fell when it was shaken, and when the ions were put "
        "back into the lowest vacancies; None where the latter did not converge."
    )
    crystal: PairReference = Field(description="What is given back at the rich end.")
    others: list[PairReference] = Field(description="What the host is beside at the poor end.")
    arrangements: dict[Literal["neighbours", "far apart"], PairEnergy] = Field(
        min_length=1,
        description="Halides of the cation's coordination are missing; or, of a pair, one as far "
        "apart as the supercell allows.",
    )
    remarks: list[str] = Field(description="Why a number is missing.")

    @property
    def lowest(self) -> PairEnergy:
        """The arrangement of lowest energy."""
        return min(self.arrangements.values(), key=lambda each: each.cell_ev)

    @property
    def conditions(self) -> dict[str, str]:
        """What the energies of each arrangement hold for, in words."""
        salt = self.crystal.formula
        poor = " and ".join(f"{each.formula}, {each.phase}" for each in self.others)
        return {
            name: f"{name}, {pair.distance_ang:.2f} Å; "
            + (
                ""
                if pair.poor_ev is None
                else f"{salt}-poor (beside {poor}) {pair.poor_ev:.3f} eV, "
            )
            + f"{salt}-rich (beside {salt}, {self.crystal.phase}) {pair.rich_ev:.3f} eV; "
            f"{self.atoms_in_cell} atoms, {self.distance_ang:.1f} Å from images, no correction for "
            "charges"
            for name, pair in self.arrangements.items()
        }
