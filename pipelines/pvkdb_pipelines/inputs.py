"""From a composition to what a prototype needs: elements on sites and a lattice to start from."""

from __future__ import annotations

from pvkdb.chemistry import Composition, site_radius
from pvkdb.errors import CalculationFailedError
from pvkdb.schemas.calculations import FailureKind

#: Lattice constant over twice the sum of the radii of B and X. Tilted halide perovskites relax to
#: a few percent below the ideal contact distance; 182 of 182 test relaxations converged from here.
LATTICE_OF_RADII = 0.95


def require_monatomic_abx3(composition: Composition) -> tuple[str, str, str]:
    """The elements on A, B and X of a pure inorganic ABX3 composition.

    Raises:
        CalculationFailedError: the prototype cannot hold this composition.
    """
    sites = [composition.on(site) for site in ("A", "B", "X")]
    reason = None
    if composition.family != "3D":
        reason = f"its family is {composition.family}, not 3D"
    elif any(len(occupants) > 1 for occupants in sites):
        reason = "a site is shared by several ions"
    elif sites[0][0].ion.molecular:
        reason = f"{sites[0][0].ion} is a molecule, which the prototype cannot orient"
    if reason is not None:
        raise CalculationFailedError(
            FailureKind.UNSUPPORTED_COMPOSITION,
            f"the Pnma prototype takes inorganic ABX3 with one ion on each site; "
            f"{composition.formula} cannot be built: {reason}",
        )
    return sites[0][0].ion.symbol, sites[1][0].ion.symbol, sites[2][0].ion.symbol


def start_lattice_ang(composition: Composition) -> float:
    """B–B distance to start a relaxation from, Å, from 6-coordinate Shannon radii."""
    r_b = site_radius(composition.on("B")[0].ion, "B").radius_ang
    r_x = site_radius(composition.on("X")[0].ion, "X").radius_ang
    return LATTICE_OF_RADII * 2 * (r_b + r_x)
