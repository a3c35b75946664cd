"""Starting structures of device compositions that no prototype holds.

``python -m validation.screening.device_starts URL`` stores them in a store, where ``pvkdb`` relaxes
them. They are no measured structures: layers and chains of atoms are taken from prototypes or
placed with bond lengths, and the relaxation finds the nearest minimum of the potential, cell
included. How each is made is in its docstring, which is also its origin in the store.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial

import numpy as np
from ase import Atoms

from pvkdb.chemistry import parse_composition
from pvkdb.chemistry.ions import molecular_geometries
from pvkdb.store.database import Store
from pvkdb.store.files.structure_reading import require_composition
from pvkdb_pipelines.geometry.molecules import bonds
from pvkdb_pipelines.prototypes import build, compound_of
from pvkdb_pipelines.structures.user_structures import check_start, phase_of, store_start

#: Bond lengths, Å: C-S of thiophene, C-C and C-N of an alkane chain, C-H and N-H.
C_S, C_C, C_N, C_H, N_H = 1.72, 1.53, 1.49, 1.09, 1.03
#: The same in thiocyanate: S-C and the triple bond, Å.
S_C, C_N_TRIPLE = 1.65, 1.17
#: Half the angle of a zigzag chain of carbon, and of two hydrogens on one carbon, degrees.
HALF_CHAIN, HALF_H = 56.0, 54.0


def prototype_atoms(formula: str, phase: str) -> Atoms:
    """Return the starting structure of a prototype, not relaxed."""
    return build(compound_of(parse_composition(formula)), phase)


def ba2_pb_sn_i4() -> Atoms:
    """BA2PbI4 (Pbca) with Sn on every second Pb of each layer, as on a chessboard."""
    atoms = prototype_atoms("BA2PbI4", "Pbca")
    scaled = atoms.get_scaled_positions()
    for height in (0.0, 0.5):
        metals = np.flatnonzero(atoms.symbols == "Pb")
        layer = [at for at in metals if abs((scaled[at, 2] - height + 0.25) % 1 - 0.25) < 0.1]
        atoms.symbols[layer[0]] = "Sn"
    return atoms


def thea2_pb_x4(halide: str) -> Atoms:
    """PEA2PbX4 (P-1) with two neighbours of each ring of carbon replaced by S: thiophene."""
    atoms = prototype_atoms(f"PEA2Pb{halide}4", "P-1")
    bonded = bonds(atoms)
    carbon, hydrogen = (atoms.symbols == symbol for symbol in "CH")
    gone: list[int] = []
    placed = Atoms(cell=atoms.cell, pbc=True)
    frame = np.flatnonzero(np.isin(atoms.symbols, [halide, "Pb"]))
    for first in np.flatnonzero(carbon).tolist():
        near = np.flatnonzero(bonded[first] & carbon).tolist()
        hydrogens = np.count_nonzero(bonded[first] & hydrogen)
        if len(near) != 3 or hydrogens:  # the carbon of the ring that holds the chain
            continue
        arms = [[ortho, *_next(bonded, carbon, hydrogen, first, ortho)] for ortho in near]
        arms = [arm for arm in arms if len(arm) == 3]  # the two halves of the ring
        ortho, meta, para = max(
            arms, key=lambda arm: float(atoms.get_distances(arm[1], frame, mic=True).min())
        )
        across, *sides = (
            atoms.get_distance(first, at, mic=True, vector=True) for at in (para, ortho, meta)
        )
        side = sum(sides) / 2 - across / 2
        reach = np.sqrt(C_S**2 - min(float(np.linalg.norm(across)) / 2, 1.3) ** 2)
        centre = atoms.positions[first] + across / 2
        placed += Atoms("S", positions=[centre + reach * side / np.linalg.norm(side)])
        for at in (ortho, meta):
            gone += [at, *np.flatnonzero(bonded[at] & hydrogen).tolist()]
    del atoms[gone]
    return atoms + placed


def _next(
    bonded: np.ndarray, carbon: np.ndarray, hydrogen: np.ndarray, before: int, at: int
) -> list[int]:
    """Return the next two carbons of a ring behind ``before`` and ``at``."""
    found = []
    for _ in range(2):
        onward = [n for n in np.flatnonzero(bonded[at] & carbon) if n != before]
        if np.count_nonzero(bonded[at] & hydrogen) != 1 or len(onward) != 1:
            return []
        before, at = at, int(onward[0])
        found.append(at)
    return found


def pea2_cs3_pb4_i13() -> Atoms:
    """PEA2PbI4 (P-1) with three layers of CsPbI3 inserted into each layer of octahedra.

    They repeat the iodides in its plane, with one more on the line between two Pb.
    """
    atoms = prototype_atoms("PEA2PbI4", "P-1")
    normal = np.cross(atoms.cell[0], atoms.cell[1])
    normal /= np.linalg.norm(normal)
    edge = np.linalg.norm(atoms.cell[0]) / np.sqrt(2)
    scaled = atoms.get_scaled_positions()
    half = (2 * scaled[:, 2]).round(1) % 1 == 0  # of the planes of Pb, at 0 and 1/2
    half &= np.isin(atoms.symbols, ["Pb", "I"])
    level = np.where(half, np.round(2 * scaled[:, 2]), np.ceil(2 * scaled[:, 2]))
    atoms.positions -= np.outer(level == 2, atoms.cell[2]) * half[:, None]
    level[half & (level == 2)] = 0
    atoms.positions += 3 * edge * np.outer(level, normal)
    single = atoms.copy()
    for of in (0, 1):
        plane = single[half & (level == of)]
        lead = plane.positions[plane.symbols == "Pb"]
        for step in (1, 2, 3):
            layer = plane.copy()
            layer.positions += step * edge * normal
            bridge = lead + (step - 0.5) * edge * normal
            layer += Atoms(f"I{len(lead)}", positions=bridge)
            layer += Atoms(f"Cs{len(lead)}", positions=bridge + atoms.cell[0] / 2)
            atoms += layer
    atoms.cell[2] += 6 * edge * normal
    return atoms


def bda_ma2_pb3_i10() -> Atoms:
    """Three layers of octahedra, turned by 8 degrees about the normal, with MA in their holes.

    Straight chains of BDA lead from hole to hole across the gap; layers lie above each other.
    """
    edge, turn = 6.30, np.radians(8.0)
    side = np.sqrt(2) * edge
    along, across = np.array([1.0, 1.0, 0.0]) / np.sqrt(2), np.array([-1.0, 1.0, 0.0]) / np.sqrt(2)
    up = np.array([0.0, 0.0, 1.0])
    holes = [np.array([side / 2, 0.0, 0.0]), np.array([0.0, side / 2, 0.0])]
    leads = [np.zeros(3), np.array([side, side, 0.0]) / 2]
    chain, length = _chain()
    atoms = Atoms(cell=[side, side, 3 * edge + length], pbc=True)
    shift = np.tan(turn)
    ligands = [along + shift * across, -along - shift * across]
    ligands += [across - shift * along, shift * along - across]
    for layer in range(3):
        height = layer * edge * up
        atoms += Atoms("Pb2", positions=[lead + height for lead in leads])
        atoms += Atoms("I4", positions=[edge / 2 * ligand + height for ligand in ligands])
        atoms += Atoms("I2", positions=[lead + height - edge / 2 * up for lead in leads])
        if layer == 2:
            atoms += Atoms("I2", positions=[lead + height + edge / 2 * up for lead in leads])
            continue
        for hole, axis in zip(holes, (along, -along), strict=True):
            frame = np.array([across, np.cross(axis, across), axis])
            for element, place in molecular_geometries()["MA"]:
                there = hole + height + edge / 2 * up + np.array(place) @ frame
                atoms += Atoms(element, positions=[there])
    for hole, sign in zip(holes, (1, -1), strict=True):
        molecule = chain.copy()
        molecule.positions[:, :2] *= sign
        molecule.positions += hole + 2.5 * edge * up
        atoms += molecule
    return atoms


def cs2_pb_br2_scn2() -> Atoms:
    """Layers PbBr2 of shared corners with S of SCN above and below Pb, and Cs in their hollows.

    The thiocyanates lean outwards, in the second layer at right angles to those of the first.
    """
    side, spacing, lean = 5.9, 9.2, np.array([0.54, 0.54, 0.64])
    atoms = Atoms(cell=[side, side, 2 * spacing], pbc=True)
    corners = side / 2 * np.array([[1, 0, 0], [0, 1, 0]])
    shift = np.array([side / 2, side / 2, spacing])
    for layer, corner in enumerate([np.zeros(3), shift]):
        atoms += Atoms("PbBr2", positions=[corner, *(corner + corners)])
        direction = lean * [1, -1 if layer else 1, 1]
        for sign in (1, -1):
            sulfur = np.array([0.0, 0.0, 3.0])
            rod = [sulfur, sulfur + S_C * direction, sulfur + (S_C + C_N_TRIPLE) * direction]
            rod += [np.array([side / 2, side / 2, 2.2])]
            atoms += Atoms("SCNCs", positions=[corner + sign * place for place in rod])
    return atoms


def _chain() -> tuple[Atoms, float]:
    """Return butane-1,4-diammonium, stretched along z from its first N, and its length, Å."""
    step, zigzag = C_C * np.sin(np.radians(HALF_CHAIN)), C_C * np.cos(np.radians(HALF_CHAIN))
    heights = C_N / C_C * step + step * np.arange(4)
    length = heights[-1] + heights[0]
    places = [(0.0, heights[0])] + [(zigzag * (n % 2), heights[n]) for n in range(1, 4)]
    chain = Atoms("N2", positions=[[zigzag, 0, 0], [0, 0, length]])
    for x, z in places:
        outward = np.array([1.0 if x else -1.0, 0.0, 0.0]) * np.cos(np.radians(HALF_H))
        sideways = np.array([0.0, 1.0, 0.0]) * np.sin(np.radians(HALF_H))
        carbon = np.array([x, 0.0, z])
        hydrogens = [carbon + C_H * (outward + sign * sideways) for sign in (1, -1)]
        chain += Atoms("CH2", positions=[carbon, *hydrogens])
    for end, sign in ((0, -1), (1, 1)):
        nitrogen = chain.positions[end].copy()
        for angle in np.radians([0, 120, 240]):
            outward = np.array([np.cos(angle), np.sin(angle), 0.0]) * np.sin(np.radians(70.5))
            outward[2] = sign * np.cos(np.radians(70.5))
            chain += Atoms("H", positions=[nitrogen + N_H * outward])
    return chain, float(length)


#: Builders by formula; potential, where layers need dispersion, is sevennet-0-d3.
STARTS: dict[str, Callable[[], Atoms]] = {
    "(BA)2Pb0.5Sn0.5I4": ba2_pb_sn_i4,
    "(ThEA)2PbI4": partial(thea2_pb_x4, "I"),
    "(ThEA)2PbBr4": partial(thea2_pb_x4, "Br"),
    "(BDA)MA2Pb3I10": bda_ma2_pb3_i10,
    "Cs2PbBr2(SCN)2": cs2_pb_br2_scn2,
    "(PEA)2Cs3Pb4I13": pea2_cs3_pb4_i13,
}


def main() -> None:
    """Store the starting structures."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("url", metavar="URL")
    store = Store(parser.parse_args().url)
    for formula, make in STARTS.items():
        composition, atoms = parse_composition(formula), make()
        require_composition(atoms, composition, formula)
        check_start(atoms, formula)
        with store.session() as session:
            phase = phase_of(atoms, composition)
            origin = f"validation/screening/device_starts.py: {' '.join(_words(make).split())}"
            key = store_start(session, atoms, composition, phase, origin)[0].id
            session.commit()
        print(f"{formula}: {phase}, {len(atoms)} atoms, {key}")


def _words(make: Callable[[], Atoms]) -> str:
    return str(getattr(make, "func", make).__doc__).partition("\n\n")[0]


if __name__ == "__main__":
    main()
