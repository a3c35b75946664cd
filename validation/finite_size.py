"""Barriers in the next larger supercell, for the materials of the page of DFT.

`validation/migration.py` computes them after its own cases and keeps them in
``docs/validation/finite_size.json``; :func:`section` is the part of the page that shows them.
"""

from __future__ import annotations

from pvkdb.chemistry.ions import HALIDES
from pvkdb.schemas.calculations import PotentialName
from validation.migration_cases import CASES, Case
from validation.migration_results import Results, Wanted

#: Those that compute the larger cells: the guide of the hops by DFT, and the better one.
POTENTIALS = (PotentialName.SEVENNET_0, PotentialName.SEVENNET_L3I5)
#: Hosts of the hops by DFT.
HOSTS = (
    *((formula, "Pnma") for formula in ("CsPbBr3", "CsPbI3", "CsPbCl3", "CsSnI3")),
    *((formula, "Fm-3m") for formula in ("Cs2SnCl6", "Cs2SnI6", "Cs2AgBiBr6")),
    *(("Cs3Sb2I9", phase) for phase in ("P-3m1", "P6_3/mmc")),
)
#: A supercell whose images are farther apart by this is another one, Å.
_FARTHER_ANG = 0.5
#: Lengths of one hop in two cells differ by less, Å.
_SAME_HOP_ANG = 0.1


def cases() -> list[Case]:
    """Return the halide vacancies of these hosts."""
    halides = [f"V_{halide}" for halide in HALIDES]
    return [
        case for case in CASES if (case.formula, case.phase) in HOSTS and case.defect in halides
    ]


def larger_cells(present: Results) -> list[Wanted]:
    """Return the same calculations in the next larger cells, the cheapest first."""
    found = []
    for case in cases():
        for potential in POTENTIALS:
            computed = present.of(case, potential)
            if computed is not None and computed.result is not None:
                request = case.request(potential)
                distance = round(computed.result.distance_ang + _FARTHER_ANG, 1)
                settings = request.settings.model_copy(update={"distance_ang": distance})
                wanted = (case.name, request.model_copy(update={"settings": settings}))
                found.append((computed.result.cpu_seconds, wanted))
    return [wanted for _, wanted in sorted(found, key=lambda each: each[0])]
