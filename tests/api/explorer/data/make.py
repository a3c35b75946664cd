"""Makes ``migration.json.gz``: a real migration calculation with all its structures.

The calculation is the bromide vacancy in CsPbBr3 from the Pm-3m prototype with CHGNet 0.4.2:

    pvkdb init --database sqlite:////tmp/one.sqlite
    pvkdb neb CsPbBr3 --phase Pm-3m --potential chgnet --database sqlite:////tmp/one.sqlite
    python tests/api/explorer/data/make.py sqlite:////tmp/one.sqlite
"""

from __future__ import annotations

import gzip
import json
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import inspect, select

from pvkdb.store.database import Store
from pvkdb.store.models.calculations import Calculation
from pvkdb.store.models.energetics import Energetic
from pvkdb.store.models.materials import Material
from pvkdb.store.models.structures import Structure

PLACE = Path(__file__).with_name("migration.json.gz")


def columns(model: Any) -> dict[str, Any]:
    """The columns of a row; times as text."""
    values = {each.key: getattr(model, each.key) for each in inspect(type(model)).column_attrs}
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in values.items()
    }


def main(url: str) -> None:
    """Write the one finished migration calculation of a store."""
    store = Store(url)
    with store.session(read_only=True) as session:
        calculation = session.scalars(select(Calculation).where(Calculation.kind == "neb")).one()
        material = session.get_one(Material, calculation.material_id)
        of = calculation.id
        found = {
            "formula": material.composition.formula,
            "phase": material.phase,
            "calculation": columns(calculation),
        }
        for model, name in ((Structure, "structures"), (Energetic, "energetics")):
            rows = select(model).where(model.calculation_id == of).order_by(model.id)
            found[name] = [columns(each) for each in session.scalars(rows).unique()]
    store.close()
    text = json.dumps(found, separators=(",", ":"), ensure_ascii=False)
    PLACE.write_bytes(gzip.compress(text.encode(), 9, mtime=0))


if __name__ == "__main__":
    main(sys.argv[1])
