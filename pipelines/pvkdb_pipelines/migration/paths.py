"""From a hop to its converged path: ends from the states, a band, and what to do where it fails."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field, replace

import numpy as np
from ase import Atoms

from pvkdb.errors import CalculationFailedError
from pvkdb.schemas.calculations import FailureKind
from pvkdb.schemas.migration import NebSettings
from pvkdb_pipelines.migration.band import (
    Band,
    below_end_point,
    check_band,
    highest_ev,
    images_for,
    interpolate,
    is_monotonic,
    relax_band,
)
from pvkdb_pipelines.migration.defects import DefectStates
from pvkdb_pipelines.migration.hops import HopClass
from pvkdb_pipelines.migration.search import FMAX_LOOSE, PathSearch
from pvkdb_pipelines.migration.states import Ends, Exchange
from pvkdb_pipelines.potentials import Potential
from pvkdb_pipelines.progress import OnStep
from pvkdb_pipelines.relaxation import check_structure, relax

#: A relaxed image this near to a site counts as a defect on it, Å.
_ON_SITE_ANG = 1.5
#: What relaxes this much below a state replaces it, eV.
_LOWER_EV = 0.002
#: How often a hop may find a lower end point before it is given up.
_MOST_NEW_ENDS = 3
#: Steps of a loose band: most take 5 to 20.
_MOST_STEPS_LOOSE = 60


@dataclass(frozen=True)
class Path:
    """A hop with its band, or with the reason why it has none: it failed or is bypassed.

    Attributes:
        hop: The class of hops.
        band: Its converged band.
        saddle_ev: Highest point of the path, on the potential's scale.
        by_half: Whether symmetry gave one half of it.
        failure: Why there is no band.
        recheck_ev: Saddle found again from a rattled path, on the potential's scale.
        recheck_failure: Why none was found again.
        bypassed: Whether it was not followed to its saddle, since others lead on more easily.
        estimate_ev: Top of its loose band, on the potential's scale, where it had one.
    """

    hop: HopClass
    band: Band | None = None
    saddle_ev: float | None = None
    by_half: bool = False
    failure: CalculationFailedError | None = None
    recheck_ev: float | None = None
    recheck_failure: CalculationFailedError | None = None
    bypassed: bool = False
    estimate_ev: float | None = None

    @property
    def rechecked(self) -> bool:
        """Whether it was tried again."""
        return self.recheck_ev is not None or self.recheck_failure is not None

    @property
    def composed(self) -> bool:
        """Whether it has none because it leads over another site."""
        return self.failure is not None and self.failure.kind == FailureKind.NO_ELEMENTARY_HOP

    @property
    def monotonic(self) -> bool:
        """Whether the path only rises from one end to the other."""
        return self.band is not None and is_monotonic(self.band.energies_ev)


@dataclass(frozen=True)
class Begun:
    """A loose band of a hop.

    Attributes:
        images: Its structures, ends included; None where an end has no state.
        exchange: Its symmetry.
        ends_ev: Energies of the states that it lies between, on the potential's scale.
        estimate_ev: Its highest point; None where it has not come to rest.
    """

    images: list[Atoms] | None
    exchange: Exchange | None
    ends_ev: tuple[float, float] | None
    estimate_ev: float | None

    @property
    def order(self) -> tuple[bool, float]:
        """Sorts by height, the lowest first, and last what has no estimate."""
        return self.estimate_ev is None, self.lowest_ev(0.0)

    def lowest_ev(self, margin_ev: float) -> float:
        """What the saddle does not lie below: a margin under the band, or the higher end."""
        if self.estimate_ev is not None:
            return self.estimate_ev - margin_ev
        return -np.inf if self.ends_ev is None else max(self.ends_ev)


@dataclass
class PathFinder:
    """Finds the paths of hops between the states of a defect.

    Where a path uncovers a lower state of a site, that state takes its place; ``improved`` names
    the kinds of sites for which that happened.
    """

    states: DefectStates
    potential: Potential
    settings: NebSettings
    improved: set[int] = field(default_factory=set)

    def begin(self, hop: HopClass, on_step: OnStep) -> Begun:
        """The loose band of a hop, which says about how high its path is.

        A lower state that it uncovers takes its place, as in :meth:`find`.
        """
        try:
            images, exchange = self._interpolated(hop)
        except CalculationFailedError:  # an end has no state: finding the path will say so
            return Begun(None, None, None, None)
        steps = min(_MOST_STEPS_LOOSE, self.settings.max_steps_neb)
        top: float | None = None
        with suppress(CalculationFailedError):
            for _ in range(_MOST_NEW_ENDS):
                band = relax_band(
                    images, self.potential, FMAX_LOOSE, steps, exchange=exchange, on_step=on_step
                )
                if not self._improve(hop, band):
                    top = highest_ev(band)
                    break
                images, exchange = self._interpolated(hop)
        return Begun(images, exchange, self._ends_ev(hop), top)

    def outdated(self, hop: HopClass, begun: Begun) -> bool:
        """Whether a lower state of an end was found since a loose band was made."""
        return begun.ends_ev is not None and begun.ends_ev != self._ends_ev(hop)

    def find(self, hop: HopClass, on_step: OnStep, begun: Begun | None = None) -> Path:
        """The path of a hop; a failure is a path without a band.

        Args:
            hop: The hop.
            on_step: Called with the step and the residual.
            begun: Its loose band, to go on from.
        """
        try:
            for _ in range(_MOST_NEW_ENDS):
                if begun is None or begun.images is None or self.outdated(hop, begun):
                    path, exchange = self._interpolated(hop)
                else:
                    path, exchange = begun.images, begun.exchange
                band, by_half = self._converged(hop, path, on_step, exchange), exchange is not None
                if not self._improve(hop, band):
                    break
            check_band(band)
            for index, image in enumerate(band.images):
                check_structure(image, f"image {index}")
        except CalculationFailedError as failure:
            return Path(hop, failure=failure)
        return Path(hop, band, highest_ev(band), by_half)

    def recheck(self, path: Path, on_step: OnStep) -> Path:
        """Compute a path again with two more images, from a rattled start and without symmetry.

        The lower saddle counts; the other is kept beside it.
        """
        assert path.band is not None
        assert path.saddle_ev is not None
        ends = self._ends(path.hop)
        images = interpolate(ends.initial, ends.final, len(path.band.images))
        for number, image in enumerate(images[1:-1]):
            image.rattle(stdev=self.settings.rattle_ang, seed=self.settings.seed + number)
        try:
            band = self._converged(path.hop, images, on_step)
            check_band(band)
        except CalculationFailedError as failure:
            return replace(path, recheck_failure=failure)
        found = highest_ev(band)
        if found < path.saddle_ev:
            return Path(path.hop, band, found, by_half=False, recheck_ev=path.saddle_ev)
        return replace(path, recheck_ev=found)

    def _interpolated(self, hop: HopClass) -> tuple[list[Atoms], Exchange | None]:
        """The start of a band, and its symmetry."""
        ends = self._ends(hop)
        exchange = ends.exchange
        count = self.settings.images or images_for(hop.length_ang, odd=exchange is not None)
        if count % 2 == 0:
            exchange = None  # the saddle would lie between two images
        return interpolate(ends.initial, ends.final, count, exchange), exchange

    def _ends_ev(self, hop: HopClass) -> tuple[float, float]:
        return self.states.of(hop.start).energy_ev, self.states.of(hop.end).energy_ev

    def _ends(self, hop: HopClass) -> Ends:
        stage = self.states.stage
        return stage.ends(hop, self.states.of(hop.start), self.states.of(hop.end))

    def _converged(
        self, hop: HopClass, images: list[Atoms], on_step: OnStep, exchange: Exchange | None = None
    ) -> Band:
        stage = self.states.stage
        search = PathSearch(
            self.potential,
            self.settings,
            self.states.hessian.of_atoms(stage.kept(hop.start)),
            stage.moving_atom(hop),
            stage.vacant_site,
        )
        return search.path(images, (hop.start, hop.end), on_step, exchange)

    def _improve(self, hop: HopClass, band: Band) -> bool:
        """Take over a lower state that an image leads to; says whether there was one."""
        below = below_end_point(band)
        if below is None:
            return False
        index, _, _ = below
        relaxed, steps = relax(
            band.images[index],
            self.potential,
            self.settings.fmax_endpoint_ev_per_ang,
            self.settings.max_steps_endpoint,
            cell=False,
            what=f"image {index}, which lies below its end point",
            failure=FailureKind.ENDPOINT_NOT_CONVERGED,
            hessian=self.states.hessian.of_atoms(self.states.stage.kept(hop.start)),
        )
        return self._take_over(hop, relaxed, steps)

    def _take_over(self, hop: HopClass, relaxed: Atoms, steps: int) -> bool:
        """Keep a minimum near a hop as the state of its site, where it is the lowest yet."""
        stage = self.states.stage
        site = self._site(hop, relaxed)
        if site is None:
            return False
        known = self.states.of(site)
        if float(relaxed.get_potential_energy()) > known.energy_ev - _LOWER_EV:
            return False
        if stage.sites.kind == "vacancy" and site == hop.end:
            relaxed = stage.renamed(hop, relaxed)
        state = stage.state_of(site, relaxed, steps)
        kind = self.states.kind(site)
        back = int(np.flatnonzero(stage.sites.action.target[:, site] == kind)[0])
        self.states.by_site[kind] = replace(stage.carried(state, back), broken=True)
        self.improved.add(kind)
        return True

    def _site(self, hop: HopClass, relaxed: Atoms) -> int | None:
        """The end of a hop on which a relaxed cell has its defect; None for neither."""
        stage = self.states.stage
        shift = np.array(hop.vector) @ stage.host.cell.array
        start, end = stage.sites.positions[[hop.start, hop.end]]
        if stage.sites.kind == "interstitial":
            places = {hop.start: start, hop.end: end + shift}
        else:  # the atom on one site leaves the vacancy on the other
            places = {hop.start: end, hop.end: start - shift}
        position = relaxed.positions[stage.moving_atom(hop)]
        site, distance = min(
            ((site, float(np.linalg.norm(position - place))) for site, place in places.items()),
            key=lambda entry: entry[1],
        )
        return site if distance <= _ON_SITE_ANG else None
