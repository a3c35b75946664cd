"""Import of files of calculations that :mod:`pvkdb.store.files.exchange` wrote.

A calculation is identified by its content key, which is computed again on import: results of a
version of pvkdb that computes differently are left out. Each result is checked against its request
and the bounds of physics, and its rows are made by the code that makes a worker's. Records are
imported completely or not at all, and never replace results of the store. A hop of both that the
file marks as not converged is marked in the store, too.
"""

from __future__ import annotations

import gzip
import re
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from pvkdb.chemistry import Composition, parse_composition
from pvkdb.errors import InputError
from pvkdb.schemas import first_problem, read_json
from pvkdb.schemas.calculations import CalculationState, EventKind
from pvkdb.schemas.calculations.bounds import CalculationResult
from pvkdb.schemas.calculations.relaxations import CalculationRequest, RelaxRequest, VacancyRequest
from pvkdb.store.base import Base
from pvkdb.store.changes import note_change
from pvkdb.store.curation.computed import computed_rows, formation_row
from pvkdb.store.curation.registration import material_id, register_material, register_materials
from pvkdb.store.files.exchange import (
    EXCHANGE_VERSION,
    ExchangedCalculation,
    ExchangedEnergetic,
    ExchangedMaterial,
    ExchangeHead,
    QueuedCalculation,
    check_calculation,
)
from pvkdb.store.files.structure_checks import require_structure
from pvkdb.store.models.calculations import (
    Calculation,
    CalculationDependency,
    CalculationEvent,
)
from pvkdb.store.models.energetics import Energetic
from pvkdb.store.models.materials import Material
from pvkdb.store.models.structures import Structure
from pvkdb.store.queue.claims import enqueue
from pvkdb.store.queue.dependencies import pass_on
from pvkdb.store.queue.log import note_all

_LineT = TypeVar("_LineT", bound=BaseModel)

#: Limits of a file that is imported: a line with all images of fifty hops in 400 atoms has 20 MiB,
#: and coordinates shrink to a quarter, not to a thousandth as repeated bytes do.
_LONGEST_LINE = 32 * 2**20
_MOST_BYTES = 8 * 2**30
_MOST_SHRUNK = 100
#: Calculations that are imported at once: so many lines, or the first with so many bytes.
_BATCH_LINES, _BATCH_BYTES = 250, 8 * 2**20
#: Control characters in JSON, but for line ends and tabs; PostgreSQL keeps no NUL.
_CONTROL = re.compile(rb"\\(?:[bf]|u00(?:[01].|7[fF]|[89].))")
#: Range of formation energies, eV: far beyond the widest gaps of halides.
_FORMATION_EV = 50.0
_WAITING = (
    CalculationState.QUEUED.value,
    CalculationState.WAITING.value,
    CalculationState.FAILED.value,
    CalculationState.CANCELLED.value,
)


_NOT_THE_HEAD = (
    f"its first line is not that of a file of calculations, version {EXCHANGE_VERSION}; write one "
    "with: pvkdb jobs export FILE"
)


@dataclass(frozen=True, slots=True)
class ImportCounts:
    """Numbers of calculations of an imported file.

    Attributes:
        new: Imported, or completed with images of paths that the store lacked.
        known: Not imported: the store has a result, is computing one, or has queued again what
            failed in the file.
        other_recipe: Left out: this version of pvkdb computes them differently.
        queued: Queued here, from a file of queued calculations.
    """

    new: int
    known: int
    other_recipe: int
    queued: int = 0


def take_calculations(session: Session, path: Path, recorded_in: str | None = None) -> ImportCounts:
    """Import the calculations of a file that the store lacks.

    Args:
        session: A session that may write.
        path: The file.
        recorded_in: Dataset version, for the file of a release of computed results.

    Raises:
        InputError: the file has another format, is incomplete or was changed; nothing is imported.
    """
    lines = enumerate(_lines(path), start=1)
    _, line = next(lines, (1, b""))
    with _explained(path):
        head = read_json(ExchangeHead, line)
    counts: Counter[str] = Counter()
    if head.format == "pvkdb queue":
        counts = _queue(session, path, lines, head.calculations)
    while records := list(_records(path, lines, head.calculations)):
        known = [record for record in records if record is not None]
        counts["other_recipe"] += len(records) - len(known)
        counts.update(_Batch(session, path, known).take(recorded_in))
    if counts.total() != head.calculations:
        raise InputError(
            f"{path} holds {counts.total():,} of {head.calculations:,} calculations: it was cut "
            "short; nothing was taken"
        )
    return ImportCounts(**{name: counts[name] for name in ImportCounts.__annotations__})


def _queue(
    session: Session, path: Path, lines: Iterator[tuple[int, bytes]], announced: int
) -> Counter[str]:
    """Queue the calculations of a file that the store lacks; return how many of each outcome."""
    outcomes: dict[str, str] = {}
    for number, line in lines:
        with _explained(path, number):
            queued = _parsed(QueuedCalculation, number, line, announced)
            checked = check_calculation(queued)
            before = {outcomes.get(name) for name in queued.depends_on}
            if None in before or queued.key[:12] in outcomes:
                raise ValueError("it waits for one that is not above it, or is there twice")
            material = None
            if checked is None or "other_recipe" in before:
                outcomes[queued.key[:12]] = "other_recipe"
                continue
            if queued.material is not None:
                material = register_material(session, *_material(checked[0], queued.material)).id
            request: Any = checked[0]  # each has a kind
            found, new = enqueue(session, request, material, queued.priority, queued.depends_on)
            outcomes[found.id] = "queued" if new else "known"
    return Counter(outcomes.values())


def _lines(path: Path) -> Iterator[bytes]:
    """Yield the lines of a compressed file, as long as they stay within the limits."""
    total = 0
    try:
        # A pipe has no size, and its sender waits for what is read.
        most = _MOST_SHRUNK * path.stat().st_size + 2**20 if path.is_file() else _MOST_BYTES
        with gzip.open(path) as stream:
            while line := stream.readline(_LONGEST_LINE + 1):
                total += len(line)
                if len(line) > _LONGEST_LINE or total > min(most, _MOST_BYTES):
                    raise InputError(
                        f"{path} unpacks to a line of more than {_LONGEST_LINE:,} bytes, or to "
                        f"more than {min(most, _MOST_BYTES):,} bytes, which no file of "
                        "calculations of its size does; nothing was taken"
                    )
                yield line
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(
            f"{path} cannot be read as a compressed file of calculations ({error}); write one "
            "with: pvkdb jobs export FILE"
        ) from error


@contextmanager
def _explained(path: Path, number: int | None = None) -> Iterator[None]:
    """Name the file and the line, by default the first one, in an error of the block."""
    try:
        yield
    except (ValueError, InputError) as error:
        what = first_problem(error) if isinstance(error, ValidationError) else str(error)
        reason = _NOT_THE_HEAD if number is None else f"line {number}: {what}"
        raise InputError(f"{path}: {reason}; nothing was taken") from error


@dataclass(frozen=True, slots=True)
class _Record:
    """A line of a file with its request and result."""

    number: int
    line: ExchangedCalculation
    request: CalculationRequest
    result: CalculationResult | None


def _records(
    path: Path, lines: Iterator[tuple[int, bytes]], announced: int
) -> Iterator[_Record | None]:
    """Yield the next lines, checked, as many as are imported at once; None of another recipe."""
    size = 0
    for count, (number, line) in enumerate(lines, start=1):
        with _explained(path, number):
            exchanged = _parsed(ExchangedCalculation, number, line, announced)
            checked = check_calculation(exchanged)
        yield checked and _Record(number, exchanged, *checked)
        size += len(line)
        if count >= _BATCH_LINES or size >= _BATCH_BYTES:
            return


def _parsed(model: type[_LineT], number: int, line: bytes, announced: int) -> _LineT:
    """Return a line of a file; raises ValueError if it is not one."""
    if _CONTROL.search(line):
        raise ValueError("a text holds control characters")
    if number > announced + 1:
        raise ValueError(f"the first line announces {announced:,} calculations")
    return read_json(model, line)


class _Batch:
    """Calculations of a file that are imported with a few statements for all."""

    def __init__(self, session: Session, path: Path, records: Sequence[_Record]) -> None:
        self._session, self._path, self._records = session, path, records
        keys = [record.line.key for record in records]
        find = select(Calculation).where(Calculation.key.in_(keys)).order_by(Calculation.id)
        self._held = {each.key: each for each in session.scalars(find.with_for_update())}
        of_them = Structure.calculation_id.in_([each.id for each in self._held.values()])
        self._known = set(session.scalars(select(Structure.id).where(of_them)))
        wanted: dict[str, tuple[Composition, str | None]] = {}
        for record in records:
            if record.line.material is not None:
                with _explained(path, record.number):
                    named = _material(record.request, record.line.material)
                wanted[material_id(named[0].formula, named[1])] = named
        self._materials = register_materials(session, wanted)

    def take(self, recorded_in: str | None) -> Counter[str]:
        """Import what the store lacks; return the number of calculations of each outcome."""
        counts: Counter[str] = Counter()
        taken: list[Calculation] = []
        waited_for: list[str] = []
        rows: list[Base] = []
        for record in self._records:
            held = self._held.get(record.line.key)
            waiting = held is not None and self._takes(held, record)
            with _explained(self._path, record.number):
                if held is not None and not waiting:
                    self._take_mark(held, record)
                    missing = self._missing_structures(held, record)
                    if missing and recorded_in is None:
                        held.recorded_in = None  # a result with its paths is the user's
                    counts["new" if missing else "known"] += 1
                    rows += missing
                    continue
                calculation = self._answer(held, record)
                rows += self._rows(calculation, record)
            counts["new"] += 1
            calculation.recorded_in = recorded_in
            self._held[calculation.key] = calculation
            self._known |= {row.id for row in record.line.structures}
            taken.append(calculation)
            waited_for += [calculation.id] if waiting else []
        self._session.add_all(taken)
        self._session.flush()
        self._session.add_all(rows)
        if taken:
            note_change(self._session)
        note_all(self._session, map(self._entry, taken))
        for name in waited_for:
            pass_on(self._session, name)
        return counts

    def _takes(self, held: Calculation, record: _Record) -> bool:
        """Whether a calculation of the store ends as the file says.

        It ends with any result; with a failure only if it was exported to be computed elsewhere,
        and has not failed since.
        """
        if held.state not in _WAITING or record.result is not None:
            return held.state in _WAITING
        since = (
            select(CalculationEvent.event)
            .where(
                CalculationEvent.calculation_id == held.id,
                CalculationEvent.event.in_((EventKind.EXPORTED.value, EventKind.FAILED.value)),
            )
            .order_by(CalculationEvent.id.desc())
        )
        return self._session.scalar(since.limit(1)) == EventKind.EXPORTED.value

    def _take_mark(self, held: Calculation, record: _Record) -> None:
        """Mark a hop of the store as not converged where the same one of the file is marked."""
        given = {} if record.result is None else record.result.model_dump(mode="json")
        why, own = given.get("not_converged"), held.result or {}
        if why and not own.get("not_converged") and {**own, "not_converged": why} == given:
            held.result = given
            self._session.execute(delete(Energetic).where(Energetic.calculation_id == held.id))

    def _missing_structures(self, held: Calculation, record: _Record) -> list[Base]:
        """Return the images of paths that the store lacks of a result that it has."""
        result, missing = record.result, {row.id for row in record.line.structures} - self._known
        if not missing or result is None or held.result != result.model_dump(mode="json"):
            return []
        self._known |= missing
        rows = self._rows(held, record)
        return [row for row in rows if isinstance(row, Structure) and row.id in missing]

    def _answer(self, held: Calculation | None, record: _Record) -> Calculation:
        """Return the calculation of a line; ``held`` is the same one, requested and not done."""
        line, request, result = record.line, record.request, record.result
        if held is None:
            queued = line.started_at or line.finished_at  # at the latest
            held = Calculation(id=line.key[:12], key=line.key, kind=line.kind, created_at=queued)
        else:
            own = CalculationDependency.calculation_id == held.id
            self._session.execute(delete(CalculationDependency).where(own))
        for column in ("state", "versions", "failure_message", "started_at", "finished_at"):
            setattr(held, column, getattr(line, column))
        held.parameters = request.model_dump(mode="json")
        held.result = None if result is None else result.model_dump(mode="json")
        held.failure_kind = line.failure_kind and line.failure_kind.value
        # The material of others is registered with their structure, where it is kept.
        if line.material is not None and not isinstance(request, RelaxRequest | VacancyRequest):
            held.material_id = self._register(self._session, *_material(request, line.material)).id
        return held

    def _register(
        self, session: Session, composition: Composition, phase: str | None = None
    ) -> Material:
        found = self._materials.get(material_id(composition.formula, phase))
        return found or register_material(session, composition, phase)

    def _entry(self, calculation: Calculation) -> tuple[str, EventKind, str]:
        when = f"{calculation.finished_at:%Y-%m-%d %H:%M}"
        message = f"taken from {self._path.name}, where it ended at {when}"
        return calculation.id, EventKind(calculation.state), message

    def _rows(self, held: Calculation, record: _Record) -> list[Base]:
        """Return the rows of a calculation, made as a worker makes them.

        Raises:
            ValueError: the file has others.
        """
        line, request, result = record.line, record.request, record.result
        if result is None:
            return []
        structures = _Structures(
            (row.id.removeprefix(f"{held.id}-"), row) for row in line.structures
        )
        rows = computed_rows(self._session, held, request, result, structures, self._register)
        if isinstance(request, VacancyRequest):
            rows += [_formation(held, row, request.halide) for row in line.energetics]
        made: dict[str, object] = {}
        for row in rows:
            if isinstance(row, Structure):
                require_structure(request, result, row)
                made[row.id] = row.energy_ev
            elif isinstance(row, Energetic):
                made[row.id] = (row.quantity, row.value_min_ev, row.value_max_ev)
        given: dict[str, object] = {row.id: row.energy_ev for row in line.structures}
        for entry in line.energetics:
            low, high = entry.value_min_ev, entry.value_max_ev
            if made.get(entry.id) == (entry.quantity, None, high):
                low = None  # files of schema 0021 give an upper bound as a value
            given[entry.id] = (entry.quantity, low, high)
        if made != given:
            different = sorted({*made.items()} ^ {*given.items()}, key=str)
            raise ValueError(f"{different[0][0]} is not what follows from its result")
        return rows


def _material(
    request: CalculationRequest, given: ExchangedMaterial | None
) -> tuple[Composition, str | None]:
    """Return composition and phase of the request.

    Raises:
        ValueError: the file names others.
    """
    formula, phase = (getattr(request, name, None) for name in ("formula", "phase"))
    composition = parse_composition(formula or "")
    if given is None or (given.formula, given.phase) != (composition.formula, phase):
        raise ValueError(f"{given} is not the material of its request: {formula}, {phase}")
    return composition, phase


class _Structures(dict[str, Any]):
    """Structures of a line by name, which have all fields of a computed one."""

    def __missing__(self, name: str) -> Any:
        raise ValueError(f"its structure {name!r} is missing")


def _formation(held: Calculation, given: ExchangedEnergetic, halide: str) -> Energetic:
    low, high = given.value_min_ev, given.value_max_ev
    mark = given.id.removeprefix(f"e-{held.id}-")
    if low is None or high is None or not -_FORMATION_EV < low <= high < _FORMATION_EV:
        raise ValueError(f"{low} to {high} eV is not a formation energy of a vacancy")
    if not re.fullmatch("[0-9a-f]{6}", mark):
        raise ValueError(f"{given.id!r} is not the name of a formation energy")
    return formation_row(held, mark, halide, low, high, given.conditions or "")
