"""The report of a simulated device on one page: numbers, pictures, inputs; HTML, PDF or JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from pvkdb._version import __version__
from pvkdb.display.numbers import number, percent
from pvkdb.display.pages import page_file, templates
from pvkdb.display.units import with_unit
from pvkdb.schemas.calculations.simulations import SimulationResult


def report_file(result: SimulationResult, ending: str) -> bytes:
    """Return a report as an html, pdf or json file; equal results give equal bytes.

    Raises:
        InputError: the ending is another.
        MissingExtraError: jinja2 or matplotlib is not installed.
    """
    return page_file(
        "a report of a simulation",
        ending,
        lambda: f"{result.model_dump_json(indent=1)}\n",
        lambda: report_page(result, "simulation_report.html"),
    )


def report_page(result: SimulationResult, template: str = "simulation_parts.html") -> str:
    """Return a report as HTML: a whole page, or its parts without pictures for another page."""
    drawn = []
    if "report" in template:
        from pvkdb.measurements.reports.page import picture  # loads pandas and matplotlib

        drawn = [(plot[0], picture(*plot)) for plot in plots(result)]
    made = templates("pvkdb.simulation.devices", "measurements").get_template(template)
    known = {"number": number, "percent": percent, "with_unit": with_unit, "pictures": drawn}
    return str(made.render(result=result, version=__version__, **known))


def plots(result: SimulationResult) -> Iterator[tuple[str, str, str, str, list[Any]]]:
    """Yield title, labels of the axes, logarithmic axes and curves of each picture."""
    current = "|current| (A/m²)"
    if result.loops:
        rates = [f"{number(each.rate_v_per_s or 0.0)} V/s" for each in result.loops]
        columns = [(np.array(x.voltage_v), np.array(x.current_a_per_m2)) for x in result.loops]
        loops = [(rate, *pair) for rate, pair in zip(rates, columns, strict=True)]
        yield "Loops", "voltage (V)", current, "y", loops
    if (found := result.pulse) is not None:
        pulse = ("", np.array(found.time_s), np.array(found.current_a_per_m2))
        yield "A pulse and the rest after it", "time (s)", current, "xy", [pulse]
    if (moved := result.motion) is not None:
        x, rows = np.array(moved.position_nm), np.array(moved.vacancies_per_cm3)
        frames = np.linspace(0, len(rows) - 1, 5).astype(int)
        densities = [(f"{moved.voltage_v[k]:.2g} V", x, rows[k]) for k in frames]
        yield "Vacancies in a loop", "place (nm)", "density (1/cm³)", "y", densities
