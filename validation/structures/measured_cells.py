"""Measured unit cells of halide perovskites, and their comparison with relaxed cells.

``experimental_cells.csv`` contains the numbers of the deposits (lengths in Å, angles in degrees,
temperature in K if stated), and the compound and phase that they are compared with, whether the
relaxation keeps its symmetry, or why there is no comparison. NOTICE names the source.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from ase.geometry import cellpar_to_cell
from numpy.linalg import det
from pydantic import BaseModel, field_validator

from validation.pages import csv_rows
from validation.structures.relaxed_phases import RelaxedPhase, Symmetry

CELLS = Path(__file__).with_name("experimental_cells.csv")
#: Largest deviation of the cube root of the volume, and of an axis, in percent.
LENGTH_PERCENT, AXIS_PERCENT = 3.0, 5.0

#: Positions of the axes a, b, c of the standard setting Pnma in another setting of no. 62: the
#: mirror is normal to b of Pnma, the n glide to a (International Tables A, Table 1.5.4.4).
_AXES_OF_PNMA = {"Pnma": (0, 1, 2), "Pbnm": (1, 2, 0), "Pmnb": (1, 0, 2)}


Cell = TypeVar("Cell", bound="UnitCell")


class UnitCell(BaseModel, frozen=True):
    """A measured cell, and the compound and phase whose relaxed cell is compared with it."""

    compound: str = ""
    phase: str = ""
    a_ang: float
    b_ang: float
    c_ang: float
    alpha_deg: float
    beta_deg: float
    gamma_deg: float
    formula_units: int
    temperature_k: float | None = None
    doi: str = ""

    @property
    def axes_ang(self) -> tuple[float, float, float]:
        """a, b, c as measured, Å."""
        return self.a_ang, self.b_ang, self.c_ang

    @property
    def temperature(self) -> str:
        """The temperature in K, or that none is stated."""
        return "not stated" if self.temperature_k is None else f"{self.temperature_k:g}"

    @property
    def volume_ang3_per_formula(self) -> float:
        """Volume of a formula unit, Å³."""
        angles = self.alpha_deg, self.beta_deg, self.gamma_deg
        return abs(float(det(cellpar_to_cell([*self.axes_ang, *angles])))) / self.formula_units


class MeasuredCell(UnitCell, frozen=True):
    """A deposited structure."""

    ccdc: str
    #: As printed there; empty where nothing is.
    formula: str = ""
    #: Without spaces, in the setting of the deposit; so are the axes.
    space_group: str
    symmetry: Symmetry | None = None
    not_computed: str = ""

    @field_validator("space_group")
    @classmethod
    def _without_spaces(cls, symbol: str) -> str:
        return symbol.replace(" ", "")

    @property
    def deposit(self) -> str:
        """Its number, ``CCDC 968118``."""
        return f"CCDC {self.ccdc}"

    @property
    def standard_axes_ang(self) -> tuple[float, float, float]:
        """a, b, c in the standard setting of the space group, Å."""
        a, b, c = _AXES_OF_PNMA.get(self.space_group, (0, 1, 2))
        return self.axes_ang[a], self.axes_ang[b], self.axes_ang[c]


@dataclass(frozen=True, slots=True)
class Comparison:
    """A relaxed and a measured cell.

    Attributes:
        measured: The deposit.
        relaxed: The relaxed phase.
        axes_ang: Relaxed a, b, c, Å; those that are equal in the deposit are averaged.
        axes_percent: Their deviations from the measured ones, percent.
        length_percent: Deviation of the cube root of the volume, percent.
    """

    measured: MeasuredCell
    relaxed: RelaxedPhase
    axes_ang: tuple[float, float, float]
    axes_percent: tuple[float, float, float]
    length_percent: float

    @property
    def excess(self) -> tuple[str, ...]:
        """The lengths that are out of bounds: ``V^(1/3)``, ``a``, ``b``, ``c``."""
        named = zip("abc", self.axes_percent, strict=True)
        axes = [name for name, percent in named if abs(percent) > AXIS_PERCENT]
        return tuple(["V^(1/3)"] * (abs(self.length_percent) > LENGTH_PERCENT) + axes)


def measured_cells() -> list[MeasuredCell]:
    """Return all deposits, in the order of the file."""
    return read_cells(MeasuredCell, CELLS)


def read_cells(kind: type[Cell], path: Path) -> list[Cell]:
    """Return the cells of a file, without what is not stated."""
    return [
        kind.model_validate({name: value for name, value in each.items() if value})
        for each in csv_rows(path)
    ]


def compare(measured: MeasuredCell, relaxed: RelaxedPhase) -> Comparison | None:
    """Compare a relaxed with a measured cell; None if the relaxation failed."""
    if relaxed.axes_ang is None or relaxed.volume_ang3_per_formula is None:
        return None
    wanted = measured.standard_axes_ang
    a, b, c = (
        sum(found for found, other in zip(relaxed.axes_ang, wanted, strict=True) if other == axis)
        / wanted.count(axis)
        for axis in wanted
    )
    axes = tuple(percent(found, axis) for found, axis in zip((a, b, c), wanted, strict=True))
    lengths = relaxed.volume_ang3_per_formula, measured.volume_ang3_per_formula
    return Comparison(
        measured=measured,
        relaxed=relaxed,
        axes_ang=(a, b, c),
        axes_percent=(axes[0], axes[1], axes[2]),
        length_percent=percent(lengths[0] ** (1 / 3), lengths[1] ** (1 / 3)),
    )


def percent(found: float, wanted: float) -> float:
    """Return the deviation of a number, percent."""
    return 100 * (found / wanted - 1)
