"""Write docs/validation/migration.md: computed and reported activation energies.

    python -m validation.migration.make [--page-only]

computes the migration of every defect in ``barrier_cases.py``, an hour or more on two cores, and
some of them again in a larger cell, half an hour. It keeps the numbers in ``migration.json`` and
``finite_size.json`` of ``docs/validation`` as they come, and writes the page, its picture and what
`pvkdb potentials` shows. ``--page-only`` writes them from the stored numbers.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from pvkdb.display.colours import BLUE, GREEN, RED
from pvkdb.display.figures import new_figure, save
from pvkdb.schemas.calculations import reliability
from validation.barrier_cases import POTENTIALS
from validation.dft.path_points import read_points
from validation.migration.comparison import compare, measured
from validation.migration.finite_size import larger_cells
from validation.migration.page import render
from validation.migration.results import Computed, Results, compute, read_results, wanted
from validation.pages import FOLDER, page_only

PAGE, NUMBERS, PICTURE = (FOLDER / f"migration.{ending}" for ending in ("md", "json", "svg"))
#: The same in larger cells.
LARGER = FOLDER / "finite_size.json"
#: What `pvkdb potentials` shows, in the wheel.
MEASURED = Path(reliability.__file__).with_name("measured.json")


def main() -> None:
    """Compute, unless ``--page-only`` is given, and write the files."""
    if not page_only(__doc__):
        compute(LARGER, larger_cells(compute(NUMBERS, wanted(), say)), say)
    results = read_results(NUMBERS)
    write_picture(results, PICTURE)
    PAGE.write_text(render(results, read_results(LARGER), read_points()), encoding="utf-8")
    MEASURED.write_text(json.dumps(measured(results), indent=1) + "\n", encoding="utf-8")
    print(f"written: {PAGE}, {MEASURED}")


def say(done: int, total: int, last: Computed) -> None:
    """Print what was computed last."""
    if last.result is None:
        ended = f"{last.failure_kind}: {last.failure}"
    else:
        ended = f"{last.result.e_a_ev:.3f} eV, {last.result.cpu_seconds:.0f} s"
    print(f"{done} of {total}: {last.case} {last.potential}: {ended}", file=sys.stderr, flush=True)


def write_picture(results: Results, path: Path) -> None:
    """Plot computed against reported activation energies, one mark per statement and potential.

    Marks of upper bounds are hollow.
    """
    compared, _ = compare(results)
    figure, axes = new_figure((5.2, 4.6))
    highest = 0.1
    for potential, colour, mark in zip(POTENTIALS, (BLUE, RED, GREEN), "os^", strict=True):
        axes.plot([], [], mark, color=colour, markersize=5, label=potential.value)
        for entry in compared:
            value = entry.values.get(potential)
            if value is None:
                continue
            low, high = entry.interval
            face = "none" if potential in entry.at_most else colour
            axes.plot([low, high], [value, value], color=colour, linewidth=1.0, alpha=0.6)
            (drawn,) = axes.plot((low + high) / 2, value, mark, color=colour, markersize=5)
            drawn.set_markerfacecolor(face)
            highest = max(highest, high, value)
    axes.plot([0, highest], [0, highest], color="#888888", linewidth=0.8, linestyle="--")
    axes.set_xlabel("Reported (eV)")
    axes.set_ylabel("Computed bottleneck (eV)")
    axes.legend(frameon=False)
    axes.set_aspect("equal")
    save(figure, path)


if __name__ == "__main__":
    main()
