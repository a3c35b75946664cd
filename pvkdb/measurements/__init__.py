"""From raw measurements of memristors to metrics: readers, tidy forms, metrics with intervals.

``tables`` and ``reading`` make forms of files, ``measuring`` a report; ``sweeps``, ``plasticity``
and ``memory`` have the metrics as functions of forms. See docs/measurements.md.
"""

from typing import TYPE_CHECKING

from pvkdb._later import later

if TYPE_CHECKING:
    from pvkdb.measurements.measuring import Report, measure
    from pvkdb.measurements.reading import Request, parse_columns, read

__all__ = ["Report", "Request", "measure", "parse_columns", "read"]

__getattr__ = later(__name__, measuring="Report measure", reading="Request parse_columns read")
