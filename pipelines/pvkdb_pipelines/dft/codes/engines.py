"""One factory for every source of energies and forces, by name.

Machine-learned potentials and DFT engines share the interface
:class:`~pvkdb_pipelines.potentials.potential.Potential`, so that relaxations and bands are written
only once.
"""

from __future__ import annotations

import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.units import Ry

from pvkdb._extras import needing
from pvkdb.errors import CalculationFailedError, InputError, unknown_name
from pvkdb.schemas.calculations import FailureKind, registered_potentials
from pvkdb.schemas.calculations.dft import DftSettings, Engine
from pvkdb_pipelines.dft.codes.cp2k import Cp2kEngine
from pvkdb_pipelines.dft.codes.dft_engine import DftEngine, plain
from pvkdb_pipelines.dft.codes.espresso import EspressoEngine
from pvkdb_pipelines.dft.codes.pw_output import tail
from pvkdb_pipelines.dft.codes.runs import RunLocation, going_with_process
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
    if name not in _ENGINES:
        raise InputError(unknown_name("engine", name, [*potentials, *_ENGINES]))
    if settings is None or None in (settings.kpoint_grid, settings.cutoff_wfc_ry):
        raise InputError(f"engine {name} needs complete settings: cutoffs, k-points, smearing…")
    return _ENGINES[name](settings, location or RunLocation.from_environment()).potential()


class _GpawEngine(DftEngine):
    """Runs GPAW through its ASE calculator, a new one for each structure."""

    def __init__(self, settings: DftSettings, location: RunLocation) -> None:
        with needing("gpaw"):
            import gpaw
        super().__init__(settings, location, "GPAW setups")
        self.versions = {"gpaw": version("gpaw"), **self.versions}
        self._program = gpaw.GPAW

    def _calculator(self, output: Path) -> Any:
        settings = self._settings
        spin: dict[str, Any] = {} if settings.magnetization_mub is None else {"fixmagmom": True}
        width = {"width": settings.smearing_width_ev}
        smearings: dict[str, dict[str, Any]] = {
            "fixed": {"name": "fixed-uniform"},
            # Methfessel–Paxton of order 0
            "gaussian": {"name": "methfessel-paxton", "order": 0, **width},
            "cold": {"name": "marzari-vanderbilt", **width},
            "fermi-dirac": {"name": "fermi-dirac", **width},
        }
        return self._program(
            mode={"name": "pw", "ecut": round((settings.cutoff_wfc_ry or 0) * Ry, 4)},
            xc=settings.functional,
            kpts={"size": settings.kpoint_grid, "gamma": True},
            occupations={**smearings[settings.smearing], **spin},
            charge=settings.charge,
            spinpol=settings.magnetization_mub is not None,
            convergence={"energy": settings.scf_threshold_ry * Ry},
            maxiter=settings.scf_max_steps,
            txt=str(output),
        )

    def _run(self, structure: Atoms, stress: bool) -> Properties:
        moment = self._settings.magnetization_mub
        with tempfile.TemporaryDirectory(prefix="pvkdb-dft-", dir=self._location.scratch) as folder:
            output = Path(going_with_process(folder), "gpaw.txt")
            output.touch()
            atoms = plain(structure)
            if moment is not None:
                atoms.set_initial_magnetic_moments([moment / len(atoms)] * len(atoms))
            atoms.calc = self._calculator(output)
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
            except Exception as error:  # the code and its interface raise their own errors
                kind = FailureKind.PROGRAM_CRASHED
                if isinstance(error, FileNotFoundError):  # of a PAW data set
                    kind = FailureKind.PSEUDOPOTENTIAL_MISSING
                elif "converge" in f"{type(error).__name__} {error}".lower():
                    kind = FailureKind.SCF_NOT_CONVERGED
                said = output.read_text(encoding="utf-8", errors="replace")
                raise CalculationFailedError(
                    kind, f"gpaw: {type(error).__name__}: {error}. {tail(said)}"
                ) from error
            finally:
                self.runs.add({output.name: output.read_bytes()})
            return found


_ENGINES: dict[str, type[EspressoEngine | Cp2kEngine | _GpawEngine]] = {
    Engine.ESPRESSO.value: EspressoEngine,
    Engine.CP2K.value: Cp2kEngine,
    Engine.GPAW.value: _GpawEngine,
}
