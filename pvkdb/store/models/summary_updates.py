"""Summaries of compositions follow the tables that they are made from, in the same transaction.

Every session notes which compositions its writes concern, and makes their summaries again before
it commits. Statements that bypass sessions are followed by :func:`renew_summaries`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, bindparam, event, inspect, select, text
from sqlalchemy.orm import ORMExecuteState, Session

from pvkdb.chemistry.family import (
    FACE_SHARING,
    FAMILIES,
    TILTED,
    family_of_phase,
    network,
)
from pvkdb.chemistry.formulas.composition import parse_composition
from pvkdb.chemistry.ions import HALIDES
from pvkdb.chemistry.phases import BY_MEASUREMENT, MEASURED, PHASE_ERRORS_EV, UNDECIDED
from pvkdb.schemas.calculations.reliability import OPEN_PATH_EV
from pvkdb.store.base import LARGEST_EV, batches
from pvkdb.store.models.devices import Device
from pvkdb.store.models.energetics import Energetic
from pvkdb.store.models.materials import Composition, CompositionTolerance, Material
from pvkdb.store.models.structures import Structure
from pvkdb.store.models.summaries import KINDS, CompositionStability

#: Compositions whose summaries are made at a time.
_BATCH = 500

#: Tables that summaries are made from, and their columns that lead to compositions.
_COLUMNS: dict[Any, tuple[str, ...]] = {
    Composition: ("id",),
    CompositionTolerance: ("composition_id",),
    CompositionStability: ("composition_id",),
    Material: ("composition_id",),
    Structure: ("material_id",),
    Energetic: ("material_id", "supersedes_id"),
    Device: ("material_id", "supersedes_id"),
}

#: Values of such columns in rows that a session has written; None for all compositions.
_Touched = dict[tuple[Any, str], set[Any]]


def _touched(session: Session) -> _Touched:
    found: _Touched = session.info.setdefault("pvkdb_touched", defaultdict(set))
    return found


@event.listens_for(Session, "after_flush")
def _note_objects(session: Session, context: object) -> None:
    for entry in (*session.new, *session.dirty, *session.deleted):
        for column in _COLUMNS.get(type(entry), ()):
            written = inspect(entry).attrs[column]
            _touched(session)[type(entry), column].update((written.value, *written.history.deleted))


@event.listens_for(Session, "do_orm_execute")
def _note_statement(state: ORMExecuteState) -> None:
    model = state.bind_mapper.class_ if state.bind_mapper is not None else None
    if model not in _COLUMNS or state.is_select:
        return
    rows: Any = state.parameters if isinstance(state.parameters, list) else ()
    if state.is_insert and rows:
        for column in _COLUMNS[model]:
            _touched(state.session)[model, column].update(row.get(column) for row in rows)
    elif not rows or any({*row} - {"id", "fingerprint"} for row in rows):
        _touched(state.session)[None, ""].add(model)


@event.listens_for(Session, "before_commit")
def _renew_touched(session: Session) -> None:
    if session.in_nested_transaction():
        return
    session.flush()
    touched: _Touched = session.info.pop("pvkdb_touched", {})
    if touched and session.get_bind().dialect.name == "postgresql":
        # One session at a time: the statements that follow see what the one before has committed.
        session.execute(text("LOCK TABLE composition_counts IN SHARE ROW EXCLUSIVE MODE"))
    if (None, "") in touched:
        renew_summaries(session)
        return
    concerned: set[int] = set()
    for (model, column), keys in touched.items():
        for batch in batches(sorted(keys - {None}), _BATCH):
            if column == "supersedes_id":
                there = Material.id.in_(select(model.material_id).where(model.id.in_(batch)))
            else:
                there = Material.id.in_(batch)
            of_them = select(Material.composition_id).where(there)
            concerned.update(session.scalars(of_them) if column[0] in "ms" else batch)
    for ids in batches(sorted(concerned), _BATCH):
        _renew(session, ids)


@event.listens_for(Session, "after_rollback")
def _forget(session: Session) -> None:
    session.info.pop("pvkdb_touched", None)


def note_reviewed(session: Session, version: str) -> None:
    """Let the summaries follow a review: its corrections take the places of the rows before."""
    for model in (Energetic, Device):
        rows = select(model.id, model.material_id, model.supersedes_id)
        found = session.execute(rows.where(model.recorded_in == version)).all()
        while found := [each for each in found if each.supersedes_id]:
            _touched(session)[model, "material_id"].update(each.material_id for each in found)
            before = [each.supersedes_id for each in found]
            _touched(session)[model, "supersedes_id"].update(before)
            found = session.execute(rows.where(model.id.in_(before))).all()


def renew_summaries(session: Session | Connection) -> None:
    """Make the summaries of all compositions again."""
    session.execute(text("DELETE FROM composition_summaries"))
    session.execute(text("DELETE FROM composition_counts"))
    _renew(session, None)


def _renew(session: Session | Connection, ids: list[int] | None) -> None:
    for statement in _OF_ALL if ids is None else _OF_SOME:
        session.execute(statement, {} if ids is None else {"ids": ids})


def _sum(conditions: Iterable[tuple[str, int]]) -> str:
    return " + ".join(f"CASE WHEN {sql} THEN {value} ELSE 0 END" for sql, value in conditions)


def _of_halides(alias: str) -> str:
    """Return the SQL condition for energies of halide vacancies, as in ``energy_ranges``.

    Formation energies of charged ones depend on the Fermi level: they are in no range.
    """
    ions = ", ".join(f"'{ion}'" for ion in (*HALIDES, "X"))
    return (
        f"{alias}.species IN ({ions}) AND (substr({alias}.defect, 1, 2) = 'V_' OR "
        f"({alias}.defect = {alias}.species AND {alias}.quantity = 'E_A')) "
        f"AND ({alias}.quantity = 'E_A' OR coalesce({alias}.charge, 0) = 0)"
    )


_FAMILIES = " || ".join(
    f"max(CASE WHEN family = '{name}' THEN '{name}; ' ELSE '' END)" for name in FAMILIES
)
_ENERGY = """
    coalesce(min(CASE WHEN {of} AND most IS NOT NULL THEN least END),
      min(CASE WHEN {of} THEN least END)) AS {name}_min_ev,
    coalesce(max(CASE WHEN {of} AND least IS NOT NULL THEN most END),
      max(CASE WHEN {of} THEN most END)) AS {name}_max_ev"""
_RANGES = ",".join(
    _ENERGY.format(
        of=f"quantity = '{quantity}' AND {'' if origin == 'computed' else 'NOT '}computed",
        name=f"{name}_{origin}",
    )
    for quantity, name in (("E_A", "e_a"), ("DFE", "dfe"))
    for origin in ("literature", "computed")
)
#: Of each chain of corrections one row counts: :meth:`Versioned.counted`.
_ENERGY_COUNTS, _DEVICE_COUNTS = (
    f"{alias}.id NOT IN ({model.uncounted().compile(compile_kwargs={'literal_binds': True})})"
    for alias, model in (("e", Energetic), ("d", Device))
)


def _cases(of: str, values: Mapping[str, object], other: str) -> str:
    """Return the SQL of a value for each of some names, and of that for others."""
    whens = " ".join(f"WHEN '{name}' THEN {value}" for name, value in values.items())
    return f"CASE {of} {whens} ELSE {other} END"


#: The error of a potential for the difference of a phase from its lowest one.
_ALIKE, _APART = (
    _cases(
        "potential",
        (errors := {name: each[at] for name, each in PHASE_ERRORS_EV.items()}),
        f"{max(errors.values())}",
    )
    for at in (0, 1)
)
_MEASURED = {name: f"'{each.lowest}'" for name, each in MEASURED.items() if each.lowest}


def _network(formula: str, phase: str) -> str | None:
    return network(family_of_phase(parse_composition(formula).family, phase), phase)


_TILTED, _FACE_SHARING = (", ".join(map(repr, each)) for each in (TILTED, FACE_SHARING))
#: The network of octahedra of a material and of a lowest phase, as in :func:`network`.
_NETWORK, _OF_LOWEST = (
    f"CASE WHEN {of}.family IN ({_TILTED}) AND {of}.phase NOT IN ({_FACE_SHARING}) "
    f"THEN {of}.family ELSE {of}.phase END"
    for of in ("m", "l")
)
_LEADING, _LOWEST, _BY, _PROBABILITY = (
    _cases("c.formula", values, other)
    for values, other in (
        (
            {
                n: f"'{_network(n, each.prototype)}'"
                for n, each in MEASURED.items()
                if each.prototype
            },
            f"CASE WHEN l.near = 1 THEN {_OF_LOWEST} END",
        ),
        (_MEASURED, f"CASE WHEN l.near > 1 THEN '{UNDECIDED}' ELSE l.phase END"),
        (dict.fromkeys(_MEASURED, f"'{BY_MEASUREMENT}'"), "l.potential"),
        ({name: 1.0 for name, each in MEASURED.items() if each.perovskite}, "f.p_perovskite"),
    )
)
#: What is known of compositions. The lowest phase is the measured one, else that of the potential
#: that relaxed most phases, two at least, of these the first by name; phases within its error are
#: undecided. Energies count in its network of octahedra, and in any where it is not decided;
#: computed barriers as in ``energy_ranges``. A composition that was measured as a perovskite is
#: one, whatever tau says.
_SUMMARIES = f"""
INSERT INTO composition_summaries (
  composition_id, formula, lead_free, families, phases_count, lowest_phase, lowest_phase_potential,
  phases_compared, above_hull_ev_per_atom, above_hull_source,
  e_a_literature_min_ev, e_a_literature_max_ev, e_a_computed_min_ev, e_a_computed_max_ev,
  dfe_literature_min_ev, dfe_literature_max_ev, dfe_computed_min_ev, dfe_computed_max_ev,
  t, mu, tau, p_perovskite, devices_count, energetics_reported_count, energetics_computed_count,
  structures_count, kinds, known)
WITH named AS (
  SELECT composition_id, rtrim({_FAMILIES}, '; ') AS families, count(DISTINCT phase) AS phases
  FROM materials WHERE composition_id {{among}} GROUP BY composition_id
), devices_of AS (
  SELECT m.composition_id, count(*) AS number
  FROM materials m JOIN devices d ON d.material_id = m.id
  WHERE m.composition_id {{among}} AND {_DEVICE_COUNTS}
  GROUP BY m.composition_id
), structures_of AS (
  SELECT m.composition_id, count(*) AS number
  FROM materials m JOIN structures s ON s.material_id = m.id
  WHERE m.composition_id {{among}} GROUP BY m.composition_id
), relaxed AS (
  SELECT m.composition_id, c.parameters ->> 'potential' AS potential, m.phase,
    min(m.family) AS family, min(s.energy_ev / s.atoms) AS level
  FROM materials m JOIN structures s ON s.material_id = m.id
  JOIN calculations c ON c.id = s.calculation_id AND c.kind = 'relax'
  WHERE m.composition_id {{among}} AND m.phase IS NOT NULL
    AND s.energy_ev > -{LARGEST_EV} AND s.energy_ev < {LARGEST_EV}
  GROUP BY m.composition_id, potential, m.phase
), levelled AS (
  SELECT relaxed.*, first_value(level) OVER each_potential AS least,
    first_value(family) OVER each_potential AS least_family,
    row_number() OVER each_potential AS place
  FROM relaxed WINDOW each_potential AS (PARTITION BY composition_id, potential
    ORDER BY level, phase)
), placed AS (
  SELECT levelled.*, count(*) OVER of_potential AS compared,
    sum(CASE WHEN level - least <= CASE WHEN family = least_family THEN {_ALIKE} ELSE {_APART} END
      THEN 1 ELSE 0 END) OVER of_potential AS near
  FROM levelled WINDOW of_potential AS (PARTITION BY composition_id, potential)
), lowest AS (
  SELECT placed.*, row_number() OVER (
    PARTITION BY composition_id ORDER BY compared DESC, potential) AS choice
  FROM placed WHERE place = 1 AND compared > 1
), energies AS (
  SELECT composition_id, sum(CASE WHEN computed THEN 0 ELSE number END) AS reported,
    sum(CASE WHEN computed THEN number ELSE 0 END) AS computed,{_RANGES}
  FROM (
    SELECT composition_id, quantity, computed, count(*) AS number,
      max(CASE WHEN open THEN least END) AS least, max(CASE WHEN open THEN most END) AS most
    FROM (
      SELECT each_energy.*, shown AND (path = id OR coalesce(most, least) < {OPEN_PATH_EV}
        + min(CASE WHEN shown THEN coalesce(most, least) END) OVER (PARTITION BY path, functional)
        ) AS open
      FROM (
        SELECT m.composition_id, e.id, e.quantity, e.functional,
          e.calculation_id IS NOT NULL AS computed, e.value_min_ev AS least, e.value_max_ev AS most,
          CASE WHEN e.quantity = 'E_A' AND e.calculation_id IS NOT NULL
            THEN e.calculation_id ELSE e.id END AS path,
          {_of_halides("e")} AND (e.calculation_id IS NULL OR e.quantity <> 'E_A'
            OR (e.scope = 'percolation' AND coalesce(e.direction, '') NOT IN ('a', 'b', 'c')))
            AND coalesce(e.value_min_ev, e.value_max_ev) > -{LARGEST_EV}
            AND coalesce(e.value_max_ev, e.value_min_ev) < {LARGEST_EV}
            AND (m.phase IS NULL OR coalesce({_LEADING} = {_NETWORK}, TRUE)) AS shown
        FROM materials m JOIN energetics e ON e.material_id = m.id
        JOIN compositions c ON c.id = m.composition_id
        LEFT JOIN lowest l ON l.composition_id = m.composition_id AND l.choice = 1
        WHERE m.composition_id {{among}} AND {_ENERGY_COUNTS}
      ) each_energy
    ) by_row GROUP BY composition_id, quantity, computed, path, functional
  ) by_path GROUP BY composition_id
)
SELECT c.id, c.formula, c.lead_free, coalesce(n.families, ''), coalesce(n.phases, 0),
  {_LOWEST}, {_BY}, coalesce(l.compared, 0), y.above_hull_ev_per_atom, y.source,
  e.e_a_literature_min_ev, e.e_a_literature_max_ev, e.e_a_computed_min_ev, e.e_a_computed_max_ev,
  e.dfe_literature_min_ev, e.dfe_literature_max_ev, e.dfe_computed_min_ev, e.dfe_computed_max_ev,
  f.t, f.mu, f.tau, {_PROBABILITY}, coalesce(d.number, 0), coalesce(e.reported, 0),
  coalesce(e.computed, 0), coalesce(s.number, 0),
  {_sum((kind.sql, kind.bit) for kind in KINDS.values())},
  {_sum((kind.sql, kind.known) for kind in KINDS.values())}
FROM compositions c
LEFT JOIN tolerance_factors f ON f.composition_id = c.id
LEFT JOIN composition_stabilities y ON y.composition_id = c.id
LEFT JOIN named n ON n.composition_id = c.id
LEFT JOIN energies e ON e.composition_id = c.id
LEFT JOIN devices_of d ON d.composition_id = c.id
LEFT JOIN structures_of s ON s.composition_id = c.id
LEFT JOIN lowest l ON l.composition_id = c.id AND l.choice = 1
WHERE c.id {{among}}
"""

#: Numbers of compositions by what the table of counts distinguishes, added to it or taken off.
_COUNTS = """
INSERT INTO composition_counts (ion, families, lead_free, lowest_phase, kinds, number)
SELECT ion, families, lead_free, coalesce(lowest_phase, ''), kinds, {sign} count(*) AS number
FROM composition_summaries JOIN (
  SELECT id, '' AS ion FROM compositions WHERE id {{among}}
  UNION SELECT composition_id, ion FROM site_occupancies WHERE composition_id {{among}}
  UNION SELECT composition_id, 'X:' || ion FROM site_occupancies
  WHERE site = 'X' AND composition_id {{among}}
) with_ion ON id = composition_id
WHERE composition_id {{among}}
GROUP BY ion, families, lead_free, lowest_phase, kinds
ORDER BY ion, families, lead_free, lowest_phase, kinds
ON CONFLICT (ion, families, lead_free, lowest_phase, kinds)
DO UPDATE SET number = composition_counts.number + excluded.number
"""

_STATEMENTS = (
    _COUNTS.format(sign="-"),
    "DELETE FROM composition_summaries WHERE composition_id {among}",
    _SUMMARIES,
    _COUNTS.format(sign=""),
)
#: After all summaries and counts have been deleted.
_OF_ALL = [text(each.format(among="IS NOT NULL")) for each in _STATEMENTS[2:]]
_OF_SOME = [
    text(each.format(among="IN :ids")).bindparams(bindparam("ids", expanding=True))
    for each in _STATEMENTS
]
