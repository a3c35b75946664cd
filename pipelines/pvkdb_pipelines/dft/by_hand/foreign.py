"""Finished runs of users, read from output files of pw.x and VASP."""

from __future__ import annotations

import hashlib
import io
import re
import warnings
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from math import lcm
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.io.espresso import read_espresso_out
from ase.units import Ry

from pvkdb.errors import CalculationFailedError, InputError
from pvkdb.schemas.calculations.dft import Engine
from pvkdb_pipelines.dft.codes.pw_output import CodeOutput, read_pw_output, require_success
from pvkdb_pipelines.dft.codes.runs import ProcessResult

_PBE_TAGS = {"PE": "PBE", "--": "PBE", "PS": "PBEsol"}


@dataclass(frozen=True)
class ForeignRun:
    """A run as read from its output; None for values that the output does not contain.

    Attributes:
        file: Name of the output, and the first 16 digits of its SHA-256.
        energy_ev: Free energy at the end.
        forces: Shape (atoms, 3), eV/Å.
        steps: Ionic steps, 1 for a single point.
        relaxed: Whether a relaxation reports that it has converged.
        grid: K-points along each axis.
        hubbard_u_ev: U and the letter of its orbital (s, p, d, f) by element, eV.
        potcars: Titles of VASP's POTCARs, without spaces.
    """

    file: str
    output: CodeOutput
    initial: Atoms
    final: Atoms
    energy_ev: float
    forces: np.ndarray
    steps: int
    relaxed: bool
    grid: tuple[int, int, int] | None
    soc: bool
    dispersion: str | None = None
    hubbard_u_ev: Mapping[str, tuple[str, float]] = field(default_factory=dict)
    potcars: tuple[str, ...] = ()

    @property
    def charge(self) -> float | None:
        """Charge of the cell, from its valence electrons."""
        symbols, valence = self.initial.get_chemical_symbols(), self.output.valence
        if self.output.electrons is None or not set(symbols) <= valence.keys():
            return None
        return sum(valence[symbol] for symbol in symbols) - self.output.electrons


def read_run(folder: Path, engine: Engine) -> ForeignRun:
    """Read the finished run in a folder.

    Raises:
        InputError: there is not exactly one output, or it is unreadable or not converged.
    """
    try:
        return _vasp(folder) if engine is Engine.VASP else _espresso(folder)
    except OSError as error:
        raise InputError(f"{folder} cannot be read: {error.strerror or error}") from error


def _espresso(folder: Path) -> ForeignRun:
    found = [
        path
        for path in sorted(folder.iterdir())
        if path.suffix in (".out", ".pwo") and path.is_file()
        if "Program PWSCF" in path.read_text(encoding="utf-8", errors="replace")
    ]
    if len(found) != 1:
        named = ", ".join(path.name for path in found) or "none"
        raise InputError(f"{folder} must hold one output of pw.x (*.out, *.pwo); there is {named}")
    return espresso_run(found[0], finished(found[0]))


def finished(path: Path) -> str:
    """Return an output of pw.x or neb.x, which must end with a result."""
    text = path.read_text(encoding="utf-8", errors="replace")
    try:
        require_success(text, "", ProcessResult(0, timed_out=False), None)
    except CalculationFailedError as failure:
        raise InputError(f"{path} does not contain a finished result: {failure}") from failure
    return text


def espresso_run(path: Path, text: str) -> ForeignRun:
    """Return the run whose output is the text of a file.

    Raises:
        InputError: it is unreadable.
    """
    try:
        initial = next(
            read_espresso_out(io.StringIO(text), index=slice(0, 1), results_required=False)
        )
        frames = list(read_espresso_out(io.StringIO(text)))
        final = frames[-1]
        energy, forces = final.get_potential_energy(), final.get_forces()
    except Exception as error:  # the reader raises many kinds of errors on damaged files
        raise InputError(f"{path} cannot be read as an output of pw.x: {error}") from error
    kpoints = final.calc.get_ibz_k_points()
    return ForeignRun(
        file=_name_and_hash(path),
        output=read_pw_output(text),
        initial=initial,
        final=final,
        energy_ev=float(energy),
        forces=np.asarray(forces),
        steps=len(frames),
        relaxed="End final coordinates" in text
        and "maximum number of steps has been reached" not in text,
        grid=None if kpoints is None else grid_of_points(np.asarray(kpoints)),
        soc="with spin-orbit" in text,
        dispersion="D3(BJ)" if re.search(r"DFT-?D3", text) else None,
        hubbard_u_ev={
            element: ("spdf"[int(orbital)], float(u_ev))
            for element, orbital, u_ev in re.findall(
                r"^ +([A-Z][a-z]?)\d* +(\d) +(\d+\.\d+)(?: +-?\d+\.\d+){3} *$", text, re.M
            )
        },
    )


def _vasp(folder: Path) -> ForeignRun:
    path = next(
        (folder / n for n in ("vasprun.xml", "vasprun.xml.gz") if (folder / n).exists()), None
    )
    if path is None:
        raise InputError(f"{folder} holds no vasprun.xml")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # convergence is checked below
        from monty.io import zopen
        from pymatgen.io.ase import AseAtomsAdaptor
        from pymatgen.io.vasp.outputs import Vasprun

        try:
            run = Vasprun(path, parse_dos=False, parse_eigen=False, parse_potcar_file=False)
            with zopen(path, "rt", encoding="utf-8", errors="replace") as text:
                valence, titles = _potcars(str(text.read()))
            last = run.ionic_steps[-1]
            initial = AseAtomsAdaptor.get_atoms(run.initial_structure, msonable=False)
            final = AseAtomsAdaptor.get_atoms(run.final_structure, msonable=False)
            energy = float(last["electronic_steps"][-1]["e_fr_energy"])
            forces = np.asarray(last["forces"], dtype=float)
            tags = {**run.parameters, **run.incar}
            grid = run.kpoints.kpts[0] if run.kpoints.num_kpts == 0 else None
        except Exception as error:  # the parser raises many kinds of errors on damaged files
            raise InputError(f"{path} cannot be read as an output of VASP: {error}") from error
    if not run.converged_electronic:
        raise InputError(f"{path}: the SCF did not converge within NELM steps; run it again")
    electrons, cutoff = tags.get("NELECT"), tags.get("ENMAX") or tags.get("ENCUT")
    return ForeignRun(
        file=_name_and_hash(path),
        output=CodeOutput(
            version=run.vasp_version,
            cutoff_wfc_ry=None if cutoff is None else float(cutoff) / Ry,
            electrons=None if electrons is None else float(electrons),
            valence=valence,
            functional=_functional(tags),
        ),
        initial=initial,
        final=final,
        energy_ev=energy,
        forces=forces,
        steps=len(run.ionic_steps),
        relaxed=bool(run.converged_ionic),
        grid=None if grid is None else (int(grid[0]), int(grid[1]), int(grid[2])),
        soc=bool(tags.get("LSORBIT", False)),
        dispersion="D3(BJ)" if tags.get("IVDW") == 12 else None,
        hubbard_u_ev={
            element: ("spdf"[int(orbital)], float(u_ev))
            for element, orbital, u_ev in zip(
                valence, tags.get("LDAUL", ()), tags.get("LDAUU", ()), strict=False
            )
            if tags.get("LDAU") and u_ev
        },
        potcars=titles,
    )


def _functional(tags: Mapping[str, Any]) -> str | None:
    """Return the usual name of the functional of a run of VASP."""
    meta = str(tags.get("METAGGA", "--")).strip().upper()
    if meta not in ("", "--", "NONE"):
        return "r2SCAN" if meta == "R2SCAN" else meta
    return _PBE_TAGS.get(str(tags.get("GGA", "--")).strip().upper())


def grid_of_points(points: np.ndarray) -> tuple[int, int, int]:
    """Return the Γ-centred grid of irreducible k-points, (k, 3), from their denominators."""
    a, b, c = (
        lcm(*(Fraction(float(value)).limit_denominator(60).denominator for value in axis))
        for axis in points.T
    )
    return a, b, c


def _potcars(text: str) -> tuple[dict[str, float], tuple[str, ...]]:
    """Return the valence electrons of each element, and the titles of POTCARs, of a vasprun.xml."""
    start, end = text.find("<atominfo>"), text.find("</atominfo>")
    info = ElementTree.fromstring(text[start : end + len("</atominfo>")])
    found, titles = {}, []
    for row in info.iterfind("array[@name='atomtypes']/set/rc"):
        cells = [(cell.text or "").strip() for cell in row.iterfind("c")]
        found[cells[1]] = float(cells[3])
        titles.append(cells[4].replace(" ", ""))
    return found, tuple(titles)


def _name_and_hash(path: Path) -> str:
    return f"{path.name} sha256:{hashlib.sha256(path.read_bytes()).hexdigest()[:16]}"
