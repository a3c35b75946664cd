"""Devices: the table with its plot, and one of them with its stack."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path, Request, Response
from fastapi.responses import JSONResponse

from pvkdb.errors import NotFoundError
from pvkdb.schemas.metrics import TABLE_METRICS, Metric, TableColumns
from pvkdb.schemas.tables import DevicesRow
from pvkdb.store.collections import DEVICES
from pvkdb_api.core.sessions import ReadSession
from pvkdb_api.explorer.devices import page as device_page
from pvkdb_api.explorer.devices import plot as points
from pvkdb_api.explorer.site.rendering import page, part, part_wanted
from pvkdb_api.explorer.tables.browse import browse, read
from pvkdb_api.explorer.tables.cells import (
    Cell,
    device_link,
    field_cell,
    interval_cell,
    qualified_cell,
    reference_links,
)
from pvkdb_api.explorer.tables.table import Bounds, Choice, Table
from pvkdb_api.listing.parameters import Text

router = APIRouter(include_in_schema=False)

_HEADINGS = {
    "group": "Group",
    "structure": "Stack",
    "absorber": "Absorber",
    "form": "Form",
    "configuration": "Configuration",
    "mechanism": "Mechanism",
    "volatility": "Volatility",
}


def _metric_cell(metric: Metric, table: TableColumns) -> Cell:
    """A column of the table that shows a metric."""
    unit = None if metric.unit == "1" else metric.unit
    if table.high is None:
        return qualified_cell(
            metric.heading,
            table.low,
            unit,
            sort=table.low,
            qualifier=table.qualifier,
            meaning=DevicesRow.dictionary()[table.low].meaning,
        )
    return interval_cell(metric.heading, table.low, table.high, unit or "", sort=table.low)


TABLE = Table(
    collection=DEVICES,
    path="/devices",
    title="Devices",
    lead="Stacks that were built and measured. Endurance is what was tested: a lower bound.",
    cells={
        "id": Cell("Device", lambda row: device_link(row.id, row.structure), "id"),
        **{
            name: field_cell(DevicesRow, name, heading, DEVICES.sortable)
            for name, heading in _HEADINGS.items()
        },
        **{table.column: _metric_cell(metric, table) for metric, table in TABLE_METRICS.values()},
        "references": Cell("References", lambda row: reference_links(row.references)),
    },
    shown=(
        "id",
        "on_off_ratio",
        "v_set",
        "v_reset",
        "endurance_cycles",
        "retention_s",
        "references",
    ),
    choices=(
        Choice("family", "Family"),
        Choice("mechanism", "Mechanism"),
        Choice("volatility", "Volatility"),
    ),
    bounds=(
        *(
            Bounds(table.low, metric.heading, None if metric.unit == "1" else metric.unit)
            for metric, table in TABLE_METRICS.values()
            if table.at_least
        ),
    ),
    switches=(("lead_free", "Lead-free"), ("has_erratum", "With an erratum")),
    texts=(("electrode", "Electrode"), ("absorber", "Absorber")),
    placeholder="stack, absorber, group",
    template="devices.html",
    own=tuple(points.DEFAULTS),
)


@router.get(TABLE.path)
def get_devices(request: Request, session: ReadSession) -> Response:
    """The table of devices with its plot, or the points of the plot alone."""
    asked = read(request, TABLE)
    plot = points.read(asked.given)
    if part_wanted(request) == "plot":
        found = points.points(request.app.state.query_cache, session, asked, plot)
        return JSONResponse(found, headers={"Cache-Control": "no-store"})
    return browse(request, session, TABLE, plot_controls=points.controls(asked.given))


@router.get(TABLE.path + "/{key}")
def get_device(request: Request, session: ReadSession, key: Annotated[Text, Path()]) -> Response:
    """A device, or its places in the rankings alone."""
    if part_wanted(request) == "places":
        DEVICES.get(session, key)
        found = device_page.places(request.app.state.query_cache, session, key)
        return part(request, "_places.html", places=found)
    try:
        device = device_page.gather(session, key)
    except NotFoundError:
        near = device_page.nearest(session, key)
        return page(
            request,
            "device_missing.html",
            HTTPStatus.NOT_FOUND,
            key=key,
            near=near,
            device_link=device_link,
        )
    return page(
        request,
        "device.html",
        device=device,
        absorber=points.energies(request.app.state.query_cache, session).get(
            device.material or "", {}
        ),
        stack=device_page.layers_drawn(device.layers),
        thickness=[
            figure for figure in device.figures if figure.own and figure.row.metric == "thickness_m"
        ],
    )
