"""Collection of measured and computed values of electrons."""

from __future__ import annotations

from sqlalchemy import select

from pvkdb.schemas.tables import ElectronicRow
from pvkdb.store.collections.collection import Collection
from pvkdb.store.collections.declarations import Filter
from pvkdb.store.collections.keyset import Sortable
from pvkdb.store.collections.materials import MATERIALS
from pvkdb.store.collections.shared_filters import (
    citing,
    material_filters,
    material_is,
    of_material,
    through,
)
from pvkdb.store.models.electronic import Electronic, ElectronicReference
from pvkdb.store.models.materials import Composition, Material
from pvkdb.store.rows.reading import TableRows, cited_publications

_material = through(Electronic.material_id)
_formula = of_material(Electronic.material_id, Composition.formula)

ELECTRONIC = Collection(
    name="electronic",
    rows=TableRows(
        ElectronicRow,
        Electronic.id,
        select(Electronic).join(Electronic.material).join(Material.composition),
        {"material": Composition.formula, "phase": Material.phase},
        (cited_publications(ElectronicReference.electronic_id, ElectronicReference),),
    ),
    source=select().select_from(Electronic),
    filters={
        "material": material_is(_material),
        **material_filters(_material),
        "reference": citing(Electronic, ElectronicReference, "gap-yang2020"),
        "q": Filter(
            "Words in the public name of the material, or in the full name of one of its ions.",
            str,
            lambda v: _material(MATERIALS.condition("q", v)),
            example="cesium",
        ),
    },
    sortable={"material": Sortable(_formula, str)},
    facets={"material": _formula},
)
