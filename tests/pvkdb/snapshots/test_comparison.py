"""Differences of two datasets are all found, and nothing else."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pvkdb.errors import InputError, NotMigratedError
from pvkdb.snapshots.comparison import RowDifference, compare, open_datasets
from pvkdb.store.database import Store
from pvkdb.store.models.references import Reference


def differences(*sources: object) -> list[RowDifference]:
    with open_datasets(*map(str, sources)) as (old, new):
        return list(compare(old, new))


def edited(made: Path, path: Path, *statements: str) -> Path:
    """The SQLite file of a snapshot, edited."""
    shutil.copy(made / "pvkdb.sqlite", path)
    with closing(sqlite3.connect(path)) as database:
        for statement in statements:
            assert database.execute(statement).rowcount in (1, -1)
        database.commit()
    return path


def test_rows_added_removed_and_changed_are_found(made: Path, tmp_path: Path) -> None:
    new = edited(
        made,
        tmp_path / "new.sqlite",
        "UPDATE energetics SET value_min_ev = 0.1, soc = 1 WHERE id = 'e-t1-r01-ea'",
        "DELETE FROM devices WHERE id = 'd-t4-r14'",
        """INSERT INTO "references" (key, year) VALUES ('α', 2026)""",
        "UPDATE ions SET radius_ang = 1.9 WHERE ion = 'Cs' AND coordination = 12",
    )
    device, energy, ion, reference = differences(made, new)
    assert (device.table, device.change, device.key) == ("devices", "removed", {"id": "d-t4-r14"})
    assert device.columns["on_off_ratio"][1] is None
    assert energy.columns == {"value_min_ev": (0.08, 0.1), "soc": (None, True)}
    assert (energy.change, energy.key) == ("changed", {"id": "e-t1-r01-ea"})
    assert ion.columns == {"radius_ang": (1.88, 1.9)}
    assert ion.key["coordination"] == 12
    columns = {"key": (None, "α"), "year": (None, 2026)}
    assert reference == RowDifference("references", "added", {"key": "α"}, columns)
    assert {each.change for each in differences(new, made)} == {"added", "removed", "changed"}


def test_every_kind_of_source_holds_the_same_data(made: Path, store: Store, tmp_path: Path) -> None:
    packed = shutil.make_archive(str(tmp_path / "packed"), "zip", made)
    url = store.url.render_as_string(hide_password=False)
    for source in (packed, made / "pvkdb.sqlite", url):
        assert differences(made, source) == []
    with store.session() as session:
        session.get_one(Reference, "r36").year = 1999
    (found,) = differences(made, url)
    assert found.columns["year"][1] == 1999


def test_columns_and_tables_that_one_lacks_are_empty_there(made: Path, tmp_path: Path) -> None:
    new = edited(
        made,
        tmp_path / "new.sqlite",
        "ALTER TABLE devices ADD COLUMN note TEXT",
        "UPDATE devices SET note = 'x' WHERE id = 'd-t4-r14'",
        "DROP TABLE conduction",
    )
    *rows, device = differences(made, new)
    assert {(each.table, each.change) for each in rows} == {("conduction", "removed")}
    assert len(rows) == 9
    assert device == RowDifference("devices", "changed", {"id": "d-t4-r14"}, {"note": (None, "x")})


def test_what_is_no_dataset_is_refused(made: Path, tmp_path: Path) -> None:
    (tmp_path / "text.sqlite").write_text("no database")
    (tmp_path / "empty.sqlite").write_bytes(b"")
    for name in ("text.sqlite", "empty.sqlite", "nothing", "."):
        with pytest.raises(InputError, match="is not a snapshot"):
            differences(made, tmp_path / name)
    with pytest.raises(NotMigratedError, match="no pvkdb tables"):
        differences(made, f"sqlite:///{tmp_path / 'new.sqlite'}")
    new = edited(
        made,
        tmp_path / "key.sqlite",
        "DROP TABLE conduction",
        "CREATE TABLE conduction (number INTEGER PRIMARY KEY)",
    )
    with pytest.raises(InputError, match="known by mechanism in one dataset and by number"):
        differences(made, new)


KEYS = st.tuples(st.none() | st.text(max_size=3), st.none() | st.integers(-9, 9))
TABLE = st.dictionaries(KEYS, st.none() | st.floats(allow_nan=False), max_size=12)


def dataset(path: Path, rows: dict[Any, float | None]) -> Path:
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE pvkdb_dataset (name, value)")
        database.execute("INSERT INTO pvkdb_dataset VALUES ('version', 'v')")
        database.execute("CREATE TABLE t (a TEXT, b INTEGER, v REAL, PRIMARY KEY (a, b))")
        listed = [(*key, value) for key, value in rows.items()]
        database.executemany("INSERT INTO t VALUES (?, ?, ?)", listed)
        database.commit()
    return path


@settings(max_examples=30)
@given(TABLE, TABLE)
def test_any_two_tables_differ_where_their_rows_do(old: Any, new: Any) -> None:
    """Keys in any order of code points, with empty parts, as those of ions have."""
    with TemporaryDirectory() as folder:
        paths = [dataset(Path(folder, str(n)), rows) for n, rows in enumerate((old, new))]
        found = {tuple(each.key.values()): each.change for each in differences(*paths)}
    expected = dict.fromkeys(old.keys() - new.keys(), "removed")
    expected |= dict.fromkeys(new.keys() - old.keys(), "added")
    expected |= {key: "changed" for key in old.keys() & new.keys() if old[key] != new[key]}
    assert found == expected
