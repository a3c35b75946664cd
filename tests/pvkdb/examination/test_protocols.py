"""Behaviours of models whose answers are known in closed form, and of models that lack them."""

from __future__ import annotations

import json
from itertools import pairwise
from math import exp, log
from pathlib import Path

import pytest

from pvkdb.errors import InputError
from pvkdb.examination.protocols import Behaviour, Stimuli, behaviours, definitions, stimuli_of
from pvkdb.simulation.compact import MODELS, CompactModel
from pvkdb.simulation.fitting import complete, given

from ..simulation.test_compact import VALUES

DIFFUSIVE, DRIFT = VALUES["threshold"], VALUES["vteam"] | {"eta": 1.0}
RATIO, TAU = 1e3, 0.05


def model(name: str, values: dict[str, float], **changes: float) -> CompactModel:
    return complete(MODELS[name], given(values | changes))


def by_name(found: list[Behaviour]) -> dict[str, Behaviour]:
    return {each.name: each for each in found}


@pytest.fixture(scope="module")
def diffusive() -> dict[str, Behaviour]:
    return by_name(behaviours(model("threshold", DIFFUSIVE)))


@pytest.fixture(scope="module")
def drift() -> dict[str, Behaviour]:
    return by_name(behaviours(model("vteam", DRIFT)))


def pulse(x: float, volts: float, seconds: float) -> float:
    """The state of the diffusive device after a pulse, exactly: dx/dt = k (1 − x) − x/τ."""
    k = 80.0 * max(volts / 0.7 - 1, 0.0) ** 1.5
    end = k / (k + 1 / TAU)
    return end + (x - end) * exp(-(k + 1 / TAU) * seconds)


def at(each: Behaviour) -> tuple[float, ...]:
    return tuple(value for _, value in each.at)


def test_a_diffusive_device_is_a_nociceptor_and_a_synapse(diffusive: dict[str, Behaviour]) -> None:
    assert set(diffusive) == set(definitions())
    assert {each.name for each in diffusive.values() if each.verdict != "shown"} == {"extinction"}


def test_a_non_volatile_device_neither_relaxes_nor_heals(drift: dict[str, Behaviour]) -> None:
    shown = {"threshold", "no_adaptation", "enhanced_response", "allodynia", "hyperalgesia"}
    shown |= {"acquisition"}
    assert {name for name, each in drift.items() if each.verdict == "shown"} == shown
    assert drift["relearning"].verdict == "not tested"
    assert drift["relearning"].note == "nothing is forgotten"
    assert drift["relaxation"].note.startswith("100% of the largest change are left")


def test_the_critical_amplitude_doubles_the_conductance(diffusive: dict[str, Behaviour]) -> None:
    critical = diffusive["threshold"]
    (width,) = at(critical)
    assert critical.value is not None
    assert RATIO ** pulse(0.0, critical.value, width) == pytest.approx(2, rel=1e-4)
    assert f"{critical.value:.3g} V at {width:.3g} s" in critical.note


def test_the_current_is_back_when_a_tenth_is_left(diffusive: dict[str, Behaviour]) -> None:
    relaxation = diffusive["relaxation"]
    x = pulse(0.0, *at(relaxation))
    exact = TAU * log(x / (log(1 + 0.1 * (RATIO**x - 1)) / log(RATIO)))
    assert exact <= relaxation.value < 1.2 * exact  # the waits rise by 17 %
    small = diffusive["epsc"]  # a small change decays with τ
    assert small.value == pytest.approx(TAU, rel=0.1)


def test_the_second_pulse_adds_to_what_the_first_left(diffusive: dict[str, Behaviour]) -> None:
    ppf = diffusive["ppf"]
    volts, width = at(ppf)
    first = pulse(0.0, volts, width)
    second = pulse(first * exp(-0.1), volts, width)  # the shortest interval is τ/10
    assert ppf.value == pytest.approx(100 * (RATIO ** (second - first) - 1), rel=1e-3)


def test_an_injury_strengthens_the_response_until_it_heals(diffusive: dict[str, Behaviour]) -> None:
    hyperalgesia = diffusive["hyperalgesia"]
    volts, width, interval = at(hyperalgesia)
    hurt = pulse(0.0, 2.1, 0.0375) * exp(-interval / TAU)
    before, after = (RATIO ** pulse(x, volts, width) for x in (0.0, hurt))
    assert hyperalgesia.value == pytest.approx(after / before, rel=1e-3)
    shown, tested = hyperalgesia.settings
    assert 0 < shown < tested  # long after the injury the response is as before
    assert diffusive["healing"].settings[0] == diffusive["healing"].settings[1] > 0
    assert diffusive["allodynia"].value == 0  # what the injury left is an answer without a pulse
    healed = diffusive["healing"].value
    assert interval < healed <= 10 * TAU


def test_pairs_teach_what_unconditioned_pulses_alone_do_not(
    diffusive: dict[str, Behaviour], drift: dict[str, Behaviour]
) -> None:
    """Both voltages together drive the state further than the stronger one alone."""
    control = diffusive["contingency"]
    assert control.note == "pairs together"
    volts, width, interval = at(control)
    responses = []
    for amplitude in (1.5 * volts, volts):
        x = 0.0
        for _ in range(10):
            x = pulse(x, amplitude, width) * exp(-interval / TAU)
        responses.append(RATIO ** pulse(x, volts / 2, width))
    assert responses[0] >= 2 > responses[1]
    assert control.value == pytest.approx(responses[0] / responses[1], rel=1e-3)
    # Without decay every unconditioned pulse leaves its trace: sensitization, not association.
    assert drift["acquisition"].verdict == "shown"
    assert drift["contingency"].verdict == "not shown"


def test_the_polarity_that_sets_does_not_matter(drift: dict[str, Behaviour]) -> None:
    swapped = by_name(behaviours(model("vteam", DRIFT, eta=-1.0)))
    assert swapped == drift


def test_a_gradual_device_has_no_threshold() -> None:
    """Its conductance doubles somewhere, but half of that voltage changes it, too."""
    gradual = model("vteam", DRIFT, v_on=1e-3, k_on=1e-3, a_on=1.0)
    stimuli = Stimuli((0.5, 1.0, 2.0), (0.05, 0.5), (0.1, 1.0), count=2)
    found = by_name(behaviours(gradual, stimuli))["threshold"]
    assert found.verdict == "not shown"
    assert found.note != "critical amplitudes: none"


def test_a_device_that_starts_above_its_rest_adapts() -> None:
    """It decays faster than the pulses raise it, so that later responses are smaller."""
    stimuli = Stimuli((1.4, 2.1), (0.002, 0.004), (0.2, 0.5), count=3)
    found = by_name(behaviours(model("threshold", DIFFUSIVE, x0=0.2), stimuli))["no_adaptation"]
    assert found.verdict == "not shown"
    assert found.settings[1] > 0


def test_weak_pulses_leave_most_behaviours_untested() -> None:
    stimuli = Stimuli((0.1, 0.2), (0.01, 0.02), (0.05, 0.5), count=2)
    found = by_name(behaviours(model("threshold", DIFFUSIVE), stimuli))
    tested = {name for name, each in found.items() if each.verdict != "not tested"}
    assert tested == {"threshold", "ppf", "enhanced_response"}
    assert found["threshold"].note == "critical amplitudes: none"
    for name in found.keys() - tested:
        assert found[name].note == definitions()[name]["untested"]


def test_stimuli_are_on_the_scales_of_the_model() -> None:
    made = stimuli_of(model("threshold", DIFFUSIVE))
    assert made.intervals_s[2] == pytest.approx(TAU)
    assert made.amplitudes_v[2] == pytest.approx(0.7)
    assert made.widths_s[3] == pytest.approx(1 / 80)
    assert all(one < two for one, two in pairwise(made.amplitudes_v))


def test_verdicts_are_json_with_definition_and_source(diffusive: dict[str, Behaviour]) -> None:
    document = json.loads(json.dumps(diffusive["hyperalgesia"].document()))
    assert document["verdict"] == "shown"
    assert document["at"].keys() == {"amplitude_v", "width_s", "interval_s"}
    assert document["source"].startswith("review, Table 8")


def test_what_cannot_be_tested_is_refused() -> None:
    with pytest.raises(InputError, match=r"widths_s \[2.0, 1.0\]: give two or more rising"):
        Stimuli((1.0, 2.0), (2.0, 1.0), (1.0, 2.0))
    with pytest.raises(InputError, match="trains of 1 pulses"):
        Stimuli((1.0, 2.0), (1.0, 2.0), (1.0, 2.0), count=1)
    with pytest.raises(InputError, match=r"lif has no state.*threshold, vteam, yakopcic"):
        stimuli_of(model("lif", VALUES["lif"]))
    with pytest.raises(InputError, match=r"does not raise the state x0=1; give a lower x0"):
        stimuli_of(model("vteam", DRIFT, x0=1.0))
    with pytest.raises(InputError, match="carries no current at x0=0; give a higher x0"):
        behaviours(model("yakopcic", VALUES["yakopcic"], x0=0.0))


def test_the_page_defines_every_behaviour() -> None:
    page = (Path(__file__).parents[3] / "docs" / "networks.md").read_text(encoding="utf-8")
    for name, row in definitions().items():
        assert f"| `{name}` |" in page
        assert row["definition"] in page
