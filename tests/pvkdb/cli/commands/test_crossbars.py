"""``pvkdb crossbar`` and ``pvkdb export-device`` as a user types them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from pvkdb.cli.app import app
from pvkdb.errors import InputError, NotFoundError
from pvkdb.store.database import Store

from ..conftest import Run
from ..test_commands import failed_clearly


def call(*arguments: str) -> Result:
    """Run a command in this process, which saves its start."""
    return CliRunner().invoke(app, arguments)


@pytest.fixture
def database(sqlite_store: Store) -> list[str]:
    """The option that names a loaded database."""
    return ["--database", str(sqlite_store.url)]


def test_sizes_need_no_database_and_fit_a_terminal(run: Run, tmp_path: Path) -> None:
    outcome = run("crossbar", "--on-off", "1000", "--selectivity", "514")
    assert outcome.returncode == 0, outcome.stderr
    assert "1748" in outcome.stdout
    assert "32.30" in outcome.stdout
    assert max(map(len, outcome.stdout.splitlines())) <= 100
    assert not (tmp_path / "user.sqlite").exists()


def test_the_formula_needs_only_the_base_install() -> None:
    """Array sizes without numpy, scipy or a database; the circuit asks for its extra."""
    script = (
        "import sys; sys.modules.update(dict.fromkeys(('numpy', 'scipy', 'sqlalchemy')));"
        "sys.argv = ['pvkdb', 'crossbar', '--on-off', '1e3', *sys.argv[1:]];"
        "from pvkdb.cli import main; main()"
    )
    sizes, circuit = (
        subprocess.run(
            [sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=False
        )
        for arguments in ([], ["--size", "4"])
    )
    assert "4.84" in sizes.stdout, sizes.stderr
    assert "pip install 'pvkdb[store]'" in circuit.stderr


def test_a_thickness_tells_how_far_cells_stand_apart() -> None:
    """60 nm: 6 μm (review, section 5.1.1)."""
    outcome = call("crossbar", "--on-off", "1000", "--thickness-nm", "60")
    assert "Spacing between cells without crosstalk: at least 6 μm" in outcome.stdout
    assert "spacing / thickness: 100 (default); review, section 5.1.1" in outcome.stdout


def test_a_size_that_is_refused_is_not_announced() -> None:
    outcome = call("crossbar", "--on-off", "10", "--size", "10000")
    assert isinstance(outcome.exception, InputError)
    assert "give 1 to 512 lines" in str(outcome.exception)
    assert "solving" not in outcome.output


def test_what_is_refused_is_one_line(run: Run) -> None:
    assert failed_clearly(run("crossbar", "--on-off", "0.5"), "on/off ratio = 0.5 is below 1")


def test_json_and_a_picture_with_line_resistance(tmp_path: Path) -> None:
    picture = tmp_path / "margin.png"
    options = ["--on-off", "inf", "--r-lrs", "1e4", "--line-resistance", "5", "--size", "8"]
    outcome = call("crossbar", *options, "--json", "--plot", str(picture))
    document = json.loads(outcome.stdout)
    assert document["on_off_ratio"] is None
    assert document["limits"][0]["size"] == 4
    assert document["exact"][0]["margin_far"] < document["exact"][0]["margin_near"]
    assert picture.read_bytes()[:4] == b"\x89PNG"
    assert str(picture) in outcome.stderr.replace("\n", "")


def test_devices_of_the_store(database: list[str]) -> None:
    arrays = json.loads(call("crossbar", "--devices", "--json", *database).stdout)
    assert len(arrays) == 28
    table = call("crossbar", "--devices", *database).stdout
    assert "d-t4-r15: on/off ratio not reported" in table
    assert max(map(len, table.splitlines())) <= 100
    document = json.loads(call("crossbar", "--device", "d-t4-r25", "--json", *database).stdout)
    assert document["on_off_is_lower_bound"]
    assert document["device"] == "d-t4-r25"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ([], "--on-off RATIO, --device ID or --devices"),
        (["--on-off", "10", "--devices"], "--on-off RATIO, --device ID or --devices"),
        (["--on-off", "nan"], "on/off ratio is not a number"),
        (["--on-off", "10", "--r-lrs", "-5"], "R_LRS = -5 is not a resistance"),
        (["--on-off", "10", "--plot", "x.jpg"], "must end in .png or .svg"),
        (["--device", "d-t4-r15"], "no on/off ratio in the store"),
    ],
)
def test_what_cannot_be_answered_is_refused(
    options: list[str], words: str, database: list[str]
) -> None:
    outcome = call("crossbar", *options, *database)
    assert isinstance(outcome.exception, InputError)
    assert words in str(outcome.exception)
    assert outcome.stdout == ""


def test_a_device_goes_to_a_simulator(database: list[str], tmp_path: Path) -> None:
    arguments = ["export-device", "d-t4-r14", *database, "--for"]
    outcome = call(*arguments, "aihwkit", "--r-lrs", "2e4")
    assert json.loads(outcome.stdout)["g_converter"]["g_min"] == pytest.approx(0.05)
    assert "missing: device.w_max" in outcome.stderr
    target = tmp_path / "d.yaml"
    assert call(*arguments, "crosssim", "-o", str(target)).exit_code == 0
    assert "missing: xbar.device.Rmin" in target.read_text(encoding="utf-8")
    document = json.loads(call(*arguments, "neurosim", "--json").stdout)
    assert document["simulator"] == "neurosim"
    for options, kind, words in (
        (["neurosimm"], InputError, "did you mean 'neurosim'"),
        (["neurosim", "--r-lrs", "0"], InputError, "R_LRS = 0"),
        (["neurosim", "--claim", "c-none"], NotFoundError, "claim 'c-none' does not exist"),
        (["neurosim", "-o", str(tmp_path / "no" / "x")], InputError, "cannot be written"),
    ):
        refused = call(*arguments, *options)
        assert isinstance(refused.exception, kind), refused.output
        assert words in str(refused.exception)
