"""Documents made from models; rows of tables are read without models (``reading``)."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from pvkdb.schemas.calculations import CalculationDocument
from pvkdb.schemas.tables import StructureDocument
from pvkdb.store.models.calculations import Calculation
from pvkdb.store.models.structures import Structure
from pvkdb.store.rows.reading import DocumentT, without_unreadable

#: Numbers and depths of JSON beyond which nothing physical lies.
_HUGE, _DEEP = 1e300, 50


def document_of(kind: type[DocumentT], source: object, **derived: Any) -> DocumentT:
    """Return a document whose fields are the attributes of ``source`` with the same names.

    A value that is none of its field, edited by a person or of another version, is left empty.

    Args:
        kind: Model of the document.
        source: A model of the store, or another object with attributes.
        derived: Fields with other values.
    """
    same = {name: getattr(source, name) for name in kind.model_fields if name not in derived}
    values = {**same, **derived}
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        return without_unreadable(kind, values, error)


def calculation_document(calculation: Calculation) -> CalculationDocument:
    """A calculation with its parameters and result."""
    names = ("parameters", "result", "versions")
    written = {name: _writable(getattr(calculation, name)) for name in names}
    return document_of(
        CalculationDocument, calculation, material=calculation.material_id, **written
    )


def _writable(value: Any, depth: int = 0) -> Any:
    """Return JSON without what no answer can hold: infinities, lone surrogates, endless depth."""
    if isinstance(value, str):
        return value.encode(errors="replace").decode()
    if isinstance(value, int | float):
        return value if abs(value) < _HUGE else None
    if isinstance(value, list):
        return [_writable(each, depth + 1) for each in value] if depth < _DEEP else None
    if isinstance(value, dict):
        pairs = value.items() if depth < _DEEP else ()
        return {_writable(name): _writable(each, depth + 1) for name, each in pairs}
    return value


def structure_document(structure: Structure) -> StructureDocument:
    """A structure with its coordinates."""
    return document_of(
        StructureDocument,
        structure,
        material=structure.material_id,
        phase=structure.material.phase,
        parent=structure.parent_id,
        calculation=structure.calculation_id,
    )
