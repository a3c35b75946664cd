"""Commands for simulations: simulate, examine."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Option

from pvkdb.cli.options import (
    DEFAULT_DATABASE,
    DatabaseOption,
    JsonOption,
    RetryOption,
    named_values,
    open_store,
)
from pvkdb.cli.output.console import messages, show, write_file
from pvkdb.errors import CalculationFailedError, InputError

if TYPE_CHECKING:
    from pvkdb.schemas.calculations import CalculationDocument
    from pvkdb.schemas.calculations.examinations import ExaminationRequest
    from pvkdb.schemas.calculations.simulations import SimulationRequest
    from pvkdb.store.database import Store


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
    from pvkdb.schemas import validated
    from pvkdb.schemas.calculations.simulations import SimulationQuestion
    from pvkdb.suitability.evidence.simulations import answer_simulation, simulation_request

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
    from pvkdb.cli.output.device_tables import print_kinetics

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
    from pvkdb.schemas import validated
    from pvkdb.schemas.calculations.examinations import ExaminationQuestion

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
        "pulses": pulses, "model": model, "values": named_values(set_ or ()),
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
