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
    papers,
    rankings,
    screening,
    service,
    work,
)
from pvkdb.cli.operations import add_command, added_commands, settings_of
from pvkdb.cli.options import OPENED
from pvkdb.errors import InterruptedByUserError
from pvkdb.operations import shipped

#: Commands by what they are for, in the order of typical use; others are listed below "Added". Each
#: with its function, its group, or the name of its operation, which has an example; the extra
#: without whose packages it does not begin; and an example.
COMMANDS: dict[str, dict[str, tuple[Any, str, str]]] = {
    "Start": {
        "demo": (demo.demo, "screening", "--folder demo-output"),
        "init": (databases.init, "store", ""),
        "upgrade": (databases.upgrade, "store", "--database postgresql://pvkdb@localhost/pvkdb"),
    },
    "Literature": {
        "papers": (papers.papers_app, "store", "add DOI"),
        "references": (papers.references_app, "store", "resolve"),
        "draft": (databases.draft, "", "paper.pdf --output draft.yaml"),
        "add-draft": ("add_draft", "store", ""),
        "drafts": ("drafts", "store", ""),
        "decide": ("decide", "store", ""),
        "enter": ("enter", "store", ""),
        "import": (databases.import_papers, "store", "paper.yaml --dry-run"),
        "review": ("review", "store", ""),
        "history": (databases.history, "store", "e-t1-r01-ea"),
        "changes": ("changes", "store", ""),
        "export": (databases.export, "store", "energetics --output energetics.csv"),
        "snapshot": (databases.snapshot, "store", "pvkdb-2026.zip"),
        "backup": (databases.backup, "store", "pvkdb-backup.sqlite"),
        "diff": (databases.diff, "store", "pvkdb-2026.zip sqlite:///pvkdb.sqlite"),
    },
    "Compute": {
        "tolerance": ("tolerances", "", ""),
        "hull": ("hull", "", ""),
        "similar-structures": ("similar_structures", "", ""),
        "structure": (compositions.structure, "screening", "CsPbI3 --output CsPbI3.cif"),
        "fetch-structures": (
            compositions.fetch_structures,
            "screening",
            '\'elements HAS ALL "Cs","Pb"\' --from https://optimade.materialsproject.org',
        ),
        "gap": (dft.gap, "store", "CsPbBr3"),
        "neb": (barriers.neb, "screening", "CsPbBr3 --potential chgnet --plot"),
        "pair": (barriers.pair, "screening", "CsPbBr3 --cation Pb"),
        "md": (barriers.dynamics, "screening", "3f2a --temperature-k 700"),
        "potentials": (barriers.potentials, "", "--json"),
        "benchmark": (barriers.benchmark, "potentials", "sevennet-0 chgnet"),
        "screen": (screening.screen, "screening", "lead-and-tin --dry-run"),
        "report": (screening.report, "store", "lead-and-tin --output out"),
        "schedule": (screening.schedule_app, "schedule", "schedule.toml"),
        "work": (work.work, "screening", "--processes 2"),
        "jobs": (jobs.app, "store", "--state failed"),
        "dft": (dft.dft, "screening", "3f2a --charge 0 --charge 1"),
        "export-inputs": (dft.export_inputs, "screening", "3f2a --for espresso"),
        "import-results": (dft.import_results, "screening", "3f2a dft-3f2a-espresso"),
    },
    "Choose": {
        "rank": (rankings.rank, "store", "non-volatile-memory --materials --limit 10"),
        "compare": ("compare", "store", ""),
        "series": ("series", "store", ""),
        "kinetics": ("kinetics", "", ""),
        "crossbar": ("crossbar", "", ""),
    },
    "Measure and simulate": {
        "measure": (devices.measure, "", "sweep.csv --v-read 0.2"),
        "simulate": (devices.simulate, "simulation", "CsPbBr3 --potential sevennet-0"),
        "examine": (devices.examine, "", "EpiRAM --images mnist --seeds 5"),
        "spice": (devices.spice, "", "sweep.csv --model vteam --output device.cir"),
        "export-device": (devices.export_device, "", "d-t4-r14 --for aihwkit"),
    },
    "Serve": {
        "serve": (service.serve, "api", "--allow-local-writes"),
        "mcp": (service.mcp, "mcp", "--database sqlite:///pvkdb.sqlite"),
        "keys": (service.app, "store", "list"),
        "audit": (service.audit, "store", "--limit 20"),
    },
}
_EXTRAS = {name: each[1] for group in COMMANDS.values() for name, each in group.items()}


class Commands(TyperGroup):
    """Groups of commands in the order of typical use; Ctrl-C is reported in one line."""

    #: Whether the commands of other packages were added.
    _complete = False

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names in the order of the groups."""
        self._add_others()
        return [*_EXTRAS, *(name for name in self.commands if name not in _EXTRAS)]

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
        shown = {**COMMANDS, "Added": known[len(_EXTRAS) :]}
        width = max(map(len, known))
        for title, names in shown.items():
            lines = [(f"{n:<{width}}", self.commands[n].get_short_help_str(200)) for n in names]
            if lines:
                with formatter.section(title):
                    formatter.write_dl(lines)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return a command, whose packages are installed unless its help or words are wanted."""
        name, command, rest = super().resolve_command(ctx, args)
        shown = ctx.resilient_parsing or "--help" in rest
        if (extra := _EXTRAS.get(name or "")) and not shown:
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


def _add(name: str, made: Any, example: str) -> None:
    settings: dict[str, Any] = {}
    if isinstance(made, str):
        operation, made = shipped()[made], lambda: None
        settings, example = settings_of(operation), operation.example
    settings["epilog"] = f"Example: pvkdb {name} {example}".rstrip()
    if isinstance(made, typer.Typer):
        app.add_typer(made, name=name, **settings)
    else:
        add_command(app, name, made, **settings)


for _name, (_made, _, _example) in (row for group in COMMANDS.values() for row in group.items()):
    _add(_name, _made, _example)
