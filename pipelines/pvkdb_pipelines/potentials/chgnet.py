"""Energies, forces and stresses of CHGNet, for several structures in one pass.

CHGNet's own ``predict_graph`` supports training too: it uses two backward passes, for forces and
for stress, and keeps the data for second derivatives. Here one backward pass gives both. A test
compares the results with ``predict_graph``.
"""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.stress import full_3x3_to_voigt_6_stress

from pvkdb_pipelines.potentials.batch import Evaluate, Properties


def weights_file(name: str) -> Path:
    """Return the file of weights in the wheel of CHGNet."""
    import chgnet

    (found,) = (Path(chgnet.__file__).parent / "pretrained" / name).glob("*.pth.tar")
    return found


def load_chgnet(name: str, device: str = "cpu") -> Evaluate:
    """Load weights from the wheel of CHGNet.

    Args:
        name: CHGNet's name of the weights, e.g. ``0.3.0``.
        device: ``cpu`` or ``cuda``.

    Source: B. Deng et al., Nat. Mach. Intell. 5, 1031 (2023), doi:10.1038/s42256-023-00716-3.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import torch
        from chgnet.model import CHGNet
        from chgnet.model.model import BatchedGraph
        from pymatgen.io.ase import AseAtomsAdaptor

        torch.set_num_threads(1)
        with contextlib.redirect_stdout(io.StringIO()):
            model = CHGNet.load(model_name=name, use_device=device, verbose=False)
    model.eval()
    for parameter in model.parameters():
        parameter.requires_grad_(False)

    def evaluate(structures: Sequence[Atoms], stress: bool) -> list[Properties]:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Converting a tensor with requires_grad")
            graphs = [
                model.graph_converter(AseAtomsAdaptor.get_structure(s)).to(device)
                for s in structures
            ]
            batch = BatchedGraph.from_graphs(
                graphs,
                bond_basis_expansion=model.bond_basis_expansion,
                angle_basis_expansion=model.angle_basis_expansion,
                compute_stress=stress,
            )
            prediction = model._compute(batch)
            # Energies per atom, without those of free atoms, which have no gradient.
            total = (prediction["e"] * prediction["atoms_per_graph"]).sum()
            wanted = [*batch.atom_positions, *(batch.strains if stress else ())]
            gradients = [each.cpu() for each in torch.autograd.grad(total, wanted)]
            per_atom = (prediction["e"] + model.composition_model(graphs)).detach()
        found = []
        for index, structure in enumerate(structures):
            properties: Properties = {
                "energy": float(per_atom[index]) * len(structure),
                "forces": -np.asarray(gradients[index], dtype=float),
            }
            if stress:
                strain = np.asarray(gradients[len(structures) + index], dtype=float)
                properties["stress"] = full_3x3_to_voigt_6_stress(strain / structure.get_volume())
            found.append(properties)
        return found

    return evaluate
