"""``pvkdb demo``: the main steps on real data, from the literature to a ranking."""

from __future__ import annotations

import os
import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Option

from pvkdb.cli.commands.work import run_queue
from pvkdb.cli.options import COMPARED_POTENTIALS, load, store_at
from pvkdb.cli.output.barriers import literature_range, plot_documents, results_of
from pvkdb.cli.output.composition_tables import print_tolerances
from pvkdb.cli.output.console import messages, print_table
from pvkdb.cli.output.progress import watching
from pvkdb.cli.output.ranking_tables import print_ranking
from pvkdb.errors import InputError

if TYPE_CHECKING:
    from pvkdb.schemas.calculations import CalculationDocument
    from pvkdb.store.database import Store

FORMULAS = ("CsPbBr3", "CsPbCl3")


def demo(
    folder: Annotated[Path, Option(help="Folder for the database and the plots.")] = Path(
        "demo-output"
    ),
    database: Annotated[
        str | None, Option(metavar="URL", help="Database; default: in the folder.")
    ] = None,
) -> None:
    """Run the main steps in minutes. Loads the shipped data, computes barriers, ranks devices."""
    from pvkdb.compositions.tolerance import tolerances
    from pvkdb.schemas.responses import ToleranceRequest
    from pvkdb.store.collections import ENERGETICS
    from pvkdb.suitability import rank

    start = time.monotonic()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"--folder {folder} cannot be created: {error.strerror}") from error
    url = database or f"sqlite:///{folder / 'demo.sqlite'}"
    store = store_at(url)

    _step(1, "the data that come with pvkdb, in a database")
    report, computed = load(store)
    with store.session(read_only=True) as session:
        formulas = sorted(
            {
                row.material
                for row in ENERGETICS.iterate(session, {"scope": "reported", "family": "3D"})
                if row.source.startswith("Table 1 ")
            }
        )
    what = "the curated literature" + (" and computed results" if computed else "")
    messages().print(f"loaded {what} (dataset {(computed or report).dataset_version})\n")

    _step(2, "tolerance factors of the ABX3 compositions in Table 1 of the review")
    print_tolerances(tolerances(ToleranceRequest(formulas=formulas), store.session))

    _step(3, "halide-vacancy barriers with two potentials, compared with the literature")
    documents = _barriers(store)
    _print_comparison(store, documents)
    _plot(store, folder, documents)

    _step(4, "the devices of the literature ranked for synaptic training")
    with store.session() as session:
        print_ranking(rank(session, "synaptic-training"), limit=10)

    minutes = (time.monotonic() - start) / 60
    messages().print(f"done in {minutes:.1f} min; plots and database are in {folder}/")
    program = "pvkdb" if shutil.which("pvkdb") else os.path.relpath(sys.argv[0])
    messages().print(f"start the service:  {program} serve --database {url}")


def _step(number: int, title: str) -> None:
    messages().print(f"[bold]{number}/4  {title}[/bold]")


def _barriers(store: Store) -> list[CalculationDocument]:
    """Compute the barrier of every formula with both potentials, one process per core."""
    from pvkdb.schemas.calculations import PotentialName
    from pvkdb.schemas.calculations.migration import NebRequest
    from pvkdb.store.models.calculations import Calculation
    from pvkdb.store.queue.claims import submit
    from pvkdb.store.rows.from_models import calculation_document

    with store.session() as session:
        ids = [
            submit(session, NebRequest(formula=formula, potential=PotentialName(name)))[0].id
            for formula in FORMULAS
            for name in COMPARED_POTENTIALS
        ]
    with watching() as watch:
        for _ in run_queue(store, watch.report):
            pass
    with store.session() as session:
        return [calculation_document(session.get_one(Calculation, key)) for key in ids]


def _print_comparison(store: Store, documents: list[CalculationDocument]) -> None:
    """Print the computed barriers next to those that the literature reports."""
    results = {document.id: result for document, result in results_of(documents)}
    rows = []
    for document in documents:
        cells = [str(document.material), str(document.parameters["potential"])]
        result = results.get(document.id)
        if result is None:
            cells += ["failed", str(document.failure_kind), "", ""]
        else:
            limiting = result.limiting
            cells += [
                f"{result.e_a_ev:.3f}",
                f"{result.dimensionality}D",
                f"{limiting.hop.hop_class}, {limiting.hop.length_ang:.2f} Å",
                f"{limiting.residual_force_ev_per_ang:.3f}",
            ]
        reported = literature_range(store, document.parameters["formula"])
        if reported is None:
            cells += ["not reported", ""]
        else:
            low, high, references = reported
            cells += [f"{low:g}" if low == high else f"{low:g}–{high:g}", references]
        rows.append(cells)
    print_table(
        "Migration of the halide vacancy",
        [
            *("material", "potential", "E_A/eV", "in", "limited by", "force"),
            *("literature/eV", "ref."),
        ],
        rows,
        numeric=("E_A/eV", "force"),
        whole=("material", "potential", "literature/eV"),
        caption="Model: bottleneck of the easiest path through the crystal, over all hops, in "
        "neutral 39-atom cells; force: largest residual force, eV/Å. Literature: any "
        "method and path, so the values need not agree.",
    )


def _plot(store: Store, folder: Path, documents: list[CalculationDocument]) -> None:
    for formula in FORMULAS:
        converged = [
            document
            for document in documents
            if document.parameters["formula"] == formula and document.result is not None
        ]
        if converged:
            plot_documents(folder / f"neb-{formula}-Pnma.png", store, converged)
