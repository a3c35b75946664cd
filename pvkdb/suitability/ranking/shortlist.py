"""Shortlists: the best compositions of a large store, found without the evidence on all of them.

Upper bounds of the deciding score follow from SQL: first from the summary and the phases of each
composition, with the lowest and the highest of its energies; then, of the highest bounds, from the
ranges of energies by kind of evidence. Evidence is made for the highest bounds, until none that is
left reaches the last score wanted. Tolerance factors and families of formulas are taken as stored.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from sqlalchemy import Select, and_, case, false, func, or_, select, true, type_coerce
from sqlalchemy.orm import Session
from sqlalchemy.types import NullType

from pvkdb.chemistry.family import families_by_phase
from pvkdb.chemistry.ions import HALIDES
from pvkdb.chemistry.phases import UNDECIDED
from pvkdb.chemistry.tolerance import DEFINED
from pvkdb.schemas.calculations.calibration import CalibrationLine, calibration_table
from pvkdb.schemas.metrics import METRICS
from pvkdb.schemas.profiles import Criterion
from pvkdb.schemas.rankings import SCORES, Order, RankingFilters, SetAside
from pvkdb.schemas.tables.evidence import SECONDARY
from pvkdb.store.base import LARGEST_EV
from pvkdb.store.collections import ENERGETICS
from pvkdb.store.models.devices import Device
from pvkdb.store.models.energetics import Energetic
from pvkdb.store.models.materials import Material, SiteOccupancy
from pvkdb.store.models.summaries import CompositionSummary as Summary
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
#: Compositions of which energies are read at a time: parameters of a statement, as many as were
#: read before, but at least and at most.
_LEAST_READ, _READ = 1_000, 10_000
#: Rows that are held before they become arrays; the garbage collector looks through all held ones.
_ROWS = 2_000
#: More than the rounding of single precision.
_SLACK = np.float32(1e-6)
#: Kinds of evidence on an energy, the weakest first.
_STRENGTHS = _MODEL, _OWN, _LITERATURE = range(3)
_QUANTITIES = {"e_a_ev": "E_A", "dfe_ev": "DFE"}


class Shortlist(NamedTuple):
    """Candidates with the highest scores, what they are in a sentence, and what was left out."""

    candidates: list[Candidate]
    chosen: str
    set_aside: list[SetAside]
    notes: list[str]


class _Energies(NamedTuple):
    """Energies of one quantity by one kind of evidence, at most one of a composition.

    The lower end of the evidence is between the two numbers of ``low``, the upper between those of
    ``high``, in eV; infinite where it may be open.
    """

    quantity: str
    strength: int
    quoted: bool
    place: _Array
    low: _Range
    high: _Range


class _Worth:
    """The best desirability of compositions on a criterion, and of which it may be known."""

    def __init__(self, count: int, order: Order, sure: bool = True) -> None:
        self._order, self._sure = order, sure
        self.best, self.known = np.zeros(count, np.float32), np.zeros(count, bool)

    def put(self, place: Any, best: Any = 1.0) -> None:
        """Add what may be known at some places; the better counts."""
        self.best[place] = np.maximum(self.best[place], best)
        self.known[place] = True

    def put_range(
        self, place: _Array, trapezoid: Trapezoid, low: _Range, high: _Range, quoted: bool = False
    ) -> None:
        """Add evidence with such ends: the worse is proven; what is quoted proves nothing."""
        if trapezoid.scale == "log":
            with np.errstate(divide="ignore"):
                low, high = (
                    (np.log10(np.maximum(one, 0)), np.log10(np.maximum(two, 0)))
                    for one, two in (low, high)
                )
        if self._order == "shown":
            ends = _reached(trapezoid, *low), _reached(trapezoid, *high)
            self.put(place, 0.0 if quoted else np.minimum(*ends))
        else:
            self.put(place, _reached(trapezoid, low[0], high[1]))

    def power(self, share: float) -> _Array:
        """Return the factor of the score for a share of the weight."""
        simple = {"shown": FLOOR**share, "possible": 1.0}.get(self._order)
        unknown = simple or mean_power(0.0, 1.0, share, FLOOR)
        found = np.maximum(self.best, FLOOR, dtype=np.float64) ** share
        found = found if self._sure else np.maximum(found, unknown)
        return np.where(self.known, found, unknown)


@dataclass(frozen=True)
class _Compositions:
    """What is read of compositions, by columns.

    ``energies``: whether there are any, of any ion; ``ranges``: lowest and highest of E_A, then of
    DFE, by the literature and computed, in eV; ``beyond``: whether other energies are known, too.
    """

    id: _Array
    formula: _Array
    lead_free: _Array
    families: _Array
    above_hull_ev_per_atom: _Array
    p_perovskite: _Array
    energies: _Array
    ranges: _Array
    beyond: _Array
    may_be_defined: _Array
    may_be_undefined: _Array

    def at(self, places: _Array) -> _Compositions:
        """Return some of them."""
        some = {each.name: getattr(self, each.name)[places] for each in fields(self)}
        return replace(self, **some)

    def bounds(
        self, criteria: Sequence[Criterion], options: Options, energies: list[_Energies] | None
    ) -> _Array:
        """Return upper bounds of the deciding score, rounded like it; 0 where nothing is known."""
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
        return np.round(bound * (1 + 1e-12), DIGITS)

    def _worth(
        self, criterion: Criterion, options: Options, energies: list[_Energies] | None
    ) -> _Worth:
        metric, bounds = criterion.metric, bounds_for(criterion, options.reading)
        trapezoid = Trapezoid(bounds, criterion.scale)
        summarized = metric in _QUANTITIES and energies is None
        found = _Worth(len(self.id), options.order, sure=not summarized)
        if metric == "lead_free":
            accepted = [word in bounds.accepts for word in ("yes", "no")]
            found.put(slice(None), np.where(self.lead_free, *accepted))
        elif metric in ("above_hull_ev_per_atom", "p_perovskite"):
            place = np.flatnonzero(~np.isnan(getattr(self, metric)))
            exact = (getattr(self, metric)[place],) * 2
            found.put_range(place, trapezoid, exact, exact)
        elif summarized:
            found.put(self.beyond)
            for each in self._summarized(_QUANTITIES[metric]):
                found.put_range(each.place, trapezoid, each.low, each.high)
        elif metric in _QUANTITIES and energies is not None:
            for strength in _STRENGTHS if options.computed else (_LITERATURE,):
                wanted = _QUANTITIES[metric], strength
                alike = [each for each in energies if each[:2] == wanted]
                for each in alike:  # what is stronger replaces what is weaker
                    found.best[each.place] = 0.0
                for each in alike:
                    found.put_range(each.place, trapezoid, each.low, each.high, each.quoted)
        else:  # energies of potentials, what a model predicts, the cation, the dimensions: anything
            found.put(self.energies if metric.endswith(("e_a_ev", "dfe_ev")) else slice(None))
        return found

    def _summarized(self, quantity: str) -> Iterator[_Energies]:
        """Yield what energies of a quantity may be by their summary, of the literature or model."""
        first = 4 * (quantity == "DFE")
        low, high, *computed = self.ranges[:, first : first + 4].T
        place = np.flatnonzero(~np.isnan(low))
        whole = low[place], high[place]
        yield _Energies(quantity, _LITERATURE, False, place, whole, whole)
        low, high = np.fmin(low, computed[0]), np.fmax(high, computed[1])
        place = np.flatnonzero(~np.isnan(low))
        whole = low[place], high[place]
        for entry in calibration_table().calibrations:
            for line in entry.lines if entry.quantity == quantity else ():
                ends = (_calibrated(line, sign, whole, quantity == "E_A") for sign in (-1, 1))
                yield _Energies(quantity, _MODEL, False, place, *ends)


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
    wanted, filters = options.shortlist or MOST_TRIED, options.filters
    every = _read(session, options.order)
    modelled = any(each.weight > 0 and METRICS[each.metric].modelled for each in criteria)
    kept, aside, notes = _filtered(session, every, filters)
    known = every.at(np.flatnonzero(kept))
    # SQL does not say for sure which compositions meet these.
    unsure = RankingFilters(family=filters.family, ions_known=filters.ions_known)
    limits = known.bounds(criteria, options, None)
    rough = np.argsort(-limits, kind="stable")
    read, tried = 0, np.zeros(len(limits), bool)
    found: list[tuple[float, Candidate]] = []
    left, last = 1.0, 0.0
    while left >= last and left > 0 and tried.sum() < MOST_TRIED:
        places = np.flatnonzero(~tried & (limits > 0))
        best = places[np.argsort(-limits[places], kind="stable")][: _BATCH if found else wanted]
        if read < len(rough) and len(best) and limits[rough[read]] >= limits[best[-1]]:
            # The energies of all that may be among these are read first.
            batch = rough[read : read + min(max(read, _LEAST_READ), _READ)]
            some = known.at(batch)
            close = some.bounds(criteria, options, [*_energies(session, some.id)])
            limits[batch] = np.minimum(limits[batch], close)
            read += len(batch)
            continue
        tried[best] = True
        made = material_candidates(session, formulas=[*known.formula[best]])
        made, _ = passing(made, unsure, {each.id: each for each in made})
        for each in map(predicted, made) if modelled else made:
            counted = each if options.computed else each.without_computed()
            worth = desirabilities_of(criteria, counted, options.reading)
            scores = score([one.weight for one in criteria], worth)
            if scores.coverage > 0:  # else it has no place
                found.append((round(getattr(scores, options.order), DIGITS), each))
        values = sorted((value for value, _ in found), reverse=True)
        last = values[wanted - 1] if len(values) >= wanted else 0.0
        left = float(np.max(limits[~tried], initial=0.0))
    total = int(np.sum(limits[~tried] > 0)) + len(found)
    if unknown := len(limits) - total:
        more = " or more" if np.any(limits[~tried] > 0) else ""
        notes.append(
            f"not rankable, nothing is known on a criterion with weight: {unknown:,}{more}"
        )
    listed = [each for value, each in found if value >= last]
    listed = listed if modelled else [*map(predicted, listed)]
    chosen = f"ranked are all {total:,} compositions with evidence"
    if len(listed) < total:
        sure = sum(value > left for value, _ in found)
        others = (
            "no other has a higher score"
            if sure >= len(listed)
            else f"{len(found):,} were compared: the first {sure:,} places are certain, and "
            "others may belong behind them"
        )
        chosen = (
            f"ranked are the {len(listed):,} compositions with the highest {SCORES[options.order]} "
            f"score of at most {total:,} with evidence; probabilities, Pareto front and other "
            f"ranks are among these; {others}"
        )
    return Shortlist(listed, chosen, aside, notes)


def _filtered(
    session: Session, known: _Compositions, filters: RankingFilters
) -> tuple[_Array, list[SetAside], list[str]]:
    """Return which compositions may pass, how many each filter set aside, and notes."""
    families = {*filters.family}.union(*map(families_by_phase, filters.family))
    ions = SiteOccupancy.site == "X", SiteOccupancy.ion.in_(filters.halide)
    of_devices = select(Material.composition_id).join(Device, Device.material_id == Material.id)

    def has(found: Select[int]) -> _Array:
        return np.isin(known.id, np.fromiter(session.scalars(found), np.int64))

    meets: dict[str, Callable[[], Any]] = {
        "compositions": lambda: [each in filters.compositions for each in known.formula],
        "lead_free": lambda: known.lead_free == filters.lead_free,
        "family": lambda: [not families.isdisjoint(each.split("; ")) for each in known.families],
        "halide": lambda: has(select(SiteOccupancy.composition_id).where(*ions)),
        "has_device": lambda: has(of_devices),
        "has_stack": lambda: np.ones(len(known.id), bool),
        "ions_known": lambda: known.energies,
        "only_screening": lambda: ~np.isnan(known.above_hull_ev_per_atom),
    }
    kept, aside = np.ones(len(known.id), bool), []
    for name, why, _ in tests_of(filters, ()):
        before, kept = kept, kept & np.array(meets[name](), bool)
        if lost := int(before.sum() - kept.sum()):
            aside.append(SetAside(filter=name, reason=why, count=lost))
    missing = [each for each in filters.compositions if each not in {*known.formula}]
    notes = [f"given, but not in the store: {', '.join(missing)}"] if missing else []
    return kept, sorted(aside, key=lambda each: (-each.count, each.filter, each.reason)), notes


def _reached(trapezoid: Trapezoid, low: _Array, high: _Array) -> _Array:
    """Return the best desirability between two positions on the scale."""
    _, at_least, at_most, _ = trapezoid.corners
    ends = [trapezoid_values(trapezoid, each) + _SLACK for each in (low, high)]
    inside = (low <= at_most + _SLACK) & (high >= at_least - _SLACK)
    return np.minimum(np.where(inside, 1.0, np.maximum(*ends)), 1.0)


def _read(session: Session, order: Order) -> _Compositions:
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
            *(Summary.above_hull_ev_per_atom, Summary.p_perovskite),
            Summary.energetics_reported_count + Summary.energetics_computed_count > 0,
            *(Summary.e_a_literature_min_ev, Summary.e_a_literature_max_ev),
            *(Summary.e_a_computed_min_ev, Summary.e_a_computed_max_ev),
            *(Summary.dfe_literature_min_ev, Summary.dfe_literature_max_ev),
            *(Summary.dfe_computed_min_ev, Summary.dfe_computed_max_ev),
            and_(
                Summary.energetics_reported_count == 0,
                Summary.lowest_phase.not_in([*apart, UNDECIDED]),
            ),
            *[*of_materials.c][1:],
        )
        .join(of_materials, of_materials.c.composition_id == Summary.composition_id)
        .where(Summary.composition_id.not_in(generic))
    )
    types = (np.int64, object, bool, object, float, float, bool, *(float,) * 8, bool)
    read = _columns(session, statement, (*types, *(np.int64,) * 5))
    connected, count, others, without, others_without, separate = read[15:]
    # Where tau may be defined, and where it may not be: not_perovskite() and its family say so.
    known, connected = ~np.isnan(read[5]), connected | (separate == 0)
    alone = (count == 1) & (others == 0) & connected
    surely = np.where(without > 0, others_without == 0, alone | ((count > 1) & known & connected))
    may = np.where(without > 0, others_without < without, True)
    # Energies that a summary leaves out, or whose ends it hides: those may be anything.
    given, ends = Energetic, (Energetic.value_min_ev, Energetic.value_max_ev)
    left_out = [and_(given.method != "MLIP", given.calculation_id.is_not(None))]
    left_out += [~each.between(-LARGEST_EV, LARGEST_EV) for each in ends]
    if order != "shown":  # of what is proven, an open end is the better one or proves nothing
        left_out += [given.bound.is_not(None), *(each.is_(None) for each in ends)]
    # The inner SELECT reads the table once, in its order; a join looks for each material.
    those = Material.id.in_(select(given.material_id).where(or_(*left_out)))
    (there,) = _columns(session, select(Material.composition_id).where(those), (np.int64,))
    ranges, beyond = np.column_stack(read[7:15]), np.isin(read[0], there)
    names = [each.name for each in fields(_Compositions)]
    return _Compositions(**dict(zip(names, (*read[:7], ranges, beyond, may, ~surely), strict=True)))


def _columns(
    session: Session, statement: Select[*tuple[Any, ...]], types: Sequence[Any]
) -> list[_Array]:
    """Return the columns of what a statement finds as arrays, without conversions between."""
    plain = [type_coerce(each, NullType) for each in statement.selected_columns]
    found = session.connection().execute(statement.with_only_columns(*plain))
    parts = [
        [np.array(*each) for each in zip(zip(*rows, strict=True), types, strict=True)]
        for rows in found.partitions(_ROWS)
    ]
    return [np.concatenate(each) for each in zip(*parts, strict=True)] or [
        np.array([], each) for each in types
    ]


def _energies(session: Session, ids: _Array) -> Iterator[_Energies]:
    """Yield what is known of halide vacancies, by quantity and kind of evidence."""
    given, model, barrier = Energetic, Energetic.method == "MLIP", Energetic.quantity == "E_A"
    vacancy = given.defect.startswith("V_", autoescape=True)
    own = given.calculation_id.is_not(None)
    kind = case(
        (model, func.coalesce(given.functional, "")),
        (own, ""),
        (given.source.startswith(SECONDARY, autoescape=True), SECONDARY),
        (given.method.in_(("DFT", "experiment")), given.method),
        else_="",
    ).label("kind")
    strength = case((model, _MODEL), (own, _OWN), else_=_LITERATURE).label("strength")
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
            *(part(end) for end in (low, high) for part in (func.min, func.max, func.count)),
            *(func.min(Material.family), func.max(Material.family)),
        )
        .group_by(Material.composition_id, given.quantity, strength, kind)
    )
    types = (object, np.int64, object, np.int64, bool, *(float,) * 7, object, object)
    quantity, strengths, kinds, of, alone, *numbers, first, last = _columns(
        session, statement, types
    )
    order = np.argsort(ids)
    place = order[np.searchsorted(ids, of, sorter=order)]
    grouped: dict[tuple[str, int, str], list[int]] = defaultdict(list)
    for row, key in enumerate(zip(quantity, strengths, kinds, strict=True)):
        grouped[key].append(row)
    for (named, of_strength, of_kind), rows in grouped.items():
        ends, there = [each[rows] for each in numbers], place[rows]
        whole = alone[rows] | (of_strength != _MODEL)
        low_range, high_range = _ends(ends, whole, of_strength == _MODEL and named == "E_A")
        if of_strength != _MODEL:
            quoted = of_kind == SECONDARY
            yield _Energies(named, of_strength, quoted, there, low_range, high_range)
        for entry in calibration_table().calibrations if of_strength == _MODEL else ():
            if (entry.quantity, entry.potential) != (named, of_kind):
                continue
            fits = {name: entry.line_for(name) for name in {*first[rows]}}
            for line in entry.lines:  # of several families or ions on B, any line may count
                fitting = {name for name in fits if line.b_site or fits[name] is line}
                pairs = zip(first[rows], last[rows], strict=True)
                some = np.array([one != two or one in fitting for one, two in pairs], bool)
                calibrated = (
                    _calibrated(line, sign, (one[some], two[some]), named == "E_A")
                    for sign, (one, two) in ((-1, low_range), (1, high_range))
                )
                yield _Energies(named, _MODEL, False, there[some], *calibrated)


def _ends(numbers: list[_Array], whole: _Array, easiest: bool) -> tuple[_Range, _Range]:
    """Return the ranges of both ends of evidence from those of statements, and their numbers.

    Statements span one interval where they are a ``whole``, or the ``easiest`` of them counts.
    """
    count, low, low_most, lows, high_least, high, highs = numbers
    low, low_most = np.where(lows < count, -np.inf, low), np.where(lows, low_most, -np.inf)
    high, high_least = np.where(highs < count, np.inf, high), np.where(highs, high_least, np.inf)
    if easiest:
        whole = whole & (highs == count)
        high = np.where(whole, high_least, high)
        low_most = np.where(whole, np.minimum(low_most, high_least), low_most)
    else:
        low_most, high_least = np.where(whole, low, low_most), np.where(whole, high, high_least)
    return (low, low_most), (high_least, high)


def _calibrated(line: CalibrationLine, sign: int, values: _Range, barrier: bool) -> _Range:
    """Return the range of the lower (-1) or upper (1) end of a calibrated interval, in eV."""
    known = np.isfinite(values[0]) & np.isfinite(values[1])
    ends = [np.where(known, each, line.mean_ev) for each in values]
    middles = [line.offset_ev + line.slope * each for each in ends]
    widest, other, narrowest = (
        line.quantile
        * line.error_ev
        * np.sqrt(1 + 1 / line.groups + (each - line.mean_ev) ** 2 / (line.squares_ev2 or np.inf))
        for each in (*ends, np.clip(line.mean_ev, *ends))
    )
    halves = [np.maximum(widest, other), narrowest][::-sign]
    least, most = np.minimum(*middles) + sign * halves[0], np.maximum(*middles) + sign * halves[1]
    # Rounded as calibrated intervals are; where an end may be open, it may be anything.
    found = [np.round(each, 3) for each in (least - 1e-9, most + 1e-9)]
    found = [np.maximum(each, 0.0) for each in found] if barrier else found
    wide = [np.where(values[0] == values[1], values[0], side * np.inf) for side in (-1, 1)]
    return np.where(known, found[0], wide[0]), np.where(known, found[1], wide[1])
