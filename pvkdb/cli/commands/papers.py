"""``pvkdb papers`` and ``pvkdb references``: papers from the services that know them."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer import Argument, Option

from pvkdb.cli.options import DEFAULT_DATABASE, OPENED, DatabaseOption, JsonOption, open_store
from pvkdb.cli.output.changes import print_import
from pvkdb.cli.output.console import print_json, print_lines, print_message, show, write_file
from pvkdb.errors import InputError, ServiceError

if TYPE_CHECKING:
    from pvkdb.literature.cells import Cells
    from pvkdb.literature.papers.adding import PaperOutcome
    from pvkdb.literature.papers.services import PaperService
    from pvkdb.schemas.tables import ReferencesRow

papers_app = typer.Typer(
    help="Get reference, abstract and open full text of papers.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
references_app = typer.Typer(
    help="Find DOIs that references lack.", no_args_is_help=True, rich_markup_mode=None
)

_ContactOption = Annotated[
    str,
    Option(
        "--mailto",
        envvar="PVKDB_MAILTO",
        metavar="ADDRESS",
        help="Your address for mail, which the services ask for.",
    ),
]
_FolderOption = Annotated[
    Path, Option("--folder", help="Folder of the files, and of answers, which are kept.")
]
_FOLDER = Path("papers")


@papers_app.command(epilog="Example: pvkdb papers add 10.1039/d4nr01395f arXiv:2409.16051")
def add(
    papers: Annotated[
        list[str], Argument(metavar="DOI|ARXIV|FILE...", help="Papers; a file names its DOI.")
    ],
    full_text: Annotated[
        bool, Option("--full-text", help="Fetch full texts that have an open licence.")
    ] = False,
    mailto: _ContactOption = "",
    folder: _FolderOption = _FOLDER,
    database: DatabaseOption = DEFAULT_DATABASE,
    json: JsonOption = False,
) -> None:
    """Write reference and text of papers to files, for pvkdb import and pvkdb draft.

    Asks Crossref, OpenAlex, Europe PMC and arXiv. Retracted and known papers are named. The store
    stays as it is. The exit code is 6 if a paper failed; the same command resumes.
    """
    from pvkdb.literature.papers.adding import add_papers
    from pvkdb.literature.papers.services import SERVICES
    from pvkdb.literature.publications import Publications

    services = {name: _service(name, mailto, folder) for name in SERVICES}
    store = open_store(database, create=True)

    def known(cells: Cells, row: ReferencesRow) -> str | None:
        with store.session(read_only=True) as session:  # none is open while services are waited for
            held = Publications(session, "").held(cells, row)
            return held.key if held else None

    def show(one: PaperOutcome) -> None:
        reason = f" ({one.reason})" if one.reason else ""
        lines = [f"{one.status}: {one.title or one.paper}{reason}"]
        lines += [f"  note: {note}" for note in one.notes]
        lines += [f"  pvkdb import {one.reference}"] if one.reference else []
        lines += [f"  pvkdb draft {one.text} --output draft.yaml"] if one.text else []
        print_lines(() if json else lines)

    outcomes = add_papers(papers, services, known, folder, full_text=full_text, show=show)
    if json:
        print_json([asdict(each) for each in outcomes])
    failed = [each.paper for each in outcomes if each.status in ("failed", "not found")]
    if failed:
        raise ServiceError(f"{len(failed)} of {len(outcomes)} papers failed: {', '.join(failed)}")


@references_app.command(epilog="Example: pvkdb references resolve --output dois.csv")
def resolve(
    output: Annotated[
        Path, Option("--output", "-o", help="New file for the proposals (CSV).")
    ] = Path("dois.csv"),
    accept: Annotated[
        Path | None,
        Option("--accept", metavar="FILE", help="Import the DOIs confirmed in this file instead."),
    ] = None,
    mailto: _ContactOption = "",
    folder: _FolderOption = _FOLDER,
    database: DatabaseOption = DEFAULT_DATABASE,
    json: JsonOption = False,
) -> None:
    """Propose DOIs that references lack, with scores. A person confirms each; nothing is stored.

    Crossref finds them. Write yes into the column confirmed where a proposal is right, and import
    these with --accept. The exit code is 6 if a request failed.
    """
    from pvkdb.literature.papers import resolving

    if accept is not None:
        from pvkdb.literature.importing import import_files

        with open_store(database, create=True).session() as session:
            report = import_files(session, [resolving.accepted(session, accept)])
        show(report, json, print_import)
        return
    if output.exists():
        raise InputError(f"{output} exists, and may hold what is confirmed; name another --output")
    crossref = _service("Crossref", mailto, folder)
    with open_store(database, create=True).session(read_only=True) as session:
        rows = resolving.without_doi(session)
    proposals = resolving.propose(rows, crossref, print_message)
    write_file(output, resolving.proposals_text(proposals))
    if json:
        print_json([asdict(each) for each in proposals])
    found = sum(bool(each.doi) for each in proposals)
    print_message(f"{found} of {len(proposals)} references have a proposal; confirm, then --accept")
    failed = [each for each in proposals if each.note.startswith("failed")]
    if failed:
        raise ServiceError(f"{len(failed)} requests failed; another --output asks them again")


def _service(name: str, mailto: str, folder: Path) -> PaperService:
    """Open a service that keeps its answers below the folder, until the command ends."""
    from pvkdb.literature.papers.services import PaperService

    service = PaperService(name, mailto, folder / "answers")
    OPENED.callback(service.close)
    return service
