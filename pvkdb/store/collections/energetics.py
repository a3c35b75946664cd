"""Collections of energies of ions and defects and of values of electrons, reported and computed."""

from __future__ import annotations

from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session

from pvkdb.schemas.responses import EnergySummary
from pvkdb.schemas.tables import ElectronicRow, EnergeticsRow
from pvkdb.store.collections.collection import MOST_COUNTED, Collection, Filters
from pvkdb.store.collections.declarations import Filter
from pvkdb.store.collections.keyset import Sortable
from pvkdb.store.collections.materials import MATERIALS
from pvkdb.store.collections.shared_filters import (
    cited,
    citing,
    energy_filters,
    material_filters,
    material_is,
    of_material,
    reaches,
    statements_where,
    stays,
    through,
)
from pvkdb.store.models.energetics import (
    Electronic,
    ElectronicReference,
    Energetic,
    EnergeticReference,
)
from pvkdb.store.models.materials import Composition, Material
from pvkdb.store.rows.reading import TableRows, cited_publications

_energetics_material = through(Energetic.material_id)
_energetics_family = of_material(Energetic.material_id, Material.family)
_energetics_formula = of_material(Energetic.material_id, Composition.formula)

ENERGETICS = Collection(
    name="energetics",
    rows=TableRows(
        EnergeticsRow,
        Energetic.id,
        select(Energetic).join(Energetic.material).join(Material.composition),
        {
            "material": Composition.formula,
            "family": Material.family,
            "phase": Material.phase,
            "review": Energetic.review(),
        },
        (cited_publications(EnergeticReference.energetic_id, EnergeticReference),),
    ),
    source=select().select_from(Energetic),
    filters={
        **material_is(_energetics_material),
        **material_filters(_energetics_material),
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
        **energy_filters(lambda given: and_(*statements_where(given)), "Statements of {}"),
        **cited(Energetic, EnergeticReference, "r36"),
        "q": Filter(
            "Words in the public name of the material, or in the full name of one of its ions.",
            str,
            lambda v: _energetics_material(MATERIALS.condition("q", v)),
            example="methylammonium",
        ),
    },
    sortable={
        "material": Sortable(_energetics_formula, str),
        "family": Sortable(_energetics_family, str),
    },
    facets={
        "family": _energetics_family,
        "material": _energetics_formula,
    },
    most_counted=MOST_COUNTED,
)

_electronic_material = through(Electronic.material_id)
_electronic_formula = of_material(Electronic.material_id, Composition.formula)

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
        **material_is(_electronic_material),
        **material_filters(_electronic_material),
        "reference": citing(Electronic, ElectronicReference, "gap-yang2020"),
        "q": Filter(
            "Words in the public name of the material, or in the full name of one of its ions.",
            str,
            lambda v: _electronic_material(MATERIALS.condition("q", v)),
            example="cesium",
        ),
    },
    sortable={"material": Sortable(_electronic_formula, str)},
    facets={"material": _electronic_formula},
)


def energy_summaries(session: Session, filters: Filters, most: int) -> list[EnergySummary]:
    """Return at most ``most`` + 1 summaries of the energies that match, in order of materials.

    Raises:
        ParameterError: as :meth:`Collection.search`.
    """
    by = (
        Energetic.material_id.label("material"),
        *(Energetic.quantity, Energetic.defect, Energetic.species, Energetic.charge),
        *(Energetic.scope, Energetic.method, Energetic.functional),
    )
    low = func.coalesce(Energetic.value_min_ev, Energetic.value_max_ev)
    high = func.coalesce(Energetic.value_max_ev, Energetic.value_min_ev)
    statement = (
        ENERGETICS.select(filters)
        .with_only_columns(
            *by,
            func.count().label("statements"),
            func.min(low).label("minimum_ev"),
            func.max(high).label("maximum_ev"),
            (func.count() - func.count(Energetic.value_min_ev)).label("open_below"),
            (func.count() - func.count(Energetic.value_max_ev)).label("open_above"),
            maintain_column_froms=True,
        )
        .where(Energetic.counted())
        .group_by(*by)
        .order_by(*by)
        .limit(most + 1)
    )
    return [EnergySummary(**row) for row in session.execute(statement).mappings()]
