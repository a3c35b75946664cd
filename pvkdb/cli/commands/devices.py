"""Commands for devices: kinetics, simulate, examine, spice, crossbar, measure, export-device."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Option

from pvkdb.cli.options import (
    DEFAULT_DATABASE,
    DatabaseOption,
    JsonOption,
    OutputOption,
    RetryOption,
    open_store,
)
from pvkdb.cli.output.console import messages, print_json, print_message, show, write_file
from pvkdb.cli.output.device_tables import print_devices, print_estimate, print_kinetics
from pvkdb.errors import CalculationFailedError, InputError, unknown_name

if TYPE_CHECKING:
    from pvkdb.chemistry import Interval
    from pvkdb.kinetics.conditions import Conditions
    from pvkdb.schemas.calculations import CalculationDocument
    from pvkdb.schemas.calculations.examinations import ExaminationRequest
    from pvkdb.schemas.calculations.simulations import SimulationRequest
    from pvkdb.schemas.kinetics import KineticsAnswer
    from pvkdb.store.database import Store

ThicknessOption = Annotated[
    str | None, Option("--thickness-nm", metavar="NM", help="Layer thickness, e.g. 300 or 90:300.")
]
BiasOption = Annotated[str | None, Option("--bias-v", metavar="V", help="Bias, e.g. 1 or 0.5:2.")]
TemperatureOption = Annotated[
    str | None, Option("--temperature-k", metavar="K", help="Temperature, e.g. 280:350.")
]
WriteTimeOption = Annotated[
    str | None, Option("--write-time-s", metavar="S", help="SET pulse, e.g. 1e-4:2e-3.")
]
_LrsOption = Annotated[
    float | None,
    Option("--r-lrs", metavar="OHM", help="Resistance in the low-resistance state (LRS)."),
]

#: Largest N × N circuit that is solved within about a second.
_FAST = 128


def kinetics(
    formula: Annotated[str | None, Argument(help="Material, e.g. CsPbBr3.")] = None,
    e_a: Annotated[
        str | None, Option(metavar="EV", help="Activation energy, e.g. 0.3:0.5.")
    ] = None,
    device: Annotated[str | None, Option(metavar="ID", help="Device, e.g. d-t4-r14.")] = None,
    dfe: Annotated[str | None, Option(metavar="EV", help="Formation energy, with --e-a.")] = None,
    thickness: ThicknessOption = None,
    bias: BiasOption = None,
    temperature: TemperatureOption = None,
    write_time: WriteTimeOption = None,
    database: DatabaseOption = DEFAULT_DATABASE,
    json: JsonOption = False,
) -> None:
    """Estimate rates and times of ion migration. Prints the defaults that it uses."""
    if sum(given is not None for given in (formula, e_a, device)) != 1:
        raise InputError("name one of FORMULA, --e-a EV or --device ID")
    if dfe is not None and e_a is None:
        raise InputError("--dfe requires --e-a; a material has its own formation energy")
    conditions = conditions_of(thickness, bias, temperature, write_time)
    show(_kinetics(formula, e_a, device, dfe, conditions, database), json, print_kinetics)


def conditions_of(
    thickness: str | None, bias: str | None, temperature: str | None, write_time: str | None
) -> Conditions:
    """Return the conditions that the options describe, with defaults for omitted ones.

    Raises:
        InputError: an option is not a number or a range, or is out of its range.
    """
    from pvkdb.kinetics.conditions import layer, parse_range

    given = {
        "thickness_m": (thickness, "--thickness-nm", "nm", 1e-9),
        "bias_v": (bias, "--bias-v", "V", 1.0),
        "temperature_k": (temperature, "--temperature-k", "K", 1.0),
        "write_time_s": (write_time, "--write-time-s", "s", 1.0),
    }
    return layer(
        **{
            name: None if text is None else parse_range(text, option, unit, scale)
            for name, (text, option, unit, scale) in given.items()
        }
    )


def _kinetics(
    formula: str | None,
    e_a: str | None,
    device: str | None,
    dfe: str | None,
    conditions: Conditions,
    database: str,
) -> KineticsAnswer:
    from dataclasses import replace

    from pvkdb.kinetics.conditions import parse_range
    from pvkdb.suitability.evidence.predictions import (
        answer_barrier,
        answer_device,
        answer_material,
    )

    if e_a is not None:
        formation = None if dfe is None else parse_range(dfe, "--dfe", "eV")
        barrier = parse_range(e_a, "--e-a", "eV")
        return answer_barrier(barrier, replace(conditions, vacancy_formation_ev=formation))
    with open_store(database, create=True).session(read_only=True) as session:
        if device is not None:
            return answer_device(session, device, conditions)
        return answer_material(session, formula or "", conditions)


def simulate(
    material: Annotated[str, Argument(help="Material, e.g. CsPbBr3 or CsPbBr3-Pnma.")],
    potential: Annotated[str | None, Option(help="Whose barriers; default: best tested.")] = None,
    temperature_k: Annotated[
        float | None, Option(metavar="K", help="Temperature; default: 298.15.")
    ] = None,
    thickness_nm: Annotated[float | None, Option(metavar="NM", help="Layer thickness.")] = None,
    gap_nm: Annotated[float | None, Option(metavar="NM", help="Gap that vacancies fill.")] = None,
    bias_v: Annotated[float | None, Option(metavar="V", help="Bias across the layer.")] = None,
    vacancies: Annotated[float | None, Option(metavar="SHARE", help="Share of sites.")] = None,
    axis: Annotated[
        str | None, Option(help="Axis across the layer: a, b or c; default: b.")
    ] = None,
    seeds: Annotated[int | None, Option(min=2, help="Runs of the layer; default: 20.")] = None,
    stack: Annotated[
        str | None, Option(metavar="LAYERS", help="A whole device, e.g. ITO/CsPbBr3/Ag.")
    ] = None,
    annealed_k: Annotated[
        float | None, Option(metavar="K", help="Vacancies in equilibrium at it, for --stack.")
    ] = None,
    set_: Annotated[
        list[str] | None,
        Option("--set", metavar="NAME=LOW[:HIGH]", help="An input of --stack; repeatable."),
    ] = None,
    rate: Annotated[
        list[float] | None, Option(metavar="V/S", help="Scan rate of --stack; repeatable.")
    ] = None,
    report: Annotated[
        Path | None,
        Option("--output", "-o", metavar="FILE", help="Report of --stack (html, pdf, json, cir)."),
    ] = None,
    retry: RetryOption = False,
    database: DatabaseOption = DEFAULT_DATABASE,
    json: JsonOption = False,
) -> None:
    """Simulate halide vacancies on all hops. With --stack: a whole device and what is uncertain."""
    from pvkdb.kinetics.conditions import ROOM_TEMPERATURE_K
    from pvkdb.schemas.calculations.simulations import SimulationQuestion
    from pvkdb.suitability.evidence.simulations import answer_simulation, simulation_request
    from pvkdb_pipelines.dft.requests import validated

    numbers = {
        "thickness_nm": thickness_nm,
        "gap_nm": gap_nm,
        "bias_v": bias_v,
        "vacancies": vacancies,
    }
    others = (*numbers.values(), annealed_k, axis, seeds, report)
    if stack is None and (set_ or rate or any(each is not None for each in others)):
        raise InputError(f"numbers of a device need its --stack, e.g. ITO/{material}/Ag")
    if report and report.suffix.lower() not in (".html", ".pdf", ".json", ".cir"):
        raise InputError(f"{report.name} is not written: end it with .html, .pdf, .json or .cir")
    store = open_store(database, create=True)
    if stack is not None:
        numbers["temperature_k"] = temperature_k
        inputs = {name: each for name, each in numbers.items() if each is not None}
        asked: dict[str, object] = {"inputs": inputs | _ranges(set_ or []), "stack": stack}
        asked |= {"material": material, "potential": potential, "axis": axis, "seeds": seeds}
        asked |= {"annealed_k": annealed_k, "scan_rates_v_per_s": rate}
        given = {name: each for name, each in asked.items() if each is not None}
        question = validated(SimulationQuestion, given)
        with store.session(read_only=True) as session:
            request = simulation_request(session, question)
        _simulate_device(store, request, retry, json, report)
        return
    with store.session(read_only=True) as session, messages().status("simulating"):
        kelvin = ROOM_TEMPERATURE_K if temperature_k is None else temperature_k
        answer = answer_simulation(session, material, kelvin, potential)
    show(answer, json, print_kinetics)


def _ranges(texts: Sequence[str]) -> dict[str, tuple[float, float]]:
    """Return intervals by name from texts ``NAME=LOW[:HIGH]``."""
    from pvkdb.kinetics.conditions import parse_range

    pairs = (text.partition("=") for text in texts)
    found = {name: parse_range(value, f"--set {name}", "its unit") for name, _, value in pairs}
    return {name: (each.minimum or 0.0, each.maximum or 0.0) for name, each in found.items()}


def _finished(
    store: Store, request: SimulationRequest | ExaminationRequest, retry: bool
) -> CalculationDocument:
    """Take a calculation from the store or compute it. Raises CalculationFailedError."""
    from pvkdb.cli.commands.barriers import obtain

    (document,), computed = obtain(store, [request], retry)
    if document.result is None:
        kind, text = str(document.failure_kind), document.failure_message
        raise CalculationFailedError(kind, f"{text} (calculation {document.id}; --retry)")
    messages().print(f"calculation {document.id}, {'computed' if computed else 'from the store'}")
    return document


def _simulate_device(
    store: Store, request: SimulationRequest, retry: bool, json: bool, report: Path | None
) -> None:
    """Take a device from the store or compute it, print it, and write its report or netlist."""
    from pvkdb.cli.output.device_tables import print_simulation

    result = _finished(store, request, retry).simulation
    assert result is not None
    show(result, json, print_simulation)
    if report is None:
        return
    ending = report.suffix.lower().removeprefix(".")
    if ending != "cir":
        from pvkdb.simulation.devices.report import report_file

        write_file(report, report_file(result, ending))
    elif result.netlist:
        write_file(report, result.netlist)
    else:
        raise InputError(f"{report.name}: no compact model was fitted; the notes say why")


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
    seeds: Annotated[int | None, Option(help="Random seeds, one network each; default: 5.")] = None,
    epochs: Annotated[int | None, Option(help="Epochs of training; default: 10.")] = None,
    assume_ideal: Annotated[
        bool, Option("--assume-ideal", help="Treat unknown properties as ideal.")
    ] = False,
    at_s: Annotated[
        list[float] | None,
        Option(
            metavar="S", help="Time after writing at which copied weights are read; repeatable."
        ),
    ] = None,
    line_ohm: Annotated[
        float | None,
        Option(metavar="OHM", help="Resistance of the line between two cells (inference)."),
    ] = None,
    interval_s: Annotated[
        float | None, Option(metavar="S", help="Time between the pulses of a reservoir.")
    ] = None,
    pulses: Annotated[float | None, Option(help="Pulses for each bit of a reservoir.")] = None,
    model: Annotated[str | None, Option(help="threshold, vteam or yakopcic.")] = None,
    set_: Annotated[
        list[str] | None,
        Option("--set", metavar="NAME=VALUE", help="Parameter of --model; repeatable."),
    ] = None,
    as_: Annotated[str | None, Option("--as", help="Kind of the files, as in measure.")] = None,
    columns: Annotated[str, Option(help="Columns, as in measure.")] = "",
    v_read: Annotated[float | None, Option(metavar="V", help="Read voltage of files.")] = None,
    retry: RetryOption = False,
    database: DatabaseOption = DEFAULT_DATABASE,
    json: JsonOption = False,
) -> None:
    """Simulate a device in a network or a behaviour test."""
    from pvkdb.cli.output.device_tables import print_examination
    from pvkdb.examination.images import SHIPPED
    from pvkdb.examination.protocols import definitions
    from pvkdb.examination.requests import examination_request
    from pvkdb.measurements import Request, parse_columns, read
    from pvkdb.schemas.calculations.examinations import ExaminationQuestion
    from pvkdb_pipelines.dft.requests import validated

    files = [path for path in map(Path, sources or []) if path.is_file() or path.suffix]
    names = [name for name in sources or [] if Path(name) not in files]
    if len(names) > 1:
        raise InputError(f"{' '.join(names)}: one device is examined at a time")
    wanted = [n for n, row in definitions().items() if task in (n, row["test"], "behaviours")]
    folder = None if images is None or images in SHIPPED else Path(images)
    asked: dict[str, object] = {
        "device": "".join(names), "task": "behaviours" if wanted else task, "seeds": seeds,
        "epochs": epochs, "images": None if folder else images, "at_s": at_s or None,
        "assume_ideal": assume_ideal, "line_ohm": line_ohm, "interval_s": interval_s,
        "pulses": pulses, "model": model, "values": _values(set_ or ()),
    }  # fmt: skip
    given = {name: each for name, each in asked.items() if each is not None}
    question = validated(ExaminationQuestion, given)
    kind = as_ or ("iv" if wanted else None)
    reading = Request(kind=kind, columns=parse_columns(columns), read_voltage_v=v_read)
    forms = [form for group in read(files, reading).values() for form in group]
    store = open_store(database, create=True)
    with store.session(read_only=True) as session:
        request = examination_request(session, question, forms, folder)
    result = _finished(store, request, retry).examination
    assert result is not None
    kept = [each for each in result.behaviours if each.name in wanted]
    show(result.model_copy(update={"behaviours": kept}), json, print_examination)


def _values(texts: Sequence[str]) -> dict[str, float]:
    """Return numbers by name from texts ``NAME=VALUE``."""
    values = {}
    for text in texts:
        name, _, number = text.partition("=")
        try:
            values[name] = float(number)
        except ValueError:
            raise InputError(f"--set {text!r}: write NAME=VALUE, e.g. r_on=1e4") from None
    return values


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
    target: OutputOption = None,
    database: DatabaseOption = DEFAULT_DATABASE,
    json: JsonOption = False,
) -> None:
    """Write a compact model: ngspice, or Verilog-A to FILE.va."""
    from pvkdb.measurements import Request, parse_columns, read
    from pvkdb.simulation import fitting
    from pvkdb.simulation.compact import model_named

    shape, values, names = model_named(model), _values(set_ or ()), sources or []
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
        request = Request(kind="iv", columns=parse_columns(columns))
        with messages().status("fitting"):
            found = fitting.fit(model, read(files, request)["iv"], values)
        if held_out is not None:
            found = fitting.compared(found, read([held_out], request)["iv"][0])
    if json:
        print_json(found.document())
    if target is not None or not json:
        verilog = target is not None and target.suffix == ".va"
        write_file(target, found.verilog_a() if verilog else found.spice())
    for note in found.notes:
        print_message(note)


def crossbar(
    on_off: Annotated[float | None, Option(help="R_HRS over R_LRS; may be inf.")] = None,
    device: Annotated[
        str | None, Option(metavar="ID", help="Device with the on/off ratio.")
    ] = None,
    devices: Annotated[bool, Option("--devices", help="Array sizes of all devices.")] = False,
    r_lrs: _LrsOption = None,
    pull_up: Annotated[
        float | None, Option(metavar="OHM", help="Pull-up resistor; default: R_LRS.")
    ] = None,
    selectivity: Annotated[float | None, Option(help="Of the selector; default: none.")] = None,
    line_resistance: Annotated[
        float | None, Option(metavar="OHM", help="Line resistance from cell to cell.")
    ] = None,
    size: Annotated[int | None, Option(metavar="N", help="Solve an N × N array exactly.")] = None,
    margin: Annotated[float, Option(help="Required fraction of the read voltage.")] = 0.1,
    thickness_nm: Annotated[
        float | None, Option(metavar="NM", help="Thickness, for the cell spacing.")
    ] = None,
    plot: Annotated[
        str | None, Option(metavar="FILE", help="Plot margin over size (png, svg).")
    ] = None,
    database: DatabaseOption = DEFAULT_DATABASE,
    json: JsonOption = False,
) -> None:
    """Compute the largest readable crossbar array. --size solves one circuit exactly."""
    from pvkdb.cli.output.barriers import checked_path
    from pvkdb.crossbar.estimates import LARGEST_EXACT, ArrayQuestion, estimate

    if sum((on_off is not None, device is not None, devices)) != 1:
        raise InputError("give one of --on-off RATIO, --device ID or --devices")
    if devices:
        from pvkdb.crossbar.devices import device_arrays

        with open_store(database, create=True).session(read_only=True) as session:
            show(device_arrays(session), json, print_devices)
        return
    path = None if plot is None else checked_path("--plot", plot)
    ratio, source = _on_off_ratio(on_off, device, database)
    question = ArrayQuestion(
        on_off=ratio,
        on_off_source=source,
        device=device,
        r_lrs_ohm=r_lrs,
        pull_up_ohm=pull_up,
        selectivity=selectivity,
        line_ohm=line_resistance,
        size=size,
        margin=margin,
        thickness_m=None if thickness_nm is None else thickness_nm * 1e-9,
    )
    if size is not None and _FAST < size <= LARGEST_EXACT:
        messages().print(
            f"solving circuits of {size} × {size}: seconds for each kind of cell and read"
        )
    document = estimate(question)
    show(document, json, print_estimate)
    if path is not None:
        from pvkdb.crossbar.plot import plot_margins

        plot_margins(document, path)
        messages().print(f"wrote {path}")


def _on_off_ratio(on_off: float | None, device: str | None, database: str) -> tuple[Interval, str]:
    """Return the on/off ratio, given by an option or reported for a device, and its source."""
    from pvkdb.chemistry import Interval

    if device is None:
        return Interval.exactly(float("nan") if on_off is None else on_off), "given"
    from pvkdb.crossbar.devices import on_off_of

    with open_store(database, create=True).session(read_only=True) as session:
        return on_off_of(session, device)


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
