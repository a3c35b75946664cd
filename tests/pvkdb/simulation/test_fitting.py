"""Parameters of compact models: back from sweeps, and from the figures of devices."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy.orm import Session

from pvkdb.errors import InputError, NotFoundError
from pvkdb.measurements import Request, read
from pvkdb.measurements.forms import Setup, Trace
from pvkdb.simulation.compact import MODELS, CompactModel, response
from pvkdb.simulation.fitting import compared, fit, from_device

from ..measurements.test_measuring import measured
from .test_compact import VALUES

__all__ = ["measured"]

VOLTS = np.interp(np.arange(81), [0, 20, 60, 80], [0, 1.5, -1.5, 0])


def sweep(name: str, scale: float = 1.0, seconds: float = 3.0, noise: float = 0.0) -> Trace:
    """A sweep of a model, with noise of the current."""
    volts, time = VOLTS * scale, np.linspace(0, seconds, len(VOLTS))
    current, _ = response(MODELS[name], VALUES[name], time, volts)
    current = current * np.exp(noise * np.random.default_rng(1).standard_normal(len(volts)))
    return Trace(volts, current, time, setup=Setup(file=f"{name}.csv"))


def rest(name: str, *free: str) -> dict[str, float]:
    return {key: value for key, value in VALUES[name].items() if key not in free}


def off(compact: CompactModel) -> float:
    """The factor by which the note of a held-out sweep says that the current is off."""
    found = re.search(r"off by a factor (\S+)", compact.notes[-1])
    return float(found[1])


def test_given_parameters_stay_and_free_ones_are_found() -> None:
    """At 3 % of noise; the held-out sweep is smaller and slower."""
    found = fit("vteam", [sweep("vteam", noise=0.03)], rest("vteam", "r_on", "k_on"))
    assert found.values["r_on"] == pytest.approx(1e3, rel=0.05)
    assert found.values["k_on"] == pytest.approx(20, rel=0.1)
    assert "least squares in ln I, vteam.csv" in found.sources["k_on"]
    assert found.sources["v_on"] == "given"
    assert off(compared(found, sweep("vteam", 0.9, 5.0))) < 1.15


@pytest.mark.slow
@pytest.mark.parametrize("name", ["threshold", "vteam", "yakopcic", "ionic"])
def test_a_fit_predicts_a_sweep_that_it_has_not_seen(name: str) -> None:
    """Within 15 % of the current: another amplitude and another rate."""
    found = fit(name, [sweep(name, noise=0.03)], {})
    assert off(compared(found, sweep(name, 0.9, 4.5))) < 1.15
    if name == "vteam":
        assert found.values["eta"] == -1


@pytest.mark.slow
def test_a_fit_of_nbsto_predicts_another_device(measured: Path) -> None:
    """Held out: another device of the same area, within 15 % of its decades of current."""
    folder = measured / "nbsto_area"
    fitted, held_out = (
        read([folder / f"r10um_{device}.csv"], Request(kind="iv"))["iv"] for device in ("3A", "3C")
    )
    found = compared(fit("yakopcic", fitted, {}), held_out[0])
    share = re.search(r"\(rms\), (\S+)% of its (\S+) decades", found.notes[-1])
    assert float(share[1]) < 15
    assert float(share[2]) > 6
    with pytest.raises(InputError, match=r"vteam does not fit .*try another --model"):
        fit("vteam", fitted, {})


def test_sweeps_that_cannot_be_fitted_are_refused() -> None:
    trace = sweep("vteam")
    with pytest.raises(InputError, match=r"vteam.csv has no times; give a file"):
        fit("vteam", [replace(trace, time_s=None)], {})
    with pytest.raises(InputError, match=r"does not switch: both branches carry the same current"):
        fit("vteam", [replace(trace, current_a=VOLTS / 1e4)], {})
    with pytest.raises(InputError, match=r"is not fitted; give --set r_on=…"):
        fit("pershin", [trace], {})
    with pytest.raises(InputError, match=r"pershin is not compared with sweeps"):
        compared(fit("pershin", [trace], VALUES["pershin"]), trace)
    with pytest.raises(InputError, match=r"is not fitted; give --set r_leak=… .*--set v_hold=…"):
        fit("lif", [trace], {"c": 1e-9})


def test_a_device_gives_its_thresholds_and_the_rest_is_asked_for(literature: Session) -> None:
    """d-t4-r04 sets at -0.3 V, resets at 2 V, on/off ratio 1e8."""
    with pytest.raises(InputError) as refused:
        from_device(literature, "d-t4-r04", "vteam", {})
    asked = re.findall(r"--set (\w+)=", str(refused.value))
    assert asked == ["r_on", "r_off", "k_on", "k_off", "a_on", "a_off", "x0"]
    extra = {"r_on": 10.0, "k_on": 1e6, "k_off": 1e6, "a_on": 3.0, "a_off": 3.0, "x0": 0.0}
    found = from_device(literature, "d-t4-r04", "vteam", extra)
    assert (found.values["v_on"], found.values["v_off"], found.values["eta"]) == (0.3, 2.0, -1.0)
    assert found.values["r_off"] == pytest.approx(1e9)
    assert found.sources["r_off"].startswith("r_on times store, on_off_ratio 1e+08 of d-t4-r04 (")
    assert found.sources["k_on"] == "given"
    with pytest.raises(InputError, match=r"--set a1=.*--set x0="):
        from_device(literature, "d-t4-r04", "yakopcic", {})


def test_devices_whose_figures_do_not_suffice(literature: Session) -> None:
    with pytest.raises(InputError, match=r"no single value of these: v_set_v 0.19 to 4.8"):
        from_device(literature, "d-t4-r06", "vteam", {})
    with pytest.raises(InputError, match=r"non-volatile and does not decay; use --model vteam"):
        from_device(literature, "d-t4-r04", "threshold", {})
    with pytest.raises(NotFoundError, match=r"d-t4-r4"):
        from_device(literature, "d-t4-r4", "vteam", {})
