"""Calculations as pages show them: the queue at a glance, and one calculation with its log."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from markupsafe import Markup
from pydantic import ValidationError
from sqlalchemy import select
from sqlalchemy.orm import Session

from pvkdb.display.times import span
from pvkdb.schemas.calculations import (
    CalculationDocument,
    CalculationState,
    EventKind,
    JobDocument,
    LogLine,
)
from pvkdb.schemas.calculations.migration import NebResult
from pvkdb.store.base import utc_now
from pvkdb.store.models.calculations import Calculation
from pvkdb.store.queue.claims import count_by_state
from pvkdb.store.queue.jobs import job_document, log_lines
from pvkdb.store.queue.workers import WorkerSigns, worker_signs
from pvkdb.store.rows.from_models import calculation_document
from pvkdb_api.explorer.computing.failure_messages import WORDS
from pvkdb_api.explorer.site.numbers import number
from pvkdb_api.explorer.site.times import seconds_between
from pvkdb_api.explorer.tables.cells import text_cell

#: Calculations that are shown with a bar of progress at once.
MOST_RUNNING = 12

OPEN = (CalculationState.WAITING, CalculationState.QUEUED, CalculationState.RUNNING)

#: How the mark of a state is coloured.
MARKS = {
    CalculationState.DONE: "good",
    CalculationState.FAILED: "bad",
    CalculationState.RUNNING: "open",
}

#: Kinds in words.
KINDS = {
    "neb": "Migration barrier",
    "relax": "Relaxation",
    "element": "Relaxation of an element",
    "vacancy": "Vacancies",
    "dft-scf": "DFT single point",
    "dft-relax": "DFT relaxation",
    "dft-path": "DFT on a path",
    "dft-neb": "DFT migration barrier",
    "dft-after": "DFT after a barrier",
}

#: Parts of parameters that are too long to be shown, or stand elsewhere on the page.
_NOT_SHOWN = ("kind", "host", "settings", "images", "structure")


@dataclass(frozen=True, slots=True)
class Running:
    """A calculation that runs, with its progress at the last heartbeat."""

    document: CalculationDocument
    progress: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class Overview:
    """The queue at a glance."""

    counts: dict[CalculationState, int]
    running: list[Running]
    signs: WorkerSigns
    now: datetime

    @property
    def open(self) -> int:
        """Calculations that have not ended."""
        return sum(self.counts.get(state, 0) for state in OPEN)

    @property
    def total(self) -> int:
        """All calculations."""
        return sum(self.counts.values())

    @property
    def seen(self) -> str | None:
        """How long ago a worker gave a sign of life."""
        last = self.signs.last_seen
        return None if last is None else span(seconds_between(last, self.now))


def overview(session: Session) -> Overview:
    """Counts by state, and what runs."""
    counted = count_by_state(session)
    running = session.scalars(
        select(Calculation)
        .where(Calculation.state == CalculationState.RUNNING.value)
        .order_by(Calculation.started_at, Calculation.id)
        .limit(MOST_RUNNING)
    )
    return Overview(
        counts={state: counted.get(state, 0) for state in CalculationState},
        running=[Running(calculation_document(entry), entry.progress) for entry in running],
        signs=worker_signs(session),
        now=utc_now(),
    )


@dataclass(frozen=True)
class Job:
    """One calculation, as its page shows it."""

    document: JobDocument
    lines: list[LogLine]
    signs: WorkerSigns

    @property
    def calculation(self) -> CalculationDocument:
        """The calculation itself."""
        return self.document.calculation

    @property
    def title(self) -> str:
        """What it computes, in words."""
        return KINDS.get(self.calculation.kind, self.calculation.kind)

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen to it unasked."""
        return self.calculation.state not in OPEN

    @property
    def can_cancel(self) -> bool:
        """Whether it can be asked to stop."""
        return not self.ended and self.document.cancel_requested_at is None

    @property
    def can_retry(self) -> bool:
        """Whether it can be queued again."""
        return self.calculation.state in (CalculationState.FAILED, CalculationState.CANCELLED)

    @property
    def failure(self) -> tuple[str, str] | None:
        """What its failure means, and the remedy."""
        kind = self.calculation.failure_kind
        return None if kind is None else WORDS[kind]

    @property
    def took_s(self) -> float | None:
        """Seconds from its last start to its end, or until now."""
        started, ended = self.calculation.started_at, self.calculation.finished_at
        if self.calculation.state is CalculationState.QUEUED:
            return None
        return seconds_between(started, ended or utc_now())

    @property
    def lost(self) -> bool:
        """Whether its worker gave no sign of life for as long as a lease holds."""
        until = self.document.lease_until
        running = self.calculation.state is CalculationState.RUNNING
        return running and until is not None and until < utc_now()

    @property
    def last_line(self) -> int:
        """Number of the last line of the log that is shown."""
        return self.lines[-1].line if self.lines else 0

    @property
    def parameters(self) -> dict[str, object]:
        """What was asked for, without settings."""
        given = self.calculation.parameters
        return {name: value for name, value in given.items() if name not in _NOT_SHOWN}

    @property
    def settings(self) -> dict[str, object]:
        """Numerical settings."""
        found = self.calculation.parameters.get("settings")
        return dict(found) if isinstance(found, dict) else {}

    @property
    def host_atoms(self) -> int | None:
        """Atoms of the structure that was brought; None where a prototype is the start."""
        host = self.calculation.parameters.get("host")
        return len(host["symbols"]) if isinstance(host, dict) else None

    @property
    def barriers(self) -> NebResult | None:
        """The result of a migration barrier."""
        if self.calculation.kind != "neb" or self.calculation.result is None:
            return None
        try:
            return NebResult.model_validate(self.calculation.result)
        except ValidationError:  # of another version of pvkdb; its plain values are shown
            return None

    @property
    def values(self) -> dict[str, object]:
        """The single values of a result; lists and structures are for programs."""
        result = self.calculation.result or {}
        return {
            name: value
            for name, value in result.items()
            if value is None or isinstance(value, bool | int | float | str)
        }


def job_of(session: Session, calculation: Calculation) -> Job:
    """One calculation, with its whole log."""
    return Job(
        job_document(session, calculation),
        log_lines(session, calculation.id),
        worker_signs(session),
    )


def log_rows(lines: list[LogLine]) -> Iterator[tuple[datetime, str, bool]]:
    """Lines of a log: when, what, and whether a state was entered."""
    for line in lines:
        state = line.event is not EventKind.PROGRESS
        parts = [line.event.value] if state else []
        parts += [line.message] if line.message else []
        yield line.at, ": ".join(parts), state


def value_cell(value: object) -> Markup | str:
    """A parameter or a value of a result: numbers with their exact value."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return number(value)
    return text_cell(value)
