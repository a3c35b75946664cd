"""Calculations: states, failures, documents.

A calculation is the queue entry and the record in one. Its ``key`` is a hash of everything that
decides its numbers, so that the same work is never done twice.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from functools import cache
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Annotated, Any, cast

from pydantic import AfterValidator, BaseModel, Field

from pvkdb.display.notebook import NotebookView
from pvkdb.operations import kinds as declared_kinds  # the package has a module `kinds`
from pvkdb.operations.fields import InCommand
from pvkdb.operations.other_packages import load
from pvkdb.schemas import StrictModel
from pvkdb.schemas.calculations.reliability import barrier_error

if TYPE_CHECKING:
    from pvkdb.schemas.calculations.electrons import PairResult
    from pvkdb.schemas.calculations.examinations import ExaminationResult
    from pvkdb.schemas.calculations.migration import NebResult
    from pvkdb.schemas.calculations.relaxations import (
        EquationOfStateResult,
        RelaxResult,
        VacancyResult,
    )
    from pvkdb.schemas.calculations.simulations import SimulationResult

__all__ = ["CalculationDocument", "CalculationState", "FailureKind", "PotentialName"]


class CalculationState(StrEnum):
    """State of a calculation. One that waits for others is queued when they are done."""

    WAITING = "waiting"
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class FailureKind(StrEnum):
    """Kinds of failure. A failure is a result: it is stored and counted."""

    UNSUPPORTED_COMPOSITION = "unsupported composition"
    UNSUPPORTED_ELEMENT = "unsupported element"
    RELAXATION_NOT_CONVERGED = "relaxation not converged"
    SYMMETRY_CHANGED = "symmetry changed"
    ATOMS_TOO_CLOSE = "atoms too close"
    MOLECULE_BROKEN = "molecule broken"
    UNSTABLE_HOST = "unstable host"
    TOO_LARGE = "too many atoms"
    NO_HOP = "no hop"
    ENDPOINT_NOT_CONVERGED = "end point not converged"
    ENDPOINTS_IDENTICAL = "end points identical"
    ENDPOINTS_DIFFER = "equivalent end points differ"
    IMAGE_BELOW_ENDPOINT = "image below end point"
    NEB_NOT_CONVERGED = "NEB not converged"
    SADDLE_NOT_FOUND = "saddle point not found"
    HOP_LOST = "hop lost"
    BARRIER_OUT_OF_BOUNDS = "barrier out of bounds"
    NO_ELEMENTARY_HOP = "no elementary hop"
    NO_PERCOLATION = "no percolating path"
    TOO_FEW_HOPS = "too few hops"
    SIMULATION_NOT_CONVERGED = "simulation not converged"
    POTENTIAL_NOT_LOADED = "potential not loaded"
    POTENTIAL_FAILED = "potential failed"
    PROGRAM_NOT_FOUND = "program not found"
    PROGRAM_CRASHED = "program crashed"
    SCF_NOT_CONVERGED = "SCF not converged"
    NO_REFERENCE = "no reference crystal"
    NO_GAP = "no gap"
    OPEN_SHELL = "open shell"
    OUT_OF_WALLTIME = "out of walltime"
    PSEUDOPOTENTIAL_MISSING = "pseudopotential missing"
    PSEUDOPOTENTIAL_DIFFERS = "pseudopotential differs"
    INVALID_REQUEST = "invalid request"
    CRASHED = "crashed"
    DEPENDENCY_FAILED = "dependency failed"


class EventKind(StrEnum):
    """Kinds of log entries of a calculation: changes of state, and events."""

    WAITING = "waiting"
    QUEUED = "queued"
    RUNNING = "running"
    PROGRESS = "progress"
    CANCEL_REQUESTED = "cancel requested"
    RELEASED = "put back"
    LOST = "lost"
    EXPORTED = "exported"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class PotentialName(StrEnum):
    """Machine-learned potentials whose weights travel inside their wheels."""

    CHGNET = "chgnet"
    SEVENNET_0 = "sevennet-0"
    SEVENNET_L3I5 = "sevennet-l3i5"
    #: With Grimme's D3, for layers that molecules hold apart.
    SEVENNET_0_D3 = "sevennet-0-d3"


#: Entry points with which other packages register their potentials.
POTENTIALS_GROUP = "pvkdb.potentials"


def _shipped(name: str) -> PotentialName | str:
    return PotentialName(name) if name in list(PotentialName) else name


#: A shipped potential, the name that another package registers, or `module:function@HASH` and
#: `nequix:FILE@HASH`: code and weights of a machine. The hash is the start of the SHA-256 of the
#: file, so that other content gives another content key.
AnyPotential = Annotated[
    str,
    Field(
        pattern=r"^[^\s\x00-\x1f\x7f-\x9f:@,]+(:[^\x00-\x1f\x7f-\x9f@,]+@[0-9a-f]{16})?$",
        max_length=300,
    ),
    AfterValidator(_shipped),
]


@cache  # looking through the installed packages takes 5 ms
def registered_potentials() -> tuple[str, ...]:
    """Return the names of the shipped potentials, then of those that other packages register."""
    others = {entry.name for entry in entry_points(group=POTENTIALS_GROUP)}
    return (*(name.value for name in PotentialName), *sorted(others - {*PotentialName}))


class Selection(StrictModel):
    """Conditions for choosing calculations; None sets no condition."""

    state: CalculationState | None = Field(
        None, description="waiting, queued, running, done, failed or cancelled."
    )
    kind: str | None = Field(None, description="Kind of calculation, e.g. neb or relax.")
    material: str | None = Field(None, description="Material or formula, e.g. CsPbBr3-Pnma.")
    failure: Annotated[FailureKind | None, InCommand("--failed", "REASON")] = Field(
        None, description="Failed for this reason, e.g. crashed."
    )


class CalculationDocument(BaseModel, NotebookView):
    """A calculation as the service returns it."""

    id: str = Field(description="Name of the calculation.")
    key: str = Field(description="Content key: the same for the same work.")
    kind: str = Field(description="Kind of calculation, e.g. `neb`: a migration barrier.")
    state: CalculationState = Field(description="State of the calculation.")
    material: str | None = Field(description="Public name of the material; null before it exists.")
    parameters: dict[str, Any] = Field(
        description="Requested parameters: lengths in Å, forces in eV/Å."
    )
    result: dict[str, Any] | None = Field(
        description="Result: energies in eV, lengths in Å; null until it is done."
    )
    failure_kind: FailureKind | None = Field(description="Kind of failure; null unless it failed.")
    failure_message: str | None = Field(
        description="The failure in a sentence; null unless it failed."
    )
    versions: dict[str, str] | None = Field(
        description="Versions of the programs that computed it; null until it ends."
    )
    attempts: int = Field(description="How often it was started.")
    created_at: datetime = Field(description="When it was requested (UTC).")
    started_at: datetime | None = Field(description="When it last started (UTC); null before.")
    finished_at: datetime | None = Field(description="When it ended (UTC); null before.")
    priority: int = Field(default=0, description="Larger numbers are computed first.")
    cancel_requested_at: datetime | None = Field(
        default=None, description="When its worker was asked to stop (UTC); null if it was not."
    )

    @property
    def subject(self) -> str:
        """The computed material, compound and phase, element, or device."""
        parts = (self.parameters.get(name) for name in ("formula", "symbol", "phase", "device"))
        return self.material or " ".join(str(part) for part in parts if part)

    @property
    def barrier(self) -> NebResult | None:
        """The host, paths and doubts of a finished migration barrier; None for anything else."""
        return cast("NebResult | None", self._result_of("neb"))

    @property
    def barrier_error(self) -> str | None:
        """Measured error of the potential of a barrier, ``± 0.30 eV``; None for anything else."""
        return barrier_error(self.parameters.get("potential", "")) if self.kind == "neb" else None

    @property
    def relaxation(self) -> RelaxResult | None:
        """A relaxed compound, eV and Å; None for anything else, and before it is done."""
        return cast("RelaxResult | None", self._result_of("relax"))

    @property
    def vacancies(self) -> VacancyResult | None:
        """Vacancies in one host, eV; None for anything else, and before they are done."""
        return cast("VacancyResult | None", self._result_of("vacancy"))

    @property
    def pair(self) -> PairResult | None:
        """Vacancies that keep the charge, eV; None for anything else, and before they are done."""
        return cast("PairResult | None", self._result_of("pair"))

    @property
    def equation_of_state(self) -> EquationOfStateResult | None:
        """Energies at several volumes, eV and Å³; None for anything else, and before it is done."""
        return cast("EquationOfStateResult | None", self._result_of("equation-of-state"))

    @property
    def simulation(self) -> SimulationResult | None:
        """What a simulated device does; None for anything else, and before it is done."""
        return cast("SimulationResult | None", self._result_of("simulation"))

    @property
    def examination(self) -> ExaminationResult | None:
        """Result of a device in a task; None for anything else, and before it is done."""
        return cast("ExaminationResult | None", self._result_of("examine"))

    def _result_of(self, kind: str) -> Any:
        if self.kind != kind or self.result is None:
            return None
        return load(declared_kinds()[kind].result).model_validate(self.result)


class ProgressNow(BaseModel):
    """Progress of a running calculation at its last heartbeat."""

    stage: str
    step: int
    force: float | None
    fraction: float


class EventDocument(BaseModel):
    """A line of the log of a calculation."""

    at: datetime
    event: EventKind
    message: str | None

    @property
    def text(self) -> str:
        """The line as text: time (UTC), event, message."""
        clock = f"{self.at:%Y-%m-%d %H:%M:%S}"
        if self.event is EventKind.PROGRESS:
            return f"{clock}    {self.message}"
        return f"{clock}  {self.event.value}{f': {self.message}' if self.message else ''}"


class LogLine(EventDocument):
    """A numbered line of the log of a calculation."""

    line: int


class FileDocument(BaseModel):
    """A file of a calculation, kept under the SHA-256 of its content."""

    name: str
    sha256: str
    size: int


class JobDocument(BaseModel):
    """A calculation with its dependencies, files and log, as ``pvkdb jobs show`` prints it."""

    calculation: CalculationDocument
    owner: str | None
    lease_until: datetime | None
    cancel_requested_at: datetime | None
    progress: ProgressNow | None
    depends_on: dict[str, CalculationState]
    needed_by: dict[str, CalculationState]
    files: list[FileDocument]
    log: list[EventDocument]
