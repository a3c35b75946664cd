"""The interface of an engine."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import Protocol

from pvkdb.schemas.calculations import CalculationDocument
from pvkdb.store.database import Store
from pvkdb_pipelines.progress import Progress

#: Names of the engines; the first is the default.
ENGINES = ("local", "parsl")

Report = Callable[[CalculationDocument, Progress], None]
#: Hears what an engine has to say: blocks that start and end, what was left.
Tell = Callable[[str], None]


class Engine(Protocol):
    """Runs calculations of a store."""

    def drain(
        self, store: Store, report: Report | None = None, only: Sequence[str] | None = None
    ) -> Generator[CalculationDocument]:
        """Run everything that is queued, or the calculations named; yields each as it ends.

        Closed or interrupted, it puts back what was not finished.
        """
        ...

    def stop(self) -> None:
        """Have a drain, of whatever thread, take on nothing new and end."""
        ...

    def close(self) -> None:
        """Give back processes and blocks."""
        ...
