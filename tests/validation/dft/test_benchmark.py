"""The benchmark is that of the stored hops, and its page is that of the benchmark."""

from __future__ import annotations

import re

import numpy as np
import pytest
from ase import Atoms
from scipy.stats import binomtest

from pvkdb_pipelines.dft.benchmark import read_benchmark
from validation.dft import convergence
from validation.dft.benchmark import (
    PAGE,
    DocumentedSet,
    hops_and_calls,
    read_scores,
    read_set,
    render,
    settings_error_ev,
)
from validation.dft.charge_correction import confirmed, read_left_out
from validation.dft.hops import ESPRESSO_SET, LARGE_SET


@pytest.fixture(scope="module")
def calls() -> dict[str, list[Atoms]]:
    return read_benchmark()[1]


def test_the_page_is_made_of_the_set_and_the_scores() -> None:
    assert PAGE.read_text(encoding="utf-8") == render(read_set(), read_scores())


@pytest.mark.slow
def test_the_set_is_that_of_the_stored_hops(calls: dict[str, list[Atoms]]) -> None:
    made = [pair for hops in (ESPRESSO_SET, LARGE_SET) for pair in hops_and_calls(hops)]
    assert read_set().hops == [hop for hop, _ in made]
    for hop, frames in made:
        assert len(calls.get(hop.name, [])) == len(frames)


def test_a_barrier_is_the_difference_of_its_frames_and_hops_that_fail_are_not_counted(
    calls: dict[str, list[Atoms]],
) -> None:
    for hop in read_set().hops:
        if hop.barrier_forward_ev is None:
            assert hop.excluded
            continue
        points = {call.info["point"]: call for call in calls[hop.name] if call.info["point"]}
        energies = {name: call.get_potential_energy() for name, call in points.items()}
        forward_ev = energies["saddle"] - energies["start"]
        assert hop.barrier_forward_ev == pytest.approx(forward_ev, abs=1e-3)
        assert {call.info["charge"] for call in points.values()} == {hop.charge}
        if hop.excluded is None:
            assert max(hop.max_forces_ev_per_ang.values()) <= 0.05
            assert max(hop.tilt_changes_deg.values(), default=0) <= 4.5
            assert (hop.atoms or 0) >= 150 or not hop.tilting


def test_k_points_enter_the_error_of_a_barrier_that_hardly_depends_on_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (hop,) = (each for each in ESPRESSO_SET.read().hops if each.name == "Cs2SnCl6 Fm-3m +1")
    found = convergence.barriers(convergence.read_calls())
    for change_ev, why in ((0.04, None), (0.1, r"Γ alone is too little.*\+0\.10 eV")):
        gamma_ev = found[hop.name, convergence.GAMMA]
        far = {(hop.name, convergence.DENSE): gamma_ev + 2 * change_ev}
        far[hop.name, convergence.OFF_GAMMA] = gamma_ev  # the mean of both grids counts
        monkeypatch.setattr(convergence, "barriers", lambda calls, far=far: found | far)
        assert settings_error_ev(hop) == pytest.approx(change_ev, abs=0.01)
        said = convergence.too_few_kpoints(hop.name)
        assert said is None if why is None else re.match(why, said or "")


@pytest.mark.parametrize(
    ("higher_ev", "order"),
    [
        (0.1, "the neutral one is slower here, too"),
        (-0.1, "the positive one is slower"),
        (0.01, "it is not clear which is slower"),
    ],
)
def test_the_order_of_charges_is_said_where_it_exceeds_the_error(
    higher_ev: float, order: str
) -> None:
    (hop,) = (each for each in read_set().hops if each.name == "CsPbI3 Pnma +1 15.5 Å")
    barrier_ev = (hop.barrier_forward_ev or 0) + higher_ev
    neutral = hop.model_copy(update={"charge": 0, "barrier_forward_ev": barrier_ev})
    page = render(DocumentedSet(hops=[hop, neutral]), [])
    assert f"{higher_ev:+.2f} ± 0.02 eV from that of the positive one: {order}" in page


def test_a_hop_whose_cutoffs_were_not_tested_has_the_largest_change_of_those_that_were() -> None:
    hops = {hop.name: hop for hop in ESPRESSO_SET.read().hops}
    calls = convergence.read_calls()
    changes_ev = convergence.cutoff_changes_ev(calls)
    other, silver = "Cs2LiYCl6 Fm-3m +1", "Cs2AgInCl6 Fm-3m +1"
    assert other not in changes_ev
    others = [each for name, each in changes_ev.items() if "Pb" not in name and name != silver]
    dense_ev = {name: change for name, (_, change) in convergence.dense_changes_ev(calls).items()}
    error_ev = np.hypot(max(map(abs, others)), dense_ev[other])
    assert settings_error_ev(hops[other]) == pytest.approx(error_ev, abs=1e-9)
    error_ev = settings_error_ev(hops[f"{silver} 2×2×2"])
    assert changes_ev[silver] <= error_ev < changes_ev[silver] + abs(dense_ev[silver])


@pytest.mark.parametrize(("lowered", "believed"), [((4, 5, 6), True), ((9, 0, -3), False)])
def test_a_correction_is_believed_where_most_names_confirm_it(
    lowered: tuple[float, ...], believed: bool
) -> None:
    # Each name counts once: ten hops of one are one confirmation.
    names = ["a"] * 10 + ["b", "c"]
    assert confirmed(np.array([lowered[0]] * 10 + [*lowered[1:]]), names) is believed


@pytest.mark.parametrize(
    ("way", "left_out", "helps"),
    [("process", "composition", True), ("process", "family", False), ("tuning", "family", False)],
)
def test_the_learned_correction_helps_where_the_page_says(
    way: str, left_out: str, helps: bool
) -> None:
    own = [
        each
        for each in read_left_out()
        if (each.learned_by, each.potential, each.left_out) == (way, "sevennet-0", left_out)
    ]
    learned = np.mean([abs(each.missing_ev - each.learned_ev) for each in own])
    assert (learned < np.mean([abs(each.missing_ev) for each in own])) is np.bool_(helps)
    if way == "process":
        assert learned <= 0.08
        assert max(each.half_width_ev for each in own) <= 0.2
        assert binomtest(sum(each.inside for each in own), len(own), 0.8).pvalue > 0.05
