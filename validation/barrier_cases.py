"""What the page of migration barriers computes, and which statements it is held against."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ase.io import read
from sqlalchemy.orm import Session

from pvkdb.chemistry.ions import HALIDES
from pvkdb.literature import load_literature
from pvkdb.schemas.calculations import PotentialName
from pvkdb.schemas.calculations.migration import CompleteNebRequest, NebRequest, NebSettings
from pvkdb.schemas.tables import EnergeticsRow
from pvkdb.schemas.tables.literature import SECONDARY
from pvkdb.store.collections import ENERGETICS
from pvkdb.store.files.calculation_import import take_calculations
from pvkdb.store.queue.migration_requests import complete_request
from pvkdb_pipelines.geometry.hosts import host_of
from validation.computing import store_with
from validation.pages import FOLDER

STRUCTURES = Path(__file__).parent / "structures_used"
#: The order of the page. All compute the halide vacancies of small cells, which calibrate them; the
#: first two, which are cheap, compute the other cases too.
POTENTIALS = (PotentialName.SEVENNET_0, PotentialName.CHGNET, PotentialName.SEVENNET_L3I5)
#: Hops that validation/dft/hops.py computed, a file of `pvkdb jobs export`.
DFT_HOPS = FOLDER / "dft_hops" / "calculations.jsonl.gz"


@dataclass(frozen=True, slots=True)
class Case:
    """A defect in a host.

    Attributes:
        formula, phase, defect: What is computed.
        structure: File of the host, where no prototype can be it.
        distance_ang: Least distance between images, where it is not the default.
    """

    formula: str
    phase: str
    defect: str
    structure: str = ""
    distance_ang: float | None = None

    @property
    def name(self) -> str:
        """Shown in tables and kept with the numbers."""
        return f"{self.formula} {self.phase} {self.defect}"

    @property
    def potentials(self) -> tuple[PotentialName, ...]:
        """Those that compute it."""
        halide = self.defect in ("V_I", "V_Br", "V_Cl")
        small = not self.structure and self.phase != _DIMER
        return POTENTIALS if halide and small else POTENTIALS[:2]

    def request(self, potential: PotentialName) -> CompleteNebRequest:
        """The calculation with one potential."""
        settings = NebSettings()
        if self.distance_ang is not None:
            settings = NebSettings(distance_ang=self.distance_ang)
        host = host_of(read(STRUCTURES / self.structure)) if self.structure else None
        return complete_request(
            NebRequest(
                formula=self.formula,
                phase=self.phase,
                defect=self.defect,
                potential=potential,
                host=host,
                settings=settings,
            )
        )


_MAPI = "MAPbI3-Pnma.vasp"
#: Of the defects that the tables of the review have in MAPbI3; another takes 20 minutes and more.
_MAPI_DEFECTS = ("V_I", "V_Pb", "I_i", "Ag_i", "Au_i", "Cu_i")

CASES = (
    Case("CsPbI3", "Pnma", "V_I"),
    Case("CsPbBr3", "Pnma", "V_Br"),
    Case("CsPbCl3", "Pnma", "V_Cl"),
    Case("Cs2AgBiBr6", "Fm-3m", "V_Br"),
    Case("Cs2SnI6", "Fm-3m", "V_I"),
    Case("Cs2SnBr6", "Fm-3m", "V_Br"),
    Case("Cs2SnCl6", "Fm-3m", "V_Cl"),
    Case("Cs3Sb2I9", "P-3m1", "V_I"),
    Case("Cs3Sb2I9", "P6_3/mmc", "V_I"),
    Case("CsPbBr3", "Pnma", "V_Cs"),
    Case("CsPbI3", "Pnma", "V_Cs"),
    Case("CsPbI3", "Pnma", "V_Pb"),
    Case("CsSnI3", "Pnma", "V_I"),
    Case("Cs3Bi2I9", "P6_3/mmc", "V_I"),
    Case("KMnCl3", "Pnma", "V_Cl"),
    Case("Cs2NaBiI6", "Fm-3m", "V_I"),
    Case("Cs2AgInCl6", "Fm-3m", "V_Cl"),
    # The 48-atom cell is 8.6 Å wide; the next one that keeps its symmetry has 192 atoms.
    *(Case("MAPbI3", "Pnma", defect, _MAPI, 8.5) for defect in _MAPI_DEFECTS),
)

_DIMER, _LAYERED = "P6_3/mmc", "P-3m1"
_ANY_HALIDE = {
    ("CsPbX3", "V_Cs"): ("CsPbBr3", "CsPbI3"),
    ("Cs2SnX6", "V_X"): ("Cs2SnI6", "Cs2SnBr6", "Cs2SnCl6"),
}
_PHASES = {"dimer": _DIMER, "layered": _LAYERED}


@cache
def reported() -> list[EnergeticsRow]:
    """Every activation energy of the literature, as the store holds it."""
    return _rows(load_literature, quantity="E_A", scope="reported")


#: In place of the reference of a statement that pvkdb computed by DFT.
OWN_DFT = "pvkdb"


@cache
def by_dft() -> list[EnergeticsRow]:
    """Activation energies of hops that pvkdb relaxed by DFT; none before `dft/hops.py` ran.

    The two ways of a hop are from its lower and its higher end; E_A is above the lower one.
    """
    if not DFT_HOPS.exists():
        return []
    filters = {"quantity": "E_A", "scope": "hop", "method": "DFT"}
    return [
        row.model_copy(update={"references": OWN_DFT, "value_min_ev": row.value_max_ev})
        for row in _rows(lambda session: take_calculations(session, DFT_HOPS), **filters)
        if not row.approximate  # the others are estimates
    ]


def _rows(load: Callable[[Session], object], **filters: str) -> list[EnergeticsRow]:
    with store_with(load) as store, store.session(read_only=True) as session:
        return list(ENERGETICS.iterate(session, filters))


def cases_for(row: EnergeticsRow) -> list[Case]:
    """The cases that a statement of the literature is held against; none where it cannot be.

    A halide ion without a named defect is held against the vacancy, as in rankings. Quoted energies
    are none of a paper that was read.
    """
    if row.source.startswith(SECONDARY):
        return []
    generic = _ANY_HALIDE.get((row.material, row.defect))
    if generic is not None:
        return [
            case
            for case in CASES
            if case.formula in generic
            and case.defect[0] == "V"
            and (row.defect == "V_X" or case.defect == row.defect)
        ]
    return [
        case
        for case in CASES
        if case.formula == row.material
        and case.defect in (row.defect, *(f"V_{ion}" for ion in HALIDES if ion == row.defect))
        and row.phase
        in (None, case.phase, *(name for name, phase in _PHASES.items() if phase == case.phase))
    ]


def why_not(row: EnergeticsRow) -> str:
    """Why a statement of the literature has no computed counterpart here."""
    if row.source.startswith(SECONDARY):
        return "quoted by a page that is not the paper"
    if row.defect in ("ion", "I", "Br", "Cl", "X", "Cs"):
        return "the source does not say which defect moves"
    if row.defect in ("V_MA", "V_FA", "MA_i"):
        return "a molecule that moves and turns has no single saddle"
    if any(mark in row.material for mark in ("X", "A2", "AB")):
        return "the formula leaves its ions open"
    if row.phase == "δ":
        return "no structure of this phase with its molecules is at hand"
    if row.material == "MAPbI3" and row.defect.endswith("_i"):
        return "not run: twenty minutes and more; Ag_i, Au_i and Cu_i stand for the metals"
    if row.material.startswith(("MA", "FA", "(", "[", "{")):
        return "no ordered structure with these molecules is at hand"
    return "not run"
