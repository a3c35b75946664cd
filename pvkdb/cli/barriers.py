"""``pvkdb neb`` and ``pvkdb work``: asking for migration barriers and computing what is queued."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pvkdb.cli.console import messages, print_json, print_table
from pvkdb.cli.options import DEFAULT_DATABASE, DatabaseOption, JsonOption, open_store
from pvkdb.cli.progress import watch
from pvkdb.errors import CalculationFailedError, InputError, InterruptedByUserError, unknown_name

if TYPE_CHECKING:
    from pvkdb.schemas.calculations import CalculationDocument, NebRequest
    from pvkdb.schemas.tables import EnergeticsRow
    from pvkdb.store.database import Store

NO_PLOT = "none"
_POLL_S = 2.0


def neb(
    formula: Annotated[str, typer.Argument(help="Inorganic ABX3 composition, e.g. CsPbBr3.")],
    phase: Annotated[str, typer.Option("--phase", help="Prototype of the host.")] = "Pnma",
    potential: Annotated[
        str, typer.Option("--potential", help="chgnet or sevennet-0.")
    ] = "sevennet-0",
    plot: Annotated[
        str,
        typer.Option(
            "--plot", metavar="FILE", help=f"Energy profile, .png or .svg; '{NO_PLOT}' for none."
        ),
    ] = "",
    images: Annotated[
        int | None, typer.Option("--images", help="Images between the end points.")
    ] = None,
    fmax: Annotated[
        float | None, typer.Option("--fmax", help="Residual force to reach, eV/Å.")
    ] = None,
    max_steps: Annotated[
        int | None, typer.Option("--max-steps", help="Most steps of the band.")
    ] = None,
    seed: Annotated[int | None, typer.Option("--seed", help="Seed of the starting rattle.")] = None,
    retry: Annotated[
        bool, typer.Option("--retry", help="Compute again what failed before.")
    ] = False,
    database: DatabaseOption = DEFAULT_DATABASE,
    json: JsonOption = False,
) -> None:
    """Compute the barrier of a halide-vacancy hop, or answer from the store."""
    chosen = {
        "images": images,
        "fmax_neb_ev_per_ang": fmax,
        "max_steps_neb": max_steps,
        "seed": seed,
    }
    request = _request(formula, phase, potential, chosen)
    target = _plot_path(plot, request)
    store = open_store(database)
    document, computed = _obtain(store, request, retry)
    if document.state == "failed":
        raise CalculationFailedError(
            str(document.failure_kind),
            f"{document.parameters['formula']} with {potential}: {document.failure_kind}: "
            f"{document.failure_message} (calculation {document.id}; compute again with --retry)",
        )
    if json:
        print_json(document.model_dump(mode="json"))
    else:
        origin = "computed" if computed else "answered from the store"
        print_barriers(f"{request.formula} ({phase}), {origin}", [document])
        print_literature(store, request.formula)
    if target is not None:
        plot_documents(target, store, [document])


def work(
    processes: Annotated[
        int | None, typer.Option("--processes", min=1, help="At most this many; default: cores.")
    ] = None,
    database: DatabaseOption = DEFAULT_DATABASE,
    json: JsonOption = False,
) -> None:
    """Run every queued calculation, then stop; exit code 5 where one failed."""
    store = open_store(database)
    with watch() as report:
        documents = list(run_queue(store, processes, report))
    done = [document for document in documents if document.state == "done"]
    failed = [document for document in documents if document.state == "failed"]
    if json:
        print_json([document.model_dump(mode="json") for document in documents])
    else:
        barriers = [document for document in done if document.kind == "neb"]
        if barriers:
            print_barriers("Computed", barriers)
    for document in failed:
        messages().print(
            f"failed  {document.id}  {document.subject}: {document.failure_kind}: "
            f"{document.failure_message}",
            markup=False,
        )
    messages().print(f"{len(done)} done, {len(failed)} failed")
    _report_elsewhere(store)
    if failed:
        raise typer.Exit(CalculationFailedError.exit_code)


def run_queue(store: Store, processes: int | None, report: Any) -> Iterator[CalculationDocument]:
    """Take back lost work, then run all that is queued."""
    from pvkdb_pipelines.pool import drain
    from pvkdb_pipelines.worker import Worker

    recovered = Worker(store).recover()
    if recovered.queued:
        messages().print(f"took back {recovered.queued} calculation(s) of a worker that is gone")
    yield from drain(store, processes, report)


def print_barriers(title: str, documents: list[CalculationDocument]) -> None:
    """A table of computed barriers."""
    numbers = ("hop/Å", "forward/eV", "reverse/eV", "force", "calls", "s")
    print_table(
        title,
        ["material", "potential", *numbers, "calculation"],
        [
            [
                str(document.material),
                str(document.parameters["potential"]),
                f"{result['hop']['length_ang']:.2f}",
                f"{result['barrier_forward_ev']:.3f}",
                f"{result['barrier_reverse_ev']:.3f}",
                f"{result['residual_force_ev_per_ang']:.3f}",
                str(result["force_calls"]),
                f"{result['wall_seconds']:.0f}",
                document.id,
            ]
            for document in documents
            if (result := document.result) is not None
        ],
        numeric=numbers,
        whole=("potential", "calculation"),
        caption="Model values of one octahedron-edge hop of the halide vacancy, neutral cell. "
        "force: largest residual, eV/Å; calls: energy-and-force evaluations.",
    )


def literature_barriers(store: Store, formula: str) -> list[EnergeticsRow]:
    """What the literature says on the activation energy of the halide vacancy of a composition."""
    from pvkdb.chemistry import Defect, parse_composition
    from pvkdb.store.collections import ENERGETICS

    halide = parse_composition(formula).on("X")[0].ion.symbol
    filters = {
        "material": formula,
        "family": "3D",  # δ-FAPbI3 is of chains, and another matter
        "defect": Defect.vacancy(halide).label,
        "quantity": "E_A",
        "scope": "reported",
    }
    with store.session() as session:
        return list(ENERGETICS.iterate(session, filters))


def print_literature(store: Store, formula: str) -> None:
    """One line for each statement of the literature, apart from the model's table."""
    from pvkdb.chemistry import Interval

    for row in literature_barriers(store, formula):
        interval = Interval(row.value_min_ev, row.value_max_ev, row.bound, row.approximate)
        messages().print(
            f"literature: E_A of {row.defect} in {row.material} {interval} eV "
            f"({row.references}; {row.source}; method {row.method})",
            markup=False,
        )


def literature_range(store: Store, formula: str) -> tuple[float, float, str] | None:
    """Smallest and largest reported activation energy of the halide vacancy, with references."""
    rows = literature_barriers(store, formula)
    low = [row.value_min_ev for row in rows if row.value_min_ev is not None]
    high = [row.value_max_ev for row in rows if row.value_max_ev is not None]
    if not low or not high:
        return None
    references = dict.fromkeys(key for row in rows for key in row.references.split())
    return min(low), max(high), " ".join(references)


def _request(
    formula: str, phase: str, potential: str, settings: dict[str, float | None]
) -> NebRequest:
    from pydantic import ValidationError

    from pvkdb.chemistry import parse_composition
    from pvkdb.schemas.calculations import NebRequest, NebSettings, PotentialName

    names = [name.value for name in PotentialName]
    if potential not in names:
        raise InputError(unknown_name("potential", potential, names))
    if phase != "Pnma":
        raise InputError(unknown_name("phase with a prototype", phase, ["Pnma"]))
    given = {name: value for name, value in settings.items() if value is not None}
    try:
        checked = NebSettings.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        raise InputError(
            f"setting {first['loc'][0]} = {first['input']!r}: {first['msg'].lower()}"
        ) from error
    return NebRequest(
        formula=parse_composition(formula).formula,
        phase="Pnma",
        potential=PotentialName(potential),
        settings=checked,
    )


def _obtain(store: Store, request: NebRequest, retry: bool) -> tuple[CalculationDocument, bool]:
    """The calculation that answers a request, and whether it had to be computed now."""
    from pvkdb.store.queue import requeue, submit
    from pvkdb.store.rows import calculation_document
    from pvkdb_pipelines.worker import Worker

    with store.session() as session:
        calculation, _ = submit(session, request)
        document = calculation_document(calculation)
        again = document.state == "cancelled" or (retry and document.state == "failed")
        if again:
            document = calculation_document(requeue(session, document.id))
    if document.state in ("done", "failed"):
        return document, False
    with watch() as report:
        return _compute_or_wait(store, Worker(store, report), document.id)


def _compute_or_wait(
    store: Store, worker: Any, calculation_id: str
) -> tuple[CalculationDocument, bool]:
    """Compute here; where another process holds the calculation, wait for it, or take over."""
    from pvkdb.store.calculations import Calculation
    from pvkdb.store.rows import calculation_document

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
        if document.state not in ("queued", "running"):
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


def _plot_path(plot: str, request: NebRequest) -> Path | None:
    if plot == NO_PLOT:
        return None
    name = f"neb-{request.formula}-{request.phase}-{request.potential.value}.png"
    path = Path(plot or name)
    if path.suffix not in (".png", ".svg"):
        raise InputError(f"--plot {plot!r} must end in .png or .svg")
    if not path.parent.is_dir():
        raise InputError(f"--plot {plot!r}: the folder {path.parent} does not exist")
    _probe(path)
    return path


def _probe(path: Path) -> None:
    """Find out before hours of computing, not after, that a file cannot be written."""
    existed = path.exists()
    try:
        path.open("ab").close()
        if not existed:
            path.unlink()
    except OSError as error:
        raise InputError(f"--plot {path} cannot be written: {error.strerror}") from error


def plot_documents(path: Path, store: Store, documents: list[CalculationDocument]) -> None:
    """Energy profiles of one material, one curve a potential, with the literature apart."""
    from pvkdb.schemas.calculations import NebResult
    from pvkdb_pipelines.energy_profile import plot_profiles

    profiles = {
        str(document.parameters["potential"]): NebResult.model_validate(document.result)
        for document in documents
    }
    reported = literature_range(store, documents[0].parameters["formula"])
    try:
        plot_profiles(profiles, path, reported)
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}") from error
    messages().print(f"energy profile  {path}")


def _report_elsewhere(store: Store) -> None:
    from pvkdb.store.queue import count_by_state

    with store.session() as session:
        running = sum(n for state, n in count_by_state(session).items() if state == "running")
    if running:
        messages().print(f"{running} calculation(s) are held by other workers")
