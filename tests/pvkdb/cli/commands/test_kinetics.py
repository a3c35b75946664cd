"""``pvkdb kinetics`` as a user types it."""

from __future__ import annotations

import json
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
    return CliRunner().invoke(app, ["kinetics", *arguments])


@pytest.fixture
def database(sqlite_store: Store) -> list[str]:
    """The option that names a loaded database."""
    return ["--database", str(sqlite_store.url)]


def widest(text: str) -> int:
    return max(map(len, text.splitlines()))


def test_a_barrier_needs_no_database(run: Run, tmp_path: Path) -> None:
    """The MAPbI3 layer of the page: 0.08 to 0.58 eV, 300 nm, 1 V."""
    options = ["--e-a", "0.08:0.58", "--thickness-nm", "300", "--bias-v", "1"]
    outcome = run("kinetics", *options)
    assert outcome.returncode == 0, outcome.stderr
    assert "19 ns to 55 s" in outcome.stdout
    for text in ("L / v", "SET voltage", "attempt_frequency_hz: 1e+12–1e+13 Hz (default)", "given"):
        assert text in outcome.stdout
    assert "docs/validation/prediction.md" in outcome.stdout
    assert widest(outcome.stdout) <= 100
    assert not (tmp_path / "user.sqlite").exists()
    assert failed_clearly(run("kinetics", "--e-a", "0.5:0.3"), "runs backwards")


def test_ions_of_a_material_stand_apart_and_fit_a_terminal(database: list[str]) -> None:
    outcome = call("MAPbI3", *database)
    for text in ("halide (literature)", "Ag (electrode)", "Table 2 row 3", "0.08 eV –"):
        assert text in outcome.stdout
    assert widest(outcome.stdout) <= 100
    phases = call("Cs3Sb2I9", *database).stdout
    assert "Cs3Sb2I9-dimer" in phases
    assert "Cs3Sb2I9-layered" in phases
    assert widest(phases) <= 100
    document = json.loads(call("PbI3MA", "--json", *database).stdout)
    assert [ion["ion"] for ion in document["ions"]] == ["halide", "Ag", "Cu", "Ni"]
    for ion in document["ions"]:
        for assumed in ion["document"]["assumptions"]:
            assert assumed["source"]


def test_a_device_is_driven_at_its_set_voltage(database: list[str]) -> None:
    document = json.loads(call("--device", "d-t4-r08", "--json", *database).stdout)
    (ion,) = document["ions"]
    assumed = {each["name"]: each for each in ion["document"]["assumptions"]}
    assert (assumed["bias_v"]["value"], assumed["bias_v"]["default"]) == ("0.8", False)
    assert assumed["thickness_m"]["default"]
    assert document["missing"] == ["no activation energy of Ag in CsPbBr3 is in the store"]
    given = json.loads(call("--device", "d-t4-r08", "--bias-v", "2:3", "--json", *database).stdout)
    found = {each["name"]: each for each in given["ions"][0]["document"]["assumptions"]}
    assert (found["bias_v"]["value"], found["bias_v"]["source"]) == ("2–3", "given")


@pytest.mark.parametrize(
    ("options", "kind", "words"),
    [
        ([], InputError, "one of FORMULA, --e-a EV or --device ID"),
        (["CsPbBr3", "--e-a", "1"], InputError, "one of FORMULA"),
        (["CsPbBr3", "--dfe", "1"], InputError, "--dfe goes with --e-a"),
        (["--e-a", "x"], InputError, "--e-a: 'x' is neither a number nor a range"),
        (["--e-a", "-0.5"], InputError, "barrier_ev = -0.5 is out of range"),
        (["--e-a", "1", "--thickness-nm", "0"], InputError, "thickness_m = 0 is out of range"),
        (["--e-a", "1", "--temperature-k", "-3"], InputError, "temperature_k = -3"),
        (["CsPbF3"], NotFoundError, "no activation energy of the halide in CsPbF3"),
        (["Xx9"], InputError, "Xx"),
        (["--device", "d-t5"], NotFoundError, "no device 'd-t5'"),
    ],
)
def test_what_cannot_be_answered_is_refused(
    options: list[str], kind: type[Exception], words: str, database: list[str]
) -> None:
    outcome = call(*options, *database)
    assert isinstance(outcome.exception, kind), outcome.output
    assert words in str(outcome.exception)
    assert outcome.stdout == ""


def test_rankings_take_the_layer_and_show_windows(database: list[str]) -> None:
    arguments = ["rank", "selector", "--materials", "--samples", "20", *database]
    outcome = CliRunner().invoke(app, arguments)
    assert "Predicted from the activation energy of the halide" in outcome.stdout
    assert "thickness_m 6e-08–1e-06 m (default)" in " ".join(outcome.stdout.split())
    assert widest(outcome.stdout) <= 100
    explained = (
        CliRunner()
        .invoke(
            app,
            [*arguments, "--explain", "CsPbBr3", "--thickness-nm", "300", "--temperature-k", "350"],
        )
        .stdout
    )
    text = " ".join(explained.split())
    assert "by the model of kinetics: " in text
    assert "thickness_m: 3e-07 m; given" in text
    assert "Predictions are shown without weight" in text
    assert "docs/validation/prediction.md" in text
    refused = CliRunner().invoke(app, [*arguments, "--bias-v", "two"])
    assert isinstance(refused.exception, InputError)
    assert "--bias-v: 'two'" in str(refused.exception)
