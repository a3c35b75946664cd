"""Runs of screenings as pages show them: the list, the funnel of one, who is left."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from pvkdb.schemas.runs import RunState, ScreeningDocument
from pvkdb.schemas.screening import CandidateSummary, FallKind
from pvkdb.store.models import Composition, Material
from pvkdb_api.explorer.site.rendering import link

MARKS = {
    RunState.DONE: "good",
    RunState.FAILED: "bad",
    RunState.RUNNING: "open",
    RunState.INTERRUPTED: "open",
}

#: What it means that candidates fell so.
KINDS: dict[FallKind, str] = {
    "filter": "a condition of the plan",
    "physical": "the structure became another one",
    "numerical": "a calculation failed",
    "not defined": "the quantity is not defined for it",
}


def funnel_data(run: ScreeningDocument) -> dict[str, Any]:
    """What the plot of a funnel draws: who passed each stage, and who fell in it by kind."""
    return {
        "stages": [stage.stage for stage in run.stages],
        "passed": [stage.passed for stage in run.stages],
        "fell": {
            name: [stage.fell.get(kind, 0) for stage in run.stages]
            for kind, name in KINDS.items()
            if any(stage.fell.get(kind) for stage in run.stages)
        },
    }


def filled(rows: Iterable[CandidateSummary]) -> frozenset[str]:
    """Fields that any of the candidates has: of a plan that stops early, the others are none."""
    return frozenset(name for row in rows for name, value in row if value is not None)


def material_addresses(session: Session, rows: Iterable[CandidateSummary]) -> dict[str, str]:
    """Where the pages show a candidate's material; nothing for those that the store lacks.

    One material leads to its page, several phases of one composition to the list of them.
    """
    formulas = [row.formula for row in rows]
    found: dict[str, list[str]] = {}
    for formula, name in session.execute(
        select(Composition.formula, Material.id)
        .join(Material.composition)
        .where(Composition.formula.in_(formulas))
    ):
        found.setdefault(formula, []).append(name)
    return {
        formula: link("/materials", names[0]) if len(names) == 1 else link("/materials", q=formula)
        for formula, names in found.items()
    }
