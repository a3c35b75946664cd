"""The curated literature in a store, on both databases."""

from __future__ import annotations

import csv
import io
import json

import pyarrow.parquet as pq
import pytest

from pvkdb.errors import InputError
from pvkdb.literature import load_literature, loader
from pvkdb.schemas.tables import TABLES
from pvkdb.store.collections import (
    COLLECTIONS,
    DEVICE_CLAIMS,
    DEVICES,
    ENERGETICS,
    MATERIALS,
    REFERENCES,
)
from pvkdb.store.database import Store
from pvkdb.store.export import table_rows, write_table
from pvkdb.store.models import Reference


def test_counts(store: Store) -> None:
    with store.session() as session:
        rows = list(ENERGETICS.iterate(session, {}))
        table1 = [row for row in rows if row.source.startswith("Table 1 ")]
        table2 = [row for row in rows if row.source.startswith("Table 2 ")]
        assert [sum(r.quantity == q for r in table1) for q in ("DFE", "E_A")] == [8, 13]
        assert [sum(r.quantity == q for r in table2) for q in ("DFE", "E_A")] == [9, 9]
        assert DEVICES.count(session, {}) == 28
        assert REFERENCES.count(session, {}) == 402
        assert DEVICE_CLAIMS.count(session, {}) >= 180


def test_values_as_the_review_prints_them(store: Store) -> None:
    with store.session() as session:
        lead = ENERGETICS.page(
            session, {"material": "FAPbI3", "defect": "V_Pb", "quantity": "E_A"}, 5, None
        )[0]
        assert (lead.value_min_ev, lead.value_max_ev, lead.bound) == (1.2, None, "lower")
        silver = ENERGETICS.page(session, {"defect": "Ag_i", "quantity": "DFE"}, 5, None)[0]
        assert (silver.value_min_ev, silver.charge, silver.references) == (-0.65, 1, "r36 r70")
        wires = DEVICES.get(session, "d-t4-r06")
        assert (wires.v_set_min_v, wires.v_set_max_v) == (0.19, 4.8)
        assert (wires.v_reset_min_v, wires.v_reset_max_v) == (-3.6, -0.078)
        assert (wires.endurance_cycles, wires.retention_s) == (6e6, 8.7e7)
        assert wires.retention_qualifier == "~"
        plus_minus = DEVICES.get(session, "d-t4-r15")
        assert (plus_minus.v_set_min_v, plus_minus.v_reset_min_v) == (1.8, -3)
        assert (plus_minus.stability_days, plus_minus.on_off_ratio) == (210, None)


def test_a_misprinted_absorber_is_kept_and_linked_to_what_is_meant(store: Store) -> None:
    with store.session() as session:
        row = DEVICES.page(session, {"absorber": "(PEA)2Cs3Pb4I13"}, 5, None)[0]
        assert row.absorber == "(PEA)2Cs3Pb4I1.3"
        assert row.erratum is not None


def test_loading_again_adds_nothing(store: Store) -> None:
    with store.session() as session:
        report = load_literature(session)
    assert (report.references, report.energetics, report.devices, report.requirements) == ((0,) * 4)


@pytest.mark.parametrize(
    ("name", "printed", "other", "place"),
    [
        ("energetics", "-0.65,-0.65", "-0.66,-0.66", r"line \d+ \(e-t2-r03-dfe\)"),
        ("devices", ",8.7e7,", ",8.7e8,", r"line \d+ \(d-t4-r06\)"),
        ("device_claims", ",1.9e-9,", ",1.9e9,", r"line \d+ \(c-s3.1.1-001\)"),
        ("applications", ">,1e6,", ">,1e5,", ""),
        ("conduction", "Hopping", "Skipping", ""),
    ],
)
def test_other_data_under_the_same_ids_is_refused(
    store: Store, monkeypatch: pytest.MonkeyPatch, name: str, printed: str, other: str, place: str
) -> None:
    """A store must not claim a dataset version whose data it does not hold."""
    original = loader._file
    assert printed in original(name)

    def changed(file: str) -> str:
        return original(file).replace(printed, other) if file == name else original(file)

    monkeypatch.setattr(loader, "_file", changed)
    message = rf"{name}.csv.*{place}.*: the store holds another version"
    with pytest.raises(InputError, match=message), store.session() as session:
        load_literature(session)


def test_a_bad_row_leaves_the_store_as_it_was(
    empty_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = loader._file

    def spoiled(name: str) -> str:
        text = original(name)
        return text.replace("-0.65,-0.65", "low,-0.65") if name == "energetics" else text

    monkeypatch.setattr(loader, "_file", spoiled)
    message = r"energetics.csv line \d+ .*'low' is not a number"
    with pytest.raises(InputError, match=message), empty_store.session() as session:
        load_literature(session)
    with empty_store.session() as session:
        assert session.query(Reference).count() == 0


@pytest.mark.parametrize("name", sorted(set(TABLES) - {"rankings"}))
def test_the_three_formats_hold_the_same_rows(store: Store, name: str) -> None:
    with store.session() as session:
        as_csv = write_table(name, table_rows(session, name), "csv").decode()
        as_json = json.loads(write_table(name, table_rows(session, name), "json"))
        as_parquet = pq.read_table(
            io.BytesIO(write_table(name, table_rows(session, name), "parquet"))
        ).to_pylist()
    header, *cells = csv.reader(io.StringIO(as_csv))
    assert header == TABLES[name].columns()
    assert as_parquet == as_json
    assert [[text(value) for value in row.values()] for row in as_json] == cells


def text(value: object) -> str:
    if value is None or isinstance(value, bool):
        return {None: "", True: "true", False: "false"}[value]
    return repr(value).removesuffix(".0") if isinstance(value, float) else str(value)


@pytest.mark.parametrize("name", sorted(COLLECTIONS))
def test_pages_hold_every_row_once(store: Store, name: str) -> None:
    collection = COLLECTIONS[name]
    with store.session() as session:
        everything = list(collection.iterate(session, {}))
        keys, after = [], None
        for _ in range(200):
            page = collection.page(session, {}, 7, after)
            keys += [getattr(row, collection.key.key) for row in page]
            if len(page) < 7:
                break
            after = keys[-1]
    assert keys == [getattr(row, collection.key.key) for row in everything]
    assert len(set(keys)) == len(keys)


def test_filters_take_any_spelling(store: Store) -> None:
    with store.session() as session:
        spelled = [
            MATERIALS.count(session, {"formula": formula})
            for formula in ("MAPbI3", "CH3NH3PbI3", "PbI3MA")
        ]
        assert spelled == [1, 1, 1]
        assert DEVICES.count(session, {"absorber": "CH3NH3PbI3"}) == 5
        assert ENERGETICS.count(session, {"max_ev": 0.1, "quantity": "E_A"}) == 3
        assert DEVICES.count(session, {"endurance_cycles_min": 1e6}) == 2
        assert MATERIALS.count(session, {"lead_free": True}) == 7


def test_a_bound_in_print_is_no_value(store: Store) -> None:
    """'> 100 ns' is not fast, '< 1000 cycles' is not 1000 cycles."""
    with store.session() as session:
        fast = DEVICE_CLAIMS.page(
            session, {"metric": "switching_time_s", "value_max": 1e-7}, 50, None
        )
        assert fast
        assert all(row.qualifier not in (">", ">=") for row in fast)
        enduring = DEVICE_CLAIMS.page(
            session, {"metric": "endurance_cycles", "value_min": 1e3}, 50, None
        )
        assert enduring
        assert all(row.qualifier not in ("<", "<=") for row in enduring)


def test_devices_are_found_by_electrode_and_short_retention(store: Store) -> None:
    with store.session() as session:
        assert DEVICES.count(session, {"electrode": "Ag"}) == 14
        assert DEVICES.count(session, {"retention_s_max": 500}) == 1


@pytest.mark.parametrize(
    ("filters", "nearest"),
    [
        ({"quantity": "EA"}, "known: DFE, E_A"),
        ({"method": "dft"}, "known: DFT, MLIP"),
        ({"family": "2D"}, "RP"),
    ],
)
def test_a_value_that_cannot_occur_is_refused(
    store: Store, filters: dict[str, str], nearest: str
) -> None:
    with store.session() as session, pytest.raises(InputError, match=nearest):
        ENERGETICS.count(session, filters)


def test_an_unknown_filter_names_the_nearest(store: Store) -> None:
    with store.session() as session, pytest.raises(InputError, match="did you mean 'quantity'"):
        ENERGETICS.count(session, {"quantiy": "E_A"})


def test_claims_are_found_by_metric_device_and_erratum(store: Store) -> None:
    with store.session() as session:
        fast = DEVICE_CLAIMS.page(
            session, {"metric": "endurance_cycles", "value_min": 1e6}, 20, None
        )
        assert {row.references for row in fast} == {"r161", "r162"}
        # Section 3.1.1 prints the highest on/off ratio with the wrong sign of its exponent.
        misprint = DEVICE_CLAIMS.page(
            session, {"metric": "on_off_ratio", "value_max": 1, "has_erratum": True}, 20, None
        )
        assert [row.value for row in misprint] == [1.9e-9]
        assert DEVICE_CLAIMS.count(session, {"device": "nanowire"}) > 3


def test_the_descriptive_tables_are_loaded_in_their_printed_order(store: Store) -> None:
    with store.session() as session:
        mechanisms = [row.mechanism for row in table_rows(session, "conduction")]  # type: ignore[attr-defined]
        assert mechanisms[:2] == ["Schottky emission", "Fowler–Nordheim tunneling"]
        counts = {
            name: len(list(table_rows(session, name)))
            for name in ("conduction", "processing", "array_challenges", "test_protocols")
        }
    assert counts == {
        "conduction": 9,
        "processing": 4,
        "array_challenges": 12,
        "test_protocols": 12,
    }
