"""Metrics of requests for Prometheus: their number, their times, requests in flight.

With one process the numbers are in its memory. With several (``pvkdb serve --workers N``) each
writes them into files of one folder, ``PROMETHEUS_MULTIPROC_DIR``, and the worker that is scraped
adds all of them up; https://prometheus.github.io/client_python/multiprocess/.
"""

from __future__ import annotations

import os
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from starlette.types import Scope

#: Variable with the folder that processes share; prometheus_client reads it on import.
FOLDER = "PROMETHEUS_MULTIPROC_DIR"

#: Seconds: answers from an index take milliseconds, rankings a second, long files minutes.
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60)

#: Label of all paths without a route, so that requests cannot create new labels.
UNMATCHED = "unmatched"

_METHODS = frozenset({"GET", "HEAD", "POST", "OPTIONS", "PUT", "PATCH", "DELETE"})


class RequestMetrics:
    """Counts, durations and requests in flight of one service, for Prometheus."""

    def __init__(self) -> None:
        self._own = CollectorRegistry()
        self._requests = Counter(
            "pvkdb_http_requests",
            "Requests answered, by route, method and status.",
            ("route", "method", "status"),
            registry=self._own,
        )
        self._seconds = Histogram(
            "pvkdb_http_request_seconds",
            "Time from a request to the end of its answer, by route and method.",
            ("route", "method"),
            buckets=BUCKETS,
            registry=self._own,
        )
        self._in_flight = Gauge(
            "pvkdb_http_requests_in_flight",
            "Requests that are being answered, including this one.",
            registry=self._own,
            multiprocess_mode="livesum",
        )

    def begin(self) -> None:
        """Count one more request in flight."""
        self._in_flight.inc()

    def end(self, scope: Scope, status: int, seconds: float) -> None:
        """Record a finished request: one fewer in flight, its status and its duration."""
        self._in_flight.dec()
        method = scope["method"] if scope["method"] in _METHODS else "other"
        route = route_of(scope)
        self._requests.labels(route, method, str(status)).inc()
        self._seconds.labels(route, method).observe(seconds)

    def registry(self) -> CollectorRegistry:
        """Return the Prometheus registry of this process, or of all processes of the service."""
        folder = os.environ.get(FOLDER)
        if folder is None:
            return self._own
        _remove_dead_workers(Path(folder))
        shared = CollectorRegistry()
        MultiProcessCollector(shared, folder)  # type: ignore[no-untyped-call]  # it has none
        return shared


def route_of(scope: Scope) -> str:
    """Return the template of the route that answered, e.g. ``/api/v1/devices/{key}``."""
    path = getattr(scope.get("route"), "path", None)
    return UNMATCHED if path is None else f"{scope.get('root_path', '')}{path}"


def _remove_dead_workers(folder: Path) -> None:
    """Remove the in-flight counts of worker processes that have died."""
    for file in folder.glob("gauge_live*_*.db"):
        pid = int(file.stem.rpartition("_")[2])
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            mark_process_dead(pid, str(folder))  # type: ignore[no-untyped-call]  # it has none
        except PermissionError:  # the process exists and belongs to another user
            pass
