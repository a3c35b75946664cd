"""The report of a measurement on one page, with its points as pictures: HTML, PDF or JSON."""

from __future__ import annotations

import base64
import itertools
import json
from collections.abc import Iterable, Iterator
from io import BytesIO
from typing import Any, TypeAlias

import numpy as np

from pvkdb._version import __version__
from pvkdb.display.colours import CURVES, GREY
from pvkdb.display.figures import new_figure, style
from pvkdb.display.numbers import short_number
from pvkdb.display.pages import page_file, templates
from pvkdb.measurements.forms import Floats, shipped
from pvkdb.measurements.measuring import Report, metric_cells

#: Most points of a picture, most curves of it that have a name, and most that are drawn.
_POINTS, _NAMED, _CURVES = 4000, 5, 60
#: Title, labels of the axes, logarithmic axes as in "xy", and curves with their names.
_Plot: TypeAlias = tuple[str, str, str, str, list[tuple[str, Any, Any]]]


def report_file(report: Report, ending: str) -> bytes:
    """Return a report as an html, pdf or json file; equal reports give equal bytes.

    Raises:
        InputError: the ending is another.
        MissingExtraError: jinja2 or matplotlib is not installed.
    """
    return page_file(
        "a report of measurements",
        ending,
        lambda: f"{json.dumps(report.document(), ensure_ascii=False, indent=1)}\n",
        lambda: report_page(report, "measurement_report.html"),
    )


def report_page(report: Report, template: str = "measurement_parts.html") -> str:
    """Return a report as HTML: the parts for a page that has its own head, or a whole page."""
    document = report.document()
    metrics = [metric_cells(row) for row in document["metrics"]]
    named = [metric for _, metric in report.metrics if metric.name in ("v_set", "v_reset")]
    marks = [each.value for each in named if each.value is not None]
    pictures = [(plot[0], picture(*plot, marks=marks)) for plot in plots(report)]
    known = {"metrics": metrics, "pictures": pictures, "number": short_number}
    known |= {"conditions": shipped("conditions.csv"), "metric_cells": metric_cells}
    made = templates("pvkdb.measurements.reports", "measurements").get_template(template)
    return str(made.render(report=document, version=__version__, **known))


def plots(report: Report) -> list[_Plot]:
    """Return the plots of the points of a report, one or two for each form of data."""
    members = [m for form in report.forms for m in getattr(form, "members", (form,))]
    by_form: dict[type, list[Any]] = {}
    for member in {id(member): member for member in members}.values():
        by_form.setdefault(type(member), []).append(member)
    return [plot for forms in by_form.values() for plot in _drawn(forms, report.kind)]


def _drawn(forms: list[Any], kind: str) -> Iterator[_Plot]:
    first, name = forms[0], type(forms[0]).__name__
    if name == "Trace" and "transient" in kind and first.time_s is not None:
        name = "Transient"
    more = f" (first {_CURVES} of {len(forms)})" if len(forms) > _CURVES else ""
    for title, plot in shipped("plots.csv").items():
        if plot["form"] == name:
            unit, x, y = getattr(first, "unit", ""), plot["x"], plot["y"]
            curves = [(f.setup.device, getattr(f, x), getattr(f, y)) for f in forms[:_CURVES]]
            yield title + more, plot["x_label"], plot["y_label"].format(unit), plot["log"], curves
    for form in forms[:3] if name == "States" else ():
        reads = [(when, v) for when in ("before", "after") if (v := getattr(form, when))]
        over = [(w, np.repeat(np.arange(len(v)), [*map(len, v)]), np.hstack(v)) for w, v in reads]
        yield f"States of {form.setup.device}", "state", "value", "", over
    for form in forms[:3] if name == "Cycles" else ():
        states = [("HRS", form.hrs_ohm), ("LRS", form.lrs_ohm)]
        over = [(s, np.arange(1.0, r.shape[1] + 1), np.nanmedian(r, axis=0)) for s, r in states]
        yield "Median resistance in each cycle", "cycle", "resistance (Ω)", "y", over
        ordered = [(state, np.sort(r[np.isfinite(r)])) for state, r in states]
        shares = [(state, r, np.arange(1, len(r) + 1) / len(r)) for state, r in ordered]
        yield "Distribution of all cycles", "resistance (Ω)", "share below", "x", shares


def thinned(x: Floats, y: Floats, most: int) -> tuple[Floats, Floats]:
    """Return at most so many points of a curve: the lowest and highest of every stretch."""
    if len(x) <= most:
        return x, y
    edges = itertools.pairwise(np.linspace(0, len(x), most // 2 + 1).astype(int))
    kept = {a + int(end(y[a:b])) for a, b in edges for end in (np.argmin, np.argmax)}
    return x[sorted(kept)], y[sorted(kept)]


def picture(title: str, x: str, y: str, log: str, curves: Any, marks: Iterable[float] = ()) -> str:
    """Return a plot as a PNG in a data URL; over a voltage, marks are dashed lines."""
    with style({"font.family": "DejaVu Sans"}):
        from matplotlib import colormaps

        figure, axes = new_figure((4.2, 2.9))  # small, so that its text is legible on a phone
        axes.set(title=title, xlabel=x, ylabel=y)
        many = colormaps["viridis"](np.linspace(0, 0.9, len(curves)))
        colours = CURVES if len(curves) <= _NAMED else many
        for place, (name, a, b) in enumerate(curves):
            b = np.abs(b) if "y" in log else b
            a, b = thinned(a, b, max(100, _POINTS // len(curves)))
            seen = np.isfinite(a) & np.isfinite(b) & ((a > 0) | ("x" not in log))
            seen &= (b > 0) | ("y" not in log)
            look = "o-" if len(a) < 100 else "-"
            axes.plot(a[seen], b[seen], look, color=colours[place], lw=1, ms=2, label=name)
        for mark in marks if "voltage" in x else ():
            axes.axvline(mark, color=GREY, lw=0.8, ls="--")
        if "x" not in log:
            axes.locator_params(axis="x", nbins=6)
        for end in log:
            axes.set(**{f"{end}scale": "log"})
        if 1 < len(curves) <= _NAMED:
            axes.legend(fontsize=7)
        figure.savefig(file := BytesIO(), dpi=200, metadata={"Software": None})
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"
