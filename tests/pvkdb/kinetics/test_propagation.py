"""Intervals and samples carried through the equations."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pvkdb.chemistry import Interval
from pvkdb.errors import InputError
from pvkdb.kinetics.hopping import drift_velocity_m_per_s, hop_rate_hz, vacancy_fraction
from pvkdb.kinetics.propagation import bounds, samples
from pvkdb.kinetics.times import relaxation_time_s, switching_time_s

from .test_hopping import WALK


def intervals(low: float, high: float) -> st.SearchStrategy[Interval]:
    pair = st.tuples(st.floats(low, high), st.floats(low, high))
    return pair.map(lambda ends: Interval(*sorted(ends)))


@given(
    intervals(0.05, 1.2),
    intervals(250, 400),
    intervals(1e-8, 1e-6),
    intervals(0.01, 3),
    st.integers(),
)
@settings(deadline=None)
def test_every_sample_lies_within_the_bounds(
    barrier: Interval, temperature: Interval, thickness: Interval, bias: Interval, seed: int
) -> None:
    arguments: dict[str, float | Interval] = {
        **WALK,
        "barrier_ev": barrier,
        "temperature_k": temperature,
        "thickness_m": thickness,
        "bias_v": bias,
        "attempt_frequency_hz": Interval(1e12, 1e13),
    }
    generator = np.random.default_rng(abs(seed))
    found = bounds(switching_time_s, **arguments)
    drawn = samples(switching_time_s, 50, generator, **arguments)
    assert drawn.shape == (50,)
    assert (drawn >= (found.minimum or 0) * (1 - 1e-9)).all()
    if found.maximum is not None:
        assert (drawn <= found.maximum * (1 + 1e-9)).all()


def test_a_number_is_an_interval_of_no_width() -> None:
    found = bounds(hop_rate_hz, barrier_ev=0.3, temperature_k=300.0, attempt_frequency_hz=1e12)
    assert found.minimum == found.maximum == hop_rate_hz(0.3, 300.0, 1e12)


def test_a_lower_bound_of_a_barrier_is_a_lower_bound_of_a_time() -> None:
    """The review's "> 1.20 eV": no upper end of the time, none but zero of the rate."""
    barrier = Interval(1.2, None, bound="lower")
    time = bounds(
        relaxation_time_s, barrier_ev=barrier, thickness_m=1e-7, temperature_k=300.0, **WALK
    )
    assert time.bound == "lower"
    assert time.maximum is None
    rate = bounds(hop_rate_hz, barrier_ev=barrier, temperature_k=300.0, attempt_frequency_hz=1e12)
    assert (rate.minimum, rate.maximum) == (0, hop_rate_hz(1.2, 300.0, 1e12))


def test_an_upper_bound_of_a_barrier_reaches_down_to_none() -> None:
    barrier = Interval(None, 0.3, bound="upper", approximate=True)
    rate = bounds(hop_rate_hz, barrier_ev=barrier, temperature_k=300.0, attempt_frequency_hz=1e12)
    assert (rate.minimum, rate.maximum) == (hop_rate_hz(0.3, 300.0, 1e12), 1e12)
    assert rate.approximate


def test_a_field_of_either_sign_includes_rest() -> None:
    drift = bounds(
        drift_velocity_m_per_s,
        barrier_ev=0.3,
        field_v_per_m=Interval(-1e6, 2e6),
        temperature_k=300.0,
        **WALK,
    )
    assert (drift.minimum or 0) < 0 < (drift.maximum or 0)
    time = bounds(
        switching_time_s,
        barrier_ev=0.3,
        thickness_m=1e-7,
        bias_v=Interval(-1, 1),
        temperature_k=300.0,
        **WALK,
    )
    assert time.maximum is None  # no bias, no end


def test_samples_repeat_with_their_generator_and_spread_over_decades() -> None:
    arguments = {"barrier_ev": 0.0, "temperature_k": 300.0}
    frequency = Interval(1e10, 1e14)
    one, two = (
        samples(
            hop_rate_hz,
            2000,
            np.random.default_rng(7),
            **arguments,
            attempt_frequency_hz=frequency,
        )
        for _ in range(2)
    )
    assert (one == two).all()
    # Uniform in the logarithm: the median lies at the geometric mean.
    assert np.log10(np.median(one)) == pytest.approx(12, abs=0.15)


def test_what_has_no_end_is_refused_where_one_is_needed() -> None:
    with pytest.raises(InputError, match="open at one side and cannot be drawn"):
        samples(
            hop_rate_hz,
            5,
            np.random.default_rng(1),
            barrier_ev=Interval(0.3, None),
            temperature_k=300.0,
            attempt_frequency_hz=1e12,
        )
    with pytest.raises(InputError, match="formation_energy_ev = < 1 has no lower end"):
        bounds(vacancy_fraction, formation_energy_ev=Interval(None, 1), temperature_k=300.0)
    with pytest.raises(InputError, match="out of range"):
        bounds(
            hop_rate_hz,
            barrier_ev=Interval(-0.1, 0.3),
            temperature_k=300.0,
            attempt_frequency_hz=1e12,
        )
    with pytest.raises(InputError, match="nothing bounds the result"):
        bounds(
            switching_time_s,
            barrier_ev=0.3,
            thickness_m=1e-7,
            bias_v=0.0,
            temperature_k=300.0,
            **WALK,
        )
