"""Parameters of a device for simulators of analog computing, and what is missing for them."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from pvkdb.schemas import StrictModel


class Simulator(StrEnum):
    """A simulator whose parameters are known."""

    AIHWKIT = "aihwkit"
    CROSSSIM = "crosssim"
    NEUROSIM = "neurosim"


class Parameter(StrictModel):
    """A parameter that the reported figures determine."""

    name: str = Field(description="As the simulator names it, e.g. `xbar.device.Rmin`.")
    value: float | int | bool | str
    unit: str
    source: str = Field(description="The figures that it was made from.")


class MissingParameter(StrictModel):
    """A parameter that they do not determine; the simulator's own default would be an invention."""

    name: str
    unit: str
    needs: str = Field(description="What would have to be measured, or why a figure does not do.")


class SimulatorExport(StrictModel):
    """What a device's figures say to one simulator."""

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
