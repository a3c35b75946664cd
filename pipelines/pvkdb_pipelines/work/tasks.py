"""Kinds of calculations: how each is computed and which rows the store keeps."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from types import SimpleNamespace
from typing import Any, NamedTuple

from pydantic import ValidationError
from sqlalchemy.orm import Session

from pvkdb._extras import needing
from pvkdb._version import __version__
from pvkdb.errors import (
    CalculationFailedError,
    InputError,
    UnstorableError,
    unknown_name,
)
from pvkdb.schemas import refusal
from pvkdb.schemas.calculations import CalculationDocument, FailureKind
from pvkdb.schemas.calculations.dft import DFT_REQUESTS
from pvkdb.schemas.calculations.dynamics import MdRequest
from pvkdb.schemas.calculations.examinations import ExaminationRequest
from pvkdb.schemas.calculations.migration import CompleteNebRequest
from pvkdb.schemas.calculations.relaxations import (
    CalculationRequest,
    ElementRequest,
    EstimateRequest,
    RelaxRequest,
    VacancyRequest,
)
from pvkdb.schemas.calculations.simulations import SimulationRequest
from pvkdb.store.base import Base
from pvkdb.store.curation.computed import Structures, computed_rows
from pvkdb.store.models.calculations import Calculation
from pvkdb_pipelines.progress import CalculationProgress, Report

#: Versions of what only pvkdb computes.
_OWN = {"pvkdb": __version__}
#: Makes the rows of a calculation, in the session that writes them.
Records = Callable[[Session, Calculation], list[Base]]


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of a successful calculation: its result, and the rows and files to store.

    It may be computed on one machine and written from another, so ``records`` is a module-level
    function with the run bound to it: a closure could not be pickled.

    Attributes:
        result: The result, as JSON.
        versions: Versions of the programs that determine it.
        records: Makes the rows that belong to it, in the session that writes them.
        files: Contents to keep with it, by name.
    """

    result: dict[str, Any]
    versions: dict[str, str]
    records: Records
    files: Mapping[str, bytes] = field(default_factory=dict)


def compute(document: CalculationDocument, report: Report | None) -> Outcome:
    """Compute a calculation of any kind and return its outcome.

    Raises:
        CalculationFailedError: the calculation failed; the kind says why.
        InputError: the request cannot be computed.
    """
    if document.kind not in KINDS:
        raise InputError(unknown_name("kind of calculation", document.kind, KINDS))
    for named in {"potential", "guide"} & set(document.parameters):
        from pvkdb_pipelines.potentials.loading import require_permitted

        require_permitted(str(document.parameters[named]))
    return KINDS[document.kind](document, report)


class Failure(NamedTuple):
    """The record of a calculation that failed.

    Attributes:
        kind: A :class:`FailureKind`.
        message: What happened and what can be done.
        files: Contents to keep with it, by name.
    """

    kind: str
    message: str
    files: Mapping[str, bytes] = {}


def failure_of(error: Exception) -> Failure:
    """Return the failure that records an exception of a calculation.

    An exception of a potential or a library is a result too: it becomes a typed record.
    """
    if isinstance(error, CalculationFailedError):
        return Failure(error.kind, str(error), error.files)
    if isinstance(error, InputError) and not isinstance(error, UnstorableError):
        return Failure(FailureKind.UNSUPPORTED_COMPOSITION, str(error))
    if isinstance(error, ValidationError) and error.title.endswith("Request"):
        return Failure(FailureKind.INVALID_REQUEST, f"{refusal(error)}; request it again")
    return Failure(FailureKind.CRASHED, f"{type(error).__name__}: {error}")


def _outcome(request: CalculationRequest, run: Any, structures: Structures) -> Outcome:
    return Outcome(
        run.result.model_dump(mode="json"),
        run.versions,
        partial(computed_rows, request=request, result=run.result, structures=structures),
        getattr(run, "files", {}),
    )


def _with_potential(document: CalculationDocument, report: Report | None) -> Outcome:
    # Imported here: loading the potentials' libraries takes seconds.
    from pvkdb_pipelines.geometry.hosts import computed_structure

    model, module, function = _WITH_POTENTIAL[document.kind]
    request = model.model_validate(document.parameters)
    compute_it = getattr(import_module(f"pvkdb_pipelines.{module}"), function)
    # An estimate takes seconds: it reports no progress.
    run = compute_it(request, *([] if isinstance(request, EstimateRequest) else [report]))
    structures: Structures = {}
    if isinstance(request, CompleteNebRequest):
        structures = run.structures()
    elif isinstance(request, RelaxRequest):
        structures = {"host": computed_structure(run.atoms, run.result.space_group)}
    elif isinstance(request, VacancyRequest):
        structures = {"vacancy": computed_structure(run.atoms)}
    return _outcome(request, run, structures)


def _simulation(document: CalculationDocument, report: Report | None) -> Outcome:
    request = SimulationRequest.model_validate(document.parameters)
    with _typed_errors("simulation"):
        from pvkdb.simulation.devices.chain import simulate_device

        result = simulate_device(request, partial(_report_share, report))
    return _outcome(request, SimpleNamespace(result=result, versions=_OWN), {})


def _examination(document: CalculationDocument, report: Report | None) -> Outcome:
    request = ExaminationRequest.model_validate(document.parameters)
    with _typed_errors("examination"):
        from pvkdb.examination.requests import examined

        result = examined(request, partial(_report_share, report, request.task))
    return _outcome(request, SimpleNamespace(result=result, versions=_OWN), {})


def _report_share(report: Report | None, stage: str, share: float) -> None:
    if report is not None:
        report(CalculationProgress(stage, 0, None, share))


@contextmanager
def _typed_errors(extra: str) -> Iterator[None]:
    """Name all missing packages; a refused input is a failed calculation."""
    try:
        with needing(extra):
            yield
    except InputError as error:
        raise CalculationFailedError(FailureKind.INVALID_REQUEST, str(error)) from error


def _dft(document: CalculationDocument, report: Report | None) -> Outcome:
    from pvkdb_pipelines.dft.computing import compute_dft

    request = DFT_REQUESTS[document.kind].model_validate(document.parameters)
    run = compute_dft(request, report)
    return _outcome(run.request, run, {})


def _dft_after(document: CalculationDocument, report: Report | None) -> Outcome:
    from pvkdb_pipelines.dft.requests import queue_deferred

    return Outcome({}, {}, queue_deferred)


#: Kinds that compute nothing: they run beside the store and are not sent to a cluster.
INSTANT_KINDS = frozenset({"dft-after"})

#: Request of each kind that a potential computes, and the module and function that compute it.
_WITH_POTENTIAL: dict[str, tuple[type[CalculationRequest], str, str]] = {
    "neb": (CompleteNebRequest, "migration.compute", "compute_migration"),
    "md": (MdRequest, "migration.dynamics", "compute_dynamics"),
    "relax": (RelaxRequest, "relaxations.compound", "compute_relaxation"),
    "element": (ElementRequest, "relaxations.compound", "compute_element"),
    "vacancy": (VacancyRequest, "relaxations.vacancy", "compute_vacancies"),
    "estimate": (EstimateRequest, "migration.estimate", "estimate_barrier"),
}
#: Kinds whose steps wait for a potential: a worker can run several side by side.
POTENTIAL_KINDS = tuple(_WITH_POTENTIAL)

KINDS: dict[str, Callable[[CalculationDocument, Report | None], Outcome]] = {
    **dict.fromkeys(_WITH_POTENTIAL, _with_potential),
    "simulation": _simulation,
    "examine": _examination,
    **dict.fromkeys(DFT_REQUESTS, _dft),
    "dft-after": _dft_after,
}
