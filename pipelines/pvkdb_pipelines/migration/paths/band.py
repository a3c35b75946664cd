"""Paths between two end points: their energies, how they are joined, and checks of barriers.

``nudging.py`` and ``search.py`` compute their images.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from ase import Atoms
from ase.geometry import find_mic

from pvkdb.errors import CalculationFailedError
from pvkdb.schemas.calculations import FailureKind
from pvkdb.schemas.calculations.bounds import HIGHEST_BARRIER_EV
from pvkdb_pipelines.geometry.hosts import frozen, set_results
from pvkdb_pipelines.migration.defects.states import Exchange

#: A band without an image higher than this above its higher end has no saddle, eV.
MONOTONIC_TOLERANCE_EV = 0.001
#: Noise of a converged band, eV: an image may lie this far below its end point.
BELOW_ENDPOINT_TOLERANCE_EV = 0.005


@dataclass(frozen=True)
class ElasticBand:
    """A converged band. n images, end points included.

    Attributes:
        images: The structures, each with its energy and forces but without the potential.
        path_ang: Length along the path, from 0, shape (n,), Å.
        energies_ev: Energies relative to the first image, shape (n,).
        tangent_forces: True force along the path, shape (n,), eV/Å.
        residual: Largest force on an atom of the highest image, eV/Å, if its saddle was searched
            for; otherwise equal to ``band_residual``.
        band_residual: Largest NEB force on an atom of any image, a climbing one included, eV/Å.
        steps: Optimizer steps.
    """

    images: tuple[Atoms, ...]
    path_ang: np.ndarray
    energies_ev: np.ndarray
    tangent_forces: np.ndarray
    residual: float
    band_residual: float
    steps: int

    @property
    def barrier_forward_ev(self) -> float:
        """Energy of the highest image above the first end point, eV."""
        return float(self.energies_ev.max() - self.energies_ev[0])

    @property
    def barrier_reverse_ev(self) -> float:
        """Energy of the highest image above the last end point, eV."""
        return float(self.energies_ev.max() - self.energies_ev[-1])


def path_over(
    saddle: Atoms,
    residual: float,
    before: Sequence[Atoms],
    after: Sequence[Atoms],
    images: int,
    steps: int,
) -> ElasticBand:
    """Return a path over a saddle point from the structures of the descents on both sides.

    ``before`` and ``after`` lead to the first and to the last end, with the end itself last;
    ``images`` is about how many are kept between the ends.
    """
    half = max(2, (images + 1) // 2)
    down = [_spread(saddle, _falling(saddle, way), half) for way in (before, after)]
    return measure_band([*reversed(down[0]), saddle, *down[1]], residual, residual, steps)


def joined(first: ElasticBand, second: ElasticBand) -> ElasticBand:
    """Join two paths; the last image of the first is the first image of the second."""
    highest = max((first, second), key=highest_ev)
    return measure_band(
        [*first.images, *second.images[1:]],
        highest.residual,
        max(first.band_residual, second.band_residual),
        first.steps + second.steps,
    )


def symmetric(first: ElasticBand, second: ElasticBand, exchange: Exchange) -> ElasticBand:
    """Return a symmetric path: the half with the lower maximum, joined to its mirror image."""
    if highest_ev(first) <= highest_ev(second):
        halves = (first, mirror_image(first, exchange))
    else:
        halves = (mirror_image(second, exchange), second)
    return joined(*halves)


def mirror_image(half: ElasticBand, exchange: Exchange) -> ElasticBand:
    """Return the image of one half of a symmetric path: its other half, in the path's order."""
    images = [image.copy() for image in reversed(half.images)]
    for image, source in zip(images, reversed(half.images), strict=True):
        image.positions = exchange.positions(source.positions)
        set_results(image, source.get_potential_energy(), exchange.forces(source.get_forces()))
    return measure_band(images, half.residual, half.band_residual, half.steps)


def _falling(saddle: Atoms, frames: Sequence[Atoms]) -> list[Atoms]:
    """Return the last structure of a descent and those below all earlier ones in energy."""
    kept: list[Atoms] = []
    lowest = float(saddle.get_potential_energy())
    for frame in frames[:-1]:
        energy = float(frame.get_potential_energy())
        if energy < lowest:
            kept.append(frame)
            lowest = energy
    return [*kept, frames[-1]]


def _spread(saddle: Atoms, frames: Sequence[Atoms], count: int) -> list[Atoms]:
    """Return about ``count`` evenly spaced structures of a descent, including the last one."""
    along = np.cumsum([np.linalg.norm(step) for step in _segments([saddle, *frames])])
    wanted = along[-1] * np.arange(1, count + 1) / count
    picked = sorted({int(np.abs(along - place).argmin()) for place in wanted} | {len(frames) - 1})
    return [frames[index] for index in picked]


def top_of(band: ElasticBand) -> tuple[int, np.ndarray]:
    """Return the highest inner image and the direction of the band there, shape (atoms, 3)."""
    index = 1 + int(np.argmax(band.energies_ev[1:-1]))
    return index, _inner_tangents(band.energies_ev, _segments(band.images))[index - 1]


def highest_ev(band: ElasticBand) -> float:
    """Return the energy of a path's highest image, as the potential gives it, eV."""
    return float(max(image.get_potential_energy() for image in band.images))


def is_monotonic(energies: np.ndarray) -> bool:
    """Whether a band only rises or only falls, within the noise of converged bands."""
    top = max(energies[0], energies[-1])
    return bool(energies[1:-1].max() <= top + MONOTONIC_TOLERANCE_EV)


def below_end_point(band: ElasticBand) -> tuple[int, float, str] | None:
    """Find an image that lies below an end point, on the side of that end.

    Between an end and the highest image, no image may lie below that end: otherwise the end is not
    the minimum, and the energy difference to it is not a barrier. Returned are the deepest such
    image, its depth below the end (eV), and the name of the end.
    """
    energies = band.energies_ev
    top = 1 + int(np.argmax(energies[1:-1]))
    found: list[tuple[int, float, str]] = []
    for end, side, name in (
        (0, range(1, top + 1), "initial"),
        (len(energies) - 1, range(top, len(energies) - 1), "final"),
    ):
        lowest = min(side, key=lambda index: energies[index])
        depth = float(energies[end] - energies[lowest])
        monotonic_side = lowest == top  # the path only falls from this end, which is the higher one
        if depth > BELOW_ENDPOINT_TOLERANCE_EV and not monotonic_side:
            found.append((lowest, depth, name))
    return max(found, key=lambda each: each[1], default=None)


def check_band(band: ElasticBand) -> None:
    """Refuse bands whose highest image is not a barrier between two minima.

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


def measure_band(
    images: Sequence[Atoms], residual: float, band_residual: float, steps: int
) -> ElasticBand:
    """Return the band of images that have energies and forces."""
    energies = np.array([image.get_potential_energy() for image in images])
    segments = _segments(images)
    lengths = np.array([np.linalg.norm(segment) for segment in segments])
    tangents = [segments[0], *_inner_tangents(energies, segments), segments[-1]]
    forces = [
        float(np.vdot(image.get_forces(), tangent) / np.linalg.norm(tangent))
        for image, tangent in zip(images, tangents, strict=True)
    ]
    return ElasticBand(
        images=tuple(map(frozen, images)),
        path_ang=np.concatenate([[0.0], np.cumsum(lengths)]),
        energies_ev=energies - energies[0],
        tangent_forces=np.array(forces),
        residual=residual,
        band_residual=band_residual,
        steps=steps,
    )


def _segments(images: Sequence[Atoms]) -> list[np.ndarray]:
    """Return the steps from each image to the next, each of shape (atoms, 3), Å."""
    return [
        find_mic(after.positions - before.positions, before.cell, before.pbc)[0]
        for before, after in pairwise(images)
    ]


def _inner_tangents(energies: np.ndarray, segments: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Return improved tangents of the inner images: Henkelman & Jónsson (2000), eqs. 8 to 11."""
    tangents = []
    for i in range(1, len(energies) - 1):
        back, ahead = segments[i - 1], segments[i]
        rise, fall = energies[i + 1] - energies[i], energies[i - 1] - energies[i]
        if rise > 0 > fall:
            tangents.append(ahead)
        elif rise < 0 < fall:
            tangents.append(back)
        else:
            larger, smaller = max(abs(rise), abs(fall)), min(abs(rise), abs(fall))
            uphill_ahead = energies[i + 1] > energies[i - 1]
            weights = (larger, smaller) if uphill_ahead else (smaller, larger)
            tangents.append(weights[0] * ahead + weights[1] * back)
    return tangents
