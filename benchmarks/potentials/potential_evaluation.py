"""Potentials as pvkdb asks them beside their own libraries, alone and in batches, in one run.

    python benchmarks/potentials/potential_evaluation.py             # all
    python benchmarks/potentials/potential_evaluation.py sevennet-0

Energy, forces and stress of rattled cells of 2, 20 and 40 atoms, in turn on one thread: CHGNet
beside its ``predict_graph``, SevenNet beside its calculator, which takes one structure at a time
(with its weights frozen, which alone saves 2 to 7 %).
Figures are medians of processor time a structure; both must agree on the numbers.
"""

from __future__ import annotations

import argparse
import statistics
import time
import warnings
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from ase import Atoms

from pvkdb.chemistry import Ion
from pvkdb.schemas.calculations import PotentialName
from pvkdb_pipelines.potentials.loading import load_potential
from pvkdb_pipelines.potentials.sevennet import sevennet_calculator
from pvkdb_pipelines.prototypes import Compound, build

ROUNDS = 15

#: Of structures, the energy (eV) and the forces (eV/Å) of each.
Evaluate = Callable[[Sequence[Atoms]], Sequence[tuple[float, np.ndarray]]]


def main() -> None:
    """Print milliseconds a structure, and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("potentials", nargs="*", type=PotentialName, default=list(PotentialName))
    warnings.filterwarnings("ignore")
    peers: dict[PotentialName, tuple[Callable[[], Evaluate], tuple[int, ...]]] = {
        PotentialName.CHGNET: (_predict_graph, (1, 8)),
        PotentialName.SEVENNET_0: (partial(_sevennet, "7net-0"), (1,)),
        PotentialName.SEVENNET_L3I5: (partial(_sevennet, "7net-l3i5"), (1,)),
    }
    chosen = parser.parse_args().potentials
    print("potential   atoms  batch    library   pvkdb   ratio")
    for name in chosen:
        load_peer, batches = peers[name]
        _compare(name, _pvkdb(name), load_peer(), batches)


def _compare(name: PotentialName, ours: Evaluate, theirs: Evaluate, batches: Sequence[int]) -> None:
    for cell in _cells():
        ((energy, forces),), ((found, found_forces),) = theirs([cell]), ours([cell])
        assert abs(found - energy) < 1e-5 * len(cell)
        tolerance = 1e-4 if name is PotentialName.CHGNET else 1e-5
        assert np.allclose(found_forces, forces, atol=tolerance)
        for batch in batches:
            pairs = [
                (_milliseconds(theirs, cell, batch), _milliseconds(ours, cell, batch))
                for _ in range(max(3, ROUNDS // batch))
            ]
            peer, own = (statistics.median(side) for side in zip(*pairs, strict=True))
            ratio = statistics.median(a / b for a, b in pairs)
            print(
                f"{name:10}  {len(cell):5}  {batch:5}   {peer:5.1f} ms {own:5.1f} ms   {ratio:5.2f}"
            )


def _cells() -> list[Atoms]:
    caesium, lead, iodide = Ion("Cs", 1), Ion("Pb", 2), Ion("I", -1)
    perovskite = build(Compound("ABX3", (caesium, lead, iodide)), "Pnma", 0.05)
    salt = build(Compound("AX", (caesium, iodide)), "Fm-3m", 0.05)
    return [salt, perovskite, perovskite * (2, 1, 1)]


def _pvkdb(name: PotentialName) -> Evaluate:
    potential = load_potential(name)
    return lambda structures: [
        (found["energy"], found["forces"]) for found in potential.evaluate_many(structures, True)
    ]


def _sevennet(weights: str) -> Evaluate:
    calculator = sevennet_calculator(weights)

    def evaluate(structures: Sequence[Atoms]) -> list[tuple[float, np.ndarray]]:
        found = []
        for structure in structures:
            calculator.calculate(structure)
            found.append((calculator.results["energy"], calculator.results["forces"]))
        return found

    return evaluate


def _predict_graph() -> Evaluate:
    from chgnet.model import CHGNet
    from pymatgen.io.ase import AseAtomsAdaptor

    model = CHGNet.load(model_name="0.3.0", use_device="cpu", verbose=False)

    def evaluate(structures: Sequence[Atoms]) -> list[tuple[float, np.ndarray]]:
        graphs = [model.graph_converter(AseAtomsAdaptor.get_structure(s)) for s in structures]
        found = model.predict_graph(graphs, task="efs", batch_size=len(graphs))
        found = [found] if len(graphs) == 1 else found
        return [
            (float(one["e"]) * len(atoms), one["f"])
            for one, atoms in zip(found, structures, strict=True)
        ]

    return evaluate


def _milliseconds(evaluate: Evaluate, cell: Atoms, batch: int) -> float:
    structures = [cell.copy() for _ in range(batch)]
    started = time.process_time()
    evaluate(structures)
    return (time.process_time() - started) / batch * 1000


if __name__ == "__main__":
    main()
