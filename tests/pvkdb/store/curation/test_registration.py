"""Compositions and materials get into the store once, alone or many at a time."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import event, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from pvkdb.chemistry import Composition, parse_composition
from pvkdb.chemistry.text import plain_phase
from pvkdb.computed import CALCULATIONS
from pvkdb.store.curation.registration import material_id, register_material, register_materials
from pvkdb.store.database import Store
from pvkdb.store.migrate import upgrade
from pvkdb.store.models import materials as models
from pvkdb.store.models.calculations import Calculation
from pvkdb.store.models.energetics import Electronic

ROOT = Path(__file__).parents[4]

Wanted = dict[str, tuple[Composition, str | None]]


def wanted() -> Wanted:
    """CsPbBr3 and FAPbI3 are in the literature; the others are not."""
    iodide, new = parse_composition("FAPbI3"), parse_composition("Cs0.3FA0.7PbI2.2Br0.8")
    return {
        "CsPbBr3": (parse_composition("CsPbBr3"), None),
        "FAPbI3-P6_3mc": (iodide, "P6_3mc"),
        new.formula: (new, None),
        f"{new.formula}-Pnma": (new, "Pnma"),
    }


def counts(store: Store) -> tuple[int, int]:
    with store.session(read_only=True) as session:
        return session.query(models.Composition).count(), session.query(models.Material).count()


def test_many_materials_are_added_once(store: Store) -> None:
    compositions, materials = counts(store)
    names = wanted()
    names["FAPbI3-P63mc"] = names.pop("FAPbI3-P6_3mc")  # the public name leaves the sign out
    for _ in range(2):
        with store.session() as session:
            found = register_materials(session, names)
            assert found.keys() == names.keys()
            for name, (composition, phase) in names.items():
                assert found[name].id == name
                assert found[name].phase == phase
                assert found[name].composition.formula == composition.formula
                assert register_material(session, composition, phase) is found[name]
        assert counts(store) == (compositions + 1, materials + 3)
    with store.session() as session:
        assert register_materials(session, {}) == {}


def test_what_another_session_adds_in_the_meantime_is_taken(store: Store) -> None:
    """The insert of all at once fails; each is then looked up or added alone."""
    names = {name: pair for name, pair in wanted().items() if "_" not in name}
    compositions, materials = counts(store)
    with store.session() as session:

        def collide(*_: object) -> None:
            raise IntegrityError("INSERT", {}, ValueError("UNIQUE constraint failed"))

        event.listen(session, "before_flush", collide, once=True)
        found = register_materials(session, names)
        assert {material.id for material in found.values()} == names.keys()
    assert counts(store) == (compositions + 1, materials + 2)


@pytest.mark.parametrize("phase", [None, "Pnma"])
def test_a_material_knows_its_family(store: Store, phase: str | None) -> None:
    composition = parse_composition("(PEA)2Cs4Pb5Br16")
    with store.session() as session:
        material = register_material(session, composition, phase)
        assert (material.family, material.dimensionality) == ("RP", 2)
        assert material.composition.layers == 5


def shipped_materials(session: Session) -> set[tuple[str, str | None]]:
    """Formula and phase of every material of the literature and of the computed results."""
    pairs = {
        (material.composition.formula, material.phase)
        for material in session.scalars(select(models.Material)).unique()
    }
    with gzip.open(CALCULATIONS, "rt") as lines:
        for line in lines:
            material = json.loads(line).get("material")
            if material is not None:
                pairs.add((material["formula"], material["phase"]))
    return pairs


def test_names_of_shipped_materials_never_change(sqlite_store: Store, data: Path) -> None:
    with sqlite_store.session(read_only=True) as session:
        names = {material_id(*pair) for pair in shipped_materials(session)}
        stored = set(session.scalars(select(models.Material.id)))
    assert stored <= names
    assert names >= set((data / "material_ids.txt").read_text(encoding="utf-8").split())


FORMULAS = ("CsPbI3", "CsPbI3-δ", "CsPbI3-x", "MAPbI3", "MAPbI3-xClx", "(3-AMP)MAn-1PbnX3n+1")
PHASES = st.one_of(
    st.none(),
    st.sampled_from(["δ", "x", "xClx", "2δ", "Cl", "2H", "P4/mbm", "P4mbm", "~", "~δ", "~-"]),
    st.text(st.sampled_from("ab14PRmn/_-~.'′ δ₁̅()"), max_size=8),
    st.text(max_size=8),
)
MATERIALS = st.tuples(st.sampled_from(FORMULAS), PHASES)


@given(MATERIALS, MATERIALS)
def test_two_materials_have_one_name_only_if_they_are_one(one, other):
    same = one[0] == other[0] and plain_phase(one[1] or "") == plain_phase(other[1] or "")
    assert (material_id(*one) == material_id(*other)) is same
    assert "/" not in material_id(*one)


def test_phases_that_signs_distinguish_are_materials_of_their_own(store: Store) -> None:
    phases = ["a/b", "ab", "β'", "β", "R-3c", "R3c", None, "P6_3/mmc", "  "]
    with store.session() as session:
        composition = parse_composition("Cs2SnI6")
        one_by_one = [register_material(session, composition, phase) for phase in phases]
        assert len({material.id for material in one_by_one}) == len(phases) - 1
        assert one_by_one[-1].id == one_by_one[-3].id == "Cs2SnI6"
        wanted = {material_id("Cs2SnI6", phase): (composition, phase) for phase in phases}
        at_once = register_materials(session, wanted)
        assert [at_once[material_id("Cs2SnI6", phase)] for phase in phases] == one_by_one
        spelled = register_material(session, composition, "P63/mmc")
        assert spelled is one_by_one[-2]


def test_materials_with_names_of_an_earlier_version_are_found(store: Store) -> None:
    """Until version 0.4, signs were left out: ``a/b`` was called ``ab``."""
    composition = parse_composition("Cs2SnI6")
    with store.session() as session:
        register_material(session, composition, "a/b").id = "Cs2SnI6-ab"
    for _ in range(2):
        with store.session() as session:
            pairs = {material_id("Cs2SnI6", phase): (composition, phase) for phase in ("ab", "a/b")}
            found = register_materials(session, pairs)
            assert found[material_id("Cs2SnI6", "a/b")].id == "Cs2SnI6-ab"
            assert found["Cs2SnI6-ab"].phase == "ab"
            assert found["Cs2SnI6-ab"].id not in ("Cs2SnI6-ab", material_id("Cs2SnI6", "a/b"))


def test_an_upgrade_calibrates_a_gap_by_pbe_again(store: Store) -> None:
    with store.session() as session:
        of = register_material(session, parse_composition("Cs2AgBiBr6"), "Fm-3m").id
        session.add(Calculation(id="x", key="x", kind="gap", state="done", parameters={}))
        named = {"id": "g-pbe", "material_id": of, "quantity": "gap", "source": "calculation x"}
        known = {"method": "DFT", "functional": "PBE", "unit": "eV", "calculation_id": "x"}
        old = {"value": 9.0, "conditions": "10 atoms; calibrated to something else"}
        session.add(Electronic(**named, **known, **old, as_computed=1.33, soc=False))
    upgrade(store)
    with store.session() as session:
        gap = session.get_one(Electronic, "g-pbe")
        assert gap.value_low < 2.19 < gap.value_high  # as measured: pvkdb/literature/gaps
        assert gap.conditions.startswith("10 atoms; calibrated to measured gaps of ")
        assert "something" not in gap.conditions


def test_a_mixture_without_a_phase_comes_with_its_gap_which_an_upgrade_renews(
    store: Store,
) -> None:
    mixture = parse_composition("Cs0.3FA0.7PbI2.2Br0.8")

    def gaps(session: Session) -> list[Electronic]:
        of = select(Electronic).join(Electronic.material).join(models.Material.composition)
        return [*session.scalars(of.where(models.Composition.formula == mixture.formula))]

    with store.session() as session:
        register_material(session, mixture, "Pnma")
        assert gaps(session) == []
        register_material(session, mixture)
    with store.session() as session:
        (gap,) = gaps(session)
        assert (gap.method, gap.quantity, gap.material_id) == ("model", "gap", mixture.formula)
        value = gap.value
        gap.value = 0.1
        measured = session.query(Electronic).filter_by(method="experiment").count()
    upgrade(store)
    with store.session() as session:
        (gap,) = gaps(session)
        assert gap.value == value
        assert session.query(Electronic).filter_by(method="experiment").count() == measured
