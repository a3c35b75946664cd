"""A cluster as pvkdb's own files describe it, one model a scheduler.

The fields are the keys of the file, their descriptions what docs/cluster.md says of them.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

#: Seconds of a walltime that no calculation gets: workers start, and the scheduler is punctual.
MARGIN_S = 60


def _seconds(value: Any) -> int:
    """Seconds of HH:MM:SS.

    Raises:
        ValueError: it is something else.
    """
    match = re.fullmatch(r"(\d+):([0-5]\d):([0-5]\d)", value) if isinstance(value, str) else None
    if match is None:
        raise ValueError('write hours, minutes and seconds in quotes, as in "04:00:00"')
    hours, minutes, seconds = map(int, match.groups())
    return hours * 3600 + minutes * 60 + seconds


Duration = Annotated[int, BeforeValidator(_seconds)]


class Cluster(BaseModel):
    """What every scheduler has."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    provider: str
    cores_per_node: int = Field(ge=1, description="Cores of a node that workers may use.")
    cores_per_worker: int = Field(default=1, ge=1, description="Cores of one calculation.")
    nodes: int = Field(default=1, ge=1, description="Nodes of a block, a job of the scheduler.")
    max_blocks: int = Field(default=1, ge=1, description="Blocks at once; none are kept idle.")
    worker_init: str = Field(
        default="",
        description="Shell commands before workers start: modules, the environment of pvkdb. "
        "Default: the environment that runs the command.",
    )
    address: str = Field(
        default="",
        description="Address or network interface (ib0) at which nodes reach this machine. "
        "Default: what its host name resolves to.",
    )
    run_dir: str = Field(
        default="parsl-runs",
        description="Folder of scripts, logs and keys; nodes must see it under the same path.",
    )
    encrypted: bool = Field(
        default=True,
        description="Encrypt what workers send, with keys in run_dir; without, whoever reaches "
        "the port can run code here.",
    )
    batch_s: float = Field(
        default=60.0, gt=0, le=3600, description="Short calculations go out in batches this long."
    )
    poll_s: float = Field(
        default=3.0, ge=1, le=600, description="Seconds between two questions to the scheduler."
    )
    lost_after_s: int = Field(
        default=20, ge=5, le=600, description="Seconds of silence after which a node is lost."
    )
    idle_s: float = Field(
        default=60.0, ge=1, description="Blocks without work are given back after so long."
    )
    grace_s: float = Field(
        default=60.0, ge=0, description="After SIGTERM, what runs has so long to end."
    )

    @model_validator(mode="after")
    def _a_worker_fits(self) -> Cluster:
        if self.cores_per_worker > self.cores_per_node:
            raise ValueError(
                f"cores_per_worker = {self.cores_per_worker}: a node has "
                f"{self.cores_per_node}; no worker would start"
            )
        return self

    @property
    def drain_s(self) -> int | None:
        """Seconds after which a block takes on nothing new; None where it never ends."""
        return None

    @property
    def longest_s(self) -> float | None:
        """Seconds that are left for a calculation in any block."""
        return None


class Scheduled(Cluster):
    """A scheduler that ends its jobs."""

    walltime: Duration = Field(description="Of a block.")
    longest: Duration | None = Field(
        default=None,
        description="Time kept for the calculation that begins last; longer ones are refused. "
        "Default: half of the walltime.",
    )
    account: str | None = Field(default=None, description="To be charged.")
    scheduler_options: str = Field(default="", description="Further lines of the job script.")

    @model_validator(mode="after")
    def _something_fits(self) -> Scheduled:
        if self.walltime <= 2 * MARGIN_S:
            raise ValueError(
                f"walltime = {self.walltime} s: {MARGIN_S} s of it are lost to starting; give more "
                f"than {2 * MARGIN_S} s"
            )
        if self.longest is not None and self.longest > self.walltime - MARGIN_S:
            raise ValueError(
                f"longest = {self.longest} s: a block of {self.walltime} s has "
                f"{self.walltime - MARGIN_S} s at most for one calculation"
            )
        return self

    @property
    def longest_s(self) -> float:
        """Seconds that are left for a calculation in any block."""
        return self.longest or self.walltime / 2

    @property
    def drain_s(self) -> int:
        """Seconds after which a block takes on nothing new."""
        return max(1, int(self.walltime - self.longest_s) - MARGIN_S)


class Slurm(Scheduled):
    """Slurm."""

    provider: Literal["slurm"]
    partition: str | None = Field(default=None, description="Default: the cluster's.")
    qos: str | None = Field(default=None, description="Quality of service.")
    constraint: str | None = Field(default=None, description="Kind of node.")
    memory_per_node_gb: int | None = Field(
        default=None, ge=1, description="Default: the cluster's."
    )
    exclusive: bool = Field(default=False, description="Whole nodes.")


class Pbs(Scheduled):
    """PBS Pro and OpenPBS."""

    provider: Literal["pbs"]
    queue: str | None = Field(default=None, description="Default: the cluster's.")
    memory_per_node_gb: int | None = Field(
        default=None, ge=1, description="Default: the cluster's."
    )
    select_options: str = Field(default="", description="Added to the select statement.")


class Kubernetes(Cluster):
    """Pods of a Kubernetes cluster, which kubectl reaches from here."""

    provider: Literal["kubernetes"]
    image: str = Field(description="Container image with pvkdb of the same version.")
    namespace: str = Field(default="default", description="Namespace of the pods.")
    memory_per_node_gb: int = Field(default=4, ge=1, description="Of a pod.")
    secret: str | None = Field(default=None, description="Of the image's registry.")
    volumes: dict[str, str] = Field(
        default={}, description="Persistent volume claims and where pods mount them."
    )


class Local(Cluster):
    """This machine, through Parsl: to try a file out."""

    provider: Literal["local"]


SCHEDULERS: dict[str, type[Cluster]] = {
    "slurm": Slurm,
    "pbs": Pbs,
    "kubernetes": Kubernetes,
    "local": Local,
}
