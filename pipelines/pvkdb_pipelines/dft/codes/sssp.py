"""Pseudopotentials of pw.x: those of SSSP with the cutoffs that they need, or a user's own.

The files have various licences and come from a system package. The table of their names, MD5 sums
and cutoffs is part of pvkdb, so that a job is complete even on a machine without the files.

Source: SSSP PBE Efficiency 1.3.0, G. Prandini et al., npj Comput. Mater. 4, 72 (2018),
doi:10.1038/s41524-018-0127-2.
"""

from __future__ import annotations

import csv
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path

from pvkdb.errors import CalculationFailedError, InputError
from pvkdb.schemas.calculations import FailureKind
from pvkdb.schemas.calculations.dft import PseudopotentialFile

LIBRARY = "SSSP 1.3.0 PBE efficiency"
_TABLE = "sssp_1.3.0_pbe_efficiency.csv"
#: How pseudopotentials and pw.x name functionals, without spaces and dashes.
_FUNCTIONALS = {
    **dict.fromkeys(("PBE", "SLAPWPBXPBC"), "PBE"),
    **dict.fromkeys(("PBESOL", "SLAPWPSXPSC"), "PBEsol"),
}


@dataclass(frozen=True, slots=True)
class SsspEntry:
    """A row of the table: cutoffs of the wave functions and of the density, Ry."""

    file: PseudopotentialFile
    cutoff_wfc_ry: float
    cutoff_rho_ry: float


@cache
def table() -> dict[str, SsspEntry]:
    """Return the whole library by element."""
    text = (resources.files(__package__ or "") / _TABLE).read_text(encoding="utf-8")
    return {
        row["element"]: SsspEntry(
            PseudopotentialFile(element=row["element"], file=row["file"], md5=row["md5"]),
            float(row["cutoff_wfc_ry"]),
            float(row["cutoff_rho_ry"]),
        )
        for row in csv.DictReader(text.splitlines())
    }


def entries(elements: Iterable[str]) -> list[SsspEntry]:
    """Return the rows of elements, each once, in alphabetical order.

    Raises:
        CalculationFailedError: the library has no file for an element (``UNSUPPORTED_ELEMENT``).
    """
    wanted = sorted(set(elements))
    missing = [element for element in wanted if element not in table()]
    if missing:
        raise CalculationFailedError(
            FailureKind.UNSUPPORTED_ELEMENT,
            f"{LIBRARY} has no pseudopotential for {', '.join(missing)}; compute it with another "
            "engine (vasp, gpaw)",
        )
    return [table()[element] for element in wanted]


def usual_name(printed: str) -> str:
    """Return the usual name of a functional, or its name as given: ``SLA PW PBX PBC`` is PBE."""
    words = printed.partition("(")[0].split()
    return _FUNCTIONALS.get("".join(words[:4]).replace("-", "").upper(), printed)


def files_in(folder: Path, functional: str, soc: bool) -> tuple[PseudopotentialFile, ...]:
    """Return the files of a folder that are made for a functional, fully relativistic or not.

    Of several of an element the last by name counts.

    Raises:
        InputError: there is none. The first format of UPF, whose header is no XML, is not read.
    """
    found = {}
    for path in sorted(folder.glob("*.[uU][pP][fF]")):
        content = path.read_bytes()
        header = content.partition(b"<PP_HEADER")[2].partition(b">")[0].decode(errors="replace")
        said = {name: value.strip() for name, value in re.findall(r'(\w+)\s*=\s*"([^"]*)"', header)}
        full = said.get("relativistic") == "full"
        if usual_name(said.get("functional", "")) == functional and full == soc:
            md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
            element = said["element"]
            found[element] = PseudopotentialFile(element=element, file=path.name, md5=md5)
    if not found:
        kind = "fully" if soc else "scalar"
        raise InputError(
            f"{folder} has no {kind} relativistic pseudopotential for {functional} (*.upf, UPF 2); "
            "name the folder of a set that has, such as PseudoDojo's"
        )
    return tuple(found.values())


def library(files: Iterable[PseudopotentialFile]) -> str:
    """Return the name of the set that files are from."""
    known = {entry.file for entry in table().values()}
    return LIBRARY if known.issuperset(files) else "a set of the user"


def require_files(files: Iterable[PseudopotentialFile], folder: Path) -> None:
    """Check that a folder contains the pseudopotential files of a job, with the right MD5 sums.

    Raises:
        CalculationFailedError: one is missing (``PSEUDOPOTENTIAL_MISSING``) or has another MD5
            sum (``PSEUDOPOTENTIAL_DIFFERS``).
    """
    for entry in files:
        path = folder / entry.file
        try:
            found = hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
        except OSError as error:
            raise CalculationFailedError(
                FailureKind.PSEUDOPOTENTIAL_MISSING,
                f"the pseudopotential of {entry.element}, {entry.file}, cannot be read in {folder} "
                f"({error.strerror or error}); install the Debian package "
                "quantum-espresso-data-sssp, or name the folder in PVKDB_PSEUDO_DIR",
            ) from error
        if found != entry.md5:
            raise CalculationFailedError(
                FailureKind.PSEUDOPOTENTIAL_DIFFERS,
                f"{path} has the MD5 sum {found}, the job was made for {entry.md5} ({LIBRARY}); "
                "energies of different pseudopotentials cannot be compared: use that file",
            )
