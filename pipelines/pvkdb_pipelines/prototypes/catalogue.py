"""All prototypes by stoichiometry: look-up, starting structures, and candidates for a search."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from ase import Atoms

from pvkdb.chemistry import Composition
from pvkdb.chemistry.factors.tolerance import goldschmidt
from pvkdb.chemistry.ions import LAYER_PHASES, molecular_geometries
from pvkdb.chemistry.phases import MEASURED
from pvkdb.chemistry.sites import is_spacer
from pvkdb.compositions.compounds import (
    Compound,
    Mixture,
    Stoichiometry,
    compound_of,
    stoichiometry_of,
)
from pvkdb.errors import InputError, unknown_name
from pvkdb_pipelines.prototypes.layers import layers
from pvkdb_pipelines.prototypes.mixtures import quasirandom
from pvkdb_pipelines.prototypes.molecules import place_molecules, placeholder
from pvkdb_pipelines.prototypes.perovskites import networks
from pvkdb_pipelines.prototypes.prototype import PrototypeInfo, published
from pvkdb_pipelines.prototypes.radii import radius_ang

#: The target phases of a screening: networks of corner-sharing octahedra, or dimers and isolated
#: octahedra of types that consist of them. Other types are competitors only.
PEROVSKITE_PHASES: Mapping[Stoichiometry, frozenset[str]] = {
    "ABX3": frozenset({"Pm-3m", "P4/mbm", "I4/mcm", "Pnma", "R-3c", "R3m"}),
    "A2BB'X6": frozenset({"Fm-3m", "P2_1/n"}),
    "A2BX6": frozenset({"Fm-3m", "P4/mnc"}),
    "A3B2X9": frozenset({"P6_3/mmc", "P-3m1"}),
    "A2BX4": frozenset({"I4/mmm", *LAYER_PHASES.values()}),
}

PROTOTYPES: tuple[PrototypeInfo, ...] = (*networks(), *published(), *layers())

#: Other usual names of phases.
_ALIASES = {
    "cubic": "Pm-3m",
    "tilted": "Pnma",
    "δ": "delta",
    "yellow": "delta",
    "dimer": "P6_3/mmc",
    "layered": "P-3m1",
    "elpasolite": "Fm-3m",
    "P21/n": "P2_1/n",
    "P63/mmc": "P6_3/mmc",
}

#: B cations that a lone pair moves off the centre of the octahedron: Ge2+ and, less, Sn2+.
_LONE_PAIRS = frozenset({"Ge", "Sn"})
#: Smallest Goldschmidt factor for which hexagonal perovskites are tried. The lowest of a known one
#: is 0.93 (CsCdBr3, 2H) with 12- and 6-coordinate Shannon radii.
_HEXAGONAL_FROM = 0.90
#: Factor from which A is too large for the double chains of NH4CdCl3.
_NO_CHAINS_FROM = 1.0

#: Prototypes that a less symmetric one replaces: its rattled start relaxes to them if they are
#: lower. With CHGNet the cubic one was lowest for none of 81 A3BX6, and rutile for 2 of 51 BX2, by
#: at most 1.4 meV per atom.
_REPLACED: dict[str, frozenset[str]] = {
    "A2BB'X6": frozenset({"Fm-3m"}),
    "A3BX6": frozenset({"Fm-3m"}),
    "BX2": frozenset({"P4_2/mnm"}),
}


def phases(family: str) -> tuple[PrototypeInfo, ...]:
    """Return the prototypes of a family (``3D``) or stoichiometry (``ABX3``, ``BX2``).

    Raises:
        InputError: there are no prototypes for it.

    Example:
        >>> [info.phase for info in phases("A3B2X9")]
        ['P6_3/mmc', 'P-3m1']
    """
    stoichiometry = stoichiometry_of(family)
    return tuple(info for info in PROTOTYPES if info.stoichiometry == stoichiometry)


def prototypes_of(compound: Compound) -> tuple[PrototypeInfo, ...]:
    """Return the prototypes that can hold a compound.

    Molecules on A are placed in perovskites ABX3 and in A3B2X9, and are part of the layers that
    are theirs. Those that hold layers apart fit into no other.
    """
    known = phases(compound.stoichiometry)
    if not compound.molecular:
        return tuple(info for info in known if info.spacer is None)
    if spacers := {ion.symbol for ion in compound.on("A") if is_spacer(ion)}:
        return tuple(info for info in known if {info.spacer} == spacers)
    if compound.stoichiometry == "A3B2X9":
        return known
    if compound.stoichiometry == "ABX3":
        return tuple(info for info in known if info.phase in PEROVSKITE_PHASES["ABX3"])
    return ()


def prototype(family: str, phase: str) -> PrototypeInfo:
    """Return a prototype of a family or stoichiometry.

    Raises:
        InputError: the family has no prototypes, or none of this phase.
    """
    known = {info.phase: info for info in phases(family)}
    wanted = _ALIASES.get(phase, phase)
    if wanted not in known:
        raise InputError(unknown_name(f"{stoichiometry_of(family)} prototype", phase, known))
    return known[wanted]


def build(
    what: Composition | Compound,
    phase: str,
    rattle_ang: float = 0.0,
    seed: int = 2145,
    pattern: str = "antipolar",
) -> Atoms:
    """Build the starting structure of a composition in a phase, with lengths from radii.

    Args:
        what: A composition, or a compound; of a mixture, a quasirandom cell.
        phase: Phase of its family, see :func:`phases`.
        rattle_ang: Standard deviation of a random shift of every coordinate, Å. A relaxation
            cannot break the symmetry of its start; a shift of 0.05 Å allows it to.
        seed: Seed of the random shift, of random orientations, and of the arrangement of a mixture.
        pattern: How molecules on the A sites are turned, see ``place_molecules``.

    Returns:
        The primitive cell; with molecules, that of the octahedra; of a mixture, its cell.

    Raises:
        InputError: the composition cannot be built, or its family has no such phase.
        MissingRadiusError: an ion has no radius with a source.
    """
    compound = what if isinstance(what, Compound) else compound_of(what)
    info, known = prototype(compound.stoichiometry, phase), prototypes_of(compound)
    if info not in known:
        raise InputError(
            f"{compound} cannot be built in the phase {info.phase}, whose A site is of another "
            f"shape; choose from {', '.join(each.phase for each in known)}"
        )
    if isinstance(compound, Mixture):
        atoms = quasirandom(compound, info, seed=seed).atoms
    else:
        atoms = info.start(compound)
    atoms = with_molecules(compound, atoms, pattern, seed)
    if rattle_ang > 0:
        atoms.rattle(stdev=rattle_ang, seed=seed)
    return atoms


def with_molecules(compound: Compound, host: Atoms, pattern: str, seed: int) -> Atoms:
    """Return a cell with the molecules of a compound in place of their placeholders."""
    sites = {
        int(at): ion
        for ion in compound.on("A")
        if ion.symbol in molecular_geometries()
        for at in np.flatnonzero(host.symbols == placeholder(ion))
    }
    return place_molecules(host, sites, pattern, seed) if sites else host


def candidates(what: Composition | Compound) -> tuple[PrototypeInfo, ...]:
    """Return the prototypes to relax in search of the ground state.

    For ABX3 the tilted Pnma cell replaces all perovskites (it relaxed to within 2 meV of the best
    of five in 11 of 12 halides, back to cubic where appropriate), with R3m for Ge and Sn; the
    competitors are delta and, if the tolerance factor allows them, 2H and 6H, into which molecules
    are not placed. A tilted double perovskite or elpasolite replaces the cubic one, and CaCl2
    replaces rutile. Other stoichiometries: all prototypes. The phase that was measured at room
    temperature is always one.

    Raises:
        InputError: the composition cannot be built.
        MissingRadiusError: an ion has no radius with a source.
    """
    compound = what if isinstance(what, Compound) else compound_of(what)
    wanted = _searched(compound) | {_measured(compound)}
    return tuple(info for info in prototypes_of(compound) if info.phase in wanted)


def keeps_symmetry(compound: Compound, phase: str) -> bool:
    """Return whether a phase is relaxed with its own symmetry, without a random shift.

    So is one that the search has only because it was measured: heat alone may make it stable, and
    from a shifted start it would become the less symmetric prototype that replaces it.
    """
    return phase == _measured(compound) and phase not in _searched(compound)


def _measured(compound: Compound) -> str | None:
    measured = MEASURED.get(compound.formula)
    return measured.prototype if measured else None


def _searched(compound: Compound) -> set[str]:
    if compound.stoichiometry != "ABX3":
        replaced = _REPLACED.get(compound.stoichiometry, frozenset())
        return {info.phase for info in prototypes_of(compound)} - replaced
    ions, wanted = compound.sites, {"Pnma"}
    if ions["B"].symbol in _LONE_PAIRS:
        wanted.add("R3m")
    if compound.molecular:
        return wanted
    t = goldschmidt(radius_ang(ions["A"], 12), radius_ang(ions["B"], 6), radius_ang(ions["X"], 6))
    if t >= _HEXAGONAL_FROM:
        wanted |= {"2H", "6H"}
    if t < _NO_CHAINS_FROM:
        wanted.add("delta")
    return wanted
