"""A path between two end points: its energies along it, and how paths are put together.

Where its images come from is the matter of ``nudging.py`` and ``search.py``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from ase.geometry import find_mic

from pvkdb.errors import CalculationFailedError
from pvkdb.schemas.calculations import FailureKind
from pvkdb_pipelines.migration.defects.states import Exchange

#: A band whose images nowhere rise further than this above its higher end has no saddle, eV.
MONOTONIC_TOLERANCE_EV = 0.001
#: Noise of a converged band: an image may lie this far below its end point, eV.
BELOW_ENDPOINT_TOLERANCE_EV = 0.005
#: No ion that moves at all has a higher barrier, eV.
HIGHEST_BARRIER_EV = 5.0


@dataclass(frozen=True)
class Band:
    """A converged band. n images, end points included.

    Attributes:
        images: The structures, each with its energy and forces and free of the potential.
        path_ang: Length along the path, from 0, shape (n,), Å.
        energies_ev: Energies relative to the first image, shape (n,).
        tangent_forces: True force along the path, shape (n,), eV/Å.
        residual: Largest force on an atom of the highest image, eV/Å, if that was searched for by
            itself; else as ``band_residual``.
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
        """Highest image above the first end point, eV."""
        return float(self.energies_ev.max() - self.energies_ev[0])

    @property
    def barrier_reverse_ev(self) -> float:
        """Highest image above the last end point, eV."""
        return float(self.energies_ev.max() - self.energies_ev[-1])


def path_over(
    saddle: Atoms,
    residual: float,
    before: Sequence[Atoms],
    after: Sequence[Atoms],
    images: int,
    steps: int,
) -> Band:
    """A path over a saddle point, from structures on the way down to both sides.

    Args:
        saddle: The saddle point, with energy and forces.
        residual: Largest force on an atom there, eV/Å.
        before, after: Structures on the way to the first and to the last end, the end itself last.
        images: Structures of the path between its ends, about.
        steps: Structures evaluated.
    """
    half = max(2, (images + 1) // 2)
    down = [_spread(saddle, _falling(saddle, way), half) for way in (before, after)]
    return measure_band([*reversed(down[0]), saddle, *down[1]], residual, residual, steps)


def joined(first: Band, second: Band) -> Band:
    """A path made of two, the last image of the first being the first of the second."""
    highest = max((first, second), key=highest_ev)
    return measure_band(
        [*first.images, *second.images[1:]],
        highest.residual,
        max(first.band_residual, second.band_residual),
        first.steps + second.steps,
    )


def symmetric(first: Band, second: Band, exchange: Exchange) -> Band:
    """A path made of one half and its mirror image: the half whose highest point is lower.

    Args:
        first: From the first end to the middle.
        second: From the middle to the last end.
        exchange: Maps either end onto the other.
    """
    if highest_ev(first) <= highest_ev(second):
        halves = (first, mirror_image(first, exchange))
    else:
        halves = (mirror_image(second, exchange), second)
    return joined(*halves)


def mirror_image(half: Band, exchange: Exchange) -> Band:
    """A band on the other side of a path that is the same from both ends, in the path's order."""
    images = [image.copy() for image in reversed(half.images)]
    for image, source in zip(images, reversed(half.images), strict=True):
        image.positions = exchange.positions(source.positions)
        keep_results(image, source.get_potential_energy(), exchange.forces(source.get_forces()))
    return measure_band(images, half.residual, half.band_residual, half.steps)


def _falling(saddle: Atoms, frames: Sequence[Atoms]) -> list[Atoms]:
    """The structures that lie below all before them, and the end: a long step may rise again."""
    kept: list[Atoms] = []
    lowest = float(saddle.get_potential_energy())
    for frame in frames[:-1]:
        energy = float(frame.get_potential_energy())
        if energy < lowest:
            kept.append(frame)
            lowest = energy
    return [*kept, frames[-1]]


def _spread(saddle: Atoms, frames: Sequence[Atoms], count: int) -> list[Atoms]:
    """Some of the structures on a way down, evenly along it; the last one is among them."""
    along = np.cumsum([np.linalg.norm(step) for step in _segments([saddle, *frames])])
    wanted = along[-1] * np.arange(1, count + 1) / count
    picked = sorted({int(np.abs(along - place).argmin()) for place in wanted} | {len(frames) - 1})
    return [frames[index] for index in picked]


def top_of(band: Band) -> tuple[int, np.ndarray]:
    """The highest inner image, and the direction of the band there, shape (atoms, 3)."""
    index = 1 + int(np.argmax(band.energies_ev[1:-1]))
    return index, _inner_tangents(band.energies_ev, _segments(band.images))[index - 1]


def highest_ev(band: Band) -> float:
    """Highest energy on a path, on the potential's scale."""
    return float(max(image.get_potential_energy() for image in band.images))


def is_monotonic(energies: np.ndarray) -> bool:
    """Whether a band only rises or only falls, within the noise of a converged one."""
    top = max(energies[0], energies[-1])
    return bool(energies[1:-1].max() <= top + MONOTONIC_TOLERANCE_EV)


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


def measure_band(
    images: Sequence[Atoms], residual: float, band_residual: float, steps: int
) -> Band:
    """Energies, path length and tangent forces of a band whose images carry results."""
    energies = np.array([image.get_potential_energy() for image in images])
    segments = _segments(images)
    lengths = np.array([np.linalg.norm(segment) for segment in segments])
    tangents = [segments[0], *_inner_tangents(energies, segments), segments[-1]]
    forces = [
        float(np.vdot(image.get_forces(), tangent) / np.linalg.norm(tangent))
        for image, tangent in zip(images, tangents, strict=True)
    ]
    return Band(
        images=tuple(_frozen(image) for image in images),
        path_ang=np.concatenate([[0.0], np.cumsum(lengths)]),
        energies_ev=energies - energies[0],
        tangent_forces=np.array(forces),
        residual=residual,
        band_residual=band_residual,
        steps=steps,
    )


def _segments(images: Sequence[Atoms]) -> list[np.ndarray]:
    """Steps from each image to the next, each of shape (atoms, 3), Å."""
    return [
        find_mic(after.positions - before.positions, before.cell, before.pbc)[0]
        for before, after in pairwise(images)
    ]


def keep_results(image: Atoms, energy_ev: float, forces: np.ndarray) -> None:
    """Give a structure the energy (eV) and forces (eV/Å) that were computed for it."""
    image.calc = SinglePointCalculator(image, energy=energy_ev, forces=np.asarray(forces))


def _frozen(image: Atoms) -> Atoms:
    """Copy whose results travel with it, to another process or a file."""
    copy = image.copy()
    copy.calc = SinglePointCalculator(
        copy, energy=image.get_potential_energy(), forces=image.get_forces()
    )
    return copy


def _inner_tangents(energies: np.ndarray, segments: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Improved tangents of the inner images: Henkelman & Jónsson (2000), equations 8 to 11."""
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
