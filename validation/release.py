"""The release of computed results: its calculations and the report of its screening."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from typing import Any

from pvkdb.computed.release import FOLDER, REPORT
from pvkdb.schemas.screening import ScreeningReport


def calculations() -> Iterator[dict[str, Any]]:
    """Yield the calculations of the release that belong to a material."""
    for path in sorted(FOLDER.glob("*-calculations.jsonl.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            yield from (entry for entry in map(json.loads, lines) if entry.get("material"))


def report() -> ScreeningReport:
    """Return the report of the shipped plan."""
    return ScreeningReport.model_validate_json(gzip.decompress(REPORT.read_bytes()))
