"""Good practice: what a data set does not show is no, or not known; never yes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pvkdb.measurements.forms import (
    AreaSeries,
    Cycles,
    Decay,
    Pairs,
    PulseTrain,
    Setup,
    States,
    TemperatureSeries,
    Trace,
)
from pvkdb.measurements.metrics import Measured
from pvkdb.measurements.practice import ENOUGH_CYCLES, quality

NUMBERS = np.arange(1.0, 5.0)


def answers(kind: str, *forms: Any, metrics: tuple[Measured, ...] = ()) -> dict[str, str]:
    return {row.question: row.answer for row in quality({kind: forms}, metrics)}


def test_so_many_cycles_show_the_outermost_five_percent() -> None:
    assert 1 - 0.95**ENOUGH_CYCLES >= 0.9 > 1 - 0.95 ** (ENOUGH_CYCLES - 1)


@pytest.mark.parametrize(
    ("count", "gaps", "expected"),
    [(10, None, ("no", "not known")), (50, False, ("yes", "yes")), (50, True, ("yes", "no"))],
)
def test_cycles(count: int, gaps: bool | None, expected: tuple[str, str]) -> None:
    logs = np.full((5, count), 1e5)
    found = answers("endurance", Cycles(logs, logs / 10, tuple("abcde"), gaps=gaps))
    asked = ("Enough cycles to show the distribution?", "Both states read in every cycle?")
    assert tuple(found[each] for each in asked) == expected
    assert found["Several devices?"] == "yes"
    assert found["States tested for retention?"] == "no"
    assert found["Read voltage known?"] == "no"


def test_files_may_be_of_one_device() -> None:
    def decay(name: str) -> Decay:
        return Decay(NUMBERS, NUMBERS, setup=Setup(f"{name}.csv", name))

    assert answers("retention", decay("a"))["Several devices?"] == "no"
    assert answers("retention", decay("a"), decay("b"))["Several devices?"] == "not known"


def test_reads_under_a_constant_voltage_do_not_exclude_disturbance() -> None:
    lasting = Measured("retention", 4.0, bound=">")
    found = answers("retention", Decay(NUMBERS, NUMBERS, bias_v=0.1), metrics=(lasting,))
    assert found["Read disturbance excluded?"] == "no"
    assert found["Retention measured, not extrapolated?"] == "no"
    assert found["Read voltage known?"] == "yes"
    assert found["Retention tested at three or more temperatures?"] == "not known"
    hot = [Decay(NUMBERS, NUMBERS, setup=Setup(temperature_k=k)) for k in (300, 320, 340)]
    found = answers("retention", *hot, TemperatureSeries(tuple(hot)), metrics=(lasting,) * 3)
    assert found["Retention tested at three or more temperatures?"] == "yes"
    assert found["Read disturbance excluded?"] == "not known"


def test_states_count_after_the_wait() -> None:
    rng = np.random.default_rng(0)
    before = tuple(rng.normal(m, 0.01, 50) for m in range(4))
    after = tuple(rng.normal(m, 1, 50) for m in range(4))
    assert answers("states", States(tuple("abcd"), before))["States tested for retention?"] == "no"
    found = answers("states", States(tuple("abcd"), before, after))
    assert found["States tested for retention?"] == "yes"
    assert found["Do all states stay apart?"] == "no"


def test_sweeps_say_their_rate() -> None:
    v = np.concatenate([np.linspace(0, 1, 51), np.linspace(1, 0, 51)])
    assert answers("iv", Trace(v, v * 1e-3))["Sweep rate known?"] == "no"
    trace = Trace(v, v * 1e-3, np.arange(102.0))
    assert answers("iv", trace)["Sweep rate known?"] == "yes"
    found = answers("area", AreaSeries((trace,)))
    assert found == {"Several devices?": "no", "Read voltage known?": "no"}


def test_one_train_is_not_repeated() -> None:
    up = PulseTrain(NUMBERS, NUMBERS)
    down = PulseTrain(NUMBERS, NUMBERS[::-1], falling=True)
    found = answers("pulses", up, down)
    assert found["Potentiation and depression repeated?"] == "no"
    assert found["States tested for retention?"] == "no"
    assert answers("pulses", up, down, up, down)["Potentiation and depression repeated?"] == "yes"
    assert set(answers("ppf", Pairs(NUMBERS, NUMBERS))) == {"Several devices?"}
