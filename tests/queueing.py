"""Calculations that a test puts into a queue, their state, and threads that ask for the same."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from sqlalchemy.orm import Session

from pvkdb.errors import StoreAwayError
from pvkdb.store.database import Store
from pvkdb.store.models.calculations import Calculation
from pvkdb.store.queue import claims, jobs


def breaking(store: Store, when: Callable[[], bool]) -> Callable[..., Any]:
    """Sessions of a store whose connection breaks after a transaction was written."""
    session = store.session

    @contextmanager
    def broken(**given: Any) -> Iterator[Session]:
        with session(**given) as inner:
            yield inner
        if when():
            raise StoreAwayError("connection lost")

    return broken


class Queue:
    """The functions of the queue (``claims``, ``jobs``), each call in a transaction of its own.

    The rows that a call gives are as they were at its end.
    """

    def __init__(self, store: Store) -> None:
        self.store = store

    def __getattr__(self, name: str) -> Callable[..., Any]:
        function = getattr(claims, name, None) or getattr(jobs, name)

        def call(*given: Any, **named: Any) -> Any:
            with self.store.session() as session:
                found = function(session, *given, **named)
                session.flush()
                session.expunge_all()
                return found

        return call

    def put(self, request: Any, material: str | None = None, **named: Any) -> str:
        """Put a request into the queue as it is; gives the id."""
        return str(self.enqueue(request, material, **named)[0].id)

    def ask(self, request: Any, **named: Any) -> str:
        """Ask for a calculation as a user does; gives the id."""
        return str(self.submit(request, **named)[0].id)

    def entry(self, name: str) -> Calculation:
        with self.store.session(read_only=True) as session:
            found = session.get_one(Calculation, name)
            session.expunge(found)
            return found

    def states(self, *names: str) -> list[str]:
        return [self.entry(name).state for name in names]

    def change(self, name: str, **columns: Any) -> None:
        """Set columns of a row as no function of the queue does."""
        with self.store.session() as session:
            entry = session.get_one(Calculation, name)
            for column, value in columns.items():
                setattr(entry, column, value)

    def log(self, name: str) -> list[str]:
        """What happened to it."""
        return [line.event for line in self.log_lines(name)]


def enqueued(store: Store, request: Any, material: str | None = None) -> str:
    """Put a request into the queue as it is; gives the id."""
    return Queue(store).put(request, material)


def submitted(store: Store, request: Any) -> str:
    """Ask for a calculation as a user does; gives the id."""
    return Queue(store).ask(request)


def state_of(store: Store, name: str) -> str:
    return Queue(store).entry(name).state


def at_once(work: Callable[[Any], Any], each: Sequence[Any]) -> list[Any]:
    """What a function gives in threads that begin together; raises what one of them raised."""
    barrier = threading.Barrier(len(each))

    def begin(one: Any) -> Any:
        barrier.wait()
        return work(one)

    with ThreadPoolExecutor(len(each)) as pool:
        return list(pool.map(begin, each))
