"""Files of finished calculations, one per line, to copy them to another store: no work twice.

A calculation is identified by its content key, which is computed again on import: results of a
version of pvkdb that computes differently are left out. Each result is checked against its request
and the bounds of physics, and its rows are made by the code that makes a worker's. Records are
imported completely or not at all, and never replace results of the store.
"""

from __future__ import annotations

import gzip
import re
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import ConfigDict, ValidationError, field_validator, model_validator
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from pvkdb._version import __version__
from pvkdb.chemistry import parse_composition
from pvkdb.errors import InputError
from pvkdb.schemas import StrictModel, first_problem, read_json
from pvkdb.schemas.calculations import CalculationState, EventKind, FailureKind
from pvkdb.schemas.calculations.bounds import CalculationResult
from pvkdb.schemas.calculations.kinds import MODELS, require_fit
from pvkdb.schemas.calculations.relaxations import (
    CalculationRequest,
    RelaxRequest,
    VacancyRequest,
    content_key,
)
from pvkdb.store.base import Base
from pvkdb.store.curation.computed import ComputedStructure, computed_rows, formation_row
from pvkdb.store.curation.registration import register_material
from pvkdb.store.files.structure_checks import require_structure
from pvkdb.store.models.calculations import Calculation, CalculationDependency
from pvkdb.store.models.energetics import Energetic
from pvkdb.store.models.materials import Material
from pvkdb.store.models.structures import Structure
from pvkdb.store.queue.dependencies import pass_on
from pvkdb.store.queue.log import note
from pvkdb.store.rows.from_models import document_of

#: Raised whenever a reader of this version could not understand the lines.
EXCHANGE_VERSION: Literal[1] = 1
#: Limits of a file that is imported: a line with all images of fifty hops in 400 atoms has 20 MiB,
#: and coordinates shrink to a quarter, not to a thousandth as repeated bytes do.
_LONGEST_LINE = 32 * 2**20
_MOST_BYTES = 8 * 2**30
_MOST_SHRUNK = 100
#: Revisions of recipes that a key may be of.
_RECIPES = range(100)
#: Control characters in JSON, but for line ends and tabs; PostgreSQL keeps no NUL.
_CONTROL = re.compile(rb"\\(?:[bf]|u00(?:[01].|7[fF]|[89].))")
#: Range of formation energies, eV: far beyond the widest gaps of halides.
_FORMATION_EV = 50.0
#: Failures caused by the machine; another one may succeed.
_NOT_OF_THE_CALCULATION = (
    FailureKind.CRASHED,
    FailureKind.DEPENDENCY_FAILED,
    FailureKind.PROGRAM_NOT_FOUND,
    FailureKind.PROGRAM_CRASHED,
    FailureKind.OUT_OF_WALLTIME,
    FailureKind.PSEUDOPOTENTIAL_MISSING,
    FailureKind.PSEUDOPOTENTIAL_DIFFERS,
)
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


class _Line(StrictModel):
    model_config = ConfigDict(allow_inf_nan=False)


class ExchangeHead(_Line):
    """The first line of a file."""

    format: Literal["pvkdb calculations"] = "pvkdb calculations"
    version: Literal[1] = EXCHANGE_VERSION
    pvkdb_version: str
    calculations: int


class ExchangedMaterial(_Line):
    """Material of a calculation."""

    formula: str
    phase: str | None


class ExchangedStructure(_Line):
    """A structure made by a calculation, with columns of the table of structures."""

    id: str
    space_group: str | None
    role: str
    origin: str
    parent_id: str | None
    energy_ev: float | None
    cell_ang: list[list[float]]
    symbols: list[str]
    positions_ang: list[list[float]]


class ExchangedEnergetic(_Line):
    """An energy computed by a calculation, with columns of the table of energetics."""

    id: str
    direction: str | None
    defect: str
    species: str
    charge: int | None
    quantity: Literal["E_A", "DFE"]
    scope: Literal["hop", "percolation", "computed"]
    value_min_ev: float | None
    value_max_ev: float | None
    bound: Literal["lower", "upper"] | None
    approximate: bool
    method: Literal["DFT", "experiment", "MLIP", "mixed", "unknown"]
    functional: str | None
    soc: bool | None
    conditions: str | None
    source: str

    @field_validator("scope", mode="before")
    @classmethod
    def _of_an_older_file(cls, scope: object) -> object:
        """Read the scope that computed formation energies had before schema revision 0010."""
        return "computed" if scope == "reported" else scope


class ExchangedCalculation(_Line):
    """A calculation that is done, or failed for a reason other than its machine."""

    key: str
    kind: str
    state: Literal["done", "failed"]
    parameters: dict[str, Any]
    result: dict[str, Any] | None
    versions: dict[str, str] | None
    failure_kind: FailureKind | None
    failure_message: str | None
    started_at: datetime | None
    finished_at: datetime
    material: ExchangedMaterial | None
    structures: list[ExchangedStructure]
    energetics: list[ExchangedEnergetic]

    @model_validator(mode="after")
    def _own(self) -> ExchangedCalculation:
        """Check that all rows belong to the calculation."""
        structures = {row.id for row in self.structures}
        names = sorted(structures) + [row.id for row in self.energetics]
        strange = [name for name in names if self.key[:12] not in name]
        made_from = [row.parent_id for row in self.structures if row.parent_id is not None]
        strange += [name for name in made_from if name not in structures]
        if strange:
            raise ValueError(f"{strange[0]!r} belongs to another calculation than {self.key[:12]}")
        if (self.structures or self.energetics) and self.material is None:
            raise ValueError("structures and energies are of a material, and none is named")
        done = self.state == "done"
        if done != (self.result is not None) or done == (self.failure_kind is not None):
            raise ValueError("what is done has a result, what failed has a kind of failure")
        if self.failure_kind in _NOT_OF_THE_CALCULATION or (self.structures and not done):
            raise ValueError(f"a calculation that is {self.failure_kind} is not exchanged")
        return self


@dataclass(frozen=True, slots=True)
class ImportCounts:
    """Numbers of calculations of an imported file.

    Attributes:
        new: Imported, or completed with images of paths that the store lacked.
        known: Not imported: the store has a result, is computing one, or has queued again what
            failed in the file.
        other_recipe: Left out: this version of pvkdb computes them differently.
    """

    new: int
    known: int
    other_recipe: int


def write_calculations(
    session: Session, path: Path, *, paths: bool = True
) -> tuple[int, Sequence[str]]:
    """Write finished calculations to a compressed file.

    An existing file is replaced once the new one is complete.

    Returns:
        Their number, and the ids of those that are left out because this version cannot read them.

    Args:
        session: Session of the store.
        path: The file.
        paths: Whether to include the images of migration paths, which are most of the file.

    Raises:
        InputError: the file cannot be written.
    """
    finished = (
        select(Calculation)
        .where(
            Calculation.kind.in_(MODELS),
            (Calculation.state == CalculationState.DONE.value)
            | (
                (Calculation.state == CalculationState.FAILED.value)
                & Calculation.failure_kind.not_in([kind.value for kind in _NOT_OF_THE_CALCULATION])
            ),
        )
        .order_by(Calculation.finished_at, Calculation.id)
    )
    found = {entry: _is_readable(entry) for entry in session.scalars(finished)}
    calculations = [entry for entry, readable in found.items() if readable]
    head = ExchangeHead(pvkdb_version=__version__, calculations=len(calculations))
    part = path.with_name(f"{path.name}.part")
    try:
        # Without name and time in the header, so that the same records make the same file.
        with (
            part.open("wb") as raw,
            gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0) as stream,
        ):
            for line in (head, *(_exchanged(session, entry, paths) for entry in calculations)):
                stream.write(line.model_dump_json().encode() + b"\n")
        part.replace(path)
    except OSError as error:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise InputError(f"{path} cannot be written: {error.strerror}") from error
    return len(calculations), [entry.id for entry, readable in found.items() if not readable]


def take_calculations(session: Session, path: Path) -> ImportCounts:
    """Import the calculations of a file that the store lacks.

    Raises:
        InputError: the file has another format, is incomplete or was changed; nothing is imported.
    """
    counts: Counter[str] = Counter()
    head = None
    for number, line in enumerate(_lines(path), start=1):
        try:
            if head is None:
                head = read_json(ExchangeHead, line)
                continue
            if _CONTROL.search(line):
                raise ValueError("a text holds control characters")
            if counts.total() == head.calculations:
                raise ValueError(f"the first line announces {head.calculations:,} calculations")
            counts[_take(session, read_json(ExchangedCalculation, line), path.name)] += 1
        except (ValueError, InputError) as error:
            what = first_problem(error) if isinstance(error, ValidationError) else str(error)
            reason = _NOT_THE_HEAD if head is None else f"line {number}: {what}"
            raise InputError(f"{path}: {reason}; nothing was taken") from error
    if head is None:
        raise InputError(f"{path}: {_NOT_THE_HEAD}; nothing was taken")
    if counts.total() != head.calculations:
        raise InputError(
            f"{path} holds {counts.total():,} of {head.calculations:,} calculations: it was cut "
            "short; nothing was taken"
        )
    return ImportCounts(**{name: counts[name] for name in ("new", "known", "other_recipe")})


def _is_readable(calculation: Calculation) -> bool:
    failed = calculation.failure_kind is not None
    try:
        found = _checked(calculation)
    except ValueError:
        return False
    return found is not None and failed == (calculation.result is None)


def _exchanged(session: Session, calculation: Calculation, paths: bool) -> ExchangedCalculation:
    structures = select(Structure).where(Structure.calculation_id == calculation.id)
    if calculation.kind == "neb" and not paths:
        structures = structures.where(Structure.role == "host")
    energetics = select(Energetic).where(Energetic.calculation_id == calculation.id)
    material = None
    if calculation.material_id is not None:
        held = session.get_one(Material, calculation.material_id)
        material = ExchangedMaterial(formula=held.composition.formula, phase=held.phase)
    return document_of(
        ExchangedCalculation,
        calculation,
        material=material,
        structures=[
            document_of(ExchangedStructure, entry)
            for entry in session.scalars(structures.order_by(Structure.id))
        ],
        energetics=[
            document_of(ExchangedEnergetic, entry)
            for entry in session.scalars(energetics.order_by(Energetic.id))
        ],
    )


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


def _checked(
    exchanged: ExchangedCalculation | Calculation,
) -> tuple[CalculationRequest, CalculationResult | None] | None:
    """Return the request and the result; None if this version computes them differently.

    Raises:
        ValueError: the key is not that of the parameters, or the result not that of the request.
    """
    if exchanged.parameters.get("kind") != exchanged.kind:
        raise ValueError(f"its parameters are not those of the kind {exchanged.kind!r}")
    request_model, result_model = MODELS.get(exchanged.kind, (None, None))
    own = () if request_model is None else (request_model.recipe,)
    keys = (content_key(recipe, exchanged.parameters) for recipe in (*own, *_RECIPES))
    if exchanged.key not in keys:
        raise ValueError("its key does not follow from its parameters")
    if request_model is None or result_model is None:
        return None
    try:
        request = request_model.model_validate(exchanged.parameters)
    except ValidationError:
        return None
    if request.key() != exchanged.key:
        return None
    if exchanged.result is None:
        return request, None
    result = result_model.model_validate(exchanged.result)
    require_fit(request, result)
    return request, result


def _take(
    session: Session, exchanged: ExchangedCalculation, name: str
) -> Literal["new", "known", "other_recipe"]:
    checked = _checked(exchanged)
    if checked is None:
        return "other_recipe"
    request, result = checked
    find = select(Calculation).where(Calculation.key == exchanged.key).with_for_update()
    held = session.scalar(find)
    waiting = held is not None and result is not None and held.state in _WAITING
    if held is not None and not waiting:
        if result is None or held.result != result.model_dump(mode="json"):
            return "known"
        # Add the images of paths that the store lacks.
        of_it = Structure.calculation_id == held.id
        known = set(session.scalars(select(Structure.id).where(of_it)))
        rows = _rows(session, exchanged, held, request, result)
        missing = [row for row in rows if isinstance(row, Structure) and row.id not in known]
        session.add_all(missing)
        return "new" if missing else "known"
    if held is None:
        held = Calculation(id=exchanged.key[:12], key=exchanged.key, kind=exchanged.kind)
    else:
        session.execute(
            delete(CalculationDependency).where(CalculationDependency.calculation_id == held.id)
        )
    for column in ("state", "versions", "failure_message", "started_at", "finished_at"):
        setattr(held, column, getattr(exchanged, column))
    held.parameters = request.model_dump(mode="json")
    held.result = None if result is None else result.model_dump(mode="json")
    held.failure_kind = exchanged.failure_kind and exchanged.failure_kind.value
    held.material_id = _material(session, exchanged, request) or held.material_id
    session.add(held)
    session.flush()
    if result is not None:
        session.add_all(_rows(session, exchanged, held, request, result))
    session.flush()
    computed = f"taken from {name}, where it ended at {exchanged.finished_at:%Y-%m-%d %H:%M}"
    note(session, held.id, EventKind(exchanged.state), computed)
    pass_on(session, held.id)
    return "new"


def _material(
    session: Session, exchanged: ExchangedCalculation, request: CalculationRequest
) -> str | None:
    """Return the id of the material that was registered with the request.

    Raises:
        ValueError: the file names another one.
    """
    if exchanged.material is None:
        return None
    formula, phase = (getattr(request, name, None) for name in ("formula", "phase"))
    composition = parse_composition(formula or "")
    given = exchanged.material
    if (given.formula, given.phase) != (composition.formula, phase):
        raise ValueError(f"{given} is not the material of its request: {formula}, {phase}")
    if isinstance(request, RelaxRequest | VacancyRequest):
        return None  # registered with the structure, where it is kept
    return register_material(session, composition, phase).id


def _rows(
    session: Session,
    exchanged: ExchangedCalculation,
    held: Calculation,
    request: CalculationRequest,
    result: CalculationResult,
) -> list[Base]:
    """Return the rows of a calculation, made as a worker makes them.

    Raises:
        ValueError: the file has others.
    """
    structures = _Structures(
        (row.id.removeprefix(f"{held.id}-"), _computed(row)) for row in exchanged.structures
    )
    rows = computed_rows(session, held, request, result, structures)
    if isinstance(request, VacancyRequest):
        rows += [_formation(held, row, request.halide) for row in exchanged.energetics]
    made: dict[str, object] = {}
    for row in rows:
        if isinstance(row, Structure):
            require_structure(request, result, row)
            made[row.id] = row.energy_ev
        elif isinstance(row, Energetic):
            made[row.id] = (row.quantity, row.value_min_ev, row.value_max_ev)
    given: dict[str, object] = {row.id: row.energy_ev for row in exchanged.structures}
    for entry in exchanged.energetics:
        given[entry.id] = (entry.quantity, entry.value_min_ev, entry.value_max_ev)
    if made != given:
        different = sorted({*made.items()} ^ {*given.items()}, key=str)
        raise ValueError(f"{different[0][0]} is not what follows from its result")
    return rows


class _Structures(dict[str, ComputedStructure]):
    def __missing__(self, name: str) -> ComputedStructure:
        raise ValueError(f"its structure {name!r} is missing")


def _computed(row: ExchangedStructure) -> ComputedStructure:
    return ComputedStructure(
        row.symbols, row.cell_ang, row.positions_ang, row.energy_ev, row.space_group
    )


def _formation(held: Calculation, given: ExchangedEnergetic, halide: str) -> Energetic:
    low, high = given.value_min_ev, given.value_max_ev
    mark = given.id.removeprefix(f"e-{held.id}-")
    if low is None or high is None or not -_FORMATION_EV < low <= high < _FORMATION_EV:
        raise ValueError(f"{low} to {high} eV is not a formation energy of a vacancy")
    if not re.fullmatch("[0-9a-f]{6}", mark):
        raise ValueError(f"{given.id!r} is not the name of a formation energy")
    return formation_row(held, mark, halide, low, high, given.conditions or "")
