"""Barriers and vacancies by potentials, molecular dynamics, and the benchmark of potentials."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from typer import Argument, Option

from pvkdb.cli.operations import LateCommand, with_fields
from pvkdb.cli.options import (
    COMPARED_POTENTIALS,
    DEFAULT_DATABASE,
    DEFAULT_DEVICE,
    DatabaseOption,
    DeviceOption,
    JsonOption,
    RetryOption,
    open_store,
)
from pvkdb.cli.output.barriers import (
    checked_path,
    plot_documents,
    print_barriers,
    print_hops,
    print_literature,
    print_potentials,
    print_scores,
    write_hops,
)
from pvkdb.cli.output.console import (
    messages,
    print_json,
    print_lines,
    print_message,
    show,
    write_file,
)
from pvkdb.cli.output.progress import watching
from pvkdb.errors import CalculationFailedError, InputError, InterruptedByUserError

if TYPE_CHECKING:
    from pvkdb.schemas.calculations import CalculationDocument
    from pvkdb.schemas.calculations.migration import CompleteNebRequest
    from pvkdb.schemas.calculations.relaxations import CalculationRequest, Host
    from pvkdb.store.database import Store

BOTH = "both"
#: Values of ``--plot`` for a file with a default name, and for none.
DEFAULT_PLOT, NO_PLOT = "auto", "none"


class NebCommand(LateCommand):
    """A command whose option ``--plot`` may be given without a file."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Insert the default file after a bare ``--plot``."""
        if "--plot" in args:
            after = args.index("--plot") + 1
            if after == len(args) or args[after].startswith("-"):
                args = [*args[:after], DEFAULT_PLOT, *args[after:]]
        return super().parse_args(ctx, args)


@with_fields("pvkdb.schemas.calculations.migration:NebSettings", kind=NebCommand)
def neb(
    formula: Annotated[str, Argument(help="Composition, e.g. CsPbBr3.")],
    phase: Annotated[str | None, Option(help="Prototype, e.g. Pnma; default: likeliest.")] = None,
    potential: Annotated[
        str, Option(help="Name (see pvkdb potentials), or both: chgnet and sevennet-l3i5.")
    ] = BOTH,
    defect: Annotated[
        str | None, Option(help="V_Br, Br_i, Ag_i…; default: halide vacancy.")
    ] = None,
    source: Annotated[
        Path | None, Option("--from", metavar="FILE", help="CIF or POSCAR of the crystal.")
    ] = None,
    plot: Annotated[
        str,
        Option(metavar="[FILE]", help="Plot the energy profile; default: neb-FORMULA-PHASE.png."),
    ] = "",
    graph: Annotated[str, Option(metavar="FILE", help="Plot the migration graph (png, svg).")] = "",
    picture: Annotated[str, Option(metavar="FILE", help="Draw the atoms along a hop.")] = "",
    path: Annotated[str, Option(metavar="FILE", help="Write images as extended XYZ (.xyz).")] = "",
    hop: Annotated[
        int | None, Option(min=1, help="Hop for --picture and --path; default: limiting, all.")
    ] = None,
    seeds: Annotated[int, Option(min=1, help="Arrangements of a mixture, from --seed on.")] = 5,
    device: DeviceOption = DEFAULT_DEVICE,
    retry: RetryOption = False,
    database: DatabaseOption = DEFAULT_DATABASE,
    json: JsonOption = False,
    **settings: Any,
) -> None:
    """Compute migration barriers of a defect. Covers every hop and the easiest path.

    Results that are already in the store are not computed again.
    """
    requests = _requests(formula, phase, potential, defect, source, seeds, settings)
    first = requests[0]
    plot = {DEFAULT_PLOT: _plot_name(requests), NO_PLOT: ""}.get(plot, plot)
    target = checked_path("--plot", plot)
    files = {"graph": checked_path("--graph", graph), "picture": checked_path("--picture", picture)}
    files["path"] = checked_path("--path", path, (".xyz", ".extxyz"))
    store = open_store(database, create=True)
    documents, computed = obtain(store, requests, retry)
    done = [document for document in documents if document.state == "done"]
    if json:
        print_json(documents if potential == BOTH else documents[0])
    elif done:
        origin = "computed" if computed else "from the store"
        print_barriers(f"{first.formula} ({first.phase}), {origin}", done)
        one_host = len({request.settings.seed for request in requests}) == 1
        for document in done if one_host else ():  # a mixture has some hundred hops
            print_hops(document)
        print_literature(store, first.formula, first.defect)
    if done and target is not None:
        plot_documents(target, store, done)
    if done and any(files.values()):
        write_hops(store, done[-1], hop, **files)
    _raise_failures(documents)


@with_fields("pvkdb.schemas.calculations.electrons:PairQuestion", without=("relaxation",))
def pair(
    formula: Annotated[str, Argument(help="Composition, e.g. CsPbBr3.")],
    phase: Annotated[str | None, Option(help="Prototype, e.g. Pnma; default: likeliest.")] = None,
    potential: Annotated[str, Option(help="Name: see pvkdb potentials.")] = "sevennet-0",
    device: DeviceOption = DEFAULT_DEVICE,
    retry: RetryOption = False,
    database: DatabaseOption = DEFAULT_DATABASE,
    json: JsonOption = False,
    **settings: Any,
) -> None:
    """Compute vacancies of a cation and its halides together. They keep the charge.

    The compound and what it may decompose into are relaxed first, unless the store has them.
    """
    from pvkdb.chemistry import parse_composition
    from pvkdb.compositions.compounds import compound_like
    from pvkdb.schemas import validated
    from pvkdb.schemas.calculations.electrons import PairQuestion
    from pvkdb.schemas.calculations.relaxations import RelaxQuestion
    from pvkdb.store.files.relaxation_requests import pair_request, relax_request
    from pvkdb_pipelines.electrons.pairs import reference_requests
    from pvkdb_pipelines.potentials.loading import local_potential

    asked = {"formula": formula, "phase": phase, "potential": local_potential(potential)}
    store = open_store(database, create=True)
    with store.session() as session:
        relaxation = relax_request(session, validated(RelaxQuestion, asked))
    compound = compound_like(parse_composition(relaxation.formula))
    references = reference_requests(compound, relaxation.potential)
    (host, *_), _ = obtain(store, [relaxation, *references], retry)
    _raise_failures([host])
    with store.session() as session:
        question = validated(PairQuestion, {"relaxation": host.id, **settings})
        request = pair_request(session, question)
    (document,), _ = obtain(store, [request], retry)
    if json:
        print_json(document)
    elif (result := document.pair) is not None:
        print_lines(f"{result.defect}: {each}" for each in result.conditions.values())
        print_lines(f"check: {each}" for each in result.remarks)
        print_lines([f"calculation {document.id}"])
    _raise_failures([document])


@with_fields("pvkdb.schemas.calculations.dynamics:MdSettings", without=("distance_ang",))
def dynamics(
    barrier: Annotated[str, Argument(metavar="ID", help="A barrier of a vacancy: pvkdb jobs.")],
    database: DatabaseOption = DEFAULT_DATABASE,
    json: JsonOption = False,
    **settings: Any,
) -> None:
    """Queue molecular dynamics of a vacancy. `pvkdb work` computes its diffusion coefficient."""
    from pvkdb.schemas import validated
    from pvkdb.schemas.calculations.dynamics import MdRequest, MdSettings
    from pvkdb.schemas.calculations.relaxations import Host
    from pvkdb.store.models.structures import Structure
    from pvkdb.store.queue.claims import submit
    from pvkdb.store.queue.jobs import find
    from pvkdb.store.rows.from_models import calculation_document

    with open_store(database).session() as session:
        found = find(session, barrier)
        given, host = found.parameters, session.get(Structure, f"{found.id}-host")
        if host is None or not str(given.get("defect")).startswith("V_"):
            raise InputError(
                f"{found.id} is not a finished barrier of a vacancy; compute one: pvkdb neb FORMULA"
            )
        values = {name: given[name] for name in ("formula", "phase", "defect", "potential")}
        values["host"] = {name: getattr(host, name) for name in Host.model_fields}
        settings["distance_ang"] = given["settings"]["distance_ang"]
        values["settings"] = validated(MdSettings, settings)
        request = validated(MdRequest, values)
        queued, new = submit(session, request)
        session.flush()
        document = calculation_document(queued)
    if json:
        print_json(document)
        return
    state = document.state if new else f"already {document.state}"
    run = request.settings
    what = f"{request.defect} in {request.formula}, {run.temperature_k:g} K, {run.picoseconds:g} ps"
    print_message(f"{state}  {document.id}  {what}; compute it with: pvkdb work")


def potentials(json: JsonOption = False) -> None:
    """List the installed potentials, and measurements of them."""
    from pvkdb_pipelines.potentials.installed import installed_potentials

    found = installed_potentials()
    show(found, json, print_potentials)


def benchmark(
    names: Annotated[list[str], Argument(metavar="POTENTIAL", help="Names: pvkdb potentials.")],
    folder: Annotated[
        Path | None,
        Option(help="With benchmark.json and force_calls.xyz.gz; default: that of pvkdb."),
    ] = None,
    output: Annotated[
        Path | None, Option("--output", "-o", help="Write the scores as JSON.")
    ] = None,
    device: DeviceOption = DEFAULT_DEVICE,
    json: JsonOption = False,
) -> None:
    """Score potentials on hops of halide vacancies by DFT.

    Neutral and positive: barriers between its own structures and those of DFT, forces, cost.
    """
    from pvkdb_pipelines.dft.benchmark import read_benchmark, score
    from pvkdb_pipelines.potentials.loading import load_potential, local_potential

    hops, calls = read_benchmark(folder)
    # All names are checked before the first has taken minutes.
    potentials = [load_potential(local_potential(name), device) for name in names]
    scores = [score(potential, hops, calls, print_message) for potential in potentials]
    if output is not None:
        texts = (score.model_dump_json(indent=1) for score in scores)
        write_file(output, "[" + ",\n".join(texts) + "]\n")
    show(scores, json, print_scores)


def _requests(
    formula: str,
    phase: str | None,
    potential: str,
    defect: str | None,
    source: Path | None,
    seeds: int,
    settings: dict[str, Any],
) -> list[CompleteNebRequest]:
    """Return one request for each potential and seed; the most accurate potential last."""
    from pvkdb.chemistry import parse_composition
    from pvkdb.compositions.compounds import Mixture, compound_of
    from pvkdb.schemas import validated
    from pvkdb.schemas.calculations.migration import NebRequest, NebSettings
    from pvkdb.store.queue.migration_requests import complete_request
    from pvkdb_pipelines.potentials.loading import local_potential

    names = COMPARED_POTENTIALS if potential == BOTH else (local_potential(potential),)
    checked = validated(NebSettings, settings)
    composition = parse_composition(formula)
    host, found = (None, phase) if source is None else _host(source, composition.formula)
    mixed = host is None and isinstance(compound_of(composition), Mixture)
    seeded = [
        checked.model_copy(update={"seed": checked.seed + number})
        for number in range(seeds if mixed else 1)
    ]
    requests = []
    for name, each in product(names, seeded):
        values = {
            "formula": composition.formula,
            "phase": phase or found,
            "defect": defect,
            "potential": name,
            "host": host,
            "settings": each,
        }
        requests.append(complete_request(validated(NebRequest, values)))
    return requests


def _host(source: Path, formula: str) -> tuple[Host, str]:
    """Return a user-supplied structure as a host, and the name of its phase."""
    from pvkdb.chemistry import parse_composition
    from pvkdb_pipelines.geometry.hosts import host_of
    from pvkdb_pipelines.structures.user_structures import phase_of, read_start

    composition = parse_composition(formula)
    atoms = read_start(source, composition)
    return host_of(atoms), phase_of(atoms, composition)


def obtain(
    store: Store,
    requests: Sequence[CalculationRequest],
    retry: bool,
) -> tuple[list[CalculationDocument], bool]:
    """Return the finished calculation of each request, and whether one was computed just now."""
    from pvkdb.store.rows.from_models import calculation_document
    from pvkdb_pipelines.screening.ledger import Ledger
    from pvkdb_pipelines.work.pool import LocalEngine

    with watching() as watch:
        ledger = Ledger(store, LocalEngine(), retry, watch.report, messages().print)
        try:
            ledger.compute(requests, lambda done, total: None)
        except KeyboardInterrupt:
            names = ", ".join(request.key()[:12] for request in requests)
            raise InterruptedByUserError(
                f"interrupted; calculation {names} stays in the queue unless it is done; resume "
                "with the same command or with: pvkdb work"
            ) from None
    documents = [calculation_document(ledger.of(request)) for request in requests]
    return documents, bool(ledger.lacking)


def _plot_name(requests: Sequence[CompleteNebRequest]) -> str:
    first = requests[0]
    parts = ["neb", first.formula, str(first.phase).replace("/", "")]
    if first.defect is not None:
        parts.append(first.defect)
    if len(requests) == 1:
        parts.append(re.sub(r"[^\w.-]+", "-", str(first.potential)))
    return "-".join(parts) + ".png"


def _raise_failures(documents: Sequence[CalculationDocument]) -> None:
    """Raise one error for all failed calculations, after the results are printed."""
    from pvkdb.chemistry import parse_composition
    from pvkdb.schemas.calculations.migration import host_phases

    failed = [document for document in documents if document.state == "failed"]
    reasons = []
    for document in failed:
        given = document.parameters
        best = next(iter(host_phases(parse_composition(given["formula"]))), given["phase"])
        remedy = "repeat with --retry" if best == given["phase"] else f"try --phase {best}"
        reasons.append(
            f"{given['formula']} with {given['potential']}: {document.failure_kind}: "
            f"{document.failure_message} (calculation {document.id}; {remedy})"
        )
    if reasons:
        raise CalculationFailedError(str(failed[0].failure_kind), "; ".join(reasons))
