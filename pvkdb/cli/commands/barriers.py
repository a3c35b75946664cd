"""``pvkdb neb``: asking for migration barriers."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pvkdb.cli.options import DEFAULT_DATABASE, DatabaseOption, JsonOption, open_store
from pvkdb.cli.output.barrier_files import (
    NO_PLOT,
    checked_path,
    draw_graph,
    draw_path,
    plot_documents,
    write_path,
)
from pvkdb.cli.output.barrier_tables import (
    print_barriers,
    print_hops,
    print_literature,
    print_spread,
)
from pvkdb.cli.output.console import messages, print_json
from pvkdb.cli.output.progress import watch
from pvkdb.errors import CalculationFailedError, InputError, InterruptedByUserError, unknown_name

if TYPE_CHECKING:
    from pvkdb.schemas.calculations import CalculationDocument
    from pvkdb.schemas.calculations.migration import CompleteNebRequest
    from pvkdb.schemas.calculations.relaxations import Host
    from pvkdb.store.database import Store

BOTH = "both"
_POLL_S = 2.0


def neb(
    formula: Annotated[str, typer.Argument(help="Composition, e.g. CsPbBr3.")],
    phase: Annotated[
        str | None,
        typer.Option("--phase", help="Prototype of the host; default: the likeliest, e.g. Pnma."),
    ] = None,
    potential: Annotated[
        str, typer.Option("--potential", help="chgnet, sevennet-0, or both for their spread.")
    ] = BOTH,
    defect: Annotated[
        str | None,
        typer.Option("--defect", help="V_Br, V_Cs, Br_i, Ag_i…; default: the halide's vacancy."),
    ] = None,
    source: Annotated[
        Path | None,
        typer.Option("--from", metavar="FILE", help="CIF or POSCAR of the host instead."),
    ] = None,
    plot: Annotated[
        str,
        typer.Option(
            "--plot", metavar="FILE", help=f"Energy profile, .png or .svg; '{NO_PLOT}' for none."
        ),
    ] = "",
    graph: Annotated[
        str, typer.Option("--graph", metavar="FILE", help="Picture of the migration graph.")
    ] = "",
    picture: Annotated[
        str, typer.Option("--picture", metavar="FILE", help="Picture of the atoms along a hop.")
    ] = "",
    path: Annotated[
        str, typer.Option("--path", metavar="FILE", help="The hops' images as extended XYZ.")
    ] = "",
    hop: Annotated[
        int | None,
        typer.Option("--hop", min=1, help="Hop of --picture and --path; default: limiting, all."),
    ] = None,
    images: Annotated[
        int | None, typer.Option("--images", help="Images between the end points.")
    ] = None,
    cutoff: Annotated[
        float | None, typer.Option("--cutoff", help="Longest hop to compute, Å.")
    ] = None,
    distance: Annotated[
        float | None,
        typer.Option("--distance", help="Least distance of a defect from its images, Å."),
    ] = None,
    fmax: Annotated[
        float | None, typer.Option("--fmax", help="Residual force to reach, eV/Å.")
    ] = None,
    max_steps: Annotated[
        int | None, typer.Option("--max-steps", help="Most steps of a band.")
    ] = None,
    max_atoms: Annotated[
        int | None, typer.Option("--max-atoms", help="Compute supercells up to this size.")
    ] = None,
    seed: Annotated[int | None, typer.Option("--seed", help="Seed of the starting rattle.")] = None,
    retry: Annotated[
        bool, typer.Option("--retry", help="Compute again what failed before.")
    ] = False,
    database: DatabaseOption = DEFAULT_DATABASE,
    json: JsonOption = False,
) -> None:
    """Compute how a defect migrates: every hop, and the bottleneck of the easiest path.

    What the store knows already is answered from it.
    """
    chosen = {
        "images": images,
        "cutoff_ang": cutoff,
        "distance_ang": distance,
        "fmax_neb_ev_per_ang": fmax,
        "max_steps_neb": max_steps,
        "max_atoms": max_atoms,
        "seed": seed,
    }
    requests = _requests(formula, phase, potential, defect, source, chosen)
    first = requests[0]
    target = None if plot == NO_PLOT else checked_path("--plot", plot or _plot_name(requests))
    graph_to = checked_path("--graph", graph) if graph else None
    picture_to = checked_path("--picture", picture) if picture else None
    path_to = checked_path("--path", path, (".xyz", ".extxyz")) if path else None
    store = open_store(database)
    found = _obtain(store, requests, retry)
    documents = [document for document, _ in found]
    done = [document for document in documents if document.state == "done"]
    if json:
        dumped = [document.model_dump(mode="json") for document in documents]
        print_json(dumped if potential == BOTH else dumped[0])
    elif done:
        origin = "computed" if any(computed for _, computed in found) else "answered from the store"
        print_barriers(f"{first.formula} ({first.phase}), {origin}", done)
        for document in done:
            print_hops(document)
        print_spread(done)
        print_literature(store, first.formula, first.defect)
    if done and target is not None:
        plot_documents(target, store, done)
    if done and graph_to is not None:
        draw_graph(graph_to, store, done[-1])
    if done and picture_to is not None:
        draw_path(picture_to, store, done[-1], hop)
    if done and path_to is not None:
        write_path(path_to, store, done[-1], hop)
    _raise_failures(documents)


def _requests(
    formula: str,
    phase: str | None,
    potential: str,
    defect: str | None,
    source: Path | None,
    settings: dict[str, float | None],
) -> list[CompleteNebRequest]:
    """One request for each potential; the most trusted one last."""
    from pydantic import ValidationError

    from pvkdb.chemistry import parse_composition
    from pvkdb.schemas.calculations import PotentialName
    from pvkdb.schemas.calculations.migration import NebRequest, NebSettings
    from pvkdb.store.queue.migration_requests import complete_request
    from pvkdb_pipelines.migration.sites.sites import parse_defect
    from pvkdb_pipelines.structures.user_structures import elements_of

    names = [name.value for name in PotentialName]
    if potential != BOTH and potential not in names:
        raise InputError(unknown_name("potential", potential, [*names, BOTH]))
    given = {name: value for name, value in settings.items() if value is not None}
    try:
        checked = NebSettings.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        raise InputError(
            f"setting {first['loc'][0]} = {first['input']!r}: {first['msg'].lower()}"
        ) from error
    composition = parse_composition(formula)
    if defect is not None:
        kind, symbol = parse_defect(defect)
        held = elements_of(composition)
        if kind == "vacancy" and symbol not in held:
            raise InputError(
                f"--defect {defect}: {composition.formula} holds no {symbol} that could be "
                f"missing; it holds {', '.join(held)}"
            )
    host, found = (None, phase) if source is None else _host(source, composition.formula)
    requests = []
    for name in names if potential == BOTH else [potential]:
        request = NebRequest(
            formula=composition.formula,
            phase=phase or found,
            defect=defect,
            potential=PotentialName(name),
            host=host,
            settings=checked,
        )
        requests.append(complete_request(request))
    return requests


def _host(source: Path, formula: str) -> tuple[Host, str]:
    """A user's structure as a host, and the name of its phase."""
    from pvkdb.chemistry import parse_composition
    from pvkdb_pipelines.geometry.hosts import host_of
    from pvkdb_pipelines.structures.user_structures import phase_of, read_start

    composition = parse_composition(formula)
    atoms = read_start(source, composition)
    return host_of(atoms), phase_of(atoms, composition)


def _obtain(
    store: Store, requests: Sequence[CompleteNebRequest], retry: bool
) -> list[tuple[CalculationDocument, bool]]:
    """The calculations that answer requests, and of each whether it had to be computed now."""
    from pvkdb.store.queue.claims import requeue, submit
    from pvkdb.store.rows.from_models import calculation_document
    from pvkdb_pipelines.work.pool import drain
    from pvkdb_pipelines.work.worker import Worker

    documents = []
    with store.session() as session:
        for request in requests:
            calculation, _ = submit(session, request)
            document = calculation_document(calculation)
            again = document.state == "cancelled" or (retry and document.state == "failed")
            documents.append(
                calculation_document(requeue(session, document.id)) if again else document
            )
    open_ids = [entry.id for entry in documents if entry.state not in ("done", "failed")]
    if not open_ids:
        return [(document, False) for document in documents]
    found = {document.id: (document, False) for document in documents}
    with watch() as report:
        Worker(store).recover()
        try:
            for document in drain(store, None, report, open_ids):
                found[document.id] = (document, True)
        except KeyboardInterrupt:
            raise InterruptedByUserError(
                f"interrupted; calculation {', '.join(open_ids)} is back in the queue, the same "
                "command or `pvkdb work` takes it up"
            ) from None
        for document, _ in list(found.values()):
            if document.state not in ("done", "failed"):
                found[document.id] = _compute_or_wait(store, Worker(store, report), document.id)
    return [found[document.id] for document in documents]


def _compute_or_wait(
    store: Store, worker: Any, calculation_id: str
) -> tuple[CalculationDocument, bool]:
    """Compute here; where another process holds the calculation, wait for it, or take over."""
    from pvkdb.store.models.calculations import Calculation
    from pvkdb.store.rows.from_models import calculation_document

    waiting = False
    while True:
        try:
            worker.recover()
            computed = worker.run(calculation_id)
        except KeyboardInterrupt:
            raise InterruptedByUserError(
                f"interrupted; calculation {calculation_id} is back in the queue, the same "
                "command or `pvkdb work` takes it up"
            ) from None
        if computed is not None and computed.state in ("done", "failed"):
            return computed, True
        with store.session(read_only=True) as session:
            document = calculation_document(session.get_one(Calculation, calculation_id))
        if document.state not in ("waiting", "queued", "running"):
            return document, False
        if not waiting:
            messages().print(f"calculation {calculation_id} runs in another process; waiting")
            waiting = True
        try:
            time.sleep(_POLL_S)
        except KeyboardInterrupt:
            raise InterruptedByUserError(
                f"interrupted; calculation {calculation_id} goes on in another process"
            ) from None


def _plot_name(requests: Sequence[CompleteNebRequest]) -> str:
    first = requests[0]
    parts = ["neb", first.formula, str(first.phase).replace("/", "")]
    if first.defect is not None:
        parts.append(first.defect)
    if len(requests) == 1:
        parts.append(first.potential.value)
    return "-".join(parts) + ".png"


def _raise_failures(documents: Sequence[CalculationDocument]) -> None:
    """One clear line for what failed, after what did not was shown."""
    failed = [document for document in documents if document.state == "failed"]
    said = [
        f"{document.parameters['formula']} with {document.parameters['potential']}: "
        f"{document.failure_kind}: {document.failure_message} (calculation {document.id}; compute "
        "again with --retry)"
        for document in failed
    ]
    if said:
        raise CalculationFailedError(str(failed[0].failure_kind), "; ".join(said))
