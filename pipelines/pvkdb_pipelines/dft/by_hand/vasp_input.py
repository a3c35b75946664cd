"""Inputs of VASP: the Materials Project sets of pymatgen with the settings of a job."""

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
    """Return the INCAR tags that differ from the Materials Project's set; None removes a tag."""
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
        # The settings contain neither Hubbard terms nor moments of single atoms.
        **dict.fromkeys(("LDAU", "LDAUU", "LDAUJ", "LDAUL", "LDAUTYPE", "LDAUPRINT", "MAGMOM")),
        "ISPIN": 1 if settings.magnetization_mub is None else 2,
    }
    if settings.functional == "PBEsol":  # the POTCARs are made for PBE
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
    """Return INCAR, KPOINTS, POSCAR and POTCAR.spec of a structure, by name.

    POTCARs are licensed: POTCAR.spec lists those that the Materials Project uses.
    """
    with warnings.catch_warnings(), tempfile.TemporaryDirectory() as folder:
        warnings.simplefilter("ignore")  # about tags that the settings change
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
    """Return the README text: how to build POTCAR, run VASP and import the results."""
    return f"""
## POTCAR

POTCARs are licensed and not part of this folder. Build one from the PBE library, in this order
(`POTCAR.spec`): {", ".join(symbols)}. With pymatgen set up: `pmg potcar --spec POTCAR.spec`.
{_charge(request.settings)}
## Run and import the results

```bash
{steps}
pvkdb import-results {calculation} .
```

The import reads `vasprun.xml` and checks cutoff, k-points, charge, cell and positions. POSCAR sorts
the atoms by element; the import identifies each atom by its position.
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
sed -n 7p POSCAR | tr -s ' ' '\\n' | sed '/^$/d' > count
paste count zval | awk '{{n += $1 * $2}} END {{print "NELECT = " n - ({settings.charge})}}' >> INCAR
```
"""
