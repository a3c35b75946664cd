"""Translate the description of a cluster into Parsl's configuration."""

from __future__ import annotations

import runpy
import shutil
import socket
import sys
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psutil

from pvkdb._extras import needing
from pvkdb.errors import InputError, MissingExtraError
from pvkdb.operations import kinds
from pvkdb.schemas.toml_files import read_text
from pvkdb_pipelines.dft.codes.runs import PROGRAMS
from pvkdb_pipelines.engines import interchange
from pvkdb_pipelines.engines.dispatcher import WorkerGroup
from pvkdb_pipelines.engines.settings import (
    Cluster,
    Kubernetes,
    Pbs,
    Scheduled,
    Slurm,
    kinds_by_resources,
    parse_cluster,
)
from pvkdb_pipelines.work.cores import VARIABLES

with needing("cluster"):
    import parsl
    from parsl.errors import OptionalModuleMissing
    from parsl.executors import HighThroughputExecutor
    from parsl.executors.status_handling import BlockProviderExecutor
    from parsl.jobs.error_handlers import windowed_error_handler
    from parsl.launchers import (
        MpiExecLauncher,
        SimpleLauncher,
        SingleNodeLauncher,
        SrunLauncher,
    )
    from parsl.launchers.base import Launcher
    from parsl.providers import KubernetesProvider, LocalProvider, PBSProProvider, SlurmProvider

#: Number of blocks in a row that may end before a worker connects, until Parsl gives up.
_FAILED_BLOCKS = 3
#: Ends a block on a node whose GPU cannot be used.
_GPU_CHECK = """python -c 'import torch; torch.zeros(1, device="cuda")' || exit 1"""
#: Command that submits a job, by provider.
_COMMANDS = {"slurm": "sbatch", "pbs": "qsub"}


@dataclass(frozen=True)
class ClusterPlan:
    """Parsl's configuration, and its workers by the kinds of calculations that they compute.

    Running calculations have ``grace_s`` seconds to finish after a stop.
    """

    config: parsl.Config
    groups: tuple[WorkerGroup, ...]
    grace_s: float = Cluster.model_fields["grace_s"].default

    @property
    def executors(self) -> list[BlockProviderExecutor]:
        """The executors that run blocks."""
        return _with_blocks(self.config)


class Executor(HighThroughputExecutor):
    """Parsl's executor, with a shorter interval between queries of the scheduler.

    Parsl's providers query it once a minute and notice a ``scancel`` only that late. A worker of
    several nodes counts in part on each.
    """

    poll_s: float = Cluster.model_fields["poll_s"].default
    nodes_per_worker: int = 1

    @property
    def workers_per_node(self) -> float:
        """Number of workers on a node."""
        return super().workers_per_node / self.nodes_per_worker

    @property
    def status_polling_interval(self) -> float:
        """Seconds between two queries."""
        return self.poll_s


def read_cluster(path: Path) -> ClusterPlan:
    """Return the cluster that a file describes; ``.py`` is Python, anything else TOML.

    Raises:
        InputError: the file cannot be read, or a value is refused; names the line. Or the command
            that submits jobs (``sbatch`` or ``qsub``) is not on PATH.
        MissingExtraError: Parsl, or a package that the scheduler needs, is not installed.
    """
    text = read_text(path, f"--config {path}")
    if path.suffix == ".py":
        return plan_of_python(_run(path), path.name)
    cluster = parse_cluster(text, path.name)
    command = _COMMANDS.get(cluster.provider)
    if command is not None and shutil.which(command) is None:
        raise InputError(
            f"provider {cluster.provider!r} needs {command}, which is not on PATH; run pvkdb where "
            "jobs are submitted"
        )
    return plan_of(cluster)


def _run(path: Path) -> dict[str, object]:
    """Run a Python file and return the variables that it defines, by name."""
    try:
        return runpy.run_path(str(path))
    except SyntaxError as error:
        raise InputError(f"{path.name} line {error.lineno}: {error.msg}") from error
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)
        lines = [frame.lineno for frame in frames if frame.filename == str(path)]
        where = f" line {lines[-1]}" if lines else ""
        raise InputError(f"{path.name}{where}: {type(error).__name__}: {error}") from error


def plan_of(cluster: Cluster) -> ClusterPlan:
    """Return the configuration of the cluster engine for the keys of a cluster file.

    Raises:
        InputError: the address does not exist, or Kubernetes is not configured.
        MissingExtraError: a package that the scheduler needs is not installed.
    """
    own = _kinds_with_resources(cluster)
    others = {name for names in own.values() for name in names}
    rest = tuple(name for name in kinds() if name not in others) if own else None
    parts: list[tuple[str, Cluster, tuple[str, ...] | None]] = [("pvkdb", cluster, rest)]
    parts += [(name, cluster.resources[name], names) for name, names in own.items()]
    executors = [_executor(label, part) for label, part, _ in parts]
    config = parsl.Config(
        executors=executors,
        run_dir=str(Path(cluster.run_dir).absolute()),
        strategy="htex_auto_scale",
        strategy_period=min(5.0, cluster.poll_s),
        max_idletime=cluster.idle_s,
    )
    groups = tuple(
        WorkerGroup(_capacity([executor]), part.batch_s, part.longest_s, names, (label,))
        for executor, (label, part, names) in zip(executors, parts, strict=True)
    )
    return ClusterPlan(config, groups, cluster.grace_s)


def _kinds_with_resources(cluster: Cluster) -> dict[str, tuple[str, ...]]:
    """Return the kinds of each table of resources; a table of one kind goes before a larger one."""
    known = kinds_by_resources()
    return {
        name: tuple(kind for kind in known[name] if kind == name or kind not in cluster.resources)
        for name in cluster.resources
    }


def _executor(label: str, cluster: Cluster) -> Executor:
    """Return the executor of blocks; with ranks, a block has one worker on its first node."""
    cores = cluster.cores_per_node if cluster.ranks else cluster.cores_per_worker
    executor = Executor(
        label=label,
        provider=provider_of(cluster),
        address=address_of(cluster),
        # mpirun finds the other cores by itself.
        cores_per_worker=1.0 if cluster.ranks else float(cores),
        max_workers_per_node=cluster.cores_per_node // cores,
        heartbeat_period=max(1, cluster.lost_after_s // 4),
        heartbeat_threshold=cluster.lost_after_s,
        drain_period=cluster.drain_s,
        encrypted=cluster.encrypted,
        block_error_handler=partial(windowed_error_handler, threshold=_FAILED_BLOCKS),
        interchange_launch_cmd=interchange.command(),
    )
    executor.poll_s = cluster.poll_s
    executor.nodes_per_worker = 1 if cluster.ranks is None else cluster.nodes
    return executor


def _with_blocks(config: parsl.Config) -> list[BlockProviderExecutor]:
    return [each for each in config.executors if isinstance(each, BlockProviderExecutor)]


def _capacity(executors: Sequence[BlockProviderExecutor]) -> int:
    """Return the number of workers of all blocks that may run at once."""
    workers = sum(
        provider.max_blocks * provider.nodes_per_block * executor.workers_per_node
        for executor in executors
        if (provider := executor.provider) is not None
    )
    return max(1, round(workers))


def plan_of_python(names: dict[str, object], file: str) -> ClusterPlan:
    """Return the configuration of the cluster engine from a Python file that defines ``config``.

    Raises:
        InputError: it does not, or its executors run calculations in threads of this process.
    """
    config = names.get("config")
    if not isinstance(config, parsl.Config):
        found = "defines no config" if config is None else f"config is a {type(config).__name__}"
        raise InputError(f"{file}: {found}; it must be a parsl.Config")
    executors = _with_blocks(config)
    others = [executor for executor in config.executors if executor not in executors]
    if others:
        raise InputError(
            f"{file}: {type(others[0]).__name__} has no workers of its own; use a "
            "HighThroughputExecutor"
        )
    for executor in executors:
        if isinstance(executor, HighThroughputExecutor):
            executor.interchange_launch_cmd = interchange.command()
    labels = tuple(executor.label for executor in executors)
    batch_s: float = Cluster.model_fields["batch_s"].default
    return ClusterPlan(config, (WorkerGroup(_capacity(executors), batch_s, executors=labels),))


def job_scripts(cluster: Cluster) -> str:
    """Return the script of a block, and that of each kind of calculation with its own resources.

    Raises:
        InputError: the scheduler takes no script.
    """
    scripts = [_job_script(cluster)]
    for name, kinds_of_it in _kinds_with_resources(cluster).items():
        script = _job_script(cluster.resources[name])
        scripts.append(f"# [resources.{name}]: {', '.join(kinds_of_it)}\n{script}")
    return "\n".join(scripts)


def _job_script(cluster: Cluster) -> str:
    """Return the script of a block, which nobody submits; a line is in place of the workers."""
    if not isinstance(cluster, Scheduled):
        raise InputError(f"provider {cluster.provider!r} has no script; slurm and pbs have one")
    provider = provider_of(cluster)
    with TemporaryDirectory() as folder:
        provider.script_dir = folder
        provider.execute_wait = lambda *_: (0, "Submitted batch job 1", "")
        provider.submit("echo 'workers of pvkdb'", 1)
        (script,) = Path(folder).iterdir()
        return script.read_text().replace(folder, cluster.run_dir)


def provider_of(cluster: Cluster) -> Any:
    """Return the Parsl provider that requests blocks once there is work.

    Raises:
        InputError: Kubernetes is not configured.
        MissingExtraError: the package for Kubernetes is not installed.
    """
    blocks: dict[str, Any] = {
        "nodes_per_block": cluster.nodes,
        "init_blocks": 0,
        "max_blocks": cluster.max_blocks,
        "worker_init": _worker_init(cluster),
    }
    if isinstance(cluster, Slurm):
        gres = f"#SBATCH --gres={cluster.gres}\n" if cluster.gres else ""
        tasks = (
            f"#SBATCH --ntasks-per-node={cluster.ranks // cluster.nodes}\n"
            f"#SBATCH --cpus-per-task={cluster.threads}\n"
            if cluster.ranks
            else ""
        )
        return SlurmProvider(
            **blocks,
            walltime=_walltime(cluster.walltime),
            partition=cluster.partition,
            account=cluster.account,
            qos=cluster.qos,
            constraint=cluster.constraint,
            # Parsl asks for one task on a node; mpirun starts as many ranks as there are tasks.
            cores_per_node=None if tasks else cluster.cores_per_node,
            mem_per_node=cluster.memory_per_node_gb,
            exclusive=cluster.exclusive,
            scheduler_options=gres + tasks + cluster.scheduler_options,
            launcher=_launcher(cluster, SrunLauncher),
        )
    if isinstance(cluster, Pbs):
        options = [cluster.select_options.removeprefix(":")] if cluster.select_options else []
        if cluster.memory_per_node_gb is not None:
            options.append(f"mem={cluster.memory_per_node_gb}gb")
        if cluster.ranks:
            options.append(f"mpiprocs={cluster.ranks // cluster.nodes}")
        return PBSProProvider(  # type: ignore[no-untyped-call]  # Parsl is typed in part
            **blocks,
            walltime=_walltime(cluster.walltime),
            queue=cluster.queue,
            account=cluster.account,
            cpus_per_node=cluster.cores_per_node,
            select_options=":".join(options),
            scheduler_options=cluster.scheduler_options,
            launcher=_launcher(cluster, MpiExecLauncher),
        )
    if isinstance(cluster, Kubernetes):
        memory = f"{cluster.memory_per_node_gb}Gi"
        try:
            return KubernetesProvider(
                **blocks,
                image=cluster.image,
                namespace=cluster.namespace,
                init_cpu=cluster.cores_per_node,
                max_cpu=cluster.cores_per_node,
                init_mem=memory,
                max_mem=memory,
                secret=cluster.secret,
                persistent_volumes=list(cluster.volumes.items()),
            )
        except OptionalModuleMissing as error:
            raise MissingExtraError("kubernetes", "kubernetes") from error
        except Exception as error:
            raise InputError(f"no Kubernetes cluster is configured here: {error}") from error
    return LocalProvider(**blocks)  # type: ignore[no-untyped-call]  # as above


def _launcher(cluster: Cluster, on_each_node: type[Launcher]) -> Launcher:
    """Return what starts the workers of a block: on each node, or with ranks on the first."""
    if cluster.ranks:
        return SimpleLauncher()
    return on_each_node() if cluster.nodes > 1 else SingleNodeLauncher()


def _worker_init(cluster: Cluster) -> str:
    """Return the commands that set up workers: their threads, environment and ranks."""
    lines = [f"export {name}=${{{name}:-{cluster.threads}}}" for name in VARIABLES]
    if cluster.worker_init:
        lines.append(cluster.worker_init)
    elif not isinstance(cluster, Kubernetes):
        lines.append(f'export PATH="{Path(sys.executable).parent}:$PATH"')
    for code, program in PROGRAMS.items() if cluster.ranks else ():
        lines.append(f'export {code}="${{{code}:-mpirun -np {cluster.ranks} {program}}}"')
    if "gpu" in (getattr(cluster, "gres", None) or ""):
        lines += ["export PVKDB_DEVICE=cuda", _GPU_CHECK]
    return "\n".join(lines)


def _walltime(seconds: int) -> str:
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


def address_of(cluster: Cluster) -> str:
    """Return the address at which workers reach this machine.

    Parsl would try every address it finds, and query a service on the Internet for another one.

    Raises:
        InputError: it is neither an interface nor a name that resolves.
    """
    here = "127.0.0.1" if cluster.provider == "local" else socket.gethostname()
    name = cluster.address or here
    for found in psutil.net_if_addrs().get(cluster.address, []):
        if found.family == socket.AF_INET:
            return str(found.address)
    try:
        return socket.gethostbyname(name)
    except OSError as error:
        raise InputError(
            f"address {name!r} is neither an interface of this machine nor a name that resolves; "
            'give address = "…" as nodes reach this machine'
        ) from error
