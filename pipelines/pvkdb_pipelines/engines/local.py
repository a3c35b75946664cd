"""The engine of this machine: one process per core."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field

from pvkdb.schemas.calculations import CalculationDocument
from pvkdb.store.database import Store
from pvkdb_pipelines.engines.engine import Report
from pvkdb_pipelines.work.pool import GracefulStop, drain


@dataclass
class LocalEngine:
    """Runs calculations in processes of this machine.

    Attributes:
        processes: Largest number of processes; None for one per core.
        grace_s: Seconds for running calculations to finish when the engine is stopped; None if it
            is never stopped: a single calculation then runs in this process.
        pin: Whether each process, and the programs that it starts, is pinned to one core.
    """

    processes: int | None = None
    grace_s: float | None = None
    pin: bool = True
    _stop: GracefulStop | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        if self.grace_s is not None:
            self._stop = GracefulStop(self.grace_s)

    def drain(
        self, store: Store, report: Report | None = None, only: Sequence[str] | None = None
    ) -> Generator[CalculationDocument]:
        """See :class:`pvkdb_pipelines.engines.CalculationEngine`."""
        yield from drain(store, self.processes, report, only, stop=self._stop, pin=self.pin)

    def stop(self) -> None:
        """Stop a running drain: calculations may finish in the grace time, others are requeued."""
        if self._stop is not None:
            self._stop.requested = True

    def close(self) -> None:
        """Do nothing: the processes end with each drain."""
