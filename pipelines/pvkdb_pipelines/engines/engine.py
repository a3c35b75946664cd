"""The interface of an engine."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import Protocol

from pvkdb.schemas.calculations import CalculationDocument
from pvkdb.store.database import Store
from pvkdb_pipelines.work.worker import Report

#: Names of the engines; the first is the default.
ENGINES = ("local", "parsl")

#: Called with the messages of an engine: blocks that start and end, unfinished work.
MessageSink = Callable[[str], None]


class CalculationEngine(Protocol):
    """Runs calculations of a store."""

    def drain(
        self, store: Store, report: Report | None = None, only: Sequence[str] | None = None
    ) -> Generator[CalculationDocument]:
        """Run all queued calculations, or those in ``only``; yield each one when it ends.

        When closed or interrupted, it returns unfinished calculations to the queue.
        """

    def stop(self) -> None:
        """Make a running drain end without starting anything new; any thread may call this."""

    def close(self) -> None:
        """End the worker processes and cancel the blocks."""
