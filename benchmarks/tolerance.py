"""Tolerance factors of many ABX3 beside a loop over pymatgen's Shannon radii, in one run.

    python benchmarks/tolerance.py [COMPOSITIONS]

pvkdb takes arrays of symbols and charges, looks the radii up and makes t, mu, tau and p of all
compositions (a million, unless told); then the same from positions in lists of ions, as an
enumeration has them. The loop does it with Species.get_shannon_radius, one composition after the
other, on the first ten thousand of them; its time is scaled up. All run in turn in one process on
one thread, radii included, and must agree on the numbers.
"""

from __future__ import annotations

import argparse
import math
import statistics
import time

import numpy as np
from pymatgen.core.periodic_table import Species

from pvkdb.chemistry.factors.platt import PEROVSKITE
from pvkdb.chemistry.factors.tolerance_arrays import abx3_factors, factors_from_radii, site_radii

COMPOSITIONS = 1_000_000
IN_LOOP = 10_000
ROUNDS = 5
#: Ions whose 12- or 6-coordinate radii pymatgen has too, with one spin state.
A = ("Cs", "Rb", "K", "Tl", "Na")
B = ("Pb", "Ge", "Ca", "Sr", "Cd", "Mg", "Zn", "Hg", "Eu", "Yb", "Ba")
X = ("F", "Cl", "Br", "I")

Numbers = tuple[float, float, float, float]


def loop(symbols: list[tuple[str, str, str]]) -> list[Numbers]:
    """t, mu, tau and p, as one writes them over pymatgen."""
    results = []
    for a, b, x in symbols:
        r_a = Species(a, 1).get_shannon_radius("XII", radius_type="ionic")
        r_b = Species(b, 2).get_shannon_radius("VI", radius_type="ionic")
        r_x = Species(x, -1).get_shannon_radius("VI", radius_type="ionic")
        t = (r_a + r_x) / (math.sqrt(2) * (r_b + r_x))
        if r_a <= r_b:
            results.append((t, r_b / r_x, math.nan, math.nan))
            continue
        tau = r_x / r_b - (1 - (r_a / r_b) / math.log(r_a / r_b))
        results.append((t, r_b / r_x, tau, PEROVSKITE(tau)))
    return results


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("compositions", nargs="?", type=int, default=COMPOSITIONS)
    count = options.parse_args().compositions
    few = min(IN_LOOP, count)
    rng = np.random.default_rng(1)
    places = [rng.integers(len(ions), size=count) for ions in (A, B, X)]
    a, b, x = (np.array(ions)[place] for ions, place in zip((A, B, X), places, strict=True))
    one, two, minus = np.ones(count, int), np.full(count, 2), np.full(count, -1)
    first = list(zip(a[:few].tolist(), b[:few].tolist(), x[:few].tolist(), strict=True))
    times: dict[str, list[float]] = {"symbols": [], "positions": [], "loop": []}
    for _ in range(ROUNDS):
        start = time.process_time()
        factors = abx3_factors((a, one), (b, two), (x, minus))
        times["symbols"].append(time.process_time() - start)

        start = time.process_time()
        r_a, r_b, r_x = site_radii(A, 1, "A"), site_radii(B, 2, "B"), site_radii(X, -1, "X")
        again = factors_from_radii(r_a[places[0]], r_b[places[1]], r_x[places[2]])
        times["positions"].append(time.process_time() - start)

        start = time.process_time()
        expected = loop(first)
        times["loop"].append((time.process_time() - start) / few * count)

        found = np.column_stack([factors.t, factors.mu, factors.tau, factors.p_perovskite])
        assert np.allclose(found[:few], expected, rtol=1e-12, equal_nan=True)
        assert np.array_equal(factors.p_perovskite, again.p_perovskite, equal_nan=True)
    median = {name: statistics.median(seconds) for name, seconds in times.items()}
    print(f"t, mu, tau and p of {count} ABX3, CPU-s (median of {ROUNDS}) and ratio to the loop:")
    print(f"  loop over pymatgen's radii     {median['loop']:7.3f}   (scaled up from {few})")
    for name in ("symbols", "positions"):
        ratio = median["loop"] / median[name]
        print(f"  pvkdb, arrays of {name:<13} {median[name]:7.3f} {ratio:7.0f}")


if __name__ == "__main__":
    main()
