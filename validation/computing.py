"""What scripts compute with: processes of one thread each, and a store for a while."""

from __future__ import annotations

import multiprocessing
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from sqlalchemy.orm import Session

from pvkdb.store.database import Store
from pvkdb.store.migrate import upgrade
from pvkdb_pipelines.work.cores import one_thread_each

Result = TypeVar("Result")


def in_processes(
    function: Callable[..., Result], tasks: Iterable[tuple[object, ...]]
) -> Iterator[Result]:
    """Yield the results of a function for each tuple of arguments, in the order in which they end.

    One process a core, two at most.
    """
    one_thread_each()
    # Spawned, not forked: libraries with running threads must not be copied.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(2, os.cpu_count() or 1), mp_context=context) as pool:
        waiting = [pool.submit(function, *task) for task in tasks]
        try:
            for done in as_completed(waiting):
                yield done.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


@contextmanager
def store_with(load: Callable[[Session], object]) -> Iterator[Store]:
    """Open a new store in a temporary folder, with what ``load`` puts there."""
    with tempfile.TemporaryDirectory() as folder:
        store = Store(f"sqlite:///{Path(folder) / 'store.sqlite'}")
        upgrade(store)
        with store.session() as session:
            load(session)
        yield store
        store.close()
