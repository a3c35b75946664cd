"""Estimates computed on request: tolerance factors, rates and times, crossbar arrays."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from pvkdb.chemistry import Interval
from pvkdb.crossbar.devices import device_arrays, on_off_of
from pvkdb.crossbar.estimates import ArrayQuestion, estimate
from pvkdb.crossbar.limits import MARGIN
from pvkdb.errors import InputError
from pvkdb.kinetics.conditions import parse_range
from pvkdb.schemas.crossbar import CrossbarDocument, DeviceArray
from pvkdb.schemas.kinetics import KineticsAnswer
from pvkdb.schemas.responses import FormulaTolerance, Page, ToleranceAnswer
from pvkdb.schemas.tables import ToleranceRow
from pvkdb.store.collections.export import tolerance_row
from pvkdb.suitability.evidence.predictions import answer_barrier, answer_device, answer_material
from pvkdb_api.core.cache import QueryCache
from pvkdb_api.core.paths import API
from pvkdb_api.core.refusals import ParameterError, naming
from pvkdb_api.core.sessions import DatasetVersion, ReadSession
from pvkdb_api.frame.limits import JsonRoute
from pvkdb_api.listing.parameters import Layer, Range, Text

#: Most formulas in one request; they take a fraction of a second.
MOST_FORMULAS = 1000

#: Lines of the largest array that one request may solve, which takes a fraction of a second.
LARGEST_SOLVED = 128

router = APIRouter(prefix=API, route_class=JsonRoute)


class ToleranceRequest(BaseModel):
    """Formulas whose tolerance factors are wanted."""

    model_config = ConfigDict(extra="forbid")

    formulas: Annotated[list[Text], Field(min_length=1, max_length=MOST_FORMULAS)] = Field(
        description="Formulas in any spelling.", examples=[["CsPbI3", "CH3NH3PbI3"]]
    )


def _number(meaning: str) -> Any:
    return Annotated[float | None, Query(allow_inf_nan=False, description=meaning)]


@router.get(
    "/crossbar",
    tags=["crossbar"],
    summary="Largest arrays of a device by its read margin, and the exact circuit",
    operation_id="get_crossbar",
)
def get_crossbar(
    session: ReadSession,
    on_off_ratio: Annotated[
        float | None, Query(description="R_HRS over R_LRS; `inf` is allowed.")
    ] = None,
    device: Annotated[
        Text | None, Query(description="Device of the store, instead of a ratio.")
    ] = None,
    r_lrs_ohm: _number("Resistance of the low-resistance state, in Ω.") = None,  # type: ignore[valid-type]
    pull_up_ohm: _number("Pull-up resistance, in Ω; default: R_LRS.") = None,  # type: ignore[valid-type]
    selectivity: _number("Factor on the resistances that a selector or rectifier blocks.") = None,  # type: ignore[valid-type]
    line_resistance_ohm: _number("Resistance of a line between two crosspoints, in Ω.") = None,  # type: ignore[valid-type]
    size: Annotated[
        int | None,
        Query(ge=1, le=LARGEST_SOLVED, description="Lines of the array that is solved exactly."),
    ] = None,
    thickness_nm: _number(  # type: ignore[valid-type]
        "Thickness of the layer, in nm: gives the spacing that avoids crosstalk."
    ) = None,
    margin: Annotated[
        float, Query(gt=0, lt=1, description="Read margin to be kept, of the read voltage.")
    ] = MARGIN,
) -> CrossbarDocument:
    """Equations (1) and (2) of the review for every kind of cell, with all assumptions.

    With a size, the circuit of such an array is solved too; line resistance needs R_LRS.
    """
    if (on_off_ratio is None) == (device is None):
        raise InputError("give either an on_off_ratio or a device of the store")
    if device is not None:
        with naming("device"):
            on_off, source = on_off_of(session, device)
    else:
        with naming("on_off_ratio"):
            on_off, source = Interval.exactly(on_off_ratio or 0.0), "given"
    return estimate(
        ArrayQuestion(
            on_off=on_off,
            on_off_source=source,
            device=device,
            r_lrs_ohm=r_lrs_ohm,
            pull_up_ohm=pull_up_ohm,
            selectivity=selectivity,
            line_ohm=line_resistance_ohm,
            size=size,
            margin=margin,
            thickness_m=None if thickness_nm is None else thickness_nm * 1e-9,
        ),
        LARGEST_SOLVED,
    )


@router.get(
    "/crossbar/devices",
    tags=["crossbar"],
    summary="Array sizes of the devices",
    operation_id="list_device_arrays",
)
def list_device_arrays(
    request: Request, session: ReadSession, version: DatasetVersion
) -> Page[DeviceArray]:
    """Every device with the largest array that its numbers allow, on one page."""
    known: QueryCache = request.app.state.query_cache
    arrays = known.get(session, "crossbar/devices", {}, lambda: device_arrays(session))
    return Page[DeviceArray](
        data=arrays, total=len(arrays), next_cursor=None, dataset_version=version
    )


@router.get(
    "/kinetics",
    tags=["kinetics"],
    summary="Rates, switching and retention times of an ion over its barrier",
    operation_id="get_kinetics",
)
def get_kinetics(
    session: ReadSession,
    layer: Layer,
    formula: Annotated[Text | None, Query(description="A material of the store.")] = None,
    device: Annotated[Text | None, Query(description="Or a device of the store.")] = None,
    e_a_ev: Annotated[
        Range, Query(description="Or an activation energy in eV: `0.3` or `0.3:0.5`.")
    ] = None,
    dfe_ev: Annotated[
        Range, Query(description="Formation energy of the vacancy in eV, beside `e_a_ev`.")
    ] = None,
) -> KineticsAnswer:
    """Intervals of every quantity with its equation, and all assumptions with their sources."""
    if sum(given is not None for given in (formula, device, e_a_ev)) != 1:
        raise InputError("give one of formula, device and e_a_ev")
    if dfe_ev is not None and e_a_ev is None:
        raise ParameterError("dfe_ev", "dfe_ev goes with e_a_ev; a material brings its own")
    if formula is not None:
        with naming("formula"):
            return answer_material(session, formula, layer)
    if device is not None:
        return answer_device(session, device, layer)
    formation = None
    if dfe_ev is not None:
        with naming("dfe_ev"):
            formation = parse_range(dfe_ev, "dfe_ev", "eV")
    with naming("e_a_ev"):
        barrier = parse_range(e_a_ev or "", "e_a_ev", "eV")
        return answer_barrier(barrier, replace(layer, vacancy_formation_ev=formation))


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
