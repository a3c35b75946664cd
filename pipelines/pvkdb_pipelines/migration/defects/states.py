"""Relaxed defects as displacements of their host, which symmetry maps to equivalent sites.

One relaxed vacancy gives the end points of all hops from and to its equivalent sites: displacements
and forces are rotated and permuted, and the energy is the same. If the relaxation broke the
symmetry of the site, the state has several variants; a hop connects the closest variants of its
two ends.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from ase import Atoms
from ase.geometry import find_mic, get_distances

from pvkdb_pipelines.geometry.hosts import set_results
from pvkdb_pipelines.migration.sites.hops import HopClass
from pvkdb_pipelines.migration.sites.operations import SymmetryOperations
from pvkdb_pipelines.migration.sites.sites import DefectSites

#: Tolerance for equal variants, Å.
_SAME_ANG = 0.02
#: A site is vacant if no atom is within this distance, Å.
_EMPTY_ANG = 1.7


@dataclass(frozen=True)
class DefectState:
    """A relaxed defect; n atoms in the host.

    Attributes:
        displacements: Displacements of the host's atoms and, last, of an added atom from its site,
            shape (n + 1, 3), Å; zero for a missing atom and if none is added.
        forces: Forces in the same order, shape (n + 1, 3), eV/Å.
        broken: Whether it is lower because it broke the symmetry of the site.
    """

    site: int
    energy_ev: float
    displacements: np.ndarray
    forces: np.ndarray
    steps: int
    broken: bool = False


@dataclass(frozen=True)
class Ends:
    """Both ends of a hop with the same order of atoms, and the operation that exchanges them."""

    initial: Atoms
    final: Atoms
    exchange: Exchange | None


@dataclass(frozen=True)
class Exchange:
    """The symmetry operation that maps a path onto its reverse; n atoms with the defect.

    A structure of the path is mapped onto the one at the same distance from the other end:
    positions x become ``x[order] @ rotation.T + shifts``.

    Attributes:
        order: Index of the atom that is mapped to each position of the list, shape (n,).
        rotation: Cartesian rotation, shape (3, 3).
        shifts: Translations, shape (n, 3), Å.
    """

    order: np.ndarray
    rotation: np.ndarray
    shifts: np.ndarray

    def positions(self, positions: np.ndarray) -> np.ndarray:
        """Return the positions in the image of a structure, shape (n, 3), Å."""
        return np.asarray(positions[self.order] @ self.rotation.T + self.shifts)

    def forces(self, forces: np.ndarray) -> np.ndarray:
        """Return the forces in the image of a structure, shape (n, 3)."""
        return np.asarray(forces[self.order] @ self.rotation.T)


@dataclass(frozen=True)
class Stage:
    """A host with the sites of a defect, and the symmetry of both."""

    sites: DefectSites

    @property
    def operations(self) -> SymmetryOperations:
        """The symmetry of the host."""
        return self.sites.operations

    @property
    def host(self) -> Atoms:
        """The complete supercell, symmetrised."""
        return self.operations.host

    def element(self, site: int) -> str:
        """Return the element that is missing on a site, or added."""
        if self.sites.kind == "interstitial":
            return self.sites.symbol
        return str(self.host.symbols[self.sites.atoms[site]])

    def exchanges(self, hop: HopClass) -> bool:
        """Whether the two sites hold different ions, so that a hop leaves one on the other's."""
        return self.element(hop.start) != self.element(hop.end)

    def with_defect(self, site: int, state: DefectState | None = None) -> Atoms:
        """Return the supercell with the defect on a site: unrelaxed, or relaxed as in a state."""
        atoms = self.host.copy()
        atoms.calc = None
        moved = np.zeros((len(atoms) + 1, 3)) if state is None else state.displacements
        atoms.positions += moved[:-1]
        if self.sites.kind == "vacancy":
            del atoms[int(self.sites.atoms[site])]
        else:
            atoms += Atoms(self.sites.symbol, [self.sites.positions[site] + moved[-1]])
        if state is not None:
            kept = self.kept(site)
            set_results(atoms, state.energy_ev, state.forces[kept])
        return atoms

    def state_of(self, site: int, relaxed: Atoms, steps: int) -> DefectState:
        """Return the defect state that a relaxed supercell, with energy and forces, contains."""
        kept = self.kept(site)
        unmoved = np.vstack([self.host.positions, np.zeros(3)])
        if self.sites.kind == "interstitial":
            unmoved[-1] = self.sites.positions[site]
        displacements, forces = np.zeros_like(unmoved), np.zeros_like(unmoved)
        displacements[kept], _ = find_mic(
            relaxed.positions - unmoved[kept], self.host.cell, self.host.pbc
        )
        forces[kept] = relaxed.get_forces()
        energy = float(relaxed.get_potential_energy())
        return DefectState(site, energy, displacements, forces, steps)

    def carried(self, state: DefectState, index: int) -> DefectState:
        """Return the image of a state under a symmetry operation of the host."""
        rotation = self.operations.cartesian(index)
        target = np.append(self.operations.on_atoms.target[index], len(self.host))
        displacements, forces = np.empty_like(state.displacements), np.empty_like(state.forces)
        displacements[target] = state.displacements @ rotation.T
        forces[target] = state.forces @ rotation.T
        return DefectState(
            int(self.sites.action.target[index, state.site]),
            state.energy_ev,
            displacements,
            forces,
            state.steps,
            state.broken,
        )

    def variants(self, state: DefectState, site: int) -> list[DefectState]:
        """Return all distinct symmetry images of a state that have the defect on this site."""
        found: list[DefectState] = []
        for index in np.flatnonzero(self.sites.action.target[:, state.site] == site):
            carried = self.carried(state, int(index))
            if not any(_alike(carried, other) for other in found):
                found.append(carried)
        return found

    def ends(self, hop: HopClass, start: DefectState, end: DefectState) -> Ends:
        """Return the closest symmetry images of both end states, exchanged by symmetry if possible.

        The states are on any sites equivalent to the ends of the representative of the hop.
        """
        pairs = [
            (self._apart(hop, first, second), first, second)
            for first in self.variants(start, hop.start)
            for second in self.variants(end, hop.end)
        ]
        nearest = min(apart for apart, _, _ in pairs)
        close = [pair for pair in pairs if pair[0] < nearest + _SAME_ANG]
        for _, first, second in close:
            exchange = self._exchange(hop, first, second)
            if exchange is not None:
                return Ends(*self._structures(hop, first, second), exchange)
        _, first, second = close[0]
        return Ends(*self._structures(hop, first, second), None)

    def renamed(self, hop: HopClass, atoms: Atoms) -> Atoms:
        """Return a cell reordered from the order of atoms at a hop's start to the one at its end.

        The atom that jumped takes the index of the site that was vacant.
        """
        vacant, jumping = (int(self.sites.atoms[site]) for site in (hop.start, hop.end))
        kept = self.kept(hop.start)
        place = {int(index): position for position, index in enumerate(kept)}
        place[vacant] = place[jumping]
        order = [place[int(index)] for index in self.kept(hop.end)]
        return set_results(atoms[order], atoms.get_potential_energy(), atoms.get_forces()[order])

    def vacant_site(self, atoms: Atoms) -> int | None:
        """Return the vacant site: the only one without a near atom; None if there is not one."""
        if self.sites.kind != "vacancy":
            return None
        movable = atoms.positions[np.isin(atoms.numbers, self.host.numbers[self.sites.atoms])]
        _, distances = get_distances(
            self.sites.positions, movable, cell=self.host.cell, pbc=self.host.pbc
        )
        empty = np.flatnonzero(distances.min(axis=1) > _EMPTY_ANG)
        return int(empty[0]) if len(empty) == 1 else None

    def moving_atom(self, hop: HopClass) -> int:
        """Return the index of the atom that jumps, in supercells with the defect."""
        if self.sites.kind == "interstitial":
            return len(self.host)
        vacant, jumping = (int(self.sites.atoms[site]) for site in (hop.start, hop.end))
        return jumping - (jumping > vacant)

    def kept(self, site: int) -> np.ndarray:
        """Return the rows of a state's arrays that are atoms of the supercell with the defect."""
        if self.sites.kind == "vacancy":
            return np.delete(np.arange(len(self.host)), self.sites.atoms[site])
        return np.arange(len(self.host) + 1)

    def _structures(
        self, hop: HopClass, first: DefectState, second: DefectState
    ) -> tuple[Atoms, Atoms]:
        initial = self.with_defect(hop.start, first)
        shift = np.array(hop.vector) @ self.host.cell.array
        positions = np.vstack([self.host.positions, np.zeros(3)]) + second.displacements
        forces = second.forces.copy()
        if self.sites.kind == "interstitial":
            positions[-1] += self.sites.positions[hop.end] + shift
        else:
            # The jumping atom keeps its index and ends on the vacant site, in the image to which it
            # moves along the line of the hop and not through a cell boundary.
            vacant, jumping = (int(self.sites.atoms[site]) for site in (hop.start, hop.end))
            positions[jumping] = positions[vacant] - shift
            forces[jumping] = forces[vacant]
        kept = self.kept(hop.start)
        final = initial.copy()
        final.positions = positions[kept]
        set_results(final, second.energy_ev, forces[kept])
        return initial, final

    def _apart(self, hop: HopClass, first: DefectState, second: DefectState) -> float:
        """Return the distance of two ends in the space of all atoms but the jumping one, Å."""
        steps = (second.displacements - first.displacements)[:-1]
        if self.sites.kind == "vacancy":
            steps = np.delete(steps, self.sites.atoms[[hop.start, hop.end]], axis=0)
        return float(np.linalg.norm(steps))

    def _exchange(self, hop: HopClass, first: DefectState, second: DefectState) -> Exchange | None:
        """Return the operation that maps the hop and its ends onto the reverse hop."""
        for index in hop.exchanges:
            there, back = self.carried(first, index), self.carried(second, index)
            if _alike(there, second) and _alike(back, first):
                exchange = self._as_exchange(hop, first, second, index)
                if exchange is not None:
                    return exchange
        return None

    def _as_exchange(
        self, hop: HopClass, first: DefectState, second: DefectState, index: int
    ) -> Exchange | None:
        initial, final = self._structures(hop, first, second)
        target = self.operations.on_atoms.target[index].copy()
        if self.sites.kind == "vacancy":
            jumping = int(self.sites.atoms[hop.end])
            target[jumping] = jumping
            kept = self.kept(hop.start)
            places = np.searchsorted(kept, target[kept])
        else:
            places = np.append(target, len(self.host))
        order = np.argsort(places)  # the atom that is mapped to each position of the list
        rotation = self.operations.cartesian(index)
        turned = initial.positions[order] @ rotation.T
        shifts = final.positions - turned
        exchange = Exchange(order, rotation, shifts)
        # Rotation and translation are the same for all atoms, up to lattice vectors.
        common = self.operations.translations[index] @ self.host.cell.array
        rest = (shifts - common) @ np.linalg.inv(self.host.cell.array)
        if np.abs((rest - np.rint(rest)) @ self.host.cell.array).max() > _SAME_ANG:
            return None
        exact = common + np.rint(rest) @ self.host.cell.array
        exchange = Exchange(order, rotation, exact)
        again = exchange.positions(exchange.positions(initial.positions))
        if np.abs(again - initial.positions).max() > _SAME_ANG:
            return None  # applied twice, it must be the identity
        return exchange


def _alike(one: DefectState, other: DefectState) -> bool:
    return (
        one.site == other.site
        and float(np.abs(one.displacements - other.displacements).max()) < _SAME_ANG
    )
