"""Collection of reported and computed energies."""

from __future__ import annotations

from sqlalchemy import select

from pvkdb.schemas.tables import EnergeticsRow
from pvkdb.store.collections.collection import MOST_COUNTED, Collection
from pvkdb.store.collections.declarations import Filter
from pvkdb.store.collections.filters import (
    any_of,
    cited,
    energy_filters,
    families_of,
    material_filters,
    material_is,
    of_material,
    reaches,
    stays,
    through,
)
from pvkdb.store.collections.keyset import Sortable, sortables
from pvkdb.store.collections.materials import MATERIALS
from pvkdb.store.models.energetics import Energetic, EnergeticReference
from pvkdb.store.models.materials import Composition, Material
from pvkdb.store.rows.from_sql import energetics_rows

_energetics_material = through(Energetic.material_id)
_energetics_family = of_material(Energetic.material_id, Material.family)
_energetics_formula = of_material(Energetic.material_id, Composition.formula)

ENERGETICS = Collection(
    name="energetics",
    row=EnergeticsRow,
    source=select().select_from(Energetic),
    loads=select(Energetic).join(Energetic.material).join(Material.composition),
    key=Energetic.id,
    supersedes=Energetic.supersedes_id,
    filters={
        "id": any_of(Energetic.id, "Name of the statement.", example="e-t1-r01-ea"),
        "material": material_is(_energetics_material),
        **material_filters(_energetics_material),
        "quantity": any_of(
            Energetic.quantity, "E_A or DFE.", example="E_A", choices=("DFE", "E_A")
        ),
        "defect": any_of(Energetic.defect, "Label without charge, e.g. V_I.", example="V_I"),
        "species": any_of(Energetic.species, "Ion that moves.", example="I"),
        "method": any_of(
            Energetic.method,
            "DFT, experiment, MLIP, mixed or unknown.",
            example="DFT",
            choices=("DFT", "experiment", "MLIP", "mixed", "unknown"),
        ),
        "scope": any_of(
            Energetic.scope,
            "reported, hop, percolation or computed.",
            example="reported",
            choices=("reported", "hop", "percolation", "computed"),
        ),
        "min_ev": Filter(
            "Values that reach this energy or lie above.",
            float,
            reaches,
            example=0.1,
        ),
        "max_ev": Filter(
            "Values that reach this energy or lie below.",
            float,
            stays,
            example=0.4,
        ),
        **energy_filters(lambda statement: statement, "Statements of"),
        **cited(Energetic, EnergeticReference, "r36"),
        "q": Filter(
            "Words in the public name of the material, or in the full name of one of its ions.",
            str,
            lambda v: _energetics_material(MATERIALS.condition("q", v)),
            example="methylammonium",
        ),
    },
    rows_of=energetics_rows,
    sortable={
        **sortables(
            Energetic,
            "id direction defect species charge quantity scope value_min_ev value_max_ev method "
            "functional",
        ),
        "material": Sortable(_energetics_formula, str),
        "family": Sortable(_energetics_family, str),
    },
    facets={
        "family": families_of(Energetic.material_id),
        "material": _energetics_formula,
        "quantity": Energetic.quantity,
        "defect": Energetic.defect,
        "species": Energetic.species,
        "method": Energetic.method,
        "scope": Energetic.scope,
        "functional": Energetic.functional,
    },
    most_counted=MOST_COUNTED,
)
