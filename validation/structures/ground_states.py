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
from contextlib import nullcontext
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
from validation.pages import FOLDER, table, texts
from validation.structures import known_facts
from validation.structures.known_facts import RESOLUTION_MEV

NUMBERS = FOLDER / "ground_states.json"
#: Those of the page, with their titles.
POTENTIALS = {PotentialName.SEVENNET_0: "SevenNet-0", PotentialName.CHGNET: "CHGNet"}
#: Energies of one potential in eV a formula unit, by formula and phase; None where it failed.
Energies = Mapping[str, Mapping[str, float | None]]
Outcome = Literal["right", "undecided", "wrong", "not relaxed"]

TEXTS = texts(__file__)


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


def compare(formula: str, energies: Energies) -> known_facts.Verdict | None:
    """Compare a measured ground state with the energies of its phases by one potential."""
    of_phases = energies.get(formula, {})
    return known_facts.compare(of_phases, [expected(formula)], of_phases)


def outcome_of(found: known_facts.Verdict | None) -> Outcome:
    """Return whether the measured phase is the lowest, as far as relaxations resolve it."""
    return "not relaxed" if found is None else found.outcome


def read() -> dict[str, dict[str, dict[str, float | None]]]:
    """Return the energies by potential, formula and phase."""
    return json.loads(NUMBERS.read_text(encoding="utf-8")) if NUMBERS.exists() else {}


def section() -> Iterator[str]:
    """Yield the section of docs/validation/structures.md."""
    numbers = read()
    yield TEXTS["head"].format(compounds=len(wanted()), resolution=RESOLUTION_MEV)
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
            counts[potential][outcome_of(found)] += 1
            counts[potential, kind][outcome_of(found)] += 1
            cells.append(_cell(found))
        rows.append([*cells, measured.source])
    for potential, name in POTENTIALS.items():
        every, of_abx3 = counts[potential], counts[potential, "ABX3"]
        said = ", ".join(f"{every[each]} {each}" for each in get_args(Outcome) if every[each])
        wrong = f"of {of_abx3.total()} ABX3 {of_abx3['right']} right, {of_abx3['wrong']} wrong"
        yield f"- {name}: {said} of {len(rows)}; {wrong}.\n"
    head = ("compound", "room temperature", "judged by", *POTENTIALS.values(), "source")
    yield "\n"
    yield from (f"{line}\n" for line in table(head, rows))


def _cell(found: known_facts.Verdict | None) -> str:
    if found is None:
        return outcome_of(found)
    words = f"{found.outcome}, {found.margin_mev:+.0f} meV"
    return f"**{words}**: {found.lowest}" if found.outcome == "wrong" else words


def main() -> None:
    """Relax what is missing, the first potential first; an interrupted run resumes."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--database", help="store whose calculations are taken")
    url = parser.parse_args().database
    numbers = read()
    with Store(url).session(read_only=True) if url else nullcontext() as session:
        for potential, request in ((p, r) for p in POTENTIALS for r in requests(p)):
            of_compound = numbers.setdefault(potential, {}).setdefault(request.formula, {})
            if request.phase in of_compound:
                continue
            of_compound[request.phase] = _energy_ev(request, session)
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
