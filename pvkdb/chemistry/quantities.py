"""Quantities as the literature reports them: intervals with bounds and qualifiers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pvkdb.errors import InputError

Bound = Literal["lower", "upper"]


@dataclass(frozen=True, slots=True)
class Interval:
    """A reported value: a number, a range, or one side of a range.

    ``bound`` is "lower" for "at least" (> 1.20: minimum 1.20, no maximum) and "upper" for "at
    most"; ``approximate`` is the "~" of the source.
    """

    minimum: float | None
    maximum: float | None
    bound: Bound | None = None
    approximate: bool = False

    def __post_init__(self) -> None:
        if self.minimum is None and self.maximum is None:
            raise InputError("an interval needs a minimum or a maximum")
        if self.minimum is not None and self.maximum is not None and self.minimum > self.maximum:
            raise InputError(
                f"the minimum {self.minimum:g} is above the maximum {self.maximum:g}; swap them"
            )

    @classmethod
    def exactly(cls, value: float) -> Interval:
        """Return the interval of a single number."""
        return cls(value, value)

    def __str__(self) -> str:
        prefix = "~" if self.approximate else ""
        if self.bound == "lower" or self.maximum is None:
            return f"{prefix}> {self.minimum:g}"
        if self.bound == "upper" or self.minimum is None:
            return f"{prefix}< {self.maximum:g}"
        if self.minimum == self.maximum:
            return f"{prefix}{self.minimum:g}"
        return f"{prefix}{self.minimum:g}–{self.maximum:g}"
