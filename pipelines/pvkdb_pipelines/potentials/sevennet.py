"""Energies, forces and stresses of SevenNet, with its weights but fewer operations.

SevenNet's own code uses the general tensor products of e3nn, which store a message for every edge
and take several thousand small operations per call. Here, for the same function:

- what depends on the distance is computed once per pair of neighbours, not once from each end;
- features of one degree l are stored together, shape (atoms, 2l + 1, channels), so that a linear
  layer is one matrix product per degree;
- the sum over neighbours is part of a matrix product over a block of edges
  (:mod:`~pvkdb_pipelines.potentials.edge_blocks`), and messages are never stored;
- constant factors are multiplied into the weights when the model is loaded.

A test compares the results with SevenNet's own, ``benchmarks/potentials/potential_evaluation.py``
the times.
"""

from __future__ import annotations

import warnings
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeAlias

import numpy as np
from ase import Atoms
from ase.data import chemical_symbols
from ase.stress import full_3x3_to_voigt_6_stress
from numpy.typing import NDArray

from pvkdb.errors import CalculationFailedError
from pvkdb.schemas.calculations import FailureKind
from pvkdb_pipelines.potentials.batch import Evaluate, Properties
from pvkdb_pipelines.potentials.edge_blocks import BLOCK, Edges, edges_in_blocks

#: A tensor of torch, which is imported only when a model is loaded.
Tensor: TypeAlias = Any
#: Features of atoms or edges, by degree l.
Features: TypeAlias = dict[int, Tensor]
#: Atoms above which a core evaluates one structure after the other. Eight cells of 5 atoms take
#: half of the time together, eight of 20 the same, five of 160 a third more (caches are too small).
_MOST_ATOMS_ON_A_CORE = 100
#: Features of degree l with harmonics of degree l₁ give messages of degree l'.
_Degrees: TypeAlias = tuple[int, int, int]


def load_sevennet(name: str, device: str = "cpu") -> Evaluate:
    """Load weights from the wheel of SevenNet.

    Args:
        name: SevenNet's name of the weights, e.g. ``7net-0``.
        device: ``cpu`` or ``cuda``.


    Raises:
        NotImplementedError: the weights belong to a network of another design.

    Source: Y. Park et al., J. Chem. Theory Comput. 20, 4857 (2024), doi:10.1021/acs.jctc.4c00190.
    """
    model = _Model(sevennet_calculator(name, device))

    def evaluate(structures: Sequence[Atoms], stress: bool) -> list[Properties]:
        if device != "cpu" or sum(map(len, structures)) <= _MOST_ATOMS_ON_A_CORE:
            return model.evaluate(structures, stress)
        return [found for each in structures for found in model.evaluate([each], stress)]

    return evaluate


def sevennet_calculator(name: str, device: str = "cpu") -> Any:
    """Return SevenNet's own calculator, on one thread or a GPU."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import torch
        from sevenn.calculator import SevenNetCalculator

        torch.set_num_threads(1)
        calculator = SevenNetCalculator(name, device=device)
    for parameter in calculator.model.parameters():
        parameter.requires_grad_(False)
    return calculator


#: Parts of the networks of SevenNet-0 and SevenNet-l3i5.
_PARTS = {
    "EdgeEmbedding",
    "OnehotEmbedding",
    "IrrepsLinear",
    "SelfConnectionLinearIntro",
    "IrrepsConvolution",
    "SelfConnectionOutro",
    "EquivariantGate",
    "SpeciesWiseRescale",
    "AtomReduce",
    "ForceStressOutputFromEdge",
}


class _Model:
    """The network with its weights."""

    def __init__(self, calculator: Any) -> None:
        parts = dict(calculator.model.named_children())
        _require_known_design(parts)
        self._cutoff: float = calculator.cutoff
        self._index_of_element: Tensor = calculator.model.z_to_onehot_tensor.cpu()
        self._embedding: Any = parts["edge_embedding"]
        self._features_of_element = _weights(parts["onehot_to_feature_x"].linear)[0]
        number = sum(part.endswith("_convolution") for part in parts)
        self._layers = [_Layer.read(parts, index) for index in range(number)]
        hidden = _weights(parts["reduce_input_to_hidden"].linear)[0]
        self._energy_of_features = hidden @ _weights(parts["reduce_hidden_to_energy"].linear)[0]
        self._scale: Tensor = parts["rescale_atomic_energy"].scale.detach()
        self._shift: Tensor = parts["rescale_atomic_energy"].shift.detach()
        self._device = self._features_of_element.device

    def evaluate(self, structures: Sequence[Atoms], stress: bool) -> list[Properties]:
        """Return energy (eV), forces (eV/Å) and, if requested, stress (eV/Å³, Voigt) of each.

        Raises:
            CalculationFailedError: The model has no weights for an element.
        """
        import torch

        sizes = [len(structure) for structure in structures]
        ends = np.cumsum(sizes)
        edges = self._edges(structures)
        vectors = torch.tensor(
            edges.vectors, dtype=torch.float32, device=self._device, requires_grad=True
        )
        numbers = np.concatenate([structure.numbers for structure in structures])
        energies = self._energies(numbers, edges, vectors).double()
        (gradient,) = torch.autograd.grad(energies.sum(), vectors)
        pull = gradient.double().cpu().numpy()
        forces = np.zeros((ends[-1], 3))
        np.add.at(forces, edges.first, pull)
        np.subtract.at(forces, edges.second, pull)
        owner = np.repeat(np.arange(len(sizes)), sizes)[edges.first]
        found: list[Properties] = []
        of_atoms, of_forces = energies.detach().split(sizes), np.split(forces, ends[:-1])
        for index, structure in enumerate(structures):
            found.append({"energy": float(of_atoms[index].sum()), "forces": of_forces[index]})
            if stress:
                own = owner == index
                virial = pull[own].T @ edges.vectors[own] / structure.get_volume()
                found[-1]["stress"] = full_3x3_to_voigt_6_stress(virial)
        return found

    def _edges(self, structures: Sequence[Atoms]) -> Edges:
        """Return the edges of structures; atoms are counted through all of them."""
        import sevenn._keys as key
        from sevenn.train.dataload import unlabeled_atoms_to_graph

        before, parts = 0, []
        for structure in structures:
            graph = unlabeled_atoms_to_graph(structure, self._cutoff, with_shift=True)
            parts.append((graph[key.EDGE_IDX] + before, graph[key.EDGE_VEC], graph[key.CELL_SHIFT]))
            before += len(structure)
        ends, vectors, shifts = zip(*parts, strict=True)
        source, target = np.concatenate(ends, axis=1)
        return edges_in_blocks(
            before, source, target, np.concatenate(vectors), np.concatenate(shifts)
        )

    def _energies(self, numbers: NDArray[np.intp], edges: Edges, vectors: Tensor) -> Tensor:
        """Return the energy of each atom, eV."""
        import torch

        element = self._index_of_element[torch.from_numpy(numbers.astype(np.int64))]
        if bool((element < 0).any()):
            unknown = sorted({chemical_symbols[each] for each in numbers[np.asarray(element < 0)]})
            raise CalculationFailedError(
                FailureKind.UNSUPPORTED_ELEMENT, f"SevenNet has no weights for {', '.join(unknown)}"
            )
        element = element.to(self._device)
        distances = torch.linalg.norm(vectors, dim=-1)
        embedding = self._embedding
        radial = embedding.basis_function(distances)
        radial = radial * embedding.cutoff_function(distances).unsqueeze(-1)
        directions = _Directions(embedding.spherical(vectors), edges)
        features: Features = {0: self._features_of_element[element].unsqueeze(1)}
        for layer in self._layers:
            features = layer.apply(features, radial, directions)
        scaled = (features[0].squeeze(1) @ self._energy_of_features).squeeze(1)
        return scaled * self._scale[element] + self._shift[element]


def _require_known_design(parts: dict[str, Any]) -> None:
    """Refuse networks with parts that this module does not implement."""
    strange = sorted({type(part).__name__ for part in parts.values()} - _PARTS)
    linears = [part.linear for part in parts.values() if hasattr(part, "linear")]
    for linear in linears:
        for irreps in (linear.irreps_in, linear.irreps_out):
            degrees = [irrep.ir.l for irrep in irreps]
            if len(set(degrees)) < len(degrees) and len(set(irreps.ls)) > 1:
                strange.append(f"features {irreps}")
        if any(path.i_in < 0 for path in linear.instructions):
            strange.append("biases")
    if strange:
        raise NotImplementedError(f"SevenNet with {', '.join(strange)} is not supported by pvkdb")


class _Directions:
    """Directions of the edges: spherical harmonics and the couplings of degrees."""

    def __init__(self, harmonics: Tensor, edges: Edges) -> None:
        import torch

        device = harmonics.device
        self.centre = torch.from_numpy(edges.centre).to(device)
        self.neighbour = torch.from_numpy(edges.neighbour).to(device)
        self.pair = torch.from_numpy(edges.pair).to(device)
        signs = [torch.from_numpy(sign).to(device).unsqueeze(1) for sign in (edges.even, edges.odd)]
        self._harmonics: Features = {}
        start = 0
        while start < harmonics.shape[1]:
            degree = len(self._harmonics)
            found = harmonics[:, start : start + 2 * degree + 1].index_select(0, self.pair)
            self._harmonics[degree] = found * signs[degree % 2]
            start += 2 * degree + 1
        self._couplings: dict[_Degrees, Tensor] = {}

    def coupling(self, degrees: _Degrees) -> Tensor:
        """Return the matrices from features of neighbours to the message of each block.

        Shape (blocks, 2l' + 1, BLOCK · (2l + 1)); the same for all channels and layers.
        """
        import torch

        if degrees not in self._couplings:
            harmonics = self._harmonics[degrees[1]]
            of_degrees = _coupling_of_degrees(*degrees).to(harmonics.device)
            turned = torch.einsum("ej,ijk->eki", harmonics, of_degrees)
            _, out, into = turned.shape
            turned = turned.reshape(-1, BLOCK, out, into).transpose(1, 2)
            self._couplings[degrees] = turned.reshape(-1, out, BLOCK * into)
        return self._couplings[degrees]


@dataclass(frozen=True)
class _Layer:
    """A message-passing layer.

    Attributes:
        to_itself: Weights of the features of the atom itself, by degree.
        to_neighbours: Weights of the features that neighbours receive, by degree.
        radial: Network from the distance to the factors of all channels of all paths.
        paths: Degrees and channels of each path, in the order of those factors.
        of_messages: Weights of the sum of messages, by degree.
        gate: Activations of scalars, and of the scalars that multiply the other degrees.
    """

    to_itself: Features
    to_neighbours: Features
    radial: Callable[[Tensor], Tensor]
    paths: list[tuple[_Degrees, int]]
    of_messages: Features
    gate: Any

    @classmethod
    def read(cls, parts: dict[str, Any], index: int) -> _Layer:
        """Return the layer of this index, with weights from SevenNet's modules."""
        convolution = parts[f"{index}_convolution"]
        product = convolution.convolution
        paths, factors = [], []
        for path in product.instructions:
            degrees = (
                product.irreps_in1[path.i_in1].ir.l,
                product.irreps_in2[path.i_in2].ir.l,
                product.irreps_out[path.i_out].ir.l,
            )
            channels = path.path_shape[0]
            paths.append((degrees, channels))
            factors += [path.path_weight / float(convolution.denominator)] * channels
        return cls(
            to_itself=_weights(parts[f"{index}_self_connection_intro"].linear),
            to_neighbours=_weights(parts[f"{index}_self_interaction_1"].linear),
            radial=_radial(convolution.weight_nn, factors),
            paths=paths,
            of_messages=_weights(parts[f"{index}_self_interaction_2"].linear),
            gate=parts[f"{index}_equivariant_gate"].gate,
        )

    def apply(self, features: Features, embedding: Tensor, directions: _Directions) -> Features:
        """Return the atoms' features after this layer, from their features before and the pairs."""
        import torch

        atoms = len(features[0])
        shown = {
            degree: (values @ self.to_neighbours[degree]).index_select(0, directions.neighbour)
            for degree, values in features.items()
        }
        factors = self.radial(embedding).index_select(0, directions.pair).unsqueeze(1)
        messages = defaultdict(list)
        for (degrees, _), factor in zip(
            self.paths, factors.split([channels for _, channels in self.paths], 2), strict=True
        ):
            into, _, out = degrees
            weighed = factor * shown[into]
            of_blocks = weighed.reshape(-1, BLOCK * (2 * into + 1), weighed.shape[2])
            messages[out].append(torch.bmm(directions.coupling(degrees), of_blocks))
        found = {}
        for degree, of_paths in messages.items():
            joined = torch.cat(of_paths, dim=2)
            total = joined.new_zeros(atoms, *joined.shape[1:])
            total = total.index_add(0, directions.centre, joined)
            found[degree] = total @ self.of_messages[degree]
            if degree in self.to_itself:
                found[degree] = found[degree] + features[degree] @ self.to_itself[degree]
        return self._gated(found)

    def _gated(self, features: Features) -> Features:
        scalars = self.gate.irreps_scalars.dim
        values, gates = features[0][..., :scalars], features[0][..., scalars:]
        gated = {0: self.gate.act_scalars(values)}
        if gates.shape[-1]:
            others = {degree: features[degree] for degree in sorted(features) if degree}
            parts = self.gate.act_gates(gates).split([v.shape[2] for v in others.values()], 2)
            for (degree, values), part in zip(others.items(), parts, strict=True):
                gated[degree] = values * part
        return gated


def _radial(network: Any, factors: list[float]) -> Callable[[Tensor], Tensor]:
    """Return e3nn's network that depends on the distance, its outputs multiplied by factors."""
    layers = []
    for index in range(len(network.hs) - 1):
        layer = getattr(network, f"layer{index}")
        weights = layer.weight.detach() / (layer.h_in * layer.var_in) ** 0.5
        layers.append((weights, layer.act, layer.var_out**0.5))
    weights, activation, factor = layers[-1]
    layers[-1] = (weights * weights.new_tensor(factors), activation, factor)

    def apply(values: Tensor) -> Tensor:
        for weights, activation, factor in layers:
            values = values @ weights
            if activation is not None:
                values = activation(values)
            if factor != 1:
                values = values * factor
        return values

    return apply


@cache
def _coupling_of_degrees(into: int, by: int, out: int) -> Tensor:
    """Return Wigner's 3j symbols in e3nn's real basis, shape (2l + 1, 2l₁ + 1, 2l' + 1)."""
    import torch
    from e3nn.o3 import wigner_3j

    return wigner_3j(into, by, out, dtype=torch.float32)


def _weights(linear: Any) -> Features:
    """Return the matrices of an e3nn Linear by degree, shape (channels in, channels out)."""
    import torch

    blocks: dict[int, dict[tuple[int, int], Tensor]] = defaultdict(dict)
    flat = linear.weight.detach()
    for path in linear.instructions:
        taken, flat = flat[: np.prod(path.path_shape)], flat[np.prod(path.path_shape) :]
        degree = linear.irreps_in[path.i_in].ir.l
        blocks[degree][path.i_in, path.i_out] = taken.reshape(path.path_shape) * path.path_weight
    matrices = {}
    for degree, found in blocks.items():
        rows, columns = (sorted({place[axis] for place in found}) for axis in (0, 1))
        matrices[degree] = torch.cat(
            [torch.cat([found[row, column] for column in columns], dim=1) for row in rows]
        ).contiguous()
    return matrices
