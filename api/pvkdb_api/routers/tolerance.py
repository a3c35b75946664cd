"""Tolerance factors, computed when asked for."""

from __future__ import annotations

from fastapi import APIRouter

from pvkdb.schemas.tables import ToleranceRow
from pvkdb.store.export import tolerance_row
from pvkdb_api.paths import API
from pvkdb_api.problems import naming
from pvkdb_api.queries import Text

router = APIRouter(prefix=f"{API}/tolerance", tags=["tolerance"])


@router.get(
    "/{formula}",
    summary="Tolerance, octahedral and tau factor of an ABX3 formula",
    operation_id="get_tolerance",
)
def get_tolerance(formula: Text) -> ToleranceRow:
    """t, mu and tau with the radii they were made from. Any spelling of the formula will do."""
    with naming("formula"):
        return tolerance_row(formula)
