"""Input of pw.x from settings."""

from __future__ import annotations

import io
from typing import Any

from ase import Atoms
from ase.io.espresso import write_espresso_in
from ase.units import Ry

from pvkdb.schemas.calculations.dft import DftSettings

#: The names of the smearings in pw.x.
_SMEARINGS = {"gaussian": "gaussian", "cold": "marzari-vanderbilt", "fermi-dirac": "fermi-dirac"}

Namelists = dict[str, dict[str, Any]]


def namelists(
    settings: DftSettings, calculation: str = "scf", *, stress: bool = False
) -> Namelists:
    """Return the namelists of pw.x for complete settings.

    Args:
        settings: Complete, see :func:`pvkdb_pipelines.dft.settings.complete_settings`.
        calculation: ``scf``, ``relax`` or ``vc-relax``.
        stress: Compute the stress.
    """
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
    """Return the grid, or None for Γ alone, where pw.x saves half by real wave functions."""
    return None if settings.kpoint_grid == (1, 1, 1) else settings.kpoint_grid


def files_by_element(settings: DftSettings) -> dict[str, str]:
    """Return the pseudopotential file of each element."""
    return {entry.element: entry.file for entry in settings.pseudopotentials}


def input_text(atoms: Atoms, settings: DftSettings, lists: Namelists) -> str:
    """Return the text of an input of pw.x."""
    text = io.StringIO()
    write_espresso_in(
        text,
        atoms,
        input_data=lists,
        pseudopotentials=files_by_element(settings),
        kpts=kpoints(settings),
    )
    return text.getvalue()
