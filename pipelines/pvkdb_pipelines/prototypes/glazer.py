"""Perovskites, double and vacancy-ordered, with octahedra tilted as Glazer described them."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import product

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers

from pvkdb.errors import CalculationFailedError, InputError
from pvkdb.schemas.calculations import FailureKind
from pvkdb_pipelines.geometry.symmetry import standard_cell

_GLAZER_AXIS = re.compile(r"([a-c])([-+0])")


def tilted_perovskite(
    a: str,
    b: str,
    x: str,
    lattice_ang: float,
    tilt_deg: float | tuple[float, float, float] = 10.0,
    rattle_ang: float = 0.0,
    seed: int = 2145,
    *,
    glazer: str = "a-b+a-",
    primitive: bool = False,
) -> Atoms:
    """Build the 2 × 2 × 2 pseudo-cubic perovskite with tilted octahedra.

    Each octahedron is rotated by ``tilt_deg`` about each axis with a tilt in the Glazer symbol;
    successive octahedra along that axis rotate in the same (``+``, in phase) or the opposite
    direction (``-``, out of phase). Corners remain shared: both rotations give the same position of
    a halide between two octahedra, to first order in the angle.

    With the default symbol and equal angles the space group is Pnma (no. 62), which requires equal
    out-of-phase angles.

    Args:
        a, b, x: Element symbols on the A, B and X sites.
        lattice_ang: B–B distance, Å.
        tilt_deg: Tilt about each tilted axis, degrees; one number or one for each axis.
        rattle_ang: Standard deviation of a random shift of every coordinate, Å.
        seed: Seed of the random shift.
        glazer: Tilt pattern, e.g. ``"a-b+a-"``, ``"a0a0c+"``. Angles are set by ``tilt_deg``, not
            by equal letters.
        primitive: Return the primitive cell of the tilted structure (20 atoms for Pnma) instead of
            40 atoms.

    Returns:
        Periodic atoms, ordered A, B, X, at 40 atoms (8 formula units) or fewer if primitive.

    Raises:
        CalculationFailedError: ``a``, ``b`` or ``x`` is not an element (a molecular cation).
        InputError: The Glazer symbol or the lattice parameter is invalid.

    Source: A. M. Glazer, Acta Cryst. B 28, 3384 (1972), doi:10.1107/S0567740872007976.
    """
    for site, symbol in (("A", a), ("B", b), ("X", x)):
        if symbol not in atomic_numbers or symbol == "X":
            raise CalculationFailedError(
                FailureKind.UNSUPPORTED_COMPOSITION,
                f"{symbol!r} on the {site} site is not an element: prototypes have one atom on "
                "each site; choose a composition without molecular cations",
            )
    if not 2.0 < lattice_ang < 12.0:
        raise InputError(
            f"lattice parameter {lattice_ang} Å is not possible for a halide perovskite; "
            "give the B–B distance in Å, between 2 and 12"
        )
    sites = _framework(glazer, tilt_deg)
    groups = [(a, sites["A"]), (b, sites["B"]), (x, sites["X"])]
    atoms = _crystal(groups, lattice_ang)
    if primitive:
        atoms = standard_cell(atoms, symprec=1e-3, primitive=True)
    if rattle_ang > 0:
        atoms.rattle(stdev=rattle_ang, seed=seed)
    return atoms


def tilted_rock_salt(
    a: str,
    b: str,
    b_other: str | None,
    x: str,
    b_x_ang: float,
    lattice_ang: float,
    glazer: str = "a0a0a0",
    tilt_deg: float = 10.0,
) -> Atoms:
    """Build a perovskite with rock-salt order of B and another ion or a vacancy.

    a0a0a0 gives elpasolite or K2PtCl6 (Fm-3m), and a-b+a- the tilted double perovskite, P2_1/n.

    Args:
        a, b, x: Element symbols.
        b_other: Element on the other half of the B sites; None for vacancies.
        b_x_ang: Distance from ``b`` to its halides, Å.
        lattice_ang: Distance from ``b`` to ``b_other``, or to the vacancy, Å.
        glazer: Tilt pattern.
        tilt_deg: Tilt about each tilted axis, degrees.

    Returns:
        The primitive cell, ordered A, B, B', X.

    Source: C. J. Howard, B. J. Kennedy, P. M. Woodward, Acta Cryst. B 59, 463 (2003),
    doi:10.1107/S0108768103010073 (space groups of tilted double perovskites).
    """
    share = b_x_ang / lattice_ang
    sites = _framework(glazer, tilt_deg, lambda n: share if n.sum() % 2 == 0 else 1 - share)
    even = np.array([n.sum() % 2 == 0 for n in sites["B"]])
    groups = [(a, sites["A"]), (b, sites["B"][even]), (x, sites["X"])]
    if b_other is not None:
        groups.insert(2, (b_other, sites["B"][~even]))
    return standard_cell(_crystal(groups, lattice_ang), symprec=1e-3, primitive=True)


def _crystal(groups: list[tuple[str, np.ndarray]], lattice_ang: float) -> Atoms:
    """Return the 2 × 2 × 2 cells of elements with their positions in units of the B–B distance."""
    return Atoms(
        [symbol for symbol, positions in groups for _ in positions],
        positions=lattice_ang * np.concatenate([positions for _, positions in groups]),
        cell=[2 * lattice_ang] * 3,
        pbc=True,
    )


def _framework(
    glazer: str,
    tilt_deg: float | tuple[float, float, float],
    share: Callable[[np.ndarray], float] = lambda n: 0.5,
) -> dict[str, np.ndarray]:
    """Return the positions on the three sites of 2 × 2 × 2 cells, in units of the B–B distance.

    ``share`` returns the position of the halide between the B at ``n`` and the next one, 0 to 1.
    """
    axes = _GLAZER_AXIS.findall(glazer)
    if len(axes) != 3 or "".join(letter + sign for letter, sign in axes) != glazer:
        raise InputError(
            f"{glazer!r} is not a Glazer symbol; write three letters with +, - or 0, "
            "such as 'a-b+a-'"
        )
    signs = [sign for _, sign in axes]
    in_phase = np.array([sign == "+" for sign in signs])
    angles = np.broadcast_to(np.asarray(tilt_deg, dtype=float), 3)
    tilts = [
        0.0 if sign == "0" else float(np.tan(np.radians(angle)))
        for sign, angle in zip(signs, angles, strict=True)
    ]
    positions: dict[str, list[np.ndarray]] = {"A": [], "B": [], "X": []}
    for cell in product(range(2), repeat=3):
        n = np.array(cell)
        positions["A"].append(n + 0.5)
        positions["B"].append(n.astype(float))
        # Neighbours that share a corner rotate in opposite directions about the two axes normal to
        # their connection; about the connection itself they rotate alike (+) or opposite (-).
        rotation = tilts * (-1.0) ** (n.sum() - n * in_phase)
        for axis in np.eye(3):
            positions["X"].append(n + share(n) * axis + np.cross(rotation, 0.5 * axis))
    return {site: np.array(found) for site, found in positions.items()}
