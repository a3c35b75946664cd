"""Entries of the type ``structures``."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Integer,
    literal,
    select,
)
from sqlalchemy.orm import Session, aliased

from pvkdb.store.models.energetics import Energetic, EnergeticReference
from pvkdb.store.models.materials import Composition, CompositionTolerance, Material
from pvkdb.store.models.structures import Structure, StructureElement
from pvkdb.store.rows.among import KEYS, among
from pvkdb_api.optimade.entries.entries import EntryType
from pvkdb_api.optimade.entries.lists import Fixed, Items, Made
from pvkdb_api.optimade.entries.own_properties import PVKDB_PROPERTIES, current
from pvkdb_api.optimade.entries.properties import Nothing, Property, Scalar

DESCRIPTION = (
    "Periodic structures from calculations and of users: relaxed hosts, cells with a vacancy, and "
    "the images of migration paths. _pvkdb_role tells them apart; relaxed crystals are "
    '_pvkdb_role="host".'
)

#: Rows of the atoms counted by element; lists over them can be zipped in a filter.
_elements = select(StructureElement.structure_id)


def _symbols(row: Any) -> list[str]:
    return sorted(set(row.symbols))


def _ratios(row: Any) -> list[float]:
    counted = Counter(row.symbols)
    return [counted[element] / len(row.symbols) for element in sorted(counted)]


def _species(row: Any) -> list[dict[str, Any]]:
    return [
        {"name": element, "chemical_symbols": [element], "concentration": [1.0]}
        for element in _symbols(row)
    ]


_statement, _phase = aliased(Energetic), aliased(Material)
#: Publications that report energies of a structure's composition; see :func:`_related`.
_cited = (
    select(_phase.composition_id)
    .select_from(EnergeticReference)
    .join(_statement, _statement.id == EnergeticReference.energetic_id)
    .join(_phase, _phase.id == _statement.material_id)
    .where(current(_statement))
)


_own = aliased(Material)
#: Each composition is looked up once, however many of the structures have it.
_publications = (
    _cited.add_columns(EnergeticReference.reference_key)
    .where(
        _phase.composition_id.in_(
            select(_own.composition_id)
            .join(Structure, Structure.material_id == _own.id)
            .where(among(Structure.id))
        )
    )
    .distinct()
    .subquery()
)
#: Made once: that takes longer than to execute it.
_RELATED = (
    select(Structure.id, _publications.c.reference_key)
    .join(Material, Material.id == Structure.material_id)
    .join(_publications, _publications.c.composition_id == Material.composition_id)
    .where(among(Structure.id))
    .order_by(Structure.id, _publications.c.reference_key)
)


def _related(session: Session, ids: Sequence[str]) -> dict[str, list[str]]:
    """Keys of the publications that report energies of the composition of each structure."""
    related: dict[str, list[str]] = defaultdict(list)
    for key, reference in session.execute(_RELATED, {KEYS: ids}):
        related[key].append(reference)
    return related


_symbol_columns: dict[str, ColumnElement[Any]] = {"symbols": Structure.symbols.expression}

_PROPERTIES: tuple[Property, ...] = (
    Scalar("id", "string", sortable=True, expression=Structure.id.expression, nullable=False),
    Scalar("type", "string", expression=literal("structures"), nullable=False),
    Scalar(
        "immutable_id",
        "string",
        sortable=True,
        expression=Structure.id.expression,
        nullable=False,
    ),
    Scalar(
        "last_modified",
        "timestamp",
        sortable=True,
        expression=Structure.recorded_at.expression,
    ),
    Items(
        "elements",
        rows=_elements,
        owner=Structure.id.expression,
        item=StructureElement.element.expression,
        item_kind="string",
        count=Structure.nelements.expression,
        loads=_symbol_columns,
        made=_symbols,
    ),
    Scalar(
        "nelements",
        "integer",
        sortable=True,
        expression=Structure.nelements.expression,
        nullable=False,
    ),
    Items(
        "elements_ratios",
        rows=_elements,
        owner=Structure.id.expression,
        item=StructureElement.ratio.expression,
        item_kind="float",
        count=Structure.nelements.expression,
        loads=_symbol_columns,
        made=_ratios,
    ),
    Scalar(
        "chemical_formula_descriptive",
        "string",
        sortable=True,
        expression=Structure.formula_hill.expression,
        nullable=False,
    ),
    Scalar(
        "chemical_formula_reduced",
        "string",
        sortable=True,
        expression=Structure.formula_reduced.expression,
        nullable=False,
    ),
    Scalar(
        "chemical_formula_hill",
        "string",
        sortable=True,
        expression=Structure.formula_hill.expression,
        nullable=False,
    ),
    Scalar(
        "chemical_formula_anonymous",
        "string",
        sortable=True,
        expression=Structure.formula_anonymous.expression,
        nullable=False,
    ),
    Fixed("dimension_types", items=(1, 1, 1)),
    Scalar("nperiodic_dimensions", "integer", expression=literal(3, Integer), nullable=False),
    Made(
        "lattice_vectors",
        "list",
        loads={"cell_ang": Structure.cell_ang.expression},
        made=lambda row: row.cell_ang,
        count=literal(3, Integer),
    ),
    Made(
        "cartesian_site_positions",
        "list",
        loads={"positions_ang": Structure.positions_ang.expression},
        made=lambda row: row.positions_ang,
        count=Structure.atoms.expression,
    ),
    Scalar(
        "nsites", "integer", sortable=True, expression=Structure.atoms.expression, nullable=False
    ),
    Made(
        "species",
        "list",
        loads=_symbol_columns,
        made=_species,
        count=Structure.nelements.expression,
    ),
    Items(
        "species_at_sites",
        rows=_elements,
        owner=Structure.id.expression,
        item=StructureElement.element.expression,
        item_kind="string",
        count=Structure.atoms.expression,
        loads=_symbol_columns,
        made=lambda row: row.symbols,
    ),
    Fixed("structure_features"),
    Nothing("assemblies", "list"),
    Nothing("space_group_symmetry_operations_xyz", "list"),
    Nothing("space_group_symbol_hall", "string"),
    Nothing("space_group_symbol_hermann_mauguin", "string"),
    Nothing("space_group_symbol_hermann_mauguin_extended", "string"),
    Nothing("space_group_it_number", "integer"),
    *PVKDB_PROPERTIES,
)

STRUCTURES = EntryType(
    name="structures",
    description=DESCRIPTION,
    source=(
        select()
        .select_from(Structure)
        .join(Material, Material.id == Structure.material_id)
        .join(Composition, Composition.id == Material.composition_id)
        .outerjoin(CompositionTolerance, CompositionTolerance.composition_id == Composition.id)
    ),
    key=Structure.id,
    properties={each.name: each for each in _PROPERTIES},
    related_references=_related,
    relations={
        "references.id": Items(
            "references.id",
            rows=_cited,
            owner=Material.composition_id.expression,
            item=EnergeticReference.reference_key.expression,
            item_kind="string",
        )
    },
)
