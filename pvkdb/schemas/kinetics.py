"""Estimates from a migration barrier: rates, times, and all assumptions."""

from __future__ import annotations

from pydantic import Field

from pvkdb.schemas import StrictModel
from pvkdb.schemas.responses import Assumption, ReferenceKeys


class Quantity(StrictModel):
    """One estimate as an interval, with its equation."""

    name: str = Field(description="Name of the estimated quantity.")
    minimum: float | None = Field(
        description="Lower end of the known range, in the unit of the metric."
    )
    maximum: float | None = Field(description="None where the window is not shown.")
    unit: str = Field(description="Unit; `1` for a pure number.")
    equation: str = Field(description="The equation, with its source.")
    source: str = Field(description="Where the value comes from.")
    missing: str | None = Field(
        default=None, description="Why the window is not shown, and what is missing to predict."
    )


class KineticsDocument(StrictModel):
    """Estimates for one mobile ion."""

    ion: str = Field(description="The ion that moves.")
    quantities: list[Quantity] = Field(description="Rates, times and lengths, each an interval.")
    assumptions: list[Assumption] = Field(description="All assumptions.")
    notes: list[str] = Field(description="Notes for the reader.")

    def quantity(self, name: str) -> Quantity | None:
        """Return the estimate of a quantity by its name; None if it was not estimated."""
        return next((entry for entry in self.quantities if entry.name == name), None)

    def within_reason(self) -> KineticsDocument:
        """Return the document without the numbers of windows that are not shown."""
        empty = {"minimum": None, "maximum": None}
        shown = [each.model_copy(update=empty if each.missing else {}) for each in self.quantities]
        return self.model_copy(update={"quantities": shown})


class IonKinetics(StrictModel):
    """The kinetics of one ion that crosses one migration barrier."""

    material: str | None = Field(description="Public name; None where a barrier was given.")
    ion: str = Field(description="`halide`, a metal of an electrode, or the defect that moves.")
    basis: str = Field(
        description="Where the barrier comes from: `literature`, `potentials` (machine-learned), "
        "`electrode` (a metal that an electrode may bring; literature), `given`, or the method of "
        "a statement."
    )
    barrier_min_ev: float | None = Field(description="Lower end of the barrier, in eV.")
    barrier_max_ev: float | None = Field(description="None where it is only bounded from below.")
    source: str = Field(description="Where the value comes from.")
    references: ReferenceKeys = ""
    document: KineticsDocument = Field(description="Quantities that follow from the barrier.")


class KineticsAnswer(StrictModel):
    """Estimates for the ions of a material or device."""

    asked: str = Field(description="The request in words.")
    ions: list[IonKinetics] = Field(description="One entry for each ion and barrier.")
    missing: list[str] = Field(description="What the store does not hold, in sentences.")
    notes: list[str] = Field(description="Notes for the reader.")
