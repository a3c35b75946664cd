"""Quantum ESPRESSO: its input, and runs of pw.x through ASE's calculator."""

from __future__ import annotations

import io
import shutil
import tempfile
import weakref
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.espresso import Espresso, EspressoProfile
from ase.io.espresso import write_espresso_in
from ase.units import Ry

from pvkdb.schemas.calculations.dft import DftSettings
from pvkdb_pipelines.dft.codes import sssp
from pvkdb_pipelines.dft.codes.density import start_of
from pvkdb_pipelines.dft.codes.dft_engine import DftEngine, plain
from pvkdb_pipelines.dft.codes.levels import read_levels
from pvkdb_pipelines.dft.codes.pw_output import CodeOutput, read_pw_output, require_success
from pvkdb_pipelines.dft.codes.runs import RunLocation, going_with_process, run_program
from pvkdb_pipelines.potentials.potential import Properties

#: The names of the smearings in pw.x.
_SMEARINGS = {"gaussian": "gaussian", "cold": "marzari-vanderbilt", "fermi-dirac": "fermi-dirac"}

Namelists = dict[str, dict[str, Any]]


def namelists(
    settings: DftSettings, calculation: str = "scf", *, stress: bool = False
) -> Namelists:
    """Return the namelists of pw.x for complete settings: ``scf``, ``relax`` or ``vc-relax``."""
    system: dict[str, Any] = {
        "ecutwfc": settings.cutoff_wfc_ry,
        "ecutrho": settings.cutoff_rho_ry,
        "tot_charge": settings.charge,
    }
    if settings.smearing == "fixed":
        system["occupations"] = "fixed"
    else:
        system |= {
            "occupations": "smearing",
            "smearing": _SMEARINGS[settings.smearing],
            "degauss": round(settings.smearing_width_ev / Ry, 10),
        }
    if settings.magnetization_mub is not None:
        system |= {"nspin": 2, "tot_magnetization": settings.magnetization_mub}
    if settings.soc:
        system |= {"noncolin": True, "lspinorb": True}
    if settings.dispersion is not None:  # Becke–Johnson damping without three-body terms, as VASP
        system |= {"vdw_corr": "dft-d3", "dftd3_version": 4, "dftd3_threebody": False}
    return {
        "control": {
            "calculation": calculation,
            "prefix": "pvkdb",
            "outdir": "./out",
            "tprnfor": True,
            "tstress": stress,
        },
        "system": system,
        "electrons": {
            "conv_thr": settings.scf_threshold_ry,
            "electron_maxstep": settings.scf_max_steps,
            "mixing_beta": settings.mixing_beta,
        },
    }


def kpoints(settings: DftSettings) -> tuple[int, int, int] | None:
    """Return the grid, or None for Γ alone, where pw.x saves half by real wave functions.

    With spin–orbit coupling they are complex.
    """
    return None if settings.kpoint_grid == (1, 1, 1) and not settings.soc else settings.kpoint_grid


def _offset(settings: DftSettings) -> tuple[int, ...]:
    """Return the axes along which a grid lies half a step off Γ."""
    return tuple(int(settings.off_gamma and n % 2 == 0) for n in settings.kpoint_grid or (1, 1, 1))


def files_by_element(settings: DftSettings) -> dict[str, str]:
    """Return the pseudopotential file of each element."""
    return {entry.element: entry.file for entry in settings.pseudopotentials}


def input_text(atoms: Atoms, settings: DftSettings, lists: Namelists) -> str:
    """Return the text of an input of pw.x."""
    text = io.StringIO()
    species = list(dict.fromkeys(atoms.get_chemical_symbols()))
    if settings.hubbard:
        u_ev = {
            f"Hubbard_U({species.index(element) + 1})": value
            for element, (_, value) in settings.hubbard_u_ev.items()
        }
        lists = {**lists, "system": {**lists["system"], "lda_plus_u": True, **u_ev}}
    write_espresso_in(
        text,
        atoms,
        input_data=lists,
        pseudopotentials=files_by_element(settings),
        kpts=kpoints(settings),
        koffset=_offset(settings),
    )
    return text.getvalue()


class EspressoEngine(DftEngine):
    """Runs pw.x for structures, one at a time.

    Each run has its own folder, which is removed afterwards; ``runs`` keeps its input and output. A
    run starts with the density and wave functions of the last one if its structure is near.
    """

    elements = frozenset(sssp.table())

    def __init__(self, settings: DftSettings, location: RunLocation) -> None:
        """Check that the program and its files are there.

        Raises:
            CalculationFailedError: pw.x is missing (``PROGRAM_NOT_FOUND``), or a pseudopotential
                file is missing or has other content.
        """
        package = "Quantum ESPRESSO (Debian: quantum-espresso)"
        location.require_program(location.pw_command, package, "PVKDB_PW_COMMAND")
        sssp.require_files(settings.pseudopotentials, location.pseudo_dir)
        super().__init__(settings, location, sssp.library(settings.pseudopotentials))
        self._files = {
            element: location.pseudo_dir / file
            for element, file in files_by_element(settings).items()
        }
        self._last: Atoms | None = None
        self._saved = ""

    def _run(self, structure: Atoms, stress: bool) -> Properties:
        left = self._left_s("pw.x")
        lists = namelists(self._settings, stress=stress)
        if not self._saved:
            saved = tempfile.mkdtemp(prefix="pvkdb-pw-saved-", dir=self._location.scratch)
            self._saved = going_with_process(saved)
            weakref.finalize(self, shutil.rmtree, self._saved, ignore_errors=True)
        lists["control"] |= {"disk_io": "low", "outdir": self._saved}
        last, self._last = self._last, None  # nothing to start from if this run fails
        lists["electrons"] |= start_of(
            Path(self._saved, "pvkdb.save"), self._files, last, structure
        )
        if left is not None:
            lists["control"]["max_seconds"] = round(left, 1)
        made = tempfile.mkdtemp(prefix="pvkdb-pw-", dir=self._location.scratch)
        folder = Path(going_with_process(made))
        try:
            profile = _SupervisedProfile(self._location, left)
            atoms = plain(structure)
            atoms.calc = Espresso(
                profile=profile,
                directory=folder,
                input_data=lists,
                pseudopotentials=files_by_element(self._settings),
                kpts=kpoints(self._settings),
                koffset=_offset(self._settings),
            )
            energy = float(atoms.get_potential_energy())
            fermi = atoms.calc.results.get("fermi_level")
            found: Properties = {
                "energy": energy,
                "forces": np.array(atoms.get_forces()),
                "details": profile.pw_output,
                "fermi_ev": None if fermi is None else float(fermi),
                "levels": read_levels(Path(self._saved, "pvkdb.save", "data-file-schema.xml")),
            }
            if stress:
                found["stress"] = np.array(atoms.get_stress())
            if profile.pw_output is not None and profile.pw_output.version is not None:
                self.versions["espresso"] = profile.pw_output.version
            self._last = structure.copy()
            return found
        finally:
            self.runs.add(_written(folder))
            shutil.rmtree(folder, ignore_errors=True)


def _written(folder: Path) -> dict[str, bytes]:
    """Return the files that a run left in a folder, named ``pw.in``, ``pw.out`` and ``pw.err``."""
    names = {"pw.in": "espresso.pwi", "pw.out": "espresso.pwo", "pw.err": "espresso.err"}
    return {
        name: (folder / file).read_bytes()
        for name, file in names.items()
        if (folder / file).is_file()
    }


class _SupervisedProfile(EspressoProfile):  # type: ignore[misc]  # ASE is untyped
    """ASE's profile with a runner that raises typed failures and respects the time limit."""

    def __init__(self, location: RunLocation, left_s: float | None) -> None:
        super().__init__(command=" ".join(location.pw_command), pseudo_dir=location.pseudo_dir)
        self._location = location
        self._left_s = left_s
        self.pw_output: CodeOutput | None = None

    def run(
        self,
        directory: Path,
        inputfile: str | None,
        outputfile: str,
        errorfile: str | None = None,
        append: bool = False,
    ) -> None:
        """Run pw.x; ``append`` is not used."""
        output = Path(directory) / outputfile
        errors = Path(directory) / (errorfile or "pw.err")
        ended = run_program(
            [*self._location.pw_command, *self.get_calculator_command(inputfile)],
            Path(directory),
            output,
            errors,
            None if self._left_s is None else self._left_s + self._location.grace_s,
        )
        text = output.read_text(encoding="utf-8", errors="replace")
        said = errors.read_text(encoding="utf-8", errors="replace")
        require_success(text, said, ended, self._location.max_seconds)
        self.pw_output = read_pw_output(text)
