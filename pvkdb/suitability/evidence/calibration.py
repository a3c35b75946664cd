"""Evidence from computed energies: calibrated intervals in place of raw values of potentials."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from pvkdb.schemas.calculations.calibration import (
    Calibration,
    CalibrationLine,
    calibration_table,
)
from pvkdb.schemas.rankings import Grade
from pvkdb.suitability.evidence.evidence import Evidence


def calibrated(
    raw: Evidence,
    quantity: str,
    parts: Mapping[str, tuple[Evidence, Collection[str]]],
    b_site: Collection[str] = (),
) -> Evidence:
    """Return the interval of the potential that counts first; ``raw`` if none is calibrated.

    A potential with a value counts before one with an upper bound only.

    Args:
        raw: values of all potentials, with a note that names them.
        quantity: ``E_A`` or ``DFE``.
        parts: for each potential its values, and the structure families that have them.
        b_site: the ions on B of the composition.
    """
    table = calibration_table()
    found: list[tuple[Evidence, Calibration, list[CalibrationLine]]] = []
    for entry in table.calibrations:
        if entry.quantity == quantity and entry.potential in parts:
            part, families = parts[entry.potential]
            lines = [entry.line_for(family, b_site) for family in sorted(set(families))]
            known = [line for line in lines if line is not None]
            if known == lines:
                found.append((part, entry, known))
    if not found:
        return raw
    part, entry, fitting = min(found, key=lambda each: each[0].minimum is None)
    low, high = part.minimum, part.maximum
    if low is not None:
        low = round(min(line.interval(low)[0] for line in fitting), 3)
    if high is not None:
        high = round(max(line.interval(high)[1] for line in fitting), 3)
    if quantity == "E_A":  # no barrier is below zero
        low, high = (None if end is None else max(end, 0.0) for end in (low, high))
    groups = " and ".join(sorted({line.made_of for line in fitting}))
    how = f"{table.level:.0%} interval of {entry.potential} by {groups} of {entry.compared_with}"
    note = f"{how} ({table.page}); {raw.note}"
    return replace(part, minimum=low, maximum=high, grade=Grade.CALIBRATED, note=note)
