"""The nudged elastic band: interpolation, convergence with a climbing image, and its checks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from ase.geometry import find_mic
from ase.mep import NEB
from ase.mep.neb import NEBOptimizer, idpp_interpolate

from pvkdb.errors import CalculationFailedError
from pvkdb.schemas.calculations import FailureKind
from pvkdb_pipelines.potentials import Potential
from pvkdb_pipelines.progress import OnStep

#: How the band is converged, as results record it.
NEB_METHOD = "improvedtangent, climbing image, IDPP start"
OPTIMIZER = "NEBOptimizer (ODE12r)"
#: The band first relaxes without climbing to this residual, eV/Å.
FMAX_BEFORE_CLIMBING = 0.15
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
        residual: Largest NEB force on an atom of any image, the climbing one included, eV/Å.
        steps: Optimizer steps, both stages.
    """

    images: tuple[Atoms, ...]
    path_ang: np.ndarray
    energies_ev: np.ndarray
    tangent_forces: np.ndarray
    residual: float
    steps: int

    @property
    def barrier_forward_ev(self) -> float:
        """Highest image above the first end point, eV."""
        return float(self.energies_ev.max() - self.energies_ev[0])

    @property
    def barrier_reverse_ev(self) -> float:
        """Highest image above the last end point, eV."""
        return float(self.energies_ev.max() - self.energies_ev[-1])


class ClimbingBand(NEB):  # type: ignore[misc]  # ASE is untyped
    """ASE's NEB with a residual that means what it says.

    ASE leaves the climbing image out of the residual and takes the largest Cartesian
    component; a band is then "converged" while its saddle point still moves. Here the residual
    is the largest force on any atom of any image, as in the other optimizers.
    """

    def __init__(self, images: Sequence[Atoms], spring_constant: float = 0.1) -> None:
        super().__init__(list(images), k=spring_constant, climb=False, method="improvedtangent")
        self._residual = np.inf

    def get_forces(self) -> np.ndarray:
        """NEB forces, shape (inner images × atoms, 3), eV/Å."""
        forces: np.ndarray = super().get_forces()
        self._residual = float(np.linalg.norm(forces, axis=1).max())
        return forces

    def get_residual(self) -> float:
        """Largest NEB force on any atom at the last evaluation, eV/Å."""
        return self._residual


def interpolate(initial: Atoms, final: Atoms, images: int) -> list[Atoms]:
    """Path between two ends with the image-dependent pair potential.

    The linear path (minimum image) is the start. The pair potential keeps the jumping ion away
    from its neighbours.

    Args:
        initial, final: Ends with the same order of atoms and the same cell.
        images: Structures between them.

    Returns:
        ``images`` + 2 structures without calculators.

    Source: S. Smidstrup et al., J. Chem. Phys. 140, 214106 (2014), doi:10.1063/1.4878664.
    """
    path = [initial.copy() for _ in range(images + 1)] + [final.copy()]
    step, _ = find_mic(final.positions - initial.positions, initial.cell, initial.pbc)
    for index, image in enumerate(path[:-1]):
        image.positions = initial.positions + step * index / (images + 1)
    path[-1].positions = initial.positions + step
    band = NEB(path, method="improvedtangent")
    idpp_interpolate(band, traj=None, log=None, mic=True)
    return path


def converge_band(
    images: Sequence[Atoms],
    potential: Potential,
    fmax: float,
    max_steps: int,
    *,
    on_step: OnStep | None = None,
) -> Band:
    """Relax a band, then let its highest image climb to the saddle point.

    Args:
        images: Path with relaxed end points; its inner images are moved in place.
        potential: Source of energies and forces.
        fmax: Residual to reach on every image, eV/Å.
        max_steps: Optimizer steps of both stages together.
        on_step: Called with the step and the residual.

    Raises:
        CalculationFailedError: The residual is not reached or not finite
            (``NEB_NOT_CONVERGED``).

    Sources: G. Henkelman, H. Jónsson, J. Chem. Phys. 113, 9978 (2000),
    doi:10.1063/1.1323224 (tangent); G. Henkelman, B. P. Uberuaga, H. Jónsson, ibid. 9901,
    doi:10.1063/1.1329672 (climbing image); S. Makri, C. Ortner, J. R. Kermode, J. Chem. Phys.
    150, 094109 (2019), doi:10.1063/1.5064465 (ODE12r).
    """
    potential.attach(images)
    neb = ClimbingBand(images)
    steps = 0
    for climb, target in ((False, max(FMAX_BEFORE_CLIMBING, fmax)), (True, fmax)):
        neb.climb = climb
        with NEBOptimizer(neb, logfile=None) as optimizer:
            if on_step is not None:
                optimizer.attach(
                    lambda taken=steps, opt=optimizer: on_step(
                        taken + opt.nsteps, neb.get_residual()
                    )
                )
            # The return value says nothing: it is also True when the steps are exhausted.
            optimizer.run(fmax=target, steps=max_steps - steps)
            steps += optimizer.nsteps
        residual = neb.get_residual()
        if not np.isfinite(residual) or not np.isfinite(neb.energies).all():
            raise CalculationFailedError(
                FailureKind.NEB_NOT_CONVERGED,
                f"{potential.name} gave an energy or force that is not finite on the band after "
                f"{steps} steps; use another potential or more images",
            )
        if residual > target:
            raise CalculationFailedError(
                FailureKind.NEB_NOT_CONVERGED,
                f"residual force {residual:.3f} eV/Å after {steps} steps of the band"
                f"{' with a climbing image' if climb else ''}, above the {target} eV/Å asked "
                "for; allow more steps or a larger force",
            )
    return measure_band(images, residual, steps)


def measure_band(images: Sequence[Atoms], residual: float, steps: int) -> Band:
    """Energies, path length and tangent forces of a band whose images carry results."""
    energies = np.array([image.get_potential_energy() for image in images])
    segments = [
        find_mic(after.positions - before.positions, before.cell, before.pbc)[0]
        for before, after in pairwise(images)
    ]
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
        steps=steps,
    )


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


def check_band(band: Band) -> None:
    """Refuse bands whose highest image is no barrier between two minima.

    Walking from either end up to the highest image, no image may lie below that end: where
    one does, the end point was not the minimum of its basin, and the difference to it is no
    barrier.

    Raises:
        CalculationFailedError: An image lies below its end point by more than
            :data:`BELOW_ENDPOINT_TOLERANCE_EV` (``IMAGE_BELOW_ENDPOINT``), or a barrier is not
            between 0 and :data:`HIGHEST_BARRIER_EV` (``BARRIER_OUT_OF_BOUNDS``).
    """
    energies = band.energies_ev
    top = 1 + int(np.argmax(energies[1:-1]))
    for end, side, name in (
        (0, range(1, top + 1), "initial"),
        (len(energies) - 1, range(top, len(energies) - 1), "final"),
    ):
        lowest = min(side, key=lambda index: energies[index])
        depth = energies[end] - energies[lowest]
        if depth > BELOW_ENDPOINT_TOLERANCE_EV:
            raise CalculationFailedError(
                FailureKind.IMAGE_BELOW_ENDPOINT,
                f"image {lowest} lies {1000 * depth:.0f} meV below the {name} end point "
                f"(tolerance {1000 * BELOW_ENDPOINT_TOLERANCE_EV:.0f} meV): that end point is "
                "not the lowest of its basin; relax it from that image or start from another "
                "host",
            )
    for name, barrier in (
        ("forward", band.barrier_forward_ev),
        ("reverse", band.barrier_reverse_ev),
    ):
        if not 0 < barrier < HIGHEST_BARRIER_EV:
            raise CalculationFailedError(
                FailureKind.BARRIER_OUT_OF_BOUNDS,
                f"{name} barrier {barrier:.3f} eV is not between 0 and {HIGHEST_BARRIER_EV} eV; "
                "look at the images, and choose another hop or potential",
            )
