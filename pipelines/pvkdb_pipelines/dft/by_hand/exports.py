"""Input folders for DFT that users run themselves, with a job file for importing the results."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from pathlib import Path
from typing import Literal

from ase.units import Bohr, Ry
from pydantic import BaseModel, ValidationError

from pvkdb.errors import InputError
from pvkdb.schemas import validated
from pvkdb.schemas.calculations.dft import (
    DFT_REQUESTS,
    AnyDft,
    DftHopRequest,
    DftNebRequest,
    DftPathRequest,
    DftRelaxRequest,
    DftSettings,
    Engine,
)
from pvkdb.schemas.calculations.relaxations import Host
from pvkdb.store.curation.computed import describe_charge, describe_path, describe_settings
from pvkdb_pipelines.dft.by_hand.bands import neb_text, vtst_files, vtst_steps
from pvkdb_pipelines.dft.by_hand.vasp_input import vasp_files, vasp_readme
from pvkdb_pipelines.dft.codes import sssp
from pvkdb_pipelines.dft.codes.espresso import files_by_element, input_text, namelists
from pvkdb_pipelines.dft.settings import complete_request, remarks_on, structures_of
from pvkdb_pipelines.geometry.hosts import atoms_in

#: Codes for which input folders are written.
Code = Literal["espresso", "vasp"]
CODES: tuple[Code, ...] = ("espresso", "vasp")
#: The job file in the folder.
JOB_FILE = "pvkdb-job.json"
#: What a user has to cite, by code, method and kind.
_SOURCES = {
    "espresso": "Quantum ESPRESSO, doi:10.1088/1361-648X/aa8f79; SSSP, if its files are used, "
    "doi:10.1038/s41524-018-0127-2",
    "vasp": "VASP, doi:10.1103/PhysRevB.54.11169 and doi:10.1103/PhysRevB.59.1758; sets of the "
    "Materials Project, doi:10.1063/1.4812323",
    "PBE": "PBE, doi:10.1103/PhysRevLett.77.3865",
    "PBEsol": "PBEsol, doi:10.1103/PhysRevLett.100.136406",
    "r2SCAN": "r2SCAN, doi:10.1021/acs.jpclett.0c02405",
    "D3(BJ)": "D3(BJ), doi:10.1002/jcc.21759; with r2SCAN, doi:10.1063/5.0041008",
    "+U": "U, doi:10.1103/PhysRevB.57.1505, and the source of your values",
    "dft-neb": "climbing-image NEB, doi:10.1063/1.1329672 and doi:10.1063/1.1323224; L-BFGS of "
    "VTST, doi:10.1063/1.2841941",
}


class ExportedJob(BaseModel):
    """The content of a job file: the request, which the import of the results reads again."""

    calculation: str
    kind: str
    request: dict[str, object]

    def parsed(self) -> AnyDft:
        """Return the DFT request that the job file contains.

        Raises:
            InputError: the job file does not contain a valid one.
        """
        try:
            return DFT_REQUESTS[self.kind].model_validate(self.request)
        except (KeyError, ValidationError) as error:
            raise InputError(f"{JOB_FILE} has no request of this version of pvkdb") from error


def converted(request: AnyDft, code: Code) -> AnyDft:
    """Return a request converted to another DFT code, with that code's cutoffs and files.

    Raises:
        InputError: the code does not support the settings.
    """
    settings = request.settings
    if settings.engine.value == code:
        return complete_request(request)
    changed = {
        **settings.model_dump(),
        "engine": code,
        "cutoff_wfc_ry": None,
        "cutoff_rho_ry": None,
        "pseudopotentials": (),
        "potcar_release": None,
    }
    other = validated(DftSettings, changed)
    return complete_request(request.model_copy(update={"settings": other}))


def parts_of(request: AnyDft) -> dict[str, Host]:
    """Return the structure of each subfolder of a job, by the path of the subfolder."""
    if isinstance(request, DftPathRequest):
        return {image.name.replace(" ", "-"): image.structure for image in request.images}
    if isinstance(request, DftNebRequest):
        return {"start": request.images[0], "end": request.images[-1]}
    if isinstance(request, DftHopRequest):
        raise InputError(
            f"a {request.kind} is a loop over many runs, which only pvkdb can drive; write a band "
            f"or single points instead: pvkdb dft {request.parent or 'ID'} --method neb --by-hand F"
        )
    return {".": request.structure}


def export_inputs(request: AnyDft, calculation: str, folder: Path) -> list[Path]:
    """Write the input folder of a request with complete settings, and return its files.

    ``calculation`` is the id of the calculation that will hold the results.

    Raises:
        InputError: a hop, an engine without files, or a folder that cannot be written or is not
            empty.
    """
    engine = request.settings.engine
    if engine.value not in CODES:
        raise InputError(f"{engine} is run from Python and has no input files; use --for espresso")
    files = _espresso_files if engine is Engine.ESPRESSO else _vasp
    job = ExportedJob(
        calculation=calculation, kind=request.kind, request=request.model_dump(mode="json")
    )
    contents = {
        **files(request, parts_of(request), calculation),
        JOB_FILE: job.model_dump_json(indent=2) + "\n",
    }
    try:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise InputError(f"{folder} already exists and is not empty; name a new folder")
        written = []
        for name, text in contents.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            written.append(path)
    except OSError as error:
        raise InputError(f"{folder} cannot be written: {error.strerror or error}") from error
    return written


def _espresso_files(request: AnyDft, parts: dict[str, Host], calculation: str) -> dict[str, str]:
    settings = request.settings
    calculated, extra = "scf", {}
    if isinstance(request, DftRelaxRequest):
        calculated = "vc-relax" if request.cell else "relax"
        # pw.x tests the largest component in Ry/Bohr, the job the norm of the force.
        threshold = request.fmax_ev_per_ang / sqrt(3) / (Ry / Bohr)
        extra = {"forc_conv_thr": round(threshold, 8), "nstep": request.max_steps}
    contents = {}
    run = "pw.x -in pw.in > pw.out"
    steps = run if list(parts) == ["."] else _loop(parts, run)
    if isinstance(request, DftNebRequest):
        contents["neb.in"], parts = neb_text(request), {}
        steps = "neb.x -inp neb.in > neb.out"
    for name, structure in parts.items():
        lists = namelists(settings, calculated)
        lists["control"] |= {**extra, "pseudo_dir": "./pseudo" if name == "." else "../pseudo"}
        if extra:
            lists["ions"] = {"ion_dynamics": "bfgs"}
        text = input_text(atoms_in(structure), settings, lists)
        contents["pw.in" if name == "." else f"{name}/pw.in"] = text
    sums = "".join(f"{entry.md5}  pseudo/{entry.file}\n" for entry in settings.pseudopotentials)
    terms = [f"`U {el}-{orb} {u_ev:g}`" for el, (orb, u_ev) in settings.hubbard_u_ev.items()]
    card = "From 7.1 on, in place of `lda_plus_u` and `hubbard_u`: a card `HUBBARD (atomic)` with "
    hubbard = f"\n{card}{', '.join(terms)}.\n" if terms else ""
    files = "\n".join(
        f"- {element}: `{file}`" for element, file in files_by_element(settings).items()
    )
    return {
        **contents,
        "pseudopotentials.md5": sums,
        "README.md": f"""{_head(request, calculation)}
## Pseudopotentials

Put the files of {sssp.library(settings.pseudopotentials)} into `pseudo/`, or link their folder
(Debian's `quantum-espresso-data-sssp`: `ln -s /usr/share/espresso/pseudo pseudo`), and check them
with `md5sum -c pseudopotentials.md5`:

{files}
{hubbard}
## Run and import the results

```bash
{steps}
pvkdb import-results {calculation} .
```

Choose nodes and processes freely. Cutoffs, k-points, charge, files, cell and positions are checked
when the results are imported: a run with different ones is another calculation.
""",
    }


def _vasp(request: AnyDft, parts: dict[str, Host], calculation: str) -> dict[str, str]:
    contents: dict[str, str] = {}
    symbols: Sequence[str] = []
    for name, structure in parts.items():
        files = vasp_files(request, structure)
        symbols = files["POTCAR.spec"].split()
        contents |= {file if name == "." else f"{name}/{file}": files[file] for file in files}
    run = "mpirun vasp_ncl" if request.settings.soc else "mpirun vasp_std"
    steps = run if list(parts) == ["."] else _loop(parts, run)
    if isinstance(request, DftNebRequest):
        contents |= vtst_files(request)
        steps += "\n" + vtst_steps(request, run)
    readme = vasp_readme(request, symbols, steps, calculation)
    return {**contents, "README.md": _head(request, calculation) + readme}


def _loop(parts: dict[str, Host], run: str) -> str:
    return f"for part in {' '.join(parts)}; do (cd $part && {run}); done"


def _head(request: AnyDft, calculation: str) -> str:
    what = {
        "dft-scf": "energy and forces of one structure",
        "dft-relax": "relaxation",
        "dft-path": "single points on the path of a potential",
        "dft-neb": "climbing-image band; its ends are relaxed, too",
    }[request.kind]
    subject = " ".join(filter(None, (request.formula, request.phase, request.defect)))
    remarks = remarks_on(request.settings, structures_of(request)[0])
    if isinstance(request, DftNebRequest):
        remarks.append(f"initial path: {describe_path(request)}, {len(request.images)} images")
    if isinstance(request, DftRelaxRequest) and request.cell:
        remarks.append(
            "cells of defects are made of its cell with: pvkdb dft BARRIER --lattice ID, where "
            "ID is the calculation that the import prints"
        )
    notes = "".join(f"- {remark}\n" for remark in remarks)
    settings = request.settings
    words = [settings.engine.value, settings.functional, settings.dispersion, request.kind]
    words.append("+U" if settings.hubbard else None)
    cited = "".join(f"- {_SOURCES[word]}\n" for word in words if word in _SOURCES)
    return f"""# {subject}: {what}

Written by pvkdb for calculation {calculation}, {describe_charge(settings.charge)}:
{describe_settings(settings)}.
{notes and chr(10) + notes}
To cite:

{cited}"""
