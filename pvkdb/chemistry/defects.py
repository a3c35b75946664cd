"""Point defects in the notation of Kröger and Vink, written as ``V_Br``, ``I_i``, ``Ag_i``.

The charge is not part of the label: potentials cannot set one, and the literature often omits it.
If the literature does not name the defect, the label is the ion alone (``I``), or ``ion``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from pvkdb.chemistry.ions import HALIDES, cation_charges, generic_ions, molecular_ions, names
from pvkdb.errors import InputError

DefectKind = Literal["vacancy", "interstitial", "antisite", "ion", "salt"]

#: Label and species of a mobile ion that the source does not name.
UNNAMED_ION = "ion"

_ION = r"(?:\d[\d-]*)?[A-Z][A-Za-z0-9-]*"
_LABEL = re.compile(rf"(?P<what>V|{_ION})_(?P<where>i|{_ION})")
_SALT = re.compile(rf"V_(?P<cation>{_ION})\+(?P<number>[2-9]?)V_(?P<halide>{_ION})")


@dataclass(frozen=True, slots=True)
class Defect:
    """A point defect; ``species`` is the moving ion.

    Kind "ion" is a mobile ion whose defect is unknown: ``I`` may be the migration of vacancies, of
    interstitials or of both. Kind "salt" is a cation missing together with the halides that balance
    its charge, ``V_Pb+2V_Br``; its species is what is missing, ``PbBr2``.
    """

    label: str
    kind: DefectKind
    species: str

    @classmethod
    def vacancy(cls, species: str) -> Defect:
        """Return the vacancy of an ion on its own site, e.g. ``V_Br``."""
        return cls(f"V_{species}", "vacancy", species)

    @classmethod
    def salt(cls, cation: str, halide: str, number: int = 1) -> Defect:
        """Return the vacancies of a cation and its halides, e.g. ``V_Pb+2V_Br``."""
        count = str(number) if number > 1 else ""
        return cls(f"V_{cation}+{count}V_{halide}", "salt", f"{cation}{halide}{count}")

    @property
    def parts(self) -> tuple[Defect, ...]:
        """The vacancies of a salt; of any other defect itself."""
        if self.kind != "salt":
            return (self,)
        return tuple(Defect.vacancy(each.rpartition("_")[2]) for each in self.label.split("+"))

    @classmethod
    def parse(cls, label: str) -> Defect:
        """Parse a label.

        Raises:
            InputError: the label is not of the form V_X, X_i, A_B, V_A+V_X, X or ion.

        Example:
            >>> Defect.parse("V_I").kind, Defect.parse("Ag_i").species, Defect.parse("I").kind
            ('vacancy', 'Ag', 'ion')
        """
        # A bare V would be a vacancy without its ion, not vanadium.
        if label == UNNAMED_ION or (label != "V" and re.fullmatch(_ION, label)):
            return cls(label, "ion", label)
        if (salt := _SALT.fullmatch(label)) is not None:
            return cls.salt(salt["cation"], salt["halide"], int(salt["number"] or 1))
        match = _LABEL.fullmatch(label)
        if match is None:
            raise InputError(
                f"{label!r} is not a defect; write V_I, I_i or MA_Pb, and I or {UNNAMED_ION} for "
                "a mobile ion whose defect is unknown"
            )
        what, where = match["what"], match["where"]
        if what == "V":
            if where == "i":
                raise InputError(f"{label!r} is not a defect: a vacancy needs the ion it lacks")
            return cls(label, "vacancy", where)
        return cls(label, "interstitial" if where == "i" else "antisite", what)

    def charges(self, host: Mapping[str, int]) -> range | None:
        """Return the possible charges in a crystal of ions with the charges ``host``.

        They reach from that of the ions added or missing to one electron or hole beyond neutral:
        in CsPbI3 V_I has +1 to -1, V_Pb -2 to +1. An antisite has one more (Khamdang 2025, doi
        10.1039/d4tc05215c, computes Sn_Cs +2). None for a mobile ion or an unknown one. A missing
        salt has none.
        """
        if self.kind == "salt":
            return range(1)
        added, _, site = self.label.partition("_")
        new = [0] if added == "V" else _charges(added, host)
        old = [0] if site == "i" else _charges(site, host)
        sums = [more - less for more in new for less in old]
        if self.kind == "ion" or not sums:
            return None
        further = int(self.kind == "antisite")
        return range(min(-1, *sums) - further, max(1, *sums) + further + 1)


def _charges(symbol: str, host: Mapping[str, int]) -> Sequence[int]:
    """Return the possible charges of an ion: its own in the host, or any that is known."""
    spelled = names().get(symbol, (symbol,))
    if inside := [host[name] for name in spelled if name in host]:
        return inside
    if symbol in generic_ions():
        return [each.charge for each in generic_ions()[symbol]]
    molecular = [molecular_ions()[name].charge for name in spelled if name in molecular_ions()]
    return molecular or ([-1] if symbol in HALIDES else cation_charges(symbol))
