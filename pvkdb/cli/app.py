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
from pvkdb.cli.operations import add_command, added_commands, settings_of
from pvkdb.cli.options import OPENED
from pvkdb.errors import InterruptedByUserError
from pvkdb.operations import shipped

#: Commands by what they are for, in the order of typical use; others are listed below "Added".
GROUPS = {
    "Start": "demo init upgrade",
    "Literature": "draft import review history export snapshot diff",
    "Compute": "tolerance hull similar-structures structure fetch-structures neb md potentials "
    "benchmark screen report schedule work jobs dft export-inputs import-results",
    "Choose": "rank compare series kinetics crossbar",
    "Measure and simulate": "measure simulate examine spice export-device",
    "Serve": "serve mcp keys audit",
}

#: Commands that do not begin without all packages of an extra.
NEEDED = {
    "store": "init upgrade import review history export snapshot diff rank compare series jobs "
    "report keys audit",
    "screening": "demo structure fetch-structures neb md screen work dft export-inputs "
    "import-results",
    "potentials": "benchmark",
    "schedule": "schedule",
    "simulation": "simulate",
    "api": "serve",
    "mcp": "mcp",
}


class Commands(TyperGroup):
    """Groups of commands in the order of typical use; Ctrl-C is reported in one line."""

    #: Whether the commands of other packages were added.
    _complete = False

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names in the order of the groups."""
        self._add_others()
        listed = " ".join(GROUPS.values()).split()
        return [*listed, *(name for name in self.commands if name not in listed)]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return a command; other packages are looked at only if pvkdb has none of the name."""
        if cmd_name not in self.commands:
            self._add_others()
        return super().get_command(ctx, cmd_name)

    def _add_others(self) -> None:
        if not self._complete:
            self._complete = True
            self.commands = {**added_commands(), **self.commands}

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the commands of each group, with whole lines."""
        known = self.list_commands(ctx)
        shown = {title: names.split() for title, names in GROUPS.items()}
        shown["Added"] = known[sum(map(len, shown.values())) :]
        width = max(map(len, known))
        for title, names in shown.items():
            lines = [(f"{n:<{width}}", self.commands[n].get_short_help_str(200)) for n in names]
            if lines:
                with formatter.section(title):
                    formatter.write_dl(lines)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return a command, whose packages are installed unless its help is wanted."""
        name, command, rest = super().resolve_command(ctx, args)
        extra = next((each for each, names in NEEDED.items() if name in names.split()), "")
        if extra and "--help" not in rest:
            from pvkdb._extras import require

            require(extra)
        return name, command, rest

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
    add_command(app, name, function, epilog=f"Example: pvkdb {name} {example}".rstrip(), **settings)


def _add_operation(name: str) -> None:
    operation = shipped()[name]
    _add(operation.command_name, lambda: None, operation.example, **settings_of(operation))


_add("demo", demo.demo, "--folder demo-output")
_add("init", databases.init, "")
_add("upgrade", databases.upgrade, "--database postgresql://pvkdb@localhost/pvkdb")
_add("draft", databases.draft, "paper.pdf --output draft.yaml")
_add("import", databases.import_papers, "paper.yaml --dry-run")
_add("history", databases.history, "e-t1-r01-ea")
_add_operation("review")
_add("export", databases.export, "energetics --output energetics.csv")
_add("snapshot", databases.snapshot, "pvkdb-2026.zip")
_add("diff", databases.diff, "pvkdb-2026.zip sqlite:///pvkdb.sqlite")
_add_operation("tolerances")
_add_operation("hull")
_add_operation("similar_structures")
_add("structure", compositions.structure, "CsPbI3 --phase delta --output CsPbI3.cif")
_add(
    "fetch-structures",
    compositions.fetch_structures,
    '\'elements HAS ALL "Cs","Pb"\' --from https://optimade.materialsproject.org',
)
_add("neb", barriers.neb, "CsPbBr3 --potential chgnet --plot", cls=barriers.NebCommand)
_add("md", barriers.dynamics, "3f2a --temperature-k 700")
_add("potentials", barriers.potentials, "--json")
_add("benchmark", barriers.benchmark, "sevennet-0 chgnet")
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
_add_operation("compare")
_add_operation("series")
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
