"""The page of the simulated devices: its numbers against their bounds, and one run again."""

from __future__ import annotations

import json

import numpy as np
import pytest

from validation.devices.drift_diffusion import FOLDER, SIMSALABIM, hysteresis, page, solar

NUMBERS = json.loads((FOLDER / "drift_diffusion.json").read_text(encoding="utf-8"))


def test_the_page_is_that_of_its_numbers() -> None:
    assert (FOLDER / "drift_diffusion.md").read_text(encoding="utf-8") == page(NUMBERS)


def test_hysteresis_is_as_simsalabims() -> None:
    """Within 20 % and half of the last digit, at 10 V/s within 30 %; highest at 1 and 10 V/s."""
    found, there = np.array(NUMBERS["hysteresis"]), np.array(list(SIMSALABIM.values()))
    bounds = there * [0.2, 0.2, 0.2, 0.3, 0.2] + 0.005
    assert (np.abs(found - there) < bounds).all()
    assert found[2:4].min() > found[[0, 1, 4]].max()


def test_defaults_are_converged() -> None:
    """60 nodes and a tolerance of 0.001 are within 3 % of the finest."""
    for key, default in (("points", 60), ("tolerance", 1e-3)):
        errors = {value: both for value, *both in NUMBERS[key]}
        assert max(errors[default]) < 0.03
        assert max(errors[NUMBERS[key][-1][0]]) < max(errors[NUMBERS[key][0][0]])


def test_charge_and_ions_are_conserved() -> None:
    """Rounding is what is lost of the charge: with 11 bits less it is 2¹¹ times as much."""
    assert max(*NUMBERS["ions"], *NUMBERS["charge"]) < 1e-9
    assert 1000 < NUMBERS["double"] / NUMBERS["charge"][0] < 4000
    for _, vacancies, current in NUMBERS["filament"]:
        assert max(vacancies, current) < 1e-9


@pytest.mark.slow
def test_the_numbers_are_those_of_this_code() -> None:
    found = hysteresis(*solar([1.0]))
    assert found == pytest.approx(NUMBERS["hysteresis"][2], rel=0.03)
