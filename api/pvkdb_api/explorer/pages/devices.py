"""The pages of devices: the table with its plot, and a single device."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path, Request, Response
from fastapi.responses import RedirectResponse
from markupsafe import Markup

from pvkdb.errors import NotFoundError
from pvkdb.literature.device_entries import raw_files
from pvkdb.operations.fields import Text
from pvkdb.schemas.metrics import TABLE_METRICS, Metric, TableColumns
from pvkdb.schemas.tables import DevicesRow
from pvkdb.schemas.tables.devices import CONDITIONS
from pvkdb.store.collections import DEVICES
from pvkdb.store.queue.kept_files import file_store
from pvkdb_api.core.sessions import ReadSession, served_store
from pvkdb_api.explorer.devices import page as device_page
from pvkdb_api.explorer.devices import plot
from pvkdb_api.explorer.site.assets import download
from pvkdb_api.explorer.site.markup import interval
from pvkdb_api.explorer.site.rendering import page, part, part_json, part_wanted
from pvkdb_api.explorer.tables.browse import browse, read_query
from pvkdb_api.explorer.tables.cells import (
    REFERENCES_COLUMN,
    TableColumn,
    device_link,
    field_columns,
    heading,
    marked,
)
from pvkdb_api.explorer.tables.table import RangeFilter, TablePage, choice_filters

router = APIRouter(include_in_schema=False)

_FIELDS = ("group", "structure", "absorber", "form", "configuration", "mechanism", "volatility")

#: Headings of the conditions, which their columns' names end with units.
_CONDITIONS = {column.name: heading(name) for name, column in CONDITIONS.items()}


def _metric_column(metric: Metric, table: TableColumns) -> TableColumn:
    """Return the column of a metric."""
    unit = None if metric.unit == "1" else metric.unit
    if table.high is not None:
        qualifier, meaning = None, ""
    else:
        qualifier, meaning = table.qualifier, DevicesRow.dictionary()[table.low].meaning

    def render(row: DevicesRow) -> Markup:
        low, high = getattr(row, table.low), getattr(row, table.high or table.low)
        return interval(low, high, qualifier=getattr(row, qualifier) if qualifier else None)

    return TableColumn(metric.heading, render, table.low, unit, True, meaning)


TABLE = TablePage(
    collection=DEVICES,
    path="/devices",
    title="Devices",
    lead="Stacks that were built and measured. Endurance is the number of cycles tested, which is "
    "a lower bound.",
    columns={
        "id": TableColumn(
            "Device", lambda row: marked(device_link(row.id, row.structure), row), "id"
        ),
        **field_columns(DevicesRow, _FIELDS, DEVICES.sortable, structure="Stack"),
        **{table.column: _metric_column(metric, table) for metric, table in TABLE_METRICS.values()},
        **field_columns(DevicesRow, _CONDITIONS, DEVICES.sortable, **_CONDITIONS),
        "references": REFERENCES_COLUMN,
    },
    default_columns="id,on_off_ratio,v_set,v_reset,endurance_cycles,retention_s,references",
    default_sort="-known",
    choices=choice_filters("family", "mechanism", "volatility"),
    ranges=tuple(
        RangeFilter(table.low, metric.heading, None if metric.unit == "1" else metric.unit)
        for metric, table in TABLE_METRICS.values()
        if table.at_least
    ),
    folded_ranges=tuple(
        RangeFilter(column.name, _CONDITIONS[column.name], column.unit)
        for column in CONDITIONS.values()
        if column.unit
    ),
    switches=(("lead_free", "Lead-free"), ("has_erratum", "Has an erratum")),
    texts=(("electrode", "Electrode"), ("absorber", "Absorber")),
    placeholder="stack, absorber, group",
    template="devices.html",
    page_parameters=tuple(plot.DEFAULTS),
)


@router.get(TABLE.path)
def get_devices(request: Request, session: ReadSession) -> Response:
    """Return the table of devices with its plot, or only the points of the plot."""
    query = read_query(request, TABLE)
    chosen = plot.read_plot(query.given)
    if part_wanted(request) == "plot":
        return part_json(plot.plot_data(request.app.state.query_cache, session, query, chosen))
    return browse(request, session, TABLE, plot_controls=plot.controls(query.given))


@router.get(TABLE.path + "/{key}")
def get_device(request: Request, session: ReadSession, key: Annotated[Text, Path()]) -> Response:
    """Return the page of a device, or only its ranks; redirect from a figure to all of its kind."""
    counts = request.app.state.query_cache
    if part_wanted(request) == "places":
        DEVICES.get(session, key)
        return part(request, "_places.html", ranks=device_page.ranks(counts, session, key))
    try:
        device = device_page.device_page(session, key)
    except NotFoundError:
        if address := device_page.figures_address(session, key):
            return RedirectResponse(address, HTTPStatus.SEE_OTHER)
        similar = device_page.similar_devices(session, key)
        return page(request, "device_missing.html", HTTPStatus.NOT_FOUND, key=key, similar=similar)
    return page(
        request,
        "device.html",
        device=device,
        absorber=plot.energies(session, [device["material"]]).get(device["material"] or "", {}),
        stack=device_page.stack_drawing(device["layers"]),
        raw_files=raw_files(device["row"].raw_files) if device["row"].raw_files else {},
        thickness=[
            each["row"]
            for each in device["claims"]
            if each["own"] and each["row"].metric == "thickness_m"
        ],
    )


@router.get(TABLE.path + "/{key}/files/{sha256}")
def get_file(
    request: Request, session: ReadSession, key: Annotated[Text, Path()], sha256: str
) -> Response:
    """Return a raw file of a device as a download."""
    text = DEVICES.get(session, key).raw_files
    names = raw_files(text) if text else {}
    if sha256 not in names:
        raise NotFoundError(f"device {key} has no raw file {sha256[:64]!r}")
    return download(names[sha256], file_store(served_store(request).store).get(sha256))
