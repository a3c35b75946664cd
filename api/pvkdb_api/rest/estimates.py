"""Tolerance factors, computed on request."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field

from pvkdb.errors import InputError, naming
from pvkdb.operations.fields import Text
from pvkdb.schemas.responses import FormulaTolerance, ToleranceAnswer
from pvkdb.schemas.tables import ToleranceRow
from pvkdb.store.collections.export import tolerance_row
from pvkdb_api.core.paths import API
from pvkdb_api.frame.limits import JsonRoute

#: Most formulas in one request; they take a fraction of a second.
MOST_FORMULAS = 1000

router = APIRouter(prefix=API, route_class=JsonRoute)


class ToleranceRequest(BaseModel):
    """Formulas whose tolerance factors are wanted."""

    model_config = ConfigDict(extra="forbid")

    formulas: Annotated[list[Text], Field(min_length=1, max_length=MOST_FORMULAS)] = Field(
        description="Formulas in any spelling.", examples=[["CsPbI3", "CH3NH3PbI3"]]
    )


@router.get(
    "/tolerance/{formula}",
    tags=["tolerance"],
    summary="Tolerance, octahedral and tau factor of an ABX3 formula",
    operation_id="get_tolerance",
)
def get_tolerance(
    formula: Annotated[Text, Path(description="Formula in any spelling, e.g. CsPbBr3.")],
) -> ToleranceRow:
    """t, mu and tau with the radii behind them, for a formula in any spelling."""
    with naming("formula"):
        return tolerance_row(formula)


@router.post(
    "/tolerance",
    tags=["tolerance"],
    summary="Tolerance factors of many formulas",
    operation_id="get_tolerances",
)
def get_tolerances(request: ToleranceRequest) -> ToleranceAnswer:
    """One answer for each formula, in their order; a formula without factors has the reason."""
    return ToleranceAnswer(data=[_formula_tolerance(formula) for formula in request.formulas])


def _formula_tolerance(formula: str) -> FormulaTolerance:
    try:
        return FormulaTolerance(formula=formula, factors=tolerance_row(formula), problem=None)
    except InputError as error:
        return FormulaTolerance(formula=formula, factors=None, problem=str(error))
