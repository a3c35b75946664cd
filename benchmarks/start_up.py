"""Start-up time of the command line beside those of pymatgen and ASE, in one run.

    python benchmarks/start_up.py

Each command is started in turn, several times; the smallest and the median time of each and the
ratio to pvkdb are printed.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path

BIN = Path(sys.executable).parent
COMMANDS = {
    "pvkdb --help": [str(BIN / "pvkdb"), "--help"],
    "import pvkdb": [sys.executable, "-c", "import pvkdb"],
    "pmg --help (pymatgen)": [str(BIN / "pmg"), "--help"],
    "ase --help": [str(BIN / "ase"), "--help"],
    "python -c pass": [sys.executable, "-c", "pass"],
}
ROUNDS = 7


def main() -> None:
    times: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(ROUNDS):
        for name, command in COMMANDS.items():
            start = time.perf_counter()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            times[name].append(time.perf_counter() - start)
    base = statistics.median(times["pvkdb --help"])
    print(f"{'command':<24} {'min/s':>7} {'median/s':>9} {'of pvkdb':>9}")
    for name, seconds in times.items():
        median = statistics.median(seconds)
        print(f"{name:<24} {min(seconds):>7.3f} {median:>9.3f} {median / base:>9.2f}")


if __name__ == "__main__":
    main()
