"""Conditions of a plan: ``tau < 4.18`` holds for a candidate whose column says so."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pvkdb.errors import InputError, unknown_name

_OPERATORS: dict[str, Callable[[float, float], bool]] = {
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
class Condition:
    """A column held against a number. A value that is not known does not meet it."""

    column: str
    comparator: str
    limit: float

    @classmethod
    def parse(cls, text: str, columns: Mapping[str, str]) -> Condition:
        """Read a condition on one of ``columns``, which are described by their values.

        Raises:
            InputError: not a condition, or not on a column that there is.

        Example:
            >>> Condition.parse("tau < 4.18", {"tau": "Bartel's factor"})
            Condition(column='tau', comparator='<', limit=4.18)
        """
        match = _CONDITION.fullmatch(text)
        if match is None:
            raise InputError(f"{text!r} is not a condition; write for example {_example(columns)}")
        if match["column"] not in columns:
            raise InputError(unknown_name("column", match["column"], columns))
        return cls(match["column"], match["operator"], float(match["limit"]))

    def holds(self, value: float | None) -> bool:
        """Whether a value meets the condition."""
        return value is not None and _OPERATORS[self.comparator](value, self.limit)

    def __str__(self) -> str:
        return f"{self.column} {self.comparator} {self.limit:g}"


def _example(columns: Mapping[str, str]) -> str:
    return f"{next(iter(columns))} < 1"
