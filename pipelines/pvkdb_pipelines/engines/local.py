"""The engine of this machine: one process a core."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass

from pvkdb.schemas.calculations import CalculationDocument
from pvkdb.store.database import Store
from pvkdb_pipelines.engines.engine import Report
from pvkdb_pipelines.pool import drain


@dataclass(frozen=True)
class LocalEngine:
    """Runs calculations in processes of this machine.

    Attributes:
        processes: At most this many at once; None for one a core.
    """

    processes: int | None = None

    def drain(
        self, store: Store, report: Report | None = None, only: Sequence[str] | None = None
    ) -> Generator[CalculationDocument]:
        """As of :class:`pvkdb_pipelines.engines.Engine`."""
        yield from drain(store, self.processes, report, only)

    def stop(self) -> None:
        """Nothing: its processes hear SIGTERM and Ctrl-C themselves."""

    def close(self) -> None:
        """Nothing: its processes end with a drain."""
