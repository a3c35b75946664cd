"""Formation energies of defects in CsSnI3, from the tables of the repository of the paper.

The tables in ``cssni3_defects`` (C. Khamdang and M. Wang, MIT License) are those of the folder
"Formation energy" of https://github.com/ckhamdang/Defect_Engineering_in_CsSnI3, commit 5843fdf.
Each energy is calculated again from its terms, by their first lines: E_f = E_tot − E_perfect +
q · VBM + E_corr + chemical potentials of what left − those of what came. One that differs by more
than 0.02 eV is left out. So are the six of vanadium on tin, whose label V_Sn is that of a vacancy.

The repository has a second table of 25 dopants on tin at charges 0 and +1, the features of its
models (``cssni3_features.csv``, of "Pearson correlation/feature for doping on Sn-site-I-rich.csv"
at commit 237e304 and "Linear correlation/feature for doping on Sn-site-I-poor.csv" at 15f120e). An
energy that differs there by more than 0.02 eV has the other one in its erratum. No table names the
functional or spin–orbit coupling.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path

FOLDER = Path(__file__).resolve().parent / "cssni3_defects"
PAPER = "khamdang2025"
ADDRESS = (
    "https://github.com/ckhamdang/Defect_Engineering_in_CsSnI3/blob/"
    "5843fdf53702647fe7c8571e5bf7db0e6b2afebc/Formation%20energy/"
)
#: Largest difference of an energy from the sum of its terms, eV.
TOLERANCE_EV = 0.02
FEATURES = FOLDER.with_name("cssni3_features.csv")
#: Largest difference that the two decimals of most terms explain, eV.
ROUNDING_EV = 0.006
CONDITIONS = ("I-rich", "I-poor")
#: Terms that do not depend on the chemical potentials.
FIXED = ("E_tot (eV)", "E_perfect (eV)", "q*VBM (eV)", "E_corr (eV)")


def energies() -> Iterator[dict[str, str]]:
    """Yield the rows of ``energetics.csv``, without references, in the order of the tables."""
    number = 0
    with FEATURES.open(encoding="utf-8", newline="") as file:
        others = {
            (f"{row['dopant']}_Sn", int(row["charge"]), row["condition"]): row["value_ev"]
            for row in csv.DictReader(file)
            if row["dopant"] != "V"
        }
    for path in sorted(FOLDER.glob("*.csv")):
        for label, condition, printed, summed in energies_of(path):
            vanadium = label.startswith("V_")  # a vacancy is VSn there
            if vanadium or abs(float(printed) - summed) > TOLERANCE_EV:
                continue
            number += 1
            defect, charge = parsed(label)
            added, _, site = defect.partition("_")
            apart = abs(float(printed) - summed) > ROUNDING_EV
            remarks = [f"its terms sum to {summed:.3f} eV"] if apart else []
            other = others.get((defect, charge, condition), printed)
            if abs(float(other) - float(printed)) > TOLERANCE_EV + 1e-9:
                remarks.append(f"the table of features of the same repository has {other} eV")
            file = path.name.replace("_", "%20").replace("E%20form", "E_form")
            yield {
                "id": f"e-o-{PAPER}-{number}",
                "material": "CsSnI3",
                "defect": defect,
                "species": site if added == "V" else added,
                "charge": f"{charge:+d}".replace("+0", "0"),
                "quantity": "DFE",
                "scope": "reported",
                "value_min_ev": printed,
                "value_max_ev": printed,
                "approximate": "false",
                "method": "DFT",
                "conditions": f"{condition}; Fermi level at the valence band maximum; functional "
                "and spin–orbit coupling not stated in the tables",
                "source": f"row {label} at {ADDRESS}{file}",
                "as_printed": printed,
                "erratum": "; ".join(remarks),
            }


def energies_of(path: Path) -> Iterator[tuple[str, str, str, float]]:
    """Yield label, condition, energy in print and sum of its terms in eV of a table."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        lines = list(csv.reader(file))
    start = next(place for place, line in enumerate(lines) if "E_tot (eV)" in line)
    header = lines[start]
    ends = [place for place, name in enumerate(header) if name == "E^f (eV)"]
    for line in lines[start + 1 :]:
        if not line[0]:
            continue
        cells = dict(zip(header[:5], line, strict=False))
        total, perfect, band, corrected = (float(cells[name]) for name in FIXED)
        fixed = total - perfect + band + corrected
        defect, _ = parsed(line[0])
        added, _, site = defect.partition("_")
        for condition, first, last in zip(CONDITIONS, (5, ends[0] + 1), ends, strict=True):
            potentials = {
                re.sub(r"u_(\w+) \(eV\)", r"\1", name): float(cell)
                for name, cell in zip(header[first:last], line[first:last], strict=True)
            }
            vacancy = added == "V" and not line[0].startswith("V_")
            came = 0.0 if vacancy else potentials.get(added, potentials.get("X", 0.0))
            left = 0.0 if site == "i" else potentials[site]
            yield line[0], condition, line[last], fixed + left - came


def parsed(label: str) -> tuple[str, int]:
    """Return the defect and the charge of a label: ``VCs-1``, ``Csi+1``, ``Ca_Cs-0``."""
    name, charge = label[:-2], int(label[-2:])
    name = name.replace("-", "_")  # I-Sn-2
    if "_" not in name:
        name = f"V_{name[1:]}" if name[0] == "V" else f"{name.removesuffix('i')}_i"
    return name, charge
