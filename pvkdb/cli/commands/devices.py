"""Commands for devices: spice, measure, export-device."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from pvkdb.cli.options import (
    DEFAULT_DATABASE,
    DatabaseOption,
    JsonOption,
    OutputOption,
    named_values,
    open_store,
)
from pvkdb.cli.output.console import messages, print_json, print_message, show, write_file
from pvkdb.errors import InputError, unknown_name

_LrsOption = Annotated[
    float | None,
    Option("--r-lrs", metavar="OHM", help="Resistance in the low-resistance state (LRS)."),
]

_SweepRate = Annotated[
    float | None, Option(min=1e-12, metavar="V/S", help="Sweep rate of files without times.")
]


def spice(
    sources: Annotated[
        list[str] | None, Argument(help="Files of sweeps, or a device.", metavar="FILE…|DEVICE")
    ] = None,
    model: Annotated[
        str, Option(help="threshold, vteam, yakopcic, ionic, lif or pershin.", show_default=False)
    ] = "",
    set_: Annotated[
        list[str] | None, Option("--set", metavar="NAME=VALUE", help="A parameter; repeatable.")
    ] = None,
    held_out: Annotated[
        Path | None, Option(metavar="FILE", help="Sweep to compare the fit with.")
    ] = None,
    columns: Annotated[str, Option(help="Columns, as in measure.")] = "",
    sweep_rate: _SweepRate = None,
    target: OutputOption = None,
    database: DatabaseOption = DEFAULT_DATABASE,
    json: JsonOption = False,
) -> None:
    """Write a compact model: ngspice, or Verilog-A to FILE.va."""
    from pvkdb.measurements import Request, parse_columns, read
    from pvkdb.simulation import fitting
    from pvkdb.simulation.compact import model_named
    from pvkdb.simulation.ngspice import tried

    shape, values, names = model_named(model), named_values(set_ or ()), sources or []
    files = [path for path in map(Path, names) if path.is_file() or path.suffix]
    if held_out is not None and not files:
        raise InputError(f"--held-out {held_out}: give a FILE to fit as well")
    if not names:
        found = fitting.complete(shape, fitting.given(values))
    elif not files and len(names) == 1:
        with open_store(database, create=True).session(read_only=True) as session:
            found = fitting.from_device(session, names[0], model, values)
    elif len(files) < len(names):
        raise InputError(f"{' '.join(names)}: give files, or one device")
    else:
        known = parse_columns(columns)
        request = Request(kind="iv", columns=known, sweep_rate_v_per_s=sweep_rate)
        with messages().status("fitting"):
            found = fitting.fit(model, read(files, request)["iv"], values)
        if held_out is not None:
            found = fitting.compared(found, read([held_out], request)["iv"][0])
    verilog = target is not None and target.suffix == ".va"
    found = found if verilog else tried(found)
    if json:
        print_json(found.document())
    if target is not None or not json:
        write_file(target, found.verilog_a() if verilog else found.spice())
    for note in found.notes:
        print_message(note)


_EachFile = Annotated[list[float] | None, Option(metavar="NUMBER", help="One, or one per FILE.")]


def measure(
    files: Annotated[list[Path], Argument(help="Files of an instrument.", metavar="FILE…")],
    as_: Annotated[
        str | None,
        Option(
            "--as", help="iv, area, transient, pulses, endurance, retention, states, ppf, stdp."
        ),
    ] = None,
    columns: Annotated[str, Option(help="Columns, e.g. time=1,voltage=2:mV,current=I1.")] = "",
    v_read: Annotated[float | None, Option(metavar="V", help="Read voltage.")] = None,
    compliance_a: Annotated[float | None, Option(metavar="A", help="Current limit.")] = None,
    area_um2: _EachFile = None,
    temperature_k: _EachFile = None,
    thickness_nm: _EachFile = None,
    electrodes: Annotated[
        str, Option(metavar="BIASED/GROUNDED", help="Their materials, e.g. Ag/FTO.")
    ] = "",
    permittivity_optical: Annotated[
        float | None, Option(metavar="NUMBER", help="Relative, n² of the layer.")
    ] = None,
    shunt_ohm: Annotated[float | None, Option(metavar="OHM", help="For a current in V.")] = None,
    sweep_rate: _SweepRate = None,
    exponent: Annotated[str | None, Option(help="d ln I/d ln V between voltages LOW:HIGH.")] = None,
    at_k: Annotated[float | None, Option(metavar="K", help="Extrapolate retention to it.")] = None,
    drop_bad: Annotated[bool, Option("--drop-bad", help="Leave out invalid rows.")] = False,
    report: Annotated[
        Path | None,
        Option("--output", "-o", metavar="FILE", help="Report on one page (html, pdf, json)."),
    ] = None,
    device: Annotated[
        Path | None, Option(metavar="FILE", help="Write a device for pvkdb import (yaml).")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Compute metrics with intervals from measured files. Unknown conditions stay unknown."""
    from pvkdb.cli.output.device_tables import print_measurements
    from pvkdb.kinetics.conditions import parse_range
    from pvkdb.measurements import Request, measuring, parse_columns

    window = None if exponent is None else parse_range(exponent, "--exponent", "V")
    request = Request(
        kind=as_,
        columns=parse_columns(columns),
        areas_m2=[value * 1e-12 for value in area_um2 or ()],
        temperatures_k=temperature_k or (),
        thicknesses_m=[value * 1e-9 for value in thickness_nm or ()],
        electrodes=electrodes,
        permittivity_optical=permittivity_optical,
        compliance_a=compliance_a,
        read_voltage_v=v_read,
        shunt_ohm=shunt_ohm,
        sweep_rate_v_per_s=sweep_rate,
        exponent_range_v=() if window is None else (window.minimum or 0.0, window.maximum or 0.0),
        at_temperature_k=at_k,
        drop_bad=drop_bad,
    )
    found = measuring.measure(files, request)
    show(found.document(), json, print_measurements)
    if report is not None:
        from pvkdb.measurements.reports.page import report_file

        write_file(report, report_file(found, report.suffix.lower().removeprefix(".")))
    if device is not None:
        from pvkdb.measurements.reports.devices import device_yaml

        places = {key: os.path.relpath(f, device.parent) for f in files for key in (f.name, f"{f}")}
        names = {sha256: places[name] for name, sha256 in found.files}
        write_file(device, device_yaml(found, names, device.name))


def export_device(
    device: Annotated[str, Argument(help="Device, e.g. d-t4-r14.")],
    simulator: Annotated[str, Option("--for", help="aihwkit, crosssim or neurosim.")],
    r_lrs: _LrsOption = None,
    v_read: Annotated[float | None, Option(metavar="V", help="Read voltage.")] = None,
    states: Annotated[int | None, Option(metavar="N", help="Number of distinct states.")] = None,
    claim: Annotated[
        list[str] | None, Option(metavar="ID", help="Use this device claim; repeatable.")
    ] = None,
    target: OutputOption = None,
    database: DatabaseOption = DEFAULT_DATABASE,
    json: JsonOption = False,
) -> None:
    """Write device parameters for a simulator. Lists the missing ones."""
    from pvkdb.schemas.simulators import Simulator
    from pvkdb.suitability.simulators import device_parameters
    from pvkdb.suitability.simulators.files import file_text

    known = [entry.value for entry in Simulator]
    if simulator not in known:
        raise InputError(unknown_name("simulator", simulator, known))
    with open_store(database, create=True).session(read_only=True) as session:
        exported = device_parameters.export_device(
            session,
            device,
            Simulator(simulator),
            r_lrs_ohm=r_lrs,
            v_read_v=v_read,
            states=states,
            claims=claim or (),
        )
    if json:
        print_json(exported)
    if target is not None or not json:
        write_file(target, file_text(exported))
    names = ", ".join(entry.name for entry in exported.missing)
    print_message(f"missing: {names}")
    for words in exported.claims:
        print_message(f"not used unless named with --claim: {words}")
