"""Commands for devices: measure, simulate, examine, spice, export-device."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from typer import Argument, Option

from pvkdb.cli.operations import with_fields
from pvkdb.cli.options import (
    DEFAULT_DATABASE,
    DatabaseOption,
    JsonOption,
    OutputOption,
    RetryOption,
    named_values,
    open_store,
)
from pvkdb.cli.output.console import messages, print_json, print_message, show, write_file
from pvkdb.errors import CalculationFailedError, InputError, unknown_name

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from pvkdb.schemas.calculations import CalculationDocument
    from pvkdb.schemas.calculations.relaxations import CalculationRequest
    from pvkdb.schemas.calculations.simulations import SimulationResult

_SCHEMAS = "pvkdb.schemas.calculations"
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
    files = _files_of(names)
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


def _files_of(sources: Sequence[str]) -> list[Path]:
    """Return the files among files and devices: what exists, or has an ending."""
    return [path for path in map(Path, sources) if path.is_file() or path.suffix]


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
    from pvkdb.measurements import Request, measuring, parse_columns

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
        exponent_range_v=() if exponent is None else _ends(exponent, "--exponent", "V"),
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
    r_lrs: Annotated[
        float | None, Option(metavar="OHM", help="Resistance in the low-resistance state (LRS).")
    ] = None,
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


@with_fields(f"{_SCHEMAS}.simulations:SimulationQuestion", without=("stack", "inputs"))
def simulate(
    stack: Annotated[
        str | None, Option(metavar="LAYERS", help="A whole device, e.g. ITO/CsPbBr3/Ag.")
    ] = None,
    temperature_k: Annotated[
        float | None, Option(metavar="K", help="Temperature; default: 298.15.")
    ] = None,
    thickness_nm: Annotated[float | None, Option(metavar="NM", help="Layer thickness.")] = None,
    gap_nm: Annotated[float | None, Option(metavar="NM", help="Gap that vacancies fill.")] = None,
    bias_v: Annotated[float | None, Option(metavar="V", help="Bias across the layer.")] = None,
    vacancies: Annotated[float | None, Option(metavar="SHARE", help="Share of sites.")] = None,
    set_: Annotated[
        list[str] | None,
        Option("--set", metavar="NAME=LOW[:HIGH]", help="An input of --stack; repeatable."),
    ] = None,
    report: Annotated[
        Path | None,
        Option("--output", "-o", metavar="FILE", help="Report of --stack (html, pdf, json, cir)."),
    ] = None,
    retry: RetryOption = False,
    database: DatabaseOption = DEFAULT_DATABASE,
    json: JsonOption = False,
    **asked: Any,
) -> None:
    """Simulate halide vacancies on all hops. With --stack: a whole device and what is uncertain."""
    from pvkdb.cli.output.device_tables import print_kinetics, print_simulation
    from pvkdb.schemas import validated
    from pvkdb.schemas.calculations.simulations import SimulationQuestion
    from pvkdb.suitability.evidence.simulations import answer_simulation, simulation_request

    given = {"thickness_nm": thickness_nm, "gap_nm": gap_nm, "bias_v": bias_v}
    given |= {"vacancies": vacancies}
    inputs = {name: each for name, each in given.items() if each is not None}
    if stack is None and (inputs or set_ or report or asked.keys() - {"material", "potential"}):
        raise InputError(f"numbers of a device need its --stack, e.g. ITO/{asked['material']}/Ag")
    if report and report.suffix.lower() not in (".html", ".pdf", ".json", ".cir"):
        raise InputError(f"{report.name} is not written: end it with .html, .pdf, .json or .cir")
    if stack is None:
        store = open_store(database, create=True)
        with store.session(read_only=True) as session, messages().status("simulating"):
            hops = answer_simulation(session, temperature_k=temperature_k, **asked)
        show(hops, json, print_kinetics)
        return
    inputs |= {} if temperature_k is None else {"temperature_k": temperature_k}
    pairs = (text.partition("=") for text in set_ or ())
    ends = {name: _ends(text, f"--set {name}", "its unit") for name, _, text in pairs}
    asked |= {"stack": stack, "inputs": inputs | ends}
    question = validated(SimulationQuestion, asked)
    document = _finished(database, lambda session: simulation_request(session, question), retry)
    result = document.simulation
    assert result is not None
    show(result, json, print_simulation)
    if report is not None:
        _write_report(result, report)


def _ends(text: str, name: str, unit: str) -> tuple[float, float]:
    """Return both ends of an interval ``LOW[:HIGH]``."""
    from pvkdb.kinetics.conditions import parse_range

    found = parse_range(text, name, unit)
    return found.minimum or 0.0, found.maximum or 0.0


def _finished(
    database: str, request_of: Callable[[Session], CalculationRequest], retry: bool
) -> CalculationDocument:
    """Take a calculation from the store or compute it. Raises CalculationFailedError."""
    from pvkdb.cli.commands.barriers import obtain

    store = open_store(database, create=True)
    with store.session(read_only=True) as session:
        request = request_of(session)
    (document,), computed = obtain(store, [request], retry)
    if document.result is None:
        kind, text = str(document.failure_kind), document.failure_message
        raise CalculationFailedError(kind, f"{text} (calculation {document.id}; --retry)")
    messages().print(f"calculation {document.id}, {'computed' if computed else 'from the store'}")
    return document


def _write_report(result: SimulationResult, report: Path) -> None:
    ending = report.suffix.lower().removeprefix(".")
    if ending != "cir":
        from pvkdb.simulation.devices.report import report_file

        write_file(report, report_file(result, ending))
    elif result.netlist:
        write_file(report, result.netlist)
    else:
        raise InputError(f"{report.name}: no compact model was fitted; the notes say why")


@with_fields(f"{_SCHEMAS}.examinations:ExaminationQuestion", without=("device", "task", "images"))
def examine(
    sources: Annotated[
        list[str] | None,
        Argument(help="A device, files of its measurements, or both.", metavar="DEVICE|FILE…"),
    ] = None,
    task: Annotated[
        str,
        Option(
            help="training, inference, convolution, stdp, spiking, reservoir-digits, henon, puf, "
            "nociceptor, short-term, associative, or one behaviour."
        ),
    ] = "training",
    images: Annotated[
        str | None, Option(help="digits, mnist, fashion, or a FOLDER with MNIST's files.")
    ] = None,
    as_: Annotated[str | None, Option("--as", help="Kind of the files, as in measure.")] = None,
    columns: Annotated[str, Option(help="Columns, as in measure.")] = "",
    v_read: Annotated[float | None, Option(metavar="V", help="Read voltage of files.")] = None,
    retry: RetryOption = False,
    database: DatabaseOption = DEFAULT_DATABASE,
    json: JsonOption = False,
    **asked: Any,
) -> None:
    """Simulate a device in a network or a behaviour test."""
    from pvkdb.cli.output.device_tables import print_examination
    from pvkdb.examination.images import SHIPPED
    from pvkdb.examination.protocols import definitions
    from pvkdb.examination.requests import examination_request
    from pvkdb.measurements import Request, parse_columns, read
    from pvkdb.schemas import validated
    from pvkdb.schemas.calculations.examinations import ExaminationQuestion

    files = _files_of(sources or [])
    names = [name for name in sources or [] if Path(name) not in files]
    if len(names) > 1:
        raise InputError(f"{' '.join(names)}: one device is examined at a time")
    wanted = [n for n, row in definitions().items() if task in (n, row["test"], "behaviours")]
    folder = None if images is None or images in SHIPPED else Path(images)
    asked |= {"device": "".join(names), "task": "behaviours" if wanted else task}
    asked |= {} if images is None or folder else {"images": images}
    asked["values"] = named_values(asked.get("values", ()))
    question = validated(ExaminationQuestion, asked)
    kind = as_ or ("iv" if wanted else None)
    reading = Request(kind=kind, columns=parse_columns(columns), read_voltage_v=v_read)
    forms = [form for group in read(files, reading).values() for form in group]
    document = _finished(
        database, lambda session: examination_request(session, question, forms, folder), retry
    )
    result = document.examination
    assert result is not None
    kept = [each for each in result.behaviours if each.name in wanted]
    show(result.model_copy(update={"behaviours": kept}), json, print_examination)
