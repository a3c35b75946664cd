"""Collections of calculations, queued and finished, and of structures."""

from __future__ import annotations

from sqlalchemy import select

from pvkdb.schemas.calculations import CalculationState
from pvkdb.schemas.tables import CalculationsRow, StructuresRow
from pvkdb.store.collections.collection import Collection
from pvkdb.store.collections.filters import any_of, material_filters, material_is, through, words
from pvkdb.store.collections.keyset import sortables
from pvkdb.store.models.calculations import Calculation
from pvkdb.store.models.materials import Material
from pvkdb.store.models.structures import Structure
from pvkdb.store.rows.from_models import calculations_row, structures_row

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

STRUCTURES = Collection(
    name="structures",
    row=StructuresRow,
    source=select().select_from(Structure),
    loads=select(Structure).join(Structure.material).join(Material.composition),
    key=Structure.id,
    filters={
        "id": any_of(Structure.id, "Name of the structure."),
        "material": material_is(through(Structure.material_id)),
        **material_filters(through(Structure.material_id)),
        "calculation": any_of(Structure.calculation_id, "Id of a calculation."),
        "role": any_of(Structure.role, "host, saddle, or image N.", example="host"),
        "space_group": any_of(Structure.space_group, "Space group.", example="Pnma"),
        "q": words(
            "Words in the public name of the material, the role or the origin.",
            Structure.material_id,
            Structure.role,
            Structure.origin,
            example="sevennet",
        ),
    },
    to_row=structures_row,
    sortable=sortables(Structure, "id space_group role origin atoms energy_ev"),
    facets={
        "material": Structure.material_id,
        "role": Structure.role,
        "space_group": Structure.space_group,
    },
)
