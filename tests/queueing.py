"""Calculations that a test puts into a queue, their state, and threads that ask for the same."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from pvkdb.store.database import Store
from pvkdb.store.models.calculations import Calculation
from pvkdb.store.queue import claims


def enqueued(store: Store, request: Any, material: str | None = None) -> str:
    """Put a request into the queue as it is; gives the id."""
    with store.session() as session:
        return claims.enqueue(session, request, material)[0].id


def submitted(store: Store, request: Any) -> str:
    """Ask for a calculation as a user does; gives the id."""
    with store.session() as session:
        return claims.submit(session, request)[0].id


def state_of(store: Store, name: str) -> str:
    with store.session(read_only=True) as session:
        return session.get_one(Calculation, name).state


def at_once(work: Callable[[Any], Any], each: Sequence[Any]) -> list[Any]:
    """What a function gives in threads that begin together; raises what one of them raised."""
    barrier = threading.Barrier(len(each))

    def begin(one: Any) -> Any:
        barrier.wait()
        return work(one)

    with ThreadPoolExecutor(len(each)) as pool:
        return list(pool.map(begin, each))
