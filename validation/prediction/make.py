"""Write docs/validation/prediction.md: predicted beside measured times and voltages of devices.

    python -m validation.prediction.make [--page-only] [--dynamics]

compares every device of the literature whose absorber has an activation energy, in a minute, keeps
the numbers in ``docs/validation/prediction.json``, writes the page and
``pvkdb/suitability/support.json``, from which rankings tell what their predictions are worth.
``--page-only`` writes the page again from the numbers kept. ``--dynamics`` first runs the
molecular dynamics that ``docs/validation/dynamics.json`` lacks, in minutes.
"""

from __future__ import annotations

import argparse

from validation.pages import FOLDER, ROOT, read, write
from validation.prediction import dynamics
from validation.prediction.page import render
from validation.prediction.results import Results, compute

PAGE, NUMBERS = (FOLDER / f"prediction.{ending}" for ending in ("md", "json"))
SUPPORT = ROOT / "pvkdb" / "suitability" / "support.json"


def main() -> None:
    """Compute, unless ``--page-only`` is given, and write the files."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--page-only", action="store_true", help="use the stored numbers")
    parser.add_argument("--dynamics", action="store_true", help="run molecular dynamics first")
    chosen = parser.parse_args()
    if chosen.dynamics:
        dynamics.compute()
    if not chosen.page_only:
        write(NUMBERS, compute())
    results = read(Results, NUMBERS)
    write(SUPPORT, results.support())
    PAGE.write_text(render(results, dynamics.compared()), encoding="utf-8")
    print(f"written: {PAGE}")


if __name__ == "__main__":
    main()
