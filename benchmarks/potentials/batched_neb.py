"""A band in one batched forward pass against one calculator per image, as most people write it.

    python benchmarks/potentials/batched_neb.py [chgnet|sevennet-0]

Both evaluate the same five images of a bromide vacancy in 39-atom CsPbBr3, in turn, in one
process on one thread; the energies must agree.
"""

from __future__ import annotations

import argparse
import statistics
import time

import numpy as np

from pvkdb_pipelines.potentials.loading import load_potential
from pvkdb_pipelines.prototypes import tilted_perovskite

IMAGES = 5
ROUNDS = 7


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("potential", nargs="?", default="chgnet")
    name = options.parse_args().potential
    potential = load_potential(name)
    host = tilted_perovskite("Cs", "Pb", "Br", 6.0, 10.0, 0.05, 1)
    del host[next(atom.index for atom in host if atom.symbol == "Br")]
    images = [host.copy() for _ in range(IMAGES)]
    rng = np.random.default_rng(1)
    together: list[float] = []
    one_by_one: list[float] = []
    for _ in range(ROUNDS):
        for image in images:
            image.positions += rng.normal(scale=0.01, size=image.positions.shape)
        start = time.process_time()
        batched = [found["energy"] for found in potential.evaluate(images, stress=False)]
        together.append(time.process_time() - start)
        for image in images:
            image.calc = potential.calculator(stress=False)
        start = time.process_time()
        single = [image.get_potential_energy() for image in images]
        one_by_one.append(time.process_time() - start)
        assert np.allclose(batched, single, atol=1e-3), (batched, single)
    ratio = statistics.median(a / b for a, b in zip(one_by_one, together, strict=True))
    print(f"{potential.name}, {IMAGES} images of {len(host)} atoms, CPU-s per step (median):")
    print(f"  one calculator per image  {statistics.median(one_by_one):.3f}")
    print(f"  one batch                 {statistics.median(together):.3f}")
    print(f"  ratio                     {ratio:.2f}")


if __name__ == "__main__":
    main()
