"""Inputs of VASP, as pymatgen's Materials Project sets write them with a job's own settings."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from ase.units import Ry

from pvkdb.schemas.calculations.dft import AnyDft, DftRelaxRequest, DftSettings
from pvkdb.schemas.calculations.relaxations import Host
from pvkdb_pipelines.geometry.hosts import atoms_in

_SMEARINGS = {"gaussian": 0, "fermi-dirac": -1}


def incar(request: AnyDft) -> dict[str, Any]:
    """What a job changes in the INCAR of the Materials Project's set; None takes a tag out."""
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
        # Hubbard terms of fluorides and moments of every atom are no part of the settings.
        **dict.fromkeys(("LDAU", "LDAUU", "LDAUJ", "LDAUL", "LDAUTYPE", "LDAUPRINT", "MAGMOM")),
        "ISPIN": 1 if settings.magnetization_mub is None else 2,
    }
    if settings.functional == "PBEsol":  # PBE is what the POTCARs are for
        tags["GGA"] = "PS"
    if settings.magnetization_mub is not None:
        tags["NUPDOWN"] = settings.magnetization_mub
    if settings.soc:
        tags |= {"LSORBIT": True, "LASPH": True}
    if isinstance(request, DftRelaxRequest):
        tags |= {
            "IBRION": 2,
            "ISIF": 3 if request.cell else 2,
            "NSW": request.max_steps,
            "EDIFFG": -request.fmax_ev_per_ang,
        }
    return tags


def vasp_files(request: AnyDft, structure: Host) -> dict[str, str]:
    """INCAR, KPOINTS, POSCAR and POTCAR.spec of a structure, by their names.

    POTCARs are licensed: the names of those that the Materials Project uses take their place.
    """
    with warnings.catch_warnings(), tempfile.TemporaryDirectory() as folder:
        warnings.simplefilter("ignore")  # about tags that the settings decide
        from pymatgen.io.ase import AseAtomsAdaptor
        from pymatgen.io.vasp.inputs import Kpoints
        from pymatgen.io.vasp.sets import MPRelaxSet, MPStaticSet

        kind = MPRelaxSet if isinstance(request, DftRelaxRequest) else MPStaticSet
        grid = request.settings.kpoint_grid or (1, 1, 1)
        inputs = kind(
            AseAtomsAdaptor.get_structure(atoms_in(structure)),
            user_incar_settings=incar(request),
            user_kpoints_settings=cast("dict[str, Any]", Kpoints.gamma_automatic(grid)),
            sort_structure=True,
        )
        inputs.write_input(folder, potcar_spec=True)
        names = ("INCAR", "KPOINTS", "POSCAR", "POTCAR.spec")
        return {
            name: (Path(folder) / name).read_text(encoding="utf-8").rstrip() + "\n"
            for name in names
        }


def vasp_readme(request: AnyDft, symbols: Sequence[str], steps: str, calculation: str) -> str:
    """What to do with the folder."""
    return f"""
## POTCAR

POTCARs are licensed and not part of this folder. Build one from the PBE library, in this order
(`POTCAR.spec`): {", ".join(symbols)}. With pymatgen set up: `pmg potcar --spec POTCAR.spec`.
{_charge(request.settings)}
## Run, and give back

```bash
{steps}
pvkdb import-results {calculation} .
```

`vasprun.xml` is read. Cutoff, k-points, charge, cell and positions are checked when the results
come back. POSCAR sorts the atoms by element; the import finds each by its place.
"""


def _charge(settings: DftSettings) -> str:
    if settings.charge == 0:
        return ""
    return f"""
## Charge {settings.charge:+d}

VASP wants the number of electrons, which only the POTCAR tells. In each folder
with an INCAR, before running:

```bash
grep ZVAL POTCAR | awk '{{print $6}}' > zval            # valence of each element, in order
sed -n 7p POSCAR | tr -s ' ' '\\n' | sed '/^$/d' > count
paste count zval | awk '{{n += $1 * $2}} END {{print "NELECT = " n - ({settings.charge})}}' >> INCAR
```
"""
