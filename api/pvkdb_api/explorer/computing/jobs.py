"""The data of the calculation pages: the state of the queue, and one calculation with its log."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from importlib import resources
from typing import Any

from markupsafe import Markup
from sqlalchemy import select
from sqlalchemy.orm import Session

from pvkdb.display.times import span
from pvkdb.operations import kinds
from pvkdb.schemas.calculations import (
    CalculationDocument,
    CalculationState,
    EventKind,
    FailureKind,
    JobDocument,
    LogLine,
)
from pvkdb.schemas.calculations.examinations import TASKS
from pvkdb.schemas.calculations.kinds import UnreadableResult, read_result
from pvkdb.schemas.calculations.migration import NebResult
from pvkdb.simulation.devices.report import report_page
from pvkdb.store.base import utc_now
from pvkdb.store.collections import LISTED
from pvkdb.store.models.calculations import Calculation
from pvkdb.store.models.devices import DeviceReference
from pvkdb.store.queue.jobs import count, job_document, log_lines
from pvkdb.store.queue.monitoring import WorkerSigns, worker_signs
from pvkdb.store.rows.from_models import calculation_document
from pvkdb_api.explorer.compositions.migration import drawn
from pvkdb_api.explorer.site.markup import number
from pvkdb_api.explorer.tables.cells import text_cell

#: Most running calculations that the page shows with a progress bar.
MOST_RUNNING = 12

OPEN = (CalculationState.WAITING, CalculationState.QUEUED, CalculationState.RUNNING)

#: Colours of the labels of states.
MARKS = {
    CalculationState.DONE: "good",
    CalculationState.FAILED: "bad",
    CalculationState.RUNNING: "open",
}

#: The meaning of each kind of failure, and what the user can do about it.
FAILURES = {
    FailureKind(kind): (meaning, remedy)
    for kind, meaning, remedy in csv.reader(
        (resources.files(__package__) / "failures.csv").read_text(encoding="utf-8").splitlines()[1:]
    )
}

#: Parameters that are too long for the page, or that it shows elsewhere.
_NOT_SHOWN = (
    *("kind", "host", "settings", "images", "structure", "barriers", "inputs", "lacking"),
    "device_model",
)


def queue_overview(session: Session) -> dict[str, Any]:
    """Return the state of the queue: numbers by state, running calculations, and the workers.

    ``open`` have not ended; the running ones have the progress at their last heartbeat.
    """
    counted = count(session)
    running = session.scalars(
        select(Calculation)
        .where(Calculation.state == CalculationState.RUNNING.value)
        .order_by(Calculation.started_at, Calculation.id)
        .limit(MOST_RUNNING)
    )
    signs = worker_signs(session)
    return {
        "counts": {state: counted.get(state, 0) for state in CalculationState},
        "running": [(calculation_document(each), each.progress) for each in running],
        "open": sum(counted.get(state, 0) for state in OPEN),
        "total": sum(counted.values()),
        "signs": signs,
        "last_sign": last_sign(signs),
    }


def last_sign(signs: WorkerSigns) -> str | None:
    """Return the time since the last heartbeat of any worker, as text; None without one."""
    seen = signs.last_seen
    return None if seen is None else span((utc_now() - seen).total_seconds())


@dataclass(frozen=True)
class JobPage:
    """The data that the page of a calculation shows."""

    document: JobDocument
    lines: list[LogLine]
    signs: WorkerSigns

    @property
    def calculation(self) -> CalculationDocument:
        """The calculation without its log, files and dependencies."""
        return self.document.calculation

    @property
    def title(self) -> str:
        """The kind of the calculation in words."""
        known = kinds().get(self.calculation.kind)
        return self.calculation.kind if known is None else known.title

    @property
    def ended(self) -> bool:
        """Whether the calculation has ended."""
        return self.calculation.state not in OPEN

    @property
    def can_cancel(self) -> bool:
        """Whether the calculation can be cancelled."""
        return not self.ended and self.document.cancel_requested_at is None

    @property
    def can_retry(self) -> bool:
        """Whether the calculation can be queued again."""
        return self.calculation.state in (CalculationState.FAILED, CalculationState.CANCELLED)

    @property
    def failure(self) -> tuple[str, str] | None:
        """The meaning of this calculation's failure, and what the user can do about it."""
        kind = self.calculation.failure_kind
        return None if kind is None else FAILURES[kind]

    @property
    def elapsed_s(self) -> float | None:
        """Seconds from the last start to the end, or until now."""
        started, ended = self.calculation.started_at, self.calculation.finished_at
        if started is None or self.calculation.state is CalculationState.QUEUED:
            return None
        return ((ended or utc_now()) - started).total_seconds()

    @property
    def lease_expired(self) -> bool:
        """Whether the lease of the worker has expired without a sign of life."""
        until = self.document.lease_until
        running = self.calculation.state is CalculationState.RUNNING
        return running and until is not None and until < utc_now()

    @property
    def parameters(self) -> dict[str, object]:
        """The parameters of the request except its numerical settings."""
        given = self.calculation.parameters
        return {name: value for name, value in given.items() if name not in _NOT_SHOWN}

    @property
    def settings(self) -> dict[str, object]:
        """The numerical settings of the request."""
        found = self.calculation.parameters.get("settings")
        return dict(found) if isinstance(found, dict) else {}

    @property
    def host_atoms(self) -> int | None:
        """Number of atoms of the uploaded structure; None for a prototype."""
        host = self.calculation.parameters.get("host")
        symbols = host.get("symbols") if isinstance(host, dict) else None
        return len(symbols) if isinstance(symbols, list) else None


def job_page(session: Session, calculation: Calculation, after: int = 0) -> JobPage:
    """Return the page of a calculation with the lines of its log after a line number."""
    return JobPage(
        job_document(session, calculation),
        log_lines(session, calculation.id, after),
        worker_signs(session),
    )


def result_part(session: Session, calculation: CalculationDocument) -> dict[str, Any]:
    """Return what the page shows of a result: template, values, why it is not of its kind."""
    plain = (bool, int, float, str)
    stored = (calculation.result or {}).items()
    numbers = {name: value for name, value in stored if value is None or type(value) in plain}
    shown: dict[str, Any] = {"part": "_values.html", "numbers": numbers, "unreadable": None}
    if calculation.state is not CalculationState.DONE or calculation.kind not in kinds():
        return shown
    found = read_result(calculation.kind, calculation.result)
    if isinstance(found, UnreadableResult):
        return shown | {"unreadable": found.reason}
    if calculation.kind not in _PARTS:
        return shown
    template, values = _PARTS[calculation.kind]
    if isinstance(found, NebResult):
        shown["entry"] = drawn(session, calculation, found, found.limiting_number)
    return shown | {"part": template, "found": found} | values(session, found)


def _examination(session: Session, found: Any) -> dict[str, Any]:
    """Return the words of tasks, and the accuracies of Table 10: own publication, or another."""
    cited = DeviceReference.device_id == found.device
    own = set(session.scalars(select(DeviceReference.reference_key).where(cited)))
    rows = LISTED["benchmark_datasets"].iterate(session, {})
    published = [(row, not own.isdisjoint(row.references.split())) for row in rows]
    rated = (each for each in published if each[0].accuracy_percent)
    return {"tasks": TASKS, "published": sorted(rated, key=lambda each: not each[1])}


#: Template of each kind, and what it needs besides the result.
_PARTS: dict[str, tuple[str, Callable[[Session, Any], dict[str, Any]]]] = {
    "neb": ("_barriers.html", lambda session, found: {}),
    "examine": ("_examination.html", _examination),
    "simulation": (
        "_simulation.html",
        lambda session, found: {"report": Markup(report_page(found))},
    ),
}


def log_rows(lines: list[LogLine]) -> Iterator[tuple[datetime, str, bool]]:
    """Yield time and text of each line of a log, and whether the state changed."""
    for line in lines:
        changed = line.event is not EventKind.PROGRESS
        parts = (line.event.value if changed else None, line.message)
        yield line.at, ": ".join(filter(None, parts)), changed


def value_cell(value: object) -> Markup | str:
    """Return a parameter or result value as HTML; a rounded number also carries its exact value."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return number(value)
    return text_cell(value)
