"""Commands for simulations: simulate, examine. They read files, and print without a queue, too."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from typer import Argument, Option

from pvkdb.cli.operations import with_fields
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
    from sqlalchemy.orm import Session

    from pvkdb.schemas.calculations import CalculationDocument
    from pvkdb.schemas.calculations.relaxations import CalculationRequest
    from pvkdb.schemas.calculations.simulations import SimulationResult

_QUESTIONS = "pvkdb.schemas.calculations"


@with_fields(f"{_QUESTIONS}.simulations:SimulationQuestion", without=("stack", "inputs"))
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
    from pvkdb.schemas import validated
    from pvkdb.schemas.calculations.simulations import SimulationQuestion
    from pvkdb.suitability.evidence.simulations import simulation_request

    given = {"thickness_nm": thickness_nm, "gap_nm": gap_nm, "bias_v": bias_v}
    given |= {"vacancies": vacancies}
    inputs = {name: each for name, each in given.items() if each is not None}
    if stack is None and (inputs or set_ or report or asked.keys() - {"material", "potential"}):
        raise InputError(f"numbers of a device need its --stack, e.g. ITO/{asked['material']}/Ag")
    if report and report.suffix.lower() not in (".html", ".pdf", ".json", ".cir"):
        raise InputError(f"{report.name} is not written: end it with .html, .pdf, .json or .cir")
    if stack is None:
        _simulate_hops(database, temperature_k, json, **asked)
        return
    inputs |= {} if temperature_k is None else {"temperature_k": temperature_k}
    asked |= {"stack": stack, "inputs": inputs | _ranges(set_ or [])}
    question = validated(SimulationQuestion, asked)
    document = _finished(database, lambda session: simulation_request(session, question), retry)
    result = document.simulation
    assert result is not None
    from pvkdb.cli.output.device_tables import print_simulation

    show(result, json, print_simulation)
    if report is not None:
        _write_report(result, report)


def _simulate_hops(
    database: str,
    temperature_k: float | None,
    json: bool,
    material: str,
    potential: str | None = None,
) -> None:
    """Print the motion of the halide's vacancy on the stored barriers."""
    from pvkdb.cli.output.device_tables import print_kinetics
    from pvkdb.suitability.evidence.simulations import answer_simulation

    store = open_store(database, create=True)
    with store.session(read_only=True) as session, messages().status("simulating"):
        answer = answer_simulation(session, material, temperature_k, potential)
    show(answer, json, print_kinetics)


def _ranges(texts: Sequence[str]) -> dict[str, tuple[float, float]]:
    """Return intervals by name from texts ``NAME=LOW[:HIGH]``."""
    from pvkdb.kinetics.conditions import parse_range

    pairs = (text.partition("=") for text in texts)
    found = {name: parse_range(value, f"--set {name}", "its unit") for name, _, value in pairs}
    return {name: (each.minimum or 0.0, each.maximum or 0.0) for name, each in found.items()}


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


@with_fields(f"{_QUESTIONS}.examinations:ExaminationQuestion", without=("device", "task", "images"))
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

    files = [path for path in map(Path, sources or []) if path.is_file() or path.suffix]
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
