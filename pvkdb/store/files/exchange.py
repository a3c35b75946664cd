"""Files of calculations, one per line: finished ones, so no work is done twice, or queued ones.

They are read in :mod:`pvkdb.store.files.calculation_import`.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic.types import AwareDatetime
from sqlalchemy import select, true
from sqlalchemy.orm import Session

from pvkdb._version import __version__
from pvkdb.errors import InputError
from pvkdb.schemas import StrictModel, first_problem
from pvkdb.schemas.calculations import CalculationState, EventKind, FailureKind
from pvkdb.schemas.calculations.bounds import CalculationResult
from pvkdb.schemas.calculations.kinds import models_of, require_fit
from pvkdb.schemas.calculations.relaxations import CalculationRequest, content_key
from pvkdb.store.base import replaced_file, utc_now
from pvkdb.store.models.calculations import Calculation, CalculationDependency
from pvkdb.store.models.energetics import Energetic
from pvkdb.store.models.materials import Material
from pvkdb.store.models.structures import Structure
from pvkdb.store.queue.log import note_all
from pvkdb.store.rows.from_models import document_of

#: Raised whenever a reader of this version could not understand the lines.
EXCHANGE_VERSION: Literal[1] = 1
#: Revisions of recipes that a key may be of.
_RECIPES = range(100)
#: A time of a calculation, all of which are younger; clocks of two machines may differ by so much.
_Time = Annotated[AwareDatetime, Field(ge=datetime(2020, 1, 1, tzinfo=UTC))]
_CLOCKS = timedelta(hours=1)
#: Most characters of versions, with the names of a hundred files of a path that was run by hand.
_MOST_VERSIONS = 30_000
#: Failures caused by the machine; another one may succeed.
_NOT_OF_THE_CALCULATION = (
    FailureKind.CRASHED,
    FailureKind.DEPENDENCY_FAILED,
    FailureKind.POTENTIAL_NOT_LOADED,
    FailureKind.PROGRAM_NOT_FOUND,
    FailureKind.PROGRAM_CRASHED,
    FailureKind.OUT_OF_WALLTIME,
    FailureKind.PSEUDOPOTENTIAL_MISSING,
    FailureKind.PSEUDOPOTENTIAL_DIFFERS,
)


class _Line(StrictModel):
    model_config = ConfigDict(allow_inf_nan=False)


class ExchangeHead(_Line):
    """The first line of a file."""

    format: Literal["pvkdb calculations", "pvkdb queue"] = "pvkdb calculations"
    version: Literal[1] = EXCHANGE_VERSION
    pvkdb_version: str
    calculations: int


class ExchangedMaterial(_Line):
    """Material of a calculation."""

    formula: str
    phase: str | None


class QueuedCalculation(_Line):
    """A queued calculation; ``depends_on`` names calculations above it in the file."""

    key: str
    kind: str
    parameters: dict[str, Any]
    priority: int = Field(ge=-(2**31), lt=2**31)
    depends_on: list[str]
    material: ExchangedMaterial | None
    result: None = None


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
    started_at: _Time | None
    finished_at: _Time
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
        ended = self.finished_at
        if ended > utc_now() + _CLOCKS or (self.started_at or ended) > ended + _CLOCKS:
            raise ValueError(f"it ended at {ended}, which is in the future or before its start")
        if (size := len(str(self.versions))) > _MOST_VERSIONS:
            raise ValueError(f"versions has {size:,} characters; at most {_MOST_VERSIONS:,}")
        return self


def write_calculations(
    session: Session,
    path: Path,
    *,
    paths: bool = True,
    releases: bool = True,
    kind: str | None = None,
) -> tuple[int, Mapping[str, str]]:
    """Write finished calculations to a compressed file.

    An existing file is replaced once the new one is complete. A ``dft-after`` goes with the
    calculation that it has queued: alone, it would end one whose DFT is still to be computed.

    Returns:
        Their number, and the reasons why others are left out, by id.

    Args:
        session: Session of the store.
        path: The file.
        paths: Whether to include the images of migration paths, which are most of the file.
        releases: Whether to include calculations that came with a release of computed results.
        kind: Their kind; default: all kinds.

    Raises:
        InputError: the file cannot be written.
    """
    finished = (
        select(Calculation)
        .where(
            true() if releases else Calculation.recorded_in.is_(None),
            true() if kind is None else Calculation.kind == kind,
            (Calculation.state == CalculationState.DONE.value)
            | (
                (Calculation.state == CalculationState.FAILED.value)
                & Calculation.failure_kind.not_in([kind.value for kind in _NOT_OF_THE_CALCULATION])
            ),
        )
        .order_by(Calculation.finished_at, Calculation.id)
    )
    found = {entry.id: (entry, _unreadable(entry)) for entry in session.scalars(finished)}
    left_out = {name: reason for name, (_, reason) in found.items() if reason}
    taken = {name: entry for name, (entry, _) in found.items() if name not in left_out}
    queued = {entry.id: (entry.result or {}).get("calculation") for entry in taken.values()}
    calculations = [taken[name] for name, follows in queued.items() if follows in {None, *taken}]
    head = ExchangeHead(pvkdb_version=__version__, calculations=len(calculations))
    _write(path, (head, *(_exchanged(session, entry, paths) for entry in calculations)))
    return len(calculations), left_out


def write_queued(session: Session, path: Path) -> tuple[int, Mapping[str, str]]:
    """Write queued calculations to a compressed file, with those that wait for them.

    They stay queued here; the log notes the file, and an import of the results ends them.

    Returns:
        Their number, and the reasons why others are left out, by id.

    Raises:
        InputError: the file cannot be written.
    """
    states = (CalculationState.QUEUED.value, CalculationState.WAITING.value)
    waiting = select(Calculation).where(Calculation.state.in_(states))
    lines: dict[str, QueuedCalculation] = {}
    left_out: dict[str, str] = {}
    for entry in session.scalars(waiting.order_by(Calculation.created_at, Calculation.id)):
        needed = session.scalars(
            select(Calculation.id)
            .join(CalculationDependency, CalculationDependency.depends_on_id == Calculation.id)
            .where(
                CalculationDependency.calculation_id == entry.id,
                Calculation.state != CalculationState.DONE.value,
            )
            .order_by(Calculation.id)
        ).all()
        used = {*needed, *filter(None, [entry.parameters.get("barrier")])}  # of dft-after
        if missing := sorted(used - lines.keys()):
            left_out[entry.id] = f"it needs {', '.join(missing)}, which stays in this store"
        elif reason := _unreadable(entry):
            left_out[entry.id] = reason
        else:
            lines[entry.id] = document_of(
                QueuedCalculation, entry, depends_on=needed, material=_material(session, entry)
            )
    head = ExchangeHead(format="pvkdb queue", pvkdb_version=__version__, calculations=len(lines))
    _write(path, (head, *lines.values()))
    note_all(session, ((name, EventKind.EXPORTED, f"to {path.name}") for name in lines))
    return len(lines), left_out


def _write(path: Path, lines: Iterable[_Line]) -> None:
    try:
        # Without name and time in the header, so that the same records make the same file.
        with (
            replaced_file(path) as raw,
            gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0) as stream,
        ):
            for line in lines:
                stream.write(line.model_dump_json().encode() + b"\n")
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}") from error


def _unreadable(calculation: Calculation) -> str | None:
    """Return why another store could not read a calculation; None if it can."""
    try:
        found = check_calculation(calculation)
        if calculation.state in ("done", "failed"):
            rows: dict[str, Any] = {"material": None, "structures": [], "energetics": []}
            document_of(ExchangedCalculation, calculation, **rows)
    except ValueError as error:
        return first_problem(error) if isinstance(error, ValidationError) else str(error)
    return None if found else "this version of pvkdb computes it differently; request it again"


def _exchanged(session: Session, calculation: Calculation, paths: bool) -> ExchangedCalculation:
    structures = select(Structure).where(Structure.calculation_id == calculation.id)
    if calculation.kind == "neb" and not paths:
        structures = structures.where(Structure.role == "host")
    energetics = select(Energetic).where(Energetic.calculation_id == calculation.id)
    return document_of(
        ExchangedCalculation,
        calculation,
        material=_material(session, calculation),
        structures=[
            document_of(ExchangedStructure, entry)
            for entry in session.scalars(structures.order_by(Structure.id))
        ],
        energetics=[
            document_of(ExchangedEnergetic, entry)
            for entry in session.scalars(energetics.order_by(Energetic.id))
        ],
    )


def _material(session: Session, calculation: Calculation) -> ExchangedMaterial | None:
    if calculation.material_id is None:
        return None
    held = session.get_one(Material, calculation.material_id)
    return ExchangedMaterial(formula=held.composition.formula, phase=held.phase)


def check_calculation(
    exchanged: ExchangedCalculation | QueuedCalculation | Calculation,
) -> tuple[CalculationRequest, CalculationResult | None] | None:
    """Return the request and the result; None if this version computes them differently.

    Raises:
        ValueError: the key is not that of the parameters, or the result not that of the request.
    """
    if exchanged.parameters.get("kind") != exchanged.kind:
        raise ValueError(f"its parameters are not those of the kind {exchanged.kind!r}")
    request_model, result_model = models_of(exchanged.kind) or (None, None)
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
