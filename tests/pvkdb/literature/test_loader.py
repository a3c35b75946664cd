"""The curated literature in a store, on both databases."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.orm import Session

from pvkdb.errors import InputError
from pvkdb.literature import load_literature, loader
from pvkdb.literature.importing import import_files
from pvkdb.store.collections import DEVICE_CLAIMS, DEVICES, ENERGETICS, MATERIALS, REFERENCES
from pvkdb.store.collections.export import table_rows
from pvkdb.store.curation.dataset import current_version
from pvkdb.store.curation.history import history
from pvkdb.store.database import Store
from pvkdb.store.files.table_files import write_table
from pvkdb.store.models.references import Reference

from ...curated import FURTHER, REVIEW

#: Takes the name of a file, what it prints and another text; gives the version of that release.
Release = Callable[[str, str, str], str]


def test_counts(store: Store) -> None:
    with store.session() as session:
        rows = list(ENERGETICS.iterate(session, {}))
        table1 = [row for row in rows if row.source.startswith("Table 1 ")]
        table2 = [row for row in rows if row.source.startswith("Table 2 ")]
        assert [sum(r.quantity == q for r in table1) for q in ("DFE", "E_A")] == [8, 13]
        assert [sum(r.quantity == q for r in table2) for q in ("DFE", "E_A")] == [9, 9]
        listed = (REFERENCES, ENERGETICS, DEVICES, DEVICE_CLAIMS)
        beyond = (("web-", "gap-"), "e-o-", "d-o-", "c-o-")
        for collection, prefix in zip(listed, beyond, strict=True):
            found = collection.iterate(session, {})
            own = (each for each in found if getattr(each, "scope", None) in (None, "reported"))
            keys = [getattr(each, collection.key_name) for each in own]
            further = sum(key.startswith(prefix) for key in keys)
            counts = (len(keys) - further, further)
            assert counts == (REVIEW[collection.name], FURTHER[collection.name])


def test_values_as_the_review_prints_them(literature: Session) -> None:
    wanted = {"material": "FAPbI3", "defect": "V_Pb", "quantity": "E_A"}
    lead = ENERGETICS.find(literature, wanted, 5).rows[0]
    assert (lead.value_min_ev, lead.value_max_ev, lead.bound) == (1.2, None, "lower")
    silver = ENERGETICS.find(literature, {"defect": "Ag_i", "quantity": "DFE"}, 5).rows[0]
    assert (silver.value_min_ev, silver.charge, silver.references) == (-0.65, 1, "r36 r70")
    wires = DEVICES.get(literature, "d-t4-r06")
    assert (wires.v_set_min_v, wires.v_set_max_v) == (0.19, 4.8)
    assert (wires.v_reset_min_v, wires.v_reset_max_v) == (-3.6, -0.078)
    assert (wires.endurance_cycles, wires.retention_s) == (6e6, 8.7e7)
    assert wires.retention_qualifier == "~"
    plus_minus = DEVICES.get(literature, "d-t4-r15")
    assert (plus_minus.v_set_min_v, plus_minus.v_reset_min_v) == (1.8, -3)
    assert (plus_minus.stability_days, plus_minus.on_off_ratio) == (210, None)


def test_a_misprinted_absorber_is_kept_and_linked_to_what_is_meant(literature: Session) -> None:
    row = DEVICES.find(literature, {"absorber": "(PEA)2Cs3Pb4I13"}, 5).rows[0]
    assert row.absorber == "(PEA)2Cs3Pb4I1.3"
    assert row.erratum is not None


def test_loading_again_adds_nothing(store: Store) -> None:
    with store.session() as session:
        report = load_literature(session)
    assert (report.references, report.energetics, report.devices, report.requirements) == ((0,) * 4)


@pytest.fixture
def release(monkeypatch: pytest.MonkeyPatch) -> Release:
    """Change a curated file, as a later release would."""

    original, version = loader._file.__wrapped__, loader.dataset_version.__wrapped__

    def change(name: str, printed: str, other: str) -> str:
        assert printed in original(name)

        def changed(file: str) -> str:
            return original(file).replace(printed, other) if file == name else original(file)

        monkeypatch.setattr(loader, "_file", changed)
        monkeypatch.setattr(loader, "dataset_version", version)
        return str(version())

    return change


@pytest.mark.parametrize(
    ("collection", "key", "texts", "column", "values"),
    [
        (
            ENERGETICS,
            "e-t2-r03-dfe",
            ("-0.65,-0.65", "-0.66,-0.66"),
            "value_min_ev",
            (-0.65, -0.66),
        ),
        (DEVICES, "d-t4-r06", (",8.7e7,", ",8.7e8,"), "retention_s", (8.7e7, 8.7e8)),
        (DEVICE_CLAIMS, "c-s3.1.1-001", (",1.9e-9,", ",1.8e-9,"), "value", (1.9e-9, 1.8e-9)),
    ],
)
def test_a_later_release_supersedes_what_it_says_otherwise(
    store: Store, release: Release, collection: Any, key: str, texts: Any, column: str, values: Any
) -> None:
    (printed, other), (before, after) = texts, values
    with store.session() as session:
        count = collection.count(session, {})
        old = collection.get(session, key)
    for said in (other, printed):
        version = release(collection.name, printed, said)
        with store.session() as session:
            report = load_literature(session)
            assert (report.superseded, report.dataset_version) == (1, version)
            assert current_version(session) == version
            assert collection.count(session, {}) == count
    with store.session() as session:
        assert collection.get(session, key) == old  # the third version says what the first said
        for named in (key, f"{key}~1", f"{key}~2"):
            versions = history(session, named).versions
            assert [entry.id for entry in versions] == [f"{key}~1", f"{key}~2", key]
            assert [entry.row[column] for entry in versions] == [before, after, before]
            assert [entry.current for entry in versions] == [False, False, True]
            assert [bool(entry.differences) for entry in versions] == [False, True, True]


def test_a_curators_correction_outlives_a_later_release(
    store: Store, release: Release, tmp_path: Path
) -> None:
    path = tmp_path / "correction.csv"
    path.write_text(
        "id,supersedes,material,defect,quantity,value,method,references,source\n"
        "mine,e-t2-r03-dfe,CsPbBr3,Ag_i,DFE,-0.5 eV,DFT,r36,Erratum\n"
    )
    with store.session() as session:
        imported = import_files(session, [path]).dataset_version
    version = release("energetics", "-0.65,-0.65", "-0.66,-0.66")
    with store.session() as session:
        report = load_literature(session)
        assert report.dataset_version == f"{version}+{imported.split('+')[1]}"
        chain = [entry.id for entry in history(session, "mine").versions]
        assert chain == ["e-t2-r03-dfe~1", "e-t2-r03-dfe", "mine"]


@pytest.mark.parametrize(
    ("name", "printed", "other"),
    [("applications", ">,1e6,", ">,1e5,"), ("conduction", "Hopping", "Skipping")],
)
def test_a_later_release_replaces_a_table_that_is_read_as_a_whole(
    store: Store, release: Release, name: str, printed: str, other: str
) -> None:
    def exported() -> str:
        with store.session() as session:
            return write_table(name, table_rows(session, name), "csv", raw=True).decode()

    before = exported()
    release(name, printed, other)
    with store.session() as session:
        load_literature(session)
    after = exported()
    assert after != before
    assert after.count("\n") == before.count("\n")


def test_a_row_that_a_release_withdrew_is_not_kept_silently(store: Store, release: Release) -> None:
    release("energetics", "e-t2-r03-dfe,", "e-t2-r99-dfe,")
    with pytest.raises(InputError, match=r"e-t2-r03-dfe.*new database"):  # noqa: SIM117
        with store.session() as session:
            load_literature(session)


def test_a_bad_row_leaves_no_other(empty_store: Store, release: Release) -> None:
    release("energetics", "-0.65,-0.65", "low,-0.65")
    message = r"energetics.csv line \d+ .*value_min_ev 'low'.*is not a value"
    with pytest.raises(InputError, match=message), empty_store.session() as session:
        load_literature(session)
    with empty_store.session() as session:
        assert session.query(Reference).count() == 0


LINES = {
    "references": "{key},,{authors},A title,,2020,,,10.1000/a",
    "energetics": "e-o-a-1,CsPbI3,,,V_I,I,{charge},DFE,reported,1,1,,false,DFT,,,,r36,p,1 eV,",
    "device_claims": "c-o-a-1,ITO/CsPbI3/Ag,{metric},1e-7,,{unit},,r36,p,100 ns,",
}


TWICE = [{"key": "web-a", "authors": "A. Wu"}, {"key": "web-b", "authors": "B. Li"}]
MISNAMED = {"metric": "switching_time", "unit": "s"}
UNITLESS = {"metric": "switching_time_s", "unit": ""}


@pytest.mark.parametrize(
    ("name", "rows", "said"),
    [
        ("references", TWICE, r"3 \(web-b\): column doi '10.1000/a': is also that of A. Wu"),
        ("energetics", [{"charge": "+3"}], r"2 .*column charge '\+3': .*-1 to \+1"),
        (
            "device_claims",
            [MISNAMED],
            "2 .*column metric 'switching_time': .*did you mean 'switching_time_s'",
        ),
        (
            "device_claims",
            [UNITLESS],
            "2 .*column unit None: must be s, the unit of switching_time_s",
        ),
    ],
)
def test_a_wrong_row_of_a_further_paper_is_refused_with_line_and_reason(
    empty_store: Store, release: Release, name: str, rows: list[dict[str, str]], said: str
) -> None:
    file = f"open_pages/{name}"
    curated = loader._file(file).split("\n", 1)[1]
    release(file, curated, "\n".join(LINES[name].format_map(row) for row in rows))
    with pytest.raises(InputError, match=f"^open_pages/{name}.csv line {said}"):  # noqa: SIM117
        with empty_store.session() as session:
            load_literature(session)


def in_table_4(session: Session, filters: dict[str, Any]) -> int:
    """Return how many devices of the review pass the filters."""
    return sum(row.id.startswith("d-t4-") for row in DEVICES.iterate(session, filters))


def test_filters_take_any_spelling(literature: Session) -> None:
    for formula in ("MAPbI3", "CH3NH3PbI3", "PbI3MA"):
        assert MATERIALS.count(literature, {"formula": formula}) == 1
    assert in_table_4(literature, {"absorber": "CH3NH3PbI3"}) == 5
    low = ENERGETICS.iterate(literature, {"max_ev": 0.1, "quantity": "E_A"})
    # Three cells of Table 1, two of which the text quotes.
    places = [row.source.split()[0] for row in low if not row.id.startswith("e-o-")]
    assert Counter(places) == {"Table": 3, "section": 2}
    assert in_table_4(literature, {"endurance_cycles_min": 1e6}) == 2
    lead_free = {row.formula for row in MATERIALS.iterate(literature, {"lead_free": True})}
    assert {"Cs2SnI6", "Cs3Sb2I9", "Cs3Cu2I5", "Cs2AgBiBr6", "MA3Sb2Br9"} <= lead_free
    assert not any("Pb" in formula for formula in lead_free)


def test_a_bound_in_print_is_no_value(literature: Session) -> None:
    """'> 100 ns' is not fast, '< 1000 cycles' is not 1000 cycles."""
    for metric, end, signs in (
        ("switching_time_s", {"value_max": 1e-7}, (">", ">=")),
        ("endurance_cycles", {"value_min": 1e3}, ("<", "<=")),
    ):
        rows = DEVICE_CLAIMS.find(literature, {"metric": metric, **end}, 50).rows
        assert rows
        assert all(row.qualifier not in signs for row in rows)


def test_devices_are_found_by_electrode_not_by_length_of_a_test(literature: Session) -> None:
    assert in_table_4(literature, {"electrode": "Ag"}) == 14
    # Of each, the retention is as long as it was tested.
    assert in_table_4(literature, {"retention_s_max": 1e6}) == 0


def test_claims_are_found_by_metric_device_and_erratum(literature: Session) -> None:
    fast = DEVICE_CLAIMS.find(literature, {"metric": "endurance_cycles", "value_min": 1e6}, 20).rows
    assert {row.references for row in fast} == {"r161", "r162"}
    # Section 3.1.1 prints the highest on/off ratio with the wrong sign of its exponent.
    wrong = {"metric": "on_off_ratio", "value_max": 1, "has_erratum": True}
    misprint = DEVICE_CLAIMS.find(literature, wrong, 20).rows
    assert [row.value for row in misprint] == [1.9e-9]
    assert DEVICE_CLAIMS.count(literature, {"device": "nanowire"}) > 3
