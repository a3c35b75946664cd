"""Summaries of compositions follow the tables that they are made from, in the same transaction.

Every session notes which compositions its writes concern, and makes their summaries again before
it commits. Statements that bypass sessions are followed by :func:`renew_summaries`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Subquery,
    and_,
    case,
    delete,
    event,
    func,
    insert,
    inspect,
    literal,
    or_,
    select,
    true,
)
from sqlalchemy.orm import ORMExecuteState, Session, aliased

from pvkdb.chemistry.composition import FAMILIES
from pvkdb.chemistry.ions import HALIDES
from pvkdb.store.base import LARGEST_EV
from pvkdb.store.models.calculations import Calculation
from pvkdb.store.models.devices import Device
from pvkdb.store.models.energetics import Energetic
from pvkdb.store.models.materials import Composition, CompositionTolerance, Material
from pvkdb.store.models.structures import Structure
from pvkdb.store.models.summaries import CompositionStability, CompositionSummary

#: Compositions whose summaries are made at a time.
_BATCH = 500

#: Tables that summaries are made from, and the column that names the composition or the material.
_COLUMNS: dict[type, str] = {
    Composition: "id",
    CompositionTolerance: "composition_id",
    CompositionStability: "composition_id",
    Material: "composition_id",
    Energetic: "material_id",
    Device: "material_id",
    Structure: "material_id",
}

#: A condition on the column of a table that holds the ids of compositions.
Among = Callable[[Any], ColumnElement[bool]]


@dataclass(slots=True)
class _Touched:
    """Compositions and materials that the writes of a session concern, and replaced rows."""

    compositions: set[int] = field(default_factory=set)
    materials: set[str] = field(default_factory=set)
    replaced: dict[Any, set[str]] = field(default_factory=lambda: {Energetic: set(), Device: set()})
    everything: bool = False

    def add(self, model: Any, key: Any, superseded: str | None = None) -> None:
        """Note a row by the id of its composition or material, and the row that it supersedes."""
        if key is not None:
            (self.compositions if isinstance(key, int) else self.materials).add(key)
        if superseded is not None:
            self.replaced[model].add(superseded)


def _touched(session: Session) -> _Touched:
    found: _Touched = session.info.setdefault("pvkdb_touched", _Touched())
    return found


@event.listens_for(Session, "after_flush")
def _note_objects(session: Session, context: object) -> None:
    for entry in (*session.new, *session.dirty, *session.deleted):
        model = type(entry)
        if model not in _COLUMNS:
            continue
        written = inspect(entry).attrs[_COLUMNS[model]]
        for key in {written.value, *written.history.deleted}:
            _touched(session).add(model, key, getattr(entry, "supersedes_id", None))


@event.listens_for(Session, "do_orm_execute")
def _note_statement(state: ORMExecuteState) -> None:
    if not (state.is_insert or state.is_update or state.is_delete) or state.bind_mapper is None:
        return
    model = state.bind_mapper.class_
    if model not in _COLUMNS:
        return
    rows: Any = state.parameters if isinstance(state.parameters, list) else None
    if state.is_insert and rows:
        for row in rows:
            _touched(state.session).add(model, row.get(_COLUMNS[model]), row.get("supersedes_id"))
    elif not (state.is_update and rows and all({*row} <= {"id", "fingerprint"} for row in rows)):
        _touched(state.session).everything = True


@event.listens_for(Session, "before_commit")
def _renew_touched(session: Session) -> None:
    if session.in_nested_transaction():
        return
    session.flush()
    touched: _Touched | None = session.info.pop("pvkdb_touched", None)
    if touched is None:
        return
    if touched.everything:
        renew_summaries(session)
        return
    for model, keys in touched.replaced.items():
        for batch in _batches(keys):
            touched.materials.update(
                filter(None, session.scalars(select(model.material_id).where(model.id.in_(batch))))
            )
    for names in _batches(touched.materials):
        of_them = select(Material.composition_id).where(Material.id.in_(names))
        touched.compositions.update(session.scalars(of_them))
    for ids in _batches(touched.compositions):
        # In the order of all sessions, so that none waits for one that waits for it. What another
        # one has committed in the meantime is seen by the statements that follow.
        held = select(Composition.id).where(Composition.id.in_(ids)).order_by(Composition.id)
        session.execute(held.with_for_update(key_share=True)).close()
        _renew(session, lambda column, ids=ids: column.in_(ids))  # type: ignore[misc]


@event.listens_for(Session, "after_rollback")
def _forget(session: Session) -> None:
    session.info.pop("pvkdb_touched", None)


def renew_summaries(session: Session | Connection) -> None:
    """Make the summaries of all compositions again."""
    _renew(session, lambda column: true())


def _batches(keys: Iterable[Any]) -> Iterator[list[Any]]:
    left = iter(sorted(keys))
    while batch := list(islice(left, _BATCH)):
        yield batch


def _renew(session: Session | Connection, among: Among) -> None:
    connection = session.connection() if isinstance(session, Session) else session
    table: Any = CompositionSummary.__table__
    made = _summaries(among)
    connection.execute(delete(table).where(among(table.c.composition_id)))
    connection.execute(insert(table).from_select(made.selected_columns.keys(), made))


def _summaries(among: Among) -> Select[Any]:
    """Return the SELECT of the summaries of compositions."""
    named, energies, lowest = _named(among), _energies(among), _lowest(among)
    devices, structures = _counted(Device, among), _counted(Structure, among)
    ranges = {column.key: column for column in energies.c if column.key.endswith("_ev")}
    counts = {
        "devices_count": func.coalesce(devices.c.number, 0),
        "energetics_reported_count": func.coalesce(energies.c.reported, 0),
        "energetics_computed_count": func.coalesce(energies.c.computed, 0),
        "structures_count": func.coalesce(structures.c.number, 0),
    }
    stability = CompositionStability
    reported = (
        counts["devices_count"] > 0,
        counts["energetics_reported_count"] > 0,
        ranges["e_a_literature_min_ev"].is_not(None),
        ranges["dfe_literature_min_ev"].is_not(None),
    )
    computed = (
        counts["structures_count"] > 0,
        stability.decomposition_ev_per_atom.is_not(None),
        ranges["e_a_computed_min_ev"].is_not(None),
        ranges["dfe_computed_min_ev"].is_not(None),
    )
    known = 10 * _number(reported) + _number(computed)
    statement = (
        select(
            Composition.id.label("composition_id"),
            Composition.formula,
            known.label("known"),
            func.coalesce(func.rtrim(named.c.families, "; "), "").label("families"),
            Composition.lead_free,
            func.coalesce(named.c.phases, 0).label("phases_count"),
            lowest.c.phase.label("lowest_phase"),
            lowest.c.potential.label("lowest_phase_potential"),
            func.coalesce(lowest.c.compared, 0).label("phases_compared"),
            stability.decomposition_ev_per_atom,
            stability.source.label("decomposition_source"),
            *ranges.values(),
            *(getattr(CompositionTolerance, name) for name in ("t", "mu", "tau", "p_perovskite")),
            *(value.label(name) for name, value in counts.items()),
        )
        .select_from(Composition)
        .outerjoin(CompositionTolerance, CompositionTolerance.composition_id == Composition.id)
        .outerjoin(stability, stability.composition_id == Composition.id)
    )
    for found in (named, energies, lowest, devices, structures):
        statement = statement.outerjoin(found, found.c.composition_id == Composition.id)
    return statement.where(among(Composition.id))


def _number(conditions: Iterable[ColumnElement[bool]]) -> ColumnElement[int]:
    """Return how many of some conditions are met."""
    total: ColumnElement[int] = literal(0)
    for condition in conditions:
        total = total + case((condition, 1), else_=0)
    return total


def _named(among: Among) -> Subquery:
    """Return families, each followed by ``; ``, and the number of phases."""
    texts = (func.max(case((Material.family == name, f"{name}; "), else_="")) for name in FAMILIES)
    families: ColumnElement[str] = literal("")
    for text in texts:
        families = families + text
    return (
        select(
            Material.composition_id,
            families.label("families"),
            func.count(Material.phase.distinct()).label("phases"),
        )
        .where(among(Material.composition_id))
        .group_by(Material.composition_id)
        .subquery()
    )


def _counted(model: Any, among: Among) -> Subquery:
    """Return the number of rows of compositions that no correction supersedes."""
    counted = (
        select(Material.composition_id, func.count().label("number"))
        .select_from(model)
        .join(Material, Material.id == model.material_id)
    )
    if model is Device:
        counted = counted.where(_current(Device))
    return (
        counted.where(among(Material.composition_id)).group_by(Material.composition_id).subquery()
    )


def _current(model: Any) -> ColumnElement[bool]:
    newer = aliased(model)
    return ~select(newer.id).where(newer.supersedes_id == model.id).exists()


def _energies(among: Among) -> Subquery:
    """Return numbers of statements, and ranges of energies by quantity and origin.

    The ranges are those of ``pvkdb.store.curation.energy_ranges`` for halides: of the computed
    paths of a material by one potential, the easiest one counts.
    """
    low = func.coalesce(Energetic.value_min_ev, Energetic.value_max_ev)
    high = func.coalesce(Energetic.value_max_ev, Energetic.value_min_ev)
    computed = Energetic.calculation_id.is_not(None)
    vacancy = Energetic.defect.startswith("V_", autoescape=True)
    unspecified = (Energetic.defect == Energetic.species) & (Energetic.quantity == "E_A")
    shown = and_(
        Energetic.species.in_((*HALIDES, "X")) & or_(vacancy, unspecified),
        or_(~computed, Energetic.quantity != "E_A", Energetic.scope == "percolation"),
        low > -LARGEST_EV,
        high < LARGEST_EV,
    )
    by = (Material.composition_id, Material.id, Energetic.quantity, Energetic.functional, computed)
    each = (
        select(
            Material.composition_id,
            Energetic.quantity,
            computed.label("computed"),
            func.count().label("number"),
            func.min(case((shown, low))).label("low"),
            func.max(case((shown, high))).label("high"),
            func.min(case((shown, high))).label("easiest"),
        )
        .select_from(Energetic)
        .join(Material, Material.id == Energetic.material_id)
        .where(among(Material.composition_id), _current(Energetic))
        .group_by(*by)
        .subquery()
    )
    ranges = []
    for quantity, name in (("E_A", "e_a"), ("DFE", "dfe")):
        for origin, is_so in (("literature", ~each.c.computed), ("computed", each.c.computed)):
            meant = (each.c.quantity == quantity) & is_so
            easiest = quantity == "E_A" and origin == "computed"
            upper = each.c.easiest if easiest else each.c.high
            ranges += [
                func.min(case((meant, each.c.low))).label(f"{name}_{origin}_min_ev"),
                func.max(case((meant, upper))).label(f"{name}_{origin}_max_ev"),
            ]
    return (
        select(
            each.c.composition_id,
            func.sum(case((~each.c.computed, each.c.number), else_=0)).label("reported"),
            func.sum(case((each.c.computed, each.c.number), else_=0)).label("computed"),
            *ranges,
        )
        .group_by(each.c.composition_id)
        .subquery()
    )


def _lowest(among: Among) -> Subquery:
    """Return the phase of lowest energy among at least two phases that one potential relaxed.

    Of several potentials, the one that relaxed most phases; of these the first by name.
    """
    potential = Calculation.parameters["potential"].as_string()
    relaxed = (
        select(
            Material.composition_id,
            potential.label("potential"),
            Material.phase,
            func.min(Structure.energy_ev / Structure.atoms).label("level"),
        )
        .select_from(Structure)
        .join(Material, Material.id == Structure.material_id)
        .join(Calculation, Calculation.id == Structure.calculation_id)
        .where(
            among(Material.composition_id),
            Calculation.kind == "relax",
            Material.phase.is_not(None),
            Structure.energy_ev > -LARGEST_EV,
            Structure.energy_ev < LARGEST_EV,
        )
        .group_by(Material.composition_id, potential, Material.phase)
        .subquery()
    )
    of_potential = (relaxed.c.composition_id, relaxed.c.potential)
    placed = select(
        relaxed,
        func.count().over(partition_by=of_potential).label("compared"),
        func.row_number()
        .over(partition_by=of_potential, order_by=(relaxed.c.level, relaxed.c.phase))
        .label("place"),
    ).subquery()
    preferred = (
        select(
            placed,
            func.row_number()
            .over(
                partition_by=placed.c.composition_id,
                order_by=(placed.c.compared.desc(), placed.c.potential),
            )
            .label("choice"),
        )
        .where(placed.c.place == 1, placed.c.compared > 1)
        .subquery()
    )
    return select(preferred).where(preferred.c.choice == 1).subquery()
