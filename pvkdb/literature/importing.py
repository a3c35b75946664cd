"""Import of papers into a store: checked, compared with existing rows, all rows or none.

The caller commits what :func:`import_files` has added to the session, or rolls it back (after a dry
run or a problem).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import PurePath
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from pvkdb.chemistry import Composition, parse_composition
from pvkdb.errors import InputError
from pvkdb.literature.cells import UNCONFIRMED, Cells
from pvkdb.literature.deciding import Statement, There, decide
from pvkdb.literature.device_entries import devices_row, figures_row, raw_files
from pvkdb.literature.entries import TABLES, energetics_row
from pvkdb.literature.publications import Publications
from pvkdb.literature.reading import FileError, Record, read_records
from pvkdb.schemas.imports import Action, Change, Counts, Difference, FileProblem, ImportReport
from pvkdb.schemas.tables import DeviceClaimsRow, DevicesRow, EnergeticsRow
from pvkdb.store.collections import DEVICES, ENERGETICS
from pvkdb.store.collections.collection import Collection
from pvkdb.store.curation.dataset import begin_import, current_version
from pvkdb.store.curation.history import differences
from pvkdb.store.curation.registration import material_id, register_materials
from pvkdb.store.curation.sources import Source, beside
from pvkdb.store.migrate import lock_curation
from pvkdb.store.models.devices import DeviceClaim
from pvkdb.store.models.materials import Material
from pvkdb.store.queue.kept_files import file_store
from pvkdb.store.rows.to_models import (
    MaterialOf,
    TableEntry,
    device_claim_entry,
    device_entry,
    energetic_entry,
    fingerprint,
    insert_entries,
)

#: Number of problems after which an import stops; the first ones usually explain the others.
MAX_PROBLEMS = 20
#: Most changes and warnings of a report; it counts the others.
MAX_SHOWN = 100
#: Number of rows compared with the store and added at a time.
BATCH = 500
_CONFIRM = (
    "is a proposal of a draft that nobody has confirmed; compare it with its sentence, then remove "
    f"the {UNCONFIRMED!r} in front of it, or correct or delete it"
)
_MISSING = "is left open; write what it is, or delete the line if it is not known"
#: Fields of the counts by action.
_COUNTED = {"add": "added", "supersede": "superseding", "already there": "already_there"}


class ImportRefusedError(InputError):
    """The files have problems; nothing was imported."""

    def __init__(self, problems: Sequence[FileProblem]) -> None:
        first = "" if len(problems) == 1 else f"{len(problems)} problems, the first: "
        super().__init__(f"{first}{problems[0]}; nothing was imported")
        self.problems = list(problems)


@dataclass(frozen=True, slots=True)
class _Kind:
    """How rows of one table are read, compared and stored."""

    collection: Collection[Any]
    letter: str
    row: Callable[[Cells, str], Any]
    entry: Callable[[Any, MaterialOf], TableEntry]
    summary: Callable[[Any], str]

    @property
    def model(self) -> Any:
        """The database model of the rows."""
        return self.collection.key.class_


@dataclass(slots=True)
class _Pending:
    """A row that waits for the next batch, with its record and fingerprint."""

    record: Record
    row: Statement
    supersedes: str | None
    fingerprint: str
    figures: list[DeviceClaimsRow]


def import_files(
    session: Session,
    paths: Sequence[Source],
    *,
    dry_run: bool = False,
    on_row: Callable[[int], None] = lambda count: None,
) -> ImportReport:
    """Add the rows of files to the session.

    Files of references are read first. ``on_row`` is called with the number of rows read. Memory
    does not grow with the length of a file.

    Raises:
        ImportRefusedError: names the problems, at most 20; roll the transaction back.
    """
    lock_curation(session)
    return _Import(session, paths, on_row).run(dry_run)


class _Import:
    """One import with its counts, changes, warnings and problems so far."""

    def __init__(
        self, session: Session, paths: Sequence[Source], on_row: Callable[[int], None]
    ) -> None:
        self._session = session
        self._paths = sorted(paths, key=_reading_order)
        self._on_row = on_row
        self._rows_read = 0
        self._problems: list[FileProblem] = []
        self._warnings: list[FileProblem] = []
        self._changes: list[Change] = []
        self._counts = {table.name: Counts() for table in TABLES.values()}
        self._pending: list[_Pending] = []
        self._materials: dict[str, Material] = {}  # those of the batch
        self._next_number: dict[str, int] = {}
        self._version = ""
        self._raw_files: dict[str, Source] = {}  # to be kept, by SHA-256

    def run(self, dry_run: bool) -> ImportReport:
        try:
            version = begin_import(self._session, self._paths)
        except OSError as error:
            reason = f"cannot be read: {error.strerror or error}"
            raise ImportRefusedError(
                [FileProblem(file=PurePath(error.filename).name, reason=reason)]
            ) from error
        self._version = version.version
        self._publications = Publications(self._session, self._version)
        for kind in _KINDS.values():
            _fill_fingerprints(self._session, kind)
        last = self._session.scalar(select(func.max(DeviceClaim.position))) or 0
        self._places = count(last + 1)  # of figures in their table
        try:
            for path in self._paths:
                self._publications.forget_the_paper()
                for record in read_records(path):
                    self._take(record, path)
            self._add_pending()
        except FileError as error:
            self._problems.append(error.problem)
        if not self._rows_read and not self._problems:
            reason = "holds no row; a form to fill in: pvkdb import --template paper.yaml"
            self._problems = [FileProblem(file=each.name, reason=reason) for each in self._paths]
        if self._problems:
            raise ImportRefusedError(self._problems)
        for source in () if dry_run else self._raw_files.values():
            with source.open("rb") as stream:
                file_store(self._session.info["pvkdb_store"]).put(stream.read())
        report = ImportReport(
            dry_run=dry_run,
            dataset_version=self._version,
            counts=self._counts,
            changes=self._changes,
            warnings=self._warnings,
        )
        if report.changed == 0:
            self._session.delete(version)
            self._session.flush()
            kept = {"dataset_version": current_version(self._session)}
            return report.model_copy(update=kept)
        return report

    def _take(self, record: Record, path: Source) -> None:
        self._rows_read += 1
        self._on_row(self._rows_read)
        proposed = [
            name for name, text in record.cells.items() if f"{text} ".startswith(UNCONFIRMED)
        ]
        for column in proposed:
            text = record.cells[column]
            reason = _MISSING if text == UNCONFIRMED.strip() else _CONFIRM
            self._refuse(record.problem(reason, column, text))
        if proposed:
            return
        cells = Cells(record.cells)
        if record.table.name == "references":
            self._add_pending()
            found = self._publications.take(record, cells)
            if found is not None:
                changed = found.differences
                self._note(record, found.action, found.key, found.summary, changed=changed)
        else:
            references = self._publications.keys(record, cells)
            row = _KINDS[record.table.name].row(cells, references)
            of_device = record.table.name == "devices"
            figures = figures_row(cells, references) if of_device else []
            if not cells.problems and "raw_files" in cells:
                self._find_raw_files(cells, path)
            if not cells.problems:
                supersedes = cells.text("supersedes")
                mark = fingerprint(row)
                if figures:  # a device with other figures is another statement
                    content = "".join([mark, *map(fingerprint, figures)])
                    mark = hashlib.sha256(content.encode()).hexdigest()[:32]
                waiting = _Pending(record, row, supersedes, mark, figures)
                if self._pending and self._pending[0].record.table is not record.table:
                    self._add_pending()
                self._pending.append(waiting)
        for problem in cells.problems:
            self._refuse(record.problem(problem.reason, problem.column, problem.value))
        for doubt in cells.doubts:
            self._warn(record.problem(doubt.reason, doubt.column, doubt.value))
        if len(self._pending) >= BATCH:
            self._add_pending()

    def _find_raw_files(self, cells: Cells, path: Source) -> None:
        """Check that the raw files of a device are those that were measured."""
        for sha256, name in raw_files(cells.text("raw_files") or "").items():
            found = beside(path, name)
            if found is not None:
                with found.open("rb") as stream:
                    content = hashlib.file_digest(stream, "sha256").hexdigest()
                self._raw_files[sha256] = found
                if content != sha256:
                    reason = f"{name} has the SHA-256 {content[:12]}…: it is not the measured file"
                    cells.complain("raw_files", f"{reason}; measure it again, or bring that one")
            elif not file_store(self._session.info["pvkdb_store"]).holds(sha256):
                reason = f"{name} is neither beside {path.name} nor in the store; put it there"
                cells.complain("raw_files", reason)

    def _add_pending(self) -> None:
        """Compare the rows of a batch with the store, and add them."""
        batch, self._pending = self._pending, []
        if not batch:
            return
        kind = _KINDS[batch[0].record.table.name]
        there = self._existing_rows(kind, batch)
        self._materials = register_materials(self._session, _materials_of(batch))
        added: list[TableEntry] = []
        figures: list[TableEntry] = []
        for entry in batch:
            record, row = entry.record, entry.row
            fate = decide(row, entry.fingerprint, entry.supersedes, there)
            if fate.action == "refuse":
                value = record.cells.get(fate.column) if fate.column else None
                self._refuse(record.problem(fate.reason, fate.column, value))
                continue
            if fate.doubt:
                self._warn(record.problem(fate.doubt))
            given = row.id if row.id != entry.supersedes else ""
            name = fate.id or given or self._new_id(entry, kind, there)
            before = entry.supersedes if fate.action == "supersede" else None
            old = kind.collection.load(self._session, [before] if before else [])
            changed = differences(old[0], row) if old else ()
            self._note(record, fate.action, name, kind.summary(row), before, changed)
            if fate.action == "already there":
                continue
            there.note(name, entry.fingerprint, row.source, entry.supersedes, ours=True)
            new = kind.entry(row.model_copy(update={"id": name}), self._material)
            new.own.update(
                recorded_in=self._version,
                supersedes_id=entry.supersedes,
                fingerprint=entry.fingerprint,
            )
            added.append(new)
            figures += self._figures(entry, name, before)
        if not self._problems:
            insert_entries(self._session, added)
            insert_entries(self._session, figures)

    def _figures(self, entry: _Pending, device: str, before: str | None) -> Iterator[TableEntry]:
        """Yield the figures of a device, which take the place of those of the row before it."""
        if not isinstance(entry.row, DevicesRow):
            return
        names = [f"{before}-{each.metric}" for each in entry.figures]
        old = {*self._session.scalars(select(DeviceClaim.id).where(DeviceClaim.id.in_(names)))}
        named = f"{entry.row.structure} ({device})"
        for figure, name in zip(entry.figures, names, strict=True):
            known = {"id": f"{device}-{figure.metric}", "device": named}
            new = device_claim_entry(figure.model_copy(update=known), next(self._places))
            superseded = name if name in old else None
            new.own.update(recorded_in=self._version, supersedes_id=superseded)
            yield new

    def _existing_rows(self, kind: _Kind, batch: Sequence[_Pending]) -> There:
        """Return the rows in the store that a batch's rows name, repeat or supersede."""
        model = kind.model
        columns = (model.id, model.fingerprint, model.source, model.supersedes_id)
        superseded = {entry.supersedes for entry in batch if entry.supersedes}
        ids = superseded | {entry.row.id for entry in batch if entry.row.id}
        marks = {entry.fingerprint for entry in batch}
        there = There()
        held = select(*columns, model.recorded_in)
        conditions = [model.id.in_(ids), model.fingerprint.in_(marks)]
        while conditions:
            before = len(there.ids)
            for condition in conditions:
                for *content, version in self._session.execute(held.where(condition)):
                    there.note(*content, ours=version == self._version)
            # Rows that supersede those found, until none is newer.
            grown = len(there.ids) > before
            conditions = [model.supersedes_id.in_(there.ids)] if grown else []
        return there

    def _new_id(self, entry: _Pending, kind: _Kind, there: There) -> str:
        """Return a free id such as ``zhang2026-d001``, from the first publication and the table."""
        prefix = f"{entry.row.references.split()[0]}-{kind.letter}"
        if prefix not in self._next_number:
            ids = self._session.scalars(
                select(kind.model.id).where(kind.model.id.startswith(prefix, autoescape=True))
            )
            numbers = [int(rest) for name in ids if (rest := name[len(prefix) :]).isdecimal()]
            self._next_number[prefix] = max(numbers, default=0) + 1
        while True:
            name = f"{prefix}{self._next_number[prefix]:03d}"
            self._next_number[prefix] += 1
            if name not in there.ids:
                return name

    def _material(self, composition: Composition, phase: str | None) -> Material:
        return self._materials[material_id(composition.formula, phase)]

    def _refuse(self, problem: FileProblem) -> None:
        self._problems.append(problem)
        if len(self._problems) >= MAX_PROBLEMS:
            raise ImportRefusedError(self._problems)

    def _warn(self, problem: FileProblem) -> None:
        if len(self._warnings) < MAX_SHOWN:
            self._warnings.append(problem)

    def _note(
        self,
        record: Record,
        action: Action,
        name: str,
        summary: str,
        supersedes: str | None = None,
        changed: tuple[Difference, ...] = (),
    ) -> None:
        counts, name_of_count = self._counts[record.table.name], _COUNTED[action]
        setattr(counts, name_of_count, getattr(counts, name_of_count) + 1)
        if len(self._changes) < MAX_SHOWN:
            self._changes.append(
                Change(
                    action=action,
                    table=record.table.name,
                    id=name,
                    file=record.file,
                    line=record.line,
                    summary=summary,
                    supersedes=supersedes,
                    differences=changed,
                )
            )


def _materials_of(batch: Sequence[_Pending]) -> dict[str, tuple[Composition, str | None]]:
    """Return composition and phase of every material in a batch, by public name."""
    wanted = {}
    for entry in batch:
        phase = entry.row.phase if isinstance(entry.row, EnergeticsRow) else None
        if entry.row.material:
            composition = parse_composition(entry.row.material)
            wanted[material_id(composition.formula, phase)] = composition, phase
    return wanted


def _reading_order(path: Source) -> int:
    """Return the position of a file in the import: references 0, papers in YAML 1, tables 2."""
    if path.suffix.lower() != ".csv":
        return 1
    try:
        with path.open(encoding="utf-8-sig", errors="replace") as stream:
            header = stream.readline().casefold()
    except OSError:
        return 2
    return 0 if "title" in header.split(",") else 2


def _fill_fingerprints(session: Session, kind: _Kind) -> None:
    """Add fingerprints to rows of an older schema and computed rows."""
    model = kind.model
    keys = session.scalars(select(model.id).where(model.fingerprint.is_(None))).all()
    marks = [
        {"id": row.id, "fingerprint": fingerprint(row)}
        for row in kind.collection.load(session, keys)
    ]
    if marks:
        session.execute(update(model), marks)


def _energetic_summary(row: EnergeticsRow) -> str:
    ends = [f"{value:g}" for value in (row.value_min_ev, row.value_max_ev) if value is not None]
    sign = {"lower": "> ", "upper": "< "}.get(row.bound or "", "~" if row.approximate else "")
    value = sign + "–".join(dict.fromkeys(ends))
    phase = f" {row.phase}" if row.phase else ""
    return f"{row.material}{phase} {row.defect} {row.quantity} {value} eV, {row.method}"


def _device_summary(row: DevicesRow) -> str:
    ratio = "" if row.on_off_ratio is None else f", on/off {row.on_off_ratio:g}"
    return f"{row.structure}{ratio}"


_KINDS = {
    "energetics": _Kind(ENERGETICS, "e", energetics_row, energetic_entry, _energetic_summary),
    "devices": _Kind(DEVICES, "d", devices_row, device_entry, _device_summary),
}
