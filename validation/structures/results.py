"""The numbers of the page: computed by one process per core, stored in a JSON file."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version
from itertools import product

from pvkdb.schemas.calculations import PotentialName
from pvkdb.schemas.calculations.relaxations import RelaxSettings
from validation.computing import in_processes
from validation.pages import Numbers
from validation.structures.known_facts import phases_to_relax
from validation.structures.measured_cells import measured_cells
from validation.structures.relaxed_phases import (
    SETTINGS,
    Phase,
    RelaxedPhase,
    Symmetry,
    relax_phase,
    versions,
)

#: Potentials in the order of the page.
POTENTIALS = (PotentialName.SEVENNET_0, PotentialName.CHGNET)

#: Called after each relaxation with the numbers of finished and of all ones, and the last one.
OnResult = Callable[[int, int, RelaxedPhase], None]


class Results(Numbers):
    """The computed content of the page."""

    settings: RelaxSettings
    versions: dict[PotentialName, dict[str, str]]
    relaxed: tuple[RelaxedPhase, ...]

    def of(
        self, potential: PotentialName, symmetry: Symmetry | None = None
    ) -> dict[Phase, RelaxedPhase]:
        """Return the phases relaxed with a potential, in one way or both."""
        return {
            phase.key: phase
            for phase in self.relaxed
            if phase.potential == potential and symmetry in (None, phase.symmetry)
        }


def wanted_phases() -> list[Phase]:
    """Return all phases of measured cells and known facts, each once."""
    of_cells = [
        Phase(cell.compound, cell.phase, cell.symmetry)
        for cell in measured_cells()
        if cell.symmetry is not None
    ]
    return list(dict.fromkeys([*of_cells, *phases_to_relax()]))


def compute(on_result: OnResult) -> Results:
    """Relax everything with both potentials; ``on_result`` is called after each relaxation."""
    tasks = list(product(wanted_phases(), POTENTIALS))
    found: dict[tuple[Phase, PotentialName], RelaxedPhase] = {}
    for relaxed in in_processes(relax_phase, tasks):
        found[relaxed.key, relaxed.potential] = relaxed
        on_result(len(found), len(tasks), relaxed)
    return Results(
        settings=SETTINGS,
        versions={name: {**versions(name), "spglib": version("spglib")} for name in POTENTIALS},
        relaxed=tuple(found[task] for task in tasks),
    )
