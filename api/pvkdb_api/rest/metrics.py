"""The requests and the queue as Prometheus reads them."""

from __future__ import annotations

import logging
from collections.abc import Iterator

from fastapi import APIRouter, Request, Response
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric, SummaryMetricFamily
from prometheus_client.registry import Collector

from pvkdb.errors import DatabaseError
from pvkdb.store.queue.metrics import QueueMetrics, queue_metrics
from pvkdb_api.core.sessions import served_store
from pvkdb_api.frame.metrics import RequestMetrics

#: The text format; https://prometheus.io/docs/instrumenting/exposition_formats/
MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"

router = APIRouter(tags=["health"])

_log = logging.getLogger("pvkdb_api")


class _Counted(Collector):
    """What the store counts, in Prometheus' words. Everything is read anew at each scrape."""

    def __init__(self, metrics: QueueMetrics | None) -> None:
        self._metrics = metrics

    def collect(self) -> Iterator[Metric]:
        """The metrics of the queue; without a database, that there is none."""
        yield GaugeMetricFamily(
            "pvkdb_database_up",
            "Whether the database can be used.",
            value=int(self._metrics is not None),
        )
        if self._metrics is None:
            return
        states = GaugeMetricFamily(
            "pvkdb_calculations", "Calculations by kind and state.", labels=("kind", "state")
        )
        for (kind, state), count in sorted(self._metrics.states.items()):
            states.add_metric((kind, state), count)
        yield states
        failures = GaugeMetricFamily(
            "pvkdb_calculation_failures",
            "Failed calculations by kind and reason; one that is queued again is none.",
            labels=("kind", "reason"),
        )
        for (kind, reason), count in sorted(self._metrics.failures.items()):
            failures.add_metric((kind, reason), count)
        yield failures
        seconds = SummaryMetricFamily(
            "pvkdb_calculation_seconds",
            "Wall time of finished calculations by kind, from start to record.",
            labels=("kind",),
        )
        for kind, (count, total) in sorted(self._metrics.seconds.items()):
            seconds.add_metric((kind,), count_value=count, sum_value=total)
        yield seconds
        if self._metrics.oldest_queued_s is not None:
            yield GaugeMetricFamily(
                "pvkdb_oldest_queued_seconds",
                "Age of the oldest calculation that is queued.",
                value=self._metrics.oldest_queued_s,
            )


@router.get(
    "/metrics",
    summary="Requests and the queue, for Prometheus",
    operation_id="get_metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
def get_metrics(request: Request) -> Response:
    """Requests by route with their times; calculations by state, failures by reason, seconds of
    what is done. Where the database cannot be reached, what it counts is left out."""
    requests: RequestMetrics = request.app.state.request_metrics
    told = generate_latest(requests.registry())
    registry = CollectorRegistry(auto_describe=False)
    try:
        with served_store(request).session(read_only=True) as session:
            registry.register(_Counted(queue_metrics(session)))
    except DatabaseError as error:
        _log.error("%s", error)
        registry.register(_Counted(None))
    return Response(told + generate_latest(registry), media_type=MEDIA_TYPE)
