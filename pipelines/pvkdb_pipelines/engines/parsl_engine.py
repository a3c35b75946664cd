"""The engine for clusters: Parsl starts blocks of workers, a dispatcher gives them work."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Generator, Sequence
from concurrent.futures import Future, InvalidStateError
from dataclasses import dataclass, field

from parsl.dataflow.dflow import DataFlowKernel
from parsl.errors import ParslError
from parsl.executors.high_throughput.errors import ManagerLost, WorkerLost
from parsl.executors.status_handling import BlockProviderExecutor
from parsl.jobs.errors import TooManyJobFailuresError
from parsl.jobs.states import JobState

from pvkdb.errors import EngineError
from pvkdb.schemas.calculations import CalculationDocument
from pvkdb.store.database import Store
from pvkdb_pipelines.engines.dispatcher import Dispatcher
from pvkdb_pipelines.engines.engine import MessageSink
from pvkdb_pipelines.engines.node import NodeResult, compute_batch
from pvkdb_pipelines.engines.parsl_config import ClusterPlan
from pvkdb_pipelines.work.pool import stop_signals_blocked
from pvkdb_pipelines.work.worker import Report


@dataclass
class ParslEngine:
    """Runs calculations on a cluster; reports blocks that start and end, and work that is lost.

    Blocks start with the first calculation and are kept for later drains, until they have been idle
    for a while or the engine is closed.
    """

    plan: ClusterPlan
    report_message: MessageSink
    _stopping: threading.Event = field(default_factory=threading.Event, init=False)
    _workers: ParslWorkers | None = field(default=None, init=False)

    def drain(
        self, store: Store, report: Report | None = None, only: Sequence[str] | None = None
    ) -> Generator[CalculationDocument]:
        """See :class:`pvkdb_pipelines.engines.CalculationEngine`."""
        if self._workers is None:
            self._workers = ParslWorkers(self.plan, self.report_message)
        dispatcher = Dispatcher(
            store, self._workers, report, self.report_message, self._stopping, self.plan.grace_s
        )
        yield from dispatcher.run(only)

    def stop(self) -> None:
        """Make a running drain end within its grace time, without starting anything new."""
        self._stopping.set()

    def close(self) -> None:
        """Cancel the blocks."""
        if self._workers is not None:
            # A second Ctrl-C must not leave unused blocks behind.
            with stop_signals_blocked():
                self._workers.close()
            self._workers = None


class ParslWorkers:
    """Parsl workers with the interface that the dispatcher uses."""

    lost: tuple[type[BaseException], ...] = (WorkerLost, ManagerLost)

    def __init__(self, plan: ClusterPlan, report_message: MessageSink) -> None:
        """Start Parsl, without requesting a block yet."""
        self.groups = plan.groups
        self._plan = plan
        self._report_message = report_message
        self._reported: dict[str, JobState] = {}
        try:
            self._kernel = DataFlowKernel(plan.config)
        except OSError as error:
            raise EngineError(
                f"run_dir {plan.config.run_dir} cannot be used: {error.strerror or error}"
            ) from error

    def submit(self, batch: Sequence[CalculationDocument]) -> Future[list[NodeResult]]:
        """Send a batch to the first free worker of its group."""
        group = next(group for group in self.groups if group.takes(batch[0]))
        future: Future[list[NodeResult]] = self._kernel.submit(
            compute_batch, app_args=(list(batch),), executors=list(group.executors), cache=False,
            ignore_for_cache=None, app_kwargs={},
        )  # fmt: skip
        return future

    def check(self) -> None:
        """Report blocks whose state has changed.

        Raises:
            EngineError: Parsl has given up, or its interchange is gone.
        """
        for executor in self._plan.executors:
            self._report_blocks(executor)
            if executor.bad_state_is_set:
                raise EngineError(self._why(executor))
            if self._interchange_is_gone(executor):
                raise EngineError("Parsl's interchange process is gone; start again")

    def close(self) -> None:
        """Cancel every block and end Parsl."""
        for executor in self._plan.executors:
            if self._interchange_is_gone(executor) or executor.bad_state_is_set:
                # Parsl would not cancel them, or would wait forever for the interchange.
                self._cancel_blocks(executor)
                with contextlib.suppress(InvalidStateError):  # some futures already have a result
                    executor.set_bad_state_and_fail_all(EngineError("closed"))
        with contextlib.suppress(ParslError):
            self._kernel.cleanup()

    def _cancel_blocks(self, executor: BlockProviderExecutor) -> None:
        status = executor.status_facade
        jobs = [
            job
            for block, job in executor.blocks_to_job_id.items()
            if block not in status or not status[block].terminal
        ]
        if jobs and executor.provider is not None:
            executor.provider.cancel(jobs)

    def _interchange_is_gone(self, executor: BlockProviderExecutor) -> bool:
        process = getattr(executor, "interchange_proc", None)
        return process is not None and process.poll() is not None

    def _report_blocks(self, executor: BlockProviderExecutor) -> None:
        label = getattr(executor.provider, "label", executor.label)
        for block, status in list(executor.status_facade.items()):
            name = f"{executor.label} {block}"
            if self._reported.get(name) is status.state:
                continue
            self._reported[name] = status.state
            job = executor.blocks_to_job_id.get(block)
            what = f"block {block}" if job is None else f"{label} job {job}"
            reason = f": {status.message}" if job is None and status.message else ""
            self._report_message(
                f"{what}: {_STATE_NAMES.get(status.state, status.state.name.lower())}{reason}"
            )

    def _why(self, executor: BlockProviderExecutor) -> str:
        error = executor.executor_exception
        message = " ".join(str(error).split())
        if isinstance(error, TooManyJobFailuresError):
            message = f"blocks end before a worker connects: {message}"
        return f"{message[:1500]}; logs: {self._kernel.run_dir}"


#: Names of block states where Parsl's names mean something else.
_STATE_NAMES = {
    JobState.MISSING: "ended before a worker connected",
    JobState.SCALED_IN: "given back",
    JobState.COMPLETED: "ended",
    JobState.TIMEOUT: "ended at its walltime",
}
