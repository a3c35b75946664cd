"""Tolerance factors, computed when asked for."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field

from pvkdb.errors import InputError
from pvkdb.schemas.responses import FormulaTolerance, ToleranceAnswer
from pvkdb.schemas.tables import ToleranceRow
from pvkdb.store.collections.export import tolerance_row
from pvkdb_api.core.paths import API
from pvkdb_api.core.refusals import naming
from pvkdb_api.listing.queries import Text

#: Formulas in one request: a fraction of a second of work.
MANY = 1000


class ToleranceRequest(BaseModel):
    """Formulas whose tolerance factors are wanted."""

    model_config = ConfigDict(extra="forbid")

    formulas: Annotated[list[Text], Field(min_length=1, max_length=MANY)] = Field(
        description="Formulas in any spelling.", examples=[["CsPbI3", "CH3NH3PbI3"]]
    )


router = APIRouter(prefix=f"{API}/tolerance", tags=["tolerance"])


@router.get(
    "/{formula}",
    summary="Tolerance, octahedral and tau factor of an ABX3 formula",
    operation_id="get_tolerance",
)
def get_tolerance(
    formula: Annotated[Text, Path(description="Formula in any spelling, e.g. CsPbBr3.")],
) -> ToleranceRow:
    """t, mu and tau with the radii they were made from. Any spelling of the formula will do."""
    with naming("formula"):
        return tolerance_row(formula)


@router.post(
    "",
    summary="Tolerance factors of many formulas",
    operation_id="get_tolerances",
)
def get_tolerances(request: ToleranceRequest) -> ToleranceAnswer:
    """One answer a formula, in their order; a formula without factors says why."""
    return ToleranceAnswer(data=[_of(formula) for formula in request.formulas])


def _of(formula: str) -> FormulaTolerance:
    try:
        return FormulaTolerance(formula=formula, factors=tolerance_row(formula), problem=None)
    except InputError as error:
        return FormulaTolerance(formula=formula, factors=None, problem=str(error))
