"""Formation energies that a screening found, as statements beside those of the literature."""

from __future__ import annotations

import hashlib

from sqlalchemy import select
from sqlalchemy.orm import Session

from pvkdb.chemistry.defects import Defect
from pvkdb.schemas.calculations import PotentialName
from pvkdb.schemas.calculations.relaxations import HOST_DROP_EV
from pvkdb.schemas.screening import VacancyFormation
from pvkdb.store.curation.registration import get_or_add
from pvkdb.store.models.calculations import Calculation
from pvkdb.store.models.energetics import Energetic

_DECIMALS = 4


def record_formation(
    session: Session, halide: str, potential: PotentialName, found: VacancyFormation
) -> Energetic:
    """Keep a formation energy as a statement on the material; the same one is kept once.

    The interval goes from the halide-poor to the halide-rich limit. Other reference phases give
    other limits, hence another statement on the same calculation.
    """
    low, high = round(found.x_poor_ev, _DECIMALS), round(found.x_rich_ev, _DECIMALS)
    mu_poor, mu_rich = found.mu_x_poor_ev, found.mu_x_rich_ev
    content = f"{low} {high} {mu_poor:.4f} {mu_rich:.4f}"
    mark = hashlib.sha256(content.encode()).hexdigest()[:6]
    name = f"e-{found.calculation}-{mark}"
    calculation = session.get_one(Calculation, found.calculation)
    defect = Defect.vacancy(halide)

    def build() -> Energetic:
        return Energetic(
            id=name,
            material_id=calculation.material_id,
            defect=defect.label,
            species=defect.species,
            charge=None,
            quantity="DFE",
            scope="reported",
            value_min_ev=low,
            value_max_ev=high,
            approximate=False,
            method="MLIP",
            functional=potential.value,
            conditions=(
                f"{halide}-poor {low:.3f} eV (mu_{halide} = {mu_poor:.3f} eV), {halide}-rich "
                f"{high:.3f} eV (mu_{halide} = {mu_rich:.3f} eV), {found.atoms_in_cell} atoms, "
                f"neutral cell{_caveats(found)}"
            ),
            source=f"calculation {found.calculation}",
            calculation_id=found.calculation,
        )

    return get_or_add(session, select(Energetic).where(Energetic.id == name), build)


def _caveats(found: VacancyFormation) -> str:
    """What takes trust from the number."""
    said = []
    if not found.allowed:
        said.append("the compound itself decomposes, limits of elements and binary halides alone")
    drop = found.host_drop_ev_per_formula
    if drop is None:
        said.append("stability of the host not known")
    elif drop > HOST_DROP_EV:
        said.append(f"the host was no minimum, it fell by {1000 * drop:.0f} meV a formula unit")
    return "".join(f"; {text}" for text in said)
