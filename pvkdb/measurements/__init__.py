"""From raw measurements of memristors to metrics: readers, tidy forms, metrics with intervals.

``tables`` and ``reading`` make forms of files, ``measuring`` a report; ``sweeps``, ``plasticity``
and ``memory`` have the metrics as functions of forms. See docs/measurements.md.
"""

from pvkdb.measurements.measuring import Report, measure
from pvkdb.measurements.reading import Request, parse_columns, read

__all__ = ["Report", "Request", "measure", "parse_columns", "read"]
