"""The engine of this machine: one process a core."""

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
        processes: At most this many at once; None for one a core.
        grace_s: Seconds that running calculations get to finish when the engine is stopped; None
            where nobody stops it, so that a single calculation needs no process of its own.
        pin: Whether each process keeps to one core, and so do the programs that it starts.
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
        """As of :class:`pvkdb_pipelines.engines.Engine`."""
        yield from drain(store, self.processes, report, only, stop=self._stop, pin=self.pin)

    def stop(self) -> None:
        """Have what runs finish within the time of grace, or put it back."""
        if self._stop is not None:
            self._stop.asked = True

    def close(self) -> None:
        """Nothing: its processes end with a drain."""
