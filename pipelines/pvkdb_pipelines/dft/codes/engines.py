"""One factory for every source of energies and forces, by name.

Machine-learned potentials and DFT engines share the interface
:class:`~pvkdb_pipelines.potentials.potential.Potential`, so that relaxations and bands are written
only once.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.data import chemical_symbols
from ase.units import Ry

from pvkdb._extras import needing
from pvkdb.errors import CalculationFailedError, InputError, unknown_name
from pvkdb.schemas.calculations import FailureKind, registered_potentials
from pvkdb.schemas.calculations.dft import DftSettings, Engine
from pvkdb_pipelines.dft.codes import sssp
from pvkdb_pipelines.dft.codes.runs import RunFiles, RunLocation
from pvkdb_pipelines.potentials.loading import load_potential
from pvkdb_pipelines.potentials.potential import Potential, Properties


def load_engine(
    name: str, settings: DftSettings | None = None, location: RunLocation | None = None
) -> Potential:
    """Return the source of energies and forces of this name.

    Args:
        name: Name of a potential, or ``espresso``, ``cp2k`` or ``gpaw``.
        settings: Complete settings of a DFT engine; not used by potentials.
        location: Where it runs; default: from the environment.

    Raises:
        CalculationFailedError: The program or one of its files is missing.
        InputError: Unknown name, or a DFT engine without settings.
        MissingExtraError: The library of a potential or of GPAW is not installed.
    """
    potentials = registered_potentials()
    if ":" in name or name in potentials:
        return load_potential(name)
    if name == Engine.VASP.value:
        raise CalculationFailedError(
            FailureKind.PROGRAM_NOT_FOUND,
            "pvkdb does not run VASP itself; run it by hand: pvkdb export-inputs ID",
        )
    if name not in _LOADERS:
        raise InputError(unknown_name("engine", name, [*potentials, *_LOADERS]))
    if settings is None or None in (settings.kpoint_grid, settings.cutoff_wfc_ry):
        raise InputError(f"engine {name} needs complete settings: cutoffs, k-points, smearing…")
    return _LOADERS[name](
        settings, RunLocation.from_environment() if location is None else location
    )


def _espresso(settings: DftSettings, location: RunLocation) -> Potential:
    from pvkdb_pipelines.dft.codes.espresso import EspressoEngine

    engine = EspressoEngine(settings, location)
    engine.versions["ase"] = version("ase")
    return Potential(
        name=Engine.ESPRESSO.value,
        weights=sssp.library(settings.pseudopotentials),
        versions=engine.versions,
        elements=frozenset(sssp.table()),
        evaluate_many=engine.evaluate,
        files=engine.runs.files,
    )


def _cp2k(settings: DftSettings, location: RunLocation) -> Potential:
    from pvkdb_pipelines.dft.codes import cp2k

    engine = cp2k.Cp2kEngine(settings, location)
    engine.versions["ase"] = version("ase")
    return Potential(
        name=Engine.CP2K.value,
        weights=cp2k.LIBRARY,
        versions=engine.versions,
        elements=frozenset(chemical_symbols[1:]),
        evaluate_many=engine.evaluate,
        files=engine.runs.files,
        close=engine.close,
    )


def _gpaw(settings: DftSettings, location: RunLocation) -> Potential:
    with needing("gpaw"):
        import gpaw

    def calculator(folder: Path) -> Any:
        spin: dict[str, Any] = {} if settings.magnetization_mub is None else {"fixmagmom": True}
        smearings: dict[str, dict[str, Any]] = {
            "fixed": {"name": "fixed-uniform"},
            "gaussian": {  # Methfessel–Paxton of order 0
                "name": "methfessel-paxton",
                "order": 0,
                "width": settings.smearing_width_ev,
            },
            "cold": {"name": "marzari-vanderbilt", "width": settings.smearing_width_ev},
            "fermi-dirac": {"name": "fermi-dirac", "width": settings.smearing_width_ev},
        }
        return gpaw.GPAW(
            mode={"name": "pw", "ecut": round((settings.cutoff_wfc_ry or 0) * Ry, 4)},
            xc=settings.functional,
            kpts={"size": settings.kpoint_grid, "gamma": True},
            occupations={**smearings[settings.smearing], **spin},
            charge=settings.charge,
            spinpol=settings.magnetization_mub is not None,
            convergence={"energy": settings.scf_threshold_ry * Ry},
            maxiter=settings.scf_max_steps,
            txt=str(folder / "gpaw.txt"),
        )

    versions = {"gpaw": version("gpaw")}
    return _Evaluation(settings, location, calculator).potential("GPAW setups", versions)


@dataclass(frozen=True, slots=True)
class _Evaluation:
    """Energies and forces from ASE calculators, a new one for each structure."""

    settings: DftSettings
    location: RunLocation
    calculator: Callable[[Path], Any]
    runs: RunFiles = field(default_factory=RunFiles)

    def potential(self, weights: str, versions: dict[str, str]) -> Potential:
        """Return the calculator as a potential, which relaxations and bands can use."""
        return Potential(
            name=self.settings.engine.value,
            weights=weights,
            versions={**versions, "ase": version("ase")},
            elements=frozenset(chemical_symbols[1:]),
            evaluate_many=self,
            files=self.runs.files,
        )

    def __call__(self, structures: Sequence[Atoms], stress: bool) -> list[Properties]:
        return [self._one(structure, stress) for structure in structures]

    def _one(self, structure: Atoms, stress: bool) -> Properties:
        engine = self.settings.engine
        with tempfile.TemporaryDirectory(prefix="pvkdb-dft-", dir=self.location.scratch) as name:
            atoms = Atoms(
                structure.symbols, positions=structure.positions, cell=structure.cell, pbc=True
            )
            if self.settings.magnetization_mub is not None:
                share = self.settings.magnetization_mub / len(atoms)
                atoms.set_initial_magnetic_moments([share] * len(atoms))
            atoms.calc = self.calculator(Path(name))
            try:
                # The forces are derivatives of the free energy, as in pw.x.
                found: Properties = {
                    "energy": float(atoms.get_potential_energy(force_consistent=True)),
                    "forces": np.array(atoms.get_forces()),
                }
                if stress:
                    found["stress"] = np.array(atoms.get_stress())
            except (MemoryError, KeyboardInterrupt):
                raise
            except Exception as error:  # each code and its interface raise their own errors
                kind = FailureKind.PROGRAM_CRASHED
                if isinstance(error, FileNotFoundError):  # of a PAW data set
                    kind = FailureKind.PSEUDOPOTENTIAL_MISSING
                elif "converge" in f"{type(error).__name__} {error}".lower():
                    kind = FailureKind.SCF_NOT_CONVERGED
                raise CalculationFailedError(
                    kind, f"{engine}: {type(error).__name__}: {error}. {_tail(Path(name))}"
                ) from error
            finally:
                written = Path(name, "gpaw.txt")
                self.runs.add({written.name: written.read_bytes()} if written.is_file() else {})
            return found


def _tail(folder: Path) -> str:
    from pvkdb_pipelines.dft.codes.pw_output import tail

    path = folder / "gpaw.txt"
    if path.is_file():
        return tail(path.read_text(encoding="utf-8", errors="replace"))
    return "The output is empty."


_LOADERS: dict[str, Callable[[DftSettings, RunLocation], Potential]] = {
    Engine.ESPRESSO.value: _espresso,
    Engine.CP2K.value: _cp2k,
    Engine.GPAW.value: _gpaw,
}
