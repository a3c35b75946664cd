"""Checks that a relaxed structure is still the requested halide.

The thresholds are measured: 182 relaxations of twelve ABX3 halides from seven prototypes with
CHGNet and SevenNet-0. Their healthy end products had shortest A–X and B–X distances of 0.88 to
1.0 of the sum of the radii, and volumes of 0.89 to 1.51 of the start.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers

from pvkdb.compositions.compounds import Compound, Role
from pvkdb.schemas.calculations.findings import Finding, Flaw
from pvkdb.schemas.calculations.reliability import TURNED_DEG
from pvkdb_pipelines.geometry.molecules import turned_deg
from pvkdb_pipelines.geometry.neighbours import (
    CLOSEST_APPROACH,
    Neighbours,
    bond_lengths_ang,
    neighbours,
)
from pvkdb_pipelines.geometry.symmetry import space_group
from pvkdb_pipelines.prototypes.radii import contact_ang
from pvkdb_pipelines.structures.octahedra import Polyhedra, polyhedra, reach_ang

__all__ = ["check"]

#: Shortest B–X distance over the sum of the radii, A–X with 12 halides around A.
B_X_OF_RADII = (0.85, 1.05)
#: The range for A is wider than the measured caesium halides require: Na in NaMgF3, which has eight
#: near fluorides, 0.83; Cs in Cs2AgBiBr6 (11.27 Å) 1.04 and in cubic CsPbI3, with both potentials,
#: 1.11. Outside it, A has left its site.
A_X_OF_RADII = (0.80, 1.15)
#: Volume over the starting volume: the measured range, widened by 10 %.
VOLUME_RATIO = (0.80, 1.66)
#: Longest over shortest B–X distance in one polyhedron. Off-centred CsGeI3 has 1.2.
BOND_SPREAD = 1.4
#: Energy, eV per atom. Halides have −2 to −7 with the potentials trained on MPtrj; overlapping
#: atoms gave −14.6 without an error.
ENERGY_EV_PER_ATOM = (-9.0, -0.5)
#: Tolerance for the space group of a relaxed structure, Å.
SYMPREC_ANG = 0.1
#: Range of A–X distances over the sum of the radii.
_REACH = 1.3


def check(
    relaxed: Atoms,
    compound: Compound,
    start: Atoms,
    *,
    coordination: int = 6,
    keeps_polyhedra: bool = True,
    converged: bool = True,
    energy_ev: float | None = None,
    space_group_number: int | None = None,
) -> tuple[Finding, ...]:
    """Return all flaws of a relaxed structure; empty if there is none.

    Args:
        relaxed: Relaxed structure.
        compound: Its compound.
        start: Structure before the relaxation.
        coordination: Expected number of halides around B, or the cation of a binary halide.
        keeps_polyhedra: Whether the polyhedra of B must be kept; not for competing phases, of which
            only the lowest energy is used.
        converged: Whether the relaxation reached its target force.
        energy_ev: Energy of the relaxed cell, eV; None to skip its check.
        space_group_number: Space group that must be kept; None to allow any.

    Raises:
        MissingRadiusError: an ion has no radius.
    """
    if not (np.isfinite(relaxed.positions).all() and relaxed.get_volume() > 0):
        return (Finding(Flaw.NOT_CONVERGED, "positions or cell are not numbers"),)
    findings: list[Finding] = []
    if not converged:
        findings.append(Finding(Flaw.NOT_CONVERGED, "the target force was not reached"))
    if energy_ev is not None:
        per_atom, words = energy_ev / len(relaxed), "eV an atom (halides: "
        findings += _outside(Flaw.ENERGY_OUT_OF_RANGE, per_atom, ENERGY_EV_PER_ATOM, words)
    near = neighbours(relaxed, _reach_ang(compound, coordination))
    findings += _of_distances(relaxed, compound, coordination, near)
    ratio = (relaxed.get_volume() / len(relaxed)) / (start.get_volume() / len(start))
    findings += _outside(Flaw.VOLUME_OUT_OF_RANGE, ratio, VOLUME_RATIO, "of the start (")
    if compound.molecular:
        angles = turned_deg(start, relaxed)
        if far := np.count_nonzero(angles > TURNED_DEG):
            of = f"{far} of {len(angles)} by more than {TURNED_DEG:g}°"
            said = f"{of}, at most {angles.max():.0f}°"
            findings.append(Finding(Flaw.MOLECULES_TURNED, said))
    if keeps_polyhedra and "B" in compound.sites:
        now = polyhedra(relaxed, compound, coordination, near)
        findings += _of_polyhedra(now, polyhedra(start, compound, coordination))
    if space_group_number is not None:
        found = space_group(relaxed, SYMPREC_ANG)
        if found.number != space_group_number:
            became = f"{found.symbol} (no. {found.number}) within {SYMPREC_ANG} Å"
            said = f"no. {space_group_number} became {became}"
            findings.append(Finding(Flaw.SYMMETRY_CHANGED, said))
    return tuple(findings)


def shortest_of_radii(
    atoms: Atoms, compound: Compound, coordination: int = 6, near: Neighbours | None = None
) -> dict[Role, float]:
    """Return the shortest cation–halide distance of every site over the sum of the radii.

    It is infinite if no halide is near. ``near`` are the neighbours, if already known.
    """
    if near is None:
        near = neighbours(atoms, _reach_ang(compound, coordination))
    found: dict[Role, float] = {}
    for role, cation, halide, length in _contacts_ang(compound, coordination):
        pairs = near.between(*(atoms.numbers == atomic_numbers[ion] for ion in (cation, halide)))
        shortest = float(np.min(pairs.distance, initial=np.inf)) / length
        found[role] = min(shortest, found.get(role, np.inf))
    return found


def _contacts_ang(compound: Compound, coordination: int) -> Iterator[tuple[Role, str, str, float]]:
    """Yield site, cation, halide and the sum of their radii, Å; A beside B has 12 halides.

    A molecule is no sphere, and is left out.
    """
    sites = compound.shares
    for role, cations in sites.items():
        number = 12 if role[0] == "A" and "B" in sites else coordination
        for cation, halide in product(cations, compound.halides if role[0] != "X" else ()):
            if not cation.molecular:
                yield role, cation.symbol, halide.symbol, contact_ang(cation, number, halide)


def _reach_ang(compound: Compound, coordination: int) -> float:
    reach = _REACH * max(length for *_, length in _contacts_ang(compound, coordination))
    return max(reach, reach_ang(compound, coordination)) if "B" in compound.sites else reach


def _outside(
    flaw: Flaw, value: float, limits: tuple[float, float], words: str
) -> Iterator[Finding]:
    low, high = limits
    if not low <= value <= high:
        yield Finding(flaw, f"{value:.2f} {words}{low:g} to {high:g})")


def _of_distances(
    relaxed: Atoms, compound: Compound, coordination: int, near: Neighbours
) -> Iterator[Finding]:
    names = {role: "/".join(ion.symbol for ion in ions) for role, ions in compound.shares.items()}
    for role, ratio in shortest_of_radii(relaxed, compound, coordination, near).items():
        low, high = A_X_OF_RADII if role[0] == "A" else B_X_OF_RADII
        said = f"{names[role]}–{names['X']} {ratio:.2f} of the radii"
        if ratio < low:
            yield Finding(Flaw.DISTANCES_TOO_SHORT, f"{said} (at least {low})")
        elif ratio > high:
            yield Finding(Flaw.DISTANCES_TOO_LONG, f"{said} (at most {high})")
    numbers = relaxed.numbers
    ratios = near.distance / bond_lengths_ang(numbers[near.first], numbers[near.second])
    if len(ratios) and ratios.min() < CLOSEST_APPROACH:
        worst = int(np.argmin(ratios))
        i, j = near.first[worst], near.second[worst]
        yield Finding(
            Flaw.ATOMS_TOO_CLOSE,
            f"{relaxed.symbols[i]}–{relaxed.symbols[j]} {near.distance[worst]:.2f} Å, "
            f"{ratios[worst]:.2f} of the covalent radii (at least {CLOSEST_APPROACH})",
        )


def _of_polyhedra(now: Polyhedra, before: Polyhedra) -> Iterator[Finding]:
    if not np.isin(now.coordination, [before.expected, *before.coordination]).all():
        numbers = " ".join(str(number) for number in sorted(set(now.coordination.tolist())))
        yield Finding(Flaw.COORDINATION_CHANGED, f"{numbers} in place of {before.expected}")
    if now.spread > BOND_SPREAD:
        said = f"longest over shortest {now.spread:.2f} (at most {BOND_SPREAD})"
        yield Finding(Flaw.BONDS_UNEVEN, said)
    if now.links != before.links:
        said = f"{before.linkage} ({before.network}) became {now.linkage} ({now.network})"
        yield Finding(Flaw.CONNECTIVITY_CHANGED, said)
