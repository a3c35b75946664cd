"""The nudged elastic band: interpolation, and relaxation with a climbing image.

If symmetry maps a hop onto its reverse, only half of the band is computed: images, energies and
forces of the other half follow by symmetry.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from ase import Atoms
from ase.geometry import find_mic
from ase.mep import NEB
from ase.mep.neb import NEBOptimizer, idpp_interpolate

from pvkdb.errors import CalculationFailedError
from pvkdb.schemas.calculations import FailureKind
from pvkdb_pipelines.geometry.hosts import longest, set_results
from pvkdb_pipelines.geometry.neighbours import closest_approach
from pvkdb_pipelines.migration.defects.states import Exchange
from pvkdb_pipelines.migration.paths.band import (
    ElasticBand,
    is_monotonic,
    measure_band,
)
from pvkdb_pipelines.potentials.potential import Potential
from pvkdb_pipelines.progress import OnStep

#: Method of convergence, as recorded in results.
NEB_METHOD = "improvedtangent, IDPP start; highest image followed to the saddle point"
OPTIMIZER = "NEBOptimizer (ODE12r); saddle and end points: quasi-Newton from the host's Hessian"
#: Spring constant of a band, eV/Å², and distance of images along a hop, Å.
_SPRING, _SPACING_ANG = 0.1, 1.1
#: Residual to which the band relaxes before the highest image climbs, eV/Å.
FMAX_BEFORE_CLIMBING = 0.15
#: A failed band failed because atoms overlap if their distance is below this share of the sum of
#: their covalent radii. Single structures are refused below ``CLOSEST_APPROACH``, 0.75.
_OVERLAP = 0.5


class ClimbingBand(NEB):  # type: ignore[misc]  # ASE is untyped
    """ASE's NEB with a residual over all images, evaluated in batches.

    ASE excludes the climbing image from the residual and uses the largest Cartesian component, so
    that a band is "converged" while its saddle point still moves. Here the residual is the largest
    force on any atom of any image, as in the other optimizers.

    All images are evaluated in one call of the potential; with an exchange, those of one half and
    the middle one.
    """

    def __init__(
        self, images: Sequence[Atoms], potential: Potential, exchange: Exchange | None = None
    ) -> None:
        super().__init__(list(images), k=_SPRING, climb=False, method="improvedtangent")
        self._potential = potential
        self._exchange = exchange
        self._residual = np.inf

    def get_forces(self) -> np.ndarray:
        """Return the NEB forces, shape (inner images × atoms, 3), eV/Å."""
        self._evaluate()
        forces: np.ndarray = super().get_forces()
        self._residual = longest(forces)
        return forces

    def get_residual(self) -> float:
        """Return the largest NEB force on any atom at the last evaluation, eV/Å."""
        return self._residual

    def _evaluate(self) -> None:
        last = len(self.images) - 1
        count = last // 2 + 1 if self._exchange is not None else last
        computed = list(range(1, count))
        if self.images[0].calc is None or self.images[last].calc is None:
            computed = [0, *computed, last]
        found = self._potential.evaluate([self.images[k] for k in computed], stress=False)
        for index, properties in zip(computed, found, strict=True):
            set_results(self.images[index], float(properties["energy"]), properties["forces"])
        if self._exchange is not None:
            for index in range(count, last):
                other = self.images[last - index]
                mapped = self.images[index]
                mapped.positions = self._exchange.positions(other.positions)
                forces = self._exchange.forces(other.calc.results["forces"])
                set_results(mapped, other.calc.results["energy"], forces)


def interpolate(
    initial: Atoms, final: Atoms, images: int, exchange: Exchange | None = None
) -> list[Atoms]:
    """Interpolate a path between two ends with the image-dependent pair potential.

    It starts from the linear path (minimum image); the pair potential keeps the jumping ion away
    from its neighbours.

    The ends have the same order of atoms and the same cell, and keep their calculators. With the
    symmetry of an exchange, the number of images between them must be odd.

    Source: S. Smidstrup et al., J. Chem. Phys. 140, 214106 (2014), doi:10.1063/1.4878664.
    """
    path = [initial.copy() for _ in range(images + 1)] + [final.copy()]
    step, _ = find_mic(final.positions - initial.positions, initial.cell, initial.pbc)
    for index, image in enumerate(path[:-1]):
        image.positions = initial.positions + step * index / (images + 1)
    path[-1].positions = initial.positions + step
    band = NEB(path, method="improvedtangent")
    idpp_interpolate(band, traj=None, log=None, mic=True)
    if exchange is not None:
        _mirror(path, exchange)
    for end, given in ((path[0], initial), (path[-1], final)):
        if given.calc is not None:
            set_results(end, given.get_potential_energy(), given.get_forces())
    return path


def images_for(length_ang: float, odd: bool = False) -> int:
    """Return the number of images between the ends of a hop, from its length: 3 to 11.

    With an odd number, the middle image of a path with exchange symmetry lies on its saddle.
    """
    count = min(11, max(3, round(length_ang / _SPACING_ANG) - 1))
    return count + (1 - count % 2 if odd else 0)


def _mirror(path: Sequence[Atoms], exchange: Exchange) -> None:
    """Make a path symmetric: its second half becomes the mapped images of its first half."""
    last = len(path) - 1
    for index in range(1, last // 2):
        path[last - index].positions = exchange.positions(path[index].positions)
    if last % 2 == 0:
        middle = path[last // 2]
        middle.positions = (middle.positions + exchange.positions(middle.positions)) / 2


def relax_band(
    images: Sequence[Atoms],
    potential: Potential,
    fmax: float,
    max_steps: int,
    *,
    climb: bool = False,
    exchange: Exchange | None = None,
    on_step: OnStep | None = None,
) -> ElasticBand:
    """Relax a band, with a climbing image if requested.

    Args:
        images: Path with relaxed end points; its inner images are moved in place.
        fmax: Target residual, eV/Å.
        climb: Whether the highest image climbs after the residual has reached
            :data:`FMAX_BEFORE_CLIMBING`. A monotonic band has no saddle and does not climb.
        exchange: Exchange symmetry of the path; then only half of the images are computed.

    Raises:
        CalculationFailedError: The residual is not reached or not finite
            (``NEB_NOT_CONVERGED``), or the path leads through an atom (``ATOMS_TOO_CLOSE``).

    Sources: G. Henkelman, H. Jónsson, J. Chem. Phys. 113, 9978 (2000),
    doi:10.1063/1.1323224 (tangent); G. Henkelman, B. P. Uberuaga, H. Jónsson, ibid. 9901,
    doi:10.1063/1.1329672 (climbing image); S. Makri, C. Ortner, J. R. Kermode, J. Chem. Phys.
    150, 094109 (2019), doi:10.1063/1.5064465 (ODE12r).
    """
    neb = ClimbingBand(images, potential, exchange)
    steps = 0
    stages = ((False, max(FMAX_BEFORE_CLIMBING, fmax)), (True, fmax)) if climb else ((False, fmax),)
    for climbs, target in stages:
        neb.climb = climbs and not is_monotonic(neb.energies)
        with NEBOptimizer(neb, logfile=None) as optimizer:
            if on_step is not None:
                optimizer.attach(
                    lambda taken=steps, opt=optimizer: on_step(
                        taken + opt.nsteps, neb.get_residual()
                    )
                )
            # The return value is not used: it is also True when the steps are exhausted.
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
            _refuse_overlap(neb.images)
            raise CalculationFailedError(
                FailureKind.NEB_NOT_CONVERGED,
                f"residual force {residual:.3f} eV/Å after {steps} steps of the band"
                f"{' with a climbing image' if neb.climb else ''}, above the target of {target} "
                "eV/Å; allow more steps or a larger force",
            )
    return measure_band(images, residual, residual, steps)


def _refuse_overlap(images: Sequence[Atoms]) -> None:
    """Refuse a band with overlapping atoms, which more steps would not separate."""
    closest = [closest_approach(image) for image in images]
    index = min(range(len(images)), key=lambda place: closest[place][0])
    ratio, i, j, distance = closest[index]
    if ratio < _OVERLAP:
        one, other = (f"{images[index].symbols[atom]} {atom}" for atom in (i, j))
        raise CalculationFailedError(
            FailureKind.ATOMS_TOO_CLOSE,
            f"{one} and {other} of image {index} of the band are {distance:.2f} Å apart: the "
            "straight path of this hop leads through an atom; start from another structure of the "
            "host, or compute shorter hops",
        )
