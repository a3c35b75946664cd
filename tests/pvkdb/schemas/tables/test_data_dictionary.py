"""Every column says what it means, in which unit, from where, and what an empty cell says."""

from __future__ import annotations

import re
from pathlib import Path
from types import NoneType
from typing import get_args

from pvkdb.literature.loader import FILES, read_curated
from pvkdb.schemas.metrics import TABLE_METRICS
from pvkdb.schemas.tables import TABLES, DevicesRow, StructureDocument
from pvkdb.schemas.tables.columns import SOURCES, Column, Row
from pvkdb.schemas.tables.devices import MECHANISMS
from pvkdb.store.database import Store
from pvkdb.store.models.devices import LAYER_ROLES
from pvkdb.suitability import exported_rows

from ....each import for_each

ROOT = Path(__file__).resolve().parents[4]

#: The unit that a suffix stands for. The first one that fits decides.
SUFFIXES = {"_ev_per_ang": "eV/Å", "_ev_per_atom": "eV/atom", "_v_per_s": "V/s", "_per_cm2": "cm⁻²"}
SUFFIXES |= {"_decades": "decades", "_percent": "%", "_cycles": "cycles", "_count": "1"}
SUFFIXES |= {"_ratio": "1", "_days": "d", "_ang": "Å", "_cm2": "cm²", "_um2": "um2", "_px": "px"}
SUFFIXES |= {"_ev": "eV", "_nm": "nm", "_j": "J", "_k": "K", "_s": "s", "_v": "V", "_a": "A"}
#: Units of numbers whose names say the unit by themselves.
UNNAMED = {"1", "e", "year"}

ROWS: dict[str, type[Row]] = {**TABLES, "structure with coordinates": StructureDocument}
COLUMNS = [(column, row) for row in ROWS.values() for column in row.dictionary().values()]
each_column = for_each(("column", "row"), COLUMNS, lambda pair: (pair[1].__name__, pair[0].name))


@each_column
def test_a_column_has_a_meaning_and_a_source(column: Column, row: type[Row]) -> None:
    assert re.fullmatch(r"[^\s].{8,}\.", column.meaning), "a sentence"
    assert re.split(r"[\s,:;]", column.source)[0] in SOURCES
    if column.source.startswith("computed"):
        assert re.match(r"computed: .+", column.source), "how"


@each_column
def test_a_number_has_a_unit_and_its_name_says_so(column: Column, row: type[Row]) -> None:
    suffix = next((s for s in SUFFIXES if column.name.endswith(s)), None)
    if column.type not in ("number", "integer", "array"):
        assert (column.unit, column.unit_column, suffix) == (None, None, None)
    elif column.unit_column is not None:
        assert column.unit is None
        assert row.dictionary()[column.unit_column].type == "string"
    elif suffix is not None:
        assert column.unit == SUFFIXES[suffix]
    elif column.type != "array":
        assert column.unit in UNNAMED


@each_column
def test_empty_is_explained_where_a_cell_may_be_empty(column: Column, row: type[Row]) -> None:
    annotation = row.model_fields[column.name].annotation
    if NoneType in get_args(annotation):
        assert column.empty
        assert row.model_fields[column.name].default is None
    elif column.empty is not None:
        assert annotation is str, "only a text can be empty without being None"
    if column.minimum is not None and column.maximum is not None:
        assert column.minimum < column.maximum


@for_each("name", TABLES)
def test_a_table_says_what_it_is_for_and_what_tells_its_rows_apart(name: str) -> None:
    row = TABLES[name]
    assert row.purpose.endswith(".")
    assert (row.__doc__ or "").startswith("One ")
    assert row.primary_key
    assert set(row.primary_key) <= set(row.columns())


@for_each("name", TABLES)
def test_exported_rows_are_what_the_dictionary_says(loaded_sqlite: Path, name: str) -> None:
    store = Store(f"sqlite:///{loaded_sqlite}")
    with store.session() as session:
        rows = list(exported_rows(session, name))
    store.close()
    keys = [tuple(getattr(row, column) for column in row.primary_key) for row in rows]
    assert len(set(keys)) == len(keys)
    for column in TABLES[name].dictionary().values():
        cells = {getattr(row, column.name) for row in rows}
        if column.empty is None:
            assert not cells & {None, ""}, column.name
        told = cells - {None, ""}
        if column.values:
            assert told <= set(column.values), column.name


@for_each("name", FILES)
def test_every_column_of_a_curated_file_is_declared(name: str) -> None:
    table = "references" if name == "dois_seen" else name.rpartition("/")[2]
    rows = read_curated(name)
    assert not rows or set(rows[0]) <= set(TABLES[table].columns())


def test_the_store_has_the_same_units_and_layer_roles() -> None:
    declared = DevicesRow.dictionary()
    for metric, table in TABLE_METRICS.values():
        assert {declared[name].unit for name in table.names} == {metric.unit}
    roles = re.findall(r"`(\w+)`", declared["layers"].meaning.split(";")[0])
    assert roles == list(LAYER_ROLES)


def test_every_mechanism_is_explained_to_curators() -> None:
    readme = (ROOT / "pvkdb" / "literature" / "README.md").read_text(encoding="utf-8")
    for mechanism in MECHANISMS:
        assert f"`{mechanism}`" in readme, mechanism
