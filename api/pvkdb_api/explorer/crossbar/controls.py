"""The number fields of the crossbar page: their sliders and examples."""

from __future__ import annotations

from dataclasses import dataclass
from math import log10

from pvkdb.schemas.crossbar import LARGEST_SERVED, MARGIN, Cell, Read


@dataclass(frozen=True, slots=True)
class Control:
    """A number field with a slider."""

    name: str
    label: str
    symbol: str
    unit: str
    #: Ends of the slider.
    low: float
    high: float
    #: The value if the field is not given.
    example: float | None
    #: Whether the slider is logarithmic.
    decades: bool = True
    step: float = 0.05
    hint: str = ""

    def slider_position(self, value: float) -> float:
        """Return the slider's position for a value within its ends: log10 if it runs in decades."""
        inside = min(max(value, self.low), self.high)
        return round(log10(inside), 4) if self.decades else inside


CONTROLS = (
    Control("on_off_ratio", "On/off ratio", "R_HRS / R_LRS", "", 10**0.05, 1e9, 1e3, hint="> 1"),
    Control("r_lrs_ohm", "LRS resistance", "R_LRS", "Ω", 1e2, 1e9, 1e4),
    Control("pull_up_ohm", "Pull-up resistor", "R_pu", "Ω", 1e2, 1e9, None, hint="default: R_LRS"),
    Control(
        *("selectivity", "Selectivity or rectification ratio", "s", "", 1, 1e8, 514),
        hint="empty: memristor only",
    ),
    Control(
        *("line_resistance_ohm", "Line resistance between cells", "R_line", "Ω", 0, 50, 2.0),
        decades=False,
        step=0.1,
    ),
    Control("size", "Size of the solved array", "N", "lines", 2, LARGEST_SERVED, 32, False, 1),
    Control("margin", "Required read margin", "ΔV / V_read", "", 0.01, 0.5, MARGIN, False, 0.01),
)

#: Sources of the examples that are taken from the review.
EXAMPLES = {
    "selectivity": "the rectification ratio in the review's example of 1747 × 1747, section 5.1.1",
    "margin": "review, section 5.1.1: more than 10 %",
}

#: Values shown by the map: the word in the address and the heading.
MAPS = {"voltage": "Voltage across each cell", "margin": "Read margin by cell position"}

#: Kinds of cell in words.
CELLS = {
    Cell.RESISTOR: "1R: memristor only",
    Cell.SELECTOR: "1S1R: selector in series",
    Cell.RECTIFIER: "self-rectifying",
}
READS = {
    Read.FLOATING: "floating: other lines open",
    Read.HALF_BIAS: "V/2 on the other lines",
    Read.THIRD_BIAS: "V/3 and 2V/3 on the other lines",
}
