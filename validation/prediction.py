"""Write docs/validation/prediction.md: predicted beside measured times and voltages of devices.

    python validation/prediction.py [--page-only]

compares every device of the literature whose absorber has an activation energy, in seconds, keeps
the numbers in ``docs/validation/prediction.json``, writes the page, its picture, and
``pvkdb/suitability/support.json``, from which rankings tell what their predictions are worth.
``--page-only`` writes page and picture again from the numbers kept.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from pydantic import BaseModel

from validation.prediction_page import render
from validation.prediction_picture import write_picture
from validation.prediction_results import compute, read_results

ROOT = Path(__file__).parents[1]
PAGE, NUMBERS, PICTURE = (
    ROOT / "docs" / "validation" / f"prediction.{ending}" for ending in ("md", "json", "svg")
)
SUPPORT = ROOT / "pvkdb" / "suitability" / "support.json"


def main() -> None:
    """Compute, unless ``--page-only`` is given, and write the files."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--page-only", action="store_true", help="use the stored numbers")
    if not parser.parse_args().page_only:
        NUMBERS.write_text(as_text(compute()), encoding="utf-8")
    results = read_results(NUMBERS)
    SUPPORT.write_text(as_text(results.support()), encoding="utf-8")
    write_picture(results, PICTURE)
    PAGE.write_text(render(results), encoding="utf-8")
    print(f"written: {PAGE}")


def as_text(document: BaseModel) -> str:
    """Return a document as stored in a file."""
    return document.model_dump_json(indent=1) + "\n"


if __name__ == "__main__":
    main()
