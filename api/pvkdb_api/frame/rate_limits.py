"""Token buckets: so many requests a minute, with a short burst above the average.

They live in the memory of one process: several workers count each for itself and admit so many
times as much at most. A limit shared by processes would ask a database before every request,
which is what the limit is to spare.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

#: A bucket holds a tenth of a minute's requests, at least this many: a page with its parts.
LEAST_BURST = 20

#: Buckets remembered; the ones longest unused go first. An attacker with more addresses than
#: this is a matter for the network in front.
MOST_BUCKETS = 10_000


class TokenBuckets:
    """A bucket for each name, filled ``per_minute / 60`` times a second up to its burst."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.per_second = per_minute / 60
        self.burst = max(LEAST_BURST, per_minute // 10)
        self._clock = clock
        #: Name → (tokens left, when that was so).
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, name: str) -> float:
        """Take a token; 0.0 where there was one, or the seconds until the next one."""
        if self.per_second == 0:
            return 0.0
        now = self._clock()
        left, since = self._buckets.pop(name, (float(self.burst), now))
        left = min(self.burst, left + (now - since) * self.per_second)
        wait = 0.0 if left >= 1 else (1 - left) / self.per_second
        self._buckets[name] = (left if wait else left - 1, now)
        if len(self._buckets) > MOST_BUCKETS:
            self._buckets.popitem(last=False)
        return wait

    def __len__(self) -> int:
        return len(self._buckets)
