"""The search for a path: a loose band, the saddle near its top, and the descents on both sides.

If a descent leads to a minimum that is not an end of the hop, the rest of the path is searched from
there. If it leads to a third site, the hop is not elementary.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import reduce

import numpy as np
from ase import Atoms

from pvkdb.errors import CalculationFailedError
from pvkdb.schemas.calculations import FailureKind
from pvkdb.schemas.calculations.migration import NebSettings
from pvkdb_pipelines.geometry.hosts import longest
from pvkdb_pipelines.migration.defects.states import Exchange
from pvkdb_pipelines.migration.paths.band import (
    ElasticBand,
    below_end_point,
    highest_ev,
    is_monotonic,
    joined,
    mirror_image,
    path_over,
    symmetric,
    top_of,
)
from pvkdb_pipelines.migration.paths.nudging import interpolate, relax_band
from pvkdb_pipelines.migration.paths.saddle import Saddle, climb, descend
from pvkdb_pipelines.potentials.potential import Potential
from pvkdb_pipelines.progress import OnStep

#: Residual of the band from whose top the saddle is searched, eV/Å. For seven hops of CsPbBr3 with
#: CHGNet the saddles lay 0 to 10 meV below those of bands converged to 0.02, in half the calls.
FMAX_LOOSE = 0.2
#: Residual of the band for a second search, if the first one failed, eV/Å.
FMAX_CLOSER = 0.08
#: If no saddle was found: residual of a band with a climbing image before the next search, residual
#: at which the band itself is used, eV/Å, and its least number of images.
FMAX_CLIMBING = 0.05
FMAX_BAND = 0.02
_FINE_IMAGES = 5
#: Most structures from the top of a band to its saddle: a successful search needs 12 to 38.
_MOST_STEPS_UP = 60
#: Distances of the moving atom from its position in an end of the hop, below which it relaxes to
#: that end: in Å, and as shares of the hop and of its distance at the saddle.
_ARRIVED_ANG = 1.2
_ARRIVED_OF_HOP = 0.3
_ARRIVED_OF_WAY = 0.5
#: Largest displacement of an atom between a relaxed structure and an end that are the same, Å.
_SAME_ANG = 0.3
#: A part of a path this far below the saddle of another part does not limit the barrier, eV.
_LOWER_EV = 0.02
#: Largest number of intermediate minima of a hop.
_MOST_MINIMA = 2

#: Sites between which a band runs; None for a minimum between sites.
EndSites = tuple[int | None, int | None]
#: Structures of a descent from a saddle, and whether they lead to an end of the band.
Descent = tuple[list[Atoms], bool]


@dataclass(frozen=True)
class PathSearch:
    """Searches for the path of a hop, or of a part of one.

    Attributes:
        stiffness: Initial second derivatives, shape (3 n, 3 n), eV/Å².
        mover: Index of the jumping atom.
        site_of: Returns the site of the defect in a cell, or None if it is not clear.
        sites: Sites of the defect at both ends.
        exchange: Symmetry of the path.
        minima: Number of minima that were passed before this part.
    """

    potential: Potential
    settings: NebSettings
    stiffness: np.ndarray
    mover: int
    site_of: Callable[[Atoms], int | None]
    sites: EndSites
    on_step: OnStep
    exchange: Exchange | None = None
    minima: int = 0

    def path(self, images: list[Atoms], known_ev: float = -np.inf) -> ElasticBand:
        """Return the path between two ends over the saddles; if none is found, a converged band.

        ``known_ev`` is the saddle of another part of the hop, on the potential's scale: the saddle
        of a part that stays clearly below is not searched.

        Raises:
            CalculationFailedError: nothing converged (``NEB_NOT_CONVERGED``), or the path leads
                through an atom (``ATOMS_TOO_CLOSE``) or another site (``NO_ELEMENTARY_HOP``).
        """
        for fmax in (FMAX_LOOSE, FMAX_CLOSER):
            band = self._relaxed(images, fmax)
            if below_end_point(band) is not None:
                return band
            part = self.minima > 0
            if part and (is_monotonic(band.energies_ev) or highest_ev(band) < known_ev - _LOWER_EV):
                if fmax == FMAX_CLOSER:
                    return band
            elif not is_monotonic(band.energies_ev):
                found = self._over_the_top(band)
                if found is not None:
                    return found
        return self._whole_band(images)

    def _relaxed(self, images: list[Atoms], fmax: float, *, climb: bool = False) -> ElasticBand:
        return relax_band(
            images,
            self.potential,
            fmax,
            self.settings.max_steps_neb,
            climb=climb,
            exchange=self.exchange,
            on_step=self.on_step,
        )

    def _whole_band(self, images: list[Atoms]) -> ElasticBand:
        """Return a path from a finer band with a climbing image, over a saddle if one is found.

        Three images at 0.02 eV/Å were 60 meV above a saddle that five images find.
        """
        count = max(_FINE_IMAGES, len(images) - 2)
        images = interpolate(images[0], images[-1], count, self.exchange)
        for fmax in (FMAX_CLIMBING, max(self.settings.fmax_neb_ev_per_ang, FMAX_BAND)):
            band = self._relaxed(images, fmax, climb=True)
            if below_end_point(band) is None and not is_monotonic(band.energies_ev):
                found = self._over_the_top(band)
                if found is not None:
                    return found
        return band

    def _over_the_top(self, band: ElasticBand) -> ElasticBand | None:
        """Return the path over the saddle near the top of a band, if it connects the ends."""
        index, tangent = top_of(band)
        saddle = climb(
            band.images[index],
            tangent,
            self.stiffness,
            self.potential,
            self.settings.fmax_neb_ev_per_ang,
            _MOST_STEPS_UP,
            on_step=self.on_step,
        )
        if saddle is None:
            return None
        ways: dict[int | None, list[list[Atoms]]] = {0: [], -1: [], None: []}
        for side in (-1, 1):
            frames = descend(
                saddle,
                side,
                self.stiffness,
                self.potential,
                lambda atoms: self._arrived(band, saddle, atoms),
            )
            if frames is None:
                return None
            ways[self._end(band, saddle, frames[-1])].append(frames)
        if len(ways[0]) > 1 or len(ways[-1]) > 1:
            return None  # both sides lead to the same end
        if not ways[None]:
            return self._over(band, saddle, ways[0][0], ways[-1][0])
        if self.minima >= _MOST_MINIMA:
            return None
        for frames in ways[None]:
            site = self.site_of(frames[-1])
            if site is not None and site not in self.sites:
                if self.minima > 0:
                    return None  # it may be the start of the hop
                raise CalculationFailedError(
                    FailureKind.NO_ELEMENTARY_HOP,
                    "the easiest path leads over another site: the hop consists of other hops",
                )
        before, after = _in_order(band, ways)
        return self._by_way_of_minima(band, saddle, before, after)

    def _by_way_of_minima(
        self, band: ElasticBand, saddle: Saddle, start_way: Descent, end_way: Descent
    ) -> ElasticBand:
        """Return the path over a saddle from which at least one side leads to another minimum.

        In a path with exchange symmetry, if the minimum is in the middle, the easier half is used
        on both sides; if the saddle is in the middle, one half follows from the other.
        """
        count = len(band.images) - 2
        (before, from_start), (after, to_end) = start_way, end_way
        sites, exchange = self.sites, self.exchange
        middle = path_over(
            saddle.atoms,
            saddle.residual,
            [*before, band.images[0]] if from_start else before,
            [*after, band.images[-1]] if to_end else after,
            count,
            band.steps,
        )
        between = (after if from_start else before)[-1]
        halved = from_start != to_end and _mirrors(exchange, between, between)
        known = -np.inf if halved else highest_ev(middle)

        def rest(first: Atoms, last: Atoms, between: EndSites) -> ElasticBand:
            images = interpolate(first, last, count)
            part = replace(self, sites=between, exchange=None, minima=self.minima + 1)
            return part.path(images, known)

        parts = [middle]
        if not from_start:
            parts.insert(0, rest(band.images[0], before[-1], (sites[0], None)))
        if not to_end:
            if (
                exchange is not None
                and not from_start
                and _mirrors(exchange, before[-1], after[-1])
            ):
                parts.append(mirror_image(parts[0], exchange))
            else:
                parts.append(rest(after[-1], band.images[-1], (None, sites[1])))
        if exchange is not None and halved:
            return symmetric(parts[0], parts[1], exchange)
        return reduce(joined, parts)

    def _over(
        self, band: ElasticBand, saddle: Saddle, before: list[Atoms], after: list[Atoms]
    ) -> ElasticBand:
        return path_over(
            saddle.atoms,
            saddle.residual,
            [*before, band.images[0]],
            [*after, band.images[-1]],
            len(band.images) + 2,
            band.steps + saddle.steps + len(before) + len(after),
        )

    def _arrived(self, band: ElasticBand, saddle: Saddle, atoms: Atoms) -> bool:
        """Whether a structure of a descent is about to reach an end or a third site."""
        if self._near_end(band, saddle, atoms) is not None:
            return True
        site = self.site_of(atoms)
        return site is not None and None not in self.sites and site not in self.sites

    def _end(self, band: ElasticBand, saddle: Saddle, atoms: Atoms) -> int | None:
        """Return the end of a band to which a structure relaxes: 0, -1, or None for neither."""
        near = self._near_end(band, saddle, atoms)
        if near is not None:
            return near
        for index in (0, -1):
            if _same(atoms.positions, band.images[index].positions):
                return index
        site = self.site_of(atoms)
        first, last = self.sites
        if site is None or first == last:
            return None
        return {first: 0, last: -1}.get(site)

    def _near_end(self, band: ElasticBand, saddle: Saddle, atoms: Atoms) -> int | None:
        """Return the end of a band that the jumping atom is about to reach, if any."""
        first, last = (image.positions[self.mover] for image in (band.images[0], band.images[-1]))
        # The middle between two close ends is near neither, and a saddle close to an end has not
        # reached it yet.
        hop = _ARRIVED_OF_HOP * float(np.linalg.norm(last - first))
        for index, end in ((0, first), (-1, last)):
            way = _ARRIVED_OF_WAY * float(np.linalg.norm(saddle.atoms.positions[self.mover] - end))
            step = float(np.linalg.norm(atoms.positions[self.mover] - end))
            if step < min(_ARRIVED_ANG, hop, way):
                return index
        return None


def _in_order(
    band: ElasticBand, ways: dict[int | None, list[list[Atoms]]]
) -> tuple[Descent, Descent]:
    """Return the two descents from a saddle in the order of the band, with "reaches an end".

    Of two minima, the one nearer to the first end comes first.
    """
    if ways[0]:
        return (ways[0][0], True), (ways[None][0], False)
    if ways[-1]:
        return (ways[None][0], False), (ways[-1][0], True)

    def along(frames: list[Atoms]) -> float:
        apart = [
            float(np.linalg.norm(frames[-1].positions - image.positions))
            for image in (band.images[0], band.images[-1])
        ]
        return apart[0] - apart[1]

    first, second = sorted(ways[None], key=along)
    return (first, False), (second, False)


def _mirrors(exchange: Exchange | None, one: Atoms, other: Atoms) -> bool:
    """Whether the exchange symmetry of the path maps two minima onto each other."""
    return exchange is not None and _same(exchange.positions(one.positions), other.positions)


def _same(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether two structures, each of shape (n, 3), are in the same minimum."""
    return longest(one - other) < _SAME_ANG
