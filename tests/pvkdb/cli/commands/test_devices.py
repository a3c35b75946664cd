"""``pvkdb kinetics``, ``crossbar``, ``examine`` and ``export-device`` as a user types them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from pvkdb.cli.app import app
from pvkdb.errors import InputError, NotFoundError
from pvkdb.store.database import Store


def call(*arguments: str) -> Result:
    """Run a command in this process, which saves its start."""
    return CliRunner().invoke(app, arguments)


@pytest.fixture
def database(sqlite_store: Store) -> list[str]:
    """The option that names a loaded database."""
    return ["--database", str(sqlite_store.url)]


def test_a_picture_is_written_beside_the_answer(tmp_path: Path) -> None:
    picture = tmp_path / "margin.png"
    outcome = call("crossbar", "--on-off", "inf", "--json", "--plot", str(picture))
    assert json.loads(outcome.stdout)["limits"][0]["size"] == 4
    assert picture.read_bytes()[:4] == b"\x89PNG"
    assert str(picture) in outcome.stderr.replace("\n", "")


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


def widest(text: str) -> int:
    return max(map(len, text.splitlines()))


@pytest.mark.slow
def test_a_device_is_examined_once_with_its_costs(database: list[str]) -> None:
    pytest.importorskip("numba", reason="numba is not installed (extra 'examination')")
    arguments = ["examine", "Ag:a-Si", "--seeds", "2", "--epochs", "2", *database]
    first = call(*arguments)
    assert first.exit_code == 0, first.exception
    assert "computed" in first.stderr
    for words in ("gap to ideal", "energy an epoch", "cycle to cycle", "taken as ideal"):
        assert words in first.stdout
    assert widest(first.stdout) <= 100
    again = call(*arguments, "--json")
    assert "from the store" in again.stderr
    document = json.loads(again.stdout)
    assert document["assumed"] == ["device to device", "read noise"]
    assert len(document["epoch_spreads"]) == 2
    verdict = call("examine", "PCM", "--task", "henon", "--seeds", "1", *database)
    assert "no number: PCM does not forget" in verdict.stdout


@pytest.mark.slow
def test_behaviours_and_keys_are_tasks(database: list[str], tmp_path: Path) -> None:
    values = ["r_on=1e3", "r_off=1e6", "v_th=0.7", "k_on=80", "a_on=1.5", "tau=0.05", "x0=0"]
    given = [part for value in values for part in ("--set", value)]
    nociceptor = call("examine", "--task", "nociceptor", *given, *database)
    assert nociceptor.exit_code == 0, nociceptor.exception
    assert "hyperalgesia" in nociceptor.stdout
    assert "extinction" not in nociceptor.stdout
    one = call("examine", "--task", "threshold", *given, "--json", *database)
    assert "from the store" in one.stderr
    assert [each["name"] for each in json.loads(one.stdout)["behaviours"]] == ["threshold"]
    file = tmp_path / "array.csv"
    rows = [f"{cell},{1e-6 * (1 + cell * 7 % 11) + 1e-9 * n}" for cell in range(8) for n in (0, 1)]
    file.write_text("\n".join(["state,conductance (S)", *rows]))
    keys = call("examine", str(file), "--task", "puf", "--as", "states", *database)
    assert keys.exit_code == 0, keys.exception
    assert "reliability" in keys.stdout


def test_rankings_take_the_layer_and_show_windows(database: list[str]) -> None:
    arguments = ["rank", "selector", "--materials", "--samples", "20", *database]
    assert widest(call(*arguments).stdout) <= 100
    layer = ("--thickness-nm", "300", "--temperature-k", "350")
    text = " ".join(call(*arguments, "--explain", "CsPbBr3", *layer).stdout.split())
    assert "predicted by the kinetics model: " in text
    assert "thickness_m: 3e-07 m; given" in text
    assert "Predictions are shown without weight" in text
    assert "docs/validation/prediction.md" in text
    refused = call(*arguments, "--bias-v", "two")
    assert isinstance(refused.exception, InputError)
    assert "--bias-v: 'two'" in str(refused.exception)


def test_a_compact_model_is_written_for_two_simulators(tmp_path: Path) -> None:
    values = ("c=1e-9", "r_leak=1e4", "r_on=100", "v_th=1", "v_hold=0.2")
    given = [word for value in values for word in ("--set", value)]
    netlist, module = tmp_path / "neuron.cir", tmp_path / "neuron.va"
    for path in (netlist, module):
        assert call("spice", "--model", "lif", *given, "-o", str(path)).exit_code == 0
    assert ".subckt lif p n params:" in netlist.read_text()
    assert "module lif(p, n);" in module.read_text()
    shown = json.loads(call("spice", "--model", "lif", *given, "--json").stdout)
    assert {row["source"] for row in shown["parameters"]} == {"given"}
    wrong = call("spice", "--model", "lif", "--set", "c")
    assert isinstance(wrong.exception, InputError)
    assert "write NAME=VALUE" in str(wrong.exception)
