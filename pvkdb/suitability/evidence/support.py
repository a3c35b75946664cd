"""Which predictions measured devices support: the numbers of docs/validation/prediction.md.

``make validate`` compares predicted with measured values and writes ``support.json`` beside this
file. A shipped profile gives weight to a modelled metric only where it is supported; a test holds
the profiles against the numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.resources import files

from pvkdb.schemas.metrics import METRICS
from pvkdb.schemas.predictions import SupportTable
from pvkdb.schemas.profiles import Criterion

FILE = "support.json"


@cache
def support_table() -> SupportTable:
    """The support of every modelled metric."""
    text = files("pvkdb.suitability").joinpath(FILE).read_text(encoding="utf-8")
    return SupportTable.model_validate_json(text)


def unsupported(criteria: Sequence[Criterion], table: SupportTable | None = None) -> list[str]:
    """Modelled metrics that have weight though measured devices do not support them."""
    weak = _not_supported(table or support_table())
    return [each.metric for each in criteria if each.weight > 0 and each.metric in weak]


def _not_supported(table: SupportTable) -> set[str]:
    """Modelled metrics that the table does not hold to be supported."""
    agreed = {entry.metric for entry in table.metrics if entry.supported}
    return {name for name, metric in METRICS.items() if metric.modelled and name not in agreed}


def support_notes(criteria: Sequence[Criterion]) -> list[str]:
    """What a reader must know of the weight of predictions."""
    table = support_table()
    reasons = {entry.metric: entry.reason for entry in table.metrics}
    modelled = [each for each in criteria if METRICS[each.metric].modelled]
    notes = []
    if without := [each.metric for each in modelled if each.weight == 0]:
        told = "; ".join(f"{METRICS[name].label}: {reasons[name]}" for name in without)
        notes.append(f"predictions are shown without weight; {told}; see {table.page}")
    counted = any(each.metric == "e_a_ev" and each.weight > 0 for each in criteria)
    if counted and "modelled_retention_s" in _not_supported(table):
        notes.append(
            "E_A has its weight from what the review says of it, not from measured devices, which "
            f"do not bear it out so far; see {table.page}"
        )
    if bold := unsupported(criteria):
        told = "; ".join(f"{METRICS[name].label}: {reasons[name]}" for name in bold)
        notes.append(
            f"predictions have a weight here that measured devices do not support; {told}; see "
            f"{table.page}"
        )
    return notes
