"""How long the barriers of the shipped plan took."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

from pvkdb.computed import CALCULATIONS

VALIDATION = Path(__file__).parents[3] / "docs" / "validation"


def barrier_seconds(potential: str) -> list[float]:
    """Processor time of each barrier that was found with a potential, seconds."""
    with gzip.open(CALCULATIONS, "rt", encoding="utf-8") as lines:
        _header, *calculations = map(json.loads, lines)
    return [
        calculation["result"]["cpu_seconds"]
        for calculation in calculations
        if (calculation["kind"], calculation["state"]) == ("neb", "done")
        and calculation["parameters"]["potential"] == potential
    ]
