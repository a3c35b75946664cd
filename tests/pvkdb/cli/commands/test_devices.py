"""``pvkdb kinetics``, ``crossbar``, ``examine`` and ``export-device`` as a user types them."""

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

from ....curated import DEVICES
from ..conftest import Run
from ..test_commands import failed_clearly


def call(*arguments: str) -> Result:
    """Run a command in this process, which saves its start."""
    return CliRunner().invoke(app, arguments)


def kinetics(*arguments: str) -> Result:
    """Run ``pvkdb kinetics`` in this process."""
    return call("kinetics", *arguments)


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
    assert len(arrays) == DEVICES
    table = call("crossbar", "--devices", *database).stdout
    assert "d-t4-r15: on/off ratio not reported" in table
    assert max(map(len, table.splitlines())) <= 100
    document = json.loads(call("crossbar", "--device", "d-t4-r25", "--json", *database).stdout)
    assert document["on_off_is_lower_bound"]
    assert document["device"] == "d-t4-r25"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ([], "give one of --on-off, --device and --devices"),
        (["--on-off", "10", "--devices"], "--devices goes alone; leave out --on-off"),
        (["--on-off", "10", "--size", "0"], "--size = 0: "),
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


def test_a_report_that_cannot_be_written_is_refused_before_anything_is_computed(
    database: list[str],
) -> None:
    stack = ("--stack", "ITO/CsPbBr3/Ag", "-o", "report.docx")
    outcome = call("simulate", "CsPbBr3", *stack, *database)
    assert isinstance(outcome.exception, InputError)
    assert "report.docx is not written: end it with .html, .pdf" in str(outcome.exception)


def test_a_material_without_barriers_is_not_simulated(database: list[str]) -> None:
    outcome = call("simulate", "CsPbBr3", "--potential", "chgnet", *database)
    assert isinstance(outcome.exception, NotFoundError)
    assert "in CsPbBr3 by chgnet; compute them with: pvkdb neb CsPbBr3" in str(outcome.exception)


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


def test_a_barrier_needs_no_database(run: Run, tmp_path: Path) -> None:
    """The MAPbI3 layer of the page: 0.58 eV, 300 nm, 1 V."""
    options = ["--e-a", "0.58", "--thickness-nm", "300", "--bias-v", "1"]
    outcome = run("kinetics", *options)
    assert outcome.returncode == 0, outcome.stderr
    assert "5.5 s to 55 s" in outcome.stdout
    for text in ("L / v", "SET voltage", "attempt_frequency_hz: 1e+12–1e+13 Hz (default)", "given"):
        assert text in outcome.stdout
    assert "docs/validation/prediction.md" in outcome.stdout
    assert widest(outcome.stdout) <= 100
    assert not (tmp_path / "user.sqlite").exists()
    assert failed_clearly(run("kinetics", "--e-a", "0.5:0.3"), "runs backwards")


def test_ions_of_a_material_stand_apart_and_fit_a_terminal(database: list[str]) -> None:
    outcome = kinetics("MAPbI3", *database)
    for text in ("halide (literature)", "Ag (electrode)", "Table 2 row 3", "0.16 eV –"):
        assert text in outcome.stdout
    said = " ".join(outcome.stdout.split())
    assert "relaxation time of halide (literature): the window spans 7.3 decades; missing: " in said
    assert "migration barrier (0.16 eV to 0.39 eV)" in said
    assert widest(outcome.stdout) <= 100
    phases = kinetics("Cs3Sb2I9", *database).stdout
    assert "Cs3Sb2I9-dimer" in phases
    assert "Cs3Sb2I9-layered" in phases
    assert widest(phases) <= 100
    document = json.loads(kinetics("PbI3MA", "--json", *database).stdout)
    assert [ion["ion"] for ion in document["ions"]] == ["halide", "Ag", "Cu", "Ni"]
    for ion in document["ions"]:
        for assumed in ion["document"]["assumptions"]:
            assert assumed["source"]


def test_a_device_is_driven_at_its_set_voltage(database: list[str]) -> None:
    document = json.loads(kinetics("--device", "d-t4-r08", "--json", *database).stdout)
    (ion,) = document["ions"]
    assert (ion["ion"], ion["basis"], ion["barrier_min_ev"]) == ("halide", "literature", 0.25)
    assumed = {each["name"]: each for each in ion["document"]["assumptions"]}
    assert (assumed["bias_v"]["value"], assumed["bias_v"]["default"]) == ("0.8", False)
    assert assumed["thickness_m"]["default"]
    assert document["missing"] == ["no activation energy of Ag in CsPbBr3 is in the store"]
    given = json.loads(
        kinetics("--device", "d-t4-r08", "--bias-v", "2:3", "--json", *database).stdout
    )
    found = {each["name"]: each for each in given["ions"][0]["document"]["assumptions"]}
    assert (found["bias_v"]["value"], found["bias_v"]["source"]) == ("2–3", "given")


@pytest.mark.parametrize(
    ("options", "kind", "words"),
    [
        ([], InputError, "one of FORMULA, --device and --e-a"),
        (["CsPbBr3", "--e-a", "1"], InputError, "one of FORMULA"),
        (["CsPbBr3", "--dfe", "1"], InputError, "--dfe goes with --e-a"),
        (["--e-a", "x"], InputError, "--e-a: 'x' is neither a number nor a range"),
        (["--e-a", "-0.5"], InputError, "barrier_ev = -0.5 is out of range"),
        (["--e-a", "1", "--thickness-nm", "0"], InputError, "thickness_m = 0 is out of range"),
        (["--e-a", "1", "--temperature-k", "-3"], InputError, "--temperature-k = -3"),
        (["CsPbF3"], NotFoundError, "no activation energy of the halide in CsPbF3"),
        (["Xx9"], InputError, "Xx"),
        (["--device", "d-t5"], NotFoundError, "no device 'd-t5'"),
    ],
)
def test_kinetics_that_cannot_be_estimated_are_refused(
    options: list[str], kind: type[Exception], words: str, database: list[str]
) -> None:
    outcome = kinetics(*options, *database)
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
    assert "predicted by the kinetics model: " in text
    assert "thickness_m: 3e-07 m; given" in text
    assert "Predictions are shown without weight" in text
    assert "docs/validation/prediction.md" in text
    refused = CliRunner().invoke(app, [*arguments, "--bias-v", "two"])
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
