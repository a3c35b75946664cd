"""Machine-learned potentials: one model per process, many calculators, counted force calls.

The weights are part of the wheels of CHGNet and SevenNet, so nothing is downloaded. The heavy
libraries are imported only when a potential is loaded.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import version
from typing import Any, TypeAlias

from ase import Atoms
from ase.calculators.calculator import Calculator, all_changes
from ase.calculators.singlepoint import SinglePointCalculator
from ase.data import chemical_symbols

from pvkdb.errors import CalculationFailedError, InputError, MissingExtraError
from pvkdb.schemas.calculations import FailureKind, PotentialName

#: Energy (eV), forces (eV/Å, shape (atoms, 3)) and stress (eV/Å³, Voigt, shape (6,)).
Properties: TypeAlias = dict[str, Any]
#: Properties of several structures at once, in their order; stress only if requested.
Evaluate: TypeAlias = Callable[[Sequence[Atoms], bool], list[Properties]]

#: MPtrj, the training set of both models, contains 89 of the first 94 elements.
_MPTRJ_ELEMENTS = frozenset(chemical_symbols[1:95]) - {"Po", "At", "Rn", "Fr", "Ra"}


@dataclass
class Potential:
    """A potential that evaluates energies, forces and stresses, and counts its calls.

    Attributes:
        name: Name that pvkdb uses, e.g. ``"sevennet-0"``.
        weights: The library's own name of the weights, e.g. ``"7net-0"``.
        versions: Versions of the packages that determine the numbers.
        elements: Symbols of the elements in the training set.
        evaluate_many: The model.
        files: Returns the files that a DFT program has read and written, by name.
        force_calls: Number of structures evaluated so far.
    """

    name: str
    weights: str
    versions: dict[str, str]
    elements: frozenset[str]
    evaluate_many: Evaluate
    files: Callable[[], Mapping[str, bytes]] = dict
    force_calls: int = field(default=0, init=False)

    def evaluate(self, structures: Sequence[Atoms], *, stress: bool = True) -> list[Properties]:
        """Return the properties of several structures, in one batch if the model supports it.

        Only the relaxation of a cell needs the stress. The net force is removed: the residue of
        single precision would make quasi-Newton steps drift, as translations have no curvature.
        """
        self.force_calls += len(structures)
        found = self.evaluate_many(structures, stress)
        for properties in found:
            properties["forces"] = properties["forces"] - properties["forces"].mean(axis=0)
        return found

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
        (found,) = self._potential.evaluate([self.atoms], stress=self._stress)
        self.results = {**found, "free_energy": found["energy"]}

    def __reduce__(self) -> tuple[Callable[..., Calculator], tuple[Any, ...]]:
        """Pickle the results only: the model stays in this process."""
        return _found, (self.atoms, self.results)


def _found(atoms: Atoms | None, results: Properties) -> Calculator:
    return SinglePointCalculator(Atoms() if atoms is None else atoms, **results)


def load_potential(name: PotentialName | str) -> Potential:
    """Load a potential; the model is read once per process.

    PyTorch is set to one thread: one process per core is faster, and several processes with several
    threads each can be ten times slower.

    Raises:
        InputError: The name is not one of :class:`PotentialName`.
        MissingExtraError: The library of the potential is not installed.
    """
    try:
        known = PotentialName(name)
    except ValueError:
        names = ", ".join(PotentialName)
        raise InputError(f"potential {str(name)!r} is unknown; choose one of: {names}") from None
    package, weights = _PACKAGES[known]
    try:
        evaluate = _load(known)
    except ModuleNotFoundError as error:
        raise MissingExtraError(error.name or package, "potentials") from error
    packages = (package, "torch", "ase")
    return Potential(
        name=known.value,
        weights=weights,
        versions={package_name: version(package_name) for package_name in packages},
        elements=_MPTRJ_ELEMENTS,
        evaluate_many=evaluate,
    )


@cache
def _load(name: PotentialName) -> Evaluate:
    if name is PotentialName.CHGNET:
        from pvkdb_pipelines.potentials.chgnet import load_chgnet

        return load_chgnet(_PACKAGES[name][1])
    from pvkdb_pipelines.potentials.sevennet import load_sevennet

    return load_sevennet(_PACKAGES[name][1])


#: Package of each potential, and its name of the weights.
_PACKAGES = {
    PotentialName.CHGNET: ("chgnet", "0.3.0"),
    PotentialName.SEVENNET_0: ("sevenn", "7net-0"),
}
