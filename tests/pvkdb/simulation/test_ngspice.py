"""Every netlist runs in a real ngspice before it is handed out, over the whole range of a fit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pvkdb.errors import InputError
from pvkdb.simulation.compact import MODELS
from pvkdb.simulation.fitting import bounds, complete, fit
from pvkdb.simulation.fitting import given as stated
from pvkdb.simulation.ngspice import tried

from ...conftest import Ngspice
from ..cli.conftest import Run, environment, run
from .test_compact import driven, model, scipy_response
from .test_fitting import sweep

__all__ = ["environment", "run"]

UNIT = st.floats(0, 1) | st.sampled_from([0.0, 1.0])
FITTED = [name for name, each in MODELS.items() if any(p.start for p in each.parameters.values())]


@pytest.mark.usefixtures("ngspice")
@pytest.mark.parametrize("name", FITTED)
@settings(
    max_examples=12, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_what_a_fit_may_give_runs(name: str, data: st.DataObject) -> None:
    """Sweeps of 1 µs to 3 h, 0.1 to 10 V, 1 pA to 0.1 A; parameters anywhere in their bounds."""
    shape = MODELS[name]
    seconds, top, amps, span = (
        float(10 ** (low + data.draw(UNIT) * (high - low)))
        for low, high in ((-6, 4), (-1, 1), (-12, -1), (0.3, 8))
    )
    scales = {"top": top, "up": top, "down": top, "share": 0.5, "rate": 10 / seconds}
    scales |= {"amps": amps, "least": top / amps, "most": top / amps * span}
    free = [each for each in shape.parameters.values() if each.start]
    logs, bottoms, tops = bounds(shape, free, scales)
    shares = np.array([data.draw(UNIT) for _ in free])
    point = bottoms + shares * (tops - bottoms)
    point = np.where(logs, np.exp(point), point)
    values = {p.name: float(x) for p, x in zip(free, point, strict=True)}
    for each in shape.parameters.values():
        if each.range == "0.1 to 20":  # logarithms round
            values[each.name] = float(np.clip(values[each.name], 0.1, 20))
    if "r_off" in values:
        values["r_on"], high = sorted((values["r_on"], values["r_off"]))
        values["r_off"] = 1.01 * high
    if "eta" in shape.parameters:
        values["eta"] = data.draw(st.sampled_from([-1.0, 1.0]))
    made = replace(complete(shape, stated(values)), sweep=(top, seconds))
    (note,) = tried(made).notes
    assert note == f"ngspice simulates a triangle of {top:.3g} V in {seconds:.3g} s to its end"


@pytest.mark.parametrize("exponent", [0.1, 0.5, 0.9])
def test_an_exponent_below_one_is_the_law_of_the_paper(exponent: float, ngspice: Ngspice) -> None:
    """VTEAM's dx/dt is infinitely steep at its threshold; the netlist's is not, 0.1 % above it."""
    made = model("vteam", a_on=exponent, a_off=exponent)
    time, _, _, state = driven(made, ngspice)[::20].T
    expected = scipy_response("vteam", dict(made.values), time)[1]
    assert np.abs(state - expected).max() < 3e-3
    assert np.ptp(state) > 0.5


@pytest.mark.usefixtures("ngspice")
def test_a_fit_is_tried_with_its_own_sweep() -> None:
    note = tried(fit("ionic", [sweep("ionic", noise=0.03)], {})).notes[-1]
    assert note == "ngspice simulates a triangle of 1.5 V in 3 s to its end"


@pytest.mark.usefixtures("ngspice")
def test_a_netlist_that_does_not_run_is_not_handed_out(run: Run) -> None:
    with pytest.raises(InputError, match=r"yakopcic with a triangle of 1.2 V .*out of range for"):
        tried(model("yakopcic", b=1e4))
    numbers = [f"--set={key}={value}" for key, value in model("yakopcic", b=1e4).values.items()]
    outcome = run("spice", "--model", "yakopcic", "-o", "a.cir", *numbers, code=2)
    assert "ngspice does not simulate yakopcic" in outcome.stderr


def test_without_ngspice_the_netlist_says_that_it_was_not_run(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "* not run, as ngspice is not installed" in tried(model("lif")).spice()
