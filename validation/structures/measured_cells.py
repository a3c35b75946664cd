"""Measured unit cells of halide perovskites, and their comparison with relaxed cells.

``experimental_cells.csv`` contains the numbers of the deposits (lengths in Å, angles in degrees,
temperature in K if stated), and the compound and phase that they are compared with, whether the
relaxation keeps its symmetry, or why there is no comparison. NOTICE names the source.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from validation.pages import csv_rows
from validation.structures.relaxed_phases import RelaxedPhase, Symmetry

CELLS = Path(__file__).with_name("experimental_cells.csv")
#: Largest deviation of the cube root of the volume, and of an axis, in percent.
LENGTH_PERCENT, AXIS_PERCENT = 3.0, 5.0

#: Positions of the axes a, b, c of the standard setting Pnma in another setting of no. 62: the
#: mirror is normal to b of Pnma, the n glide to a (International Tables A, Table 1.5.4.4).
_AXES_OF_PNMA = {"Pnma": (0, 1, 2), "Pbnm": (1, 2, 0), "Pmnb": (1, 0, 2)}


@dataclass(frozen=True, slots=True)
class MeasuredCell:
    """A deposited structure.

    Attributes:
        deposit: Its number, ``CCDC 968118``.
        formula: Sum formula as printed there.
        space_group: Symbol without spaces, in the setting of the deposit.
        axes_ang: a, b, c in the setting of the deposit, Å.
        angles_deg: alpha, beta, gamma, degrees.
        formula_units: In the cell.
        temperature_k: None where the deposit states none.
        doi: Of the publication; empty where the deposit names none.
        compound, phase: The relaxed phase to compare; empty if there is none.
        symmetry: How it is relaxed, see :class:`RelaxedPhase`; None if there is none.
        not_computed: Why there is no comparison; empty otherwise.
    """

    deposit: str
    formula: str
    space_group: str
    axes_ang: tuple[float, float, float]
    angles_deg: tuple[float, float, float]
    formula_units: int
    temperature_k: float | None
    doi: str
    compound: str
    phase: str
    symmetry: Symmetry | None
    not_computed: str

    @property
    def standard_axes_ang(self) -> tuple[float, float, float]:
        """a, b, c in the standard setting of the space group, Å."""
        a, b, c = _AXES_OF_PNMA.get(self.space_group, (0, 1, 2))
        return self.axes_ang[a], self.axes_ang[b], self.axes_ang[c]

    @property
    def volume_ang3_per_formula(self) -> float:
        """Volume of a formula unit, Å³; the cells compared are orthogonal or hexagonal."""
        a, b, c = self.axes_ang
        base = 3**0.5 / 2 if self.angles_deg == (90, 90, 120) else 1.0
        return a * b * c * base / self.formula_units


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
    return [_read(row) for row in csv_rows(CELLS)]


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


def _read(row: dict[str, str]) -> MeasuredCell:
    symmetry: Symmetry | None = None
    if row["compound"]:
        symmetry = "kept" if row["symmetry"] == "kept" else "free"
    return MeasuredCell(
        deposit=f"CCDC {row['ccdc']}",
        formula=row["formula"],
        space_group=row["space_group"].replace(" ", ""),
        axes_ang=(float(row["a_ang"]), float(row["b_ang"]), float(row["c_ang"])),
        angles_deg=(float(row["alpha_deg"]), float(row["beta_deg"]), float(row["gamma_deg"])),
        formula_units=int(row["formula_units"]),
        temperature_k=float(row["temperature_k"]) if row["temperature_k"] else None,
        doi=row["doi"],
        compound=row["compound"],
        phase=row["phase"],
        symmetry=symmetry,
        not_computed=row["not_computed"],
    )
