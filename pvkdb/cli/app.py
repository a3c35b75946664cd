"""The commands of ``pvkdb``, put together."""

from __future__ import annotations

import os
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

import pvkdb
from pvkdb.cli.commands import (
    barriers,
    crossbars,
    databases,
    demo,
    dft,
    jobs,
    keys,
    kinetics,
    papers,
    rankings,
    reports,
    schedules,
    screening,
    service,
    simulators,
    structures,
    tolerance,
    work,
)
from pvkdb.errors import InterruptedByUserError


class Commands(TyperGroup):
    """Commands in the order of a day's work; Ctrl-C becomes one line."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Registration order instead of the alphabet."""
        return list(self.commands)

    def invoke(self, ctx: Any) -> Any:
        """Run a command."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise InterruptedByUserError("interrupted; nothing was half-written") from None


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"pvkdb {pvkdb.__version__}")
        raise typer.Exit


app = typer.Typer(
    cls=Commands,
    name="pvkdb",
    help="Materials database and screening pipeline for halide-perovskite memristors.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@app.callback()
def root(
    database: Annotated[
        str | None,
        typer.Option(
            "--database", metavar="URL", help="Database for the command (also accepted behind it)."
        ),
    ] = None,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    """Materials database and screening pipeline for halide-perovskite memristors."""
    if database is not None:
        os.environ["PVKDB_DATABASE_URL"] = database


app.command("demo")(demo.demo)
app.command("init")(databases.init)
app.command("upgrade")(databases.upgrade)
app.command("import")(papers.import_papers)
app.command("history")(papers.history)
app.command("export")(databases.export)
app.command("tolerance")(tolerance.tolerance)
app.command("structure")(structures.structure)
app.command("neb")(barriers.neb)
app.command("screen")(screening.screen)
app.command("report")(reports.report)
app.add_typer(schedules.app, name="schedule")
app.command("work")(work.work)
app.add_typer(jobs.app, name="jobs")
app.command("dft")(dft.dft)
app.command("export-inputs")(dft.export_inputs)
app.command("import-results")(dft.import_results)
app.command("rank")(rankings.rank)
app.command("kinetics")(kinetics.kinetics)
app.command("crossbar")(crossbars.crossbar)
app.command("export-device")(simulators.export_device)
app.command("serve")(service.serve)
app.add_typer(keys.app, name="keys")
app.command("audit")(keys.audit)
