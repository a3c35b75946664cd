"""The numbers that a person sets on the crossbar page: their sliders, examples and limits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import isfinite, log10
from typing import Any

from pvkdb.crossbar.limits import MARGIN
from pvkdb.errors import unknown_name
from pvkdb.schemas.crossbar import Cell, Read
from pvkdb_api.core.refusals import ParameterError

#: Lines of the largest array that a map may have: as the REST service solves.
LARGEST_SOLVED = 128


@dataclass(frozen=True, slots=True)
class Control:
    """A number that a person sets: its ends on the slider, and what stands there unasked."""

    name: str
    label: str
    symbol: str
    unit: str
    low: float
    high: float
    example: float | None
    #: Whether the slider runs over decades.
    decades: bool = True
    step: float = 0.05
    hint: str = ""

    def place(self, value: float) -> float:
        """Where a value stands on the slider."""
        inside = min(max(value, self.low), self.high)
        return round(log10(inside), 4) if self.decades else inside

    @property
    def ends(self) -> tuple[float, float]:
        """Ends of the slider, in its own scale."""
        return self.place(self.low), self.place(self.high)


CONTROLS = (
    Control(
        "on_off_ratio",
        "On/off ratio",
        "R_HRS / R_LRS",
        "",
        10**0.05,
        1e9,
        1e3,
        hint="larger than 1",
    ),
    Control("r_lrs_ohm", "Resistance of the LRS", "R_LRS", "Ω", 1e2, 1e9, 1e4),
    Control("pull_up_ohm", "Pull-up", "R_pu", "Ω", 1e2, 1e9, None, hint="empty: as large as R_LRS"),
    Control(
        "selectivity",
        "Selectivity or rectification",
        "s",
        "",
        1,
        1e8,
        514,
        hint="empty: bare cells only",
    ),
    Control(
        "line_resistance_ohm",
        "Line, from cell to cell",
        "R_line",
        "Ω",
        0,
        50,
        2.0,
        decades=False,
        step=0.1,
    ),
    Control(
        "size", "Array that is solved", "N", "lines", 2, LARGEST_SOLVED, 32, decades=False, step=1
    ),
    Control("margin", "Margin to keep", "ΔV / V_read", "", 0.01, 0.5, MARGIN, False, 0.01),
)

#: Numbers beyond these are no device's; the floating-point numbers of a circuit end there too.
LIMITS = {
    "on_off_ratio": (0.0, 1e15),
    "r_lrs_ohm": (1e-3, 1e15),
    "pull_up_ohm": (1e-3, 1e15),
    "selectivity": (0.0, 1e12),
    "line_resistance_ohm": (0.0, 1e6),
    "margin": (1e-3, 0.999),
}

#: Where the example of a selectivity comes from: nothing else is invented.
EXAMPLES = {
    "selectivity": "the rectification ratio of the review's example of 1747 × 1747, section 5.1.1",
    "margin": "review, section 5.1.1: more than 10 %",
}

#: What the map shows: the word in the address, and its heading.
MAPS = {"voltage": "Voltage across each cell", "margin": "Read margin by the cell's place"}

#: Kinds of cell with the words for a person.
CELLS = {
    Cell.RESISTOR: "1R: a bare memristor",
    Cell.SELECTOR: "1S1R: with a selector in series",
    Cell.RECTIFIER: "self-rectifying",
}
READS = {
    Read.FLOATING: "floating: other lines open",
    Read.HALF_BIAS: "V/2 on the other lines",
    Read.THIRD_BIAS: "V/3 and 2V/3 on the other lines",
}


def example(name: str) -> float:
    """What stands unasked in the place of a number that the page cannot do without."""
    value = next(control.example for control in CONTROLS if control.name == name)
    assert value is not None
    return value


def number(control: Control, text: str) -> float:
    """What a person wrote into a field.

    Raises:
        ParameterError: it is no number, or beyond the limits.
    """
    infinite = control.name == "on_off_ratio"
    try:
        value = float(text.replace("−", "-").replace(",", "."))
    except ValueError:
        value = float("nan")
    if value != value or (not isfinite(value) and not infinite):
        raise ParameterError(
            control.name, f"{control.label} = {text[:40]!r} is no number; write it as 1000 or 1e3"
        )
    least, most = LIMITS.get(control.name, (value, value))
    if value > 0 and isfinite(value) and not least <= value <= most:
        raise ParameterError(
            control.name,
            f"{control.label} = {value:g} is beyond what this page works out; give "
            f"{least:g} to {most:g}",
        )
    return value


def choice(name: str, given: Mapping[str, str], default: Any, known: Callable[[str], Any]) -> Any:
    """What a person chose of a list, or ``default``.

    Raises:
        ParameterError: there is no such choice.
    """
    text = given.get(name)
    if text is None:
        return default
    try:
        found = known(text)
    except ValueError:
        found = None
    if found is None:
        values: Any = known if isinstance(known, type) else MAPS
        raise ParameterError(name, unknown_name(name, text[:60], map(str, values)))
    return found
