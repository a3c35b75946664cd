"""Columns of the candidates of a screening, of pages and of the terminal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pvkdb.chemistry.factors.tolerance import TAU_LIMIT
from pvkdb.display.numbers import decimals, milli
from pvkdb.schemas.screening import ScreenedCandidate
from pvkdb.store.runs.screening_reports import value_at


@dataclass(frozen=True, slots=True)
class ReportColumn:
    """A column of the candidates' table.

    Attributes:
        head: heading of a page.
        short: heading in a terminal; empty: it is not shown there.
        meaning: what the column shows.
        path: attributes from a candidate to the value, e.g. ``tolerance.t``.
        digits: decimals of a number; None for text.
        unit: unit of a number; values in meV are stored in eV.
        better: "high" or "low", the end of the numbers that sorting shows first.
    """

    head: str
    short: str
    meaning: str
    path: str
    digits: int | None = None
    unit: str = ""
    better: str = ""

    def value(self, candidate: ScreenedCandidate) -> Any:
        """Return the value of a candidate; None where it is not known."""
        return value_at(candidate, self.path)

    def text(self, candidate: ScreenedCandidate) -> str:
        """Return the number of a candidate as text; empty where it is not known."""
        value = self.value(candidate)
        if isinstance(value, tuple):
            return " to ".join(decimals(each, self.digits or 0) for each in value)
        return milli(value) if self.unit == "meV/atom" else decimals(value, self.digits or 0)


ABOVE = "stability.perovskite_above_ground_state_ev_per_atom"
HULL = "stability.above_hull_ev_per_atom"
_POOR, _RICH = "vacancy.x_poor_ev", "vacancy.x_rich_ev"
_EASIEST = "highest saddle of the vacancy's easiest path"
_VACANCY = "formation energy of the neutral halide vacancy in the halide"
_CALIBRATED = "the vacancy between both limits, where 80 % of values of a DFT data set lie"
_TAU = f"factor of Bartel et al.; perovskites lie below {TAU_LIMIT}"
_LOWEST, _PATH = "lowest phase of the type above it", "its dimensions, and the hop that limits it"

COLUMNS = tuple(
    ReportColumn(*column)
    for column in (
        ("Candidate", "formula", "formula", "formula"),
        ("Rank", "rank", "among those that passed every stage", "rank", None, "", "low"),
        ("Type", "type", "structure type and family", "type"),
        ("Pb-free", "", "whether it contains no lead", "lead_free"),
        ("t", "", "Goldschmidt's tolerance factor", "tolerance.t", 3, "", "low"),
        ("μ", "", "octahedral factor, r_B over r_X", "tolerance.mu", 3, "", "low"),
        ("τ", "tau", _TAU, "tolerance.tau", 3, "", "low"),
        ("p", "p", "probability of being a perovskite", "tolerance.p_perovskite", 3, "", "high"),
        ("Ground state", "phase", "lowest of the relaxed phases", "stability.ground_state"),
        ("Perovskite above", "above", _LOWEST, ABOVE, 1, "meV/atom", "low"),
        ("Above hull", "hull", "of the other compounds", HULL, 1, "meV/atom", "low"),
        ("Products", "", "formula units for one of the candidate", "stability.products"),
        ("Vacancy, X‑poor", "E_f poor", f"{_VACANCY}-poor limit", _POOR, 2, "eV", "low"),
        ("Vacancy, X‑rich", "E_f rich", f"{_VACANCY}-rich limit", _RICH, 2, "eV", "low"),
        ("calibrated", "E_f cal.", _CALIBRATED, "vacancy.calibrated_ev", 1, "eV", "low"),
        ("E_A", "E_A", _EASIEST, "migration.e_a_ev", 2, "eV", "low"),
        ("Spread", "±", "between the potentials", "migration.e_a_spread_ev", 2, "eV", "low"),
        ("Path", "path", _PATH, "migration.outcomes"),
        ("Check", "check", "why its numbers may be wrong; the details have more", "doubts"),
        ("Outcome", "", "passed, or the stage at which it fell and why", "type"),
    )
)
