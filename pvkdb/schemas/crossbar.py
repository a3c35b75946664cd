"""Crossbar arrays: their largest size, and exact solutions of their circuit."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from pvkdb.schemas import StrictModel
from pvkdb.schemas.responses import Assumption


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
