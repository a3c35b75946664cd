"""The ``pvkdb`` command with its subcommands."""

from __future__ import annotations

import os
from typing import Annotated, Any

import typer
from typer import Option
from typer.core import TyperGroup

import pvkdb
from pvkdb.cli.commands import (
    barriers,
    compositions,
    databases,
    demo,
    devices,
    dft,
    jobs,
    rankings,
    screening,
    service,
    simulations,
    work,
)
from pvkdb.cli.operations import settings_of
from pvkdb.cli.options import OPENED
from pvkdb.errors import InterruptedByUserError
from pvkdb.operations import declared


class Commands(TyperGroup):
    """Group of commands in the order of typical use; Ctrl-C is reported in one line."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names in the order of registration."""
        return list(self.commands)

    def invoke(self, ctx: Any) -> Any:
        """Run the chosen command; Ctrl-C becomes an InterruptedByUserError."""
        try:
            with OPENED:
                return super().invoke(ctx)
        except KeyboardInterrupt:
            raise InterruptedByUserError("interrupted; no data are incomplete") from None


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"pvkdb {pvkdb.__version__}")
        raise typer.Exit


app = typer.Typer(
    cls=Commands,
    name="pvkdb",
    help="Materials database and screening pipeline for halide-perovskite memristors.",
    epilog="Example: pvkdb rank synaptic-training",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@app.callback()
def root(
    database: Annotated[
        str | None, Option(metavar="URL", help="Database; also accepted after a command.")
    ] = None,
    version: Annotated[
        bool,
        Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    """Materials database and screening pipeline for halide-perovskite memristors."""
    if database is not None:
        os.environ["PVKDB_DATABASE_URL"] = database


def _add(name: str, function: Any, example: str, **settings: Any) -> None:
    app.command(name, epilog=f"Example: pvkdb {name} {example}".rstrip(), **settings)(function)


def _add_operation(name: str) -> None:
    operation = declared()[name]
    _add(operation.command_name, lambda: None, operation.example, **settings_of(operation))


_add("demo", demo.demo, "--folder demo-output")
_add("init", databases.init, "")
_add("upgrade", databases.upgrade, "--database postgresql://pvkdb@localhost/pvkdb")
_add("draft", databases.draft, "paper.pdf --output draft.yaml")
_add("import", databases.import_papers, "paper.yaml --dry-run")
_add("history", databases.history, "e-t1-r01-ea")
_add("review", databases.review, "--by 'A. Curator' VERSION")
_add("export", databases.export, "energetics --output energetics.csv")
_add("snapshot", databases.snapshot, "pvkdb-2026.zip")
_add("diff", databases.diff, "pvkdb-2026.zip sqlite:///pvkdb.sqlite")
_add("tolerance", compositions.tolerance, "CsPbBr3 MAPbI3")
_add("structure", compositions.structure, "CsPbI3 --phase delta --output CsPbI3.cif")
_add(
    "fetch-structures",
    compositions.fetch_structures,
    '\'elements HAS ALL "Cs","Pb"\' --from https://optimade.materialsproject.org',
)
_add("neb", barriers.neb, "CsPbBr3 --potential chgnet --plot", cls=barriers.NebCommand)
_add("md", barriers.dynamics, "3f2a --temperature-k 700")
_add("potentials", barriers.potentials, "--json")
_add("screen", screening.screen, "lead-and-tin --dry-run")
_add("report", screening.report, "lead-and-tin --output out")
app.add_typer(
    screening.schedule_app, name="schedule", epilog="Example: pvkdb schedule schedule.toml"
)
_add("work", work.work, "--processes 2")
app.add_typer(jobs.app, name="jobs", epilog="Example: pvkdb jobs --state failed")
_add("dft", dft.dft, "3f2a --charge 0 --charge 1")
_add("export-inputs", dft.export_inputs, "3f2a --for espresso")
_add("import-results", dft.import_results, "3f2a dft-3f2a-espresso")
_add("rank", rankings.rank, "non-volatile-memory --materials --limit 10")
_add_operation("kinetics")
_add("simulate", simulations.simulate, "CsPbBr3 --potential sevennet-0")
_add("examine", simulations.examine, "EpiRAM --images mnist --seeds 5")
_add("spice", devices.spice, "sweep.csv --model vteam --output device.cir")
_add_operation("crossbar")
_add("measure", devices.measure, "sweep.csv --v-read 0.2")
_add("export-device", devices.export_device, "d-t4-r14 --for aihwkit")
_add("serve", service.serve, "--allow-local-writes")
_add("mcp", service.mcp, "--database sqlite:///pvkdb.sqlite")
app.add_typer(service.app, name="keys", epilog="Example: pvkdb keys list")
_add("audit", service.audit, "--limit 20")
