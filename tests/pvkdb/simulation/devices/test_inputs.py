"""Inputs of the chain: their middle, what is refused, and the tables behind them."""

from __future__ import annotations

import pytest

from pvkdb.errors import InputError
from pvkdb.simulation.devices.inputs import INPUTS, WORK_FUNCTIONS, remedy, simulation_input


def test_the_middle_of_a_density_is_geometric_and_that_of_an_energy_is_not() -> None:
    assert simulation_input("vacancies", 1e-5, 1e-3, "given", "given").value == pytest.approx(1e-4)
    affinity = simulation_input("affinity_ev", 3.6, 3.9, "given", "given")
    assert affinity.value == pytest.approx(3.75)
    assert simulation_input("e_a_ev", 0.0, 0.4, "store", "store", 0.3).value == 0.3


@pytest.mark.parametrize(
    ("name", "low", "high", "words"),
    [
        ("thickness", 200.0, 200.0, "thickness_nm"),
        ("thickness_nm", 0.0, 200.0, "thickness of the layer.*above zero, in nm"),
        ("bias_v", 2.0, 1.0, "bias_v=2:1"),
        ("temperature_k", 300.0, float("inf"), "in K"),
        ("vacancies", 0.5, 1.5, "at most 1"),
        ("thickness_nm", 1e308, 1e308, "in nm"),
    ],
)
def test_what_cannot_be_an_input_is_refused(name: str, low: float, high: float, words: str) -> None:
    with pytest.raises(InputError, match=words):
        simulation_input(name, low, high, "given", "given")


def test_every_input_says_how_it_is_given() -> None:
    assert remedy("thickness_nm") == "--thickness-nm (thickness of the layer, nm)"
    assert remedy("permittivity").startswith("--set permittivity=…")
    assert {scale for _, _, scale, _ in INPUTS.values()} == {"log", "linear"}


def test_work_functions_have_intervals_and_sources() -> None:
    """Of the abstracts: 4.31 ± 0.03 eV for silver, and so on."""
    printed = {"Ag": (4.31, 0.03), "Al": (4.20, 0.05), "Au": (4.70, 0.03), "Cu": (4.52, 0.04)}
    printed |= {"Ni": (4.74, 0.04), "FTO": (5.0, 0.1), "ITO": (4.15, 0.25)}
    assert WORK_FUNCTIONS.keys() == printed.keys()
    for name, (middle, half) in printed.items():
        assert WORK_FUNCTIONS[name][:2] == pytest.approx((middle - half, middle + half))
    assert all(source.split(": ")[1] for _, _, source in WORK_FUNCTIONS.values())
