"""CHGNet as pvkdb asks it beside CHGNet's own ``predict_graph``, alone and in batches, in one run.

    python benchmarks/chgnet_evaluation.py

Energy, forces and stress of rattled cells of 2, 20 and 40 atoms, in turn on one thread. Figures are
medians of processor time a structure; both must agree on the numbers.
"""

from __future__ import annotations

import statistics
import time
import warnings
from collections.abc import Callable, Sequence

import numpy as np
from ase import Atoms

from pvkdb.chemistry import Ion
from pvkdb_pipelines.chgnet_model import load_chgnet
from pvkdb_pipelines.prototypes import Compound, build

ROUNDS = 15
BATCHES = (1, 8)


def main() -> None:
    """Print milliseconds a structure, and their ratio."""
    warnings.filterwarnings("ignore")
    ours, theirs = load_chgnet("0.3.0"), _predict_graph()
    caesium, lead, iodide = Ion("Cs", 1), Ion("Pb", 2), Ion("I", -1)
    perovskite = build(Compound("ABX3", (caesium, lead, iodide)), "Pnma", 0.05)
    cells = [build(Compound("AX", (caesium, iodide)), "Fm-3m", 0.05), perovskite]
    cells.append(perovskite * (2, 1, 1))
    print("atoms  batch   predict_graph   pvkdb   ratio")
    for cell in cells:
        ((energy, forces),) = theirs([cell])
        (found,) = ours([cell], True)
        assert abs(found["energy"] - energy) < 1e-5 * len(cell)
        assert np.allclose(found["forces"], forces, atol=1e-4)
        for batch in BATCHES:
            pairs = [
                (_milliseconds(theirs, cell, batch), _milliseconds(_with_stress(ours), cell, batch))
                for _ in range(max(3, ROUNDS // batch))
            ]
            peer, own = (statistics.median(side) for side in zip(*pairs, strict=True))
            ratio = statistics.median(a / b for a, b in pairs)
            print(f"{len(cell):5}  {batch:5}   {peer:10.1f} ms {own:5.1f} ms   {ratio:5.2f}")


def _with_stress(evaluate: Callable[..., object]) -> Callable[[Sequence[Atoms]], object]:
    return lambda structures: evaluate(structures, True)


def _predict_graph() -> Callable[[Sequence[Atoms]], list[tuple[float, np.ndarray]]]:
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


def _milliseconds(evaluate: Callable[[Sequence[Atoms]], object], cell: Atoms, batch: int) -> float:
    structures = [cell.copy() for _ in range(batch)]
    started = time.process_time()
    evaluate(structures)
    return (time.process_time() - started) / batch * 1000


if __name__ == "__main__":
    main()
