"""``pvkdb crossbar``: how large an array of a device can be."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from pvkdb.cli.options import DEFAULT_DATABASE, DatabaseOption, JsonOption, open_store
from pvkdb.cli.output.console import messages, output, print_json, print_table
from pvkdb.display.numbers import number

if TYPE_CHECKING:
    from pvkdb.crossbar.estimates import ArrayQuestion
    from pvkdb.schemas.crossbar import ArrayLimit, CrossbarDocument, DeviceArray

#: Lines up to which a circuit is solved before anybody wonders.
_SOON = 128


def crossbar(
    on_off: Annotated[
        float | None, typer.Option("--on-off", help="R_HRS over R_LRS; inf is allowed.")
    ] = None,
    device: Annotated[
        str | None, typer.Option("--device", metavar="ID", help="A device of the store instead.")
    ] = None,
    devices: Annotated[
        bool, typer.Option("--devices", help="The array sizes of every device of the store.")
    ] = False,
    r_lrs: Annotated[
        float | None, typer.Option("--r-lrs", metavar="OHM", help="Resistance in the LRS.")
    ] = None,
    pull_up: Annotated[
        float | None,
        typer.Option("--pull-up", metavar="OHM", help="Pull-up resistor; default: as R_LRS."),
    ] = None,
    selectivity: Annotated[
        float | None,
        typer.Option("--selectivity", help="Of a selector or rectifier; default: bare cells."),
    ] = None,
    line_resistance: Annotated[
        float | None,
        typer.Option("--line-resistance", metavar="OHM", help="Of a line from cell to cell."),
    ] = None,
    size: Annotated[
        int | None,
        typer.Option("--size", metavar="N", help="Solve the circuit of an N × N array exactly."),
    ] = None,
    margin: Annotated[
        float, typer.Option("--margin", help="Part of the read voltage to keep.")
    ] = 0.1,
    thickness_nm: Annotated[
        float | None,
        typer.Option("--thickness-nm", metavar="NM", help="Of the layer: spacing of the cells."),
    ] = None,
    plot: Annotated[
        str | None,
        typer.Option("--plot", metavar="FILE", help="Read margin over array size, .png or .svg."),
    ] = None,
    database: DatabaseOption = DEFAULT_DATABASE,
    json: JsonOption = False,
) -> None:
    """The largest array that can still be read: formula, best pull-up, and the exact circuit."""
    from dataclasses import replace

    from pvkdb.cli.output.barrier_files import checked_path
    from pvkdb.crossbar.estimates import LARGEST_EXACT, estimate
    from pvkdb.errors import InputError

    if sum((on_off is not None, device is not None, devices)) != 1:
        raise InputError("name the cells by one of --on-off RATIO, --device ID or --devices")
    if devices:
        _print_devices(database, json)
        return
    path = None if plot is None else checked_path("--plot", plot)
    question = replace(
        _question(
            on_off, device, database, r_lrs, pull_up, selectivity, line_resistance, size, margin
        ),
        thickness_m=None if thickness_nm is None else thickness_nm * 1e-9,
    )
    if size is not None and _SOON < size <= LARGEST_EXACT:
        messages().print(
            f"solving circuits of {size} × {size}: seconds for each kind of cell and read"
        )
    document = estimate(question)
    if json:
        print_json(document.model_dump(mode="json"))
    else:
        print_estimate(document)
    if path is not None:
        from pvkdb.crossbar.plot import plot_margins

        plot_margins(document, path)
        messages().print(f"wrote {path}")


def _question(
    on_off: float | None,
    device: str | None,
    database: str,
    r_lrs: float | None,
    pull_up: float | None,
    selectivity: float | None,
    line_resistance: float | None,
    size: int | None,
    margin: float,
) -> ArrayQuestion:
    from pvkdb.chemistry import Interval
    from pvkdb.crossbar.estimates import ArrayQuestion

    source = "given"
    if device is not None:
        from pvkdb.crossbar.devices import on_off_of

        with open_store(database).session(read_only=True) as session:
            ratio, source = on_off_of(session, device)
    else:
        ratio = Interval.exactly(float("nan") if on_off is None else on_off)
    return ArrayQuestion(
        on_off=ratio,
        on_off_source=source,
        device=device,
        r_lrs_ohm=r_lrs,
        pull_up_ohm=pull_up,
        selectivity=selectivity,
        line_ohm=line_resistance,
        size=size,
        margin=margin,
    )


def print_estimate(document: CrossbarDocument) -> None:
    """Array sizes as a table, then the exact reads, then everything assumed."""
    ratio = "infinite" if document.on_off_ratio is None else number(document.on_off_ratio)
    subject = f"{document.device}, " if document.device else ""
    selectivity = max(limit.selectivity for limit in document.limits)
    blocking = f", selectivity {selectivity:g}" if selectivity > 1 else ""
    numeric = ("N", "real N", "best N", "R_pu/R_LRS", "any data")
    print_table(
        f"Largest N × N array: {subject}on/off {ratio}{blocking}, "
        f"R_pull-up = {document.pull_up_ratio:g} R_LRS",
        ["cell", "other lines", "blocked", *numeric],
        [_limit_row(limit) for limit in document.limits],
        numeric=numeric,
        caption=f"N: margin {document.margin:g} of V_read by equations (1) and (2) of the review, "
        "section 5.1.1; best N: at the pull-up beside it; any data: one threshold for whatever the "
        "other cells hold.",
    )
    if document.exact:
        first = document.exact[0]
        columns = ("formula", "near", "far", "V near", "V far")
        print_table(
            f"Margin of a {first.size} × {first.size} array, solved exactly",
            ["cell", "other lines", *columns],
            [
                [
                    read.cell.value,
                    read.read.value,
                    f"{read.margin_formula:.4f}",
                    f"{read.margin_near:.4f}",
                    f"{read.margin_far:.4f}",
                    f"{read.cell_voltage_near:.4f}",
                    f"{read.cell_voltage_far:.4f}",
                ]
                for read in document.exact
            ],
            numeric=columns,
            caption="near, far: the cells next to and farthest from the drivers; V: voltage across "
            "them in LRS. All over V_read; formula: without line resistance.",
        )
    if document.smallest_spacing_m is not None:
        spacing = document.smallest_spacing_m * 1e6
        output().print(f"Spacing between cells without crosstalk: at least {spacing:.3g} μm")
    for assumed in document.assumptions:
        unit = "" if assumed.unit == "1" else f" {assumed.unit}"
        mark = " (default)" if assumed.default else ""
        output().print(
            f"{assumed.name}: {assumed.value}{unit}{mark}; {assumed.source}", markup=False
        )
    for note in document.notes:
        output().print(note, markup=False)


def _limit_row(limit: ArrayLimit) -> list[str]:
    best = limit.best_pull_up_ratio
    return [
        limit.cell.value,
        limit.read.value,
        limit.blocked,
        str(limit.size),
        f"{limit.root:.2f}",
        str(limit.size_best_pull_up),
        "open" if best is None else f"{best:.2f}",
        str(limit.size_any_data),
    ]


def _print_devices(database: str, json: bool) -> None:
    from pvkdb.crossbar.devices import device_arrays

    with open_store(database).session(read_only=True) as session:
        arrays = device_arrays(session)
    if json:
        print_json([array.model_dump(mode="json") for array in arrays])
    else:
        print_devices(arrays)


def print_devices(arrays: Sequence[DeviceArray]) -> None:
    """The array sizes of devices as a table."""
    numeric = ("on/off", "N", "best N", "rect. N")
    print_table(
        "Largest N × N array of the devices, floating lines",
        ["id", "device", "ref.", *numeric],
        [_device_row(array) for array in arrays],
        numeric=numeric,
        whole=("id",),
        caption="N: bare cells (1R), R_pull-up = R_LRS (default: R_LRS is not reported); best N: "
        "at the best pull-up; rect. N: with the rectification ratio that the text claims for "
        "the device's only publication. –: not reported.",
    )
    for array in arrays:
        if array.reason:
            output().print(f"{array.device}: {array.reason}", markup=False)


def _device_row(array: DeviceArray) -> list[str]:
    ratio = "–" if array.on_off_ratio is None else number(array.on_off_ratio)
    sizes = (array.size, array.size_best_pull_up, array.size_rectifying)
    return [
        array.device,
        array.structure,
        array.references,
        f"{array.on_off_qualifier or ''}{ratio}",
        *("–" if size is None else str(size) for size in sizes),
    ]
