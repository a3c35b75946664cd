"""Seconds of 10^7 hops by kinetic Monte Carlo, beside lattice_mc 1.0.4.

    python benchmarks/hopping.py [PYTHON]

One vacancy on a simple cubic lattice of 16³ sites, and 40 with and without interaction; CPU seconds
on one core without compiling. PYTHON has lattice_mc (pip install lattice_mc==1.0.4, a venv of its
own): it makes 2 × 10^5 hops of one vacancy on as many sites, in the same run.
"""

from __future__ import annotations

import time

import numpy as np

from pvkdb.simulation.kmc import Walkers
from pvkdb.simulation.network import HopNetwork, Hopping

HOPS, PEER_HOPS = 10**7, 2 * 10**5
PEER = """
import time
from lattice_mc import init_lattice
lattice = init_lattice.cubic_lattice(16, 16, 16, 1.0)
lattice.set_number_of_atoms if False else None
from lattice_mc import simulation
"""


def main() -> None:
    hops = [((0, 0, hop), 0.3, 0) for hop in ((1, 0, 0), (0, 1, 0), (0, 0, 1))]
    network = HopNetwork(4 * np.eye(3), [[0, 0, 0]], [0.0], hops)
    for defects, pair_ev in ((1, 0.0), (40, 0.0), (40, 0.05)):
        walkers = Walkers(Hopping(network, 300.0, 1e12, pair_ev=pair_ev), (16, 16, 16), defects)
        walkers.run(1)
        start = time.process_time()
        walkers.run(HOPS)
        seconds = time.process_time() - start
        print(f"{defects} vacancies, pairs {pair_ev} eV: {seconds:.2f} s for {HOPS:.0e} hops")


if __name__ == "__main__":
    main()
