"""Puts the calculation of ``migration.json.gz`` into a store that holds the literature."""

from __future__ import annotations

import gzip
import json
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from pvkdb.chemistry import parse_composition
from pvkdb.store.curation.registration import register_material
from pvkdb.store.models.calculations import Calculation
from pvkdb.store.models.energetics import Energetic
from pvkdb.store.models.structures import Structure

from .make import PLACE

_TIMES = ("created_at", "started_at", "finished_at", "lease_until", "recorded_at")
#: Worked out by the model from its symbols.
_DERIVED = ("nelements", "formula_reduced", "formula_anonymous", "formula_hill")


def load_migration(session: Session) -> str:
    """Add the calculation with its structures and statements; the name of its material."""
    found = json.loads(gzip.decompress(PLACE.read_bytes()))
    material = register_material(session, parse_composition(found["formula"]), found["phase"])
    session.add(Calculation(**_values(found["calculation"])))
    session.flush()
    for model, name in ((Structure, "structures"), (Energetic, "energetics")):
        rows = found[name]
        # What others were made from comes first.
        for row in sorted(rows, key=lambda row: row.get("parent_id") is not None):
            session.add(model(**_values(row)))
        session.flush()
    return material.id


def _values(row: dict[str, Any]) -> dict[str, Any]:
    return {
        name: datetime.fromisoformat(value) if name in _TIMES and value else value
        for name, value in row.items()
        if name not in _DERIVED
    }
