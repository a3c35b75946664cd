"""What the charge of a vacancy adds, learned by tuning SevenNet-0 on force calls of other hosts.

    python -m validation.dft.charge_fine_tuning    # some minutes a composition and family

The second way of ``charge_correction.py``. All layers of the network are frozen but the last. Its
weights learn, at charge +1, energies along each path against the start, and forces. Against
forgetting, crystals without a vacancy are replayed: relaxed cells of the release, rattled, with
energies and forces of the untuned network. Only hops that count are learned and tested.
"""

from __future__ import annotations

import argparse
import gzip
import json
from collections.abc import Collection, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from ase import Atoms

from pvkdb.computed.release import FOLDER
from pvkdb_pipelines.potentials.sevennet import _Model, sevennet_calculator
from pvkdb_pipelines.work.cores import one_thread_each
from validation.dft.charge_correction import (
    HopCalls,
    LeftOut,
    mean_of_like_hops,
    read_paths,
    write_left_out,
)

POTENTIAL = "sevennet-0"
#: Rounds over all paths, and the length of a step: two minutes a fold, in which the training loss
#: falls to a sixth. Chosen before any test.
_ROUNDS, _RATE = 6, 2e-4
#: Errors that count one: of energies along a path (eV), forces (eV/Å), the replay (eV an atom).
_ENERGY, _FORCE, _REPLAY = 0.05, 0.05, 0.002
#: How far atoms of the replay are displaced, Å.
_RATTLE = 0.1
#: Calls of a path that are learned, beside its ends and its saddle point.
_OTHERS = 1


class Lesson:
    """Structures of one kind, and what the network should say of them."""

    def __init__(self, model: _Model, structures: Sequence[Atoms]) -> None:
        self._sizes = [len(each) for each in structures]
        self._edges = model._edges(structures)
        self._numbers = np.concatenate([each.numbers for each in structures])
        self._energies, self._forces = (each.detach() for each in self.evaluate(model))
        self._first = 0.0
        self._error: Any = _REPLAY * torch.tensor(self._sizes)

    @classmethod
    def of_path(cls, model: _Model, path: HopCalls) -> Lesson:
        """Return the ends and the saddle point of a path by DFT, and some other calls."""
        own = sorted(path.points.values())
        others = [place for place in range(len(path.calls)) if place not in own]
        chosen = others[:: max(1, len(others) // _OTHERS)][:_OTHERS]
        start = path.points.get("start", chosen[0])
        places = [start, *(place for place in (*own, *chosen) if place != start)]
        calls = [path.calls[place] for place in places]
        lesson = cls(model, calls)
        found = torch.tensor([call.get_potential_energy() for call in calls]).double()
        lesson._energies, lesson._first, lesson._error = found - found[0], 1.0, _ENERGY
        lesson._forces = torch.from_numpy(np.concatenate([call.get_forces() for call in calls]))
        return lesson

    def evaluate(self, model: _Model, *, learn: bool = False) -> tuple[Any, Any]:
        """Return energies (eV, one for each structure) and forces (eV/Å, all atoms)."""
        edges = self._edges
        vectors = torch.tensor(edges.vectors, dtype=torch.float32, requires_grad=True)
        energies = model._energies(self._numbers, edges, vectors).double()
        (pull,) = torch.autograd.grad(energies.sum(), vectors, create_graph=learn)
        forces = torch.zeros(sum(self._sizes), 3, dtype=torch.float64)
        forces = forces.index_add(0, torch.from_numpy(edges.first), pull.double())
        forces = forces.index_add(0, torch.from_numpy(edges.second), -pull.double())
        return torch.stack([each.sum() for each in energies.split(self._sizes)]), forces

    def loss(self, model: _Model) -> Any:
        """Return the mean of errors, each over what counts one; squares where they are small."""
        energies, forces = self.evaluate(model, learn=True)
        of_energies = (energies - self._first * energies[0] - self._energies) / self._error
        of_forces = (forces - self._forces) / _FORCE
        mean = torch.nn.functional.huber_loss
        return sum(mean(each, torch.zeros_like(each)) for each in (of_energies, of_forces))


class TunedNetwork:
    """SevenNet-0, whose last layer is tuned on some paths."""

    def __init__(self, formulas: Collection[str]) -> None:
        self._model = _Model(sevennet_calculator("7net-0"))
        self._replay = [Lesson(self._model, [each]) for each in _crystals(formulas)]
        layer = self._model._layers[-1]
        self._weights: list[Any] = []
        for group in (layer.to_itself, layer.to_neighbours, layer.of_messages):
            for degree, values in group.items():
                group[degree] = values.clone().requires_grad_()
                self._weights.append(group[degree])
        self._model._energy_of_features = self._model._energy_of_features.clone().requires_grad_()
        self._weights.append(self._model._energy_of_features)
        self._untuned = [each.detach().clone() for each in self._weights]

    def lesson(self, path: HopCalls) -> Lesson:
        """Return what is learned of a path."""
        return Lesson.of_path(self._model, path)

    def tune(self, lessons: Sequence[Lesson]) -> list[float]:
        """Learn these paths, from the untuned network on; return the mean loss of each round."""
        for weights, untuned in zip(self._weights, self._untuned, strict=True):
            weights.data.copy_(untuned)
        every = [*lessons, *self._replay]
        steps = torch.optim.Adam(self._weights, lr=_RATE)
        slower = torch.optim.lr_scheduler.CosineAnnealingLR(steps, _ROUNDS * len(every))
        random = np.random.default_rng(0)
        losses = []
        for _ in range(_ROUNDS):
            total = 0.0
            for place in random.permutation(len(every)):
                steps.zero_grad()
                loss = every[place].loss(self._model)
                loss.backward()
                steps.step()
                slower.step()
                total += loss.item()
            losses.append(total / len(every))
        return losses

    def says(self, structures: Sequence[Atoms]) -> tuple[np.ndarray, np.ndarray]:
        """Return energies, eV, and forces of all atoms, eV/Å."""
        found = self._model.evaluate(structures, stress=False)
        energies = np.array([each["energy"] for each in found])
        return energies, np.concatenate([each["forces"] for each in found])


def _crystals(formulas: Collection[str]) -> Iterator[Atoms]:
    """Yield the relaxed cells of these compositions in the release, rattled."""
    with gzip.open(FOLDER / "inorganic-calculations.jsonl.gz", "rt", encoding="utf-8") as file:
        for line in file:
            row = json.loads(line)
            own = row.get("parameters", {})
            if row.get("kind") != "relax" or own.get("potential") != POTENTIAL:
                continue
            if own.get("formula") in formulas:
                (found,) = (each for each in row["structures"] if each["role"] == "host")
                host = Atoms(
                    found["symbols"], found["positions_ang"], cell=found["cell_ang"], pbc=True
                )
                host.rattle(_RATTLE, seed=len(host))
                yield host


def judge() -> Iterator[LeftOut]:
    """Yield the hops that count, each learned from those of other compositions or families."""
    paths = list(read_paths(POTENTIAL))
    network = TunedNetwork({path.formula for path in paths})
    lessons = [network.lesson(path) for path in paths]
    for what in ("composition", "family"):
        names = [path.formula if what == "composition" else path.family for path in paths]
        found = []
        for name in dict.fromkeys(names):
            kept = [place for place, each in enumerate(names) if each != name]
            losses = network.tune([lessons[place] for place in kept])
            print(name, f"loss {losses[0]:.2f} to {losses[-1]:.2f}", flush=True)
            for path in (path for path, each in zip(paths, names, strict=True) if each == name):
                others = [paths[place] for place in kept]
                found.append(_left_out(path, network, what, mean_of_like_hops(path, others)))
        errors = np.array([each.missing_ev - each.learned_ev for each in found])
        for place, each in enumerate(found):
            each.error_ev = round(float(np.sqrt(np.mean(np.delete(errors, place) ** 2))), 4)
        yield from found


def _left_out(
    path: HopCalls, network: TunedNetwork, what: str, same_hops_ev: float | None
) -> LeftOut:
    energies, forces = network.says(path.calls)
    start, saddle = path.points["start"], path.points["saddle"]
    missing_ev, missing_forces = path.missing
    learned = (energies - path.energies)[[start, saddle]]
    exact = np.concatenate([call.get_forces() for call in path.calls])
    return LeftOut(
        learned_by="tuning",
        potential=POTENTIAL,
        left_out=what,
        name=path.name,
        missing_ev=round(float(missing_ev[saddle]), 4),
        learned_ev=round(float(learned[1] - learned[0]), 4),
        error_ev=0.0,
        same_hops_ev=same_hops_ev,
        force_mae=round(float(np.abs(np.concatenate(missing_forces)).mean()), 4),
        force_mae_left=round(float(np.abs(exact - forces).mean()), 4),
    )


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    one_thread_each()
    write_left_out(list(judge()))
