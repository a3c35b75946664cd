"""Physical bounds of the numbers of results, as types of their fields.

They hold for every result: computed here, imported, or read from a store. They are wide: a number
outside is not of this physics, while one inside may still be wrong.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

#: Largest barrier that is accepted, eV. Measured barriers of ions in halide perovskites lie below
#: 1.5 eV, and the cohesive energies of halides are 2 to 4 eV an atom: above, no ion has moved.
HIGHEST_BARRIER_EV = 5.0
#: A path that only rises ends at its highest point, but for the noise of single precision, eV.
_NOISE_EV = 1e-3

#: A migration barrier, eV.
Barrier = Annotated[float, Field(ge=-_NOISE_EV, lt=HIGHEST_BARRIER_EV)]
#: A point of a path above the lowest site, from which the path may start one barrier higher, eV.
Saddle = Annotated[float, Field(ge=-_NOISE_EV, lt=2 * HIGHEST_BARRIER_EV)]
#: A difference of energies between structures of the same atoms, eV.
EnergyDifference = Annotated[float, Field(ge=-100, le=100)]
#: Energy of a cell or formula unit, eV: all electrons of an atom of uranium have 0.8 MeV.
TotalEnergy = Annotated[float, Field(ge=-1e9, le=1e9)]
#: Energy of a potential, eV an atom: tungsten, the most tightly bound, has −13.
ATOM_EV = (-20.0, 5.0)
AtomEnergy = Annotated[float, Field(ge=ATOM_EV[0], le=ATOM_EV[1])]
#: A force, eV/Å: atoms at half a bond length repel with some hundreds.
Force = Annotated[float, Field(ge=0, le=1e4)]
#: A length or distance, Å.
Length = Annotated[float, Field(gt=0, le=1e4)]
#: Edges a, b, c in Å and angles in degrees.
Lattice = tuple[Length, Length, Length, Length, Length, Length]
#: A volume, Å³.
Positive = Annotated[float, Field(gt=0, le=1e9)]
#: Volume of an atom, Å³: 5.7 in diamond, the densest; 117 in caesium, the loosest of elements.
ATOM_ANG3 = (3.0, 500.0)
AtomVolume = Annotated[float, Field(ge=ATOM_ANG3[0], le=ATOM_ANG3[1])]
#: A number of atoms, steps or evaluations.
Count = Annotated[int, Field(ge=0, le=10**9)]
Atoms = Annotated[int, Field(ge=1, le=10**6)]
#: A mixture of ions of several sizes, such as Cs0.2FA0.8PbBr3, has no whole number: 10.6.
AtomsPerFormula = Atoms | Annotated[float, Field(ge=1, le=10**6)]
Seconds = Annotated[float, Field(ge=0, le=1e10)]


class CalculationResult(BaseModel):
    """Base of results: every number is finite."""

    model_config = ConfigDict(allow_inf_nan=False)


class PotentialResult(CalculationResult):
    """Base of results of potentials: what they took."""

    force_calls: Count
    cpu_seconds: Seconds = Field(description="Processor time of the computing process.")
    wall_seconds: Seconds
