"""The phases of a composition: which is lowest, and the energies of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from pvkdb.schemas.tables import MaterialsRow
from pvkdb.store.curation.energy_ranges import Ranges, energy_ranges
from pvkdb.suitability.evidence.phases import phase_energies


@dataclass(frozen=True, slots=True)
class PhaseView:
    """A phase, or a composition without one, with its own energies.

    ``above_ev`` is the energy above the lowest phase in eV per atom, by each potential that has
    relaxed it; ``energies`` are those of the halide vacancy.
    """

    row: MaterialsRow
    lowest: bool
    above_ev: Mapping[str, float]
    energies: Ranges


def phase_views(
    session: Session, materials: Sequence[MaterialsRow], lowest: str | None
) -> list[PhaseView]:
    """Return the phases of a composition, the one without a phase first, then the lowest."""
    names = [row.id for row in materials]
    ranges = energy_ranges(session, names, halides_only=True)
    above: dict[str, dict[str, float]] = {name: {} for name in names}
    for potential, levels in phase_energies(session, names).items():
        for name, level in levels.items() if len(levels) > 1 else ():
            above[name][potential] = level - min(levels.values())
    found = [
        PhaseView(
            row,
            row.phase is not None and row.phase == lowest,
            dict(sorted(above[row.id].items())),
            ranges.get(row.id, {}),
        )
        for row in materials
    ]
    return sorted(found, key=lambda each: (each.row.phase is not None, not each.lowest))
