"""Structures and the calculations behind them as an archive that other programs read."""

from __future__ import annotations

import io
import json
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from pvkdb._version import __version__
from pvkdb.chemistry.formulas.sum_formula import anonymous_formula, hill_formula, reduced_formula
from pvkdb.schemas.tables import StructureDocument
from pvkdb.store.collections import ENERGETICS, STRUCTURES
from pvkdb.store.curation.dataset import current_version
from pvkdb.store.files.structure_files import many_text
from pvkdb.store.models.calculations import Calculation
from pvkdb.store.models.energetics import Energetic
from pvkdb.store.models.structures import Structure
from pvkdb.store.rows.from_models import structure_document

#: Names within an archive.
FRAMES, LINES, METADATA = "structures.xyz", "optimade.jsonl", "metadata.json"


def documents(session: Session, filters: Mapping[str, Any]) -> Iterator[StructureDocument]:
    """Yield the structures that match the filters of the table, with coordinates, by id."""
    for row in STRUCTURES.iterate(session, filters):
        yield structure_document(session.get_one(Structure, row.id))


def write_archive(
    session: Session,
    found: Iterable[StructureDocument],
    optimade: Callable[[Sequence[str]], Iterable[bytes]],
) -> bytes:
    """Return a ZIP archive of structures: extended XYZ, OPTIMADE JSON Lines, and metadata.

    Args:
        session: Open session of the store.
        found: The structures.
        optimade: Returns the lines of structures by their ids.
    """
    packed, ids, frame = io.BytesIO(), [], 0
    entries: dict[str, dict[str, Any]] = {}
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open(FRAMES, "w") as frames:
            for document in found:
                text = many_text(document, "extxyz")
                frames.write(text.encode())
                key = document.calculation or document.id
                if key not in entries:
                    entries[key] = _entry(session, document)
                facts = {"id": document.id, "role": document.role}
                entries[key]["structures"].append(facts | {"frame": frame if text else None})
                ids.append(document.id)
                frame += bool(text)
        with archive.open(LINES, "w") as lines:
            lines.writelines(optimade(ids))
        about = {
            "program": f"pvkdb {__version__}",
            "dataset": current_version(session),
            "files": {"structures": FRAMES, "optimade": LINES},
            "entries": [*entries.values()],
        }
        text = json.dumps(about, ensure_ascii=False, indent=1, default=str)
        with archive.open(METADATA, "w") as metadata:  # without the time, unlike writestr
            metadata.write(text.encode())
    return packed.getvalue()


def _entry(session: Session, document: StructureDocument) -> dict[str, Any]:
    """Return the metadata of a calculation, or of a structure from elsewhere, as NOMAD's archive.

    The sections ``metadata`` and ``results`` have the names of https://nomad-lab.eu's schema.
    """
    atoms = Counter(document.symbols)
    calculation = session.get(Calculation, document.calculation) if document.calculation else None
    entry: dict[str, Any] = {
        "metadata": {
            "entry_id": document.id,
            "entry_name": document.material,
            "comment": document.origin,
        },
        "results": {
            "material": {
                "elements": sorted(atoms),
                "chemical_formula_hill": hill_formula(atoms),
                "chemical_formula_reduced": reduced_formula(atoms),
                "chemical_formula_anonymous": anonymous_formula(atoms),
                "structural_type": "bulk",
                "symmetry": {"space_group_symbol": document.space_group},
            }
        },
        "structures": [],
    }
    if calculation is None:
        return entry
    entry["metadata"] |= {
        "entry_id": calculation.id,
        "entry_name": f"{document.material} {calculation.kind}",
        "entry_type": calculation.kind,
        "entry_create_time": calculation.finished_at,
    }
    energies = select(Energetic.id).where(Energetic.calculation_id == calculation.id)
    rows = ENERGETICS.load(session, session.scalars(energies.order_by(Energetic.id)).all())
    entry["results"] |= {
        "method": {"parameters": calculation.parameters, "versions": calculation.versions},
        "properties": {"energetics": [row.model_dump(mode="json") for row in rows]},
    }
    return entry
