"""Health of the process, and its metrics for Prometheus."""

from __future__ import annotations

import logging
from collections.abc import Iterator

from fastapi import Request, Response
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric, SummaryMetricFamily
from prometheus_client.registry import Collector
from starlette.concurrency import run_in_threadpool

from pvkdb._version import __version__
from pvkdb.errors import DatabaseError
from pvkdb.schemas.responses import Health, Liveness
from pvkdb.store.curation.dataset import current_version
from pvkdb.store.queue.monitoring import QueueMetrics, queue_metrics
from pvkdb_api.core.sessions import ServedStore, served_store
from pvkdb_api.frame.metrics import RequestMetrics
from pvkdb_api.rest.openapi import rest_router

#: The text format; https://prometheus.io/docs/instrumenting/exposition_formats/
MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"

#: Seconds until the database counts as not answering, for readiness and for the queue's numbers.
READY_WITHIN_S, QUEUE_WITHIN_S = 1.5, 3.0

router = rest_router(tags=["health"])

_FAILURES = "Failed calculations by kind and reason; those queued again do not count."

_log = logging.getLogger("pvkdb_api")


@router.get("/livez", summary="Whether the process answers", operation_id="get_liveness")
async def get_liveness() -> Liveness:
    """The process runs. Nothing else is checked: restart the process if this does not answer."""
    return Liveness(status="ok", version=__version__)


@router.get("/readyz", summary="Whether requests may be sent here", operation_id="get_readiness")
@router.get("/healthz", summary="Whether the service can do its work", operation_id="get_health")
async def get_health(request: Request) -> Health:
    """Checks the database and its schema revision each time; status 503 if it cannot be used."""
    served = served_store(request)
    version = await served.shared(_check, READY_WITHIN_S)
    request.state.dataset_version = version
    return Health(
        status="ok",
        version=__version__,
        database=served.store.url.get_backend_name(),
        dataset_version=version,
    )


def _check(served: ServedStore) -> str:
    with served.store.require_migrated().session(read_only=True) as session:
        return current_version(session)


@router.get(
    "/metrics",
    summary="Requests and the queue, for Prometheus",
    operation_id="get_metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
async def get_metrics(request: Request) -> Response:
    """Requests by route with their times; calculations by state, failures by reason, seconds of
    finished calculations. Without a database, the numbers from it are left out."""
    requests: RequestMetrics = request.app.state.request_metrics
    of_requests = await run_in_threadpool(lambda: generate_latest(requests.registry()))
    of_queue = None
    try:
        of_queue = await served_store(request).shared(_queue_metrics, QUEUE_WITHIN_S)
    except DatabaseError as error:
        _log.error("%s", error)
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_QueueCollector(of_queue))
    return Response(of_requests + generate_latest(registry), media_type=MEDIA_TYPE)


def _queue_metrics(served: ServedStore) -> QueueMetrics:
    with served.session() as session:
        return queue_metrics(session)


class _QueueCollector(Collector):
    """The metrics of the queue in the form of Prometheus; None without a database."""

    def __init__(self, metrics: QueueMetrics | None) -> None:
        self._metrics = metrics

    def collect(self) -> Iterator[Metric]:
        """Yield whether the database can be used, and the metrics of the queue."""
        yield GaugeMetricFamily(
            "pvkdb_database_up",
            "Whether the database can be used.",
            value=int(self._metrics is not None),
        )
        if self._metrics is None:
            return
        for name, meaning, label, counts in (
            ("calculations", "Calculations by kind and state.", "state", self._metrics.states),
            ("calculation_failures", _FAILURES, "reason", self._metrics.failures),
        ):
            family = GaugeMetricFamily(f"pvkdb_{name}", meaning, labels=("kind", label))
            for labels, count in sorted(counts.items()):
                family.add_metric(labels, count)
            yield family
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
