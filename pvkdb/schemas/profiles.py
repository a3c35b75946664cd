"""Application profiles: requirements on devices and on materials, with their sources."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from pvkdb.display.notebook import NotebookView
from pvkdb.schemas import StrictModel

Subject = Literal["devices", "materials"]
SUBJECTS: tuple[Subject, ...] = ("devices", "materials")

Scale = Literal["linear", "log"]


def weight_problem(weight: float) -> str:
    """Return why a weight cannot be used; empty if it can: 0, or from 0.001 to 1000."""
    if weight == 0 or 1e-3 <= weight <= 1e3:
        return ""
    return (
        f"{weight:g} is neither 0 nor from 0.001 to 1000, and would hide other criteria; only "
        "ratios of weights count: give the least important criterion 1"
    )


MetricName = Annotated[
    str, Field(description="Metric with its unit as suffix; ratios and counts have no unit.")
]

#: What the bounds of a criterion rest on.
Basis = Literal["printed", "reading", "span", "working point", "offer", "reference"]
BASES: dict[Basis, str] = {
    "printed": "a number printed as a requirement",
    "reading": "our reading of words without a number, or of a number given for something similar",
    "span": "the lowest and the highest value that a table prints: a scale, no requirement",
    "working point": "the value of one demonstration",
    "offer": "a property that perovskites offer, not a stated need",
    "reference": "another publication, named",
}


class Bounds(StrictModel):
    """Which values of a metric are good: a trapezoid on the scale of the metric, or some words.

    The desirability is 1 from ``at_least`` to ``at_most`` and 0 from ``fails_below`` down and from
    ``fails_above`` up; between, it runs straight on the scale. A bound that is None does not exist.
    """

    at_least: float | None = Field(default=None, description="Satisfied from here on.")
    at_most: float | None = Field(default=None, description="Satisfied up to here.")
    fails_below: float | None = Field(
        default=None, description="Nothing is left of it here; None: the step is at at_least."
    )
    fails_above: float | None = Field(
        default=None, description="Nothing is left of it here; None: the step is at at_most."
    )
    accepts: tuple[str, ...] = Field(default=(), description="Words that satisfy.")
    extrapolation: bool = Field(
        default=False, description="Whether an extrapolated value can satisfy."
    )

    @property
    def corners(self) -> tuple[float, float, float, float]:
        """``fails_below ≤ at_least ≤ at_most ≤ fails_above``; a missing bound is infinite."""
        at_least = -_INFINITY if self.at_least is None else self.at_least
        at_most = _INFINITY if self.at_most is None else self.at_most
        below = at_least if self.fails_below is None else self.fails_below
        above = at_most if self.fails_above is None else self.fails_above
        return below, at_least, at_most, above


_INFINITY = float("inf")


class Reading(StrictModel):
    """An alternative interpretation of a doubtful requirement, used if it is requested by name."""

    name: str = Field(description="Name of the reading.")
    bounds: Bounds = Field(description="Range of good values under this reading.")
    source: str = Field(description="Where the value comes from.")
    quoted: str | None = Field(default=None, description="Words or number of the source.")
    note: str | None = Field(default=None, description="Remarks and doubts.")


class Criterion(StrictModel):
    """One criterion of a profile."""

    metric: MetricName
    unit: str = Field(description="Unit; `1` for a pure number.")
    bounds: Bounds = Field(description="Range of good values.")
    scale: Scale = Field(default="linear", description="Scale on which values are compared.")
    graded: bool = Field(
        default=False,
        description="Whether the bounds are a scale for comparing: falling short is not a failure.",
    )
    weight: float = Field(
        description="Weight among the criteria, before it is divided by their sum."
    )
    from_papers: int = Field(
        default=0, description="Publications that must report the metric before its weight counts."
    )
    basis: Basis = Field(description="Basis of the bounds.")
    source: str = Field(description="Where the value comes from.")
    quoted: str | None = Field(default=None, description="The words or number of the source.")
    note: str | None = Field(default=None, description="Doubts, and why the bounds are these.")
    readings: tuple[Reading, ...] = Field(
        default=(), description="Alternative readings of a doubtful requirement."
    )


class Ask(StrictModel):
    """A requirement without a number, or on a metric that no source reports."""

    asks: str = Field(description="Requirement of the application.")
    source: str = Field(description="Where the value comes from.")


class Profile(StrictModel, NotebookView):
    """The requirements of an application on devices, and on materials that may become devices."""

    name: str = Field(description="Name of the application.")
    title: str = Field(description="Title.")
    summary: str = Field(description="Summary in a few sentences.")
    devices: tuple[Criterion, ...] = Field(description="Criteria on devices.")
    materials: tuple[Criterion, ...] = Field(description="Criteria on materials.")
    not_judged: tuple[Ask, ...] = Field(
        default=(),
        description="Requirements without a number, or in a metric that no source reports.",
    )

    def criteria(self, subject: Subject) -> tuple[Criterion, ...]:
        """The criteria on devices or on materials."""
        return self.devices if subject == "devices" else self.materials

    def readings(self, subject: Subject) -> tuple[str, ...]:
        """Names of the alternative interpretations that the criteria have."""
        criteria = self.criteria(subject)
        return tuple(dict.fromkeys(entry.name for each in criteria for entry in each.readings))
