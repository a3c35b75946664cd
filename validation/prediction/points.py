"""Measured values of devices and the predictions of the kinetics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from pvkdb.chemistry import Interval
from pvkdb.kinetics.conditions import LAYER_DEFAULTS
from pvkdb.literature import load_literature
from pvkdb.schemas.rankings import Grade
from pvkdb.schemas.responses import Assumption
from pvkdb.suitability.evidence.barriers import KnownBarriers, metal_barriers
from pvkdb.suitability.evidence.devices import device_candidates
from pvkdb.suitability.evidence.evidence import Candidate, Evidence
from pvkdb.suitability.evidence.materials import phase_candidates
from pvkdb.suitability.evidence.predictions import KineticModel
from validation.computing import store_with
from validation.pages import Numbers
from validation.prediction.networks import Network, rounded

#: Measured metrics by the one that predicts them, in the order of the page.
MEASURED = {
    "modelled_switching_time_s": "switching_time_s",
    "modelled_retention_s": "retention_s",
    "modelled_set_voltage_v": "set_voltage_v",
}
#: What predicts: the closed form by the literature's E_A, which decides; all hops of the crystal
#: by the same E_A; and all hops by the E_A that SevenNet-0 computes.
ONE, HOPS, COMPUTED = "one barrier", "all hops", "all hops, computed E_A"


class Point(Numbers):
    """A device with a measured value and predicted windows of one metric, in its unit."""

    metric: str
    device: str
    label: str
    references: str
    material: str
    volatility: str | None
    measured_min: float
    measured_max: float | None
    printed_bound: bool
    """Whether the source prints a lower bound."""
    bound: bool
    """Whether it counts as one: printed as such, or the length of a test."""
    windows: dict[str, tuple[float, float]]
    """By reading; without a network of hops only that of one barrier."""
    note: str

    @property
    def measured(self) -> float:
        """The value, the geometric middle of a range, or the bound."""
        if self.measured_max is None:
            return self.measured_min
        return middle(self.measured_min, self.measured_max)


class Points(Numbers):
    """All points, what all hops change of them, and the devices without a prediction."""

    points: tuple[Point, ...]
    networks: dict[str, Network]
    assumptions: tuple[Assumption, ...]
    without_barrier: dict[str, str]
    """Names of devices with a measured value whose absorber has no activation energy, by id."""


def middle(low: float, high: float) -> float:
    """Return the geometric middle of two positive numbers."""
    return float((low * high) ** 0.5)


def collect(networks: Mapping[str, Network]) -> Points:
    """Return all devices of the literature with a measured and a predicted value."""
    with store_with(load_literature) as store, store.session(read_only=True) as session:
        materials = phase_candidates(session)
        barriers = KnownBarriers(materials, metal_barriers(session))
        devices = device_candidates(session)
    model = KineticModel(barriers, every_window=True)
    points: list[Point] = []
    without: dict[str, str] = {}
    for device in devices:
        if not any(_usable(device, name) for name in MEASURED.values()):
            continue
        windows = model(device)
        if not windows:
            without[device.id] = device.label
        readings = {ONE: windows} | _of_network(model, device, networks.get(device.material or ""))
        points += [
            _point(device, metric, {name: found[metric] for name, found in readings.items()})
            for metric, name in MEASURED.items()
            if metric in windows and _usable(device, name)
        ]
    order = list(MEASURED)
    points.sort(key=lambda point: (order.index(point.metric), point.material, point.device))
    return Points(
        points=tuple(points),
        networks=dict(networks),
        assumptions=tuple(model.assumptions()),
        without_barrier=without,
    )


def _of_network(
    model: KineticModel, device: Candidate, network: Network | None
) -> dict[str, Mapping[str, Evidence]]:
    """Return the windows of all hops: those of one barrier, as much longer as it was simulated."""
    if network is None:
        return {}
    switching, relaxation = network.longer
    pulse = LAYER_DEFAULTS["write_time_s"].value
    shorter = Interval((pulse.minimum or 0.0) / switching, (pulse.maximum or 0.0) / switching)
    own = Evidence(network.e_a_ev, network.e_a_ev, grade=Grade.MODEL)
    absorber = Candidate(device.material or "", "", "material", {"e_a_ev": own})
    conditions = replace(model.conditions, write_time_s=shorter)
    found: dict[str, Mapping[str, Evidence]] = {}
    for name, barriers in ((HOPS, model.barriers), (COMPUTED, KnownBarriers([absorber]))):
        windows = dict(replace(model, barriers=barriers, conditions=conditions)(device))
        for metric, longer in (
            ("modelled_switching_time_s", switching),
            ("modelled_retention_s", relaxation),
        ):
            if metric in windows:
                low, high = _ends(windows[metric])
                windows[metric] = replace(
                    windows[metric], minimum=low * longer, maximum=high * longer
                )
        found[name] = windows
    return found


def _point(device: Candidate, metric: str, windows: Mapping[str, Evidence]) -> Point:
    found = device.evidence[MEASURED[metric]]
    assert found.minimum is not None
    word = device.evidence.get("volatility")
    tested = metric == "modelled_retention_s" and found.grade is not Grade.EXTRAPOLATED
    printed = found.qualifier in (">", ">=", "down to")
    return Point(
        metric=metric,
        device=device.id,
        label=device.label,
        references=device.references,
        material=device.material or "",
        volatility=word.word if word else None,
        measured_min=found.minimum,
        measured_max=None if printed else found.maximum or found.minimum,
        printed_bound=printed,
        bound=found.maximum is None or tested,
        windows={
            name: (rounded(low, 4), rounded(high, 4))
            for name, (low, high) in ((name, _ends(each)) for name, each in windows.items())
        },
        note=windows[ONE].note or "",
    )


def _ends(window: Evidence) -> tuple[float, float]:
    assert window.minimum is not None
    assert window.maximum is not None
    return window.minimum, window.maximum


def _usable(device: Candidate, name: str) -> bool:
    found = device.evidence.get(name)
    if found is None or found.grade in (Grade.BEST, Grade.SECONDARY):
        return False
    return found.minimum is not None and found.minimum > 0
