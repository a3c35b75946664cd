"""Outputs of VASP as VASP writes them, with numbers of our own: no VASP runs here.

The elements and their order are those of a ``vasprun.xml`` of VASP 5 and 6, reduced to what readers
of it need.
"""

from __future__ import annotations

import numpy as np
from ase import Atoms


def vasprun_xml(
    atoms: Atoms,
    valence: dict[str, float],
    *,
    encut_ev: float = 520.0,
    nelect: float,
    grid: tuple[int, int, int] = (1, 1, 1),
    energy_ev: float = -50.0,
    forces: np.ndarray,
    scf_steps: int = 3,
    nelm: int = 100,
    soc: bool = False,
) -> str:
    """A single point; atoms of one element stand together, as VASP wants them."""
    symbols = atoms.get_chemical_symbols()
    types = list(dict.fromkeys(symbols))
    rows = "".join(
        f"<rc><c>{symbols.count(s)}</c><c>{s}</c><c>1.0</c><c>{valence[s]:.8f}</c>"
        f"<c> PAW_PBE {s} 06Sep2000 </c></rc>"
        for s in types
    )
    ions = "".join(f"<rc><c>{s}</c><c>{types.index(s) + 1}</c></rc>" for s in symbols)
    structure = (
        f'<crystal><varray name="basis">{_rows(atoms.cell.array)}</varray>'
        f'<i name="volume">{atoms.get_volume():.8f}</i>'
        f'<varray name="rec_basis">{_rows(np.linalg.inv(atoms.cell.array).T)}</varray></crystal>'
        f'<varray name="positions">{_rows(atoms.get_scaled_positions())}</varray>'
    )
    energy = "".join(
        f'<i name="{name}">{energy_ev + shift:.8f}</i>'
        for name, shift in (("e_fr_energy", 0.0), ("e_wo_entrp", 0.002), ("e_0_energy", 0.001))
    )
    step = f"<scstep><energy>{energy}</energy></scstep>"
    flag = "T" if soc else "F"
    return f"""<?xml version="1.0" encoding="ISO-8859-1"?>
<modeling>
 <generator>
  <i name="program" type="string">vasp</i>
  <i name="version" type="string">6.4.2</i>
 </generator>
 <incar>
  <i name="ENCUT">{encut_ev:.8f}</i>
  <i type="int" name="NSW">0</i>
 </incar>
 <kpoints>
  <generation param="Gamma">
   <v type="int" name="divisions">{" ".join(map(str, grid))}</v>
   <v name="usershift">0.0 0.0 0.0</v>
   <v name="genvec1">1.0 0.0 0.0</v>
   <v name="genvec2">0.0 1.0 0.0</v>
   <v name="genvec3">0.0 0.0 1.0</v>
   <v name="shift">0.0 0.0 0.0</v>
  </generation>
  <varray name="kpointlist"><v>0.0 0.0 0.0</v></varray>
  <varray name="weights"><v>1.0</v></varray>
 </kpoints>
 <parameters>
  <separator name="electronic">
   <i name="ENMAX">{encut_ev:.8f}</i>
   <i name="NELECT">{nelect:.8f}</i>
   <i type="int" name="ISPIN">1</i>
   <i type="logical" name="LSORBIT">{flag}</i>
   <i type="string" name="GGA">--</i>
   <i type="int" name="NELM">{nelm}</i>
  </separator>
  <separator name="ionic">
   <i type="int" name="NSW">0</i><i type="int" name="IBRION">-1</i>
  </separator>
  <separator name="general"><i type="logical" name="LDAU">F</i></separator>
 </parameters>
 <atominfo>
  <atoms>{len(atoms)}</atoms>
  <types>{len(types)}</types>
  <array name="atoms"><dimension dim="1">ion</dimension><field type="string">element</field>
   <field type="int">atomtype</field><set>{ions}</set></array>
  <array name="atomtypes"><dimension dim="1">type</dimension><field type="int">atomspertype</field>
   <field type="string">element</field><field>mass</field><field>valence</field>
   <field type="string">pseudopotential</field><set>{rows}</set></array>
 </atominfo>
 <structure name="initialpos">{structure}</structure>
 <calculation>
  {step * scf_steps}
  <structure>{structure}</structure>
  <varray name="forces">{_rows(forces)}</varray>
  <varray name="stress">{_rows(np.zeros((3, 3)))}</varray>
  <energy>{energy}</energy>
 </calculation>
 <structure name="finalpos">{structure}</structure>
</modeling>
"""


def _rows(values: np.ndarray) -> str:
    return "".join(f"<v>{' '.join(f'{value:.8f}' for value in row)}</v>" for row in values)
