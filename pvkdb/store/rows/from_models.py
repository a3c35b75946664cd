"""Rows and documents made from models; devices and energetics are in ``from_sql``."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from pvkdb.schemas.calculations import CalculationDocument
from pvkdb.schemas.tables import (
    CalculationsRow,
    DeviceClaimsRow,
    MaterialsRow,
    StructureDocument,
    StructuresRow,
)
from pvkdb.store.models.calculations import Calculation
from pvkdb.store.models.devices import DeviceClaim
from pvkdb.store.models.materials import Composition, Material
from pvkdb.store.models.structures import Structure

#: Numbers and depths of JSON beyond which nothing physical lies.
_HUGE, _DEEP = 1e300, 50

DocumentT = TypeVar("DocumentT", bound=BaseModel)


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
        unreadable = {str(part) for problem in error.errors() for part in problem["loc"][:1]}
        return kind.model_validate({**values, **dict.fromkeys(unreadable)})


def device_claims_row(claim: DeviceClaim) -> DeviceClaimsRow:
    """A reported figure as the ``device_claims`` table shows it."""
    references = " ".join(reference.reference_key for reference in claim.references)
    return document_of(DeviceClaimsRow, claim, references=references)


def materials_row(
    material: Material, energetics_count: int, devices_count: int, structures_count: int
) -> MaterialsRow:
    """A material as the ``materials`` table shows it."""
    composition = material.composition
    return document_of(
        MaterialsRow,
        composition,
        id=material.id,
        phase=material.phase,
        family=material.family,
        dimensionality=material.dimensionality,
        **{f"{site.lower()}_site": _site(composition, site) for site in "ABX"},
        energetics_count=energetics_count,
        devices_count=devices_count,
        structures_count=structures_count,
    )


def calculations_row(calculation: Calculation) -> CalculationsRow:
    """A calculation as the ``calculations`` table shows it."""
    result = calculation.result or {}
    barriers = {} if result.get("not_converged") else result
    return document_of(
        CalculationsRow,
        calculation,
        material=calculation.material_id,
        potential=calculation.parameters.get("potential"),
        barrier_forward_ev=barriers.get("barrier_forward_ev"),
        barrier_reverse_ev=barriers.get("barrier_reverse_ev"),
        residual_force_ev_per_ang=result.get("residual_force_ev_per_ang"),
    )


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


def structures_row(structure: Structure) -> StructuresRow:
    """A structure, without coordinates, as the ``structures`` table shows it."""
    return document_of(StructuresRow, structure, **_structure_names(structure))


def structure_document(structure: Structure) -> StructureDocument:
    """A structure with its coordinates."""
    return document_of(StructureDocument, structure, **_structure_names(structure))


def _structure_names(structure: Structure) -> dict[str, str | None]:
    return {
        "material": structure.material_id,
        "phase": structure.material.phase,
        "parent": structure.parent_id,
        "calculation": structure.calculation_id,
    }


def _site(composition: Composition, site: str) -> str:
    return " ".join(
        entry.ion + amount_text(entry.amount, entry.amount_symbolic)
        for entry in composition.occupancies
        if entry.site == site
    )


def amount_text(amount: float | None, symbolic: str | None) -> str:
    """Return the amount of an ion as it follows its symbol: ``2``, ``(x)``, or nothing for one."""
    if amount is None:
        return f"({symbolic or '?'})"
    return "" if amount == 1 else f"{amount:g}"
