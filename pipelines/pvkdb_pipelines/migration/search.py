"""The search for a path: a loose band, the saddle next to its top, and what lies on both sides.

Where one side of the saddle falls into a minimum that is neither end, the rest of the path is
searched from there; where it falls onto a third site, the hop is none of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from ase import Atoms

from pvkdb.errors import CalculationFailedError
from pvkdb.schemas.calculations import FailureKind
from pvkdb.schemas.migration import NebSettings
from pvkdb_pipelines.migration.band import (
    Band,
    below_end_point,
    interpolate,
    is_monotonic,
    joined,
    path_over,
    relax_band,
    top_of,
)
from pvkdb_pipelines.migration.saddle import Saddle, climb, descend
from pvkdb_pipelines.migration.states import Exchange
from pvkdb_pipelines.potentials import Potential
from pvkdb_pipelines.progress import OnStep

#: Residual of a band from whose top the saddle is searched, eV/Å. For seven hops of CsPbBr3 with
#: CHGNet the saddles lay 0 to 10 meV below those of bands converged to 0.02, in half the calls.
FMAX_LOOSE = 0.2
#: Residual to which the band is taken where that led nowhere, eV/Å.
FMAX_CLOSER = 0.08
#: Where no saddle was found from its top: residual and images of a whole band that climbs before
#: the search is tried again, and the residual at which the band itself is taken, eV/Å.
FMAX_CLIMBING = 0.05
FMAX_BAND = 0.02
_FINE_IMAGES = 5
#: Structures on the way from a band's top to its saddle: 12 to 38 where there is one.
_MOST_STEPS_UP = 60
#: A moving atom this near to where it stands in an end of its hop falls into that end, Å.
_ARRIVED_ANG = 1.2
#: Minima on the way to the end of a hop: at most as many.
_MOST_MINIMA = 2

#: Sites between which a band runs; None for a minimum between sites.
Sites = tuple[int | None, int | None]


@dataclass(frozen=True)
class PathSearch:
    """Searches paths of one hop.

    Attributes:
        potential: Source of energies and forces.
        settings: Forces to reach and steps to take.
        stiffness: Second derivatives to begin with, shape (3 n, 3 n), eV/Å².
        mover: Index of the jumping atom.
        site_of: Says on which site a cell has its defect, where that can be told.
    """

    potential: Potential
    settings: NebSettings
    stiffness: np.ndarray
    mover: int
    site_of: Callable[[Atoms], int | None]

    def path(
        self,
        images: list[Atoms],
        sites: Sites,
        on_step: OnStep,
        exchange: Exchange | None = None,
        minima: int = 0,
    ) -> Band:
        """The path over the saddles between two ends; a whole band where none is found.

        Args:
            images: Interpolated path, ends included.
            sites: Where its ends have the defect.
            on_step: Called with the step and the residual.
            exchange: Symmetry of the path.
            minima: How many minima were passed before this part.

        Raises:
            CalculationFailedError: nothing converged (``NEB_NOT_CONVERGED``), or the way leads over
                another site (``NO_ELEMENTARY_HOP``).
        """
        most = self.settings.max_steps_neb
        for fmax in (FMAX_LOOSE, FMAX_CLOSER):
            band = relax_band(
                images, self.potential, fmax, most, exchange=exchange, on_step=on_step
            )
            if below_end_point(band) is not None:
                return band
            if not is_monotonic(band.energies_ev):
                found = self._over_the_top(band, sites, on_step, minima)
                if found is not None:
                    return found
        return self._whole_band(images, sites, on_step, exchange, minima)

    def _whole_band(
        self,
        images: list[Atoms],
        sites: Sites,
        on_step: OnStep,
        exchange: Exchange | None,
        minima: int,
    ) -> Band:
        """A finer band whose highest image climbs, and the saddle next to that if there is one.

        Three images at 0.02 eV/Å have been 60 meV above a saddle that five find.
        """
        count = max(_FINE_IMAGES, len(images) - 2)
        images = interpolate(images[0], images[-1], count, exchange)
        for fmax in (FMAX_CLIMBING, max(self.settings.fmax_neb_ev_per_ang, FMAX_BAND)):
            band = relax_band(
                images,
                self.potential,
                fmax,
                self.settings.max_steps_neb,
                climb=True,
                exchange=exchange,
                on_step=on_step,
            )
            if below_end_point(band) is None and not is_monotonic(band.energies_ev):
                found = self._over_the_top(band, sites, on_step, minima)
                if found is not None:
                    return found
        return band

    def _over_the_top(self, band: Band, sites: Sites, on_step: OnStep, minima: int) -> Band | None:
        """The path over the saddle that the top of a band leads to, if it starts from an end."""
        index, tangent = top_of(band)
        saddle = climb(
            band.images[index],
            tangent,
            self.stiffness,
            self.potential,
            self.settings.fmax_neb_ev_per_ang,
            _MOST_STEPS_UP,
            on_step=on_step,
        )
        if saddle is None:
            return None
        ways: dict[int | None, list[Atoms]] = {}
        for side in (-1, 1):
            frames = descend(
                saddle,
                side,
                self.stiffness,
                self.potential,
                lambda atoms: self._near_end(band, atoms) is not None,
            )
            if frames is None:
                return None
            ways[self._end(band, sites, frames[-1])] = frames
        if set(ways) == {0, -1}:
            return self._over(band, saddle, ways[0], ways[-1])
        if len(ways) < 2 or minima >= _MOST_MINIMA:
            return None
        return self._by_way_of_a_minimum(band, sites, saddle, ways, on_step, minima)

    def _by_way_of_a_minimum(
        self,
        band: Band,
        sites: Sites,
        saddle: Saddle,
        ways: dict[int | None, list[Atoms]],
        on_step: OnStep,
        minima: int,
    ) -> Band | None:
        """The path on from a minimum that is neither end."""
        between = ways[None]
        minimum = between[-1]
        site = self.site_of(minimum)
        if site is not None and site not in sites:
            if minima > 0:
                return None  # it may be where the hop began
            raise CalculationFailedError(
                FailureKind.NO_ELEMENTARY_HOP,
                "the easiest way of this hop leads over another site: other hops make it up",
            )
        count = len(band.images) - 2
        if 0 in ways:
            way = [*ways[0], band.images[0]]
            first = path_over(saddle.atoms, saddle.residual, way, between, count, band.steps)
            rest = interpolate(minimum, band.images[-1], count)
            second = self.path(rest, (None, sites[1]), on_step, minima=minima + 1)
        else:
            rest = interpolate(band.images[0], minimum, count)
            first = self.path(rest, (sites[0], None), on_step, minima=minima + 1)
            way = [*ways[-1], band.images[-1]]
            second = path_over(saddle.atoms, saddle.residual, between, way, count, band.steps)
        return joined(first, second)

    def _over(self, band: Band, saddle: Saddle, before: list[Atoms], after: list[Atoms]) -> Band:
        return path_over(
            saddle.atoms,
            saddle.residual,
            [*before, band.images[0]],
            [*after, band.images[-1]],
            len(band.images) + 2,
            band.steps + saddle.steps + len(before) + len(after),
        )

    def _end(self, band: Band, sites: Sites, atoms: Atoms) -> int | None:
        """Which end of a band a structure belongs to: the first, 0, the last, -1, or neither."""
        near = self._near_end(band, atoms)
        if near is not None:
            return near
        site = self.site_of(atoms)
        if site is None or sites[0] == sites[1]:
            return None
        return {sites[0]: 0, sites[1]: -1}.get(site)

    def _near_end(self, band: Band, atoms: Atoms) -> int | None:
        """Which end of a band a structure is about to fall into, by its jumping atom."""
        steps = [
            float(np.linalg.norm(atoms.positions[self.mover] - image.positions[self.mover]))
            for image in (band.images[0], band.images[-1])
        ]
        nearest = int(np.argmin(steps))
        length = float(
            np.linalg.norm(
                band.images[-1].positions[self.mover] - band.images[0].positions[self.mover]
            )
        )
        # Half-way between two ends that are close to one another is near neither.
        return (0, -1)[nearest] if steps[nearest] < min(_ARRIVED_ANG, 0.3 * length) else None
