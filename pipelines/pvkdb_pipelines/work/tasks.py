"""Kinds of calculations: how each is computed and which rows the store keeps."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from types import SimpleNamespace
from typing import Any, NamedTuple

from pydantic import ValidationError
from sqlalchemy.orm import Session

from pvkdb._version import __version__
from pvkdb.errors import (
    CalculationFailedError,
    InputError,
    MissingExtraError,
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


def _barrier(document: CalculationDocument, report: Report | None) -> Outcome:
    # Imported here: loading the potentials' libraries takes seconds.
    from pvkdb_pipelines.migration.compute import compute_migration

    request = CompleteNebRequest.model_validate(document.parameters)
    run = compute_migration(request, report)
    return _outcome(request, run, run.structures())


def _relaxation(document: CalculationDocument, report: Report | None) -> Outcome:
    from pvkdb_pipelines.geometry.hosts import computed_structure
    from pvkdb_pipelines.relaxations.compound import compute_relaxation

    request = RelaxRequest.model_validate(document.parameters)
    run = compute_relaxation(request, report)
    return _outcome(request, run, {"host": computed_structure(run.atoms, run.result.space_group)})


def _element(document: CalculationDocument, report: Report | None) -> Outcome:
    from pvkdb_pipelines.relaxations.compound import compute_element

    request = ElementRequest.model_validate(document.parameters)
    return _outcome(request, compute_element(request, report), {})


def _vacancies(document: CalculationDocument, report: Report | None) -> Outcome:
    from pvkdb_pipelines.geometry.hosts import computed_structure
    from pvkdb_pipelines.relaxations.vacancy import compute_vacancies

    request = VacancyRequest.model_validate(document.parameters)
    run = compute_vacancies(request, report)
    return _outcome(request, run, {"vacancy": computed_structure(run.atoms)})


def _estimate(document: CalculationDocument, report: Report | None) -> Outcome:
    from pvkdb_pipelines.migration.estimate import estimate_barrier

    request = EstimateRequest.model_validate(document.parameters)
    return _outcome(request, estimate_barrier(request), {})


def _dynamics(document: CalculationDocument, report: Report | None) -> Outcome:
    from pvkdb_pipelines.migration.dynamics import compute_dynamics

    request = MdRequest.model_validate(document.parameters)
    return _outcome(request, compute_dynamics(request, report), {})


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
    """Turn a missing package into MissingExtraError, a refused input into a failed calculation."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise MissingExtraError(str(error.name), extra) from error
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

#: Kinds whose steps wait for a potential: a worker can run several side by side.
POTENTIAL_KINDS = ("neb", "md", "relax", "element", "vacancy", "estimate")

KINDS: dict[str, Callable[[CalculationDocument, Report | None], Outcome]] = {
    "neb": _barrier,
    "md": _dynamics,
    "relax": _relaxation,
    "element": _element,
    "vacancy": _vacancies,
    "estimate": _estimate,
    "simulation": _simulation,
    "examine": _examination,
    "dft-scf": _dft,
    "dft-relax": _dft,
    "dft-path": _dft,
    "dft-hop": _dft,
    "dft-neb": _dft,
    "dft-after": _dft_after,
}
