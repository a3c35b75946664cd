"""Write docs/validation/calibration.md and pvkdb/schemas/calculations/calibration.json.

    python -m validation.calibration.make

takes the pairs of computed and reported energies from the numbers of ``migration.json`` and from
the release of computed results, fits the calibrations of all potentials, tests each by leaving out
one composition at a time, and prints the errors with bootstrap intervals, in seconds.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from pvkdb.schemas.calculations import calibration
from pvkdb.schemas.calculations.calibration import FILE
from validation.calibration.fit import agreements, all_pairs, table_of
from validation.calibration.page import render
from validation.migration.make import NUMBERS
from validation.migration.results import read_results
from validation.pages import write

PAGE = NUMBERS.with_name("calibration.md")
TABLE = Path(calibration.__file__).parent / FILE


def main() -> None:
    """Write the table and the page, and print the errors."""
    found = all_pairs(read_results(NUMBERS))
    table = table_of(found)
    write(TABLE, table)
    listed = list(agreements(found))
    PAGE.write_text(render(table, found, listed), encoding="utf-8")
    for each in listed:
        after = "" if each.error[1] is None else f", calibrated {each.error[1]}"
        ranked = "" if each.rank[1] is None else f", calibrated {each.rank[1]}"
        print(
            f"{each.quantity} {each.potential}, {each.group}: {each.pairs} pairs of "
            f"{each.compositions} compositions: mean absolute error {each.error[0]}{after} eV; "
            f"rank correlation {each.rank[0]}{ranked}"
        )
    print(f"written: {PAGE}, {TABLE}")


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    main()
