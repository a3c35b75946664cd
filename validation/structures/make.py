"""Write docs/validation/structures.md: relaxed cells and phases beside measured ones.

    python -m validation.structures.make [--page-only]

relaxes every ordered inorganic phase of ``experimental_cells.csv`` and every phase of the known
facts with SevenNet-0 and CHGNet, keeps the numbers in ``docs/validation/structures.json`` and
writes the page from them. ``--page-only`` writes the page again from the stored numbers.
"""

from __future__ import annotations

import sys

from validation.pages import FOLDER, page_only, read, write
from validation.structures.page import render
from validation.structures.relaxed_phases import RelaxedPhase
from validation.structures.results import Results, compute

PAGE, NUMBERS = FOLDER / "structures.md", FOLDER / "structures.json"


def main() -> None:
    """Compute, unless ``--page-only`` is given, and write both files."""
    if not page_only(__doc__):
        write(NUMBERS, compute(_say))
    PAGE.write_text(render(read(Results, NUMBERS)), encoding="utf-8")
    print(f"written: {PAGE}")


def _say(done: int, total: int, last: RelaxedPhase) -> None:
    ended = f" failed: {last.failure}" if last.failure else ""
    line = f"{done} of {total}: {last.compound} {last.phase} ({last.symmetry}), {last.potential}"
    print(line + ended, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
