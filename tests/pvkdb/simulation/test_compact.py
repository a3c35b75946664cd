"""Compact models in a real ngspice, beside scipy and the equations of the papers by hand."""

from __future__ import annotations

import re
from collections.abc import Callable
from math import exp, log, sinh
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from pvkdb.errors import InputError
from pvkdb.simulation.compact import MODELS, CompactModel, model_named, response
from pvkdb.simulation.fitting import complete, given

from ...conftest import Ngspice

VALUES = {
    "threshold": {"r_on": 1e3, "r_off": 1e6, "v_th": 0.7, "k_on": 80.0, "a_on": 1.5}
    | {"tau": 0.05, "x0": 0.0},
    "vteam": {"r_on": 1e3, "r_off": 1e5, "v_on": 0.6, "v_off": 0.5, "k_on": 20.0, "k_off": 8.0}
    | {"a_on": 2.0, "a_off": 1.5, "eta": -1.0, "x0": 0.02},
    "yakopcic": {"a1": 1e-3, "a2": 7e-4, "b": 1.5, "v_p": 0.6, "v_n": 0.5, "a_p": 2.0, "a_n": 1.0}
    | {"alpha_p": 1.0, "alpha_n": 3.0, "x_p": 0.4, "x_n": 0.5, "eta": 1.0, "x0": 0.05},
    "pershin": {"r_on": 1e3, "r_off": 1e4, "v_t": 0.6, "beta": 1e5, "w_v": 1e-3, "w_r": 1e-3}
    | {"x0": 5e3},
    "ionic": {"r_ion": 1e6, "c_ion": 2e-7, "v_d": 0.2, "v_b": 0.1, "r_leak": 1e7, "x0": -0.1},
    "lif": {"c": 1e-9, "r_leak": 1e4, "r_on": 100.0, "v_th": 1.0, "v_hold": 0.2},
}


def model(name: str, **changes: float) -> CompactModel:
    return complete(MODELS[name], given(VALUES[name] | changes))


def threshold(v: float, x: float, p: dict[str, float]) -> tuple[float, float]:
    """dx/dt and the current, as docs/circuits.md prints them."""
    grown = ((abs(v) / p["v_th"] - 1) ** p["a_on"]) if abs(v) > p["v_th"] else 0.0
    rate = p["k_on"] * grown * (1 - x) - x / p["tau"]
    return rate, v / (p["r_off"] * (p["r_on"] / p["r_off"]) ** x)


def vteam(v: float, x: float, p: dict[str, float]) -> tuple[float, float]:
    """Kvatinsky 2015, equations 1 and 4, with w from w_off = 1 to w_on = 0."""
    w, u = 1 - x, p["eta"] * v
    if u > p["v_on"]:
        falling = -p["k_on"] * (u / p["v_on"] - 1) ** p["a_on"] * w
    elif -u > p["v_off"]:
        falling = p["k_off"] * (-u / p["v_off"] - 1) ** p["a_off"] * (1 - w)
    else:
        falling = 0.0
    return -falling, v * exp(-log(p["r_off"] / p["r_on"]) * w) / p["r_on"]


def yakopcic(v: float, x: float, p: dict[str, float]) -> tuple[float, float]:
    """Yakopcic 2013: g(V), f(x) with the windows w_p and w_n, and the current."""
    g = 0.0
    if v > p["v_p"]:
        g = p["a_p"] * (exp(v) - exp(p["v_p"]))
    elif v < -p["v_n"]:
        g = -p["a_n"] * (exp(-v) - exp(p["v_n"]))
    f = 1.0
    if p["eta"] * v >= 0 and x >= p["x_p"]:
        f = exp(-p["alpha_p"] * (x - p["x_p"])) * ((p["x_p"] - x) / (1 - p["x_p"]) + 1)
    elif p["eta"] * v < 0 and x <= 1 - p["x_n"]:
        f = exp(p["alpha_n"] * (x + p["x_n"] - 1)) * x / (1 - p["x_n"])
    return p["eta"] * g * f, (p["a1"] if v >= 0 else p["a2"]) * x * sinh(p["b"] * v)


def pershin(v: float, r: float, p: dict[str, float]) -> tuple[float, float]:
    """Pershin and Di Ventra 2012, with the smooth steps of Biolek 2013."""

    def step(u: float, width: float) -> float:
        return 1 / (1 + exp(min(-u / width, 700.0)))

    f = p["beta"] * (v - 0.5 * (abs(v + p["v_t"]) - abs(v - p["v_t"])))
    up = step(v, p["w_v"]) * step(1 - r / p["r_off"], p["w_r"])
    down = step(-v, p["w_v"]) * step(r / p["r_on"] - 1, p["w_r"])
    return f * (up + down), v / r


def ionic(v: float, x: float, p: dict[str, float]) -> tuple[float, float]:
    """Kirchhoff: a resistor and C = c/sqrt(1 + |x|/v_d) in series, at V - v_b, beside a leak."""
    ions = (v - p["v_b"] - x) / p["r_ion"]
    return ions / (p["c_ion"] / (1 + abs(x) / p["v_d"]) ** 0.5), ions + v / p["r_leak"]


Law = Callable[[float, float, dict[str, float]], tuple[float, float]]
# By hand, not from the product.
LAWS: dict[str, Law] = {law.__name__: law for law in (threshold, vteam, yakopcic, pershin, ionic)}
TIME = np.array([0.0, 0.75, 2.25, 3.0])
VOLTS = np.array([0.0, 1.5, -1.5, 0.0])


def scipy_response(
    name: str, values: dict[str, float], time: np.ndarray, drive: Any = (TIME, VOLTS)
) -> tuple[np.ndarray, np.ndarray]:
    """The current and the state at these times, driven along the corners of a voltage."""
    law, tolerances = LAWS[name], {"rtol": 1e-9, "atol": 1e-7 if name == "pershin" else 1e-11}

    def rate(t: float, x: np.ndarray) -> list[float]:
        return [law(float(np.interp(t, *drive)), x[0], values)[0]]

    ends, step = (time[0], time[-1]), (time[-1] - time[0]) / 500
    solved = solve_ivp(rate, ends, [values["x0"]], "LSODA", time, max_step=step, **tolerances)
    state, voltage = solved.y[0], np.interp(time, *drive)
    return np.array([law(v, x, values)[1] for v, x in zip(voltage, state, strict=True)]), state


def driven(made: CompactModel, ngspice: Ngspice) -> np.ndarray:
    drive = " ".join(f"{t} {v}" for t, v in zip(TIME, VOLTS, strict=True))
    circuit = f"{made.spice()}X1 a 0 {made.model.name}\nV1 a 0 PWL({drive})\n"
    return ngspice(circuit, "tran 1m 3 0 1m", "v(a) i(V1) v(x1.x)")


@pytest.mark.parametrize("name", LAWS)
def test_ngspice_gives_what_scipy_gives(name: str, ngspice: Ngspice) -> None:
    values, scale = VALUES[name], 1.0 if name != "pershin" else 1e4
    time, _, current, state = driven(model(name), ngspice)[::20].T
    expected, expected_state = scipy_response(name, values, time)
    assert np.abs(state - expected_state).max() < 1e-3 * scale
    assert np.abs(-current - expected).max() < 1e-3 * np.abs(expected).max()
    assert np.ptp(state) > 0.5 * scale  # it switched


@pytest.mark.parametrize("name", ["threshold", "vteam", "yakopcic", "ionic"])
def test_the_own_integrator_follows_the_equations(name: str) -> None:
    time = np.linspace(0, 3, 61)
    voltage = np.interp(time, TIME, VOLTS)
    current, state = response(MODELS[name], VALUES[name], time, voltage, 40)
    expected, expected_state = scipy_response(name, VALUES[name], time)
    assert np.abs(state - expected_state).max() < 1e-3 * np.abs(expected_state).max()
    assert np.abs(current - expected).max() < 1e-3 * np.abs(expected).max()


def test_a_neuron_fires_with_the_period_of_its_circuit(ngspice: Ngspice) -> None:
    """Charging from v_hold to v_th through the leak, then discharging through both resistances."""
    p, amps = VALUES["lif"], 2e-4
    table = ngspice(f"{model('lif').spice()}X1 a 0 lif\nI1 0 a {amps}\n", "tran 1n 25u 0 1n uic")
    time, voltage = table.T
    below = voltage < 0.9
    rises = np.flatnonzero(below[:-1] & ~below[1:])
    at = [float(np.interp(0.9, voltage[k : k + 2], time[k : k + 2])) for k in rises]
    both = 1 / (1 / p["r_leak"] + 1 / p["r_on"])
    charge = log((amps * p["r_leak"] - p["v_hold"]) / (amps * p["r_leak"] - p["v_th"]))
    fall = log((p["v_th"] - amps * both) / (p["v_hold"] - amps * both))
    period = p["c"] * (p["r_leak"] * charge + both * fall)
    assert np.diff(at[1:]).mean() == pytest.approx(period, rel=1e-3)


@pytest.mark.parametrize("name", MODELS)
def test_verilog_a_declares_what_it_uses(name: str) -> None:
    """No free compiler of Verilog-A is packaged: its names, brackets and blocks are checked."""
    text = model(name).verilog_a()
    code = re.sub(r"//.*|`.*", "", text)
    known = {*VALUES[name], name, "p", "n", "x", "V", "I", "ddt", "idt", "cross", "fired"}
    known |= {"initial_step", "abs", "exp", "max", "min", "pow", "sinh", "module", "endmodule"}
    known |= {"inout", "electrical", "integer", "parameter", "real", "analog", "begin", "end"}
    assert set(re.findall(r"\b[A-Za-z_]\w*", code)) <= known
    assert code.count("(") == code.count(")")
    ends = ("begin", "end", "endmodule", ";")
    assert all(line.endswith(ends) for line in code.split("\n") if line)


def test_every_parameter_carries_its_source() -> None:
    sources = {key: (value, f"source of {key}") for key, value in VALUES["vteam"].items()}
    made = complete(MODELS["vteam"], sources)
    for name in VALUES["vteam"]:
        assert f"source of {name}" in made.spice()
        assert f"source of {name}" in made.verilog_a()
    assert all(row["source"] == f"source of {row['name']}" for row in made.document()["parameters"])


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(InputError, match="did you mean 'vteam'"):
        model_named("vteem")
    with pytest.raises(InputError, match="no parameter 'r_of'; known: r_on, r_off"):
        model("vteam", r_of=1.0)
    with pytest.raises(InputError, match="r_on=1e\\+06 is not below r_off=1e\\+06"):
        model("threshold", r_on=1e6)
    with pytest.raises(InputError, match=r"eta=0.5.*1 or -1"):
        model("vteam", eta=0.5)
    with pytest.raises(InputError, match=r"tau=-1.*above zero"):
        model("threshold", tau=-1.0)
    with pytest.raises(InputError, match=r"give --set v_hold=… \(V: "):
        complete(MODELS["lif"], given({"c": 1e-9, "r_leak": 1e4, "r_on": 10.0, "v_th": 1.0}))


def test_the_page_shows_every_model() -> None:
    page = (Path(__file__).parents[3] / "docs" / "circuits.md").read_text(encoding="utf-8")
    for name, each in MODELS.items():
        assert f"`{name}`" in page
        for doi in re.findall(r"10\.\d{4}/[^\s,);]+", each.source):
            assert doi in page


def test_the_netlist_of_the_page_runs(ngspice: Ngspice) -> None:
    page = (Path(__file__).parents[3] / "docs" / "circuits.md").read_text(encoding="utf-8")
    netlist = re.search(r"```spice\n\* A neuron.*?\n(.*?)\.control", page, re.S)
    body = netlist[1].replace(".include neuron.cir", model("lif").spice())
    voltage = ngspice(body, "tran 1n 40u 0 1n uic", "v(m)")[:, 1]
    assert voltage.max() == pytest.approx(1.0, rel=0.01)
    assert np.sum((voltage[:-1] < 0.9) & (voltage[1:] >= 0.9)) >= 5


def test_many_pulses_at_once_are_as_one_by_one() -> None:
    """Times and voltages of a point may differ between the columns."""
    time, voltage = np.array([[0.0, 0.0], [0.1, 0.4]]), np.array([[1.0, 2.0], [1.0, 2.0]])
    both = np.array(response(MODELS["threshold"], VALUES["threshold"], time, voltage))
    for column in range(2):
        arguments = (time[:, column], voltage[:, column])
        alone = response(MODELS["threshold"], VALUES["threshold"], *arguments)
        assert both[:, :, column] == pytest.approx(np.array(alone))
