"""What the DFT engines share: one structure after the other, within the time of a calculation."""

from __future__ import annotations

import time
from collections.abc import Sequence
from importlib.metadata import version

from ase import Atoms
from ase.data import chemical_symbols

from pvkdb.errors import CalculationFailedError
from pvkdb.schemas.calculations import FailureKind
from pvkdb.schemas.calculations.dft import DftSettings
from pvkdb_pipelines.dft.codes.runs import RunFiles, RunLocation
from pvkdb_pipelines.potentials.potential import Potential, Properties


class DftEngine:
    """A DFT program that runs for structures, one at a time; ``runs`` keeps its files.

    ``settings`` must be complete; the time limit of ``location`` starts now.
    """

    elements = frozenset(chemical_symbols[1:])

    def __init__(self, settings: DftSettings, location: RunLocation, weights: str) -> None:
        self._settings = settings
        self._location = location
        self._weights = weights
        self._started = time.monotonic()
        self.versions = {"ase": version("ase")}
        self.runs = RunFiles()

    def potential(self) -> Potential:
        """Return the program as a potential, which relaxations and bands can use."""
        return Potential(
            name=self._settings.engine.value,
            weights=self._weights,
            versions=self.versions,
            elements=self.elements,
            evaluate_many=self.evaluate,
            files=self.runs.files,
            close=self.close,
        )

    def evaluate(self, structures: Sequence[Atoms], stress: bool) -> list[Properties]:
        """Return energies (eV), forces (eV/Å), stresses if requested, and details of the SCF.

        Raises:
            CalculationFailedError: ``OUT_OF_WALLTIME``, ``SCF_NOT_CONVERGED`` or
                ``PROGRAM_CRASHED``, with the end of the output.
        """
        return [self._run(structure, stress) for structure in structures]

    def close(self) -> None:
        """End a program that runs from structure to structure."""

    def _run(self, structure: Atoms, stress: bool) -> Properties:
        raise NotImplementedError

    def _left_s(self, program: str) -> float | None:
        """Return the seconds that are left for the next structure; None without a limit."""
        if (limit_s := self._location.max_seconds) is None:
            return None
        left_s = self._started + limit_s - time.monotonic()
        if left_s <= 0:
            raise CalculationFailedError(
                FailureKind.OUT_OF_WALLTIME,
                f"the {limit_s:.0f} s time limit was reached before {program} could run for the "
                "next structure; allow more in PVKDB_DFT_MAX_SECONDS",
            )
        return left_s


def plain(structure: Atoms) -> Atoms:
    """Return a periodic structure without what else atoms carry, such as constraints."""
    return Atoms(structure.symbols, structure.positions, cell=structure.cell, pbc=True)
