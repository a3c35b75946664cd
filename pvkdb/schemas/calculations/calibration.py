"""The measured error of potentials: from a computed energy to an interval for the reported one.

``make validate`` fits a line through computed and reported energies for each potential and writes
``calibration.json``, with the pairs behind it and the test that leaves out one composition at a
time: docs/validation/calibration.md.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import cache
from importlib.resources import files
from math import inf, sqrt

from pydantic import Field

from pvkdb.chemistry import material_family, parse_composition
from pvkdb.schemas import StrictModel

FILE = "calibration.json"
#: Share of reported values that an interval should contain.
LEVEL = 0.8
#: Fewer groups leave less than two degrees of freedom.
LEAST_GROUPS = 4


class CalibrationPair(StrictModel):
    """A computed energy beside a reported one, in eV."""

    material: str
    family: str
    defect: str
    charge: str = Field(description="neutral, charged, unknown, or experiment.")
    computed_ev: float
    reported_ev: float = Field(description="Middle of the reported interval.")
    source: str


class CalibrationLine(StrictModel):
    """A least-squares line from computed to reported energies, in which each group counts once.

    The interval is Student's for a new value: t · s · √(1 + 1/n + (x − x̄)²/S), with n groups, s
    from n − 2 degrees of freedom, x̄ and S the mean and sum of squares of the computed energies.
    A line for some ions on B is an offset: its slope is one, and S is infinite.
    """

    families: tuple[str, ...] = Field(description="Where it holds; empty: every other family.")
    b_site: tuple[str, ...] = Field(default=(), description="Ions on B; empty: any.")
    grouped_by: str = Field(description="composition or family.")
    groups: int
    offset_ev: float
    slope: float
    error_ev: float
    mean_ev: float
    squares_ev2: float | None = Field(description="None: infinite.")
    quantile: float = Field(description="t for the level of the table.")
    covered: float = Field(description="Share of the groups, each left out, within the interval.")

    @property
    def made_of(self) -> str:
        """What the line goes through: ``8 compositions``."""
        names = {"composition": "compositions", "family": "structure families"}
        ions = f" with {' or '.join(self.b_site)}" if self.b_site else ""
        return f"{self.groups} {names[self.grouped_by]}{ions}"

    def interval(self, computed_ev: float) -> tuple[float, float]:
        """Return the interval for the reported energy, in eV."""
        middle, error = self.estimate(computed_ev)
        return middle - self.quantile * error, middle + self.quantile * error

    def estimate(self, computed_ev: float) -> tuple[float, float]:
        """Return the expected reported energy and its standard error, in eV."""
        off = (computed_ev - self.mean_ev) ** 2 / (self.squares_ev2 or inf)
        error = self.error_ev * sqrt(1 + 1 / self.groups + off)
        return self.offset_ev + self.slope * computed_ev, error


class Calibration(StrictModel):
    """The calibration of one quantity by one potential."""

    quantity: str
    potential: str
    compared_with: str
    left_out_error_ev: float = Field(
        description="Mean absolute error of calibrated values of compositions that were left out."
    )
    shared_error_ev: float = Field(
        description="The same, from the pairs that all potentials have. The smallest one counts."
    )
    lines: tuple[CalibrationLine, ...] = Field(description="The first that fits a family counts.")
    pairs: tuple[CalibrationPair, ...] = Field(
        description="Empty for figures that may be cited and not shipped."
    )

    def line_for(self, family: str, b_site: Collection[str] = ()) -> CalibrationLine | None:
        """Return the line for a family and ions on B; None where its error was not measured."""
        fitting = (
            line
            for line in self.lines
            if (family in line.families or not line.families)
            and (not line.b_site or (b_site and {*b_site} <= {*line.b_site}))
        )
        return next(fitting, None)


class CalibrationTable(StrictModel):
    """All calibrations, the smallest shared error of a quantity first."""

    page: str
    version: str = Field(description="Hash of the pairs.")
    level: float = Field(description="Share of reported values that an interval should contain.")
    calibrations: tuple[Calibration, ...]


def group_name(pair: CalibrationPair, grouped_by: str) -> str:
    """Return the composition or the family of a pair."""
    return pair.material if grouped_by == "composition" else pair.family


def fit(
    pairs: Sequence[CalibrationPair], grouped_by: str, families: Sequence[str] = ()
) -> CalibrationLine:
    """Return the least-squares line in which each group has the weight one."""
    import numpy as np  # the client has neither
    from scipy import special

    names = [group_name(pair, grouped_by) for pair in pairs]
    groups = len(set(names))
    weights = np.array([1 / names.count(name) for name in names])
    x = np.array([pair.computed_ev for pair in pairs])
    y = np.array([pair.reported_ev for pair in pairs])
    mean = float(np.average(x, weights=weights))
    squares = float(np.sum(weights * (x - mean) ** 2))
    slope = float(np.sum(weights * (x - mean) * y)) / squares
    offset = float(np.average(y, weights=weights)) - slope * mean
    rest = float(np.sum(weights * (y - offset - slope * x) ** 2))
    return CalibrationLine(
        families=tuple(sorted(families)),
        grouped_by=grouped_by,
        groups=groups,
        offset_ev=round(offset, 4),
        slope=round(slope, 4),
        error_ev=round((rest / (groups - 2)) ** 0.5, 4),
        mean_ev=round(mean, 4),
        squares_ev2=round(squares, 4),
        quantile=round(float(special.stdtrit(groups - 2, (1 + LEVEL) / 2)), 4),
        covered=0.0,
    )


@cache
def line_without(entry: Calibration, line: CalibrationLine, formula: str) -> CalibrationLine | None:
    """Return a line of a calibration through other compositions alone; None if they are too few."""
    if all(pair.material != formula for pair in entry.pairs):
        return line
    others = [
        pair
        for pair in entry.pairs
        if pair.material != formula and (not line.families or pair.family in line.families)
    ]
    if len({group_name(pair, line.grouped_by) for pair in others}) < LEAST_GROUPS:
        return None
    return fit(others, line.grouped_by, line.families)


@cache
def calibration_table() -> CalibrationTable:
    """Return the calibrations that pvkdb ships."""
    text = files("pvkdb.schemas.calculations").joinpath(FILE).read_text(encoding="utf-8")
    return CalibrationTable.model_validate_json(text)


def formation_interval(
    potential: str, formula: str, phase: str, low_ev: float, high_ev: float
) -> tuple[float, float] | None:
    """Return the calibrated interval of a formation energy between two limits, eV.

    None where the error of the potential was not measured for such compositions.
    """
    composition = parse_composition(formula)
    family, b_site = material_family(composition, phase)[0], composition.on("B")
    for entry in calibration_table().calibrations:
        if (entry.quantity, entry.potential) == ("DFE", potential):
            line = entry.line_for(family, {each.ion.symbol for each in b_site})
            if line is not None:
                return round(line.interval(low_ev)[0], 3), round(line.interval(high_ev)[1], 3)
    return None
