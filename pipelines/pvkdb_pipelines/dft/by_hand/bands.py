"""Nudged bands that users run: folders for VASP with VTST, inputs of neb.x, and their results."""

from __future__ import annotations

import re
from math import sqrt
from pathlib import Path

from pvkdb.errors import InputError
from pvkdb.schemas.calculations.dft import DftNebRequest, Engine
from pvkdb_pipelines.dft.by_hand.foreign import ForeignRun, espresso_run, finished, read_run
from pvkdb_pipelines.dft.by_hand.vasp_input import vasp_files
from pvkdb_pipelines.dft.codes.espresso import input_text, namelists
from pvkdb_pipelines.geometry.hosts import atoms_in


def vtst_files(request: DftNebRequest) -> dict[str, str]:
    """Return the files of a band for VASP with VTST: one INCAR, and ``00/POSCAR`` to ``NN/POSCAR``.

    The ends are relaxed in folders of their own.
    """
    inputs = [vasp_files(request, image, band=True) for image in request.images]
    shared = {name: text for name, text in inputs[0].items() if name != "POSCAR"}
    return shared | {f"{n:02d}/POSCAR": files["POSCAR"] for n, files in enumerate(inputs)}


def vtst_steps(request: DftNebRequest, run: str) -> str:
    """Return the commands that put the relaxed ends into the band and run it."""
    last = len(request.images) - 1
    return f"""cp start/CONTCAR 00/POSCAR; cp start/OUTCAR 00; cp end/CONTCAR {last:02d}/POSCAR
cp end/OUTCAR {last:02d}; {run}   # VASP built with VTST, on a multiple of {last - 1} processes"""


def neb_text(request: DftNebRequest) -> str:
    """Return the input of neb.x, which relaxes the ends with the band.

    neb.x tests the largest component of a force, the job its norm.
    """
    lists = namelists(request.settings)
    del lists["control"]["calculation"]
    lists["control"]["pseudo_dir"] = "./pseudo"
    texts = [input_text(atoms_in(image), request.settings, lists) for image in request.images]
    positions = rf"(ATOMIC_POSITIONS.*\n(?:.*\n){{{len(request.images[0].symbols)}}})"
    parts = [re.split(positions, text) for text in texts]
    names = ["FIRST_IMAGE", *["INTERMEDIATE_IMAGE"] * (len(texts) - 2), "LAST_IMAGE"]
    images = "".join(f"{name}\n{part[1]}" for name, part in zip(names, parts, strict=True))
    engine = re.sub(r"&(?:IONS|CELL|FCP|RISM)\n/\n", "", parts[0][0])
    return f"""BEGIN
BEGIN_PATH_INPUT
&PATH
   string_method  = 'neb'
   num_of_images  = {len(texts)}
   nstep_path     = {request.max_steps_neb}
   opt_scheme     = 'broyden'
   CI_scheme      = 'auto'
   first_last_opt = .true.
   path_thr       = {request.fmax_neb_ev_per_ang / sqrt(3):.6f}
/
END_PATH_INPUT
BEGIN_ENGINE_INPUT
{engine}BEGIN_POSITIONS
{images}END_POSITIONS
{parts[0][2].lstrip()}END_ENGINE_INPUT
END
"""


def read_band(folder: Path, request: DftNebRequest) -> tuple[list[ForeignRun], float, str]:
    """Read the finished runs of a band, both ends among them.

    Returns:
        The run of each image; the largest NEB force on an atom, eV/Å; and the method.

    Raises:
        InputError: a run is missing, unreadable or not converged, or no image climbed.
    """
    read = _neb_x if request.settings.engine is Engine.ESPRESSO else _vtst
    try:
        return read(folder, len(request.images))
    except OSError as error:
        raise InputError(f"{error.filename or folder} cannot be read: {error.strerror}") from error


def _neb_x(folder: Path, images: int) -> tuple[list[ForeignRun], float, str]:
    text = finished(folder / "neb.out")
    if "neb: convergence achieved" not in text or "climbing image =" not in text:
        raise InputError(
            f"{folder / 'neb.out'}: no convergence with a climbing image; set restart_mode = "
            "'restart' and a larger nstep_path in neb.in, and run neb.x again"
        )
    version = "".join(re.findall(r"Program NEB v\.(\S+)", text)[-1:])
    runs = []
    for number in range(1, images + 1):
        path = folder / "out" / f"pvkdb_{number}" / "PW.out"
        output = path.read_text(encoding="utf-8", errors="replace")
        runs.append(espresso_run(path, f"     Program PWSCF v.{version} starts\n{output}"))
    # The third column is the largest component; the norm of three is at most the root of 3 larger.
    rows = (folder / "pvkdb.dat").read_text(encoding="utf-8").split("\n")
    residual = sqrt(3) * max(float(row.split()[2]) for row in rows if row.strip())
    return runs, residual, f"neb.x {version}, climbing image, broyden"


def _vtst(folder: Path, images: int) -> tuple[list[ForeignRun], float, str]:
    if re.search(r"^\s*LCLIMB\s*=\s*\.?T", (folder / "INCAR").read_text(), re.M | re.I) is None:
        raise InputError(f"{folder / 'INCAR'}: no image climbs; run with LCLIMB = .TRUE.")
    inner = [f"{number:02d}" for number in range(1, images - 1)]
    forces = []
    for name in inner:
        text = (folder / name / "OUTCAR").read_text(encoding="utf-8", errors="replace")
        found = re.findall(r"FORCES: max atom, RMS\s+(\S+)", text)
        if not found:
            raise InputError(
                f"{folder / name / 'OUTCAR'} has no 'FORCES: max atom, RMS', which VTST prints: "
                "this VASP was built without it, and no image climbed"
            )
        forces.append(float(found[-1]))
    runs = [read_run(folder / name, Engine.VASP) for name in ("start", *inner, "end")]
    return runs, max(forces), f"VTST of VASP {runs[1].output.version}, climbing image, L-BFGS"
