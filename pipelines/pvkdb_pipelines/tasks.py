"""Kinds of calculations: how each is computed, and what the store keeps of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from pvkdb.errors import InputError, unknown_name
from pvkdb.schemas.calculations import CalculationDocument
from pvkdb.schemas.migration import NebRequest
from pvkdb.schemas.relaxations import ElementRequest, RelaxRequest, VacancyRequest
from pvkdb.store.base import Base
from pvkdb.store.calculations import Calculation
from pvkdb_pipelines.progress import Report


@dataclass(frozen=True, slots=True)
class Outcome:
    """A finished calculation; ``records`` makes what belongs to it, in the session that writes."""

    result: dict[str, Any]
    versions: dict[str, str]
    records: Callable[[Session, Calculation], list[Base]]


def compute(document: CalculationDocument, report: Report | None) -> Outcome:
    """Compute a calculation.

    Raises:
        CalculationFailedError: it ended in a typed failure.
        InputError: it asks for what cannot be computed.
    """
    if document.kind not in _KINDS:
        raise InputError(unknown_name("kind of calculation", document.kind, _KINDS))
    return _KINDS[document.kind](document, report)


def _barrier(document: CalculationDocument, report: Report | None) -> Outcome:
    # Imported here: loading the potentials' libraries takes seconds.
    from pvkdb_pipelines.migration import compute as migration
    from pvkdb_pipelines.migration.record import migration_records

    run = migration.compute_migration(NebRequest.model_validate(document.parameters), report)
    return Outcome(
        run.result.model_dump(mode="json"),
        run.versions,
        lambda session, calculation: migration_records(calculation, run),
    )


def _relaxation(document: CalculationDocument, report: Report | None) -> Outcome:
    from pvkdb_pipelines.compound_relaxation import compute_relaxation
    from pvkdb_pipelines.record import relaxation_records

    run = compute_relaxation(RelaxRequest.model_validate(document.parameters), report)
    return Outcome(
        run.result.model_dump(mode="json"),
        run.versions,
        lambda session, calculation: relaxation_records(session, calculation, run),
    )


def _element(document: CalculationDocument, report: Report | None) -> Outcome:
    from pvkdb_pipelines.element_relaxation import compute_element

    run = compute_element(ElementRequest.model_validate(document.parameters), report)
    return Outcome(run.result.model_dump(mode="json"), run.versions, lambda *_: [])


def _vacancies(document: CalculationDocument, report: Report | None) -> Outcome:
    from pvkdb_pipelines.record import vacancy_records
    from pvkdb_pipelines.vacancy_relaxation import compute_vacancies

    run = compute_vacancies(VacancyRequest.model_validate(document.parameters), report)
    return Outcome(
        run.result.model_dump(mode="json"),
        run.versions,
        lambda session, calculation: vacancy_records(session, calculation, run),
    )


def _dft(document: CalculationDocument, report: Report | None) -> Outcome:
    from pvkdb.schemas.dft import DFT_REQUESTS
    from pvkdb_pipelines.dft.computing import compute_dft
    from pvkdb_pipelines.dft.record import dft_records

    run = compute_dft(DFT_REQUESTS[document.kind].model_validate(document.parameters), report)
    return Outcome(
        run.result.model_dump(mode="json"),
        run.versions,
        lambda session, calculation: dft_records(calculation, run.request, run.result),
    )


_KINDS: dict[str, Callable[[CalculationDocument, Report | None], Outcome]] = {
    "neb": _barrier,
    "relax": _relaxation,
    "element": _element,
    "vacancy": _vacancies,
    "dft-scf": _dft,
    "dft-relax": _dft,
    "dft-path": _dft,
    "dft-neb": _dft,
}
