"""Files of finished calculations, one per line, to copy them to another store: no work twice.

A calculation is identified by its content key, which is computed again on import: results of a
version of pvkdb that computes differently are left out. Records are imported completely or not at
all, and never replace results of the store.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import ConfigDict, ValidationError, model_validator
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from pvkdb._version import __version__
from pvkdb.chemistry import parse_composition
from pvkdb.errors import FormulaError, InputError
from pvkdb.schemas import StrictModel
from pvkdb.schemas.calculations import CalculationState, EventKind, FailureKind
from pvkdb.schemas.calculations.dft import DFT_REQUESTS
from pvkdb.schemas.calculations.migration import NebRequest
from pvkdb.schemas.calculations.relaxations import ElementRequest, RelaxRequest, VacancyRequest
from pvkdb.store.curation.registration import register_material
from pvkdb.store.models.calculations import Calculation, CalculationDependency
from pvkdb.store.models.energetics import Energetic
from pvkdb.store.models.materials import Material
from pvkdb.store.models.structures import Structure
from pvkdb.store.queue.dependencies import pass_on
from pvkdb.store.queue.log import note
from pvkdb.store.rows.from_models import document_of

#: Raised whenever a reader of this version could not understand the lines.
EXCHANGE_VERSION: Literal[1] = 1
#: Models of requests by kind. Files, and requests that name other calculations, are not exported.
_REQUESTS: dict[str, Any] = {
    "relax": RelaxRequest,
    "element": ElementRequest,
    "vacancy": VacancyRequest,
    "neb": NebRequest,
    **DFT_REQUESTS,
}
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
    scope: Literal["reported", "hop", "percolation"]
    value_min_ev: float | None
    value_max_ev: float | None
    bound: Literal["lower", "upper"] | None
    approximate: bool
    method: Literal["DFT", "experiment", "MLIP", "mixed", "unknown"]
    functional: str | None
    soc: bool | None
    conditions: str | None
    source: str


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


def write_calculations(session: Session, path: Path, *, paths: bool = True) -> int:
    """Write finished calculations to a compressed file and return their number.

    An existing file is replaced once the new one is complete.

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
            Calculation.kind.in_(_REQUESTS),
            (Calculation.state == CalculationState.DONE.value)
            | (
                (Calculation.state == CalculationState.FAILED.value)
                & Calculation.failure_kind.not_in([kind.value for kind in _NOT_OF_THE_CALCULATION])
            ),
        )
        .order_by(Calculation.finished_at, Calculation.id)
    )
    calculations = session.scalars(finished).all()
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
    return len(calculations)


def take_calculations(session: Session, path: Path) -> ImportCounts:
    """Import the calculations of a file that the store lacks.

    Raises:
        InputError: the file has another format, is incomplete or was changed; nothing is imported.
    """
    new = known = other = 0
    for calculation in _read(path):
        if _key(calculation) != calculation.key:
            other += 1
        elif _take(session, calculation, path.name):
            new += 1
        else:
            known += 1
    return ImportCounts(new, known, other)


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


def _read(path: Path) -> Iterator[ExchangedCalculation]:
    number = 0
    try:
        with gzip.open(path, "rt", encoding="utf-8") as stream:
            head = ExchangeHead.model_validate_json(next(stream, ""))
            for line in stream:
                number += 1
                yield ExchangedCalculation.model_validate_json(line)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the line"
        what = f"line {number + 1}: {where}: {first['msg']}" if number else _NOT_THE_HEAD
        raise InputError(f"{path}: {what}; nothing was taken") from error
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise InputError(
            f"{path} cannot be read as a compressed file of calculations ({error}); write one "
            "with: pvkdb jobs export FILE"
        ) from error
    if number != head.calculations:
        raise InputError(
            f"{path} holds {number:,} of {head.calculations:,} calculations: it was cut short; "
            "nothing was taken"
        )


def _key(calculation: ExchangedCalculation) -> str | None:
    """Return the content key that this version gives a calculation; None if it cannot read it."""
    try:
        request = _REQUESTS[calculation.kind].model_validate(calculation.parameters)
    except (KeyError, ValidationError):
        return None
    key: str = request.key()
    return key


def _take(session: Session, exchanged: ExchangedCalculation, name: str) -> bool:
    find = select(Calculation).where(Calculation.key == exchanged.key).with_for_update()
    held = session.scalar(find)
    done = exchanged.state == CalculationState.DONE.value
    if held is not None and not (done and held.state in _WAITING):
        return done and _completed(session, exchanged, held)
    name_of_material = exchanged.material and _registered(session, exchanged.material)
    if held is None:
        held = Calculation(id=exchanged.key[:12], key=exchanged.key, kind=exchanged.kind)
    else:
        session.execute(
            delete(CalculationDependency).where(CalculationDependency.calculation_id == held.id)
        )
    for column in ("parameters", "state", "result", "versions", "started_at", "finished_at"):
        setattr(held, column, getattr(exchanged, column))
    held.material_id = name_of_material or held.material_id
    held.failure_kind = exchanged.failure_kind and exchanged.failure_kind.value
    held.failure_message = exchanged.failure_message
    session.add(held)
    session.flush()
    session.add_all([*_structures(exchanged, held), *_energetics(exchanged, held)])
    session.flush()
    computed = f"taken from {name}, where it ended at {exchanged.finished_at:%Y-%m-%d %H:%M}"
    note(session, held.id, EventKind(exchanged.state), computed)
    pass_on(session, held.id)
    return True


def _completed(session: Session, exchanged: ExchangedCalculation, held: Calculation) -> bool:
    """Add path images that the store lacks, if it has the same result; return if any were new."""
    if held.result != exchanged.result:
        return False
    known = set(session.scalars(select(Structure.id).where(Structure.calculation_id == held.id)))
    missing = [row for row in _structures(exchanged, held) if row.id not in known]
    session.add_all(missing)
    return bool(missing)


def _registered(session: Session, material: ExchangedMaterial) -> str:
    try:
        composition = parse_composition(material.formula)
    except FormulaError as error:
        raise InputError(f"{error}; nothing was taken") from error
    return register_material(session, composition, material.phase).id


def _structures(exchanged: ExchangedCalculation, held: Calculation) -> Iterator[Structure]:
    # Parents of other structures come first.
    for structure in sorted(exchanged.structures, key=lambda entry: entry.parent_id is not None):
        given = structure.model_dump()
        yield Structure(**given, **_owned(held), atoms=len(structure.symbols))


def _energetics(exchanged: ExchangedCalculation, held: Calculation) -> Iterator[Energetic]:
    for energetic in exchanged.energetics:
        yield Energetic(**energetic.model_dump(), **_owned(held))


def _owned(held: Calculation) -> dict[str, str | None]:
    return {"material_id": held.material_id, "calculation_id": held.id}
