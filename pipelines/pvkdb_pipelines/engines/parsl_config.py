"""Translate the description of a cluster into Parsl's configuration."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from pvkdb.errors import InputError, MissingExtraError
from pvkdb_pipelines.engines import interchange
from pvkdb_pipelines.engines.settings import Cluster

try:
    import parsl
    from parsl.executors import HighThroughputExecutor
    from parsl.executors.status_handling import BlockProviderExecutor
    from parsl.jobs.error_handlers import windowed_error_handler

    from pvkdb_pipelines.engines.providers import address_of, provider_of
except ModuleNotFoundError as error:
    raise MissingExtraError("parsl", "cluster") from error

#: Number of blocks in a row that may end before a worker connects, until Parsl gives up.
_FAILED_BLOCKS = 3


@dataclass(frozen=True)
class ClusterPlan:
    """The configuration of the cluster engine.

    Attributes:
        config: Parsl's configuration.
        batch_s: Seconds that a batch of short calculations should take.
        grace_s: Seconds for running calculations to finish after a stop.
        longest_s: Longest duration of a calculation that fits any block; None without a limit.
    """

    config: parsl.Config
    batch_s: float = Cluster.model_fields["batch_s"].default
    grace_s: float = Cluster.model_fields["grace_s"].default
    longest_s: float | None = None

    @property
    def executors(self) -> list[BlockProviderExecutor]:
        """The executors that run blocks."""
        return [
            executor
            for executor in self.config.executors
            if isinstance(executor, BlockProviderExecutor)
        ]

    @property
    def capacity(self) -> int:
        """Number of workers of all blocks that may run at once."""
        workers = 0.0
        for executor in self.executors:
            provider = executor.provider
            if provider is not None:
                blocks = provider.max_blocks * provider.nodes_per_block
                workers += blocks * executor.workers_per_node
        return max(1, int(workers))


class Executor(HighThroughputExecutor):
    """Parsl's executor, with a shorter interval between queries of the scheduler.

    Parsl's providers query it once a minute and notice a ``scancel`` only that late.
    """

    poll_s: float = Cluster.model_fields["poll_s"].default

    @property
    def status_polling_interval(self) -> float:
        """Seconds between two queries."""
        return self.poll_s


def plan_of(cluster: Cluster) -> ClusterPlan:
    """Return the configuration of the cluster engine for the keys of a cluster file.

    Raises:
        InputError: the address does not exist, or Kubernetes is not configured.
        MissingExtraError: a package that the scheduler needs is not installed.
    """
    heartbeat_s = max(1, cluster.lost_after_s // 4)
    executor = Executor(
        label="pvkdb",
        provider=provider_of(cluster),
        address=address_of(cluster),
        cores_per_worker=float(cluster.cores_per_worker),
        max_workers_per_node=cluster.cores_per_node // cluster.cores_per_worker,
        heartbeat_period=heartbeat_s,
        heartbeat_threshold=cluster.lost_after_s,
        drain_period=cluster.drain_s,
        encrypted=cluster.encrypted,
        block_error_handler=partial(windowed_error_handler, threshold=_FAILED_BLOCKS),
        interchange_launch_cmd=interchange.command(),
    )
    executor.poll_s = cluster.poll_s
    config = parsl.Config(
        executors=[executor],
        run_dir=str(Path(cluster.run_dir).absolute()),
        strategy="htex_auto_scale",
        strategy_period=min(5.0, cluster.poll_s),
        max_idletime=cluster.idle_s,
    )
    return ClusterPlan(config, cluster.batch_s, cluster.grace_s, cluster.longest_s)


def plan_of_python(names: dict[str, object], file: str) -> ClusterPlan:
    """Return the configuration of the cluster engine from a Python file that defines ``config``.

    Raises:
        InputError: it does not, or its executors run calculations in threads of this process.
    """
    config = names.get("config")
    if not isinstance(config, parsl.Config):
        found = "defines no config" if config is None else f"config is a {type(config).__name__}"
        raise InputError(f"{file}: {found}; it must be a parsl.Config")
    plan = ClusterPlan(config)
    others = [executor for executor in config.executors if executor not in plan.executors]
    if others:
        raise InputError(
            f"{file}: {type(others[0]).__name__} has no workers of its own; use a "
            "HighThroughputExecutor"
        )
    for executor in plan.executors:
        if isinstance(executor, HighThroughputExecutor):
            executor.interchange_launch_cmd = interchange.command()
    return plan
