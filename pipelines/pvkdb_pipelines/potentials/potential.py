"""The interface of potentials: many calculators of one model, checked and counted results."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator, all_changes
from ase.calculators.singlepoint import SinglePointCalculator

from pvkdb.errors import CalculationFailedError
from pvkdb.schemas.calculations import FailureKind
from pvkdb_pipelines.geometry.hosts import set_results
from pvkdb_pipelines.potentials import batch
from pvkdb_pipelines.potentials.batch import Evaluate as Evaluate
from pvkdb_pipelines.potentials.batch import Properties as Properties


@dataclass
class Potential:
    """A potential that evaluates energies, forces and stresses, and counts its calls.

    Attributes:
        name: Name that pvkdb uses, e.g. ``"sevennet-0"``.
        weights: The library's own name of the weights, e.g. ``"7net-0"``.
        versions: Versions of the packages, and hashes of the weights, that determine the numbers.
        elements: Symbols of the elements in the training set.
        evaluate_many: The model.
        files: Returns the files that a DFT program has read and written, by name.
        close: Ends a DFT program that runs from structure to structure; it starts again if needed.
        licence: Licence of the package, in its own words.
        device: ``cpu`` or ``cuda``.
        ev_per_atom: Lowest and highest energy that can be right, eV an atom; None: not checked.
        force_calls: Number of structures evaluated so far.
    """

    name: str
    weights: str
    versions: dict[str, str]
    elements: frozenset[str]
    evaluate_many: Evaluate
    files: Callable[[], Mapping[str, bytes]] = dict
    close: Callable[[], object] = lambda: None
    licence: str = "not stated"
    device: str = "cpu"
    ev_per_atom: tuple[float, float] | None = None
    force_calls: int = field(default=0, init=False)

    def evaluate(self, structures: Sequence[Atoms], *, stress: bool = True) -> list[Properties]:
        """Return the properties of several structures, in one batch if the model supports it.

        Only the relaxation of a cell needs the stress. The net force is removed: the residue of
        single precision would make quasi-Newton steps drift, as translations have no curvature.

        Raises:
            CalculationFailedError: The potential returned no usable energy or forces.
        """
        self.force_calls += len(structures)
        found = batch.evaluate(self.evaluate_many, structures, stress)
        for structure, properties in zip(structures, found, strict=True):
            self._require_usable(structure, properties)
            properties["forces"] = properties["forces"] - properties["forces"].mean(axis=0)
        return found

    def evaluated(self, structure: Atoms) -> Atoms:
        """Return a copy of a structure that has its energy and forces."""
        (found,) = self.evaluate([structure], stress=False)
        return set_results(structure.copy(), float(found["energy"]), found["forces"])

    def _require_usable(self, structure: Atoms, found: Properties) -> None:
        shape, per_atom = np.shape(found["forces"]), found["energy"] / len(structure)
        low, high = self.ev_per_atom or (-np.inf, np.inf)
        numbers = [found[key] for key in ("energy", "forces", "stress") if key in found]
        if not all(np.isfinite(value).all() for value in numbers):
            reason = "an energy, force or stress that is not a number"
        elif shape != (len(structure), 3):
            reason = f"forces of shape {shape} for {len(structure)} atoms"
        elif not low <= per_atom <= high:
            reason = f"{per_atom:.4g} eV an atom, outside of {low:g} to {high:g}"
        else:
            return
        raise CalculationFailedError(
            FailureKind.POTENTIAL_FAILED,
            f"{self.name} returned {reason} for {structure.get_chemical_formula()}; use another "
            "potential or another structure",
        )

    def calculator(self, *, stress: bool = True) -> Calculator:
        """Return a new ASE calculator for one structure, which shares the model."""
        return _PotentialCalculator(self, stress=stress)

    def require_elements(self, symbols: Sequence[str]) -> None:
        """Refuse elements outside the training set.

        Raises:
            CalculationFailedError: An element is not in :attr:`elements`.
        """
        missing = sorted(set(symbols) - self.elements)
        if missing:
            raise CalculationFailedError(
                FailureKind.UNSUPPORTED_ELEMENT,
                f"{self.name} was not trained on {', '.join(missing)}; "
                "choose another composition or a DFT engine",
            )


class _PotentialCalculator(Calculator):  # type: ignore[misc]  # ASE is untyped
    """ASE calculator of one structure, which uses the shared model of a potential."""

    implemented_properties: tuple[str, ...] = ("energy", "free_energy", "forces", "stress")

    def __init__(self, potential: Potential, *, stress: bool) -> None:
        super().__init__()
        if not stress:
            self.implemented_properties = ("energy", "free_energy", "forces")
        self._stress = stress
        self._potential = potential

    def calculate(
        self,
        atoms: Atoms | None = None,
        properties: Sequence[str] | None = None,
        system_changes: Sequence[str] = all_changes,
    ) -> None:
        super().calculate(atoms, properties, system_changes)
        self.atoms.set_constraint()  # of this copy: models warn of constraints, and apply none
        (found,) = self._potential.evaluate([self.atoms], stress=self._stress)
        self.results = {**found, "free_energy": found["energy"]}

    def __reduce__(self) -> tuple[Callable[..., Calculator], tuple[Any, ...]]:
        """Pickle the results only: the model stays in this process."""
        return _found, (self.atoms, self.results)


def _found(atoms: Atoms | None, results: Properties) -> Calculator:
    return SinglePointCalculator(Atoms() if atoms is None else atoms, **results)
