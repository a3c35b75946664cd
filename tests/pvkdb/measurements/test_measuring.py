"""The command on files, and the measured data beside a checkout (PVKDB_MEASUREMENTS)."""

from __future__ import annotations

import csv
import json
import math
import os
import re
from importlib import resources
from pathlib import Path

import numpy as np
import pytest

from pvkdb.errors import InputError
from pvkdb.measurements import Request, measure, parse_columns
from pvkdb.measurements.forms import Trace, shipped
from pvkdb.measurements.metrics import Measured, over_cycles, spread
from pvkdb.measurements.sweeps import power_exponent
from pvkdb.store.curation.sources import Upload

from ...conftest import lacks
from ..cli.conftest import Run, environment, run

__all__ = ["environment", "run"]

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def measured() -> Path:
    """Data of other laboratories, most of which may not be carried in this repository."""
    named = os.environ.get("PVKDB_MEASUREMENTS")
    path = Path(named) if named else ROOT.parent / "shared" / "data" / "measurements"
    if not path.is_dir():
        lacks(f"measured data are not at {path}; set PVKDB_MEASUREMENTS to their place")
    return path


def values(metrics: tuple[tuple[str, Measured], ...]) -> dict[str, float | None]:
    return {metric.name: metric.value for _, metric in metrics}


@pytest.mark.slow
def test_endurance_of_hfo2(measured: Path) -> None:
    """FACTS: medians 91.1 and 4.90 kohm, σ(log10) 0.51 and 0.087."""
    found = values(measure([measured / "rram_endurance" / "cycling-4-24-20.csv"]).metrics)
    assert found["r_hrs"] == pytest.approx(91.1e3, rel=0.02)
    assert found["r_lrs"] == pytest.approx(4.90e3, rel=0.02)
    assert found["sigma_hrs"] == pytest.approx(0.51, rel=0.05)
    assert found["sigma_lrs"] == pytest.approx(0.087, rel=0.05)


def test_nbsto_scales_with_the_area(measured: Path) -> None:
    """FACTS: slopes 1.10 and 0.73 at +0.3 V, interfacial."""
    files = sorted((measured / "nbsto_area").glob("r*.csv"))
    radii = [float(re.match(r"r(\d+)um", file.name)[1]) for file in files]  # type: ignore[index]
    areas = [math.pi * (radius * 1e-6) ** 2 for radius in radii]
    report = measure(files, Request(kind="area", areas_m2=areas, read_voltage_v=0.3))
    hrs, lrs = (metric for _, metric in report.metrics)
    assert hrs.value == pytest.approx(1.10, abs=0.03)
    assert lrs.value == pytest.approx(0.73, abs=0.03)
    (scaling, _) = report.switching
    assert (scaling.answer, scaling.strength) == ("interfacial", "strong")
    assert "thickness_m" in report.unknown


def test_nbsto_is_gradual_in_both_exports(measured: Path) -> None:
    folder = measured / "nbsto_area"
    for name in ("r10um_3A.csv", "medium_second_export"):
        found = values(measure([folder / name], Request(read_voltage_v=-0.3)).metrics)
        assert found["v_set"] is None
        assert (found["on_off"] or 0) > 2


def test_depression_of_agasi_with_free_ends(measured: Path) -> None:
    """FACTS: A −0.243, NL −4.31."""
    found = values(measure([measured / "agasi_ltp" / "ltd.csv"]).metrics)
    assert found["a"] == pytest.approx(-0.243, abs=0.02)
    assert found["nl"] == pytest.approx(-4.31, abs=0.05)


def test_reram_pulses_are_nearly_linear(measured: Path) -> None:
    """Gong et al., 1,000 pulses up, of aihwkit: normalised, so that ΔG is not defined."""
    request = Request(kind="pulses", columns=parse_columns("conductance=1:arbitrary"))
    found = values(measure([measured / "reram_pulses" / "gong_et_al.csv"], request).metrics)
    assert found["delta_g"] is None
    assert abs(found["nl"] or 9) < 0.3


@pytest.mark.parametrize(("state", "exponent"), [(52, 1.02), (14, 1.40)])
def test_siox_states(measured: Path, state: int, exponent: float) -> None:
    """FACTS: 1.02 at 290 ohm, 1.40 at 1.45 Mohm; points of the SiOx set of mnn-torch (MIT).

    The range is not chosen: up to what all 53 states reach, from the share of it that is near zero.
    """
    from scipy.io import loadmat

    found = loadmat(measured / "siox_states" / "SiO_x-multistate-data.mat")["data"]
    high = np.nanmax(found[:, 1], axis=0).min()
    current, voltage, _ = found[:, :, state].T
    good = np.isfinite(current) & np.isfinite(voltage)
    metric = power_exponent(Trace(voltage[good], current[good]), 0.05 * high, high)
    assert metric.value == pytest.approx(exponent, abs=0.03)


@pytest.mark.slow
def test_relaxation_of_nanowires_and_transistors_are_judged(measured: Path) -> None:
    columns = parse_columns("time=1,conductance=2")
    path = measured / "nanowire_relaxation" / "example_file_1.txt"
    report = measure([path], Request(kind="retention", columns=columns))
    assert values(report.metrics)["retention"] == pytest.approx(102.3, abs=0.5)
    columns = parse_columns("time=1,conductance=2,voltage=3")
    report = measure([path], Request(kind="transient", columns=columns))
    found = values(report.metrics)
    assert found["exponential_weight"] is None  # neither law describes the network
    assert (report.switching[-1].answer, report.switching[-1].strength) == ("ionic", "weak")
    path = measured / "cspbbr3_transistor" / "OFET3F-Isd-Vsd-Dark.dat"
    report = measure([path], Request(columns=parse_columns("voltage=1,current=2")))
    assert values(report.metrics)["v_set"] is None


def test_every_metric_has_unit_definition_and_source_and_is_in_the_docs() -> None:
    page = (ROOT / "docs" / "measurements.md").read_text(encoding="utf-8")
    for name, row in shipped("definitions.csv").items():
        assert all(row.values()), name
        assert f"`{name}`" in page, name
    for file in ("definitions", "headings", "practice", "switching"):
        text = (resources.files("pvkdb.measurements") / f"{file}.csv").read_text(encoding="utf-8")
        widths = {len(row) for row in csv.reader(text.splitlines())}
        assert len(widths) == 1, file


@pytest.mark.slow
def test_intervals_of_medians_and_spreads_cover_the_truth() -> None:
    rng, hits = np.random.default_rng(4), {"v_set": 0, "v_set_sigma": 0}
    for _ in range(200):
        x = rng.normal(1, 0.1, 20)
        for metric, truth in (
            (over_cycles("v_set", np.median, x), 1.0),
            (over_cycles("v_set_sigma", spread, x), 0.1),
        ):
            hits[metric.name] += metric.ends[0] <= truth <= metric.ends[1]
    assert all(160 <= hit <= 196 for hit in hits.values()), hits


def test_the_command_prints_a_table_and_json(run: Run, tmp_path: Path) -> None:
    up = np.linspace(0, 1, 51)
    v = np.concatenate([up, up[::-1]])
    i = v * np.where((np.arange(102) > 40), 1e-3, 1e-5)
    rows = "".join(f"{a:g},{b:g}\n" for a, b in zip(v, i, strict=True))
    (tmp_path / "sweep.csv").write_text(f"V (V),I (A)\n{rows}", encoding="utf-8")
    outcome = run("measure", "sweep.csv", "--v-read", "0.2", "--exponent", "0.1:0.5")
    assert outcome.returncode == 0, outcome.stderr
    said = ("V_SET", "0.81 V", "would decide: ", "--thickness-nm", "not known: area_m2")
    said += ("Read voltage known?", "filamentary weak", "sweeps of three or more")
    assert [words for words in said if words not in outcome.stdout] == []
    assert max(map(len, outcome.stdout.splitlines())) <= 100
    stack = ("--electrodes", "Ag/FTO", "--thickness-nm", "400")
    document = json.loads(run("measure", "sweep.csv", "--json", *stack).stdout)
    votes = {vote["sign"]: vote["found"] for vote in document["switching"][1]["votes"]}
    assert votes["field of forming or SET"] == "2e+06 V/m; Ag+ needs about 1e7 V/m"
    (on_off,) = (metric for metric in document["metrics"] if metric["name"] == "on_off")
    assert on_off["value"] is None
    assert on_off["source"]
    assert {branch["branch"] for branch in document["conduction"]} == {"+ out", "+ back"}
    assert document["conduction"][0]["laws"][0]["formula"]


def test_files_of_several_kinds_are_judged_together(tmp_path: Path) -> None:
    t = np.linspace(0, 10, 60)
    for name, heading, x in (
        ("decay.csv", "t (s),I (A)", np.exp(-t)),
        ("ppf.csv", "interval (s),PPF", 1 + np.exp(-t - 0.01)),
    ):
        noisy = x + np.random.default_rng(0).normal(0, 1e-3, 60)
        body = "".join(f"{a + 0.01:g},{b:g}\n" for a, b in zip(t, noisy, strict=True))
        (tmp_path / name).write_text(f"{heading}\n{body}", encoding="utf-8")
    report = measure([tmp_path / "decay.csv", tmp_path / "ppf.csv"])
    assert report.kind == "retention, ppf"
    assert {step.question: step.answer for step in report.switching} == {
        "filamentary or interfacial": "not measured",
        "ECM or VCM": "not measured",
        "ionic or electronic": "ionic",
    }
    document = json.loads(json.dumps(report.document()))
    assert document["quality"][0]["answer"] in ("yes", "no", "not known")
    assert document["switching"][2]["votes"][0]["strength"] == "weak"


HEADS = {
    "iv": "t (s),V (V),I (A)",
    "transient": "t (s),V (V),I (A)",
    "retention": "t (s),R (ohm)",
    "pulses": "pulse,G (S)",
    "endurance": "cycle,HRS (ohm),LRS (ohm)",
    "ppf": "interval (s),PPF",
    "stdp": "interval (s),dw",
    "states": "state,G (S),after",
}


@pytest.mark.slow
@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("kind", HEADS)
def test_any_numbers_are_measured_or_refused(kind: str) -> None:
    for seed in range(20):
        rng = np.random.default_rng(seed)
        n = int(rng.choice([1, 2, 4, 7, 40, 101]))
        shapes = {
            "zeros": np.zeros(n),
            "numbers": np.arange(n, dtype=float),
            "noise": rng.normal(size=n),
            "resistances": 10 ** rng.normal(4, 1, n),
            "decay": np.exp(-np.arange(n) / 10),
            "large": np.full(n, 1e300),
            "small steps": np.repeat(np.arange(n), 3)[:n] * 1e-30,
            "there and back": 1 - np.abs(np.linspace(-1, 1, n)),
        }
        columns = [shapes[rng.choice(list(shapes))] for _ in HEADS[kind].split(",")]
        rows = "".join(f"{','.join(map(str, row))}\n" for row in zip(*columns, strict=True))
        file = Upload("a.csv", f"{HEADS[kind]}\n{rows}".encode())
        asked = Request(kind=kind, read_voltage_v=0.3, exponent_range_v=(0.1, 0.5), drop_bad=True)
        try:
            document = measure([file], asked).document()
        except InputError:
            continue
        json.dumps(document, allow_nan=False)


def test_the_command_fails_in_one_line(run: Run, tmp_path: Path) -> None:
    (tmp_path / "bad.csv").write_text("1,2\n3,4\n5,6\n", encoding="utf-8")
    for arguments in (("measure", "bad.csv"), ("measure", "none.csv")):
        outcome = run(*arguments, code=2)
        assert len(outcome.stderr.strip().splitlines()) == 1
