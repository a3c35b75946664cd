"""Runs CP2K: Gaussians and plane waves, one program for many structures.

ASE starts ``cp2k.psmp --shell``, which keeps the wave functions from structure to structure; a
force call of a search then takes a third of the SCF steps that it takes from atoms. Its time grows
little faster than the cell, since most of it goes into grids, not into matrices.

Source: T. D. Kühne et al., J. Chem. Phys. 152, 194103 (2020), doi:10.1063/5.0007045; orbital
transformation: J. VandeVondele, J. Hutter, J. Chem. Phys. 118, 4365 (2003),
doi:10.1063/1.1543154.
"""

from __future__ import annotations

import hashlib
import re
import shlex
import shutil
import subprocess
import tempfile
import threading
import warnings
from collections.abc import Iterable
from contextlib import suppress
from functools import cache
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.calculators.cp2k import CP2K
from ase.stress import full_3x3_to_voigt_6_stress, voigt_6_to_full_3x3_stress

from pvkdb.errors import CalculationFailedError
from pvkdb.schemas.calculations import FailureKind
from pvkdb.schemas.calculations.dft import BasisSet, DftSettings, PseudopotentialFile
from pvkdb_pipelines.dft.codes.density import same_cell
from pvkdb_pipelines.dft.codes.dft_engine import DftEngine, plain
from pvkdb_pipelines.dft.codes.pw_output import ScfDetails, tail
from pvkdb_pipelines.dft.codes.runs import (
    RunLocation,
    dying_with_parent,
    end_process,
    going_with_process,
)
from pvkdb_pipelines.potentials.potential import Properties

LIBRARY = "GTH pseudopotentials and MOLOPT basis sets of CP2K"
DEFAULT_BASIS: BasisSet = "DZVP-MOLOPT-GGA-GTH"
#: Cutoffs of the density and of the grid for a Gaussian of exponent 1, Ry.
DEFAULT_CUTOFF_RY, DEFAULT_RELATIVE_CUTOFF_RY = 400.0, 50.0
#: Files of a family of basis sets, and the name of their pseudopotentials.
_FAMILIES = {
    "SR-GTH": (("BASIS_MOLOPT", "BASIS_MOLOPT_UCL"), "GTH_POTENTIALS", "GTH-PBE"),
    "GGA-GTH": (("BASIS_MOLOPT_UZH",), "POTENTIAL_UZH", "GTH-GGA"),
}
#: SCF steps before the preconditioner is made again; ``scf_max_steps`` counts all of them.
_INNER_STEPS = 25
#: Preconditioners by whether electrons are paired. The odd electron of a neutral vacancy lies close
#: below its next states, where the usual one stalls above the minimum (docs/dft.md).
_PRECONDITIONERS = {
    True: "FULL_SINGLE_INVERSE",
    False: "FULL_ALL\nENERGY_GAP 0.005",
}
#: Seconds that a program which gives no more answers takes to end.
_ENDS_S = 5.0
#: ASE warns that a large structure may stall a parallel CP2K; it does not here (docs/dft.md).
_STALL = "ASE may stall when passing large structures"


def entries(
    elements: Iterable[str], basis_set: BasisSet, folder: Path
) -> list[PseudopotentialFile]:
    """Return pseudopotential and basis set of elements, each once, in alphabetical order.

    Of several pseudopotentials, the one with the fewest electrons is taken.

    Raises:
        CalculationFailedError: The data files are missing (``PSEUDOPOTENTIAL_MISSING``), or have
            nothing for an element (``UNSUPPORTED_ELEMENT``).
    """
    found = []
    for element in sorted(set(elements)):
        choices = choices_of(element, basis_set, folder)
        if not choices:
            bases = _FAMILIES[basis_set.partition("-MOLOPT-")[2]][0]
            raise CalculationFailedError(
                FailureKind.UNSUPPORTED_ELEMENT,
                f"CP2K has no basis set {basis_set} for {element} in {', '.join(bases)}; use "
                "DZVP-MOLOPT-GGA-GTH, or another engine",
            )
        found.append(choices[0])
    return found


def choices_of(element: str, basis_set: BasisSet, folder: Path) -> list[PseudopotentialFile]:
    """Return the pseudopotentials of an element that have this basis set, fewest electrons first.

    Raises:
        CalculationFailedError: The data files are missing (``PSEUDOPOTENTIAL_MISSING``).
    """
    bases, potential_file, potential = _FAMILIES[basis_set.partition("-MOLOPT-")[2]]
    texts = {name: text for file in bases for name, text in _data(folder / file).items()}
    potentials = _data(folder / potential_file)
    electrons = sorted(
        int(name.rpartition("-q")[2])
        for of, name in texts
        if of == element and re.fullmatch(re.escape(basis_set) + r"-q\d+", name)
    )
    found = []
    for names in [(f"{basis_set}-q{n}", f"{potential}-q{n}") for n in electrons]:
        if (element, names[1]) in potentials:
            text = texts[element, names[0]] + potentials[element, names[1]]
            digest = hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
            found.append(PseudopotentialFile(element=element, file=" ".join(names), md5=digest))
    return found


@cache
def _data(file: Path) -> dict[tuple[str, str], str]:
    """Return the entries of a data file by element and each of their names."""
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise CalculationFailedError(
            FailureKind.PSEUDOPOTENTIAL_MISSING,
            f"{file} cannot be read ({error.strerror or error}); install CP2K (Debian: cp2k), or "
            "name the folder of its data in PVKDB_CP2K_DATA",
        ) from error
    found: dict[tuple[str, str], str] = {}
    names: list[tuple[str, str]] = []
    for line in lines:
        words = line.split()
        if not words or words[0].startswith("#"):
            names = [] if words else names
        elif words[0][0].isalpha():
            names = [(words[0], name) for name in words[1:]]
            found |= dict.fromkeys(names, "")
        else:
            for name in names:
                found[name] += " ".join(words) + "\n"
    return found


def valence_electrons(files: Iterable[PseudopotentialFile]) -> dict[str, int]:
    """Return the electrons that each element brings, from the names of the entries."""
    return {each.element: int(each.file.rpartition("-q")[2]) for each in files}


def input_text(settings: DftSettings, ghost: str | None = None) -> str:
    """Return the input without what ASE adds: structure, charge, spin and functional.

    Sites "X" have the basis functions of the element ``ghost``, and no atom.

    The SCF ends where the gradient is below a tenth of the root of the threshold of the energy,
    whose error goes with its square; products of Gaussians below the threshold are left out.
    """
    gradient = settings.scf_threshold_ry**0.5 / 10
    bases, potential_file, _ = _FAMILIES[str(settings.basis_set).partition("-MOLOPT-")[2]]
    kinds = "".join(
        f"&KIND {each.element}\nBASIS_SET {each.file.split()[0]}\n"
        f"POTENTIAL {each.file.split()[1]}\n&END KIND\n"
        for each in settings.pseudopotentials
    )
    basis = {each.element: each.file.split()[0] for each in settings.pseudopotentials}
    if ghost is not None:
        kinds += f"&KIND X\nELEMENT {ghost}\nBASIS_SET {basis[ghost]}\nGHOST\n&END KIND\n"
    dispersion = (
        ""
        if settings.dispersion is None
        else "&VDW_POTENTIAL\nPOTENTIAL_TYPE PAIR_POTENTIAL\n&PAIR_POTENTIAL\n"
        f"TYPE DFT{settings.dispersion}\nREFERENCE_FUNCTIONAL {settings.functional}\n"
        "PARAMETER_FILE_NAME dftd3.dat\nR_CUTOFF [angstrom] 25\n&END PAIR_POTENTIAL\n"
        "&END VDW_POTENTIAL\n"
    )
    functional = "" if settings.functional == "PBE" else "&PBE\nPARAMETRIZATION PBESOL\n&END PBE\n"
    return f"""
&FORCE_EVAL
&DFT
{"".join(f"BASIS_SET_FILE_NAME {file}" + chr(10) for file in bases)}
POTENTIAL_FILE_NAME {potential_file}
&MGRID
CUTOFF {settings.cutoff_rho_ry:g}
REL_CUTOFF {settings.cutoff_wfc_ry:g}
&END MGRID
&QS
EPS_DEFAULT {settings.scf_threshold_ry:g}
EXTRAPOLATION USE_PREV_WF
&END QS
&SCF
SCF_GUESS ATOMIC
EPS_SCF {gradient:g}
MAX_SCF {min(_INNER_STEPS, settings.scf_max_steps)}
&OT
MINIMIZER DIIS
PRECONDITIONER {_PRECONDITIONERS[settings.magnetization_mub is None]}
&END OT
&OUTER_SCF
EPS_SCF {gradient:g}
MAX_SCF {-(-settings.scf_max_steps // _INNER_STEPS) - 1}
&END OUTER_SCF
&PRINT
&RESTART OFF
&END RESTART
&END PRINT
&END SCF
&XC
&XC_FUNCTIONAL
{functional}&END XC_FUNCTIONAL
{dispersion}&END XC
&END DFT
&SUBSYS
{kinds}&END SUBSYS
&END FORCE_EVAL
"""


class Cp2kEngine(DftEngine):
    """Runs CP2K for structures, one at a time, with one program while the cell stays the same."""

    def __init__(
        self, settings: DftSettings, location: RunLocation, ghost: str | None = None
    ) -> None:
        """Sites "X" of a structure have the basis functions of the element ``ghost``.

        Raises:
            CalculationFailedError: CP2K is missing (``PROGRAM_NOT_FOUND``), or its data are missing
                or other ones.
        """
        location.require_program(location.cp2k_command, "CP2K (Debian: cp2k)", "PVKDB_CP2K_COMMAND")
        _require_entries(settings, location.cp2k_data)
        super().__init__(settings, location, LIBRARY)
        self._ghost = ghost
        self._shell: _Shell | None = None

    def _run(self, structure: Atoms, stress: bool) -> Properties:
        left = self._left_s("CP2K")
        if self._shell is None or not self._shell.serves(structure, stress):
            self.close()
            self._shell = _Shell(self._settings, self._location, stress, self._ghost)
        shell = self._shell
        try:
            found = shell.run(structure, left)
        except CalculationFailedError:
            self.close()
            raise
        finally:
            self.runs.add(shell.written())
        if version := shell.version():
            self.versions["cp2k"] = version
        return found

    def close(self) -> None:
        """End the program and remove its folder; the next structure starts from atoms."""
        if self._shell is not None:
            self._shell.close()
        self._shell = None


class _Shell:
    """A running CP2K with its folder, for one cell."""

    def __init__(
        self, settings: DftSettings, location: RunLocation, stress: bool, ghost: str | None
    ) -> None:
        folder = tempfile.mkdtemp(prefix="pvkdb-cp2k-", dir=location.scratch)
        self._folder = Path(going_with_process(folder))
        self._limit_s = location.max_seconds
        self._stress = stress
        self._last: Atoms | None = None
        self._read = 0
        self._timed_out = False
        command = shlex.join(dying_with_parent([*location.cp2k_command, "--shell"]))
        data = shlex.quote(str(location.cp2k_data))
        moment = settings.magnetization_mub
        try:
            self._calculator = CP2K(
                command=f"cd {shlex.quote(str(self._folder))} && exec 2>cp2k.err && "
                f"CP2K_DATA_DIR={data} exec {command}",
                label="cp2k",
                inp=input_text(settings, ghost),
                charge=settings.charge,
                uks=moment is not None,
                multiplicity=0 if moment is None else round(abs(moment)) + 1,
                stress_tensor=stress,
                # These are in the input already.
                basis_set=None,
                basis_set_file=None,
                potential_file=None,
                pseudo_potential=None,
                cutoff=None,
                max_scf=None,
                xc=settings.functional if settings.functional == "PBE" else None,
                print_level="LOW",
            )
        except (AssertionError, RuntimeError, OSError) as error:
            failed = self._failure()
            self.close()
            raise failed from error

    def serves(self, structure: Atoms, stress: bool) -> bool:
        """Whether the next structure can start from the wave functions of the last.

        Gaussians move along with their atoms, so that it does not matter how far these have moved.
        """
        return stress == self._stress and (self._last is None or same_cell(self._last, structure))

    def run(self, structure: Atoms, left_s: float | None) -> Properties:
        """Return the properties of a structure; the program is killed after ``left_s`` seconds."""
        atoms, axes = _along_axes(plain(structure))
        timer = threading.Timer(left_s if left_s is not None else 0.0, self._kill)
        if left_s is not None:
            timer.start()
        try:
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", message=_STALL)
                self._calculator.calculate(atoms, ["energy", "forces"], ["positions", "cell"])
        except (AssertionError, ValueError, OSError) as error:
            raise self._failure() from error
        finally:
            timer.cancel()
        self._last = structure.copy()
        text = self._output()[self._read :]
        steps = re.findall(r"(?:run converged in|loop after reaching)\s+(\d+) steps", text)
        found: Properties = {
            "energy": float(self._calculator.results["energy"]),
            "forces": np.array(self._calculator.results["forces"]) @ axes,
            "details": ScfDetails(steps=sum(map(int, steps)) or None),
        }
        if self._stress:
            tensor = voigt_6_to_full_3x3_stress(self._calculator.results["stress"])
            found["stress"] = full_3x3_to_voigt_6_stress(axes.T @ tensor @ axes)
        return found

    def written(self) -> dict[str, bytes]:
        """Return the input of a new program, and what it has printed since the last structure."""
        text = self._output()
        new, first = text[self._read :], self._read == 0
        self._read = len(text)
        files = {"cp2k.out": new.encode()}
        source = self._folder / "cp2k.inp"
        if first and source.is_file():
            files["cp2k.in"] = source.read_bytes()
        return files

    def version(self) -> str | None:
        """Return the version that the program prints."""
        found = re.search(r"CP2K version (\S+)", self._output())
        return found[1] if found else None

    def close(self) -> None:
        """End the program; its folder is removed."""
        with warnings.catch_warnings():  # ASE warns where it was killed
            warnings.simplefilter("ignore")
            calculator = getattr(self, "_calculator", None)
            if calculator is not None and (shell := calculator._shell) is not None:
                if shell._child.poll() is not None:  # it is gone: ASE would still ask it to end
                    shell.isready = False
                with suppress(AssertionError, BrokenPipeError):  # it goes just now
                    shell.close()
                # Kept by a traceback, it would end the program once more when it is collected.
                shell._child, shell.isready = None, False
                calculator._shell = None
        shutil.rmtree(self._folder, ignore_errors=True)

    def _kill(self) -> None:
        self._timed_out = True
        end_process(self._calculator._shell._child)

    def _output(self) -> str:
        try:
            return (self._folder / "cp2k.out").read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return ""

    def _failure(self) -> CalculationFailedError:
        """Return why the program ended, from its output."""
        text = self._output()[self._read :]
        errors = self._folder / "cp2k.err"
        said = errors.read_text(encoding="utf-8", errors="replace") if errors.is_file() else ""
        if self._timed_out:
            return CalculationFailedError(
                FailureKind.OUT_OF_WALLTIME,
                f"CP2K was killed at the time limit of {self._limit_s or 0:.0f} s; allow more in "
                f"PVKDB_DFT_MAX_SECONDS, or use more processes. {tail(text, said)}",
            )
        if "SCF run NOT converged" in text:
            return CalculationFailedError(
                FailureKind.SCF_NOT_CONVERGED,
                "CP2K did not reach self-consistency; allow more steps (scf_max_steps) or a larger "
                f"scf_threshold_ry. {tail(text)}",
            )
        shell = getattr(getattr(self, "_calculator", None), "_shell", None)
        code = None
        if shell is not None and shell._child is not None:
            with suppress(subprocess.TimeoutExpired):  # it ends, or has just been killed
                code = shell._child.wait(_ENDS_S)
        how = "ended" if code is None else f"ended with exit code {code}"
        if code is not None and code < 0:
            how = f"was ended by signal {-code} (9: killed, often for lack of memory)"
        return CalculationFailedError(
            FailureKind.PROGRAM_CRASHED, f"CP2K {how}. {tail(text, said)}"
        )


def _along_axes(atoms: Atoms) -> tuple[Atoms, np.ndarray]:
    """Return a structure with the vectors of a rectangular cell along x, y and z, and the new axes.

    CP2K takes a quarter of the time for the grids of such a cell. The axes are the rows of an
    orthogonal matrix; another cell stays as it is.
    """
    cell = atoms.cell.array
    axes = cell / np.linalg.norm(cell, axis=1, keepdims=True)
    if np.abs(axes @ axes.T - np.eye(3)).max() > 1e-6:
        return atoms, np.eye(3)
    atoms.positions = atoms.positions @ axes.T
    atoms.set_cell(atoms.cell.lengths())
    return atoms, axes


def _require_entries(settings: DftSettings, folder: Path) -> None:
    """Check that the data files have what the job was made for."""
    assert settings.basis_set is not None, "complete the settings first"
    for wanted in settings.pseudopotentials:
        there = choices_of(wanted.element, settings.basis_set, folder)
        found = next((each for each in there if each.file == wanted.file), None)
        if found != wanted:
            has = "no such entry" if found is None else f"one with the MD5 sum {found.md5}"
            raise CalculationFailedError(
                FailureKind.PSEUDOPOTENTIAL_DIFFERS,
                f"{folder} has {has} for {wanted.element} ({wanted.file}); the job was made for "
                f"{wanted.md5}, and energies of different pseudopotentials cannot be compared: use "
                "those data files",
            )
