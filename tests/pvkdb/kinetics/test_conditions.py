"""The layer of a prediction: defaults that the review prints, ranges as people write them."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from pvkdb.chemistry import Interval
from pvkdb.errors import InputError
from pvkdb.kinetics import estimate
from pvkdb.kinetics.conditions import DEFAULTS, LAYER_DEFAULTS, layer, parse_range
from pvkdb.kinetics.hopping import switching_time_s
from pvkdb.store.collections import DEVICE_CLAIMS, DEVICES
from pvkdb.store.models.devices import DeviceClaim


def test_defaults_are_spans_of_what_the_store_holds(literature: Session) -> None:
    """Layers of perovskite memristors, SET voltages of Table 4, widths of electrical pulses."""
    claims = {each.id: each for each in literature.scalars(DEVICE_CLAIMS.statement).unique()}
    layers = span(
        claim
        for claim in claims.values()
        # Layers of a metal electrode are none of the perovskite.
        if claim.metric == "thickness_m" and not claim.device.endswith(("(Bi)", "(Ag)"))
    )
    widths = [claims["c-s5.1.3-002"], claims["c-s6.1.2-003"]]
    assert all(claim.metric == "pulse_width_s" for claim in widths)
    pulses = span(widths)
    ends = [
        abs(end)
        for device in literature.scalars(DEVICES.statement).unique()
        if device.id.startswith("d-t4-")
        if (metric := device.metric("v_set_v")) is not None
        for end in (metric.value_min, metric.value_max)
    ]
    found = {name: default.value for name, default in LAYER_DEFAULTS.items()}
    assert found["thickness_m"] == layers == Interval(6e-8, 1e-6)
    assert found["write_time_s"] == pulses
    assert found["bias_v"] == Interval(min(ends), max(ends))


def span(claims: Iterable[DeviceClaim]) -> Interval:
    ends = [end for each in claims for end in (each.value, each.value_max) if end is not None]
    return Interval(min(ends), max(ends))


def test_what_is_given_is_no_default_and_the_rest_says_where_it_comes_from() -> None:
    given_layer = layer(thickness_m=Interval.exactly(3e-7))
    assumed = {each.name: each for each in estimate(Interval(0.3, 0.5), given_layer).assumptions}
    assert (assumed["thickness_m"].default, assumed["thickness_m"].source) == (False, "given")
    for name in ("bias_v", "write_time_s", *DEFAULTS):
        assert assumed[name].default
        assert len(assumed[name].source) > 15


@given(st.floats(0.05, 0.9), st.floats(3e-8, 2e-6), st.floats(1e-6, 1.0))
def test_the_set_voltage_switches_in_the_time_of_the_pulse(
    barrier: float, thickness: float, pulse: float
) -> None:
    """V(t) and t(V) are inverse; where no voltage is fast enough there is only a lower bound."""
    exactly = Interval.exactly
    conditions = layer(thickness_m=exactly(thickness), write_time_s=exactly(pulse))
    found = estimate(Interval.exactly(barrier), conditions).quantity("SET voltage")
    assert found.unit == "V"
    for voltage, frequency in ((found.minimum, 1e13), (found.maximum, 1e12)):
        walk = {name: default.value.minimum or 0.0 for name, default in DEFAULTS.items()}
        walk |= {"attempt_frequency_hz": frequency, "barrier_ev": barrier}
        time = switching_time_s(voltage, thickness, **walk)
        assert float(time) == pytest.approx(pulse, rel=1e-6)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "neither a number nor a range"),
        *((text, "neither") for text in ("a", "1:2:3", "nan", "inf")),
        ("0.5:0.3", "runs backwards; write 0.3:0.5"),
    ],
)
def test_what_is_no_range_is_refused_by_its_name(text: str, words: str) -> None:
    with pytest.raises(InputError, match=words) as refused:
        parse_range(text, "--e-a", "eV")
    assert str(refused.value).startswith(f"--e-a: {text!r}")


@pytest.mark.parametrize(
    ("name", "value"), [("thickness_m", 0.0), ("temperature_k", -1.0), ("write_time_s", 0.0)]
)
def test_a_layer_that_cannot_be_is_refused(name: str, value: float) -> None:
    with pytest.raises(InputError, match="out of range"):
        layer(**{name: Interval.exactly(value)})
