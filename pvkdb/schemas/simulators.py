"""Parameters of a device for simulators of analog computing, and what is missing for them."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from pvkdb.schemas import StrictModel


class Simulator(StrEnum):
    """Simulators for which pvkdb can export device parameters."""

    AIHWKIT = "aihwkit"
    CROSSSIM = "crosssim"
    NEUROSIM = "neurosim"


class Parameter(StrictModel):
    """A simulator parameter that the reported figures of a device determine."""

    name: str = Field(description="As the simulator names it, e.g. `xbar.device.Rmin`.")
    value: float | int | bool | str
    unit: str
    source: str = Field(description="The figures that it was made from.")


class MissingParameter(StrictModel):
    """A simulator parameter that no reported figure determines; no default is invented for it."""

    name: str
    unit: str
    needs: str = Field(description="What would have to be measured, or why a figure does not do.")


class SimulatorExport(StrictModel):
    """The parameters of a device for one simulator, and those that are missing."""

    simulator: Simulator
    version: str = Field(description="Version of the simulator whose names these are.")
    device: str
    structure: str
    references: str
    parameters: list[Parameter]
    missing: list[MissingParameter]
    relations: list[str] = Field(description="What is known of missing parameters together.")
    claims: list[str] = Field(
        description="Figures in the text of the device's publications that could be used by name."
    )
