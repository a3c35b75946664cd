"""Relax the phases of compounds whose ground state was measured, and compare.

    python -m validation.structures.ground_states [--database URL]

relaxes every phase that a screening compares, and the measured one, with SevenNet-0 and CHGNet,
and adds the energies to ``docs/validation/ground_states.json``; a calculation that a store has is
taken from there. ``python -m validation.structures.make --page-only`` then writes the page.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from sqlalchemy import select
from sqlalchemy.orm import Session

from pvkdb.chemistry import parse_composition
from pvkdb.chemistry.phases import MEASURED
from pvkdb.errors import CalculationFailedError
from pvkdb.schemas.calculations import PotentialName
from pvkdb.schemas.calculations.relaxations import RelaxRequest
from pvkdb.store.database import Store
from pvkdb.store.models.calculations import Calculation
from pvkdb_pipelines.prototypes import candidates, compound_of
from pvkdb_pipelines.relaxations.compound import compute_relaxation, relax_request
from validation.pages import FOLDER
from validation.structures.known_facts import RESOLUTION_MEV

NUMBERS = FOLDER / "ground_states.json"
POTENTIALS = {PotentialName.SEVENNET_0: "SevenNet-0", PotentialName.CHGNET: "CHGNet"}
#: Energies of one potential in eV a formula unit, by formula and phase; None where it failed.
Energies = Mapping[str, Mapping[str, float | None]]
Outcome = Literal["right", "undecided", "wrong", "not relaxed"]

HEAD = """
## Ground states

{compounds} compounds of which it was measured what is stable, with the phases that a screening \
compares. A potential is **right** where the measured phase is the lowest of them, by more than \
{resolution:g} meV a formula unit, and undecided within that. Energies are those of static \
crystals, so the phase at low temperature counts where it was measured and has a prototype \
(*), else the one at room temperature: heat alone may make that one stable. A phase in brackets \
stands for the measured one, which is a distortion of it and has no prototype. Whatever a \
potential says, pvkdb names the measured phase as the lowest, says that it was measured, and \
takes computed energies and barriers of that phase where there are any \
(`pvkdb/chemistry/data/measured_phases.csv`).

"""


@dataclass(frozen=True, slots=True)
class Comparison:
    """A measured ground state and the phases relaxed with one potential.

    Attributes:
        lowest: The lowest phase; None if the measured one, or all others, have no energy.
        margin_mev: Lowest other phase minus the measured one, meV per formula unit.
    """

    lowest: str | None
    margin_mev: float

    @property
    def outcome(self) -> Outcome:
        """Whether the measured phase is the lowest, as far as relaxations resolve it."""
        if self.lowest is None:
            return "not relaxed"
        if abs(self.margin_mev) <= RESOLUTION_MEV:
            return "undecided"
        return "right" if self.margin_mev > 0 else "wrong"


def requests(potential: PotentialName) -> Iterator[RelaxRequest]:
    """Yield the relaxations of all phases, as a screening asks for them."""
    for formula in wanted():
        compound = compound_of(parse_composition(formula))
        for info in candidates(compound):
            yield relax_request(compound, info, potential)


def wanted() -> list[str]:
    """Return the compounds with a measured ground state and at least two phases to compare."""
    return [
        formula
        for formula, each in MEASURED.items()
        if each.prototype and len(candidates(parse_composition(formula))) > 1
    ]


def expected(formula: str) -> str:
    """Return the phase that should be the lowest of the static crystals."""
    measured = MEASURED[formula]
    known = {info.phase for info in candidates(parse_composition(formula))}
    assert measured.prototype is not None
    cold = measured.low_temperature
    return cold if cold in known else measured.prototype


def compare(formula: str, energies: Energies) -> Comparison:
    """Compare a measured ground state with the energies of its phases by one potential."""
    phase = expected(formula)
    known = {name: ev for name, ev in energies.get(formula, {}).items() if ev is not None}
    others = [ev for name, ev in known.items() if name != phase]
    if phase not in known or not others:
        return Comparison(None, 0.0)
    lowest = min(known, key=lambda name: known[name])
    return Comparison(lowest, 1000 * (min(others) - known[phase]))


def read() -> dict[str, dict[str, dict[str, float | None]]]:
    """Return the energies by potential, formula and phase."""
    return json.loads(NUMBERS.read_text(encoding="utf-8")) if NUMBERS.exists() else {}


def section() -> Iterator[str]:
    """Yield the section of docs/validation/structures.md."""
    numbers = read()
    yield HEAD.format(compounds=len(wanted()), resolution=RESOLUTION_MEV)
    counts: dict[object, Counter[Outcome]] = defaultdict(Counter)
    rows = []
    for formula in wanted():
        measured, phase = MEASURED[formula], expected(formula)
        cells = [formula, measured.lowest or "", f"{phase}{'*' * (phase != measured.prototype)}"]
        if measured.prototype != measured.lowest:
            cells[1] += f" ({measured.prototype})"
        for potential in POTENTIALS:
            found = compare(formula, numbers.get(potential, {}))
            kind = compound_of(parse_composition(formula)).stoichiometry
            counts[potential][found.outcome] += 1
            counts[potential, kind][found.outcome] += 1
            cells.append(_cell(found))
        rows.append(" | ".join([*cells, measured.source]))
    for potential, name in POTENTIALS.items():
        every, of_abx3 = counts[potential], counts[potential, "ABX3"]
        said = ", ".join(f"{every[each]} {each}" for each in get_args(Outcome) if every[each])
        wrong = f"of {of_abx3.total()} ABX3 {of_abx3['right']} right, {of_abx3['wrong']} wrong"
        yield f"- {name}: {said} of {len(rows)}; {wrong}.\n"
    yield f"\n| compound | room temperature | judged by | {' | '.join(POTENTIALS.values())} | "
    yield f"source |\n{'|---' * (4 + len(POTENTIALS))}|\n"
    yield from (f"| {row} |\n" for row in rows)


def _cell(found: Comparison) -> str:
    outcome = found.outcome
    if outcome == "not relaxed":
        return outcome
    words = f"{outcome}, {found.margin_mev:+.0f} meV"
    return f"**{words}**: {found.lowest}" if outcome == "wrong" else words


def main() -> None:
    """Relax what is missing, the first potential first; an interrupted run resumes."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--database", help="store whose calculations are taken")
    url = parser.parse_args().database
    numbers = read()
    with Store(url or "sqlite://").session(read_only=True) as session:
        for potential, request in ((p, r) for p in POTENTIALS for r in requests(p)):
            of_compound = numbers.setdefault(potential, {}).setdefault(request.formula, {})
            if request.phase in of_compound:
                continue
            of_compound[request.phase] = _energy_ev(request, session if url else None)
            NUMBERS.write_text(json.dumps(numbers, indent=1, sort_keys=True) + "\n")
            print(request.formula, request.phase, potential, of_compound[request.phase], flush=True)


def _energy_ev(request: RelaxRequest, session: Session | None) -> float | None:
    """Return the energy per formula unit to 0.1 meV; None if the relaxation failed."""
    same = select(Calculation).where(Calculation.key == request.key())
    stored = session.scalar(same) if session else None
    if stored is not None and stored.result is not None:
        return round(float(stored.result["energy_ev_per_formula"]), 4)
    try:
        return round(compute_relaxation(request).result.energy_ev_per_formula, 4)
    except CalculationFailedError:
        return None


if __name__ == "__main__":
    main()
