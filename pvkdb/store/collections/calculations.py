"""Collections of calculations, queued and finished, and of structures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import select

from pvkdb.schemas.tables import CalculationsRow, StructuresRow
from pvkdb.store.collections.collection import Collection
from pvkdb.store.collections.keyset import Sortable
from pvkdb.store.collections.shared_filters import material_filters, material_is, through, words
from pvkdb.store.models.calculations import Calculation
from pvkdb.store.models.materials import Material
from pvkdb.store.models.structures import Structure
from pvkdb.store.rows.among import among
from pvkdb.store.rows.reading import Derived, Made, TableRows


def _results(found: Iterable[Any]) -> Made:
    """The potential of calculations, the force of their barrier, and the barrier if converged."""
    made: dict[str, Mapping[str, Any]] = {}
    for key, parameters, result in found:
        values = {**(result or {}), "potential": parameters.get("potential")}
        if values.get("not_converged"):
            values |= dict.fromkeys(_BARRIERS)
        made[key] = {name: values.get(name) for name in _NO_RESULT}
    return made


_BARRIERS = ("barrier_forward_ev", "barrier_reverse_ev")
_NO_RESULT = dict.fromkeys(("potential", *_BARRIERS, "residual_force_ev_per_ang"))

CALCULATIONS = Collection(
    name="calculations",
    rows=TableRows(
        CalculationsRow,
        Calculation.id,
        select(Calculation),
        {"material": Calculation.material_id},
        (
            Derived(
                select(Calculation.id, Calculation.parameters, Calculation.result).where(
                    among(Calculation.id)
                ),
                _results,
                _NO_RESULT,
            ),
        ),
    ),
    source=select().select_from(Calculation),
    order=(("created_at", False),),
    sortable={"open": Sortable(Calculation.state.in_(("waiting", "queued", "running")), bool)},
    filters={
        **material_is(through(Calculation.material_id)),
        **material_filters(through(Calculation.material_id)),
    },
)

STRUCTURES = Collection(
    name="structures",
    rows=TableRows(
        StructuresRow,
        Structure.id,
        select(Structure).join(Structure.material).join(Material.composition),
        {
            "material": Structure.material_id,
            "phase": Material.phase,
            "parent": Structure.parent_id,
            "calculation": Structure.calculation_id,
        },
    ),
    source=select().select_from(Structure),
    filters={
        **material_is(through(Structure.material_id)),
        **material_filters(through(Structure.material_id)),
        "q": words(
            "Words in the public name of the material, the role or the origin.",
            Structure.material_id,
            Structure.role,
            Structure.origin,
            example="sevennet",
        ),
    },
)
