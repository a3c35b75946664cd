"""Parsl's providers for the schedulers of :mod:`pvkdb_pipelines.engines.settings`."""

from __future__ import annotations

import shutil
import socket
import sys
from pathlib import Path
from typing import Any

import psutil
from parsl.errors import OptionalModuleMissing
from parsl.launchers import MpiExecLauncher, SingleNodeLauncher, SrunLauncher
from parsl.providers import KubernetesProvider, LocalProvider, PBSProProvider, SlurmProvider

from pvkdb.errors import InputError, MissingExtraError
from pvkdb_pipelines.engines.settings import Cluster, Kubernetes, Pbs, Slurm
from pvkdb_pipelines.work.cores import VARIABLES

#: Command that submits a job, by provider.
_COMMANDS = {"slurm": "sbatch", "pbs": "qsub"}


def require_scheduler(cluster: Cluster) -> None:
    """Check that jobs can be submitted from this machine.

    Raises:
        InputError: the command that submits jobs (``sbatch`` or ``qsub``) is not on PATH.
    """
    command = _COMMANDS.get(cluster.provider)
    if command is not None and shutil.which(command) is None:
        raise InputError(
            f"provider {cluster.provider!r} needs {command}, which is not on PATH; run pvkdb where "
            "jobs are submitted"
        )


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
        return SlurmProvider(
            **blocks,
            walltime=_walltime(cluster.walltime),
            partition=cluster.partition,
            account=cluster.account,
            qos=cluster.qos,
            constraint=cluster.constraint,
            cores_per_node=cluster.cores_per_node,
            mem_per_node=cluster.memory_per_node_gb,
            exclusive=cluster.exclusive,
            scheduler_options=cluster.scheduler_options,
            launcher=SrunLauncher() if cluster.nodes > 1 else SingleNodeLauncher(),
        )
    if isinstance(cluster, Pbs):
        options = [cluster.select_options.removeprefix(":")] if cluster.select_options else []
        if cluster.memory_per_node_gb is not None:
            options.append(f"mem={cluster.memory_per_node_gb}gb")
        return PBSProProvider(  # type: ignore[no-untyped-call]  # Parsl is typed in part
            **blocks,
            walltime=_walltime(cluster.walltime),
            queue=cluster.queue,
            account=cluster.account,
            cpus_per_node=cluster.cores_per_node,
            select_options=":".join(options),
            scheduler_options=cluster.scheduler_options,
            launcher=MpiExecLauncher() if cluster.nodes > 1 else SingleNodeLauncher(),
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


def _worker_init(cluster: Cluster) -> str:
    """Return the commands that set up workers: their threads and their environment."""
    lines = [f"export {name}=${{{name}:-{cluster.cores_per_worker}}}" for name in VARIABLES]
    if cluster.worker_init:
        lines.append(cluster.worker_init)
    elif not isinstance(cluster, Kubernetes):
        lines.append(f'export PATH="{Path(sys.executable).parent}:$PATH"')
    return "\n".join(lines)


def _walltime(seconds: int) -> str:
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


def address_of(cluster: Cluster) -> str:
    """Return the address at which workers reach this machine.

    Parsl would try every address it finds, and query a service on the Internet for another one.

    Raises:
        InputError: it is neither an interface nor a name that resolves.
    """
    if not cluster.address:
        if cluster.provider == "local":
            return "127.0.0.1"
        return _resolve(socket.gethostname())
    for found in psutil.net_if_addrs().get(cluster.address, []):
        if found.family == socket.AF_INET:
            return str(found.address)
    return _resolve(cluster.address)


def _resolve(name: str) -> str:
    try:
        return socket.gethostbyname(name)
    except OSError as error:
        raise InputError(
            f"address {name!r} is neither an interface of this machine nor a name that resolves; "
            'give address = "…" as nodes reach this machine'
        ) from error
