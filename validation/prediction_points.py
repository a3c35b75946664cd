"""Measured values of devices and the predictions of the kinetics."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from pydantic import BaseModel, ConfigDict
from sqlalchemy.orm import Session

from pvkdb.literature import load_literature
from pvkdb.schemas.rankings import Grade
from pvkdb.schemas.responses import Assumption
from pvkdb.store.database import Store
from pvkdb.store.migrate import upgrade
from pvkdb.suitability.evidence.barriers import KnownBarriers, metal_barriers
from pvkdb.suitability.evidence.devices import device_candidates
from pvkdb.suitability.evidence.evidence import Candidate, Evidence
from pvkdb.suitability.evidence.materials import phase_candidates
from pvkdb.suitability.evidence.predictions import KineticModel

#: Measured metrics by the one that predicts them, in the order of the page.
MEASURED = {
    "modelled_switching_time_s": "switching_time_s",
    "modelled_retention_s": "retention_s",
    "modelled_set_voltage_v": "set_voltage_v",
}


class Point(BaseModel):
    """A device with a measured value and a predicted window of one metric, in its unit."""

    model_config = ConfigDict(extra="forbid", frozen=True)

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
    predicted_min: float
    predicted_max: float
    easiest: float
    """Middle of the window for the lowest reported barrier alone."""
    hardest: float
    """For the highest one."""
    note: str

    @property
    def measured(self) -> float:
        """The value, the geometric middle of a range, or the bound."""
        if self.measured_max is None:
            return self.measured_min
        return middle(self.measured_min, self.measured_max)

    @property
    def predicted(self) -> float:
        """The geometric middle of the window."""
        return middle(self.predicted_min, self.predicted_max)


class Points(BaseModel):
    """All points, and the devices without a prediction."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    points: tuple[Point, ...]
    assumptions: tuple[Assumption, ...]
    without_barrier: dict[str, str]
    """Names of devices with a measured value whose absorber has no activation energy, by id."""


def middle(low: float, high: float) -> float:
    """Return the geometric middle of two positive numbers."""
    return float((low * high) ** 0.5)


def collect() -> Points:
    """Return all devices of the literature with a measured and a predicted value."""
    with _literature() as session:
        materials = phase_candidates(session)
        metals = metal_barriers(session)
        devices = device_candidates(session)
    model = KineticModel(KnownBarriers(materials, metals), every_window=True)
    ends = [
        KineticModel(KnownBarriers([_at_end(each, end) for each in materials]), every_window=True)
        for end in (False, True)
    ]
    points: list[Point] = []
    without: dict[str, str] = {}
    for device in devices:
        if not any(_usable(device, name) for name in MEASURED.values()):
            continue
        windows = model(device)
        if not windows:
            without[device.id] = device.label
        points += [
            _point(device, metric, windows[metric], [_middle(end(device)[metric]) for end in ends])
            for metric, name in MEASURED.items()
            if metric in windows and _usable(device, name)
        ]
    order = list(MEASURED)
    points.sort(key=lambda point: (order.index(point.metric), point.material, point.device))
    return Points(
        points=tuple(points),
        assumptions=tuple(model.assumptions()),
        without_barrier=without,
    )


def _point(device: Candidate, metric: str, window: Evidence, ends: Sequence[float]) -> Point:
    found = device.evidence[MEASURED[metric]]
    low, high = _sides(found)
    assert window.minimum is not None
    assert window.maximum is not None
    word = device.evidence.get("volatility")
    tested = metric == "modelled_retention_s" and found.grade is not Grade.EXTRAPOLATED
    return Point(
        metric=metric,
        device=device.id,
        label=device.label,
        references=device.references,
        material=device.material or "",
        volatility=word.word if word else None,
        measured_min=low,
        measured_max=high,
        printed_bound=high is None,
        bound=high is None or tested,
        predicted_min=_rounded(window.minimum),
        predicted_max=_rounded(window.maximum),
        easiest=_rounded(ends[0]),
        hardest=_rounded(ends[1]),
        note=window.note or "",
    )


def _usable(device: Candidate, name: str) -> bool:
    found = device.evidence.get(name)
    if found is None or found.grade in (Grade.BEST, Grade.SECONDARY):
        return False
    return found.minimum is not None and found.minimum > 0


def _sides(evidence: Evidence) -> tuple[float, float | None]:
    assert evidence.minimum is not None
    return evidence.minimum, evidence.maximum


def _middle(window: Evidence) -> float:
    assert window.minimum is not None
    assert window.maximum is not None
    return middle(window.minimum, window.maximum)


def _at_end(material: Candidate, highest: bool) -> Candidate:
    """Return a material with only the lowest or the highest of its activation energies."""
    evidence = dict(material.evidence)
    for name in ("e_a_ev", "e_a_model_ev"):
        if (found := evidence.get(name)) is not None:
            low, high = found.minimum, found.maximum
            one = (
                (high if high is not None else low)
                if highest
                else (low if low is not None else high)
            )
            evidence[name] = replace(found, minimum=one, maximum=one)
    return replace(material, evidence=evidence)


def _rounded(value: float) -> float:
    """Round to four digits, so that results do not depend on the machine."""
    return float(f"{value:.4g}")


@contextmanager
def _literature() -> Iterator[Session]:
    """Open a session of a store with only the curated literature."""
    with tempfile.TemporaryDirectory() as folder:
        store = Store(f"sqlite:///{Path(folder) / 'literature.sqlite'}")
        upgrade(store)
        with store.session() as session:
            load_literature(session)
        with store.session(read_only=True) as session:
            yield session
        store.close()
