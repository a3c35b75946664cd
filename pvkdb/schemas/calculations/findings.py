"""Findings on relaxed structures: typed in Python, a line of text in the store."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, TypeAlias

from pydantic import PlainSerializer, PlainValidator, WithJsonSchema


class Flaw(StrEnum):
    """Kinds of flaws that a relaxed structure can have."""

    NOT_CONVERGED = "not converged"
    ENERGY_OUT_OF_RANGE = "energy out of range"
    ATOMS_TOO_CLOSE = "atoms too close"
    DISTANCES_TOO_SHORT = "distances too short"
    DISTANCES_TOO_LONG = "distances too long"
    VOLUME_OUT_OF_RANGE = "volume out of range"
    COORDINATION_CHANGED = "coordination of B changed"
    BONDS_UNEVEN = "B-X bonds uneven"
    CONNECTIVITY_CHANGED = "connectivity changed"
    SYMMETRY_CHANGED = "symmetry changed"
    ABOVE_SIBLINGS = "far above other phases"
    MOLECULES_TURNED = "molecules turned"

    @property
    def numerical(self) -> bool:
        """Whether the calculation failed. Otherwise the structure changed, which is a valid result.

        Bonds shorter than the radii are such a result: they belong to fewer neighbours than the
        prototype has, as around Zn (4) and Hg (2) where it has 8.
        """
        return self in (Flaw.NOT_CONVERGED, Flaw.ENERGY_OUT_OF_RANGE, Flaw.ATOMS_TOO_CLOSE)

    @property
    def remark(self) -> bool:
        """Whether the structure is still the requested one, with a remark."""
        return self in (Flaw.SYMMETRY_CHANGED, Flaw.ABOVE_SIBLINGS, Flaw.MOLECULES_TURNED)


_FLAWS = {flaw.value: flaw for flaw in Flaw}


@dataclass(frozen=True, slots=True)
class Finding:
    """One flaw of a structure, by name, and the values that show it."""

    name: str
    message: str

    @property
    def flaw(self) -> Flaw | None:
        """The kind of flaw; None if this version of pvkdb does not know it."""
        return _FLAWS.get(self.name)

    @property
    def remark(self) -> bool:
        """Whether the structure is still the requested one, with a remark."""
        return self.flaw is not None and self.flaw.remark

    def __str__(self) -> str:
        return f"{self.name}: {self.message}"


def read_finding(text: str | Finding) -> Finding:
    """Return the finding in a text of the form ``flaw: message``."""
    if isinstance(text, Finding):
        return text
    name, _, message = text.partition(": ")
    return Finding(name, message)


#: A finding as a field of a model: its text in JSON, typed in the program.
FindingField: TypeAlias = Annotated[
    Finding,
    PlainValidator(read_finding),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string"}),
]
