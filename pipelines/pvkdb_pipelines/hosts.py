"""Structures as requests carry them."""

from __future__ import annotations

from ase import Atoms

from pvkdb.schemas.relaxations import Host


def host_of(atoms: Atoms) -> Host:
    """A structure as a request carries it; rounded, so that its hash is that of its print."""
    return Host(
        symbols=tuple(atoms.get_chemical_symbols()),
        cell_ang=tuple(_rounded(row) for row in atoms.cell.array),
        positions_ang=tuple(_rounded(row) for row in atoms.positions),
    )


def atoms_in(host: Host) -> Atoms:
    """The atoms that a request carries."""
    return Atoms(host.symbols, positions=host.positions_ang, cell=host.cell_ang, pbc=True)


def _rounded(row: object) -> tuple[float, float, float]:
    x, y, z = (round(float(value), 8) for value in row)  # type: ignore[attr-defined]
    return x, y, z
