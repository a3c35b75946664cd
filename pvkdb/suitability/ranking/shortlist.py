"""Shortlists: the best compositions of a large store, found without the evidence on all of them.

Upper bounds of the deciding score follow from SQL: first from the summary and the phases of each
composition, where any energy that is known counts as best; then, of the highest bounds, from the
ranges of energies by kind of evidence. Evidence is made for the highest bounds, until none that is
left reaches the last score wanted. Tolerance factors and families of formulas are taken as stored.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import Select, and_, case, false, func, or_, select, true
from sqlalchemy.orm import Session

from pvkdb.chemistry.family import families_by_phase
from pvkdb.chemistry.ions import HALIDES
from pvkdb.chemistry.tolerance import DEFINED
from pvkdb.schemas.profiles import Criterion
from pvkdb.schemas.rankings import SCORES, Order, RankingFilters, SetAside
from pvkdb.schemas.tables.evidence import SECONDARY
from pvkdb.store.base import LARGEST_EV
from pvkdb.store.collections import ENERGETICS
from pvkdb.store.models.devices import Device
from pvkdb.store.models.energetics import Energetic
from pvkdb.store.models.materials import Material, SiteOccupancy
from pvkdb.store.models.summaries import CompositionSummary as Summary
from pvkdb.suitability.evidence.calibration import CalibrationLine, calibration_table
from pvkdb.suitability.evidence.evidence import Candidate
from pvkdb.suitability.evidence.materials import PLACEHOLDERS, material_candidates
from pvkdb.suitability.evidence.phases import connects
from pvkdb.suitability.ranking.acceptability import trapezoid_values
from pvkdb.suitability.ranking.assessment import bounds_for, desirabilities_of
from pvkdb.suitability.ranking.desirability import FLOOR, Trapezoid, mean_power
from pvkdb.suitability.ranking.filters import passing, tests_of
from pvkdb.suitability.ranking.options import Options
from pvkdb.suitability.ranking.order import DIGITS
from pvkdb.suitability.ranking.scoring import score

_Array = npt.NDArray[Any]
_Range = tuple[_Array, _Array]

#: Compositions for which evidence is made: at most, and at a time after the first.
MOST_TRIED, _BATCH = 2_000, 250
#: Compositions of which energies are read at a time: parameters of a statement.
_READ = 10_000
#: Parts of an interval, each of which counts by its best value in a mean score.
_PARTS = 16
#: More than the rounding of single precision.
_SLACK = np.float32(1e-6)
#: Kinds of evidence on an energy, the weakest first.
_STRENGTHS = _MODEL, _OWN, _LITERATURE = range(3)
_QUANTITIES = {"e_a_ev": "E_A", "e_a_model_ev": "E_A", "dfe_ev": "DFE", "dfe_model_ev": "DFE"}


@dataclass(frozen=True, slots=True)
class Shortlist:
    """Candidates with the highest scores, what they are in a sentence, and what was left out."""

    candidates: list[Candidate]
    chosen: str
    set_aside: list[SetAside]
    notes: list[str]


@dataclass(frozen=True, slots=True)
class _Energies:
    """Energies of one quantity by one kind of evidence, at most one of a composition.

    The lower end of the evidence is between the two numbers of ``low``, the upper between those of
    ``high``, in eV; infinite where it may be open. ``kind`` is the potential of a model. ``family``
    of the materials is None where there are several.
    """

    quantity: str
    kind: str
    strength: int
    place: _Array
    low: _Range
    high: _Range
    family: _Array

    def ranges(self) -> Iterator[tuple[_Array, _Range, _Range]]:
        """Yield places with the ranges of what counts: of a model, by each calibration."""
        if self.strength != _MODEL:
            yield self.place, self.low, self.high
            return
        named = {*self.family} - {None}
        for entry in calibration_table().calibrations:
            if (entry.quantity, entry.potential) == (self.quantity, self.kind):
                for line in entry.lines:
                    fits = {name: entry.line_for(name) is line for name in named}
                    some = np.array([fits.get(name, True) for name in self.family], bool)
                    low, high = (
                        _line_range(line, sign, (one[some], two[some]), entry.quantity == "E_A")
                        for sign, (one, two) in ((-1, self.low), (1, self.high))
                    )
                    yield self.place[some], low, high


class _Worth:
    """The best desirability on a criterion, parts × compositions, and of which it may be known."""

    def __init__(self, count: int, order: Order) -> None:
        self._order = order
        self.best = np.zeros((_PARTS if order == "expected" else 1, count), np.float32)
        self.known = np.zeros(count, bool)

    def put(self, place: Any, best: Any = 1.0) -> None:
        """Add what may be known at some places; the better counts."""
        self.best[:, place] = np.maximum(self.best[:, place], np.asarray(best, np.float32))
        self.known[place] = True

    def put_range(
        self, place: Any, trapezoid: Trapezoid, low: _Range, high: _Range, quoted: bool = False
    ) -> None:
        """Add evidence with such ends; what is quoted proves nothing, and may be worth anything.

        What is proven is the worse of the two ends; a mean is that of the parts of an interval.
        """
        (start, least), (most, stop) = (
            [_positions(trapezoid, each) for each in pair] for pair in (low, high)
        )
        ends = _reached(trapezoid, start, least), _reached(trapezoid, most, stop)
        best = _reached(trapezoid, start, stop)
        if self._order == "shown":
            best = np.zeros_like(best) if quoted else np.minimum(*ends)
        elif self._order == "expected" and not quoted:
            exact = (start == least) & (most == stop) & np.isfinite(start) & np.isfinite(stop)
            first = np.where(exact, start, 0.0)
            steps = (np.where(exact, stop, 0.0) - first) / _PARTS
            edges = [first + part * steps for part in range(_PARTS + 1)]
            parts = [_reached(trapezoid, *edges[part : part + 2]) for part in range(_PARTS)]
            best = np.where(exact, np.stack(parts), best)
        self.put(place, best)

    def power(self, share: float) -> _Array:
        """Return the factor of the score for a share of the weight."""
        unknown = {"shown": FLOOR**share, "possible": 1.0}.get(self._order)
        found = np.mean(np.maximum(self.best, FLOOR, dtype=np.float64) ** share, axis=0)
        return np.where(self.known, found, unknown or mean_power(0.0, 1.0, share, FLOOR))


@dataclass(frozen=True)
class _Compositions:
    """What is read of compositions, by columns; ``energies``: whether there are any, of any ion."""

    id: _Array
    formula: _Array
    lead_free: _Array
    families: _Array
    decomposition_ev_per_atom: _Array
    p_perovskite: _Array
    energies: _Array
    may_be_defined: _Array
    may_be_undefined: _Array

    def at(self, places: _Array) -> _Compositions:
        """Return some of them."""
        return replace(
            self, **{each.name: getattr(self, each.name)[places] for each in fields(self)}
        )

    def bounds(
        self, criteria: Sequence[Criterion], options: Options, energies: list[_Energies] | None
    ) -> _Array:
        """Return upper bounds of the deciding score; 0 where nothing is known for sure."""
        counted = [each for each in criteria if each.weight > 0]
        worth = {each.metric: self._worth(each, options, energies) for each in counted}
        bound = np.zeros(len(self.id))
        for without, may in ((None, self.may_be_defined), ("p_perovskite", self.may_be_undefined)):
            used = [each for each in counted if each.metric != without]
            total = sum(each.weight for each in used)
            value, known = np.ones(len(bound)), np.zeros(len(bound), bool)
            for each in used:
                value *= worth[each.metric].power(each.weight / total)
                known |= worth[each.metric].known
            bound = np.where(may & known, np.maximum(bound, value), bound)
        return bound

    def _worth(
        self, criterion: Criterion, options: Options, energies: list[_Energies] | None
    ) -> _Worth:
        metric, bounds = criterion.metric, bounds_for(criterion, options.reading)
        trapezoid = Trapezoid(bounds, criterion.scale)
        found = _Worth(len(self.id), options.order)
        quantity = _QUANTITIES.get(metric)
        listed = [each for each in energies or () if each.quantity == quantity]
        if metric == "lead_free":
            accepted = [word in bounds.accepts for word in ("yes", "no")]
            found.put(slice(None), np.where(self.lead_free, *accepted))
        elif metric in ("decomposition_ev_per_atom", "p_perovskite"):
            place = np.flatnonzero(~np.isnan(getattr(self, metric)))
            exact = (getattr(self, metric)[place],) * 2
            found.put_range(place, trapezoid, exact, exact)
        elif quantity and energies is None:
            found.put(self.energies)
        elif metric.endswith("_model_ev"):
            for each in listed:
                if each.strength == _MODEL:
                    found.put(each.place)
        elif quantity:
            for strength in _STRENGTHS if options.computed else (_LITERATURE,):
                alike = [each for each in listed if each.strength == strength]
                for each in alike:  # what is stronger replaces what is weaker
                    found.best[:, each.place] = 0.0
                for each in alike:
                    for ranges in each.ranges():
                        place, low, high = ranges
                        found.put_range(place, trapezoid, low, high, each.kind == SECONDARY)
        else:  # what a model predicts, the cation, the dimensions: anything
            found.put(slice(None))
        return found


def shortlist(
    session: Session,
    criteria: Sequence[Criterion],
    options: Options,
    predicted: Callable[[Candidate], Candidate],
) -> Shortlist:
    """Return as many candidates as wanted with the highest scores, and those equal to the last.

    Args:
        session: of the store.
        criteria: with the weights that count.
        options: of the ranking, with the number wanted; its filters apply before.
        predicted: adds the predictions of models to a candidate.
    """
    wanted = options.shortlist or MOST_TRIED
    every = _read(session)
    kept, aside, notes = _filtered(session, every, options.filters)
    known = every.at(np.flatnonzero(kept))

    def rounded(bounds: _Array) -> _Array:
        return np.round(bounds * (1 + 1e-12), DIGITS)  # like the scores, from above

    # SQL cannot tell for sure which compositions meet these.
    unsure = RankingFilters(family=options.filters.family, ions_known=options.filters.ions_known)
    limits = rounded(known.bounds(criteria, options, None))
    total = int(np.sum(limits > 0))
    rough = np.argsort(-limits, kind="stable")
    read, tried = 0, np.zeros(len(limits), bool)
    found: list[tuple[float, Candidate]] = []
    left, last = 1.0, 0.0
    while left >= last and left > 0 and tried.sum() < MOST_TRIED:
        places = np.flatnonzero(~tried)
        best = places[np.argsort(-limits[places], kind="stable")]
        best = best[: _BATCH if found else wanted]
        # The bounds of all that may be among these are made from their energies first.
        if read < total and limits[rough[read]] >= limits[best[-1]]:
            some = known.at(rough[read : read + _READ])
            close = rounded(some.bounds(criteria, options, _energies(session, some.id)))
            limits[rough[read : read + _READ]] = np.minimum(
                limits[rough[read : read + _READ]], close
            )
            read += _READ
            continue
        best = best[limits[best] > 0]
        tried[best] = True
        made = material_candidates(session, formulas=[*known.formula[best]])
        made, _ = passing(made, unsure, {each.id: each for each in made})
        for each in map(predicted, made):
            counted = each if options.computed else each.without_computed()
            worth = desirabilities_of(criteria, counted, options.reading)
            scores = score([one.weight for one in criteria], worth)
            found.append((round(getattr(scores, options.order), DIGITS), each))
        values = sorted((value for value, _ in found), reverse=True)
        last = values[wanted - 1] if len(values) >= wanted else 0.0
        left = float(np.max(limits[~tried], initial=0.0))
    total = int(np.sum(limits > 0))
    if unknown := len(limits) - total:
        notes.append(f"not rankable, nothing is known on a criterion with weight: {unknown:,}")
    listed = [each for value, each in found if value >= last]
    sure = sum(value > left for value, _ in found)
    return Shortlist(listed, _said(len(listed), total, len(found), sure, options), aside, notes)


def _said(shown: int, total: int, tried: int, sure: int, options: Options) -> str:
    """Return in a sentence what was ranked."""
    if shown == total:
        return f"ranked are all {total:,} compositions with evidence"
    some = (
        f"ranked are the {shown:,} compositions with the highest {SCORES[options.order]} score of "
        f"{total:,} with evidence; probabilities, Pareto front and other ranks are among these"
    )
    if sure >= shown:
        return f"{some}; no other has a higher score"
    return (
        f"{some}; {tried:,} were compared: the first {sure:,} places are certain, and some "
        "of the others may belong behind them"
    )


def _filtered(
    session: Session, known: _Compositions, filters: RankingFilters
) -> tuple[_Array, list[SetAside], list[str]]:
    """Return which compositions pass, how many each filter set aside, and notes."""
    kept, aside = np.ones(len(known.id), bool), []
    for name, why, _ in tests_of(filters, ()):
        if name != "has_stack":
            meets = _meets(session, known, filters, name)
            if lost := int(np.sum(kept & ~meets)):
                aside.append(SetAside(filter=name, reason=why, count=lost))
            kept &= meets
    missing = [each for each in filters.compositions if each not in {*known.formula}]
    notes = [f"given, but not in the store: {', '.join(missing)}"] if missing else []
    return kept, sorted(aside, key=lambda each: (-each.count, each.filter, each.reason)), notes


def _meets(session: Session, known: _Compositions, filters: RankingFilters, name: str) -> _Array:
    """Return which compositions may meet a filter; by family and ions, some that do not."""
    if name == "compositions":
        return np.array([each in filters.compositions for each in known.formula], bool)
    if name == "family":
        wanted = {*filters.family}.union(*map(families_by_phase, filters.family))
        families = (text.split("; ") for text in known.families)
        return np.array([not wanted.isdisjoint(each) for each in families], bool)
    if name == "halide":
        ions = SiteOccupancy.site == "X", SiteOccupancy.ion.in_(filters.halide)
        return _has(session, known.id, select(SiteOccupancy.composition_id).where(*ions))
    if name == "has_device":
        of_devices = select(Material.composition_id).join(Device, Device.material_id == Material.id)
        return _has(session, known.id, of_devices)
    masks: dict[str, _Array] = {
        "lead_free": known.lead_free == filters.lead_free,
        "ions_known": known.energies,
        "only_screening": ~np.isnan(known.decomposition_ev_per_atom),
    }
    return masks[name]


def _has(session: Session, ids: _Array, found: Select[int]) -> _Array:
    return np.isin(ids, np.fromiter(session.scalars(found), np.int64))


def _positions(trapezoid: Trapezoid, values: _Array) -> _Array:
    if trapezoid.scale == "linear":
        return values
    with np.errstate(divide="ignore"):
        return np.log10(np.maximum(values, 0.0))


def _reached(trapezoid: Trapezoid, low: _Array, high: _Array) -> _Array:
    """Return the best desirability between two positions on the scale."""
    _, at_least, at_most, _ = trapezoid.corners
    ends = [trapezoid_values(trapezoid, each) + _SLACK for each in (low, high)]
    inside = (low <= at_most + _SLACK) & (high >= at_least - _SLACK)
    return np.minimum(np.where(inside, 1.0, np.maximum(*ends)), 1.0)


def _line_range(line: CalibrationLine, sign: int, values: _Range, barrier: bool) -> _Range:
    """Return the range of the lower (-1) or upper (1) end of a calibrated interval, in eV."""
    low, high = values
    known = np.isfinite(low) & np.isfinite(high)
    ends = [np.where(known, each, line.mean_ev) for each in values]
    middles = [line.offset_ev + line.slope * each for each in ends]
    nearest = np.clip(line.mean_ev, *ends)
    halves = [
        line.quantile
        * line.error_ev
        * np.sqrt(1 + 1 / line.groups + (each - line.mean_ev) ** 2 / line.squares_ev2)
        for each in (*ends, nearest)
    ]
    widest, narrowest = np.maximum(*halves[:2]), halves[2]
    inner, outer = (widest, narrowest) if sign < 0 else (narrowest, widest)
    found = []
    for middle, half, off, end in (
        (np.minimum(*middles), inner, -1e-9, low),
        (np.maximum(*middles), outer, 1e-9, high),
    ):
        value = np.round(middle + sign * half + off, 3)  # as calibrated intervals are rounded
        value = np.maximum(value, 0.0) if barrier else value
        open_end = np.where(low == high, end, np.copysign(np.inf, off))
        found.append(np.where(known, value, open_end))
    return found[0], found[1]


def _read(session: Session) -> _Compositions:
    """Return the summaries of all compositions but generic ones, which have no candidates."""
    phases = session.scalars(select(Material.phase).distinct())
    apart = [
        each for each in phases if each and not all(connects(family, each) for family in DEFINED)
    ]
    unnamed, other = Material.phase.is_(None), Material.family.not_in(DEFINED)
    conditions = (true(), other, unnamed, and_(unnamed, other), Material.phase.in_(apart))
    numbers = [func.sum(case((each, 1), else_=0)).label(None) for each in conditions]
    of_materials = (
        select(Material.composition_id, *numbers).group_by(Material.composition_id).subquery()
    )
    generic = select(SiteOccupancy.composition_id).where(SiteOccupancy.ion.in_(PLACEHOLDERS))
    statement = (
        select(
            *(Summary.composition_id, Summary.formula, Summary.lead_free, Summary.families),
            *(Summary.decomposition_ev_per_atom, Summary.p_perovskite),
            Summary.energetics_reported_count + Summary.energetics_computed_count > 0,
            and_(Summary.energetics_reported_count == 0, Summary.lowest_phase.not_in(apart)),
            *[*of_materials.c][1:],
        )
        .join(of_materials, of_materials.c.composition_id == Summary.composition_id)
        .where(Summary.composition_id.not_in(generic))
    )
    columns = [*zip(*session.execute(statement), strict=True)] or [()] * 13
    types = (*(np.int64, object, bool, object, float, float, bool, bool), *(np.int64,) * 5)
    read: list[_Array] = [np.array(each, kind) for each, kind in zip(columns, types, strict=True)]
    count, others, without, others_without, separate = read[8:]
    # Where tau may be defined, and where it may not be: not_perovskite() and its family say so.
    known, alone = ~np.isnan(read[5]), without == count
    family = np.where(without > 0, others_without == 0, (count > 1) | (others == 0))
    connected = (without > 0) | (separate == 0) | read[7]
    surely = (alone & (others == 0)) | (known & family & connected)
    found = [*read[:7], ~alone | (others < count), ~surely]
    names = [each.name for each in fields(_Compositions)]
    return _Compositions(**dict(zip(names, found, strict=True)))


def _energies(session: Session, ids: _Array) -> list[_Energies]:
    """Return what is known of halide vacancies, by quantity and kind of evidence."""
    given, model = Energetic, Energetic.method == "MLIP"
    vacancy, barrier = given.defect.startswith("V_", autoescape=True), given.quantity == "E_A"
    own = given.calculation_id.is_not(None)
    kind = case(
        (model, func.coalesce(given.functional, "")),
        (own, ""),
        (given.source.startswith(SECONDARY, autoescape=True), SECONDARY),
        (given.method.in_(("DFT", "experiment")), given.method),
        else_="",
    )
    strength = case((model, _MODEL), (own, _OWN), else_=_LITERATURE)
    open_below = and_(model, barrier, func.coalesce(given.bound, "") == "upper")
    low, high = (
        case((and_(each.between(-LARGEST_EV, LARGEST_EV), ~without), each))
        for each, without in ((given.value_min_ev, open_below), (given.value_max_ev, false()))
    )
    statement = (
        ENERGETICS.current()
        .join(Material, Material.id == given.material_id)
        .where(
            given.species.in_((*HALIDES, "X")),
            or_(vacancy, and_(barrier, given.defect == given.species)),
            or_(~model, ~barrier, given.scope == "percolation"),
            Material.composition_id.in_(ids.tolist()),
        )
        .with_only_columns(
            *(given.quantity, strength, kind, Material.composition_id),
            *(func.min(given.material_id) == func.max(given.material_id), func.count()),
            *(func.min(low), func.max(low), func.count(low)),
            *(func.min(high), func.max(high), func.count(high)),
            *(func.min(Material.family), func.max(Material.family)),
        )
        .group_by(Material.composition_id, given.quantity, strength, kind)
    )
    grouped: dict[tuple[str, int, str], list[Any]] = defaultdict(list)
    for row in session.execute(statement):
        grouped[row[0], row[1], row[2]].append(row[3:])
    places, found = {each: place for place, each in enumerate(ids.tolist())}, []
    for (quantity, of_strength, named), rows in grouped.items():
        of, alone, *numbers, first, last = [*zip(*rows, strict=True)]
        family = [one if one == two else None for one, two in zip(first, last, strict=True)]
        ends = _ends(
            *(np.array(each, float) for each in numbers),
            alone=np.array(alone, bool),
            barrier=quantity == "E_A",
            model=of_strength == _MODEL,
        )
        place = np.array([places[each] for each in of])
        found.append(
            _Energies(quantity, named, of_strength, place, *ends, np.array(family, object))
        )
    return found


def _ends(
    count: _Array,
    low: _Array,
    low_most: _Array,
    lows: _Array,
    high_least: _Array,
    high: _Array,
    highs: _Array,
    *,
    alone: _Array,
    barrier: bool,
    model: bool,
) -> tuple[_Range, _Range]:
    """Return the ranges of both ends of evidence from those of statements, and their numbers.

    Values of a model are those of one material, or of several; of its barriers the easiest counts.
    All other statements span one interval.
    """
    low_least, low_most = np.where(lows < count, -np.inf, low), np.where(lows, low_most, -np.inf)
    high_most, high_least = (
        np.where(highs < count, np.inf, high),
        np.where(highs, high_least, np.inf),
    )
    if model and barrier:
        easiest = alone & (highs == count)
        high_most = np.where(easiest, high_least, high_most)
        low_most = np.where(easiest, np.minimum(low_most, high_least), low_most)
    else:
        whole = alone | (not model)
        low_most = np.where(whole, low_least, low_most)
        high_least = np.where(whole, high_most, high_least)
    return (low_least, low_most), (high_least, high_most)
