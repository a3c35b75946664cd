"""Crossbar arrays, worked out when asked for."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query

from pvkdb.chemistry import Interval
from pvkdb.crossbar.devices import device_arrays, on_off_of
from pvkdb.crossbar.estimates import ArrayQuestion, estimate
from pvkdb.crossbar.limits import MARGIN
from pvkdb.errors import InputError
from pvkdb.schemas.crossbar import CrossbarDocument, DeviceArray
from pvkdb.schemas.responses import Page
from pvkdb_api.core.paths import API
from pvkdb_api.core.refusals import naming
from pvkdb_api.core.sessions import DatasetVersion, ReadSession
from pvkdb_api.listing.queries import Text

router = APIRouter(prefix=f"{API}/crossbar", tags=["crossbar"])

#: Lines of the largest array that a request may have solved: a fraction of a second.
LARGEST_SOLVED = 128


def _number(meaning: str) -> Any:
    return Annotated[float | None, Query(allow_inf_nan=False, description=meaning)]


@router.get(
    "",
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
    pull_up_ohm: _number("Pull-up resistance, in Ω; R_LRS where it is not given.") = None,  # type: ignore[valid-type]
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
    """Equations (1) and (2) of the review for every kind of cell, with everything assumed.

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


@router.get("/devices", summary="Array sizes of the devices", operation_id="list_device_arrays")
def list_device_arrays(session: ReadSession, version: DatasetVersion) -> Page[DeviceArray]:
    """Every device with the largest array that its figures allow, on one page."""
    arrays = device_arrays(session)
    return Page[DeviceArray](
        data=arrays, total=len(arrays), next_cursor=None, dataset_version=version
    )
