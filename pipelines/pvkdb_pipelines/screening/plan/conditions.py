"""Conditions of a plan: ``tau < 4.18`` is met by a candidate whose τ is below 4.18."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pvkdb.errors import InputError, unknown_name

_OPERATORS: dict[str, Callable[[Any, float], Any]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_CONDITION = re.compile(
    r"\s*(?P<column>[a-z][a-z0-9_]*)\s*(?P<operator><=|>=|<|>)\s*"
    r"(?P<limit>[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)\s*"
)


@dataclass(frozen=True, slots=True)
class PlanCondition:
    """A comparison of a column with a number. An unknown value does not meet it."""

    column: str
    comparator: str
    limit: float

    @classmethod
    def parse(cls, text: str, columns: Mapping[str, str]) -> PlanCondition:
        """Return the condition written in a text such as ``tau < 4.18``.

        Args:
            text: e.g. ``tau < 4.18``.
            columns: known columns and their descriptions.

        Raises:
            InputError: the text is not a condition, or its column is unknown.

        Example:
            >>> PlanCondition.parse("tau < 4.18", {"tau": "Bartel's factor"})
            PlanCondition(column='tau', comparator='<', limit=4.18)
        """
        match = _CONDITION.fullmatch(text)
        if match is None:
            example = f"{next(iter(columns))} < 1"
            raise InputError(f"{text!r} is not a condition; write for example {example}")
        if match["column"] not in columns:
            raise InputError(unknown_name("column", match["column"], columns))
        return cls(match["column"], match["operator"], float(match["limit"]))

    def holds(self, value: float | None) -> bool:
        """Whether a value meets the condition."""
        return value is not None and bool(_OPERATORS[self.comparator](value, self.limit))

    def holds_each(self, values: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Whether each of some values meets the condition; NaN does not."""
        met: NDArray[np.bool_] = _OPERATORS[self.comparator](values, self.limit)
        return met

    def __str__(self) -> str:
        return f"{self.column} {self.comparator} {self.limit:g}"
