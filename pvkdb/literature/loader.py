"""Loading of the curated tables into a store, in one transaction.

A store of an older release is updated: a changed row supersedes its former content, which is kept
as ``ID~1``. A cited id always names the current row; :func:`pvkdb.store.curation.history.history`
shows its former versions.
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from importlib import resources
from typing import Any

from sqlalchemy import delete, func, inspect, select
from sqlalchemy.orm import Mapper, Session

from pvkdb.chemistry import parse_composition
from pvkdb.errors import InputError, PvkdbError
from pvkdb.literature.cells import Cells
from pvkdb.literature.device_entries import claims_row, devices_row
from pvkdb.literature.entries import energetics_row, reference_row, same_authors
from pvkdb.schemas.tables import TABLES, ElectronicRow, ReferencesRow, Row
from pvkdb.store.collections import DEVICE_CLAIMS, DEVICES, ELECTRONIC, ENERGETICS, REFERENCES
from pvkdb.store.collections.collection import Collection
from pvkdb.store.collections.export import table_rows
from pvkdb.store.curation.dataset import begin_release
from pvkdb.store.curation.registration import register_material
from pvkdb.store.database import SCHEMA_REVISION
from pvkdb.store.migrate import lock_curation
from pvkdb.store.models.materials import Material
from pvkdb.store.models.references import DatasetVersion, seen_doi
from pvkdb.store.models.reviewed import REPLACED, REVIEWED
from pvkdb.store.rows.to_models import (
    MaterialOf,
    device_claim_entry,
    device_entry,
    electronic_entry,
    energetic_entry,
    reference_model,
)

CuratedRow = dict[str, str]

#: Curated tables in the order of loading.
_TABLES = ("references", "energetics", "devices", "device_claims", *REPLACED)
#: Tables that further papers have, read on their open pages, by folder.
_FURTHER = {"open_pages": _TABLES[:4], "gaps": ("references", "electronic")}
#: Curated files, those of the review first.
FILES = (
    *_TABLES,
    *(f"{folder}/{name}" for folder, names in _FURTHER.items() for name in names),
    "dois_seen",
)


#: Columns that differ between versions of the same content.
_VERSION_COLUMNS = frozenset({"id", "supersedes_id", "recorded_in"})


@dataclass(frozen=True, slots=True)
class LoadReport:
    """Numbers of rows that a load added or superseded."""

    dataset_version: str
    references: int
    energetics: int
    devices: int
    device_claims: int
    electronic: int
    requirements: int
    reviewed_rows: int
    superseded: int
    materials: int


@dataclass(frozen=True, slots=True)
class _CuratedTable:
    """A curated file: its collection, how to read its rows, and how to build their models."""

    collection: Collection[Any]
    read: Callable[[CuratedRow], Row]
    build: Callable[[Any, int, MaterialOf], Any]


@cache
def dataset_version() -> str:
    """Return the version of the curated data: a hash over the files and the schema revision."""
    digest = hashlib.sha256(SCHEMA_REVISION.encode())
    for name in FILES:
        digest.update(_file(name).encode())
    return f"review2026-{digest.hexdigest()[:10]}"


def load_literature(session: Session) -> LoadReport:
    """Add every curated row that the store lacks, and supersede changed rows.

    Raises:
        InputError: a curated row cannot be used; names the file, the line, the column and why.
    """
    lock_curation(session)
    version = begin_release(session, dataset_version())
    loaded = {table.collection.name: _load(session, table, version) for table in _CURATED}
    replaced = {name: _replace(session, name, REPLACED[name]) for name in REPLACED}
    return LoadReport(
        dataset_version=version,
        references=loaded["references"][0],
        energetics=loaded["energetics"][0],
        devices=loaded["devices"][0],
        device_claims=loaded["device_claims"][0],
        electronic=loaded["electronic"][0],
        requirements=replaced["applications"],
        reviewed_rows=sum(replaced[name] for name in REVIEWED),
        superseded=sum(superseded for _, superseded in loaded.values()),
        materials=session.scalar(select(func.count()).select_from(Material)) or 0,
    )


@cache
def transcribed_from() -> list[dict[str, str]]:
    """Return the publications whose tables and texts were transcribed: title and path."""
    package = resources.files("pvkdb.literature").joinpath("datapackage.json")
    found: list[dict[str, str]] = json.loads(package.read_text(encoding="utf-8"))["sources"]
    return found


def read_curated(name: str) -> list[CuratedRow]:
    """Return the rows of a curated table as text, '' for what is not reported."""
    return [cells for _, cells in _curated(name)]


def _curated(name: str) -> Iterator[tuple[str, CuratedRow]]:
    """Yield the rows of a curated table, each with its file and line."""
    for file in (name, *(f"{folder}/{name}" for folder in _FURTHER)):
        if file in FILES:
            for line, cells in enumerate(csv.DictReader(_file(file).splitlines()), start=2):
                yield f"{file}.csv line {line}", cells


@cache
def _file(name: str) -> str:
    return (resources.files("pvkdb.literature") / f"{name}.csv").read_text(encoding="utf-8")


def _load(session: Session, table: _CuratedTable, version: str) -> tuple[int, int]:
    """Add missing rows and supersede changed ones; return the number of each."""
    added = superseded = 0
    collection, material_of = table.collection, partial(register_material, session)
    key, model = collection.key_name, collection.key.class_
    held: dict[str, Any] = {getattr(known, key): known for known in session.scalars(select(model))}
    imports = DatasetVersion.description.startswith("import ")
    releases = set(session.scalars(select(DatasetVersion.version).where(~imports)))
    left = {name for name, known in held.items() if known.recorded_in in releases}
    curated = list(_curated(collection.name))
    authors: dict[str, str | None] = {}
    known = [cells[key] for _, cells in curated if cells[key] in held]
    before = dict(zip(known, collection.load(session, known), strict=True))
    for place, (where, cells) in enumerate(curated):
        name = cells[key]
        left.discard(name)
        try:
            row = table.read(cells)
            if isinstance(row, ReferencesRow) and row.doi:
                first = authors.setdefault(row.doi, row.authors)
                if not same_authors(row.authors, first):
                    raise InputError(f"column doi {row.doi!r}: is also that of {first}")
            gained = _gained_doi(row, held.get(name), releases)
            row = row.model_copy(update=gained)
            if before.get(name) == row:
                continue
            built = table.build(row, place, material_of)
        except (PvkdbError, ValueError) as error:
            raise InputError(f"{where} ({name}): {error}") from error
        if name not in held:
            built.recorded_in = version
            session.add(built)
            added += 1
        else:
            _replace_row(session, held[name], built, held[name].recorded_in if gained else version)
            superseded += 1
    if withdrawn := sorted(name for name in left if "~" not in name):
        raise InputError(
            f"{collection.name}.csv no longer holds {withdrawn[0]}, which the store has from an "
            "earlier release; load this one into a new database"
        )
    session.flush()
    return added, superseded


def _gained_doi(row: Row, known: Any, releases: set[str]) -> dict[str, str | None]:
    """Return the cells of a DOI that an import gave to a reference, which prints none itself."""
    gained = isinstance(row, ReferencesRow) and not row.doi and known is not None and known.doi
    if not gained or known.recorded_in in releases:
        return {}
    return {"doi": known.doi, "doi_seen": None, "doi_seen_at": seen_doi(known.key, known.doi)[1]}


def _replace_row(session: Session, known: Any, stated: Any, version: str) -> None:
    """Overwrite the row ``known`` by ``stated``; its former content becomes a superseded row.

    Bibliography entries are corrected in place, without a superseded row.
    """
    mapper: Mapper[Any] = inspect(type(known))
    if "supersedes_id" in mapper.columns:
        archive = _archive(session, mapper, known)
        known.supersedes_id = archive.id
    # Relations set their foreign keys; rows outside the session have none to copy.
    theirs = {column.key for relation in mapper.relationships for column in relation.local_columns}
    for name, _ in mapper.columns.items():
        if name not in _VERSION_COLUMNS | theirs:
            setattr(known, name, getattr(stated, name))
    for relation in mapper.relationships:
        value = getattr(stated, relation.key)
        setattr(known, relation.key, list(value) if relation.uselist else value)
    known.recorded_in = version
    session.flush()


def _archive(session: Session, mapper: Mapper[Any], known: Any) -> Any:
    """Copy a row under a new id such as ``ID~1``, to which its children move."""
    model = mapper.class_
    before = select(func.count()).where(model.id.startswith(f"{known.id}~", autoescape=True))
    archive = model(id=f"{known.id}~{(session.scalar(before) or 0) + 1}")
    for name, _ in mapper.columns.items():
        if name not in ("id", "supersedes_id"):
            setattr(archive, name, getattr(known, name))
    archive.supersedes_id, known.supersedes_id = known.supersedes_id, None
    session.flush()  # the row supersedes nothing now
    for relation in mapper.relationships:
        value = getattr(known, relation.key)
        setattr(archive, relation.key, list(value) if relation.uselist else value)
    session.add(archive)
    for relation in mapper.relationships:
        if relation.uselist:
            getattr(known, relation.key).clear()
    session.flush()
    return archive


def _checked(read: Callable[[Cells], Row]) -> Callable[[CuratedRow], Row]:
    """Return a function that reads a curated row as the import does; a problem is an error."""

    def row(cells: CuratedRow) -> Row:
        reader = Cells({column: text for column, text in cells.items() if text})
        found = read(reader)
        for problem in reader.problems:
            raise InputError(f"column {problem.column} {problem.value!r}: {problem.reason}")
        return found

    return row


def _electronic_row(cells: CuratedRow) -> ElectronicRow:
    row = ElectronicRow.model_validate({column: text for column, text in cells.items() if text})
    return row.model_copy(update={"material": parse_composition(row.material).formula})


def _replace(session: Session, name: str, model: Any) -> int:
    """Replace a whole table if its file has changed; return the number of rows loaded."""
    kind = TABLES[name]
    always_text = {column for column, field in kind.model_fields.items() if field.annotation is str}
    # An empty cell is "not reported", except in a column that is always text.
    wanted = [
        kind.model_validate(
            {name: text for name, text in cells.items() if text or name in always_text}
        )
        for cells in read_curated(name)
    ]
    if [*table_rows(session, name)] == wanted:
        return 0
    session.execute(delete(model))
    for position, row in enumerate(wanted):
        place = {"position": position} if name in REVIEWED else {}
        session.add(model(**row.model_dump(), **place))
    session.flush()
    return len(wanted)


_CURATED = (
    _CuratedTable(
        REFERENCES, _checked(reference_row), lambda row, place, material_of: reference_model(row)
    ),
    _CuratedTable(
        ENERGETICS,
        _checked(lambda cells: energetics_row(cells, cells.text("references") or "")),
        lambda row, place, material_of: energetic_entry(row, material_of).build(),
    ),
    _CuratedTable(
        DEVICES,
        _checked(lambda cells: devices_row(cells, cells.text("references") or "")),
        lambda row, place, material_of: device_entry(row, material_of).build(),
    ),
    _CuratedTable(
        DEVICE_CLAIMS,
        _checked(claims_row),
        lambda row, place, material_of: device_claim_entry(row, place).build(),
    ),
    _CuratedTable(
        ELECTRONIC,
        _electronic_row,
        lambda row, place, material_of: electronic_entry(row, material_of).build(),
    ),
)
