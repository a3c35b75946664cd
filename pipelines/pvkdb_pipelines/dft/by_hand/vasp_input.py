"""Inputs of VASP: the Materials Project sets of pymatgen with the settings of a job."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, cast

from ase.units import Ry

from pvkdb.errors import InputError
from pvkdb.schemas.calculations.dft import (
    AnyDft,
    DftNebRequest,
    DftPathRequest,
    DftRelaxRequest,
    DftScfRequest,
    DftSettings,
)
from pvkdb.schemas.calculations.relaxations import Host
from pvkdb_pipelines.geometry.hosts import atoms_in

_SMEARINGS = {"gaussian": 0, "fermi-dirac": -1}
#: Damping of D3(BJ) for r2SCAN, which VASP has no values for: S. Ehlert et al., J. Chem. Phys. 154,
#: 061101 (2021), doi:10.1063/5.0041008.
_R2SCAN_D3 = {"VDW_S8": 0.78981345, "VDW_A1": 0.49484001, "VDW_A2": 5.73083694}
#: Tags of VTST: climbing image, springs, and L-BFGS (doi:10.1063/1.2841941) in place of VASP's
#: optimisers.
_VTST = {"ICHAIN": 0, "LCLIMB": True, "SPRING": -5, "IBRION": 3, "POTIM": 0, "IOPT": 1}


def incar(request: AnyDft, *, band: bool = False) -> dict[str, Any]:
    """Return the INCAR tags that differ from the Materials Project's set; None removes a tag.

    With ``band`` they are those of VTST for the band itself, else those of a relaxed end.
    """
    settings = request.settings
    tags: dict[str, Any] = {
        "ENCUT": round((settings.cutoff_wfc_ry or 0) * Ry, 4),
        "ISMEAR": _SMEARINGS[settings.smearing],
        "SIGMA": settings.smearing_width_ev,
        "EDIFF": round(settings.scf_threshold_ry * Ry, 12),
        "NELM": settings.scf_max_steps,
        "LREAL": False,
        "LWAVE": False,
        "LCHARG": False,
        # The settings contain no moments of single atoms.
        **dict.fromkeys(("LDAU", "LDAUU", "LDAUJ", "LDAUL", "LDAUTYPE", "LDAUPRINT", "MAGMOM")),
        "ISPIN": 1 if settings.magnetization_mub is None else 2,
    }
    if settings.functional == "PBEsol":  # the POTCARs are made for PBE
        tags["GGA"] = "PS"
    if settings.magnetization_mub is not None:
        tags["NUPDOWN"] = settings.magnetization_mub
    if settings.soc:
        tags |= {"LSORBIT": True, "LASPH": True}
    if settings.soc or isinstance(request, DftNebRequest):
        tags["ISYM"] = -1
    if settings.dispersion is not None:
        tags |= {"IVDW": 12, **(_R2SCAN_D3 if settings.functional == "r2SCAN" else {})}
    if settings.hubbard:
        u_ev = settings.hubbard_u_ev
        tags |= {
            "LDAU": True,
            "LDAUTYPE": 2,
            "LDAUJ": dict.fromkeys(u_ev, 0.0),
            "LDAUL": {element: "spdf".index(orbital[-1]) for element, (orbital, _) in u_ev.items()},
            "LDAUU": {element: value for element, (_, value) in u_ev.items()},
        }
    if isinstance(request, DftRelaxRequest):
        tags |= {"IBRION": 2, "ISIF": 3 if request.cell else 2}
        tags |= {"NSW": request.max_steps, "EDIFFG": -request.fmax_ev_per_ang}
    elif isinstance(request, DftNebRequest) and band:
        tags |= {**_VTST, "IMAGES": len(request.images) - 2, "ISIF": 2}
        tags |= {"NSW": request.max_steps_neb, "EDIFFG": -request.fmax_neb_ev_per_ang}
    elif isinstance(request, DftNebRequest):
        tags |= {"IBRION": 2, "ISIF": 2}
        tags |= {"NSW": request.max_steps_endpoint, "EDIFFG": -request.fmax_endpoint_ev_per_ang}
    return tags


def vasp_files(request: AnyDft, structure: Host, *, band: bool = False) -> dict[str, str]:
    """Return INCAR, KPOINTS, POSCAR and POTCAR.spec of a structure, by name.

    POTCARs are licensed: POTCAR.spec lists those that the Materials Project uses.

    Raises:
        InputError: the release of POTCARs of the settings has none of these.
    """
    settings = request.settings
    with warnings.catch_warnings(), tempfile.TemporaryDirectory() as folder:
        warnings.simplefilter("ignore")  # about tags that the settings change
        from pymatgen.io.ase import AseAtomsAdaptor
        from pymatgen.io.vasp import sets
        from pymatgen.io.vasp.inputs import Kpoints

        kind = "Static" if isinstance(request, DftScfRequest | DftPathRequest) else "Relax"
        name = f"MP{'Scan' if settings.functional == 'r2SCAN' else ''}{kind}Set"
        grid = settings.kpoint_grid or (1, 1, 1)
        inputs = getattr(sets, name)(
            AseAtomsAdaptor.get_structure(atoms_in(structure)),
            user_incar_settings=incar(request, band=band),
            user_potcar_functional=settings.potcar_release,
            user_kpoints_settings=cast("dict[str, Any]", Kpoints.gamma_automatic(grid)),
            sort_structure=True,
        )
        inputs.write_input(folder, potcar_spec=True)
        files = {
            file: (Path(folder) / file).read_text(encoding="utf-8").rstrip() + "\n"
            for file in ("INCAR", "KPOINTS", "POSCAR", "POTCAR.spec")
        }
    symbols = files["POTCAR.spec"].split()
    release = str(settings.potcar_release)
    missing = set(symbols) - set(potcar_titles(release).values())
    if missing:
        raise InputError(
            f"{release} has no POTCAR {', '.join(sorted(missing))}, which pymatgen's {name} names; "
            "choose another potcar_release = …"
        )
    moments = f"MAGMOM = {3 * len(structure.symbols)}*0\n" if settings.soc else ""
    head = f"# POTCAR: release {release} ({', '.join(symbols)}, as {name} names them)\n"
    return {**files, "INCAR": head + files["INCAR"] + moments}


@cache
def potcar_titles(release: str) -> dict[str, str]:
    """Return the symbol of each POTCAR of a release by its title, without spaces, as pymatgen has.

    ``{"PAW_PBECs_sv08Apr2002": "Cs_sv"}``
    """
    from monty.serialization import loadfn
    from pymatgen.io.vasp.inputs import POTCAR_STATS_PATH

    known = loadfn(POTCAR_STATS_PATH)[release]
    return {title: str(entries[0]["symbol"]) for title, entries in known.items()}


def vasp_readme(request: AnyDft, symbols: Sequence[str], steps: str, calculation: str) -> str:
    """Return the README text: how to build POTCAR, run VASP and import the results."""
    release = str(request.settings.potcar_release)
    return f"""
## POTCAR

POTCARs are licensed and not part of this folder. Build one for each INCAR from release {release}
(VASP's `potpaw_{release.replace("_", ".")}`), in this order (`POTCAR.spec`): {", ".join(symbols)}.
With pymatgen set up: `pmg potcar -f {release} -s {" ".join(symbols)}`. The import compares the
titles in `vasprun.xml` with those that pymatgen lists for the release.
{_charge(request.settings)}
## Run and import the results

```bash
{steps}
pvkdb import-results {calculation} .
```

The import reads `vasprun.xml` and checks cutoff, k-points, charge, functional, D3, U, POTCARs, cell
and positions. POSCAR sorts the atoms by element; the import identifies each atom by its position.
VASP is not part of pvkdb's tests: its files are checked with the readers of pymatgen and ASE.
"""


def _charge(settings: DftSettings) -> str:
    if settings.charge == 0:
        return ""
    return f"""
## Charge {settings.charge:+d}

VASP needs the number of electrons, which follows from the POTCAR. In each folder
with an INCAR, before running:

```bash
grep ZVAL POTCAR | awk '{{print $6}}' > zval            # valence of each element, in order
cat POSCAR 00/POSCAR 2>/dev/null | sed -n 7p | tr -s ' ' '\\n' | sed '/^$/d' > count
paste count zval | awk '{{n += $1 * $2}} END {{print "NELECT = " n - ({settings.charge})}}' >> INCAR
```
"""
