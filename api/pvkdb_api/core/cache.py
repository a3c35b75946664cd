"""A cache of query results that are reused while the data are unchanged."""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast

from sqlalchemy.orm import Session

from pvkdb.store.changes import data_changes
from pvkdb.store.database import snapshot

Result = TypeVar("Result")

#: Results kept; a count takes about a kilobyte.
KEPT = 1000
#: Collections that change with every step of a calculation, which their results must show.
QUEUE = frozenset({"calculations"})


class QueryCache:
    """Results of queries on one database, by state of the data, query name and filters.

    A client that reads a list page by page makes the service count it only once.

    Args:
        kept: Most results kept; the least recently used one is dropped first.
    """

    def __init__(self, kept: int = KEPT) -> None:
        self._kept = kept
        self._results: OrderedDict[tuple[str, ...], Any] = OrderedDict()
        self._computing: dict[tuple[str, ...], threading.Lock] = {}
        self._lock = threading.Lock()

    def get(
        self,
        session: Session,
        query: str,
        filters: Mapping[str, Any],
        compute: Callable[[], Result],
    ) -> Result:
        """Return the cached result of a query on the current data; compute it if it is missing."""
        of_queue = query.partition("/")[0] in QUEUE
        state = snapshot(session) if of_queue else str(data_changes(session))
        key = (state, query, json.dumps(filters, sort_keys=True))
        with self._lock:
            if key in self._results:
                return cast("Result", self._known(key))
            computing = self._computing.setdefault(key, threading.Lock())
        with computing:  # whoever asks for the same meanwhile waits for the one answer
            with self._lock:
                if key in self._results:
                    return cast("Result", self._known(key))
            try:
                computed = compute()
                with self._lock:
                    self._results[key] = computed
                    while len(self._results) > self._kept:
                        self._results.popitem(last=False)
            finally:
                with self._lock:
                    self._computing.pop(key, None)
        return computed

    def _known(self, key: tuple[str, ...]) -> Any:
        self._results.move_to_end(key)
        return self._results[key]
