"""The numbers of the page: computed by one process per core, stored in a JSON file."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from importlib.metadata import version
from itertools import product
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from pvkdb.schemas.calculations import PotentialName
from pvkdb.schemas.calculations.relaxations import RelaxSettings
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


class Results(BaseModel):
    """The computed content of the page."""

    model_config = ConfigDict(extra="forbid", frozen=True)

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


def read_results(path: Path) -> Results:
    """Read the results of an earlier run."""
    return Results.model_validate_json(path.read_text(encoding="utf-8"))


def wanted_phases() -> list[Phase]:
    """Return all phases of measured cells and known facts, each once."""
    of_cells = [
        Phase(cell.compound, cell.phase, cell.symmetry)
        for cell in measured_cells()
        if cell.symmetry is not None
    ]
    return list(dict.fromkeys([*of_cells, *phases_to_relax()]))


def compute(processes: int, on_result: OnResult) -> Results:
    """Relax everything with both potentials.

    Args:
        processes: Number of processes, with one thread each.
        on_result: Called after each relaxation.
    """
    os.environ["OMP_NUM_THREADS"] = "1"  # read by the processes when they load their libraries
    tasks = list(product(wanted_phases(), POTENTIALS))
    found: dict[tuple[Phase, PotentialName], RelaxedPhase] = {}
    for relaxed in _in_parallel(tasks, processes):
        found[relaxed.key, relaxed.potential] = relaxed
        on_result(len(found), len(tasks), relaxed)
    return Results(
        settings=SETTINGS,
        versions={name: {**versions(name), "spglib": version("spglib")} for name in POTENTIALS},
        relaxed=tuple(found[task] for task in tasks),
    )


def _in_parallel(
    tasks: list[tuple[Phase, PotentialName]], processes: int
) -> Iterator[RelaxedPhase]:
    # Spawned, not forked: libraries with running threads must not be copied.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, mp_context=context) as pool:
        waiting = [pool.submit(relax_phase, *task) for task in tasks]
        try:
            for done in as_completed(waiting):
                yield done.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
