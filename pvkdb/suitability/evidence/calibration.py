"""The measured error of potentials: from a computed energy to an interval for the reported one.

``make validate`` fits a line through computed and reported energies for each potential and writes
``calibration.json``, with the pairs behind it and the test that leaves out one composition at a
time: docs/validation/calibration.md.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from functools import cache
from importlib.resources import files
from math import inf, sqrt

from pydantic import BaseModel, ConfigDict, Field

from pvkdb.schemas.rankings import Grade
from pvkdb.suitability.evidence.evidence import Evidence

FILE = "calibration.json"


class _Frozen(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class CalibrationPair(_Frozen):
    """A computed energy beside a reported one, in eV."""

    material: str
    family: str
    defect: str
    charge: str = Field(description="neutral, charged, unknown, or experiment.")
    computed_ev: float
    reported_ev: float = Field(description="Middle of the reported interval.")
    source: str


class CalibrationLine(_Frozen):
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
        middle = self.offset_ev + self.slope * computed_ev
        off = (computed_ev - self.mean_ev) ** 2 / (self.squares_ev2 or inf)
        half = self.quantile * self.error_ev * sqrt(1 + 1 / self.groups + off)
        return middle - half, middle + half


class Calibration(_Frozen):
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


class CalibrationTable(_Frozen):
    """All calibrations, the smallest shared error of a quantity first."""

    page: str
    version: str = Field(description="Hash of the pairs.")
    level: float = Field(description="Share of reported values that an interval should contain.")
    calibrations: tuple[Calibration, ...]


@cache
def calibration_table() -> CalibrationTable:
    """Return the calibrations that pvkdb ships."""
    text = files("pvkdb.suitability").joinpath(FILE).read_text(encoding="utf-8")
    return CalibrationTable.model_validate_json(text)


def calibrated(
    raw: Evidence,
    quantity: str,
    parts: Mapping[str, tuple[Evidence, Collection[str]]],
    b_site: Collection[str] = (),
) -> Evidence:
    """Return the interval of the potential that counts first; ``raw`` if none is calibrated.

    A potential with a value counts before one with an upper bound only.

    Args:
        raw: values of all potentials, with a note that names them.
        quantity: ``E_A`` or ``DFE``.
        parts: for each potential its values, and the structure families that have them.
        b_site: the ions on B of the composition.
    """
    table = calibration_table()
    found: list[tuple[Evidence, Calibration, list[CalibrationLine]]] = []
    for entry in table.calibrations:
        if entry.quantity == quantity and entry.potential in parts:
            part, families = parts[entry.potential]
            lines = [entry.line_for(family, b_site) for family in sorted(set(families))]
            known = [line for line in lines if line is not None]
            if known == lines:
                found.append((part, entry, known))
    if not found:
        return raw
    part, entry, fitting = min(found, key=lambda each: each[0].minimum is None)
    low, high = part.minimum, part.maximum
    if low is not None:
        low = round(min(line.interval(low)[0] for line in fitting), 3)
    if high is not None:
        high = round(max(line.interval(high)[1] for line in fitting), 3)
    if quantity == "E_A":  # no barrier is below zero
        low, high = (None if end is None else max(end, 0.0) for end in (low, high))
    groups = " and ".join(sorted({line.made_of for line in fitting}))
    how = f"{table.level:.0%} interval of {entry.potential} by {groups} of {entry.compared_with}"
    note = f"{how} ({table.page}); {raw.note}"
    return replace(part, minimum=low, maximum=high, grade=Grade.CALIBRATED, note=note)
