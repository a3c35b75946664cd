"""Crystals of the elements, the references of halide-poor and halide-rich limits.

Most elements have the structure tabulated in ASE; the halogens and the few elements without
positions in ASE are in ``prototypes.toml``.
"""

from __future__ import annotations

from ase import Atoms
from ase.build import bulk

from pvkdb.errors import InputError
from pvkdb_pipelines.prototypes.prototype import TABLES, structure_of

#: Crystals that ASE does not tabulate, by element.
_CRYSTALS = {entry["symbol"]: entry for entry in TABLES["element"]}


def build_element(symbol: str, rattle_ang: float = 0.0, seed: int = 2145) -> Atoms:
    """Build the primitive cell of a solid element with its published lattice constants.

    Args:
        symbol: Element, e.g. ``Pb``; a halogen gives the molecular crystal.
        rattle_ang: Standard deviation of a random shift of every coordinate, Å.
        seed: Seed of the random shift.

    Raises:
        InputError: no crystal structure of the element is tabulated.
    """
    if (given := _CRYSTALS.get(symbol)) is not None:
        structure = structure_of(given["number"], given["cell"], given["sites"])
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
    return _CRYSTALS[symbol]["source"] if symbol in _CRYSTALS else "ase.data.reference_states"
