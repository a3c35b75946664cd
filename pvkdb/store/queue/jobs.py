"""Find, list, show, cancel and retry calculations."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Select, Text, case, cast, func, select
from sqlalchemy.orm import Session, defer

from pvkdb.errors import InputError, NotFoundError, StateError
from pvkdb.schemas.calculations import (
    CalculationState,
    EventDocument,
    EventKind,
    FileDocument,
    JobDocument,
    LogLine,
    Selection,
)
from pvkdb.store.base import utc_now
from pvkdb.store.models.calculations import Calculation, CalculationDependency, CalculationEvent
from pvkdb.store.queue.claims import requeue
from pvkdb.store.queue.dependencies import pass_on
from pvkdb.store.queue.kept_files import files_of
from pvkdb.store.queue.log import note
from pvkdb.store.rows.from_models import calculation_document, document_of

#: Shortest prefix of an id that is accepted.
MIN_PREFIX = 4
_CANCELLABLE = (CalculationState.WAITING.value, CalculationState.QUEUED.value)
_UNENDED = (*_CANCELLABLE, CalculationState.RUNNING.value)
#: Order of a list: states with the most interest first.
_ORDER = {"running": 0, "queued": 1, "waiting": 2}


def _selected(selection: Selection) -> Select[Calculation]:
    """Return a SELECT of calculations with these conditions."""
    statement = select(Calculation)
    given = (selection.state, selection.kind, selection.failure)
    columns = (Calculation.state, Calculation.kind, Calculation.failure_kind)
    for column, value in zip(columns, given, strict=True):
        statement = statement if value is None else statement.where(column == str(value))
    if selection.material is not None:
        # The material of a relaxation is set when it is done; its formula is known before.
        # PostgreSQL stores these escapes in JSON, and fails where it reads a row with them.
        strange = cast(Calculation.parameters, Text).regexp_match(r"\\u(0000|d[89a-f])")
        formula = case((~strange, Calculation.parameters["formula"].as_string()))
        wanted = selection.material
        statement = statement.where((Calculation.material_id == wanted) | (formula == wanted))
    return statement


def find(session: Session, name: str) -> Calculation:
    """Return a calculation by its id, or by an unambiguous prefix of it.

    Raises:
        NotFoundError: no calculation matches.
        InputError: several calculations match.
    """
    found = session.get(Calculation, name)
    if found is not None:
        return found
    matches: Sequence[Calculation] = ()
    if len(name) >= MIN_PREFIX:
        beginning = Calculation.id.startswith(name, autoescape=True)
        matches = session.scalars(select(Calculation).where(beginning).limit(2)).all()
    if not matches:
        raise NotFoundError(f"no calculation has the id {name!r}; `pvkdb jobs` lists them")
    if len(matches) > 1:
        raise InputError(f"several calculations begin with {name!r}; write more of the id")
    return matches[0]


def listed(session: Session, selection: Selection, limit: int) -> list[Calculation]:
    """Return calculations without their results.

    Running ones come first, then queued ones in the order of claims, then ended ones, newest first.
    """
    rank = case(_ORDER, value=Calculation.state, else_=len(_ORDER))
    statement = (
        _selected(selection)
        .options(defer(Calculation.result))
        .order_by(
            rank,
            Calculation.finished_at.desc(),
            Calculation.priority.desc(),
            Calculation.created_at,
            Calculation.id,
        )
        .limit(limit)
    )
    return list(session.scalars(statement))


def count(session: Session, selection: Selection = Selection()) -> dict[CalculationState, int]:
    """Return the number of selected calculations in each state."""
    chosen = _selected(selection).with_only_columns(Calculation.state, func.count())
    rows = session.execute(chosen.group_by(Calculation.state)).all()
    return {CalculationState(state): number for state, number in rows}


def job_document(session: Session, calculation: Calculation) -> JobDocument:
    """Return a calculation with its dependencies, files and log."""
    name = calculation.id
    return document_of(
        JobDocument,
        calculation,
        calculation=calculation_document(calculation),
        depends_on=_linked(session, name, forward=True),
        needed_by=_linked(session, name, forward=False),
        files=[document_of(FileDocument, file) for file in files_of(session, name)],
        log=[document_of(EventDocument, line) for line in log_lines(session, name)],
    )


def log_lines(
    session: Session, calculation_id: str, after: int = 0, tail: int | None = None
) -> list[LogLine]:
    """Return the log of a calculation after a line number, at most the last ``tail`` lines.

    Line numbers grow: to follow a log, ask again with the last number. (Every writer holds the row
    of the calculation, so that a smaller number never appears later.)

    Raises:
        NotFoundError: the calculation does not exist.
    """
    if session.scalar(select(Calculation.id).where(Calculation.id == calculation_id)) is None:
        raise NotFoundError(f"no calculation has the id {calculation_id!r}")
    newest = (
        select(CalculationEvent)
        .where(CalculationEvent.calculation_id == calculation_id, CalculationEvent.id > after)
        .order_by(CalculationEvent.id.desc())
        .limit(tail)
    )
    return [
        document_of(LogLine, entry, line=entry.id)
        for entry in reversed(session.scalars(newest).all())
    ]


def cancel(session: Session, calculation_id: str) -> CalculationState:
    """Cancel a calculation: at once if it is not running, else by a request to its worker.

    Returns:
        Its new state; ``running`` if its worker was requested to stop.

    Raises:
        NotFoundError: the calculation does not exist.
        StateError: it has ended.
    """
    calculation = session.get(
        Calculation, calculation_id, with_for_update=True, populate_existing=True
    )
    if calculation is None:
        raise NotFoundError(f"no calculation has the id {calculation_id!r}")
    if calculation.state == CalculationState.RUNNING.value:
        if calculation.cancel_requested_at is None:
            calculation.cancel_requested_at = utc_now()
            note(session, calculation.id, EventKind.CANCEL_REQUESTED)
    elif calculation.state in _CANCELLABLE:
        calculation.state = CalculationState.CANCELLED.value
        calculation.finished_at = utc_now()
        note(session, calculation.id, EventKind.CANCELLED)
        session.flush()
        pass_on(session, calculation.id)
    elif calculation.state != CalculationState.CANCELLED.value:
        raise StateError(
            f"calculation {calculation.id} is {calculation.state}; only calculations that have not "
            "ended can be cancelled"
        )
    return CalculationState(calculation.state)


def retry(session: Session, calculation_ids: Sequence[str]) -> list[str]:
    """Queue failed or cancelled calculations again, with their failed dependencies.

    Returns:
        The ids, in the order given.

    Raises:
        NotFoundError: a calculation does not exist; none is queued then.
        StateError: a calculation is done; none is queued then.
    """
    for name in calculation_ids:
        calculation = session.get(Calculation, name, populate_existing=True)
        # It may have been queued already as a dependency of another one.
        if calculation is None or calculation.state not in _UNENDED:
            requeue(session, name)  # raises if it does not exist or is done
    return list(calculation_ids)


def failed_ids(session: Session, selection: Selection) -> list[str]:
    """Return the ids of the failed calculations of a selection, oldest first."""
    statement = _selected(selection.model_copy(update={"state": CalculationState.FAILED}))
    ordered = statement.order_by(Calculation.created_at, Calculation.id)
    return list(session.scalars(ordered.with_only_columns(Calculation.id)))


def _linked(session: Session, calculation_id: str, *, forward: bool) -> dict[str, str]:
    """Return the states of dependencies (``forward``) or dependents of a calculation, by id."""
    here, there = CalculationDependency.calculation_id, CalculationDependency.depends_on_id
    if not forward:
        here, there = there, here
    rows = session.execute(
        select(Calculation.id, Calculation.state)
        .join(CalculationDependency, there == Calculation.id)
        .where(here == calculation_id)
        .order_by(Calculation.id)
    ).all()
    return {row[0]: row[1] for row in rows}
