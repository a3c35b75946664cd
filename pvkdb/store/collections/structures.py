"""Collection of structures, computed and imported."""

from __future__ import annotations

from sqlalchemy import select

from pvkdb.schemas.tables import StructuresRow
from pvkdb.store.collections.collection import Collection, sortables
from pvkdb.store.collections.filters import any_of, material_filters, material_is, through, words
from pvkdb.store.models.materials import Material
from pvkdb.store.models.structures import Structure
from pvkdb.store.rows.from_models import structures_row

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
