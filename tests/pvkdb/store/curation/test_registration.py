"""Compositions and materials get into the store once, alone or many at a time."""

from __future__ import annotations

import pytest
from sqlalchemy import event, func, select
from sqlalchemy.exc import IntegrityError

from pvkdb.chemistry import Composition, parse_composition
from pvkdb.store.curation.registration import register_material, register_materials
from pvkdb.store.database import Store
from pvkdb.store.models import materials as models

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
        compositions = session.scalar(select(func.count()).select_from(models.Composition))
        materials = session.scalar(select(func.count()).select_from(models.Material))
    assert compositions
    assert materials
    return compositions, materials


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


def test_nothing_wanted_is_nothing_added(store: Store) -> None:
    before = counts(store)
    with store.session() as session:
        assert register_materials(session, {}) == {}
    assert counts(store) == before


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
