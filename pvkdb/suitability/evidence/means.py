"""Energies of potentials, calibrated, and the activation energy as a mean of all its sources.

A source is one publication by one kind of method, pvkdb's DFT, or else its calibrated potential:
those share a functional, so that they are one source. Source j of a material says y_j = μ + b_j +
e_j, with an error e_j of its own and the spread τ of b_j, which is one for all materials, since
most have one source or two. τ makes the median of |y_j − y_k|/√(v_j + v_k), with v_j = s_j² + τ²,
over the pairs of sources of each material that of a normal distribution: a scale from differences
(Rousseeuw and Croux, J. Am. Stat. Assoc. 88, 1273 (1993), doi 10.1080/01621459.1993.10476408) that
one extreme paper moves little. A pair among n sources weighs 2/n, so that a material counts with
its n − 1 degrees of freedom; ν is their sum. The mean ȳ has the weights 1/v_j, and the interval
for what a new source would say is that of Higgins, Thompson and Spiegelhalter (J. R. Stat. Soc. A
172, 137 (2009), doi 10.1111/j.1467-985X.2008.00552.x): ȳ ± t · √(τ² + 1/Σ 1/v_j), with Student's t
of ν for the uncertainty of τ, as in Hartung and Knapp (Stat. Med. 20, 1771 (2001), doi
10.1002/sim.791).

Formation energies are calibrated, but not joined: those of the literature depend on conditions.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from math import hypot, sqrt

import numpy as np
from sqlalchemy import or_
from sqlalchemy.orm import Session

from pvkdb.schemas.calculations.calibration import (
    Calibration,
    CalibrationLine,
    calibration_table,
    line_without,
)
from pvkdb.schemas.rankings import COMPUTED, Grade
from pvkdb.schemas.tables.literature import SECONDARY
from pvkdb.store.collections import ENERGETICS
from pvkdb.store.curation.dataset import unreviewed_imports
from pvkdb.store.models.energetics import Energetic
from pvkdb.suitability.evidence.evidence import Candidate, Evidence, Source

#: Two sources disagree if they differ by more than so many standard errors of the difference.
_APART = 2.0
#: Median of the size of a standard normal number.
_MEDIAN = 0.67449
#: Letters of generic formulas, which are no candidates.
PLACEHOLDERS = frozenset({"A", "B", "X"})
_HALIDES = frozenset({"F", "Cl", "Br", "I", "X"})
_KINDS = {"experiment": Grade.MEASURED, "DFT": Grade.DFT}


@dataclass(frozen=True)
class Spread:
    """The spread between sources of one material, in eV, and its degrees of freedom."""

    tau_ev: float
    freedom: int
    materials: int


def halide_moves(statement: Energetic) -> bool:
    """Return whether an energy is of a halide vacancy, or of a halide without a named defect."""
    vacancy = statement.defect.startswith("V_") or statement.defect == statement.species
    return statement.species in _HALIDES and vacancy


def literature_sources(statements: Iterable[Energetic]) -> tuple[Source, ...]:
    """Return closed energies of the literature by publication and kind; no quoted ones.

    The error of a source is the spread of its statements, those within a printed range even.
    """
    found: dict[tuple[Grade, tuple[str, ...]], list[tuple[float, float]]] = defaultdict(list)
    for each in statements:
        low, high = each.value_min_ev, each.value_max_ev
        if low is not None and high is not None and not each.source.startswith(SECONDARY):
            keys = tuple(reference.reference_key for reference in each.references)
            found[_KINDS.get(each.method, Grade.REPORTED), keys].append((low, high))
    return tuple(
        Source(grade, float(np.mean(ranges)), _error(ranges), keys)
        for (grade, keys), ranges in found.items()
    )


def _error(ranges: Sequence[tuple[float, float]]) -> float:
    within = np.mean([(high - low) ** 2 / 12 for low, high in ranges])
    return float(np.sqrt(within + np.var([np.mean(each) for each in ranges])))


def spread_in(session: Session, unreviewed: bool = False) -> Spread | None:
    """Return the spread between sources of the literature in a store.

    Imports that nobody has confirmed count only with ``unreviewed``.
    """
    waiting = [] if unreviewed else [each.version for each in unreviewed_imports(session)]
    listed = ENERGETICS.rows.loads.where(
        Energetic.current(unreviewed),
        *(Energetic.quantity == "E_A", Energetic.method != "MLIP"),
        Energetic.calculation_id.is_(None),
        or_(Energetic.recorded_in.is_(None), Energetic.recorded_in.not_in(waiting)),
    )
    found: dict[str, list[Energetic]] = defaultdict(list)
    for each in session.scalars(listed.order_by(Energetic.id)).unique():
        ions = {entry.ion for entry in each.material.composition.occupancies}
        if halide_moves(each) and PLACEHOLDERS.isdisjoint(ions):
            found[each.material.composition.formula].append(each)
    return spread_of([literature_sources(each) for each in found.values()])


def spread_of(groups: Sequence[Sequence[Source]]) -> Spread | None:
    """Return the spread between sources; None where no material has several."""
    groups = [group for group in groups if len(group) > 1]
    freedom = sum(len(group) - 1 for group in groups)
    if not freedom:
        return None

    weights = np.array([2 / len(group) for group in groups for _ in combinations(group, 2)])

    def excess(tau_ev: float) -> float:
        apart = [
            abs(one.value_ev - two.value_ev)
            / hypot(hypot(one.error_ev, tau_ev), hypot(two.error_ev, tau_ev))
            for group in groups
            for one, two in combinations(group, 2)
        ]
        order = np.argsort(apart)
        places = np.cumsum(weights[order]) - weights[order] / 2
        return float(np.interp(freedom / 2, places, np.array(apart)[order])) - _MEDIAN

    from scipy import optimize

    least, most = 1e-3, 10.0
    tau_ev = least if excess(least) <= 0 else float(optimize.brentq(excess, least, most))
    return Spread(tau_ev, freedom, len(groups))


def _variance(source: Source, tau_ev: float) -> float:
    """Return the variance of a source about the mean of its material, eV².

    The error of a calibrated potential is measured against single sources and holds their spread
    already; it counts no more than one publication.
    """
    if source.grade is Grade.CALIBRATED:
        return max(source.error_ev**2 - tau_ev**2, tau_ev**2)
    return source.error_ev**2 + tau_ev**2


def mean_of(sources: Sequence[Source], spread: Spread) -> Evidence:
    """Return the mean of at least one source, with the 95% interval of what a new one would say."""
    from scipy import special

    weights = 1 / np.array([_variance(each, spread.tau_ev) for each in sources])
    mean = float(np.sum(weights * [each.value_ev for each in sources]) / np.sum(weights))
    error = float(np.sqrt(spread.tau_ev**2 + 1 / np.sum(weights)))
    half = float(special.stdtrit(spread.freedom, 0.975)) * error
    count = f"{len(sources)} source{'' if len(sources) == 1 else 's'}"
    note = f"{count}: {', '.join(map(_said, sources))}"
    note += f"; spread between sources {spread.tau_ev:.2f} eV, from {spread.materials} compositions"
    for one, two in combinations(sources, 2):
        apart = _variance(one, spread.tau_ev) + _variance(two, spread.tau_ev)
        if abs(one.value_ev - two.value_ev) > _APART * apart**0.5:
            note += f"; {_said(one)} and {_said(two)} differ by more than their errors"
    low, high = max(0.0, mean - half), mean + half
    note += f"; a new source would say {low:.2f} to {high:.2f} eV (95%)"
    return Evidence(
        minimum=round(low, 3),
        maximum=round(high, 3),
        grade=Grade.MEAN,
        references=tuple(dict.fromkeys(key for each in sources for key in each.references)),
        note=note,
        estimate=(mean, error, spread.freedom),
    )


def _said(source: Source) -> str:
    error = f" ± {source.error_ev:.2f}" if source.error_ev >= 0.005 else ""
    keys = f" ({', '.join(source.references)})" if source.references else ""
    return f"{source.grade.value} {source.value_ev:.2f}{error} eV{keys}"


def calibrated(
    raw: Evidence,
    quantity: str,
    parts: Mapping[str, tuple[Evidence, Collection[str]]],
    b_site: Collection[str] = (),
    formula: str = "",
) -> Evidence:
    """Return the interval of the potential that counts first; ``raw`` if none is calibrated.

    A potential with a value counts before one with an upper bound only. The note of ``raw`` names
    the values of all potentials; ``parts`` has those of each (E_A or DFE), and the structure
    families that have them. A composition does not help to calibrate itself.
    """
    table = calibration_table()
    found: list[tuple[Evidence, Calibration, list[CalibrationLine]]] = []
    for entry in table.calibrations:
        if entry.quantity == quantity and entry.potential in parts:
            part, families = parts[entry.potential]
            lines = [entry.line_for(family, b_site) for family in sorted(set(families))]
            known = [
                other
                for line in lines
                if line is not None and (other := line_without(entry, line, formula)) is not None
            ]
            if len(known) == len(lines):
                found.append((part, entry, known))
    if not found:
        return raw
    part, entry, fitting = min(found, key=lambda each: each[0].minimum is None)
    low, high = part.minimum, part.maximum
    estimates = [line.estimate(end) for line in fitting for end in (low, high) if end is not None]
    middles = [middle for middle, _ in estimates]
    error = hypot(max(error for _, error in estimates), (max(middles) - min(middles)) / sqrt(12))
    closed = low is not None and high is not None
    source = Source(Grade.CALIBRATED, sum(middles) / len(middles), error)
    if low is not None:
        low = round(min(line.interval(low)[0] for line in fitting), 3)
    if high is not None:
        high = round(max(line.interval(high)[1] for line in fitting), 3)
    if quantity == "E_A":  # no barrier is below zero
        low, high = (None if end is None else max(end, 0.0) for end in (low, high))
    groups = " and ".join(sorted({line.made_of for line in fitting}))
    how = f"{table.level:.0%} interval of {entry.potential} by {groups} of {entry.compared_with}"
    note = f"{how} ({table.page}); {raw.note}"
    sources = (source,) if closed else ()
    return replace(
        part, minimum=low, maximum=high, grade=Grade.CALIBRATED, note=note, sources=sources
    )


def with_means(
    candidates: Iterable[Candidate], spread: Spread | None, computed: bool = True
) -> list[Candidate]:
    """Return compositions with the mean of all sources as their activation energy.

    Without a spread between sources nothing is joined; ``computed``: whether those of pvkdb count.
    """
    return [_with_mean(each, spread, computed) for each in candidates]


def _with_mean(candidate: Candidate, spread: Spread | None, computed: bool) -> Candidate:
    known = candidate.evidence.get("e_a_ev")
    sources = (
        [each for each in known.sources if computed or each.grade not in COMPUTED] if known else []
    )
    if spread is None or known is None or not sources:
        return candidate
    mean = mean_of(sources, spread)
    kinds = (replace(known, beside=()), *known.beside)
    model = candidate.evidence.get("e_a_model_ev")
    if computed and model is not None and model.grade is Grade.CALIBRATED and model != known:
        kinds = (*kinds, model)
    whole = replace(
        mean, source=known.source, phase=known.phase, erratum=known.erratum, beside=kinds
    )
    return replace(candidate, evidence={**candidate.evidence, "e_a_ev": whole})
