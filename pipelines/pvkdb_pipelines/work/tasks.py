"""Kinds of calculations: how each is computed and which rows the store keeps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
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
from pvkdb.operations import Kind, kinds
from pvkdb.operations.other_packages import load
from pvkdb.schemas import refusal
from pvkdb.schemas.calculations import CalculationDocument, FailureKind
from pvkdb.store.base import Base
from pvkdb.store.curation.computed import computed_rows
from pvkdb.store.models.calculations import Calculation
from pvkdb_pipelines.progress import CalculationProgress, Report

#: Makes the rows of a calculation, in the session that writes them.
Records = Callable[[Session, Calculation], list[Base]]


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of a successful calculation: its result, and the rows and files to store.

    It may be computed on one machine and written from another, so ``records`` is a module-level
    function with the run bound to it: a closure could not be pickled. ``files`` are contents to
    keep with it, by name.
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
    """A calculation that failed: the kind, what happened and can be done, and files to keep."""

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


def _computed(kind: Kind, document: CalculationDocument, report: Report | None) -> Outcome:
    if kind.instant:
        return Outcome({}, {}, load(kind.computed))
    request = load(kind.request).model_validate(document.parameters)
    # Loaded here: the libraries of the potentials take seconds.
    if kind.computed.startswith("pvkdb_pipelines."):
        run = load(kind.computed)(request, report)
    else:
        note = report or (lambda progress: None)
        try:
            with needing(kind.extra):  # all missing packages are named
                result = load(kind.computed)(
                    request, lambda stage, share: note(CalculationProgress(stage, 0, None, share))
                )
        except InputError as error:
            raise CalculationFailedError(FailureKind.INVALID_REQUEST, str(error)) from error
        run = SimpleNamespace(result=result, versions={"pvkdb": __version__})
    records = partial(
        computed_rows,
        request=getattr(run, "request", request),  # DFT completes its settings
        result=run.result,
        structures=run.structures() if hasattr(run, "structures") else {},
    )
    files = getattr(run, "files", {})
    return Outcome(run.result.model_dump(mode="json"), run.versions, records, files)


#: Kinds that compute nothing: they run beside the store and are not sent to a cluster.
INSTANT_KINDS = frozenset(name for name, kind in kinds().items() if kind.instant)
#: Kinds whose steps wait for a potential: a worker can run several side by side.
POTENTIAL_KINDS = tuple(name for name, kind in kinds().items() if kind.potential)

KINDS: dict[str, Callable[[CalculationDocument, Report | None], Outcome]] = {
    name: partial(_computed, kind) for name, kind in kinds().items()
}
