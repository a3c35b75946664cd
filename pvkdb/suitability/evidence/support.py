"""The support of predictions by measured devices: the numbers of docs/validation/prediction.md.

``make validate`` compares predicted with measured values and writes ``support.json`` beside this
file. A shipped profile gives weight to a modelled metric only where it is supported; a test holds
the profiles against the numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.resources import files

from pydantic import Field

from pvkdb.schemas import StrictModel
from pvkdb.schemas.metrics import METRICS
from pvkdb.schemas.profiles import Criterion

FILE = "support.json"


class Support(StrictModel):
    """Whether measured devices support the predictions of one metric, and the reason."""

    metric: str
    supported: bool
    reason: str = Field(description="The reason, with the numbers.")


class SupportTable(StrictModel):
    """The support of every modelled metric, as on the validation page."""

    page: str
    metrics: tuple[Support, ...]


@cache
def support_table() -> SupportTable:
    """Return the support of every modelled metric."""
    text = files("pvkdb.suitability").joinpath(FILE).read_text(encoding="utf-8")
    return SupportTable.model_validate_json(text)


def unsupported(criteria: Sequence[Criterion], table: SupportTable | None = None) -> list[str]:
    """Return modelled metrics that have weight without the support of measured devices."""
    weak = _not_supported(table or support_table())
    return [each.metric for each in criteria if each.weight > 0 and each.metric in weak]


def _not_supported(table: SupportTable) -> set[str]:
    """Return modelled metrics that the table does not support."""
    agreed = {entry.metric for entry in table.metrics if entry.supported}
    return {name for name, metric in METRICS.items() if metric.modelled and name not in agreed}


def support_notes(criteria: Sequence[Criterion]) -> list[str]:
    """Return notes for a ranking in which unsupported predictions have weight."""
    table = support_table()
    reasons = {entry.metric: entry.reason for entry in table.metrics}
    modelled = [each for each in criteria if METRICS[each.metric].modelled]
    notes = []
    if without := [each.metric for each in modelled if each.weight == 0]:
        why = "; ".join(f"{METRICS[name].label}: {reasons[name]}" for name in without)
        notes.append(f"predictions are shown without weight; {why}; see {table.page}")
    counted = any(each.metric == "e_a_ev" and each.weight > 0 for each in criteria)
    if counted and "modelled_retention_s" in _not_supported(table):
        notes.append(
            "E_A has its weight from what the review says of it, not from measured devices, which "
            f"do not bear it out so far; see {table.page}"
        )
    if bold := unsupported(criteria):
        why = "; ".join(f"{METRICS[name].label}: {reasons[name]}" for name in bold)
        notes.append(
            f"predictions have a weight here that measured devices do not support; {why}; see "
            f"{table.page}"
        )
    return notes
