"""Filters that several collections have: energies, references, and what is not replaced."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, or_, select

from pvkdb.store.collections.collection import Filter
from pvkdb.store.models.energetics import Energetic


def _reaches(quantity: str, value: float) -> ColumnElement[bool]:
    """Statements on a quantity that reach a value or lie above."""
    return (Energetic.quantity == quantity) & or_(
        Energetic.value_max_ev >= value, Energetic.value_max_ev.is_(None)
    )


def _stays(quantity: str, value: float) -> ColumnElement[bool]:
    """Statements on a quantity that reach a value or lie below."""
    return (Energetic.quantity == quantity) & or_(
        Energetic.value_min_ev <= value, Energetic.value_min_ev.is_(None)
    )


_QUANTITIES = {"e_a": ("E_A", "activation energy"), "dfe": ("DFE", "defect formation energy")}


def energy_filters(of: Any, whose: str) -> dict[str, Filter]:
    """Bounds on energies; ``of`` says of a condition on statements what it means for a row."""
    found = {}
    for name, (quantity, words_) in _QUANTITIES.items():
        found[f"{name}_min"] = Filter(
            f"{whose} an {words_} that reaches this value or lies above, in eV.",
            float,
            lambda v, quantity=quantity: of(_reaches(quantity, v)),  # type: ignore[misc]
            example=0.1,
        )
        found[f"{name}_max"] = Filter(
            f"{whose} an {words_} that reaches this value or lies below, in eV.",
            float,
            lambda v, quantity=quantity: of(_stays(quantity, v)),  # type: ignore[misc]
            example=0.4,
        )
    return found


def referenced(model: Any, owner: Any, example: str) -> Filter:
    """Rows behind which a publication stands."""
    return Filter(
        f"Key of a reference, e.g. {example}.",
        str,
        lambda values: owner.in_(
            select(next(iter(model.__table__.primary_key))).where(model.reference_key.in_(values))
        ),
        many=True,
        example=example,
    )


def not_replaced(model: Any) -> ColumnElement[bool]:
    """Rows that no newer one supersedes."""
    replaced = select(model.supersedes_id).where(model.supersedes_id.is_not(None))
    condition: ColumnElement[bool] = model.id.not_in(replaced)
    return condition
