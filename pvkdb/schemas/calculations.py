"""Calculations: what is asked for, what came out, and how it can fail.

A calculation is the queue entry and the record in one. Its ``key`` is a hash of everything that
decides its numbers, so the same work is never done twice, whoever asks for it.
"""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

#: Raised whenever a change of the code changes the numbers of a barrier for the same settings.
BARRIER_RECIPE = 1


class CalculationState(StrEnum):
    """Where a calculation stands."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class FailureKind(StrEnum):
    """Why a calculation gave no number. A failure is a result: it is stored and counted."""

    UNSUPPORTED_COMPOSITION = "unsupported composition"
    UNSUPPORTED_ELEMENT = "unsupported element"
    RELAXATION_NOT_CONVERGED = "relaxation not converged"
    SYMMETRY_CHANGED = "symmetry changed"
    ATOMS_TOO_CLOSE = "atoms too close"
    NO_HOP = "no hop"
    ENDPOINT_NOT_CONVERGED = "end point not converged"
    ENDPOINTS_IDENTICAL = "end points identical"
    ENDPOINTS_DIFFER = "equivalent end points differ"
    IMAGE_BELOW_ENDPOINT = "image below end point"
    NEB_NOT_CONVERGED = "NEB not converged"
    BARRIER_OUT_OF_BOUNDS = "barrier out of bounds"
    CRASHED = "crashed"


class PotentialName(StrEnum):
    """Machine-learned potentials whose weights travel inside their wheels."""

    CHGNET = "chgnet"
    SEVENNET_0 = "sevennet-0"


class NebSettings(BaseModel):
    """Numerical settings of a vacancy-hop barrier. Every field enters the content key.

    Forces in eV/Å, lengths in Å, angles in degrees.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    images: int = Field(default=5, ge=3, le=15, description="Images between the end points.")
    fmax_cell_ev_per_ang: float = Field(default=0.01, ge=1e-4, le=0.1)
    fmax_endpoint_ev_per_ang: float = Field(default=0.01, ge=1e-4, le=0.1)
    fmax_neb_ev_per_ang: float = Field(default=0.02, ge=1e-4, le=0.1)
    max_steps_cell: int = Field(default=500, ge=1, le=5000)
    max_steps_endpoint: int = Field(default=400, ge=1, le=5000)
    max_steps_neb: int = Field(default=600, ge=1, le=5000)
    tilt_deg: float = Field(default=10.0, ge=0, le=25, description="Starting octahedral tilt.")
    rattle_ang: float = Field(default=0.05, ge=0, le=0.2, description="Starting random shift.")
    seed: int = Field(default=2145, ge=0, lt=2**32, description="Seed of the random shift.")


class NebRequest(BaseModel):
    """A halide-vacancy hop to compute: `pvkdb neb`, or a calculation posted to the service."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["neb"] = "neb"
    formula: str = Field(description="ABX3 composition, e.g. CsPbBr3.", max_length=200)
    phase: Literal["Pnma"] = Field(default="Pnma", description="Prototype of the host.")
    potential: PotentialName = PotentialName.SEVENNET_0
    settings: NebSettings = NebSettings()

    def key(self) -> str:
        """Content key: SHA-256 over the canonical request and the recipe's revision."""
        content = {"recipe": BARRIER_RECIPE, **self.model_dump(mode="json")}
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


class Hop(BaseModel):
    """The hop of a vacancy: the halide at ``to_site`` moves into the vacancy at ``from_site``."""

    from_site: int = Field(description="Index in the host supercell of the vacant halide site.")
    to_site: int = Field(description="Index in the host supercell of the halide that jumps.")
    lattice_vector: tuple[int, int, int] = Field(
        description="Periodic image of to_site, in supercell vectors."
    )
    length_ang: float
    hop_class: str = Field(description="In words, e.g. 'octahedron edge'.")
    multiplicity: int = Field(description="Symmetry-equivalent hops in the supercell.")


class NebResult(BaseModel):
    """A converged barrier. Energies in eV relative to the initial end point, forces in eV/Å."""

    formula: str
    phase: str
    space_group: str = Field(description="Space group of the relaxed host (spglib, 0.05 Å).")
    species: str
    defect: str
    charge: int | None = Field(
        description="Charge of the vacancy; None where the potential cannot set one (neutral cell)."
    )
    hop: Hop
    distinct_hops: int = Field(description="Symmetry-distinct octahedron-edge hops of the host.")
    reaction_coordinate_ang: list[float] = Field(description="Path length of each image, from 0.")
    image_energies_ev: list[float]
    image_tangent_forces_ev_per_ang: list[float] = Field(
        description="True force along the path at each image, for the interpolated profile."
    )
    barrier_forward_ev: float
    barrier_reverse_ev: float
    residual_force_ev_per_ang: float = Field(description="Largest NEB force on any image.")
    lattice_parameters: tuple[float, float, float, float, float, float] = Field(
        description="Relaxed host cell: a, b, c in Å, alpha, beta, gamma in degrees."
    )
    atoms_in_cell: int
    force_calls: int = Field(description="Energy-and-force evaluations of one structure each.")
    wall_seconds: float
    neb_method: str = Field(description="e.g. 'improvedtangent, climbing image'.")
    optimizer: str


class CalculationDocument(BaseModel):
    """A calculation as the service returns it."""

    id: str
    key: str
    kind: str
    state: CalculationState
    material: str | None
    parameters: dict[str, Any]
    result: dict[str, Any] | None
    failure_kind: FailureKind | None
    failure_message: str | None
    versions: dict[str, str] | None
    attempts: int
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None

    @property
    def subject(self) -> str:
        """What is computed: the material, or a compound in a phase or an element that is none."""
        parts = (self.parameters.get(name) for name in ("formula", "symbol", "phase"))
        return self.material or " ".join(str(part) for part in parts if part)
