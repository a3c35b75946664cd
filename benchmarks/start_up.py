"""Start-up times: the command line beside pymatgen's and ASE's, the client, and a new store.

    python benchmarks/start_up.py

Each command is started in turn, several times. The smallest and the median time of each are
printed with the ratio to pvkdb, then the two bars of the client: ``import pvkdb`` adds under
50 ms to the start of the interpreter, and making a client takes no more than 1.3 times as long
as importing httpx and pydantic. ``pvkdb init`` loads literature and computed results in under
20 s of processor time. The exit status is 1 where one is missed.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.serving import add_bar_option

BIN = Path(sys.executable).parent
NOTHING, IMPORT = "python -c pass", "import pvkdb"
NEEDS, CLIENT = "import httpx, pydantic", "make a pvkdb.Client"
COMMANDS = {
    "pvkdb --help": [str(BIN / "pvkdb"), "--help"],
    IMPORT: [sys.executable, "-c", "import pvkdb"],
    CLIENT: [sys.executable, "-c", "import pvkdb; pvkdb.Client('http://127.0.0.1:8000')"],
    NEEDS: [sys.executable, "-c", "import httpx, pydantic"],
    "pmg --help (pymatgen)": [str(BIN / "pmg"), "--help"],
    "ase --help": [str(BIN / "ase"), "--help"],
    NOTHING: [sys.executable, "-c", "pass"],
}
IMPORT_S = 0.050
CLIENT_RATIO = 1.3
INIT_S = 20.0


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--rounds", type=int, default=7, help="starts of each command")
    add_bar_option(options)
    given = options.parse_args()
    times: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(given.rounds):
        for name, command in COMMANDS.items():
            start = time.perf_counter()
            ended = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            if ended.returncode == 0:  # a peer may not be installed
                times[name].append(time.perf_counter() - start)
    base = statistics.median(times["pvkdb --help"])
    print(f"{'command':<24} {'min/s':>7} {'median/s':>9} {'of pvkdb':>9}")
    for name, seconds in times.items():
        if not seconds:
            print(f"{name:<24} not installed")
            continue
        median = statistics.median(seconds)
        print(f"{name:<24} {min(seconds):>7.3f} {median:>9.3f} {median / base:>9.2f}")
    return int(_bars(times) and not given.no_bar)


def _bars(times: dict[str, list[float]]) -> bool:
    """Print the bars, and return whether one is missed.

    From the shortest times: what a busy machine adds says nothing of pvkdb.
    """
    shortest = {name: min(seconds) for name, seconds in times.items() if seconds}
    added = shortest[IMPORT] - shortest[NOTHING]
    ratio = shortest[CLIENT] / shortest[NEEDS]
    print(f"import pvkdb adds {1000 * added:.1f} ms (bar {1000 * IMPORT_S:.0f})")
    print(f"making a client takes {ratio:.2f} of importing httpx and pydantic (bar {CLIENT_RATIO})")
    init = _init_s()
    print(f"pvkdb init takes {init:.1f} s of processor time (bar {INIT_S:.0f})")
    return added >= IMPORT_S or ratio > CLIENT_RATIO or init > INIT_S


def _init_s() -> float:
    """Processor time of ``pvkdb init``, seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with tempfile.TemporaryDirectory() as folder:
        store = ["--database", f"sqlite:///{folder}/pvkdb.sqlite"]
        command = [sys.executable, "-m", "pvkdb", "init", *store]
        subprocess.run(command, stderr=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    sys.exit(main())
