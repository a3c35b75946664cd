"""Formation energies that a screening found, as statements beside those of the literature."""

from __future__ import annotations

import hashlib

from sqlalchemy.orm import Session

from pvkdb.chemistry.defects import Defect
from pvkdb.schemas.calculations import PotentialName
from pvkdb.schemas.screening import VacancyFormation
from pvkdb.store.calculations import Calculation
from pvkdb.store.energetics import Energetic

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
    known = session.get(Energetic, name)
    if known is not None:
        return known
    calculation = session.get_one(Calculation, found.calculation)
    defect = Defect.vacancy(halide)
    statement = Energetic(
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
            "neutral cell"
        ),
        source=f"calculation {found.calculation}",
        calculation_id=found.calculation,
    )
    session.add(statement)
    session.flush()
    return statement
