"""Series: devices of one paper that differ in one thing, and what changes along them."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import BaseModel, Field

from pvkdb.display.notebook import NotebookView
from pvkdb.schemas import StrictModel
from pvkdb.schemas.metrics import METRICS
from pvkdb.schemas.profiles import MetricName
from pvkdb.schemas.tables.columns import Row, column

#: What may differ between two devices of a series.
# fmt: off
Changed = Literal[
    "halide", "A site", "B site", "additive", "phase", "form",
    "bottom electrode", "top electrode", "other layers",
    "thickness", "area", "sweep rate", "pulse width", "pulse voltage", "compliance",
    "read voltage", "temperature", "humidity", "atmosphere",
]
# fmt: on
_VALUE = "printed, of one device; the middle of a range, and of voltages the magnitude"
_HAS = "computed: layers, composition, form and conditions of both devices compared"


class SeriesRow(Row):
    """One metric of two devices of one paper that differ in one thing."""

    purpose: ClassVar[str] = "What changes when one thing changes, within one paper."
    primary_key: ClassVar[tuple[str, ...]] = ("first", "second", "metric")

    reference: str = column("The paper: key of the table `references`.", "printed")
    changed: Changed = column(
        "The one thing that differs; what the source does not tell counts as equal.", _HAS
    )
    first: str = column("The first device: `id` of the table `devices`.", "curated")
    second: str = column("The second device.", "curated")
    first_material: str = column("Formula of the absorber of the first device.", "curated")
    second_material: str = column("Formula of the absorber of the second device.", "curated")
    first_has: str = column(
        "The smaller ions by their mean radius, the lower number, or the first word; `none` first.",
        _HAS,
    )
    second_has: str = column("What the second device has in its place.", _HAS)
    metric: str = column("What both devices report, with its unit as suffix.", "curated")
    unit: str = column("Unit of the values; `1` for a pure number.", "curated")
    first_value: float = column("Value of the first device.", _VALUE, unit_column="unit")
    second_value: float = column("Value of the second device.", _VALUE, unit_column="unit")
    ratio: float = column(
        "Second value by first value.", "computed: second_value / first_value", unit="1"
    )
    bound: bool = column(
        "Whether a value is only a lower bound, or where a test ended: no summary counts it.",
        "computed: `>`, or a tested endurance or retention",
    )


class SeriesRequest(StrictModel):
    """Which series."""

    changed: Changed | None = Field(
        None, description="Only series in which this differs.", examples=["halide"]
    )
    metric: MetricName | None = Field(
        None, description="Only this metric of devices.", examples=["set_voltage_v"]
    )


class SeriesChange(BaseModel):
    """How a metric changes along the series of all papers."""

    changed: Changed = Field(description="What differs.")
    step: str = Field(description="From what to what.")
    metric: str = Field(description="The metric.")
    papers: int = Field(description="Papers with such a pair of values.")
    ratio: float = Field(description="Second by first value: geometric mean over papers.")
    ratio_low: float | None = Field(description="Lower end of its 95% interval, if several papers.")
    ratio_high: float | None = Field(description="Upper end of the interval.")

    @property
    def label(self) -> str:
        """The metric in words."""
        return METRICS[self.metric].label

    @property
    def ratio_text(self) -> str:
        """The ratio with its interval: ``× 0.80 (0.50 to 1.2; 3 papers)``."""
        ends = "" if self.ratio_low is None else f"{self.ratio_low:.2g} to {self.ratio_high:.2g}; "
        return f"× {self.ratio:.2g} ({ends}{self.papers} paper{'s' * (self.papers > 1)})"


class DeviceSeries(BaseModel, NotebookView):
    """What changes along the series of devices of the store."""

    answer: str = Field(description="What changes most often, in one sentence.")
    changes: list[SeriesChange] = Field(description="One row for each step and metric.")
    pairs: list[SeriesRow] = Field(description="Every pair, as in the table `series`.")
    dataset_version: str = Field(description="Version of the data, for a citation.")
