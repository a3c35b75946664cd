"""Answers of the kinetics: every ion that may move in a material or a device, and its times."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from pvkdb.schemas.kinetics import KineticsDocument


class IonKinetics(BaseModel):
    """One ion over one barrier."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    material: str | None = Field(description="Public name; None where a barrier was given.")
    ion: str = Field(description="`halide`, a metal of an electrode, or the defect that moves.")
    basis: str = Field(
        description="Where the barrier comes from: `literature`, `potentials` (machine-learned), "
        "`electrode` (a metal that an electrode may bring; literature), `given`, or the method of "
        "a statement."
    )
    barrier_min_ev: float | None
    barrier_max_ev: float | None = Field(description="None where it is only bounded from below.")
    source: str
    references: str = ""
    document: KineticsDocument


class KineticsAnswer(BaseModel):
    """What was asked for, ion by ion."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    asked: str
    ions: list[IonKinetics]
    missing: list[str] = Field(description="What the store does not hold, in sentences.")
    notes: list[str]
