"""The converged path of a hop: its ends, its band, lower end points, and recomputation."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from ase import Atoms

from pvkdb.errors import CalculationFailedError
from pvkdb.schemas.calculations import FailureKind
from pvkdb_pipelines.geometry.molecules import require_whole
from pvkdb_pipelines.geometry.neighbours import check_structure
from pvkdb_pipelines.migration.defects.defects import DefectStates
from pvkdb_pipelines.migration.defects.states import Ends, Exchange
from pvkdb_pipelines.migration.paths.band import (
    ElasticBand,
    below_end_point,
    check_band,
    highest_ev,
    is_monotonic,
)
from pvkdb_pipelines.migration.paths.nudging import images_for, interpolate
from pvkdb_pipelines.migration.paths.search import PathSearch
from pvkdb_pipelines.migration.sites.hops import HopClass, Pair
from pvkdb_pipelines.progress import OnStep

#: Largest distance of the defect in a relaxed image from its site, Å.
_ON_SITE_ANG = 1.5
#: A structure that relaxes this much below a state replaces it, eV.
_LOWER_EV = 0.002
#: Number of lower end points that a hop may find.
_MOST_NEW_ENDS = 3


@dataclass(frozen=True)
class Path:
    """A hop with its band, or with its failure.

    Attributes:
        saddle_ev: Highest point of the path, on the potential's scale.
        by_half: Whether one half follows by symmetry.
        recheck_ev: Saddle found from a rattled path, on the potential's scale.
        recheck_failure: Failure of that second search.
    """

    hop: HopClass
    band: ElasticBand | None = None
    saddle_ev: float | None = None
    by_half: bool = False
    failure: CalculationFailedError | None = None
    recheck_ev: float | None = None
    recheck_failure: CalculationFailedError | None = None

    @property
    def rechecked(self) -> bool:
        """Whether the path was computed a second time, successfully or not."""
        return self.recheck_ev is not None or self.recheck_failure is not None

    @property
    def composed(self) -> bool:
        """Whether the hop leads over another site and thus consists of other hops."""
        return self.failure is not None and self.failure.kind == FailureKind.NO_ELEMENTARY_HOP

    @property
    def monotonic(self) -> bool:
        """Whether the path only rises from one end to the other."""
        return self.band is not None and is_monotonic(self.band.energies_ev)


@dataclass
class PathFinder:
    """Finds the paths of hops between the states of a defect.

    If a path leads to a lower state of a site, that state replaces the known one; ``improved``
    contains the kinds of sites for which this happened.
    """

    states: DefectStates
    improved: set[int] = field(default_factory=set)
    _exchanged: dict[Pair, Atoms] = field(default_factory=dict)

    def find(self, hop: HopClass, on_step: OnStep) -> Path:
        """Return the path of a hop; if the search fails, it has a failure instead of a band."""
        try:
            for _ in range(_MOST_NEW_ENDS):
                band, by_half = self._band(hop, on_step)
                if not self._improve(hop, band):
                    break
            check_band(band)
            for index, image in enumerate(band.images):
                check_structure(image, f"image {index}")
                require_whole(band.images[0], image, f"image {index}")
        except CalculationFailedError as failure:
            return Path(hop, failure=failure)
        return Path(hop, band, highest_ev(band), by_half)

    def recheck(self, path: Path, on_step: OnStep) -> Path:
        """Compute a path again with two more images, from a rattled start and without symmetry.

        The lower of both saddles is used; the higher one is recorded too.
        """
        assert path.band is not None
        assert path.saddle_ev is not None
        ends = self._ends(path.hop)
        images = interpolate(ends.initial, ends.final, len(path.band.images))
        settings = self.states.settings
        for number, image in enumerate(images[1:-1]):
            image.rattle(stdev=settings.rattle_ang, seed=settings.seed + number)
        try:
            band = self._converged(path.hop, images, on_step)
            check_band(band)
        except CalculationFailedError as failure:
            return replace(path, recheck_failure=failure)
        found = highest_ev(band)
        if found < path.saddle_ev:
            return Path(path.hop, band, found, by_half=False, recheck_ev=path.saddle_ev)
        return replace(path, recheck_ev=found)

    def _band(self, hop: HopClass, on_step: OnStep) -> tuple[ElasticBand, bool]:
        ends = self._ends(hop)
        exchange = ends.exchange
        count = self.states.settings.images or images_for(hop.length_ang, odd=exchange is not None)
        if count % 2 == 0:
            exchange = None  # the saddle would lie between two images
        path = interpolate(ends.initial, ends.final, count, exchange)
        return self._converged(hop, path, on_step, exchange), exchange is not None

    def _ends(self, hop: HopClass) -> Ends:
        stage = self.states.stage
        ends = stage.ends(hop, self.states.of(hop.start), self.states.of(hop.end))
        if not stage.exchanges(hop):
            return ends
        if hop.members[0] not in self._exchanged:
            what = f"{stage.element(hop.end)} on the site of {stage.element(hop.start)}"
            self._exchanged[hop.members[0]], _ = self.states.relaxed(ends.final, hop.start, what)
        return Ends(ends.initial, self._exchanged[hop.members[0]], None)

    def _converged(
        self, hop: HopClass, images: list[Atoms], on_step: OnStep, exchange: Exchange | None = None
    ) -> ElasticBand:
        stage = self.states.stage
        search = PathSearch(
            self.states.potential,
            self.states.settings,
            self.states.hessian.of_atoms(stage.kept(hop.start)),
            stage.moving_atom(hop),
            stage.vacant_site,
            (hop.start, hop.end),
            on_step,
            exchange,
        )
        return search.path(images)

    def _improve(self, hop: HopClass, band: ElasticBand) -> bool:
        """Replace the state of an end if an image relaxes to a lower state; return if it did."""
        below = below_end_point(band)
        if below is None:
            return False
        index, _, _ = below
        what = f"image {index}, which lies below its end point"
        relaxed, steps = self.states.relaxed(band.images[index], hop.start, what)
        return self._replace_state(hop, relaxed, steps)

    def _replace_state(self, hop: HopClass, relaxed: Atoms, steps: int) -> bool:
        """Replace the state of a site by a minimum near the hop, if it is the lowest so far."""
        stage = self.states.stage
        site = self._site(hop, relaxed)
        if site is None:
            return False
        energy_ev = float(relaxed.get_potential_energy())
        if site == hop.end and stage.exchanges(hop):
            lower = energy_ev <= self._exchanged[hop.members[0]].get_potential_energy() - _LOWER_EV
            if lower:
                self._exchanged[hop.members[0]] = relaxed
            return bool(lower)
        if energy_ev > self.states.of(site).energy_ev - _LOWER_EV:
            return False
        if stage.sites.kind == "vacancy" and site == hop.end:
            relaxed = stage.renamed(hop, relaxed)
        self.improved.add(self.states.replace(stage.state_of(site, relaxed, steps)))
        return True

    def _site(self, hop: HopClass, relaxed: Atoms) -> int | None:
        """Return the end of a hop on which a relaxed cell has its defect; None for neither."""
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
