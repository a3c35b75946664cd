"""Clusters as pvkdb's own files describe them, one model for each scheduler.

The fields are the keys of the file; docs/cluster.md lists them with their descriptions. A table
``[resources.NAME]`` repeats those that differ for some kinds of calculations.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator

from pvkdb.errors import InputError, unknown_name
from pvkdb.operations import kinds
from pvkdb.schemas.toml_files import (
    TomlTable,
    check_keys,
    check_table,
    line_of,
    parse_document,
    read_toml,
    refused,
)

#: Seconds of a walltime that are kept free: workers start, and the scheduler ends jobs on time.
MARGIN_S = 60
#: Keys of the whole file, which a table of resources cannot have.
_OF_THE_FILE = ("provider", "run_dir", "idle_s", "grace_s", "resources")


def kinds_by_resources() -> dict[str, tuple[str, ...]]:
    """Return the kinds of calculations that each table of resources is for, by its name."""
    sent = {name: kind for name, kind in kinds().items() if not kind.instant}
    return {
        "dft": tuple(name for name in sent if name.startswith("dft-")),
        "potentials": tuple(name for name, kind in sent.items() if kind.potential),
        **{name: (name,) for name in sent},
    }


def _seconds(value: Any) -> int:
    """Return the seconds of HH:MM:SS."""
    match = re.fullmatch(r"(\d+):([0-5]\d):([0-5]\d)", value) if isinstance(value, str) else None
    if match is None:
        raise ValueError('write hours, minutes and seconds in quotes, as in "04:00:00"')
    hours, minutes, seconds = map(int, match.groups())
    return hours * 3600 + minutes * 60 + seconds


Duration = Annotated[int, BeforeValidator(_seconds)]


def _one_line(text: str) -> str:
    if not text.isprintable():
        raise ValueError(
            f"{text!r} has a line break or another control character, and could add lines to the "
            "job script; write one line of printable characters"
        )
    return text


#: A value of one line of a job script.
Line = Annotated[str, AfterValidator(_one_line)]


class Cluster(TomlTable):
    """Keys of a cluster file that every scheduler has."""

    provider: str
    cores_per_node: int = Field(ge=1, description="Cores of a node that workers may use.")
    cores_per_worker: int = Field(default=1, ge=1, description="Cores of one calculation.")
    ranks: int | None = Field(
        default=None,
        ge=1,
        description="MPI processes of pw.x or CP2K; a block then computes one calculation at a "
        "time, on all its nodes.",
    )
    nodes: int = Field(default=1, ge=1, description="Nodes of a block, a job of the scheduler.")
    max_blocks: int = Field(default=1, ge=1, description="Most blocks at once; idle ones end.")
    worker_init: str = Field(
        default="",
        description="Shell commands before workers start: modules, the environment of pvkdb. "
        "Default: the environment that runs the command.",
    )
    address: Line = Field(
        default="",
        description="Address or network interface (ib0) at which nodes reach this machine. "
        "Default: what its host name resolves to.",
    )
    run_dir: Line = Field(
        default="parsl-runs",
        description="Folder of scripts, logs and keys; nodes must see it under the same path.",
    )
    encrypted: bool = Field(
        default=True,
        description="Encrypt what workers send, with keys in run_dir; without, whoever reaches "
        "the port can run code here.",
    )
    batch_s: float = Field(
        default=60.0,
        gt=0,
        le=3600,
        description="Seconds of short calculations in one batch.",
    )
    poll_s: float = Field(
        default=3.0, ge=1, le=600, description="Seconds between two requests for the state of jobs."
    )
    lost_after_s: int = Field(
        default=20, ge=5, le=600, description="Seconds of silence after which a node is lost."
    )
    idle_s: float = Field(
        default=60.0, ge=1, description="Seconds without work after which a block is ended."
    )
    grace_s: float = Field(
        default=60.0, ge=0, description="Seconds that running calculations have after SIGTERM."
    )
    resources: dict[str, Any] = Field(
        default={}, description="Keys that differ for some kinds of calculations, a table each."
    )

    @field_validator("resources")
    @classmethod
    def _known_resources(cls, tables: dict[str, Any]) -> dict[str, Any]:
        check_keys(tables, kinds_by_resources(), "kind of calculation")
        for name, table in tables.items():
            if not isinstance(table, dict):
                raise refused(f"{table!r} is not a table; write [resources.{name}]", name)
            for key in _OF_THE_FILE:
                if key in table:
                    raise refused(f"{key} holds for the whole file; write it above", name, key)
        return tables

    @model_validator(mode="after")
    def _a_worker_fits(self) -> Cluster:
        if self.cores_per_worker > self.cores_per_node:
            raise refused(
                f"cores_per_worker = {self.cores_per_worker}: a node has {self.cores_per_node} "
                "cores, so no worker would start; give at most as many",
                "cores_per_worker",
            )
        if self.ranks and (self.ranks % self.nodes or self.threads < 1):
            raise refused(
                f"ranks = {self.ranks}: a block has {self.nodes} × {self.cores_per_node} cores; "
                "give a multiple of nodes, at most one rank a core",
                "ranks",
            )
        return self

    @property
    def threads(self) -> int:
        """Threads of a calculation, or of each of its ranks."""
        if self.ranks is None:
            return self.cores_per_worker
        return self.cores_per_node * self.nodes // self.ranks

    @property
    def drain_s(self) -> int | None:
        """Seconds after which a block starts no further calculation; None without a walltime."""
        return None

    @property
    def longest_s(self) -> float | None:
        """Longest time of a calculation in seconds; None if blocks have no walltime."""
        return None


class Scheduled(Cluster):
    """Keys of a cluster file for a scheduler whose jobs have a walltime."""

    walltime: Duration = Field(description="Walltime of a block, HH:MM:SS.")
    longest: Duration | None = Field(
        default=None,
        description="Time kept for the calculation that begins last; longer ones are refused. "
        "Default: half of the walltime.",
    )
    account: Line | None = Field(default=None, description="Account to charge.")
    scheduler_options: str = Field(default="", description="Further lines of the job script.")

    @model_validator(mode="after")
    def _something_fits(self) -> Scheduled:
        if self.walltime <= 2 * MARGIN_S:
            raise refused(
                f"walltime = {self.walltime} s: {MARGIN_S} s of it are lost to starting; give more "
                f"than {2 * MARGIN_S} s",
                "walltime",
            )
        if self.longest is not None and self.longest > self.walltime - MARGIN_S:
            raise refused(
                f"longest = {self.longest} s: a block of {self.walltime} s has "
                f"{self.walltime - MARGIN_S} s at most for one calculation",
                "longest",
            )
        return self

    @property
    def longest_s(self) -> float:
        """Longest time of a calculation in seconds."""
        return self.longest or self.walltime / 2

    @property
    def drain_s(self) -> int:
        """Seconds after which a block starts no further calculation."""
        return max(1, int(self.walltime - self.longest_s) - MARGIN_S)


class Slurm(Scheduled):
    """Keys of a cluster file for Slurm."""

    provider: Literal["slurm"]
    partition: Line | None = Field(default=None, description="Partition; default: the cluster's.")
    qos: Line | None = Field(default=None, description="Quality of service.")
    constraint: Line | None = Field(default=None, description="Constraint on the nodes.")
    memory_per_node_gb: int | None = Field(
        default=None, ge=1, description="Memory of a node; default: the cluster's."
    )
    exclusive: bool = Field(default=False, description="Whether blocks get whole nodes.")
    gres: Line | None = Field(
        default=None,
        description="Generic resources of a node, such as gpu:1; with a GPU, potentials run on it.",
    )


class Pbs(Scheduled):
    """Keys of a cluster file for PBS Pro and OpenPBS."""

    provider: Literal["pbs"]
    queue: Line | None = Field(default=None, description="Queue; default: the cluster's.")
    memory_per_node_gb: int | None = Field(
        default=None, ge=1, description="Memory of a node; default: the cluster's."
    )
    select_options: Line = Field(default="", description="Text added to the select statement.")


class Kubernetes(Cluster):
    """Keys of a cluster file for Kubernetes, reached by kubectl from this machine."""

    provider: Literal["kubernetes"]
    image: Line = Field(description="Container image with pvkdb of the same version.")
    namespace: Line = Field(default="default", description="Namespace of the pods.")
    memory_per_node_gb: int = Field(default=4, ge=1, description="Memory of a pod.")
    secret: Line | None = Field(default=None, description="Secret of the image's registry.")
    volumes: dict[Line, Line] = Field(
        default={}, description="Persistent volume claims and where pods mount them."
    )


class Local(Cluster):
    """Settings of a cluster file that runs Parsl on this machine, to test without a cluster."""

    provider: Literal["local"]


SCHEDULERS: dict[str, type[Cluster]] = {
    "slurm": Slurm,
    "pbs": Pbs,
    "kubernetes": Kubernetes,
    "local": Local,
}


def parse_cluster(text: str, file: str = "cluster.toml") -> Cluster:
    """Return the cluster that a TOML text describes; its ``resources`` are clusters, too.

    Raises:
        InputError: the text is not TOML, or a value is refused; names the line.
    """
    document = parse_document(text, file)
    name = document.get("provider")
    if name is None:
        known = ", ".join(SCHEDULERS)
        raise InputError(f"{file}: provider is missing; give one of: {known}")
    if not isinstance(name, str) or name not in SCHEDULERS:
        reason = unknown_name("provider", str(name), SCHEDULERS)
        raise InputError(f"{file} line {line_of(text, ('provider',))}: {reason}")
    model = SCHEDULERS[name]
    cluster = read_toml(model, text, file)
    shared = {key: value for key, value in document.items() if key != "resources"}
    of_kinds = {
        name: check_table(model, {**shared, **table}, text, file, ("resources", name))
        for name, table in cluster.resources.items()
    }
    return cluster.model_copy(update={"resources": of_kinds})
