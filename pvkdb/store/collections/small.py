"""Collections of requirements, tables of the review, ions and what other packages add.

Each has at most some hundred rows.
Their filters, orders and facets follow from the declarations of the columns. Rows keep the order of
the source unless they are sorted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import Boolean, Column, Float, Integer, String, select, text

from pvkdb.chemistry import radii
from pvkdb.chemistry.ions import ions_without_radius, molecular_ions
from pvkdb.schemas.tables import TABLES, IonsRow, Row
from pvkdb.store.base import Base
from pvkdb.store.collections.collection import Collection
from pvkdb.store.collections.keyset import sortables
from pvkdb.store.collections.shared_filters import words
from pvkdb.store.models.reviewed import REPLACED
from pvkdb.store.rows.from_models import document_of
from pvkdb.store.rows.reading import TableRows


def ion_rows() -> Iterator[IonsRow]:
    """Yield every radius of the registry, then the ions without a known radius."""
    known = set()
    for radius in radii():
        known.add(radius.ion.symbol)
        ion = {"ion": radius.ion.symbol, "charge": radius.ion.charge}
        yield document_of(IonsRow, radius, **ion, **_molecule(radius.ion.symbol))
    for entry in molecular_ions().values():
        if entry.symbol not in known:
            ion = {"ion": entry.symbol, "charge": entry.charge, "source": entry.source}
            yield IonsRow.model_validate({**ion, **_molecule(entry.symbol)})
    for ion_, source in ions_without_radius().items():
        row = {"ion": ion_.symbol, "charge": ion_.charge, "source": source}
        yield IonsRow.model_validate(row)


def _molecule(symbol: str) -> dict[str, str | None]:
    """Return name, formula and SMILES of a molecular ion; None for an element."""
    entry = molecular_ions().get(symbol)
    return {name: getattr(entry, name, None) for name in ("name", "formula", "smiles")}


def _written(value: object) -> str:
    """Return a value as a literal of SQL."""
    if value is None:
        return "NULL"
    quoted = str(value).replace("'", "''").replace(":", r"\:")
    return f"'{quoted}'" if isinstance(value, str) else str(value)


def _values(name: str, row: type[Row], rows: Iterable[Row]) -> type[Base]:
    """Return a model of rows that come with the code and are in no table: a SELECT from VALUES.

    Both databases call the columns of VALUES column1, column2, …
    """
    kinds = {"integer": Integer, "number": Float, "boolean": Boolean}
    columns: list[Column[Any]] = [
        Column(name, kinds.get(each.type, String), nullable=each.empty is not None)
        for name, each in row.dictionary().items()
    ]
    written = ", ".join(
        f"({number}, {', '.join(map(_written, each.model_dump(mode='json').values()))})"
        for number, each in enumerate(rows)
    )
    names = ", ".join(f'column{n} AS "{each.name}"' for n, each in enumerate(columns, start=2))
    statement = text(f"SELECT column1 AS position, {names} FROM (VALUES {written}) AS v")
    place = Column("position", Integer, primary_key=True)
    chosen = statement.columns(place, *columns).subquery(name)
    return type(row.__name__.removesuffix("Row"), (Base,), {"__table__": chosen})


#: Columns in which ``q`` looks, and an example.
_WORDS = {
    "ions": ("ion name formula smiles", "methylammonium"),
    "conduction": ("mechanism origin iv_relationship", "tunneling"),
    "applications": ("application metric as_printed", "synaptic retention"),
    "processing": ("technique advantages challenges", "spin"),
    "array_challenges": ("statement", "selector"),
    "test_protocols": (
        "function device_requirement pulse_protocol measured application",
        "pulse",
    ),
    "benchmark_datasets": ("dataset description material structure conditions", "digits"),
}


def _collection(name: str, model: Any, named: str, example: str) -> Collection[Any]:
    """Return the collection of a table, in the order of its source."""
    place = model.__mapper__.primary_key[0]
    (key, *others) = TABLES[name].primary_key
    columns = (getattr(model, each) for each in named.split())
    return Collection(
        name=name,
        rows=TableRows(TABLES[name], getattr(model, place.key if others else key), select(model)),
        source=select().select_from(model),
        order=((place.key, False),),
        filters={
            "q": words(f"Words in {', '.join(named.split())}.", *columns, example=example),
        },
        sortable=sortables(model, place.key),
    )


def _models() -> Iterator[tuple[str, Any, str, str]]:
    for name, (named, example) in _WORDS.items():
        own = _values(name, IonsRow, ion_rows()) if name == "ions" else REPLACED[name]
        yield name, own, named, example
    for name, table in TABLES.added[0].items():
        yield name, _values(name, *table.read()), " ".join(table.words), table.example


SMALL_TABLES: dict[str, Collection[Any]] = {each[0]: _collection(*each) for each in _models()}
