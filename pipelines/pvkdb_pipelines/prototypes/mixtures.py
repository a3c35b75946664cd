"""Cells of mixtures on the network of a phase: quasirandom, and ordered ones.

The network is that of the first ion on each site, with the mean volume of the mixture's ends
(Vegard). Ions that share a site are placed on it by sqsgenerator, which makes pairs in the nearest
shells as frequent as in a random mixture. Sources: A. Zunger, S.-H. Wei, L. G. Ferreira,
J. E. Bernard, Phys. Rev. Lett. 65, 353 (1990), doi:10.1103/PhysRevLett.65.353 (special quasirandom
structures); D. Gehringer, M. Friák, D. Holec, Comput. Phys. Commun. 286, 108664 (2023),
doi:10.1016/j.cpc.2023.108664 (sqsgenerator).
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from math import comb
from operator import itemgetter
from typing import NamedTuple

import numpy as np
from ase import Atoms

from pvkdb._extras import needing
from pvkdb.chemistry import Ion, parse_composition
from pvkdb.compositions.compounds import Mixture, Role, counts
from pvkdb.errors import InputError
from pvkdb_pipelines.geometry.neighbours import neighbours
from pvkdb_pipelines.geometry.supercells import every_supercell, round_supercell
from pvkdb_pipelines.geometry.symmetry import space_group
from pvkdb_pipelines.prototypes.molecules import placeholder
from pvkdb_pipelines.prototypes.prototype import PrototypeInfo

#: Fewest formula units of a quasirandom cell, 40 atoms of ABX3, and most of any.
FEWEST_UNITS, MOST_UNITS = 8, 64
#: An amount of ions in a cell is whole within this.
_WHOLE = 1e-4
#: Distances farther apart than this belong to different shells, Å.
_GAP_ANG = 0.5
#: Longest distance of a halide from B that is looked at, Å, and that of the third B over that of
#: the second, above which a halide links two octahedra.
_REACH_ANG, _CORNER = 9.0, 1.2
#: Shells in which pairs are counted, each with the weight 1 / its number, and arrangements tried.
_SHELLS, _TRIED = 3, 100_000
#: Most ordered arrangements that are compared, and the tolerance for their symmetry, Å.
_MOST_ORDERED, _SYMPREC_ANG = 20_000, 1e-3


class MixedCell(NamedTuple):
    """A cell of a mixture, not relaxed.

    Placeholders stand for molecules. ``kind`` says in words its size, seed or symmetry, and
    quality. ``deviations`` are the Warren–Cowley parameters of the pair that deviates most, in each
    shell of a site: 0 is random, negative are more unlike pairs.
    """

    atoms: Atoms
    kind: str
    deviations: Mapping[Role, list[float]] = {}


def quasirandom(
    mixture: Mixture, info: PrototypeInfo, units: int | None = None, seed: int = 2145
) -> MixedCell:
    """Return a special quasirandom structure; the same seed gives the same one.

    Args:
        mixture: The mixture.
        info: Its phase.
        units: Formula units; None for the fewest, from :data:`FEWEST_UNITS`, in which every share
            is a whole number of ions.
        seed: Seed of the arrangements that are tried.

    Raises:
        InputError: the shares do not fit this or any size; the message names the nearest size and
            composition that do.
        MissingExtraError: sqsgenerator is not installed.
        MissingRadiusError: an ion has no radius with a source.
    """
    cell, each = _network(mixture, info)
    units = _fitting(mixture, info, each, FEWEST_UNITS, units)
    atoms = round_supercell(cell, units // each)
    shared = {role: of for role, of in _amounts(mixture, units).items() if len(of) > 1}
    sites = {role: _sites(mixture, atoms, role) for role in shared}
    ideal = _untilted(mixture, atoms)
    shells = [_shell_radii_ang(ideal[each]) for each in sites.values()]
    with needing("screening"):
        from sqsgenerator import optimize
        from sqsgenerator.core import LogLevel
    config = {
        "structure": {
            "lattice": ideal.cell.array.tolist(),
            "coords": ideal.get_scaled_positions().tolist(),
            "species": atoms.get_chemical_symbols(),
        },
        "sublattice_mode": "split",
        "iterations": _TRIED,
        "composition": [
            {"sites": sites[role].tolist(), **{placeholder(ion): round(n) for ion, n in of.items()}}
            for role, of in shared.items()
        ],
        "shell_radii": shells,
        "pair_weights": [  # its shell_weights have no effect in 0.5.6
            [((1 - np.eye(len(of))) / n).tolist() for n in range(1, len(radii))]
            for of, radii in zip(shared.values(), shells, strict=True)
        ],
        "thread_config": 1,
        "seed": [seed + n for n in range(len(sites))],
    }
    results = optimize(config, level=LogLevel.error)
    # The best ones come in an order that changes from process to process.
    best = sorted(min(results, key=itemgetter(0))[1], key=lambda result: result.species)
    found = best[int(np.random.default_rng(seed).integers(len(best)))]
    atoms.numbers = found.structure().species
    deviations = {
        role: [
            max((pair.value for pair in pairs.sro(shell) if pair.i != pair.j), key=abs)
            for shell in range(1, len(radii))
        ]
        for role, radii, pairs in zip(sites, shells, found.sublattices(), strict=True)
    }
    listed = "; ".join(
        f"{role} {', '.join(f'{value:+.3f}' for value in of)}" for role, of in deviations.items()
    )
    kind = (
        f"special quasirandom structure of {units} formula units ({len(atoms)} sites), seed "
        f"{seed}, best of {_TRIED:,} arrangements: objective {found.objective:.3f}; pairs in the "
        f"nearest shells, 0 is random (Warren-Cowley): {listed}"
    )
    return MixedCell(atoms, kind, deviations)


def ordered(mixture: Mixture, info: PrototypeInfo) -> MixedCell:
    """Return the ordered arrangement of highest symmetry in the smallest cell of a mixture.

    Of several, the one whose rarer ions are farthest apart: rock salt, not layers.

    Raises:
        InputError: not two ions share one site, or they have too many arrangements.
        MissingRadiusError: an ion has no radius with a source.
    """
    cell, each = _network(mixture, info)
    units = _fitting(mixture, info, each, fewest=1)
    (role, of), *more = [(at, of) for at, of in _amounts(mixture, units).items() if len(of) > 1]
    (rare, number), *others = sorted(of.items(), key=itemgetter(1))
    arrangements = comb(round(sum(of.values())), round(number))
    if more or len(others) > 1 or arrangements > _MOST_ORDERED:
        raise InputError(
            f"{mixture.formula} is not ordered: two ions on one site are, in at most "
            f"{_MOST_ORDERED:,} arrangements; leave --ordered away for a quasirandom structure"
        )
    best, most = cell, (0, 0.0)
    for supercell in every_supercell(cell, units // each):
        sites = _sites(mixture, supercell, role)
        supercell.symbols[sites] = placeholder(others[0][0])
        apart = supercell.get_all_distances(mic=True)
        np.fill_diagonal(apart, np.inf)
        for chosen in combinations(sites, round(number)):
            atoms = supercell.copy()
            atoms.symbols[[*chosen]] = placeholder(rare)
            operations = len(np.unique(space_group(atoms, _SYMPREC_ANG).rotations, axis=0))
            merit = (operations, round(float(apart[np.ix_(chosen, chosen)].min()), 2))
            if merit > most:
                best, most = atoms, merit
    group = space_group(best, _SYMPREC_ANG).symbol
    kind = (
        f"ordered structure of {units} formula units ({len(best)} sites), {group}: of all "
        "arrangements in the smallest cell, the most symmetric one"
    )
    return MixedCell(best, kind)


def _network(mixture: Mixture, info: PrototypeInfo) -> tuple[Atoms, int]:
    """Return the primitive cell with the first ions and the mean volume, and its formula units."""
    starts = {end: info.start(end) for end in mixture.ends}
    mean = sum(share * starts[end].get_volume() for end, share in mixture.ends.items())
    atoms = next(iter(starts.values()))
    atoms.set_cell(atoms.cell * (mean / atoms.get_volume()) ** (1 / 3), scale_atoms=True)
    return atoms, len(atoms) // sum(counts("ABX3").values())


def _amounts(mixture: Mixture, units: int) -> dict[Role, dict[Ion, float]]:
    """Return how many of each ion the sites of a cell hold, not always a whole number."""
    return {
        role: {ion: x * units * counts("ABX3")[role] for ion, x in shares.items()}
        for role, shares in mixture.shares.items()
    }


def _fitting(
    mixture: Mixture, info: PrototypeInfo, each: int, fewest: int, units: int | None = None
) -> int:
    """Return the given formula units, or the fewest, in which all amounts are whole."""
    fitting = [
        n
        for n in range(each, MOST_UNITS + 1, each)
        for sites in [_amounts(mixture, n).values()]
        if all(abs(amount - round(amount)) < _WHOLE for of in sites for amount in of.values())
    ]
    if units in fitting:
        return units
    if units is None and (large := [n for n in fitting if n >= fewest]):
        return large[0]
    asked = max(each, round((units or FEWEST_UNITS) / each) * each)
    size = f"no size up to {MOST_UNITS} does"
    if fitting:
        size = f"take --units {min(fitting, key=lambda n: abs(n - asked))}"
    raise InputError(
        f"{mixture.formula} does not fit {units or 'any number of'} formula units of {info.phase}: "
        f"cells are multiples of {each}, and each site needs whole numbers of ions; {size}, or "
        f"choose {_nearest(mixture, asked)}, which fits {asked}"
    )


def _nearest(mixture: Mixture, units: int) -> str:
    """Return the formula of the nearest composition that fits a number of formula units."""
    text = ""
    for role, amounts in _amounts(mixture, units).items():
        whole = {ion: round(amount) for ion, amount in amounts.items()}
        whole[max(whole, key=lambda ion: whole[ion])] += units * counts("ABX3")[role] - sum(
            whole.values()
        )
        text += "".join(f"{ion.symbol}{n / units:.4g}" for ion, n in whole.items() if n)
    return parse_composition(text).formula


def _sites(mixture: Mixture, atoms: Atoms, role: Role) -> np.ndarray:
    """Return the atoms on a site of the network."""
    return np.flatnonzero(atoms.symbols == placeholder(mixture.sites[role]))


def _untilted(mixture: Mixture, atoms: Atoms) -> Atoms:
    """Return the cell with each halide halfway between its two B, where octahedra share corners.

    Its shells are those of the cubic network; tilts spread them until they overlap.
    """
    is_b, is_x = (atoms.symbols == mixture.sites[role].symbol for role in ("B", "X"))
    near = neighbours(atoms, _REACH_ANG).between(is_x, is_b)
    order = np.lexsort((near.distance, near.first))
    ideal = atoms.copy()
    for halide in np.flatnonzero(is_x):
        first, second, third, *_ = order[near.first[order] == halide]
        if near.distance[third] < _CORNER * near.distance[second]:
            return atoms
        two = [first, second]
        centres = atoms.positions[near.second[two]] + near.cell[two] @ atoms.cell.array
        ideal.positions[halide] = centres.mean(axis=0)
    return ideal


def _shell_radii_ang(sites: Atoms) -> list[float]:
    """Return the radii between the nearest shells of the atoms of a site, from 0, Å."""
    lengths = np.sort(sites.get_all_distances(mic=True), axis=None)
    ends = np.flatnonzero(np.diff(lengths, append=np.inf) > _GAP_ANG)
    nearest = ends[1 : _SHELLS + 1]  # the first is the distance of each site from itself
    return [0.0, *(float(lengths[end]) + _GAP_ANG / 2 for end in nearest)]
