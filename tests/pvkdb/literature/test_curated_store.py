"""Physics and bookkeeping of everything that a fresh store holds."""

from __future__ import annotations

from collections import Counter
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from pvkdb.chemistry import parse_composition
from pvkdb.store.collections import DEVICE_CLAIMS, DEVICES, ENERGETICS, MATERIALS
from pvkdb.store.database import Store
from pvkdb.store.models.devices import Device
from pvkdb.store.models.energetics import Energetic
from pvkdb.store.models.materials import Composition
from pvkdb.store.rows.to_models import fingerprint


def rows(store: Store, collection: Any) -> list[Any]:
    with store.session(read_only=True) as session:
        return list(collection.iterate(session, {}))


def test_every_composition_balances(literature: Session) -> None:
    """Charge times amount over the sites, from the stored occupancies, not from the parser."""
    compositions = literature.scalars(select(Composition)).all()
    assert len(compositions) > 30
    for composition in compositions:
        sites = composition.occupancies
        if all(site.amount is not None for site in sites):
            charge = sum(site.charge * site.amount for site in sites)
            assert abs(charge) < 1e-9, composition.formula
        else:
            # Symbols balance by themselves; the hollow phase's print leaves the amounts open.
            symbolic = any(site.amount_symbolic for site in sites)
            assert symbolic or composition.formula == "{EDA}MAPbI3"
        assert composition.excess_charge is None, composition.formula


def test_every_composition_is_found_by_its_own_formula(literature: Session) -> None:
    for formula in literature.scalars(select(Composition.formula)):
        assert parse_composition(formula).formula == formula


def test_energies_are_possible(sqlite_store: Store) -> None:
    for row in rows(sqlite_store, ENERGETICS):
        for value in (row.value_min_ev, row.value_max_ev):
            if value is not None:
                low, high = (0, 5) if row.quantity == "E_A" else (-10, 15)
                assert low < value < high, row.id


def test_devices_are_possible(sqlite_store: Store) -> None:
    for row in rows(sqlite_store, DEVICES):
        assert row.on_off_ratio is None or row.on_off_ratio > 1 or row.erratum, row.id
        assert row.layers.count("absorber=") == 1, row.id
        if row.id.startswith("d-o-"):  # open pages rarely print a whole stack
            continue
        if row.v_set_min_v is not None and row.v_reset_min_v is not None:
            assert row.v_set_min_v * row.v_reset_max_v < 0, row.id  # every device is bipolar
        assert row.bottom_electrode, row.id
        assert row.top_electrode, row.id


def test_ratios_below_one_are_flagged(sqlite_store: Store) -> None:
    """The review misprints on/off ratios as 10 to a negative power; Table 4 and text alike."""
    ratios = [row for row in rows(sqlite_store, DEVICE_CLAIMS) if row.metric == "on_off_ratio"]
    assert len(ratios) > 5
    assert [row.id for row in ratios if row.value < 1 and not row.erratum] == []


def test_no_statement_is_there_twice(literature: Session) -> None:
    """What the running text repeats from a table says so in its conditions."""
    for model, collection in ((Energetic, ENERGETICS), (Device, DEVICES)):
        held = {entry.id: entry.fingerprint for entry in literature.scalars(select(model))}
        assert [mark for mark, count in Counter(held.values()).items() if count > 1] == []
        for row in collection.load(literature, list(held)):
            assert held[row.id] == fingerprint(row)  # the same both ways


def test_families_of_polymorphs_are_told_apart(sqlite_store: Store) -> None:
    families = {row.id: (row.family, row.dimensionality) for row in rows(sqlite_store, MATERIALS)}
    assert families["Cs3Sb2I9-dimer"] == ("A3B2X9 dimer", 0)
    assert families["Cs3Sb2I9-layered"] == ("A3B2X9 layered", 2)
    assert families["FAPbI3"] == ("3D", 3)
    assert families["FAPbI3-δ"] == ("1D", 1)
    assert families["(3-AMP)MAn-1PbnX3n+1"] == ("DJ", 2)
