"""The help of every command: one example that works, and a short line in the list."""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from pvkdb._extras import extra_of
from pvkdb.cli.app import COMMANDS, app
from pvkdb.errors import MissingExtraError

from ...each import for_each

ROOT: Any = get_command(app)


def commands(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Every command and group below a command, with its full name."""
    yield " ".join(("pvkdb", *path)), command
    for name, below in getattr(command, "commands", {}).items():
        yield from commands(below, (*path, name))


def parsed(words: list[str]) -> Any:
    """The context of the command that words lead to, its options parsed."""
    context = ROOT.make_context("pvkdb", words)
    while hasattr(context.command, "commands"):
        words = [*context._protected_args, *context.args]
        name, command, rest = context.command.resolve_command(context, words)
        context = command.make_context(name, list(rest), parent=context)
    return context


@for_each(("name", "command"), commands(ROOT))
def test_every_help_holds_an_example_that_parses(name: str, command: Any) -> None:
    example = command.epilog.removeprefix("Example: ")
    assert example.startswith(name)
    assert parsed(shlex.split(example)[1:]).command.name is not None


def test_the_list_of_commands_is_in_groups_with_whole_lines() -> None:
    shown = CliRunner().invoke(app, ["--help"], env={"COLUMNS": "80"}).output
    assert [line for line in shown.splitlines() if line in {f"{each}:" for each in COMMANDS}]
    for name, command in ROOT.commands.items():
        assert f"  {name:<18}  {command.get_short_help_str(200)}\n" in shown


def test_missing_packages_are_all_named_before_a_command_begins(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("pvkdb._extras._installed", lambda name: name not in ("ase", "spglib"))
    outcome = CliRunner().invoke(app, ["structure", "nonsense"])
    assert isinstance(outcome.exception, MissingExtraError)
    text = "'ase, spglib' are not installed; install them with: pip install 'pvkdb[screening]'"
    assert str(outcome.exception) == text
    assert CliRunner().invoke(app, ["structure", "--help"]).exit_code == 0
    assert CliRunner().invoke(app, ["tolerance", "CsPbI3"]).exit_code == 0


@for_each(
    ("typed", "offered"),
    [
        ("ran", ["rank"]),
        ("kinetics --thick", ["--thickness-nm"]),
        ("structure --rat", ["--rattle"]),
        ("keys re", ["revoke"]),
    ],
)
def test_a_shell_completes_commands_and_options_also_without_their_packages(
    typed: str, offered: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pvkdb._extras._installed", lambda name: False)
    words = {"COMP_WORDS": f"pvkdb {typed}", "COMP_CWORD": str(len(typed.split()))}
    env = {"_PVKDB_COMPLETE": "complete_bash", **words}
    shown = CliRunner().invoke(app, [], prog_name="pvkdb", env=env)
    assert (shown.stdout.split(), shown.stderr) == (offered, "")


@for_each(
    ("package", "extra"),
    [("numpy", "store"), ("yaml", "store"), ("skfem", "simulation"), ("torch", "potentials")],
)
def test_an_import_package_is_of_the_smallest_extra(package: str, extra: str) -> None:
    assert extra_of(package) == extra


def test_a_plot_is_drawn_only_on_request_and_its_name_may_be_left_out() -> None:
    assert parsed(["neb", "CsPbBr3"]).params["plot"] == ""
    assert parsed(["neb", "CsPbBr3", "--plot"]).params["plot"] == "auto"
    assert parsed(["neb", "CsPbBr3", "--plot", "--retry"]).params["plot"] == "auto"
    assert parsed(["neb", "CsPbBr3", "--plot", "x.svg"]).params["plot"] == "x.svg"


#: What runs where neither numpy, scipy nor sqlalchemy can be imported, and what it loads.
BASE_INSTALL = """
import sys
sys.modules.update(dict.fromkeys(("numpy", "scipy", "sqlalchemy")))
from typer.testing import CliRunner
from pvkdb.cli.app import app

def call(*words):
    return CliRunner().invoke(app, words)

def loaded(*names):
    return [name for name in names if sys.modules.get(name)]

assert call("--help").exit_code == 0
assert not loaded("pandas", "pydantic", "torch"), "pydantic alone takes longer than all the rest"
assert not call("kinetics", "--help").exit_code
assert not call("crossbar", "--help").exit_code
import pvkdb.client
assert not loaded("torch", "ase", "pymatgen", "fastapi", "pandas", "matplotlib")
assert "4.84" in call("crossbar", "--on-off", "1e3").stdout

from pvkdb.cli import main
sys.argv = ["pvkdb", "crossbar", "--on-off", "1e3", "--size", "4"]
main()
"""


def test_help_the_client_and_array_sizes_need_the_base_install_only() -> None:
    """Every command imports what it needs when it runs, so that the help is there at once."""
    ran = subprocess.run([sys.executable, "-c", BASE_INSTALL], capture_output=True, text=True)
    assert "Traceback" not in ran.stderr
    assert "pip install 'pvkdb[store]'" in ran.stderr  # the circuit asks for its extra
