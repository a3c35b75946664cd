"""Crossbar arrays: their largest size, and exact solutions of their circuit."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field, FiniteFloat

from pvkdb.operations.fields import InCommand, Served, Text
from pvkdb.schemas import RequestModel, StrictModel
from pvkdb.schemas.responses import Assumption

#: The margin that the review requires, section 5.1.1: "the margin must be more than 10%".
MARGIN = 0.1

#: Lines of the largest array that one request to a service may solve, in a fraction of a second.
LARGEST_SERVED = 128


class Cell(StrEnum):
    """Kind of cell at a crosspoint."""

    RESISTOR = "1R"
    SELECTOR = "1S1R"
    RECTIFIER = "self-rectifying"


class Read(StrEnum):
    """How the unselected lines are held while one cell is read."""

    FLOATING = "floating"
    HALF_BIAS = "half-bias"
    THIRD_BIAS = "third-bias"


class CrossbarRequest(RequestModel):
    """The known numbers of a device, and what is to be estimated.

    A device brings its on/off ratio. Without a selectivity only bare resistors are considered.
    """

    on_off_ratio: Annotated[float | None, InCommand("--on-off")] = Field(
        None, description="R_HRS over R_LRS; may be inf.", examples=[1000.0]
    )
    device: Annotated[Text | None, InCommand(value="ID")] = Field(
        None, description="Device of the store with the on/off ratio.", examples=["d-t4-r01"]
    )
    r_lrs_ohm: Annotated[FiniteFloat | None, InCommand("--r-lrs")] = Field(
        None, description="Resistance in the low-resistance state (LRS), in Ω.", examples=[1e4]
    )
    pull_up_ohm: Annotated[FiniteFloat | None, InCommand("--pull-up")] = Field(
        None, description="Pull-up resistor, in Ω; default: R_LRS.", examples=[5e3]
    )
    selectivity: FiniteFloat | None = Field(
        None, description="Selectivity of a selector or rectifier; default: none.", examples=[514.0]
    )
    line_resistance_ohm: Annotated[FiniteFloat | None, InCommand("--line-resistance")] = Field(
        None, ge=0, description="Line resistance from cell to cell, in Ω.", examples=[5.0]
    )
    size: Annotated[int | None, InCommand(value="N"), Served(LARGEST_SERVED)] = Field(
        None, ge=1, description="N of the N × N array that is solved exactly.", examples=[64]
    )
    margin: float = Field(
        MARGIN,
        gt=0,
        lt=1,
        description="Required read margin over the read voltage.",
        examples=[0.1],
    )
    thickness_nm: FiniteFloat | None = Field(
        None, description="Thickness of the layer in nm, for the cell spacing.", examples=[60.0]
    )


class ArrayLimit(StrictModel):
    """The largest N × N array of one kind of cell under one read scheme.

    0 says that not even a single cell keeps the margin.
    """

    cell: Cell = Field(description="Kind of cell at each crosspoint.")
    read: Read = Field(description="Potential of the unselected lines while one cell is read.")
    blocked: str = Field(
        description="Where the selectivity counts: `all terms` or `middle term` of equation (1), "
        "`half-selected` cells of a biased read, `-` for nowhere."
    )
    selectivity: float = Field(description="Factor on the blocked resistances; 1 blocks nothing.")
    size: int = Field(description="Largest N at the pull-up of the request; whole cells.")
    root: float = Field(description="The real N at which the margin is just kept; 0 for none.")
    size_best_pull_up: int = Field(description="Largest N at the pull-up that allows most.")
    root_best_pull_up: float = Field(
        description="Real N at the pull-up that allows the largest array; 0 for none."
    )
    best_pull_up_ratio: float | None = Field(
        description="That pull-up over R_LRS; None for an open bit line (infinite resistance)."
    )
    size_any_data: int = Field(
        description="Largest N where one threshold must serve for all data in the other cells: "
        "LRS read among HRS against HRS read among LRS, at the pull-up of the request."
    )


class ExactRead(StrictModel):
    """Reading one cell of an array, all others in LRS, from the whole circuit.

    Margins and voltages are fractions of the read voltage.
    """

    cell: Cell = Field(description="Kind of cell at each crosspoint.")
    read: Read = Field(description="Potential of the unselected lines while one cell is read.")
    size: int = Field(description="N of the N × N array.")
    margin_formula: float = Field(description="Equations (1) and (2), without line resistance.")
    margin_near: float = Field(description="The cell next to both drivers.")
    margin_far: float = Field(description="The cell farthest from both drivers, the worst one.")
    cell_voltage_near: float = Field(description="Voltage across that cell in LRS.")
    cell_voltage_far: float = Field(description="Voltage across that cell in LRS.")


class CrossbarDocument(StrictModel):
    """Array sizes, the exact solution if requested, and all assumptions."""

    device: str | None = Field(description="Device of the store whose on/off ratio this is.")
    on_off_ratio: float | None = Field(description="R_HRS over R_LRS; None for infinite.")
    on_off_is_lower_bound: bool = Field(
        description="Whether the ratio is reported as `>`; sizes are lower bounds then."
    )
    margin: float = Field(description="Read margin to be kept, as a fraction of the read voltage.")
    pull_up_ratio: float = Field(description="R_pull-up over R_LRS.")
    limits: list[ArrayLimit] = Field(
        description="The largest array of each kind of cell under each read scheme."
    )
    exact: list[ExactRead] = Field(
        description="Margins from the full circuit, if a size was given."
    )
    smallest_spacing_m: float | None = Field(
        default=None,
        description="Spacing between cells that avoids crosstalk, 100 thicknesses of the layer; "
        "None where no thickness is given.",
    )
    assumptions: list[Assumption] = Field(description="All assumptions.")
    notes: list[str] = Field(description="Notes for the reader.")


class DeviceArray(StrictModel):
    """A device of the store and the largest array that its reported figures allow."""

    device: str = Field(description="Id of the device.")
    structure: str = Field(description="Stack of the device, as printed.")
    references: str = Field(description="Keys of the publications behind it, separated by spaces.")
    on_off_ratio: float | None = Field(description="None where it is not reported.")
    on_off_qualifier: str | None = Field(
        description="Qualifier that the source puts before the ratio; null if none."
    )
    size: int | None = Field(description="1R, floating lines, R_pull-up = R_LRS.")
    size_best_pull_up: int | None = Field(
        description="1R, floating lines, at the pull-up that allows the largest array."
    )
    rectification_ratio: float | None = Field(
        description="Claimed in the text of a publication that is the device's only one."
    )
    rectification_claim: str | None = Field(description="Id of that claim.")
    size_rectifying: int | None = Field(
        description="Self-rectifying with that ratio (in the middle term of equation (1))."
    )
    reason: str | None = Field(description="Reason for a missing size.")
