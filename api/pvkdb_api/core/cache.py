"""Counts that were made before, for as long as the data they were made from is the same."""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from sqlalchemy.orm import Session

from pvkdb.store.collections.snapshot import snapshot

Counted = TypeVar("Counted")

#: Counts kept; one takes about a kilobyte.
KEPT = 1000


class Counts:
    """Counts of one database. Whoever reads a list page by page has it counted once.

    Args:
        kept: how many; what was not asked for the longest goes first.
    """

    def __init__(self, kept: int = KEPT) -> None:
        self._kept = kept
        self._known: OrderedDict[tuple[str, ...], Any] = OrderedDict()
        self._lock = threading.Lock()

    def get(
        self,
        session: Session,
        what: str,
        filters: Mapping[str, Any],
        count: Callable[[], Counted],
    ) -> Counted:
        """What ``count`` gives, or gave before for the same rows."""
        key = (snapshot(session), what, json.dumps(filters, sort_keys=True))
        with self._lock:
            if key in self._known:
                self._known.move_to_end(key)
                found: Counted = self._known[key]
                return found
        counted = count()
        with self._lock:
            self._known[key] = counted
            while len(self._known) > self._kept:
                self._known.popitem(last=False)
        return counted
