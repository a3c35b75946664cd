"""Laws of conduction on currents whose law is known (Table 3 of the review with its errata)."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pvkdb.errors import InputError
from pvkdb.literature.loader import read_curated
from pvkdb.measurements import Request, measure
from pvkdb.measurements.conduction import Conduction, conduction
from pvkdb.measurements.forms import Floats, Setup, Trace, shipped
from validation.devices.conduction_laws import KELVINS, UP, K, judged, parameters, sweeps, truths

DRAWS = int(os.environ.get("PVKDB_DRAWS", "40"))


def vetoes(found: Conduction, law: str) -> tuple[str, ...]:
    return next((row.vetoes for row in found.laws if row.law == law), ())


def test_every_law_of_table_3_has_a_form_and_every_parameter_a_definition() -> None:
    forms = shipped("laws.csv").values()
    printed = {row["mechanism"] for row in read_curated("conduction")}
    assert {form["law"] for form in forms} == printed
    names = {name for form in forms for name in form["parameters"].split(";")} - {""}
    assert {name.removeprefix("ln ").rstrip("*") for name in names} <= {*shipped("definitions.csv")}


@pytest.mark.parametrize(
    ("law", "form", "candidates"),
    [
        ("SCLC", "both", ("SCLC",)),
        ("Schottky emission", "", ("Schottky emission",)),
        ("Poole–Frenkel emission", "", ("Poole–Frenkel emission",)),
        ("Hopping conduction", "sinh", ("Hopping conduction", "Ionic conduction")),
    ],
)
def test_currents_and_temperatures_show_the_law(
    law: str, form: str, candidates: tuple[str, ...]
) -> None:
    rng = np.random.default_rng(1)
    truth, expected = truths(rng)[law][form]
    (found,) = conduction(sweeps(truth, rng))
    assert found.candidates == candidates
    assert found.verdict == (law if len(candidates) == 1 else "undecided")
    assert found.temperatures_k == KELVINS
    assert found.activation is not None
    for name, value in expected.items():
        assert parameters(found, law)[name].value == pytest.approx(value, abs=0.03)


def test_the_permittivity_tells_schottky_from_poole_frenkel_at_one_temperature() -> None:
    """β of Poole–Frenkel emission with ε = 5 in 50 nm: 0.152 eV/√V."""
    rng = np.random.default_rng(2)
    beta = 2 * (1.602e-19 / (4 * np.pi * 8.854e-12 * 5 * 5e-8)) ** 0.5

    def truth(v: Floats, t: float) -> Floats:
        return np.log(v) + beta * np.sqrt(v) / (K * t)

    traces = sweeps(truth, rng, (300.0,), thickness_m=5e-8)
    (found,) = conduction(traces)
    assert found.verdict == "undecided"
    assert set(found.candidates) == {"Schottky emission", "Poole–Frenkel emission"}
    assert "--permittivity-optical" in found.would_decide
    (decided,) = conduction(traces, permittivity_optical=5.0)
    assert decided.verdict == "Poole–Frenkel emission"
    assert parameters(decided, decided.verdict)["permittivity"].value == pytest.approx(5, rel=0.1)
    assert "permittivity 1.2" in vetoes(decided, "Schottky emission")[0]
    (without,) = conduction(sweeps(truth, rng, (300.0,)))
    assert "--thickness-nm" in without.would_decide


def test_a_line_is_ohmic_only_where_tunnelling_is_excluded() -> None:
    rng = np.random.default_rng(3)
    (found,) = conduction(sweeps(lambda v, t: np.log(v), rng, (300.0,)))
    assert set(found.candidates) == {"Ohmic conduction", "Direct tunneling"}
    (thick,) = conduction(sweeps(lambda v, t: np.log(v), rng, (300.0,), thickness_m=1e-7))
    assert thick.verdict == "Ohmic conduction"
    assert "100 nm" in vetoes(thick, "Direct tunneling")[0]


def test_a_width_of_a_barrier_that_no_fit_bounds_is_no_overflow() -> None:
    rng = np.random.default_rng(12)
    truth, _ = truths(rng)["Ohmic conduction"][""]
    (found,) = conduction(sweeps(truth, rng, (300.0,), thickness_m=5e-8), 5.0)
    assert "Ohmic conduction" in found.candidates


def test_a_line_that_contacts_bend_may_still_be_ohmic() -> None:
    rng = np.random.default_rng(6)
    bent = sweeps(lambda v, t: 1.02 * np.log(v), rng, (300.0,), noise=0.005, thickness_m=1e-7)
    (found,) = conduction(bent)
    assert found.verdict == "undecided"
    assert "Ohmic conduction" in found.candidates


def test_the_richardson_constant_excludes_emission_that_is_too_large() -> None:
    rng = np.random.default_rng(4)
    truth, _ = truths(rng)["Schottky emission"][""]
    logs = truth(UP, 350.0).max()
    area = 1e-6 * np.exp(-logs) / 120e4  # 120 A/(cm² K²) by the scale of sweeps()
    (right,) = conduction(sweeps(truth, rng, area_m2=area))
    assert right.verdict == "Schottky emission"
    found = parameters(right, right.verdict)["richardson"].value
    assert found == pytest.approx(120, rel=0.2)
    (wrong,) = conduction(sweeps(truth, rng, area_m2=area / 1e4))
    assert wrong.verdict == "undecided"
    assert "excluded: richardson" in wrong.note


def test_a_curve_of_no_law_is_undecided_with_what_the_best_law_leaves() -> None:
    v = np.linspace(0.02, 2, 200)
    trace = Trace(v, 1e-6 * v * (1.2 + np.sin(6 * v)))
    found = conduction([trace])
    assert all(branch.verdict == "undecided" for branch in found)
    assert "fits best and leaves" in found[0].note


def test_a_set_a_reset_and_a_current_limit_are_left_out() -> None:
    up = np.linspace(0, 2, 201)
    v = np.concatenate([up, up[::-1][1:]])
    i = np.where((np.arange(401) < 101), v * 1e-5, np.minimum(v * 1e-3, 5e-4))
    out, back = conduction([Trace(v, i, setup=Setup(thickness_m=1e-7))])
    assert (out.branch, out.verdict) == ("+ out", "Ohmic conduction")
    assert out.range_v[1] == pytest.approx(1.0)
    assert (back.branch, back.verdict) == ("+ back", "Ohmic conduction")
    assert back.range_v[1] == pytest.approx(0.5, abs=0.011)


def test_a_million_points_become_a_hundred() -> None:
    v = np.linspace(0.01, 2, 100_000)
    (found,) = conduction([Trace(v, v**2 * 1e-6)])
    assert found.points == 100
    assert found.verdict == "SCLC"


def test_files_at_several_temperatures_are_one_measurement(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    truth, _ = truths(rng)["Fowler–Nordheim tunneling"][""]
    files = [tmp_path / f"{kelvin:g}K.csv" for kelvin in KELVINS]
    for path, trace in zip(files, sweeps(truth, rng), strict=True):
        points = np.column_stack([trace.voltage_v, trace.current_a])
        np.savetxt(path, points, delimiter=",", header="V (V),I (A)", comments="")
    document = measure(files, Request(temperatures_k=KELVINS, thicknesses_m=[1e-7])).document()
    (found,) = document["conduction"]
    assert found["device"] == "all"
    assert found["laws"][0]["vetoes"][0].endswith("eV, below kT")
    units = {m["name"]: m["unit"] for m in found["laws"][0]["parameters"]}
    assert units == {"fn_slope": "V", "fn_barrier": "eV"}


def test_impossible_values_are_refused() -> None:
    with pytest.raises(InputError, match=r"permittivity 0\.5"):
        conduction([Trace(UP, UP)], permittivity_optical=0.5)


@pytest.mark.parametrize(("power", "verdict"), [(3, "SCLC"), (2, "undecided")])
def test_space_charge_scales_with_the_thickness(power: int, verdict: str) -> None:
    """V²/d³ is SCLC (Mott and Gurney); V²/d², a function of the field alone, is not."""
    scaled = []
    for d in (50e-9, 70e-9, 100e-9, 140e-9):
        rng = np.random.default_rng(7)
        (trace,) = sweeps(lambda v, t: 2 * np.log(v), rng, (300.0,), thickness_m=d, area_m2=1e-9)
        scaled.append(replace(trace, current_a=trace.current_a * (5e-8 / d) ** power))
    for found in conduction(scaled):
        assert found.verdict == verdict
        slope = parameters(found, "SCLC")["thickness_slope"].value
        assert slope == pytest.approx(3 - power, abs=0.1)
    assert ("off that of SCLC" in found.note) == (power == 2)
    assert "thickness_slope" not in parameters(conduction(scaled[:2])[0], "SCLC")


@pytest.mark.long
@pytest.mark.parametrize("law", truths(np.random.default_rng(0)))
@pytest.mark.parametrize("kelvins", [KELVINS, (300.0,)], ids=["several", "one"])
def test_laws_are_right_or_undecided(law: str, kelvins: tuple[float, ...]) -> None:
    """At most 2 % wrong laws, and intervals at 90 % cover 85 to 97 %; PVKDB_DRAWS=200 for more."""
    tally = judged(law, kelvins, DRAWS)
    print(law, kelvins, f"{tally.right} right, {tally.wrong} wrong of {tally.draws}", tally.shares)
    assert tally.wrong <= 0.02 * tally.draws
    margin = 0.0 if DRAWS >= 200 else 0.1  # four standard errors of 40 draws are 0.19
    for key, share in tally.shares.items():
        assert 0.85 - margin <= share <= 0.97 + margin, key
