"""The two ends of a vacancy hop: cells with one halide missing, in one order of atoms."""

from __future__ import annotations

import numpy as np
from ase import Atoms
from ase.geometry import find_mic

from pvkdb.errors import CalculationFailedError
from pvkdb.schemas.calculations import FailureKind
from pvkdb_pipelines.hops import HopClass

#: Relaxed end points whose jumping halide moved less than this share of the hop are one.
_SAME_PLACE = 0.5
#: Energies that symmetry makes equal may differ this much after relaxation, eV.
EQUIVALENT_ENDS_TOLERANCE_EV = 0.01


def vacancy_endpoints(host: Atoms, hop: HopClass) -> tuple[Atoms, Atoms]:
    """Build both ends of a hop, unrelaxed.

    The atoms keep the order of ``host`` without the vacant site. In the final end the jumping
    halide sits at the vacant site; it is placed so that it moves along the straight line of
    the hop and not through a cell boundary.

    Args:
        host: Perovskite without vacancy, n atoms.
        hop: Sites in ``host``: ``to_site`` jumps into the vacant ``from_site``.

    Returns:
        Initial and final end, n − 1 atoms each.
    """
    initial = host.copy()
    initial.calc = None
    final = initial.copy()
    shift = np.array(hop.lattice_vector) @ host.cell.array
    final.positions[hop.to_site] = host.positions[hop.from_site] - shift
    del initial[hop.from_site]
    del final[hop.from_site]
    return initial, final


def jumping_atom(hop: HopClass) -> int:
    """Index of the jumping halide in the cells with the vacancy."""
    return hop.to_site - (hop.to_site > hop.from_site)


def check_distinct(initial: Atoms, final: Atoms, hop: HopClass) -> None:
    """Refuse ends that relaxed into one: there is no hop between them.

    Raises:
        CalculationFailedError: The jumping halide is nearly in the same place in both
            (``ENDPOINTS_IDENTICAL``).
    """
    jumper = jumping_atom(hop)
    step = final.positions[jumper] - initial.positions[jumper]
    _, distance = find_mic(step, initial.cell, initial.pbc)
    if distance < _SAME_PLACE * hop.length_ang:
        raise CalculationFailedError(
            FailureKind.ENDPOINTS_IDENTICAL,
            f"after relaxation the jumping {initial.symbols[jumper]} is {float(distance):.2f} Å "
            f"from where it started, on a hop of {hop.length_ang:.2f} Å: one end is not stable; "
            "choose another hop",
        )


def check_equivalent(initial: Atoms, final: Atoms, hop: HopClass) -> None:
    """Hold the energies of two ends against each other where symmetry makes them equal.

    Where they differ, one end has relaxed into another minimum than its mirror image, and
    neither the forward nor the reverse barrier is the barrier of this hop.

    Raises:
        CalculationFailedError: The energies differ by more than
            :data:`EQUIVALENT_ENDS_TOLERANCE_EV` (``ENDPOINTS_DIFFER``).
    """
    difference = abs(final.get_potential_energy() - initial.get_potential_energy())
    if hop.equivalent_ends and difference > EQUIVALENT_ENDS_TOLERANCE_EV:
        raise CalculationFailedError(
            FailureKind.ENDPOINTS_DIFFER,
            f"the ends of the hop are equivalent by symmetry, but their energies differ by "
            f"{1000 * difference:.0f} meV (at most "
            f"{1000 * EQUIVALENT_ENDS_TOLERANCE_EV:.0f} meV is accepted): one relaxed into "
            "another minimum; use another seed or tighter forces",
        )
