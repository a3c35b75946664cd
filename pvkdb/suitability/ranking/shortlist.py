"""Shortlists: the compositions of a large store that are worth ranking, chosen by their summaries.

The summary of a composition has its tolerance factor, its energy above the hull, and the lowest and
highest of its energies by the literature and computed. A first score follows from the middles of
these, without the evidence behind them; the compositions with the highest one are then ranked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from sqlalchemy import select
from sqlalchemy.orm import Session

from pvkdb.chemistry.family import families_by_phase
from pvkdb.schemas.profiles import Criterion
from pvkdb.schemas.rankings import RankingFilters, SetAside
from pvkdb.store.models.devices import Device
from pvkdb.store.models.materials import Material, SiteOccupancy
from pvkdb.store.models.summaries import CompositionSummary as Summary
from pvkdb.suitability.evidence.materials import RANKED
from pvkdb.suitability.evidence.means import PLACEHOLDERS
from pvkdb.suitability.ranking.assessment import bounds_for
from pvkdb.suitability.ranking.filters import tests_of
from pvkdb.suitability.ranking.options import Options
from pvkdb.suitability.ranking.shares import desirabilities

_Array = npt.NDArray[Any]
#: Columns of the lowest and highest energies: of the literature, else computed.
_ENERGIES = {
    f"{quantity}_ev": [
        (
            getattr(Summary, f"{quantity}_{kind}_min_ev"),
            getattr(Summary, f"{quantity}_{kind}_max_ev"),
        )
        for kind in ("literature", "computed")
    ]
    for quantity in ("e_a", "dfe")
}


class Shortlist(NamedTuple):
    """Formulas that are worth ranking, what they are in a sentence, and what was left out."""

    formulas: list[str]
    chosen: str
    set_aside: list[SetAside]
    notes: list[str]


def shortlist(session: Session, criteria: Sequence[Criterion], options: Options) -> Shortlist:
    """Return as many compositions as wanted with the highest first scores, and those equal to them.

    The filters of the options apply before.
    """
    generic = select(SiteOccupancy.composition_id).where(SiteOccupancy.ion.in_(PLACEHOLDERS))
    ranked = select(Material.composition_id).where(RANKED)
    energies = [each for pairs in _ENERGIES.values() for pair in pairs for each in pair]
    numeric = (Summary.above_hull_ev_per_atom, Summary.p_perovskite, *energies)
    names = (Summary.composition_id, Summary.formula, Summary.families, Summary.lead_free)
    counts = Summary.energetics_reported_count + Summary.energetics_computed_count
    found = session.execute(
        select(*names, *numeric, counts)
        .where(Summary.composition_id.not_in(generic), Summary.composition_id.in_(ranked))
        .order_by(Summary.formula)
    ).all()
    keys = [*(each.key for each in (*names, *numeric)), "known"]
    columns: Iterable[Any] = zip(*found, strict=True) if found else [()] * len(keys)
    table = {key: np.array(column) for key, column in zip(keys, columns, strict=True)}
    numbers = {each.key: table[each.key].astype(float) for each in numeric}
    formulas, scores = table["formula"], np.ones(len(found))
    for criterion in criteria:
        if criterion.weight > 0 and (value := _values(criterion, numbers, options)) is not None:
            corners = bounds_for(criterion, options.reading).corners
            worth = np.where(np.isnan(value), np.nan, desirabilities(corners, value))
            # What is not known counts as the worst of what is: it may still be better than that.
            worst = np.nanmin(worth) if np.any(~np.isnan(worth)) else 1.0
            scores *= np.where(np.isnan(worth), worst, worth) ** criterion.weight
    meets = _filters(session, options.filters, table | numbers)
    kept, aside = np.ones(len(found), bool), []
    for name, why, _ in tests_of(options.filters, ()):
        before, kept = kept, kept & np.array(meets[name](), bool)
        if lost := int(before.sum() - kept.sum()):
            aside.append(SetAside(filter=name, reason=why, count=lost))
    missing = sorted({*options.filters.compositions} - {*formulas.tolist()})
    left, wanted = np.flatnonzero(kept), options.shortlist or len(found)
    best = left[np.argsort(-scores[left], kind="stable")]
    if len(best) > wanted:
        best = best[scores[best] >= scores[best[wanted - 1]]][: 2 * wanted]
    return Shortlist(
        formulas[best].tolist(),
        f"ranked are {len(best):,} of {len(left):,} compositions, those with the highest score by "
        "the middles of their energies",
        sorted(aside, key=lambda each: (-each.count, each.filter, each.reason)),
        [f"given, but not in the store: {', '.join(missing)}"] if missing else [],
    )


def _values(
    criterion: Criterion, numbers: dict[str, _Array], options: Options
) -> npt.NDArray[np.float64] | None:
    """Return values of a criterion for each composition, NaN if unknown; None if not summarized."""
    if criterion.metric not in _ENERGIES:
        return numbers.get(criterion.metric)
    middles = [
        (numbers[low.key] + numbers[high.key]) / 2 for low, high in _ENERGIES[criterion.metric]
    ]
    if not options.computed:
        return middles[0]
    return np.where(np.isnan(middles[0]), middles[1], middles[0])


def _filters(
    session: Session, filters: RankingFilters, table: dict[str, _Array]
) -> dict[str, Callable[[], Any]]:
    """Return the test of each filter: which compositions meet it."""
    wanted = {*filters.family}.union(*map(families_by_phase, filters.family))
    ions = SiteOccupancy.site == "X", SiteOccupancy.ion.in_(filters.halide)
    of_devices = select(Material.composition_id).join(Device, Device.material_id == Material.id)

    def has(statement: Any) -> _Array:
        found = np.fromiter(session.scalars(statement), np.int64)
        return np.isin(table["composition_id"], found)

    return {
        "compositions": lambda: [each in filters.compositions for each in table["formula"]],
        "lead_free": lambda: table["lead_free"] == filters.lead_free,
        "family": lambda: [not wanted.isdisjoint(each.split("; ")) for each in table["families"]],
        "halide": lambda: has(select(SiteOccupancy.composition_id).where(*ions)),
        "has_device": lambda: has(of_devices),
        "has_stack": lambda: np.ones(len(table["formula"]), bool),
        "ions_known": lambda: table["known"] > 0,
        "only_screening": lambda: ~np.isnan(table["above_hull_ev_per_atom"]),
    }
