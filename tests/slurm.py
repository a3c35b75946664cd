"""A real Slurm on one machine, for tests: controller, node and munge of its own, then gone again.

After the notes on a single-host Slurm without systemd and cgroups that lie beside a checkout
(shared/slurm/start_slurm.sh and stop_slurm.sh); here ports are free ones, so that two test
processes do not meet.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil

#: Debian packages slurm-wlm and munge.
NEEDED = ("slurmctld", "slurmd", "sbatch", "squeue", "scancel", "munged")
_UP_S = 30.0
_FOLDERS = ("state", "spool", "log", "munge")

#: Several daemons of one machine are its nodes (slurmd -N).
_NODE = (
    "NodeName={name} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs={cpus} "
    "RealMemory={memory_mb} State=UNKNOWN"
)
_CONF = """\
ClusterName=tests
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={base}/munge/munge.socket
CredType=cred/munge
SlurmctldPort={controller_port}
StateSaveLocation={base}/state
SlurmdSpoolDir={base}/spool/%n
SlurmctldPidFile={base}/slurmctld.pid
SlurmdPidFile={base}/%n.pid
SlurmctldLogFile={base}/log/slurmctld.log
SlurmdLogFile={base}/log/%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerType=sched/backfill
SchedulerParameters=sched_min_interval=0,bf_interval=1
SwitchType=switch/none
MpiDefault=none
ReturnToService=2
InactiveLimit=0
KillWait=5
MinJobAge=300
DefMemPerCPU={memory_per_cpu_mb}
{nodes}
PartitionName=debug Nodes={names} Default=YES MaxTime=INFINITE State=UP
"""


def missing() -> str | None:
    """Why there can be no Slurm here; None where there can."""
    absent = [name for name in NEEDED if shutil.which(name, path=_path()) is None]
    if absent:
        return f"{', '.join(absent)} not installed (Debian packages slurm-wlm and munge)"
    return None if os.geteuid() == 0 else "Slurm's daemons need root"


@contextmanager
def one_machine_slurm(base: Path, nodes: int = 1) -> Iterator[Slurm]:
    """Start the daemons; what they started is gone at the end."""
    slurm = Slurm(base, nodes)
    try:
        slurm.start()
        yield slurm
    finally:
        slurm.stop()


class Slurm:
    """The daemons, and what a user asks them."""

    def __init__(self, base: Path, nodes: int = 1) -> None:
        self.base = base
        self.dead: list[str] = []
        self.nodes = [f"n{number}" for number in range(1, nodes + 1)]
        self.environment = {"SLURM_CONF": str(base / "slurm.conf"), "PATH": _path()}

    def start(self) -> None:
        """Bring up munge, the controller and the node, and wait until the node takes jobs."""
        for name in _FOLDERS:
            (self.base / name).mkdir()
        self._start_munge()
        self._write_conf()
        conf = str(self.base / "slurm.conf")
        self._run(["slurmctld", "-c", "-f", conf])
        for name in self.nodes:
            self._run(["slurmd", "-c", "-N", name, "-f", conf])
        deadline = time.monotonic() + _UP_S
        while self._ask(["sinfo", "-h", "-o", "%T %D"]) != f"idle {len(self.nodes)}":
            if time.monotonic() > deadline:
                logs = [path.read_text() for path in (self.base / "log").iterdir()]
                raise RuntimeError("Slurm does not come up:\n" + "\n".join(logs)[-3000:])
            time.sleep(0.2)

    def stop(self) -> None:
        """Cancel every job, then end the daemons by the pids that they wrote."""
        with contextlib.suppress(subprocess.SubprocessError):
            self.cancel(self.jobs())
            if not self.dead:  # whose jobs never end
                self.wait_for_no_job(10)
        for name in (*(f"{node}.pid" for node in self.nodes), "slurmctld.pid", "munge/munged.pid"):
            with contextlib.suppress(OSError, ValueError, psutil.Error):
                process = psutil.Process(int((self.base / name).read_text()))
                process.send_signal(signal.SIGTERM)
                with contextlib.suppress(psutil.TimeoutExpired):
                    process.wait(10)
                    continue
                process.kill()

    def jobs(self) -> list[str]:
        """Ids of the jobs that run, wait or are ending."""
        return self._ask(["squeue", "-h", "-o", "%i"]).split()

    def cancel(self, jobs: Sequence[str]) -> None:
        """Cancel jobs."""
        if jobs:
            self._run(["scancel", *jobs])

    def kill_node(self, name: str) -> None:
        """Kill a node: its daemon, and all processes of its jobs."""
        self.dead.append(name)
        jobs = self._ask(["squeue", "-h", "-w", name, "-o", "%i"]).split()
        doomed = [psutil.Process(int((self.base / f"{name}.pid").read_text()))]
        for process in psutil.process_iter(["cmdline"]):
            said = " ".join(process.info["cmdline"] or [])
            if any(said.startswith(f"slurmstepd: [{job}.") for job in jobs):
                doomed += [process, *process.children(recursive=True)]
        for process in doomed:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()

    def wait_for_no_job(self, seconds: float) -> None:
        """Wait until there is none.

        Raises:
            AssertionError: there still is.
        """
        deadline = time.monotonic() + seconds
        while jobs := self.jobs():
            assert time.monotonic() < deadline, f"jobs {jobs} are still there after {seconds} s"
            time.sleep(0.5)

    def _start_munge(self) -> None:
        folder = self.base / "munge"
        folder.chmod(0o755)
        key = folder / "munge.key"
        key.write_bytes(secrets.token_bytes(128))
        key.chmod(0o400)
        endings = {"socket": "munge.socket", "pid-file": "munged.pid"}
        endings |= {"log-file": "munged.log", "seed-file": "munged.seed"}
        files = [f"--{option}={folder}/{name}" for option, name in endings.items()]
        self._run(["munged", "--force", f"--key-file={key}", *files])

    def _write_conf(self) -> None:
        cpus = os.cpu_count() or 1
        memory_mb = psutil.virtual_memory().total // 2**20 * 9 // 10
        host = socket.gethostname().partition(".")[0]
        controller_port, *ports = _free_ports(1 + len(self.nodes))
        # Each has a part of the cores.
        each = {"cpus": max(1, cpus // len(self.nodes)), "memory_mb": memory_mb // len(self.nodes)}
        nodes = [
            _NODE.format(name=name, host=host, port=port, **each)
            for name, port in zip(self.nodes, ports, strict=True)
        ]
        text = _CONF.format(
            base=self.base,
            host=host,
            nodes="\n".join(nodes),
            names=",".join(self.nodes),
            memory_per_cpu_mb=memory_mb // max(cpus, len(self.nodes)),
            controller_port=controller_port,
        )
        (self.base / "slurm.conf").write_text(text)
        (self.base / "cgroup.conf").write_text("CgroupPlugin=disabled\n")

    def _ask(self, command: Sequence[str]) -> str:
        return self._run(command, check=False).stdout.strip()

    def _run(self, command: Sequence[str], check: bool = True) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            env={**os.environ, **self.environment},
            # A daemon keeps what it inherits open: pipes would never end.
            stdout=subprocess.DEVNULL if command[0].endswith("d") else subprocess.PIPE,
            stderr=subprocess.DEVNULL if command[0].endswith("d") else subprocess.PIPE,
            text=True,
            check=check,
            timeout=30,
        )


def _path() -> str:
    """PATH with the folders of daemons, which not every user has there."""
    return f"{os.environ['PATH']}:/usr/sbin:/sbin"


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()
