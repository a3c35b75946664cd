"""How far to trust a computed barrier: what cannot be right, and the error of its potential."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files

__all__ = ["barrier_error"]

#: Activation energies below this, eV, cannot be right: the least that the review reports is 0.08.
LEAST_BARRIER_EV = 0.05
#: E_A is that of the path in most dimensions that lies less than this, eV, above the easiest one,
#: which may be one channel: a framework counts in 3D, a layered crystal in its layers. This holds
#: for `pvkdb neb`, hops by DFT, ranges and rankings. The value is about the difference between two
#: potentials, and between the split of a tilted perovskite (CsPbI3 0.04) and that of layers
#: (Cs3Sb2I9 0.56, both SevenNet-0).
OPEN_PATH_EV = 0.1
#: A molecule that turned further than this is in another basin of orientation, degrees: between
#: two axes of the octahedra there are 90.
TURNED_DEG = 45.0


@cache
def measured(potential: str) -> dict[str, float]:
    """Return what ``validation/migration`` has measured of a potential; empty if nothing."""
    text = files("pvkdb.schemas.calculations").joinpath("measured.json").read_text("utf-8")
    found: dict[str, float] = json.loads(text).get(potential, {})
    return found


def barrier_error(potential: str) -> str:
    """Return a potential's error against reported E_A: ``± 0.30 eV``.

    It leaves two decimals to the number before it.
    """
    error = measured(str(potential)).get("mean_absolute_error_ev")  # of a broken row: anything
    return "± unknown" if error is None else f"± {error:.2f} eV"


def barrier_doubts(
    e_a_ev: float | None, phase: str, left_for: str | None, turned_deg: float | None = None
) -> list[str]:
    """Return why a barrier may be wrong, each as ``name: details``; ``phase`` was requested.

    ``turned_deg`` is the largest turn of a molecule along the limiting hop; None without any.
    """
    doubts = []
    if e_a_ev is not None and e_a_ev < LEAST_BARRIER_EV:
        doubts.append(f"low barrier: {e_a_ev:.3f} eV is below {LEAST_BARRIER_EV} eV")
    if left_for is not None:
        doubts.append(f"host changed: {phase} became {left_for}")
    if turned_deg is not None:
        doubts.append(
            "hybrid host: in one of many patterns of its molecules; potentials without dispersion "
            "(all but sevennet-0-d3) make its cell 2 to 4 % too long"
        )
    if turned_deg is not None and turned_deg > TURNED_DEG:
        doubts.append(
            f"difference of basins: a molecule turns by {turned_deg:.0f}° along the limiting hop, "
            "so that its energies are not those of the ion's jump alone"
        )
    return doubts
