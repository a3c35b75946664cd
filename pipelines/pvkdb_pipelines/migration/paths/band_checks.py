"""Whether the highest image of a band is a barrier between two minima."""

from __future__ import annotations

import numpy as np

from pvkdb.errors import CalculationFailedError
from pvkdb.schemas.calculations import FailureKind
from pvkdb_pipelines.migration.paths.band import Band

#: Noise of a converged band: an image may lie this far below its end point, eV.
BELOW_ENDPOINT_TOLERANCE_EV = 0.005
#: No ion that moves at all has a higher barrier, eV.
HIGHEST_BARRIER_EV = 5.0


def below_end_point(band: Band) -> tuple[int, float, str] | None:
    """An image that shows an end point to be no minimum of its basin, if there is one.

    Walking from either end up to the highest image, no image may lie below that end: where
    one does, the difference to it is no barrier.

    Returns:
        The deepest such image, how far it lies below the end (eV), and which end.
    """
    energies = band.energies_ev
    top = 1 + int(np.argmax(energies[1:-1]))
    worst: tuple[int, float, str] | None = None
    for end, side, name in (
        (0, range(1, top + 1), "initial"),
        (len(energies) - 1, range(top, len(energies) - 1), "final"),
    ):
        lowest = min(side, key=lambda index: energies[index])
        depth = float(energies[end] - energies[lowest])
        monotonic_side = lowest == top  # the path only falls from this end: it is the higher one
        if depth > BELOW_ENDPOINT_TOLERANCE_EV and not monotonic_side:
            worst = max(worst or (lowest, depth, name), (lowest, depth, name), key=lambda w: w[1])
    return worst


def check_band(band: Band) -> None:
    """Refuse bands whose highest image is no barrier between two minima.

    Raises:
        CalculationFailedError: An image lies below its end point by more than
            :data:`BELOW_ENDPOINT_TOLERANCE_EV` (``IMAGE_BELOW_ENDPOINT``), or a barrier is not
            between 0 and :data:`HIGHEST_BARRIER_EV` (``BARRIER_OUT_OF_BOUNDS``).
    """
    below = below_end_point(band)
    if below is not None:
        index, depth, name = below
        raise CalculationFailedError(
            FailureKind.IMAGE_BELOW_ENDPOINT,
            f"image {index} lies {1000 * depth:.0f} meV below the {name} end point "
            f"(tolerance {1000 * BELOW_ENDPOINT_TOLERANCE_EV:.0f} meV): that end point is "
            "not the lowest of its basin; relax it from that image or start from another "
            "host",
        )
    for name, barrier in (
        ("forward", band.barrier_forward_ev),
        ("reverse", band.barrier_reverse_ev),
    ):
        if not 0 <= barrier < HIGHEST_BARRIER_EV:
            raise CalculationFailedError(
                FailureKind.BARRIER_OUT_OF_BOUNDS,
                f"{name} barrier {barrier:.3f} eV is not between 0 and {HIGHEST_BARRIER_EV} eV; "
                "look at the images, and choose another hop or potential",
            )
