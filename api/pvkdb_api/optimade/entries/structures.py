"""The entry type ``structures``: the properties of OPTIMADE, and pvkdb's own, ``_pvkdb_…``."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from operator import attrgetter
from typing import Any

from sqlalchemy import (
    JSON,
    ColumnElement,
    Integer,
    ScalarSelect,
    func,
    literal,
    select,
    type_coerce,
)
from sqlalchemy.orm import Session, aliased

from pvkdb.schemas.tables import CompositionsRow, MaterialsRow, StructuresRow
from pvkdb.store.curation.dataset import REVIEW
from pvkdb.store.models.access import AuditEntry
from pvkdb.store.models.calculations import Calculation
from pvkdb.store.models.energetics import Energetic, EnergeticReference
from pvkdb.store.models.materials import Composition, CompositionTolerance, Material
from pvkdb.store.models.references import DatasetVersion
from pvkdb.store.models.structures import Structure, StructureElement
from pvkdb.store.models.summaries import CompositionSummary
from pvkdb.store.rows.among import KEYS, among
from pvkdb_api.optimade import PREFIX
from pvkdb_api.optimade.entries.lists import Fixed, Items, Made
from pvkdb_api.optimade.entries.properties import Kind, Nothing, Property, Scalar, latest
from pvkdb_api.optimade.entries.search import EntryType

DESCRIPTION = (
    "Periodic structures from calculations and of users: relaxed hosts, cells with a vacancy, and "
    "the images of migration paths. _pvkdb_role says which; relaxed crystals are "
    '_pvkdb_role="host".'
)

#: Atoms counted by element; lists over these rows can be zipped in a filter.
_elements = select(StructureElement.structure_id)

_sites = attrgetter("symbols")


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
    .where(_statement.id.not_in(Energetic.replaced()))
)

_own_material = aliased(Material)
#: Each composition is looked up once, however many of the structures have it.
_publications = (
    _cited.add_columns(EnergeticReference.reference_key)
    .where(
        _phase.composition_id.in_(
            select(_own_material.composition_id)
            .join(Structure, Structure.material_id == _own_material.id)
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

_KINDS: dict[type, Kind] = {str: "string", float: "float", int: "integer", bool: "boolean"}


def _column(
    name: str,
    column: Any,
    description: str = "",
    unit: str | None = None,
    *,
    sortable: bool = True,
    nullable: bool = False,
) -> Scalar:
    """Return a property whose value is a column of the store, with the column's type."""
    expression = getattr(column, "expression", column)
    kind = _KINDS[expression.type.python_type]
    return Scalar(name, kind, description, unit, sortable, nullable, expression=expression)


def _per_element(name: str, item: Any, count: Any, made: Any) -> Items:
    """Return a list whose items are made from the symbols and searched by element."""
    return Items(
        name,
        rows=_elements,
        owner=Structure.id.expression,
        item=item.expression,
        item_kind=_KINDS[item.type.python_type],
        count=count.expression,
        loads=_symbol_columns,
        made=made,
    )


def _vectors(name: str, column: Any, count: ColumnElement[int]) -> Made:
    """Return a property whose value is a column with a list of vectors."""
    read = attrgetter(column.key)
    return Made(name, "list", loads={column.key: column.expression}, made=read, count=count)


def _extreme(end: str, quantity: str, scope: str) -> ScalarSelect[Any]:
    """Return the lowest or highest energy of a composition in any of its phases, as SQL.

    The phases are a subquery and not a joined table: with a join, SQLite reads the statements of
    all materials for each structure.
    """
    statement, material = aliased(Energetic), aliased(Material)
    extreme = func.min(statement.value_min_ev) if end == "min" else func.max(statement.value_max_ev)
    of_composition = material.composition_id == Material.composition_id
    phases = select(material.id).where(of_composition).correlate(Material)
    return (
        select(extreme)
        .where(
            statement.material_id.in_(phases),
            statement.quantity == quantity,
            statement.scope == scope,
            statement.id.not_in(Energetic.uncounted()),
        )
        .scalar_subquery()
    )


def _last_modified() -> ColumnElement[Any]:
    """Return when a structure or an energy of its composition came or was confirmed, as SQL."""
    statement, material = aliased(Energetic), aliased(Material)
    of_composition = material.composition_id == Material.composition_id
    phases = select(material.id).where(of_composition).correlate(Material)
    confirmed = select(AuditEntry.subject, func.max(AuditEntry.at).label("at"))
    confirmed = confirmed.where(AuditEntry.action == REVIEW).group_by(AuditEntry.subject)
    reviews = confirmed.subquery()
    came = func.coalesce(reviews.c.at, DatasetVersion.loaded_at, Calculation.finished_at)
    version = func.coalesce(statement.recorded_in, Calculation.recorded_in)
    changed = (
        select(func.max(came))
        .select_from(statement)
        .outerjoin(Calculation, Calculation.id == statement.calculation_id)
        .outerjoin(DatasetVersion, DatasetVersion.version == version)
        .outerjoin(reviews, reviews.c.subject == version)
        .where(statement.material_id.in_(phases))
        .scalar_subquery()
    )
    return latest(Structure.recorded_at, func.coalesce(changed, Structure.recorded_at))


#: Columns of exported tables, whose meanings and units the properties have.
_DECLARED = {
    **CompositionsRow.dictionary(),
    **MaterialsRow.dictionary(),
    **StructuresRow.dictionary(),
}


def _own(name: str, column: Any, description: str = "", unit: str | None = None) -> Scalar:
    """Return a property with the prefix ``_pvkdb_``; by default described as the column is."""
    if not description:
        declared = _DECLARED[name]
        description, unit = declared.meaning.replace("`", ""), declared.unit
    unit = None if unit == "1" else unit
    nullable = name not in _NEVER_NULL
    return _column(f"_{PREFIX}_{name}", column, description, unit, nullable=nullable)


_NEVER_NULL = frozenset({"material", "formula", "family", "lead_free", "role", "origin"})

_ENERGY = (
    "of the composition, in eV, in any of its phases, for any defect and direction. Ends that a "
    "source leaves open ('> 1.2') do not count."
)
_REPORTED = f"as the literature reports it {_ENERGY}"
_COMPUTED = f"by calculations with interatomic potentials {_ENERGY}"
_EASIEST = f"of the easiest path through the crystal in a direction, {_COMPUTED}"


def _energy_ends(name: str, quantity: str, scope: str, meaning: str) -> list[Scalar]:
    """Return two properties: the lowest and the highest energy of a quantity and scope."""
    return [
        _own(f"{name}_{end}_ev", _extreme(end, quantity, scope), f"{extreme} {meaning}", "eV")
        for end, extreme in (("min", "Lowest"), ("max", "Highest"))
    ]


def _of_calculation(value: Any) -> ScalarSelect[Any]:
    """Return a part of the calculation that made a structure, as SQL."""
    return select(value).where(Calculation.id == Structure.calculation_id).scalar_subquery()


def _forces(row: Any) -> list[list[float]] | None:
    """Return the forces on a point of a hop: its role is the name of the point."""
    points = row.points if isinstance(row.points, list) else ()
    found = [each["forces_ev_per_ang"] for each in points if each.get("name") == row.point]
    return found[0] if found else None


_points = _of_calculation(type_coerce(Calculation.result["points"], JSON))

_OWN_PROPERTIES: tuple[Property, ...] = (
    _own("material", Structure.material_id),
    _own("formula", Composition.formula),
    _own("phase", Material.phase),
    _own("family", Material.family),
    _own("dimensionality", Material.dimensionality),
    _own("lead_free", Composition.lead_free),
    _own("space_group", Structure.space_group),
    _own("role", Structure.role),
    _own("origin", Structure.origin),
    _own("calculation", Structure.calculation_id),
    _own("parent", Structure.parent_id),
    _own("energy_ev", Structure.energy_ev),
    _own(
        "charge",
        _of_calculation(Calculation.parameters["settings"]["charge"].as_integer()),
        "Charge of the cell in elementary charges, of structures made by DFT; a potential sets "
        "none.",
    ),
    Made(
        f"_{PREFIX}_forces_ev_per_ang",
        "list",
        "Forces on the atoms of the start, the saddle point and the end of a hop by DFT.",
        "eV/Å",
        loads={"points": _points, "point": Structure.role.expression},
        made=_forces,
        is_known=_points.is_not(None),
    ),
    *(_own(name, getattr(CompositionTolerance, name)) for name in ("t", "mu", "tau")),
    _own("p_perovskite", CompositionSummary.p_perovskite),
    *_energy_ends("e_a_reported", "E_A", "reported", f"activation energy of migration {_REPORTED}"),
    *_energy_ends("e_a_percolation", "E_A", "percolation", f"migration bottleneck {_EASIEST}"),
    *_energy_ends("dfe_reported", "DFE", "reported", f"defect formation energy {_REPORTED}"),
    *_energy_ends("dfe_computed", "DFE", "computed", f"defect formation energy {_COMPUTED}"),
)

_PROPERTIES: tuple[Property, ...] = (
    _column("id", Structure.id),
    _column("type", literal("structures"), sortable=False),
    _column("immutable_id", Structure.id),
    Scalar("last_modified", "timestamp", sortable=True, expression=_last_modified()),
    _per_element("elements", StructureElement.element, Structure.nelements, _symbols),
    _column("nelements", Structure.nelements),
    _per_element("elements_ratios", StructureElement.ratio, Structure.nelements, _ratios),
    _column("chemical_formula_descriptive", Structure.formula_hill),
    _column("chemical_formula_reduced", Structure.formula_reduced),
    _column("chemical_formula_hill", Structure.formula_hill),
    _column("chemical_formula_anonymous", Structure.formula_anonymous),
    Fixed("dimension_types", items=(1, 1, 1)),
    _column("nperiodic_dimensions", literal(3, Integer), sortable=False),
    _vectors("lattice_vectors", Structure.cell_ang, literal(3, Integer)),
    _vectors("cartesian_site_positions", Structure.positions_ang, Structure.atoms.expression),
    _column("nsites", Structure.atoms),
    Made(
        "species",
        "list",
        loads=_symbol_columns,
        made=_species,
        count=Structure.nelements.expression,
    ),
    _per_element("species_at_sites", StructureElement.element, Structure.atoms, _sites),
    Fixed("structure_features"),
    *(Nothing(name, "list") for name in ("assemblies", "space_group_symmetry_operations_xyz")),
    *(
        Nothing(f"space_group_symbol_{name}", "string")
        for name in ("hall", "hermann_mauguin", "hermann_mauguin_extended")
    ),
    Nothing("space_group_it_number", "integer"),
    *_OWN_PROPERTIES,
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
        .outerjoin(CompositionSummary, CompositionSummary.composition_id == Composition.id)
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
