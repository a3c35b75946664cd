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

_CONF = """\
ClusterName=tests
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={base}/munge/munge.socket
CredType=cred/munge
SlurmctldPort={controller_port}
SlurmdPort={node_port}
StateSaveLocation={base}/state
SlurmdSpoolDir={base}/spool
SlurmctldPidFile={base}/slurmctld.pid
SlurmdPidFile={base}/slurmd.pid
SlurmctldLogFile={base}/log/slurmctld.log
SlurmdLogFile={base}/log/slurmd.log
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
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory={memory_mb} State=UNKNOWN
PartitionName=debug Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""


def missing() -> str | None:
    """Why there can be no Slurm here; None where there can."""
    absent = [name for name in NEEDED if shutil.which(name, path=_path()) is None]
    if absent:
        return f"{', '.join(absent)} not installed (Debian packages slurm-wlm and munge)"
    return None if os.geteuid() == 0 else "Slurm's daemons need root"


@contextmanager
def one_machine_slurm(base: Path) -> Iterator[Slurm]:
    """Start the daemons; what they started is gone at the end."""
    slurm = Slurm(base)
    try:
        slurm.start()
        yield slurm
    finally:
        slurm.stop()


class Slurm:
    """The daemons, and what a user asks them."""

    def __init__(self, base: Path) -> None:
        self.base = base
        self.environment = {"SLURM_CONF": str(base / "slurm.conf"), "PATH": _path()}

    def start(self) -> None:
        """Bring up munge, the controller and the node, and wait until the node takes jobs."""
        for name in _FOLDERS:
            (self.base / name).mkdir()
        self._start_munge()
        self._write_conf()
        for daemon in ("slurmctld", "slurmd"):
            self._run([daemon, "-c", "-f", str(self.base / "slurm.conf")])
        deadline = time.monotonic() + _UP_S
        while self._ask(["sinfo", "-h", "-o", "%T"]) not in ("idle", "mixed", "allocated"):
            if time.monotonic() > deadline:
                logs = [path.read_text() for path in (self.base / "log").iterdir()]
                raise RuntimeError("Slurm does not come up:\n" + "\n".join(logs)[-3000:])
            time.sleep(0.2)

    def stop(self) -> None:
        """Cancel every job, then end the daemons by the pids that they wrote."""
        with contextlib.suppress(subprocess.SubprocessError):
            self.cancel(self.jobs())
            self.wait_for_no_job(10)
        for name in ("slurmd.pid", "slurmctld.pid", "munge/munged.pid"):
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
        self._run(
            [
                "munged",
                "--force",
                f"--key-file={key}",
                f"--socket={folder}/munge.socket",
                f"--pid-file={folder}/munged.pid",
                f"--log-file={folder}/munged.log",
                f"--seed-file={folder}/munged.seed",
            ]
        )

    def _write_conf(self) -> None:
        cpus = os.cpu_count() or 1
        memory_mb = psutil.virtual_memory().total // 2**20 * 9 // 10
        controller_port, node_port = _free_ports(2)
        text = _CONF.format(
            base=self.base,
            host=socket.gethostname().partition(".")[0],
            cpus=cpus,
            memory_mb=memory_mb,
            memory_per_cpu_mb=memory_mb // cpus,
            controller_port=controller_port,
            node_port=node_port,
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
