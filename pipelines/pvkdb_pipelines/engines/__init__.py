"""Engines run the calculations of a store: in processes of this machine, or on a cluster.

An engine claims calculations from the queue and yields each as it ends. ``pvkdb work`` and
screenings use every engine in the same way.
"""

from __future__ import annotations

from pathlib import Path

from pvkdb.errors import InputError, unknown_name
from pvkdb_pipelines.engines.engine import ENGINES, CalculationEngine, MessageSink

__all__ = ["ENGINES", "CalculationEngine", "make_engine"]


def make_engine(
    name: str,
    config: Path | None,
    processes: int | None,
    report_message: MessageSink = lambda message: None,
    *,
    grace_s: float | None = None,
    pin: bool = True,
) -> CalculationEngine:
    """Return one of :data:`ENGINES`.

    ``config`` describes the cluster of ``parsl``, its grace time included; ``processes``,
    ``grace_s`` and ``pin`` are those of :class:`~pvkdb_pipelines.work.pool.LocalEngine`.

    Raises:
        InputError: the engine is unknown, or the file cannot be used.
        MissingExtraError: Parsl is not installed.
    """
    if name == "local":
        if config is not None:
            raise InputError(f"--config {config} is for --engine parsl; leave it out")
        from pvkdb_pipelines.work.pool import LocalEngine

        return LocalEngine(processes, grace_s, pin)
    if name == "parsl":
        if config is None:
            raise InputError(
                "--engine parsl needs --config FILE, a description of the cluster; "
                "docs/cluster.md shows one for each scheduler"
            )
        if processes is not None:
            raise InputError(
                f"--processes {processes} is for --engine local; the file of a cluster "
                "sets cores_per_node and max_blocks"
            )
        from pvkdb_pipelines.engines.parsl_config import read_cluster
        from pvkdb_pipelines.engines.parsl_engine import ParslEngine

        return ParslEngine(read_cluster(config), report_message)
    raise InputError(unknown_name("engine", name, ENGINES))
