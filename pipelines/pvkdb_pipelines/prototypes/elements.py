"""Crystals of the elements, the references of halide-poor and halide-rich limits.

Most elements have the structure tabulated in ASE; the halogens and the few elements without
positions in ASE are given here.
"""

from __future__ import annotations

from ase import Atoms
from ase.build import bulk

from pvkdb.errors import InputError
from pvkdb_pipelines.prototypes.wyckoff import WyckoffSite, WyckoffStructure


def build_element(symbol: str, rattle_ang: float = 0.0, seed: int = 2145) -> Atoms:
    """Build the primitive cell of a solid element with its published lattice constants.

    Args:
        symbol: Element, e.g. ``Pb``; a halogen gives the molecular crystal.
        rattle_ang: Standard deviation of a random shift of every coordinate, Å.
        seed: Seed of the random shift.

    Raises:
        InputError: no crystal structure of the element is tabulated.
    """
    if symbol in _CRYSTALS:
        structure, _ = _CRYSTALS[symbol]
        atoms = structure.as_published({"X": symbol})
    else:
        try:
            atoms = bulk(symbol)
        except (KeyError, RuntimeError, ValueError) as error:
            raise InputError(
                f"no crystal structure of the element {symbol!r} is tabulated: {error}"
            ) from error
        atoms.set_initial_magnetic_moments(None)
    if rattle_ang > 0:
        atoms.rattle(stdev=rattle_ang, seed=seed)
    return atoms


def element_source(symbol: str) -> str:
    """Return the source of the structure of :func:`build_element`."""
    return _CRYSTALS[symbol][1] if symbol in _CRYSTALS else "ase.data.reference_states"


def _halogen(a: float, b: float, c: float, y: float, z: float) -> WyckoffStructure:
    """Return the structure of molecules in the (100) planes, A14, space group Cmce."""
    return WyckoffStructure(64, (a, b, c, 90, 90, 90), (WyckoffSite("X", "8f", (0, y, z)),))


def _chains(a: float, c: float, x: float) -> WyckoffStructure:
    """Return the structure of helical chains, A8, space group P3_121."""
    return WyckoffStructure(152, (a, a, c, 90, 90, 120), (WyckoffSite("X", "3a", (x, 0, 1 / 3)),))


_CRYSTALS: dict[str, tuple[WyckoffStructure, str]] = {
    "I": (
        _halogen(7.119, 4.660, 9.796, 0.155, 0.118),
        "C. Petrillo, O. Moze, R. M. Ibberson, Physica B 180-181, 639 (1992); AFLOW A_oC8_64_f",
    ),
    "Br": (
        _halogen(6.67, 4.48, 8.72, 0.135, 0.110),
        "B. Vonnegut, B. E. Warren, J. Am. Chem. Soc. 58, 2459 (1936)",
    ),
    "Cl": (
        _halogen(6.24, 4.48, 8.26, 0.117, 0.102),
        "R. L. Collin, Acta Cryst. 5, 431 (1952); 9, 537 (1956)",
    ),
    "F": (
        # The molecules, 1.40 Å long, are tilted by 18° out of the ac plane, alternating by layer.
        WyckoffStructure(
            15,
            (5.478, 3.270, 7.265, 90, 102.09, 90),
            (WyckoffSite("X", "8f", (0.276, 0.316, 0.094)),),
        ),
        "cell, bond and space group C2/c: S. I. Ivlev et al., Chem. Eur. J. 25, 3310 (2019), "
        "doi:10.1002/chem.201805298; tilt: L. Pauling, I. Keaveny, A. B. Robinson, J. Solid "
        "State Chem. 2, 225 (1970)",
    ),
    "Se": (_chains(4.366, 4.954, 0.225), "AFLOW A_hP3_152_a"),
    "Te": (_chains(4.456, 5.921, 0.264), "AFLOW A_hP3_152_a"),
    "Ga": (
        _halogen(4.523, 7.661, 4.524, 0.1549, 0.081),
        "B. D. Sharma, J. Donohue, Z. Kristallogr. 117, 293 (1962); AFLOW A_oC8_64_f",
    ),
    "Mn": (
        WyckoffStructure(
            217,
            (8.911, 8.911, 8.911, 90, 90, 90),
            (
                WyckoffSite("X", "2a", (0, 0, 0)),
                WyckoffSite("X", "8c", (0.317, 0.317, 0.317)),
                WyckoffSite("X", "24g", (0.357, 0.357, 0.034)),
                WyckoffSite("X", "24g", (0.089, 0.089, 0.282)),
            ),
        ),
        "AFLOW A_cI58_217_ac2g",
    ),
}
