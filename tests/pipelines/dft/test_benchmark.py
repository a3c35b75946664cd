"""A potential on the benchmark: its errors are those of its barriers, and a failure has no mean."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from ase import Atoms
from ase.io import write
from typer.testing import CliRunner

from pvkdb.cli.app import app
from pvkdb.schemas.calculations.dft import DftSettings
from pvkdb_pipelines.dft.benchmark import (
    CALLS,
    HOPS,
    Benchmark,
    BenchmarkHop,
    GroupScore,
    grouped,
    nearest,
    read_benchmark,
    score,
)
from pvkdb_pipelines.potentials.potential import Potential

from ..conftest import potential_from
from .crystals import GUIDE, TRUTH, ends_and_saddle

SETTINGS = DftSettings(cutoff_wfc_ry=30, cutoff_rho_ry=240, kpoint_grid=(1, 1, 1))


def copper(truth: Potential, charge: int = 1) -> tuple[BenchmarkHop, list[Atoms]]:
    """The hop of a crystal, as a potential that stands for DFT has it."""
    frames = [*ends_and_saddle(truth)]
    energies = [frame.get_potential_energy() for frame in frames]
    name = f"Cu fcc {charge:+d}"
    for frame, point in zip(frames, ("start", "saddle", "end"), strict=True):
        frame.info = {"hop": name, "point": point, "charge": charge, "spin": 1}
    hop = BenchmarkHop(
        name=name,
        formula="Cu",
        charge=charge,
        settings=SETTINGS,
        barrier_forward_ev=energies[1] - energies[0],
        barrier_reverse_ev=energies[1] - energies[2],
    )
    return hop, frames


def value(group: GroupScore, metric: str) -> float:
    limits = group.errors[metric]
    return limits.value


def test_the_truth_has_no_error_and_the_guide_that_of_its_barrier() -> None:
    hop, frames = copper(TRUTH)
    known = Benchmark(hops=[hop]), {hop.name: frames}
    (found,) = score(TRUTH, *known).groups
    assert value(found, "MAE") == pytest.approx(0, abs=0.002)
    assert value(found, "forces") == 0
    start, saddle, _ = ends_and_saddle(GUIDE)
    error_ev = saddle.get_potential_energy() - start.get_potential_energy()
    error_ev -= hop.barrier_forward_ev
    (other,) = (guided := score(GUIDE, *known)).groups
    assert value(other, "signed") == pytest.approx(error_ev, abs=0.002)
    assert other.errors["MAE"].low is None  # of one composition there is no interval
    (line,) = nearest([guided, score(TRUTH, *known)])
    assert line.startswith("Charge +1, 1 hop in 1 composition: barriers off by 0.00 eV with test")


def test_a_hop_that_fails_leaves_its_group_without_a_mean() -> None:
    pairs = [copper(TRUTH, charge) for charge in (0, 1)]
    left_out = pairs[1][0].model_copy(
        update={"name": "other", "excluded": "a difference of basins"}
    )
    hops = Benchmark(hops=[*(hop for hop, _ in pairs), left_out])
    found = score(
        potential_from(lambda atoms: {}, "Cs"), hops, {hop.name: calls for hop, calls in pairs}
    )
    assert [each.name for each in found.hops] == ["Cu fcc +0", "Cu fcc +1"]
    assert [(each.charge, each.failed) for each in found.groups] == [(0, 1), (1, 1)]
    assert set(found.groups[0].errors.values()) == {None}
    assert "not trained on Cu" in str(found.hops[0].failure)
    assert "composition: test failed on a hop. At" in nearest([found])[0]


def test_each_composition_counts_once_and_the_interval_is_students() -> None:
    hop, frames = copper(TRUTH)
    (one,) = score(TRUTH, Benchmark(hops=[hop]), {hop.name: frames}).hops
    errors = {"A": [0.1, 0.3], "B": [0.2], "C": [0.5]}
    forward, reverse = one.dft_ev
    many = [
        one.model_copy(
            update={"formula": name, "relaxed_ev": (forward - error, reverse - error)},
        )
        for name, found in errors.items()
        for error in found
    ]
    (group,) = grouped(many)
    assert (group.hops, group.compositions) == (4, 3)
    mae, signed = group.errors["MAE"], group.errors["signed"]
    assert mae.value == pytest.approx(0.3)
    # t of 2 degrees of freedom 4.303, standard deviation of 0.2, 0.2 and 0.5: √0.03.
    assert (mae.low, mae.high) == (0, pytest.approx(0.3 + 4.303 * 0.1, abs=1e-3))
    assert (signed.value, signed.low) == (pytest.approx(-0.3), pytest.approx(-0.73, abs=1e-2))


def test_the_command_scores_a_potential_of_another_package(emt: Potential, tmp_path: Path) -> None:
    hop, frames = copper(emt)
    (tmp_path / HOPS).write_text(Benchmark(hops=[hop]).model_dump_json(), encoding="utf-8")
    write(tmp_path / CALLS, frames, format="extxyz")
    assert len(read_benchmark(tmp_path)[1][hop.name]) == 3
    output = tmp_path / "scores.json"
    arguments = ["benchmark", "ase.calculators.emt:EMT", "--folder", str(tmp_path)]
    shown = CliRunner().invoke(app, [*arguments, "--output", str(output)])
    assert shown.stdout.startswith("Charge +1, 1 hop in 1 composition: ")
    assert "Barriers against DFT" in shown.stdout
    (written,) = json.loads(output.read_text(encoding="utf-8"))
    assert written["groups"][0]["errors"]["MAE"]["value"] == pytest.approx(0, abs=0.002)
    missing = CliRunner().invoke(app, [*arguments[:3], str(tmp_path / "none")])
    assert "holds no benchmark" in str(missing.exception)
