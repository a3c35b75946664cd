"""Write docs/validation/migration.md: computed and reported activation energies.

    python -m validation.migration.make [--page-only]

computes the migration of every defect in ``barrier_cases.py``, an hour or more on two cores, and
some of them again in a larger cell, half an hour. It keeps the numbers in ``migration.json`` and
``finite_size.json`` of ``docs/validation`` as they come, and writes the page, its picture and what
`pvkdb potentials` shows. ``--page-only`` writes them from the stored numbers.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from pvkdb.schemas.calculations import reliability
from validation.dft.path_points import read_points
from validation.migration.comparison import measured
from validation.migration.finite_size import larger_cells
from validation.migration.page import render
from validation.migration.picture import write_picture
from validation.migration.results import Computed, compute, read_results, wanted
from validation.pages import FOLDER

PAGE, NUMBERS, PICTURE = (FOLDER / f"migration.{ending}" for ending in ("md", "json", "svg"))
#: The same in larger cells.
LARGER = FOLDER / "finite_size.json"
#: What `pvkdb potentials` shows, in the wheel.
MEASURED = Path(reliability.__file__).with_name("measured.json")


def main() -> None:
    """Compute, unless ``--page-only`` is given, and write the files."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--page-only", action="store_true", help="use the stored numbers")
    if not parser.parse_args().page_only:
        FOLDER.mkdir(parents=True, exist_ok=True)
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


if __name__ == "__main__":
    main()
