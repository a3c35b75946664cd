"""Speed of kinetic Monte Carlo, beside lattice_mc 1.0.4.

    python benchmarks/hopping.py [PYTHON]

10^7 hops on a simple cubic lattice of 16³ sites, of one vacancy and of 40 with and without a pair
energy: CPU seconds on one core without compiling. PYTHON has lattice_mc (pip install
lattice_mc==1.0.4 in an environment of its own) and makes 2 × 10^4 hops of one vacancy there.
"""

from __future__ import annotations

import argparse
import subprocess
import time

import numpy as np

from pvkdb.simulation.kmc import Walkers
from pvkdb.simulation.network import HopNetwork, Hopping

HOPS, PEER_HOPS, SIDE = 10**7, 2 * 10**4, 16
PEER = f"""
import time
from lattice_mc import init_lattice, simulation
run = simulation.Simulation()
run.lattice = init_lattice.cubic_lattice({SIDE}, {SIDE}, {SIDE}, 1.0)
run.set_number_of_atoms({SIDE**3 - 1})
run.set_number_of_jumps({PEER_HOPS})
start = time.process_time()
run.run()
print((time.process_time() - start) / {PEER_HOPS})
"""


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("python", nargs="?", help="one that has lattice_mc, to compare with")
    options.add_argument("--hops", type=int, default=HOPS)
    given = options.parse_args()
    hops = [((0, 0, hop), 0.3, 0) for hop in ((1, 0, 0), (0, 1, 0), (0, 0, 1))]
    network = HopNetwork(4 * np.eye(3), [[0, 0, 0]], [0.0], hops)
    each = []
    for defects, pair_ev in ((1, 0.0), (40, 0.0), (40, 0.05)):
        walkers = Walkers(Hopping(network, 300.0, 1e12, pair_ev=pair_ev), [SIDE] * 3, defects)
        walkers.run(1)
        start = time.process_time()
        walkers.run(given.hops)
        each.append((time.process_time() - start) / given.hops)
        print(f"{defects:3} defects, pairs {pair_ev} eV: {each[-1] * HOPS:6.2f} s for 10^7 hops")
    if given.python:
        ran = subprocess.run([given.python, "-c", PEER], check=True, capture_output=True, text=True)
        peer = float(ran.stdout)
        print(f"lattice_mc, one vacancy: {peer * HOPS:.0f} s, {peer / each[0]:.0f} times as long")


if __name__ == "__main__":
    main()
