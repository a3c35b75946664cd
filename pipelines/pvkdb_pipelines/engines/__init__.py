"""Where the calculations of a store run: in processes of this machine, or on a cluster.

An engine takes calculations out of the queue and gives each back as it ends; whoever asks for them,
``pvkdb work`` or a screening, sees no difference.
"""

from __future__ import annotations

from pathlib import Path

from pvkdb.errors import InputError, unknown_name
from pvkdb_pipelines.engines.engine import ENGINES, Engine, Tell

__all__ = ["ENGINES", "Engine", "make_engine"]


def make_engine(
    name: str,
    config: Path | None,
    processes: int | None,
    tell: Tell = lambda said: None,
    *,
    grace_s: float | None = None,
    pin: bool = True,
) -> Engine:
    """The engine of this name.

    Args:
        name: One of :data:`ENGINES`.
        config: Its file, for ``parsl``.
        processes: At most this many at once, for ``local``.
        tell: Hears what it has to say.
        grace_s: Seconds that running calculations get when a ``local`` engine is stopped; None
            where nobody stops it. A cluster's file has its own.
        pin: Whether each process of ``local`` keeps to one core.

    Raises:
        InputError: there is no such engine, or the file cannot be used.
        MissingExtraError: Parsl is not installed.
    """
    if name == "local":
        if config is not None:
            raise InputError(f"--config {config} is for --engine parsl; leave it out")
        from pvkdb_pipelines.engines.local import LocalEngine

        return LocalEngine(processes, grace_s, pin)
    if name == "parsl":
        if config is None:
            raise InputError(
                "--engine parsl needs --config FILE, a description of the cluster; "
                "docs/cluster.md shows one for each scheduler"
            )
        if processes is not None:
            raise InputError(
                f"--processes {processes} is for --engine local; a cluster's file says "
                "cores_per_node and max_blocks"
            )
        from pvkdb_pipelines.engines.parsl_engine import ParslEngine
        from pvkdb_pipelines.engines.settings_file import read_cluster

        return ParslEngine(read_cluster(config), tell)
    raise InputError(unknown_name("engine", name, ENGINES))
