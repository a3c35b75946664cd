"""The chain: exact shares of the uncertainty, refusals, and a whole device."""

from __future__ import annotations

from importlib import import_module
from math import log, log10

import numpy as np
import pytest

from pvkdb.errors import InputError
from pvkdb.kinetics.hopping import BOLTZMANN_EV_PER_K
from pvkdb.schemas.calculations.migration import NebResult
from pvkdb.schemas.calculations.simulations import SimulationRequest, SimulationResult
from pvkdb.simulation.devices.inputs import simulation_input

from ....conftest import Ngspice
from ..test_compact import scipy_response

pytest.importorskip("numba", reason="numba is not installed (extra 'simulation')")
chain = import_module("pvkdb.simulation.devices.chain")

#: Inputs of the hopping; the barrier is that of γ-CsPbBr3 by SevenNet-0.
IONS = {"temperature_k": (300.0, 300.0), "thickness_nm": (100.0, 100.0), "bias_v": (0.1, 0.1)}
IONS |= {"vacancies": (1e-4, 1e-4), "e_a_ev": (0.25, 0.27), "attempt_frequency_hz": (1e12, 3e12)}
CURRENTS = {"permittivity": (20.0, 20.0), "affinity_ev": (3.6, 3.6), "ionisation_ev": (5.9, 5.9)}
CURRENTS |= dict.fromkeys(("electron_states_per_cm3", "hole_states_per_cm3"), (1e19, 1e19))
CURRENTS |= {"electron_mobility_cm2_per_v_s": (1.0, 30.0), "hole_mobility_cm2_per_v_s": (1.0, 1.0)}
CURRENTS |= {"bottom_work_function_ev": (4.1, 4.1), "top_work_function_ev": (4.31, 4.31)}


def request(barriers: NebResult, **inputs: tuple[float, float]) -> SimulationRequest:
    known = [
        simulation_input(key, *ends, "given", "given") for key, ends in (IONS | inputs).items()
    ]
    device = {"formula": "CsPbBr3", "phase": "Pnma", "stack": "ITO/CsPbBr3/Ag", "axis": "b"}
    run = {"inputs": tuple(known), "scan_rates_v_per_s": (), "seeds": 4}
    return SimulationRequest(barriers=barriers, **device, **run)


def test_shares_are_of_the_variance_of_the_logarithm() -> None:
    """±2 decades and ±1 decade: 16 and 4 of 20; √5 decades each way."""
    ends = {"a": [0.03, 300.0], "b": [0.3, 30.0]}
    found = chain._quantity("hysteresis of the loop", (3.0, 3.0, 3.0), ends)
    assert found.shares == pytest.approx({"a": 0.8, "b": 0.2})
    assert found.decades == pytest.approx(2 * 5**0.5)
    assert found.missing is not None
    assert found.minimum is None


@pytest.mark.parametrize(
    ("middle", "ends", "words"),
    [
        (float("inf"), [1.0, 2.0], "it did not happen"),
        (1.0, [1.0, float("inf")], "over the whole interval of vacancies"),
        (1.0, [1.0, float("nan")], "over the whole interval of vacancies"),
    ],
)
def test_what_does_not_happen_has_no_interval(middle: float, ends: list[float], words: str) -> None:
    found = chain._quantity("time to lose it", (middle,) * 3, {"vacancies": ends})
    assert words in str(found.missing)
    assert (found.minimum, found.decades) == (None, None)


def test_barrier_and_frequency_share_as_the_exponential_says(
    caesium_lead_bromide: NebResult,
) -> None:
    """D is ν exp(−E_A/kT): 20 meV are 0.336 decades at 300 K, a factor 3 is 0.477."""
    found = chain.simulate_device(request(caesium_lead_bromide))
    decades = 0.02 / (BOLTZMANN_EV_PER_K * 300.0 * log(10))
    barrier = decades**2 / (decades**2 + log10(3) ** 2)
    for quantity in found.quantities:
        assert quantity.shares["e_a_ev"] == pytest.approx(barrier, rel=1e-3)
        assert quantity.decades == pytest.approx((decades**2 + log10(3) ** 2) ** 0.5, rel=1e-3)
        assert quantity.minimum < quantity.value < quantity.maximum
    assert found.pulse is None
    assert "give --set permittivity=…" in found.notes[1]


def test_a_gap_without_enough_vacancies_is_not_simulated(caesium_lead_bromide: NebResult) -> None:
    rare = request(caesium_lead_bromide, vacancies=(1e-9, 1e-9), gap_nm=(20.0, 20.0))
    found = chain.simulate_device(rare)
    (quantity,) = (each for each in found.quantities if each.name == "time to fill the gap")
    assert quantity.missing == "it did not happen"
    assert "24 vacancies need over 2,000,000 sites" in found.notes[-1]


def test_a_layer_that_no_path_crosses_is_refused(
    released: dict[tuple[str, str, str], NebResult],
) -> None:
    flat = request(released["K2IrCl6", "P4/mnc", "chgnet"])
    with pytest.raises(InputError, match="cannot cross the layer along c; give another --axis"):
        chain.simulate_device(flat.model_copy(update={"axis": "c"}))


@pytest.fixture(scope="module")
def device(caesium_lead_bromide: NebResult) -> SimulationResult:
    """A whole device, with a gap."""
    gap = {"gap_nm": (20.0, 20.0), "vacancies": (0.01, 0.01)}
    return chain.simulate_device(request(caesium_lead_bromide, **gap, **CURRENTS))


@pytest.mark.slow
def test_a_device_has_currents_times_and_a_budget(device: SimulationResult) -> None:
    quantities = {each.name: each for each in device.quantities}
    assert set(quantities) == set(chain.OUTPUTS)
    assert all(each.value is not None for each in quantities.values())
    for name in ("time to fill the gap", "time to move the vacancies in a pulse"):
        assert quantities[name].shares["attempt_frequency_hz"] > 0.3
        assert quantities[name].shares.get("electron_mobility_cm2_per_v_s", 0.0) < 1e-3
    assert "spread of the runs" in quantities["time to fill the gap"].shares
    rates = [each.rate_v_per_s for each in device.loops]
    assert rates == sorted(rates)
    assert len(rates) == 5
    assert device.compact is not None or "Compact model" in device.notes[-1]


@pytest.mark.slow
def test_the_netlist_is_its_device_in_ngspice(device: SimulationResult, ngspice: Ngspice) -> None:
    """Beside scipy, and the loop that it is fitted to: within 15 % of the decades of its current.

    The loops beside it, ten times slower and faster, were held out.
    """
    name = device.compact["model"]
    values = {row["name"]: row["value"] for row in device.compact["parameters"]}
    loop = device.loops[2]
    time, volts, measured = map(np.array, (loop.time_s, loop.voltage_v, loop.current_a_per_m2))
    drive = " ".join(f"{t} {v}" for t, v in zip(time, volts, strict=True))
    circuit = f"{device.netlist}X1 a 0 {name}\nV1 a 0 PWL({drive})\n"
    analysis = f"tran {time[-1] / 2000} {time[-1]} 0 {time[-1] / 2000}"
    table = ngspice(circuit, analysis, "i(V1) v(x1.x)")
    current, state = (np.interp(time, table[:, 0], column) for column in table[:, 1:].T)
    _, expected = scipy_response(name, values, time, (time, volts))
    assert np.abs(state - expected).max() < 1e-3 * np.ptp(state)
    used = np.abs(measured) > 0.05 * np.abs(measured).max()
    off = np.log(np.abs(current / measured / 1e-12))[used]
    assert np.sqrt(np.mean(off**2)) < 0.15 * np.ptp(np.log(np.abs(measured[used])))
    assert (current * measured)[used].max() < 0  # i(V1) flows out of the device
    held_out = [note for note in device.compact["notes"] if note.startswith("held out")]
    shares = [float(note.partition("(rms), ")[2].partition("%")[0]) for note in held_out]
    assert len(shares) == 2
    assert max(shares) < 15


@pytest.mark.slow
def test_electrodes_beyond_the_bands_are_refused_and_ends_are_noted(
    caesium_lead_bromide: NebResult, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chain, "compact", lambda loop: (None, "", []))  # takes long
    beyond = CURRENTS | {"top_work_function_ev": (6.0, 6.0)}
    with pytest.raises(InputError, match="work_function_ev=6 of the right contact"):
        chain.simulate_device(request(caesium_lead_bromide, **beyond))
    end = CURRENTS | {"top_work_function_ev": (4.3, 6.0)}
    found = chain.simulate_device(request(caesium_lead_bromide, **end))
    assert any(note.startswith("Not simulated at an end") for note in found.notes)
    current = found.quantities[-5]
    assert "over the whole interval of top_work_function_ev" in str(current.missing)
