"""The entry type ``structures``."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Integer, literal, select
from sqlalchemy.orm import Session, aliased

from pvkdb.store.models.energetics import Energetic, EnergeticReference
from pvkdb.store.models.materials import Composition, CompositionTolerance, Material
from pvkdb.store.models.structures import Structure, StructureElement
from pvkdb.store.rows.among import KEYS, among
from pvkdb_api.optimade.entries.lists import Fixed, Items, Made
from pvkdb_api.optimade.entries.own_properties import PVKDB_PROPERTIES, current
from pvkdb_api.optimade.entries.properties import Kind, Nothing, Property, Scalar
from pvkdb_api.optimade.entries.search import EntryType

DESCRIPTION = (
    "Periodic structures from calculations and of users: relaxed hosts, cells with a vacancy, and "
    "the images of migration paths. _pvkdb_role says which; relaxed crystals are "
    '_pvkdb_role="host".'
)

#: Atoms counted by element; lists over these rows can be zipped in a filter.
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
#: Built once, since building takes longer than executing it.
_RELATED = (
    select(Structure.id, _publications.c.reference_key)
    .join(Material, Material.id == Structure.material_id)
    .join(_publications, _publications.c.composition_id == Material.composition_id)
    .where(among(Structure.id))
    .order_by(Structure.id, _publications.c.reference_key)
)


def _related(session: Session, ids: Sequence[str]) -> dict[str, list[str]]:
    """Return the publications that report energies of the composition of each structure."""
    related: dict[str, list[str]] = defaultdict(list)
    for key, reference in session.execute(_RELATED, {KEYS: ids}):
        related[key].append(reference)
    return related


_symbol_columns: dict[str, ColumnElement[Any]] = {"symbols": Structure.symbols.expression}


def _column(
    name: str, kind: Kind, column: Any, *, sortable: bool = True, nullable: bool = False
) -> Scalar:
    """Return a property that is a column."""
    expression = getattr(column, "expression", column)
    return Scalar(name, kind, sortable=sortable, expression=expression, nullable=nullable)


def _per_element(name: str, item: Any, item_kind: Kind, count: Any, made: Any) -> Items:
    """Return a list whose items are made from the symbols and searched by element."""
    return Items(
        name,
        rows=_elements,
        owner=Structure.id.expression,
        item=item.expression,
        item_kind=item_kind,
        count=count.expression,
        loads=_symbol_columns,
        made=made,
    )


_PROPERTIES: tuple[Property, ...] = (
    _column("id", "string", Structure.id),
    _column("type", "string", literal("structures"), sortable=False),
    _column("immutable_id", "string", Structure.id),
    _column("last_modified", "timestamp", Structure.recorded_at, nullable=True),
    _per_element("elements", StructureElement.element, "string", Structure.nelements, _symbols),
    _column("nelements", "integer", Structure.nelements),
    _per_element("elements_ratios", StructureElement.ratio, "float", Structure.nelements, _ratios),
    _column("chemical_formula_descriptive", "string", Structure.formula_hill),
    _column("chemical_formula_reduced", "string", Structure.formula_reduced),
    _column("chemical_formula_hill", "string", Structure.formula_hill),
    _column("chemical_formula_anonymous", "string", Structure.formula_anonymous),
    Fixed("dimension_types", items=(1, 1, 1)),
    _column("nperiodic_dimensions", "integer", literal(3, Integer), sortable=False),
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
    _column("nsites", "integer", Structure.atoms),
    Made(
        "species",
        "list",
        loads=_symbol_columns,
        made=_species,
        count=Structure.nelements.expression,
    ),
    _per_element(
        "species_at_sites",
        StructureElement.element,
        "string",
        Structure.atoms,
        lambda row: row.symbols,
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
