"""Summaries of compositions are what the other tables say, after every write, on both databases."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from pvkdb.chemistry import parse_composition
from pvkdb.chemistry.phases import MEASURED
from pvkdb.schemas.runs import RunCounts
from pvkdb.schemas.tables import CompositionsRow
from pvkdb.store.collections import COMPOSITIONS
from pvkdb.store.curation.registration import register_material
from pvkdb.store.database import Store
from pvkdb.store.migrate import upgrade
from pvkdb.store.models.calculations import Calculation
from pvkdb.store.models.devices import Device
from pvkdb.store.models.energetics import Energetic
from pvkdb.store.models.materials import Composition, CompositionTolerance, Material
from pvkdb.store.models.summaries import CompositionCount, CompositionSummary
from pvkdb.store.models.summary_updates import renew_summaries
from pvkdb.store.rows.energy_ranges import energy_ranges
from pvkdb.store.runs import screening_runs

from ....screened import candidate, report, stability
from ....statements import computed_energy
from ....structures import structure_row

SUMMARIES, COUNTS = (model.__table__ for model in (CompositionSummary, CompositionCount))


def summaries(session: Session) -> list[tuple[Any, ...]]:
    found = session.execute(select(SUMMARIES).order_by(SUMMARIES.c.composition_id))
    counted = select(COUNTS).where(COUNTS.c.number != 0).order_by(*COUNTS.primary_key)
    return [tuple(row) for row in (*found, *session.execute(counted))]


def composition(store: Store, formula: str) -> CompositionsRow:
    with store.session(read_only=True) as session:
        return COMPOSITIONS.get(session, formula)


def require_current(store: Store) -> None:
    """Summaries are those that a calculation of all of them gives."""
    with store.session() as session:
        before = summaries(session)
        renew_summaries(session)
        assert before == summaries(session)


def energy(name: str, value_ev: float = 0.3, **values: Any) -> dict[str, Any]:
    return computed_energy(name, "CsPbBr3", value_ev, **values)


def calculation(session: Session, name: str = "c", kind: str = "neb", **parameters: Any) -> None:
    session.add(Calculation(id=name, key=name, kind=kind, state="done", parameters=parameters))
    session.flush()


def relaxed(session: Session, formula: str, phase: str, potential: str, level: float) -> None:
    """One formula unit's cell for each second phase, two for the others."""
    name = f"{formula}-{potential}-{phase}"
    calculation(session, name, "relax", potential=potential)
    cells = 1 + len(phase) % 2
    session.add(
        structure_row(
            f"{name}-host",
            "CsPbBr3" * cells,
            material=register_material(session, parse_composition(formula), phase),
            origin=f"{potential} from the {phase} prototype",
            calculation_id=name,
            energy_ev=level * 5 * cells,
        )
    )


def test_a_loaded_store_has_the_ranges_and_counts_of_its_materials(store: Store) -> None:
    with store.session(read_only=True) as session:
        ranges = energy_ranges(session)
        rows = list(COMPOSITIONS.iterate(session, {}))
        named = select(Composition.formula, Material.id, Material.family, Material.phase)
        materials = session.execute(named.join(Material)).all()
    assert {row.formula for row in rows} == {each.formula for each in materials}
    for row in rows:
        own = [each for each in materials if each.formula == row.formula]
        for quantity, name in (("E_A", "e_a"), ("DFE", "dfe")):
            found = [ranges.get(each.id, {}).get((quantity, "literature")) for each in own]
            ends = [made.ends for made in found if made]
            low = min((low for low, _ in ends if low is not None), default=None)
            high = max((high for _, high in ends if high is not None), default=None)
            assert getattr(row, f"{name}_literature_min_ev") == low
            assert getattr(row, f"{name}_literature_max_ev") == high
        assert set(row.families.split("; ")) == {each.family for each in own}
        assert row.phases == "; ".join(sorted(each.phase for each in own if each.phase))
        measured = MEASURED.get(row.formula)
        assert (row.lowest_phase, row.structures_count) == (measured and measured.lowest, 0)
    known = [(-row.known, row.formula) for row in rows]
    assert known == sorted(known)
    assert rows[0].known == 40
    require_current(store)


def _computed_energies(session: Session) -> None:
    calculation(session)
    session.add(Energetic(**energy("e-1")))
    session.add(Energetic(**energy("e-2", 0.5)))
    session.add(Energetic(**energy("e-3", 0.4, functional="mace")))
    session.add(Energetic(**energy("e-4", 0.1, scope="hop", value_max_ev=0.2)))
    formation = {"quantity": "DFE", "scope": "computed", "value_max_ev": 1.0}
    session.add(Energetic(**energy("e-5", 0.1, **formation)))


def _insert_without_objects(session: Session) -> None:
    calculation(session)
    session.execute(insert(Energetic), [energy("e-1"), energy("e-2", material_id="Cs2SnI6")])


def _supersede_with_another_material(session: Session) -> None:
    values = {"scope": "reported", "method": "DFT", "calculation_id": None}
    old = {"supersedes_id": "e-t1-r01-ea", "material_id": "Cs2SnI6"}
    session.execute(insert(Energetic), [energy("e-1", **values, **old)])


def _change_a_material(session: Session) -> None:
    session.get_one(Energetic, "e-t1-r01-ea").material_id = "Cs2SnI6"


def _delete_an_object(session: Session) -> None:
    session.delete(session.get_one(Energetic, "e-t1-r01-ea"))


def _update_by_a_statement(session: Session) -> None:
    session.execute(update(Device).values(material_id="Cs2SnI6"))


def _delete_by_a_statement(session: Session) -> None:
    session.execute(delete(CompositionTolerance))


def _add_within_a_savepoint(session: Session) -> None:
    with session.begin_nested():
        register_material(session, parse_composition("Cs3Sb2I9"), "C2/m")


WRITES: list[Callable[[Session], None]] = [
    _computed_energies,
    _insert_without_objects,
    _supersede_with_another_material,
    _change_a_material,
    _delete_an_object,
    _update_by_a_statement,
    _delete_by_a_statement,
    _add_within_a_savepoint,
]


@pytest.mark.parametrize("write", WRITES, ids=lambda write: write.__name__.strip("_"))
def test_a_write_changes_the_summaries_in_its_transaction(store, write):
    with store.session(read_only=True) as session:
        before = summaries(session)
    with store.session() as session:
        write(session)
    with store.session(read_only=True) as session:
        assert summaries(session) != before
    require_current(store)


def test_what_is_rolled_back_changes_nothing(store: Store) -> None:
    with store.session(read_only=True) as session:
        before = summaries(session)
    with store.session() as session:
        _computed_energies(session)
        session.flush()
        session.rollback()
    with store.session(read_only=True) as session:
        assert summaries(session) == before


def test_literature_and_computed_energies_are_apart(store: Store) -> None:
    before = composition(store, "CsPbBr3")
    with store.session() as session:
        _computed_energies(session)
    after = composition(store, "PbCsBr3")
    assert (after.e_a_computed_min_ev, after.e_a_computed_max_ev) == (0.3, 0.4)
    assert (after.dfe_computed_min_ev, after.dfe_computed_max_ev) == (0.1, 1.0)
    assert (after.energetics_computed_count, after.known) == (5, before.known + 2)
    kept = [
        name for name in CompositionsRow.columns() if "computed" not in name and name != "known"
    ]
    assert [getattr(after, name) for name in kept] == [getattr(before, name) for name in kept]


def test_the_lowest_phase_is_that_of_one_potential(store: Store) -> None:
    """Energies of mace lie below all of chgnet, which has relaxed more phases."""
    with store.session() as session:
        relaxed(session, "KMnCl3", "Pm-3m", "mace", -9.0)
        relaxed(session, "KMnCl3", "Pm-3m", "chgnet", -3.1)
    assert composition(store, "KMnCl3").lowest_phase is None
    with store.session() as session:
        relaxed(session, "KMnCl3", "Pnma", "chgnet", -3.3)
        relaxed(session, "KMnCl3", "I4/mcm", "chgnet", -3.2)
        relaxed(session, "KMnCl3", "Pnma", "mace", -8.0)
    row = composition(store, "KMnCl3")
    assert (row.lowest_phase, row.lowest_phase_potential) == ("Pnma", "chgnet")
    assert (row.phases_compared, row.structures_count, row.phases) == (3, 5, "I4/mcm; Pm-3m; Pnma")
    require_current(store)


def test_a_measured_phase_leads_and_phases_within_the_error_are_undecided(store: Store) -> None:
    """δ of CsPbBr3 is 1.6 meV an atom below γ by SevenNet-0, which was measured."""
    with store.session() as session:
        for formula, apart_ev in (("CsPbBr3", 0.0016), ("KMnCl3", 0.0016), ("RbSnBr3", 0.013)):
            relaxed(session, formula, "Pnma", "sevennet-0", -3.2)
            relaxed(session, formula, "delta", "sevennet-0", -3.2 - apart_ev)
        relaxed(session, "CsSnCl3", "Pnma", "sevennet-0", -3.2)
        relaxed(session, "CsSnCl3", "I4/mcm", "sevennet-0", -3.197)  # one family: known better
    for formula, phase, by in (
        ("CsPbBr3", "Pnma", "measured"),
        ("KMnCl3", "undecided", "sevennet-0"),
        ("RbSnBr3", "delta", "sevennet-0"),
        ("CsSnCl3", "Pnma", "sevennet-0"),
    ):
        row = composition(store, formula)
        assert (row.lowest_phase, row.lowest_phase_potential) == (phase, by)
    known, other = composition(store, "CsPbBr3"), composition(store, "KMnCl3")
    assert known.p_perovskite == 1
    assert 0.5 < (other.p_perovskite or 0) < 0.7  # tau alone
    require_current(store)


def reported(energies: dict[str, float | None]) -> str:
    """The text of a report without perovskites."""
    none = dict.fromkeys(("ground_state", "perovskite"))
    none["perovskite_above_ground_state_ev_per_atom"] = None
    found = (candidate(name, stability=stability(at, **none)) for name, at in energies.items())
    return report(*found).model_dump_json()


def test_the_newest_report_gives_the_energy_above_the_hull(store: Store) -> None:
    counts = RunCounts(compositions=2, passed=2, calculations=0, computed=0, failed=0, core_hours=0)
    reports = (
        {"CsPbBr3": 0.01, "CsPbI3": 0.02, "CsGeI3": 0.03},
        {"CsPbBr3": -0.04, "CsPbI3": None},
    )
    for day, energies in enumerate(reports, start=1):
        with store.session() as session:
            at = datetime(2026, 3, day, tzinfo=UTC)
            run = screening_runs.begin(session, "lead", at, "me", lambda _: True, scheduled=False)
            screening_runs.finish(session, run.id, "me", reported(energies), counts, None)
    row = composition(store, "CsPbBr3")
    assert row.above_hull_ev_per_atom == -0.04
    assert row.above_hull_source == "screening 2, chgnet"
    assert composition(store, "CsPbI3").above_hull_ev_per_atom == 0.02
    with store.session() as session:
        before = summaries(session)
    upgrade(store)
    with store.session() as session:
        assert summaries(session) == before
