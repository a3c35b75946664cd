"""``pvkdb report``: the runs of screenings, one of them, and its report's files again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pvkdb.cli.commands.screening import save_report
from pvkdb.cli.options import DEFAULT_DATABASE, DatabaseOption, JsonOption, open_store
from pvkdb.cli.output.console import messages, print_json
from pvkdb.cli.output.run_tables import print_differences, print_run, print_runs
from pvkdb.cli.output.screening_tables import print_report
from pvkdb.errors import NotFoundError


def report(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="[RUN]", help="Number of a run, or a plan for its newest; none: list them."
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="DIR", help="Write the run's HTML and JSON report there."
        ),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Most rows of the list.")] = 30,
    database: DatabaseOption = DEFAULT_DATABASE,
    json: JsonOption = False,
) -> None:
    """List the runs of screenings, or show one: funnel, candidates, what is different from before.

    Everything comes from the store; nothing is computed.
    """
    from pvkdb.schemas.screening import ScreeningReport
    from pvkdb.store.runs import screening_runs

    store = open_store(database)
    if name is None:
        with store.session(read_only=True) as session:
            runs, total = screening_runs.listed(session, limit)
            documents = [screening_runs.run_document(run) for run in runs]
        if json:
            print_json([document.model_dump(mode="json") for document in documents])
        else:
            print_runs(documents, total)
        return
    with store.session(read_only=True) as session:
        run = screening_runs.find_run(session, name)
        document, text = screening_runs.run_document(run), screening_runs.report_of(run)
    found = None if text is None else ScreeningReport.model_validate_json(text)
    if output is not None and found is None:
        raise NotFoundError(f"run {document.id} is {document.state} and has no report to write")
    if json:
        print_json(
            {
                **document.model_dump(mode="json"),
                "report": None if found is None else found.model_dump(mode="json"),
            }
        )
    else:
        print_run(document)
        if found is not None:
            print_report(found)
            print_differences(document)
    if found is None:
        return
    if output is not None:
        save_report(found, output)
    elif not json:
        messages().print(f"its page: pvkdb report {document.id} --output DIR")
