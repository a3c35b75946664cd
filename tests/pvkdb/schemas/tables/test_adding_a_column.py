"""A column is one line; everything else is made from it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from sqlalchemy import create_engine, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from pvkdb.schemas.tables import ConductionRow, StructuresRow
from pvkdb.schemas.tables.columns import optional, table_schema
from pvkdb.store.collections.collection import Collection
from pvkdb.store.rows.reading import TableRows, without_unreadable
from pvkdb_api.listing.parameters import query_model
from pvkdb_api.rest.collections import collection_fields

from ....programs import module_at

ROOT = Path(__file__).resolve().parents[4]


class Wider(ConductionRow):
    """One conduction mechanism."""

    devices_percent: float | None = optional(
        "Devices with it.", "curated", unit="%", minimum=0, maximum=100, filter_by=50.0, facet=True
    )


WORDS = {"origin": "o", "iv_relationship": "I", "temperature_dependence": "Weak"}


class Models(DeclarativeBase):
    """Models beside those of the store."""


def test_the_columns_of_the_models_are_those_of_the_declarations() -> None:
    generator = module_at(ROOT / "docs" / "reference" / "store_columns.py")
    made = "python docs/reference/store_columns.py"
    assert generator.FILE.read_text(encoding="utf-8") == generator.render(), f"run {made}"


def test_one_line_adds_a_column(tmp_path: Path) -> None:
    written = tmp_path / "wider_columns.py"
    generator = module_at(ROOT / "docs" / "reference" / "store_columns.py")
    written.write_text(generator.render({"conduction": Wider}), encoding="utf-8")
    columns: Any = module_at(written)

    class Mechanism(columns.ConductionColumns, Models):
        __tablename__ = "mechanisms"
        mechanism: Mapped[str] = mapped_column(primary_key=True)

    table = Collection(
        name="conduction",
        rows=TableRows(Wider, Mechanism.mechanism, select(Mechanism)),
        source=select().select_from(Mechanism),
    )

    engine = create_engine("sqlite://")
    Models.metadata.create_all(engine)
    with Session(engine) as session:
        for name, share in (("a", 10.0), ("b", 60.0), ("c", None), ("d", 700.0)):
            session.add(Mechanism(mechanism=name, devices_percent=share, **WORDS))
        session.flush()
        falling = table.sorting("-devices_percent")
        found = table.find(session, {"devices_percent_max": 60}, 9, falling)
        assert [row.mechanism for row in found.rows] == ["b", "a"]
        assert table.facet(session, {}, "devices_percent")[60.0] == 1
        some = table.iterate(session, {}, fields=["mechanism", "devices_percent"])
        rows = {row.mechanism: row for row in some}
    engine.dispose()
    assert rows["b"].model_dump() == {"mechanism": "b", "devices_percent": 60.0}
    assert rows["d"].devices_percent is None, "no number of the column"
    with pytest.raises(AttributeError, match="'origin' was not requested"):
        _ = rows["b"].origin
    (field,) = table_schema("conduction", Wider, ["devices_percent"])["fields"]
    assert field["constraints"] == {"minimum": 0, "maximum": 100}
    assert {"devices_percent_min", "devices_percent_max"} <= query_model(table).model_fields.keys()
    assert collection_fields(table).fields[-1].sortable


def test_a_stored_number_out_of_bounds_is_shown_only_where_none_may_be_missing() -> None:
    stored = {"id": "s", "material": "CsPbI3", "role": "host", "origin": "o", "atoms": 0}
    with pytest.raises(ValidationError) as wrong:
        StructuresRow(**stored)
    assert without_unreadable(StructuresRow, stored, wrong.value).atoms == 0


def test_no_row_has_a_value_out_of_bounds() -> None:
    given = {"mechanism": "a", **WORDS}
    assert Wider(**given, devices_percent=100).devices_percent == 100
    with pytest.raises(ValidationError, match="less than or equal to 100"):
        Wider(**given, devices_percent=100.1)
    with pytest.raises(ValidationError, match="less than or equal to 100"):
        Wider.only(["devices_percent"])(devices_percent=100.1)
