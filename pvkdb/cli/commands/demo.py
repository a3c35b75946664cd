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
from pvkdb.cli.output.barriers import plot_documents, print_barriers, print_literature
from pvkdb.cli.output.composition_tables import print_tolerances
from pvkdb.cli.output.console import messages, print_message
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
    print_barriers("Migration of the halide vacancy", documents)
    for document in documents:
        if document.state != "done":
            of = f"{document.subject} with {document.parameters['potential']}"
            print_message(f"{of}: {document.failure_kind}: {document.failure_message}")
    for formula in FORMULAS:
        print_literature(store, formula)
        of_formula = [each for each in documents if each.parameters["formula"] == formula]
        if finished := [each for each in of_formula if each.state == "done"]:
            plot_documents(folder / f"neb-{formula}-Pnma.png", store, finished)

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
