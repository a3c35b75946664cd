"""Estimates: everything assumed is shown, and what is missing stands in place of a window."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pvkdb.chemistry import Interval
from pvkdb.errors import InputError
from pvkdb.kinetics import Conditions, estimate
from pvkdb.kinetics.conditions import DEFAULTS
from pvkdb.kinetics.estimates import bounds
from pvkdb.kinetics.hopping import (
    drift_velocity_m_per_s,
    hop_rate_hz,
    relaxation_time_s,
    vacancy_fraction,
)

from .test_hopping import WALK


def intervals(low: float, high: float) -> st.SearchStrategy[Interval]:
    pair = st.tuples(st.floats(low, high), st.floats(low, high))
    return pair.map(lambda ends: Interval(*sorted(ends)))


LAYER = Conditions(thickness_m=Interval.exactly(3e-7), bias_v=Interval.exactly(1.0))


def test_defaults_are_visible_with_their_source() -> None:
    document = estimate(Interval.exactly(0.58), LAYER)
    assumed = {entry.name: entry for entry in document.assumptions}
    for name, default in DEFAULTS.items():
        assert assumed[name].default
        assert assumed[name].value == str(default.value)
        assert assumed[name].source == default.source
    assert assumed["attempt_frequency_hz"].value == "1e+12–1e+13"
    assert assumed["temperature_k"].default
    assert not assumed["thickness_m"].default
    for quantity in document.quantities:
        assert quantity.equation
        assert quantity.source


def test_what_is_given_replaces_the_default_and_says_so() -> None:
    chosen = Conditions(
        thickness_m=Interval.exactly(1e-7),
        temperature_k=Interval(300, 350),
        attempt_frequency_hz=Interval.exactly(2e12),
        sources={"attempt_frequency_hz": "phonons of this phase"},
    )
    document = estimate(Interval(0.3, 0.4), chosen)
    assumed = {entry.name: entry for entry in document.assumptions}
    assert assumed["attempt_frequency_hz"].value == "2e+12"
    assert assumed["attempt_frequency_hz"].source == "phonons of this phase"
    assert not assumed["attempt_frequency_hz"].default
    found = document.quantity("relaxation time")
    walk = {**WALK, "barrier_ev": 0.4, "temperature_k": 300.0, "attempt_frequency_hz": 2e12}
    slowest = relaxation_time_s(1e-7, **walk)
    assert found.maximum == pytest.approx(float(slowest))
    assert document.quantity("switching time") is None
    assert any("no switching time" in note for note in document.notes)


@pytest.mark.parametrize(
    ("barrier_ev", "temperature_k", "questioned"),
    [(0.05, 298.15, True), (0.05, 400.0, False), (0.30, 298.15, False)],
)
def test_an_ion_faster_than_a_liquid_at_room_temperature_is_questioned_and_shown(
    barrier_ev: float, temperature_k: float, questioned: bool
) -> None:
    warm = Interval.exactly(temperature_k)
    conditions = Conditions(thickness_m=Interval.exactly(1e-7), temperature_k=warm)
    document = estimate(Interval.exactly(barrier_ev), conditions)
    assert document.quantity("diffusion coefficient of the defect") is not None
    assert any(note.startswith("Check: ") for note in document.notes) == questioned


def test_vacancies_slow_the_ions_down() -> None:
    formed = Interval(0.13, 1.87)
    conditions = Conditions(thickness_m=Interval.exactly(1e-7), vacancy_formation_ev=formed)
    document = estimate(Interval.exactly(0.3), conditions)
    defect = document.quantity("diffusion coefficient of the defect")
    ions = document.quantity("diffusion coefficient of the ions")
    assert (ions.maximum or 0) < (defect.maximum or 0)


@pytest.mark.parametrize(
    ("barrier", "thickness", "quantity", "said"),
    [
        (
            *(Interval(0.08, 0.58), Interval.exactly(3e-7), "relaxation time"),
            "the window spans 9.5 decades; missing: closer values of migration barrier (0.08 eV to "
            "0.58 eV)",
        ),
        (
            *(Interval.exactly(0.35), Interval(6e-8, 1e-6), "relaxation time"),
            "the window spans 3.4 decades; missing: closer values of thickness (60 nm to 1 μm)",
        ),
        (
            *(Interval(0.77, None, bound="lower"), Interval.exactly(3e-7), "switching time"),
            "the window has no upper end; missing: closer values of migration barrier (at least "
            "0.77 eV)",
        ),
        (
            *(Interval.exactly(1.2), Interval.exactly(3e-7), "relaxation time"),
            "2.1 × 10⁴ years to 2.1 × 10⁵ years is beyond what a device can have",
        ),
        (Interval.exactly(0.35), Interval.exactly(3e-7), "relaxation time", None),
    ],
)
def test_what_is_missing_stands_in_place_of_a_window_beyond_reason(
    barrier: Interval, thickness: Interval, quantity: str, said: str | None
) -> None:
    layer = Conditions(thickness_m=thickness, bias_v=Interval.exactly(1.0))
    document = estimate(barrier, layer)
    (whole, shown) = (each.quantity(quantity) for each in (document, document.within_reason()))
    assert whole.minimum
    assert (shown.minimum is None) == (said is not None)
    assert (shown.missing or "").startswith(said or "")
    assert (shown.missing is None) == (said is None)


@given(
    intervals(0.0, 1.2), intervals(250, 400), intervals(1e-8, 1e-6), intervals(-1, 3), st.randoms()
)
@settings(deadline=None)
def test_every_value_within_the_intervals_lies_within_the_bounds(
    barrier: Interval, temperature: Interval, thickness: Interval, bias: Interval, random: Random
) -> None:
    arguments = {name: DEFAULTS[name].value for name in WALK}
    arguments |= {"barrier_ev": barrier, "temperature_k": temperature}
    arguments |= {"thickness_m": thickness, "bias_v": bias}
    low, high = bounds(drift_velocity_m_per_s, arguments)
    for _ in range(20):
        drawn = {
            name: random.uniform(value.minimum or 0.0, value.maximum or 0.0)
            for name, value in arguments.items()
        }
        speed = float(drift_velocity_m_per_s(**drawn))
        assert low * (1 - 1e-3) <= speed <= (high or 0.0) * (1 + 1e-3)


def test_an_open_side_reaches_to_the_end_of_the_range() -> None:
    """The review's "> 1.20 eV": no upper end of the time, none but zero of the rate."""
    rate = {"temperature_k": 300.0, "attempt_frequency_hz": 1e12}
    rate = {name: Interval.exactly(value) for name, value in rate.items()}
    above, below = Interval(1.2, None, bound="lower"), Interval(None, 0.3, bound="upper")
    found = bounds(hop_rate_hz, {"barrier_ev": above, **rate})
    assert found == (0, hop_rate_hz(1.2, 300.0, 1e12))
    found = bounds(hop_rate_hz, {"barrier_ev": below, **rate})
    assert found == (hop_rate_hz(0.3, 300.0, 1e12), 1e12)
    time = estimate(above, LAYER).quantity("relaxation time")
    assert (time.minimum or 0.0) > 0
    assert time.maximum is None
    nowhere = Conditions(thickness_m=Interval.exactly(1e-7), bias_v=Interval.exactly(0.0))
    with pytest.raises(InputError, match="nothing bounds the result"):
        estimate(Interval.exactly(0.3), nowhere)
    with pytest.raises(InputError, match="vacancy_formation_ev = < 1 has no lower end"):
        bounds(vacancy_fraction, {"vacancy_formation_ev": Interval(None, 1), **rate})
