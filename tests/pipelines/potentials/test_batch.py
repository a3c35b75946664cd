"""Calculations side by side give what each gives alone, and end one by one."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from pvkdb.errors import CalculationFailedError
from pvkdb.schemas.calculations import FailureKind
from pvkdb_pipelines.potentials.batch import Batch, cpu_seconds
from pvkdb_pipelines.potentials.loading import load_potential
from pvkdb_pipelines.potentials.potential import Potential, Properties
from pvkdb_pipelines.relaxations.relaxation import relax


class Counting:
    """Atoms on anharmonic springs, from a model that notes the formulas of each batch."""

    def __init__(self, most_atoms: int = 1000) -> None:
        self.batches: list[list[str]] = []
        self.most_atoms = most_atoms

    def __call__(self, structures: Sequence[Atoms], stress: bool) -> list[Properties]:
        if sum(map(len, structures)) > self.most_atoms:
            raise MemoryError("CUDA out of memory")
        self.batches.append([str(structure.symbols) for structure in structures])
        return [self._one(structure) for structure in structures]

    def _one(self, structure: Atoms) -> Properties:
        away = structure.positions - SITES[str(structure.symbols)]
        energy = float((away**2 + 4 * away**4).sum())
        return {"energy": energy, "forces": -2 * away - 16 * away**3, "stress": np.zeros(6)}


def potential(model: Counting) -> Potential:
    return Potential("springs", "none", {}, frozenset({"Cu", "Ni", "Al"}), model)


def rattled(symbol: str, displacement: float, repeat: int = 1) -> Atoms:
    atoms = bulk(symbol, cubic=True) * (repeat, 1, 1)
    atoms.rattle(displacement, seed=3)
    return atoms


SITES = {
    str(atoms.symbols): atoms.positions
    for atoms in (rattled("Cu", 0), rattled("Ni", 0), rattled("Al", 0, 2))
}
CRYSTALS = [rattled("Cu", 0.15), rattled("Ni", 0.01), rattled("Al", 0.05, 2)]


def relaxation(
    atoms: Atoms, model: Counting, max_steps: int = 200
) -> Callable[[], tuple[Atoms, int] | CalculationFailedError]:
    """The relaxation of the atoms, or what a worker would record in its place."""

    def run() -> tuple[Atoms, int] | CalculationFailedError:
        try:
            return relax(atoms, potential(model), 0.01, max_steps, cell=False, what="crystal")
        except CalculationFailedError as failure:
            return failure

    return run


def taking(calculations: Sequence[Callable[[], object]]) -> Callable[[], Callable[[], object]]:
    left = iter(calculations)
    return lambda: next(left, None)


def test_relaxations_end_as_alone_and_the_converged_leaves_the_batch() -> None:
    alone = [relaxation(atoms, Counting())() for atoms in CRYSTALS]
    model = Counting()
    run = Batch(1000).run(taking([relaxation(atoms, model) for atoms in CRYSTALS]))
    together = {str(atoms.symbols): (atoms, steps) for atoms, steps in run}
    assert [steps for _, steps in alone] == [together[str(a.symbols)][1] for a, _ in alone]
    for atoms, _ in alone:
        other = together[str(atoms.symbols)][0]
        assert other.get_potential_energy() == atoms.get_potential_energy()
        assert np.array_equal(other.positions, atoms.positions)
    assert next(iter(together)) == "Ni4"  # hardly rattled
    assert model.batches[0] == ["Cu4", "Ni4", "Al8"]
    assert model.batches[-1] in (["Cu4"], ["Al8"])
    steps = [steps for _, steps in together.values()]
    assert len(model.batches) == max(steps) + 1


def test_one_that_fails_fails_alone_and_for_its_own_reason() -> None:
    class Broken(Counting):
        def __call__(self, structures: Sequence[Atoms], stress: bool) -> list[Properties]:
            if len(self.batches) > 3 and any("Ni" in str(each.symbols) for each in structures):
                raise RuntimeError("nickel is too much")
            return super().__call__(structures, stress)

    model, lonely = Broken(), Counting()
    calculations = [relaxation(CRYSTALS[0], model), relaxation(CRYSTALS[2], model, max_steps=2)]

    def of_nickel() -> str:
        with pytest.raises(RuntimeError, match="nickel is too much"):
            relaxation(rattled("Ni", 0.2), model)()
        return "failed"

    ended = list(Batch(1000).run(taking([of_nickel, *calculations])))
    short, failed, copper = ended
    assert failed == "failed"
    assert isinstance(short, CalculationFailedError)
    assert short.kind is FailureKind.RELAXATION_NOT_CONVERGED
    assert isinstance(copper, tuple)
    assert copper[1] == relaxation(CRYSTALS[0], lonely)()[1]


def test_one_that_is_not_a_number_fails_alone() -> None:
    class NotANumber(Counting):
        def _one(self, structure: Atoms) -> Properties:
            found = super()._one(structure)
            return {**found, "energy": np.nan} if "Ni" in str(structure.symbols) else found

    model = NotANumber()
    ended = list(Batch(1000).run(taking([relaxation(atoms, model) for atoms in CRYSTALS])))
    kinds = [end.kind for end in ended if isinstance(end, CalculationFailedError)]
    assert kinds == [FailureKind.POTENTIAL_FAILED]
    assert len(ended) == 3


def test_batches_are_filled_to_the_limit_and_no_further() -> None:
    """A calculation that ends makes room; the memory of a GPU that is too small means less."""
    model = Counting()
    crystals = [rattled("Cu", 0.02 * number) for number in range(1, 6)]
    run = Batch(8).run(taking([relaxation(atoms, model) for atoms in crystals]))
    assert len(list(run)) == 5
    assert {len(batch) for batch in model.batches[:-1]} == {2, 1}
    assert sum(len(batch) == 2 for batch in model.batches) > len(model.batches) / 2
    small = Counting(most_atoms=4)
    steps = sorted(
        steps for _, steps in Batch(1000).run(taking([relaxation(c, small) for c in crystals]))
    )
    assert steps == sorted(relaxation(atoms, Counting())()[1] for atoms in crystals)
    assert {len(batch) for batch in small.batches} == {1}


def test_what_calculates_otherwise_is_evaluated_apart() -> None:
    """Another model, and one with stress beside one without."""
    one, other = Counting(), Counting()

    def forces(model: Counting, stress: bool) -> int:
        return len(potential(model).evaluate(CRYSTALS[:2], stress=stress))

    calculations = [
        partial(forces, one, True),
        partial(forces, one, False),
        partial(forces, other, True),
    ]
    assert list(Batch(1000).run(taking(calculations))) == [2, 2, 2]
    assert one.batches == [["Cu4", "Ni4"]] * 2
    assert other.batches == [["Cu4", "Ni4"]]


def test_an_error_around_a_calculation_interrupts_the_others() -> None:
    model, interrupted = Counting(), []

    def patient() -> None:
        try:
            relaxation(CRYSTALS[0], model)()
        except KeyboardInterrupt:
            interrupted.append(len(model.batches))
            raise

    def impatient() -> None:
        potential(model).evaluate(CRYSTALS[:1], stress=False)
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="the disk is full"):
        list(Batch(1000).run(taking([patient, impatient, patient])))
    assert interrupted == [1, 1]
    run = Batch(1000).run(taking([relaxation(CRYSTALS[1], model), patient]))
    next(run)
    run.close()
    assert len(interrupted) == 3


def test_each_has_its_share_of_the_processor_time() -> None:
    def spends(atoms: Atoms) -> float:
        started = cpu_seconds()
        for _ in range(10):
            potential(Counting()).evaluate([atoms])
        return cpu_seconds() - started

    started = time.process_time()
    shares = list(Batch(1000).run(taking([partial(spends, atoms) for atoms in CRYSTALS])))
    spent = time.process_time() - started
    assert all(share > 0 for share in shares)
    assert sum(shares) <= spent


@pytest.mark.slow
@pytest.mark.parametrize("name", ["chgnet", "sevennet-0"])
def test_cells_of_machine_learning_relax_in_a_batch_as_alone(name: str) -> None:
    """Within 1 meV a cell: the rounding of a batch differs, and FIRE follows it."""
    cells = [
        bulk("CsBr", "cesiumchloride", a=4.5),
        bulk("PbS", "rocksalt", a=6.2, cubic=True),
        bulk("AgCl", "rocksalt", a=5.5),
    ]
    for cell in cells:
        cell.rattle(0.1, seed=1)

    def energy(cell: Atoms) -> tuple[str, float, int]:
        relaxed, steps = relax(cell, load_potential(name), 0.05, 300, cell=True, what="cell")
        return str(relaxed.symbols), float(relaxed.get_potential_energy()), steps

    alone = sorted(energy(cell) for cell in cells)
    together = sorted(Batch(1000).run(taking([partial(energy, cell) for cell in cells])))
    for (symbols, energy_ev, steps), (same, other_ev, other_steps) in zip(
        alone, together, strict=True
    ):
        assert symbols == same
        assert other_ev == pytest.approx(energy_ev, abs=1e-3)
        assert abs(other_steps - steps) <= 2
