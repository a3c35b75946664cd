"""Point defects in the notation of Kröger and Vink, written as ``V_Br``, ``I_i``, ``Ag_i``.

The charge is kept apart from the label: potentials cannot set one, and the literature often
does not print it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from pvkdb.errors import InputError

DefectKind = Literal["vacancy", "interstitial", "antisite"]

_LABEL = re.compile(r"(?P<what>V|[A-Z0-9][A-Za-z0-9-]*)_(?P<where>i|[A-Z0-9][A-Za-z0-9-]*)")


@dataclass(frozen=True, slots=True)
class Defect:
    """A point defect; ``species`` is what moves when it migrates."""

    label: str
    kind: DefectKind
    species: str

    @classmethod
    def vacancy(cls, species: str) -> Defect:
        """The vacancy of an ion on its own site, e.g. ``V_Br``."""
        return cls(f"V_{species}", "vacancy", species)

    @classmethod
    def parse(cls, label: str) -> Defect:
        """Read a label.

        Raises:
            InputError: the label is not of the form V_X, X_i or A_B.

        Example:
            >>> Defect.parse("V_I").kind, Defect.parse("Ag_i").species
            ('vacancy', 'Ag')
        """
        match = _LABEL.fullmatch(label)
        if match is None:
            raise InputError(f"{label!r} is not a defect; write V_I, I_i or MA_Pb")
        what, where = match["what"], match["where"]
        if what == "V":
            if where == "i":
                raise InputError(f"{label!r} is not a defect: a vacancy needs the ion it lacks")
            return cls(label, "vacancy", where)
        return cls(label, "interstitial" if where == "i" else "antisite", what)
