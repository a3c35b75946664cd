"""Drivers of a crossbar's lines and the voltages on them: what the solvers share."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING

from pvkdb.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Drive:
    """What holds the driven end of each line of one kind.

    ``voltage_v`` and ``series_ohm`` have one entry a line; a series resistance of infinity leaves
    the line floating, zero makes an ideal source.
    """

    voltage_v: Array
    series_ohm: Array

    def checked(self, kind: str, lines: int) -> Drive:
        """The same as arrays of floats.

        Raises:
            InputError: the shapes do not fit the lines, or a value is out of its range.
        """
        import numpy as np

        voltage, series = np.asarray(self.voltage_v, float), np.asarray(self.series_ohm, float)
        if voltage.shape != (lines,) or series.shape != (lines,):
            raise InputError(
                f"{lines} {kind} lines need as many voltages and series resistances; "
                f"{voltage.shape} and {series.shape} are given"
            )
        if not np.isfinite(voltage).all():
            raise InputError(f"a {kind} line is driven at a voltage that is not finite; give volts")
        if np.isnan(series).any() or (series < 0).any():
            raise InputError(
                f"a series resistance of a {kind} line is negative or no number; give ohms from 0 "
                "on, infinity for a floating line"
            )
        return Drive(voltage, series)


def floating(lines: int) -> Drive:
    """Lines that nothing drives."""
    import numpy as np

    return Drive(np.zeros(lines), np.full(lines, inf))


@dataclass(frozen=True, slots=True)
class Field:
    """Voltages in V, as one value a line and what each node departs from it.

    ``word_line`` (rows) and ``bit_line`` (columns) are the values, ``word`` and ``bit`` (rows ×
    columns) the departures. Kept apart, the small drops along a line lose no digits to its voltage.
    """

    word_line: Array
    bit_line: Array
    word: Array
    bit: Array

    def plus(self, factor: float, other: Field) -> Field:
        """The sum with a multiple of another field."""
        return Field(
            self.word_line + factor * other.word_line,
            self.bit_line + factor * other.bit_line,
            self.word + factor * other.word,
            self.bit + factor * other.bit,
        )

    def across(self) -> Array:
        """Voltage of every cell, word line minus bit line: rows × columns."""
        difference: Array = (self.word_line[:, None] - self.bit_line) + (self.word - self.bit)
        return difference
