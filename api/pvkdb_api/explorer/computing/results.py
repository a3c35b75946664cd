"""The part of the page of a calculation that shows its result, by the kind of calculation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from markupsafe import Markup
from sqlalchemy import select
from sqlalchemy.orm import Session

from pvkdb.operations import kinds
from pvkdb.schemas.calculations import CalculationDocument, CalculationState
from pvkdb.schemas.calculations.examinations import TASKS
from pvkdb.schemas.calculations.kinds import UnreadableResult, read_result
from pvkdb.simulation.devices.report import report_page
from pvkdb.store.collections.in_memory import SMALL_TABLES
from pvkdb.store.models.devices import DeviceReference


@dataclass(frozen=True)
class ResultPart:
    """A template with its values; ``unreadable`` says why the stored result is none of its kind."""

    template: str
    values: dict[str, Any] = field(default_factory=dict)
    unreadable: str | None = None


def result_part(session: Session, calculation: CalculationDocument) -> ResultPart:
    """Return what the page of a calculation shows of its result."""
    plain = ResultPart("_values.html", {"numbers": _numbers(calculation.result or {})})
    if calculation.state is not CalculationState.DONE or calculation.kind not in kinds():
        return plain
    found = read_result(calculation.kind, calculation.result)
    if isinstance(found, UnreadableResult):
        return ResultPart(plain.template, plain.values, found.reason)
    if calculation.kind not in _PARTS:
        return plain
    template, values = _PARTS[calculation.kind]
    return ResultPart(template, {"found": found, **values(session, found)})


def _numbers(result: Mapping[str, Any]) -> dict[str, Any]:
    """Return the numbers and texts of a result, without its lists and structures."""
    plain = (bool, int, float, str)
    return {name: value for name, value in result.items() if value is None or type(value) in plain}


def _examination(session: Session, found: Any) -> dict[str, Any]:
    """Return the words of tasks, and the accuracies of Table 10: own publication, or another."""
    cited = DeviceReference.device_id == found.device
    own = set(session.scalars(select(DeviceReference.reference_key).where(cited)))
    rows = SMALL_TABLES["benchmark_datasets"].rows(session)
    published = [(row, not own.isdisjoint(row.references.split())) for row in rows]
    rated = (each for each in published if each[0].accuracy_percent)
    return {"tasks": TASKS, "published": sorted(rated, key=lambda each: not each[1])}


#: Template of each kind, and what it needs besides the result.
_PARTS: dict[str, tuple[str, Callable[[Session, Any], dict[str, Any]]]] = {
    "neb": ("_barriers.html", lambda session, found: {}),
    "examine": ("_examination.html", _examination),
    "simulation": (
        "_simulation.html",
        lambda session, found: {"report": Markup(report_page(found))},
    ),
}
