"""What is corrected: tables keep the print, rankings and citations take the corrected value."""

from __future__ import annotations

from typing import Any

import pytest

from pvkdb.crossbar.devices import device_array, on_off_of
from pvkdb.literature import read_curated
from pvkdb.schemas.tables import TABLES, CorrectionsRow, DeviceClaimsRow
from pvkdb.store.collections import DEVICE_CLAIMS, DEVICES, REFERENCES
from pvkdb.store.collections.devices import device_named
from pvkdb.store.collections.export import table_rows
from pvkdb.store.database import Store
from pvkdb.store.files.table_files import write_table
from pvkdb.store.models.reviewed import Correction
from pvkdb.store.rows.corrected import corrected, corrected_references
from pvkdb.suitability.evidence.devices import device_candidates

from ....each import for_each

CORRECTIONS = read_curated("corrections")
TABLE_OF = {"c": "device_claims", "d": "devices", "e": "energetics", "r": "references"}


@for_each("correction", CORRECTIONS)
def test_a_correction_is_of_a_cell_that_prints_otherwise(correction: dict[str, str]) -> None:
    row, column, value, _, why = correction.values()
    name = TABLE_OF[row[0]]
    (printed,) = [each for each in read_curated(name) if row in (each.get("id"), each.get("key"))]
    assert printed[column] != value
    assert column in TABLES[name].columns()
    assert len(why.split()) > 5


def test_the_table_of_corrections_is_the_file(store: Store) -> None:
    with store.session(read_only=True) as session:
        rows = [row.model_dump() for row in table_rows(session, "corrections")]
    assert rows == CORRECTIONS
    assert [*rows[0]] == CorrectionsRow.columns() == ["row", "column", "value", "source", "why"]


def test_crossbars_and_exports_take_the_corrected_value(sqlite_store: Store) -> None:
    with sqlite_store.session(read_only=True) as session:
        ratio, source = on_off_of(session, "d-t4-r27")
        array = device_array(session, "d-t4-r27")
        printed = device_named(session, "d-t4-r27").on_off_ratio
    assert (ratio.minimum, ratio.bound, printed) == (1e5, "lower", 1e3)
    assert source.startswith("store, d-t4-r27 (abstract of ref. 122")
    assert (array.on_off_ratio, array.on_off_qualifier) == (1e5, ">")


def test_rankings_count_the_corrected_value_and_say_so(sqlite_store: Store) -> None:
    with sqlite_store.session(read_only=True) as session:
        (printed,) = DEVICES.load(session, ["d-t4-r27"])
        (figure,) = DEVICE_CLAIMS.load(session, ["c-s3.1.1-001"])
        found = {each.id: each.evidence for each in device_candidates(session)}
    assert (printed.on_off_ratio, printed.on_off_qualifier) == (1e3, None)
    ratio = found["d-t4-r27"]["on_off_ratio"]
    assert (ratio.minimum, ratio.maximum, ratio.qualifier) == (1e5, None, ">")
    assert (ratio.source or "").startswith("abstract of ref. 122")
    assert (ratio.erratum or "").startswith("corrected: the abstract of ref. 122 prints")
    endurance = found["d-t4-r27"]["endurance_cycles"]  # as printed
    assert (endurance.minimum, endurance.source) == (2e3, "Table 4 row 27")
    assert endurance.erratum == printed.erratum
    assert figure.value == 1.9e-9
    highest = found["c-s3.1.1-001"]["on_off_ratio"]  # up to
    assert (highest.minimum, highest.maximum) == (None, 1.9e9)
    assert (highest.erratum or "").startswith("corrected: the sign of the exponent")


def test_an_empty_correction_leaves_nothing() -> None:
    of = {"id": "c-1", "device": "d", "metric": "states", "references": "", "source": "F"}
    row = DeviceClaimsRow(**of, value=4, value_max=8, unit="1")
    cell = Correction(row="c-1", column="value_max", value="", source="S", why="W")
    right = corrected(row, {"value_max": cell})
    assert (right.value, right.value_max, right.source) == (4, None, "S")
    assert right.erratum == "corrected: W"
    assert corrected(row, {}) is row


@pytest.mark.parametrize("format", ["bibtex", "ris", "csl"])
def test_a_citation_has_the_corrected_author(sqlite_store: Store, format: Any) -> None:
    with sqlite_store.session(read_only=True) as session:
        printed = REFERENCES.get(session, "r301")
        rows = [*corrected_references(session, [printed, REFERENCES.get(session, "r300")])]
    assert (printed.authors or "").startswith("M. Khemmani")
    assert "Khemnani" in write_table("references", rows, format).decode()
    assert rows[1].authors == read_curated("references")[299]["authors"]
