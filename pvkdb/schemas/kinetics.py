"""Estimates from a migration barrier: rates, times, and all assumptions."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from pvkdb.operations.fields import InCommand, RangeText, Text
from pvkdb.schemas import RequestModel, StrictModel
from pvkdb.schemas.responses import Assumption, ReferenceKeys


class LayerRequest(RequestModel):
    """The layer that predictions are for; what is omitted has a default with a source."""

    thickness_nm: RangeText | None = Field(
        None, description="Layer thickness in nm, e.g. 300 or 90:300.", examples=["90:300"]
    )
    bias_v: RangeText | None = Field(
        None, description="Bias across the layer in V, e.g. 1 or 0.5:2.", examples=["0.5:2"]
    )
    temperature_k: RangeText | None = Field(
        None, description="Temperature in K, e.g. 280:350.", examples=["280:350"]
    )
    write_time_s: RangeText | None = Field(
        None, description="Pulse of the SET voltage in s, e.g. 1e-4:2e-3.", examples=["1e-4:2e-3"]
    )


class KineticsRequest(LayerRequest):
    """A material, a device or an activation energy, and the layer."""

    formula: Annotated[Text | None, InCommand("formula")] = Field(
        None, description="Material of the store, e.g. CsPbBr3.", examples=["CsPbBr3"]
    )
    device: Annotated[Text | None, InCommand(value="ID")] = Field(
        None, description="Device; default of the bias: its SET voltage.", examples=["d-t4-r14"]
    )
    e_a_ev: Annotated[RangeText | None, InCommand("--e-a")] = Field(
        None, description="Activation energy in eV, e.g. 0.3:0.5.", examples=["0.3:0.5"]
    )
    dfe_ev: Annotated[RangeText | None, InCommand("--dfe")] = Field(
        None, description="Formation energy of the vacancy in eV, with e_a_ev.", examples=["1.3"]
    )


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
