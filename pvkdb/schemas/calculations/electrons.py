"""Electrons: requests and results of band gaps."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from pvkdb.schemas import RequestModel
from pvkdb.schemas.calculations import bounds
from pvkdb.schemas.calculations.dft import DftResult
from pvkdb.schemas.calculations.relaxations import CalculationRequest, Host

__all__ = ["BandEdge", "GapQuestion", "GapRequest", "GapResult"]

#: Raised whenever a change of the code changes the gap of the same request.
GAP_RECIPE = 1
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
