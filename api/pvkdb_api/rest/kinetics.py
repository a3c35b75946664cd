"""From activation energies to rates and times, worked out when asked for."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Query

from pvkdb.errors import InputError
from pvkdb.kinetics.conditions import parse_range
from pvkdb.schemas.kinetics import KineticsAnswer
from pvkdb.suitability.evidence.kinetics import answer_barrier, answer_device, answer_material
from pvkdb_api.core.paths import API
from pvkdb_api.core.refusals import ParameterError, naming
from pvkdb_api.core.sessions import ReadSession
from pvkdb_api.listing.kinetics_parameters import Layer, Range
from pvkdb_api.listing.queries import Text

router = APIRouter(prefix=f"{API}/kinetics", tags=["kinetics"])


@router.get(
    "",
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
    """Intervals of every quantity with its equation, and all that is assumed with its source."""
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
