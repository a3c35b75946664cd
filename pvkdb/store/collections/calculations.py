"""Collection of calculations, queued and finished."""

from __future__ import annotations

from sqlalchemy import select

from pvkdb.schemas.calculations import CalculationState
from pvkdb.schemas.tables import CalculationsRow
from pvkdb.store.collections.collection import Collection, sortables
from pvkdb.store.collections.filters import any_of, material_filters, material_is, through
from pvkdb.store.models.calculations import Calculation
from pvkdb.store.rows.from_models import calculations_row

CALCULATIONS = Collection(
    name="calculations",
    row=CalculationsRow,
    source=select().select_from(Calculation),
    loads=select(Calculation),
    key=Calculation.id,
    order=(("created_at", False),),
    filters={
        "id": any_of(Calculation.id, "Name of the calculation."),
        "state": any_of(
            Calculation.state,
            "waiting, queued, running, done, failed or cancelled.",
            example="done",
            choices=tuple(state.value for state in CalculationState),
        ),
        "kind": any_of(Calculation.kind, "Kind of calculation, e.g. neb.", example="neb"),
        "material": material_is(through(Calculation.material_id)),
        **material_filters(through(Calculation.material_id)),
        "failure_kind": any_of(Calculation.failure_kind, "Kind of failure."),
    },
    to_row=calculations_row,
    sortable=sortables(
        Calculation, "id kind state attempts created_at started_at finished_at failure_kind"
    ),
    facets={
        "state": Calculation.state,
        "kind": Calculation.kind,
        "failure_kind": Calculation.failure_kind,
    },
)
