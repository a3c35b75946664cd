"""A million compositions through enumeration, tolerance factors and filters: time and memory.

    python benchmarks/enumeration.py

Ions of every common kind on three sites, pairs on one site by steps of a twenty-fifth, in two
structure types; conditions on t, mu and tau. What passes is put together as compositions, one at a
time. Each number of ions on A runs in a process of its own; some of what passes is compared with
its formula read on its own.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import time
from collections.abc import Sequence

A = (
    *("Cs", "Rb", "K", "Na", "Tl", "MA", "FA", "EA"),
    *("GA", "DMA", "AZ", "HZA", "HXA", "IMA", "NH4", "ACE"),
)
B = (
    *("Pb", "Sn", "Ge", "Ca", "Sr", "Ba", "Mg", "Zn", "Cd", "Hg", "Mn", "Fe", "Co", "Ni", "Cu"),
    *("V", "Yb", "Eu", "Cr", "Ti", "Sm", "Pd", "Pt", "Be", "Dy", "Tm", "Nd"),
)
ONE_AND_THREE = ("Ag+", "Cu+", "Na+", "Bi3+", "Sb3+", "In3+", "Sc3+", "Y3+")
X = ("I", "Br", "Cl", "F")
CONDITIONS = ("t > 0.8", "mu > 0.41", "tau < 4.18")


def plan_text(a: int) -> str:
    """Return a plan with so many ions on A."""

    def quoted(names: Sequence[str]) -> str:
        return "[" + ", ".join(f'"{name}"' for name in names) + "]"

    shares = [n / 25 for n in range(1, 25)]
    b = (*(f"{symbol}2+" for symbol in B), *ONE_AND_THREE)
    return (
        'types = ["ABX3", "A2BB\'X6"]\nstop_after = "tolerance"\n'
        f"[ions]\nA = {quoted(A[:a])}\nB = {quoted(b)}\nX = {quoted(X)}\n"
        f"[mixing]\nA = {shares}\nB = {shares}\nX = {shares}\n"
        f"[filters]\ntolerance = {quoted(CONDITIONS)}\n"
    )


def run(a: int) -> None:
    """Enumerate, and print what it took."""
    from pvkdb.chemistry import Composition, parse_composition
    from pvkdb_pipelines.screening.plan.plan import parse_plan

    start = time.process_time()
    plan = parse_plan(plan_text(a))
    made = plan.numbers().total()
    passing = plan.stream(plan.filters["tolerance"])
    number, some = 0, list[Composition]()
    for candidate in passing:
        number += 1
        if number % 997 == 0 and len(some) < 500:
            some.append(candidate.composition)
    seconds = time.process_time() - start
    memory_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    for composition in some:
        assert parse_composition(composition.formula) == composition, composition
    print(f"| {made:,} | {number:,} | {seconds:.1f} | {memory_mb:.0f} |", flush=True)


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("ions", nargs="?", type=int, help="only so many on A, in this process")
    if chosen := options.parse_args().ions:
        run(chosen)
    else:
        print(
            "| compositions | passed | processor time, s | largest memory, MB |\n|---|---|---|---|"
        )
        for ions in range(1, len(A) + 1, 5):
            subprocess.run([sys.executable, __file__, str(ions)], check=True)
