"""The report of a screening: one JSON file for programs, one HTML file for people.

The same report gives the same bytes. Each file appears whole or not at all.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import get_args

from pvkdb.schemas.screening import FallKind, ScreeningReport, StageCount
from pvkdb_pipelines.screening.report.page import page

JSON_NAME = "screening-report.json"
HTML_NAME = "screening-report.html"


def write_report(report: ScreeningReport, folder: Path) -> tuple[Path, Path]:
    """Write ``screening-report.json`` and ``screening-report.html`` into a folder.

    The page holds everything that it shows: it loads nothing and works without JavaScript, which
    adds sorting and filtering.

    Args:
        report: Outcome of a plan.
        folder: Made if it is not there. Reports in it are replaced.

    Returns:
        The JSON file and the HTML file.
    """
    report = report.model_copy(update={"stages": [_in_order(stage) for stage in report.stages]})
    folder.mkdir(parents=True, exist_ok=True)
    return (
        _write(folder / JSON_NAME, report.model_dump_json(indent=1) + "\n"),
        _write(folder / HTML_NAME, page(report)),
    )


def _in_order(stage: StageCount) -> StageCount:
    """The counts in the order of their kinds, not in the order in which candidates fell."""
    kinds: tuple[FallKind, ...] = get_args(FallKind)
    fell = {kind: stage.fell[kind] for kind in kinds if kind in stage.fell}
    return stage.model_copy(update={"fell": fell})


def _write(path: Path, text: str) -> Path:
    """Write beside the file, then take its place: a reader never meets half a file."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_text(text, encoding="utf-8", newline="\n")
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return path
