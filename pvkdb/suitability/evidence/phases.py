"""Energies of a composition from its phases: of the literature, of pvkdb's DFT, of potentials.

Every phrase names the phase of its values. Where a potential has values of several phases, that of
the lowest phase counts, by the energies of the same potential: energies of two potentials have no
common zero. If a phase has no energy, the lowest is not known, and the values span the phases.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from pvkdb.chemistry import parse_composition
from pvkdb.chemistry.factors.tolerance import DEFINED
from pvkdb.chemistry.family import Family, family_of_phase, network
from pvkdb.chemistry.phases import MEASURED, lowest_phases
from pvkdb.errors import InputError
from pvkdb.schemas.rankings import Grade
from pvkdb.store.base import LARGEST_EV
from pvkdb.store.models.calculations import Calculation
from pvkdb.store.models.energetics import Energetic
from pvkdb.store.models.structures import Structure
from pvkdb.store.rows.energy_ranges import open_path
from pvkdb.suitability.evidence.evidence import Evidence, evidence_of, joined
from pvkdb.suitability.evidence.means import calibrated

#: Energies of relaxed phases in eV per atom, by potential and by the public name of the material.
PhaseEnergies = Mapping[str, Mapping[str, float]]

#: Phases of ABX3 in which octahedra share faces, beside those that their family says (2H, δ).
_FACES = re.compile(r"[1-9]\d*[HR]")
_GRADES = {"DFT": Grade.DFT, "experiment": Grade.MEASURED, "MLIP": Grade.MODEL}


def phase_energies(session: Session, materials: Sequence[str] | None = None) -> PhaseEnergies:
    """Return the energies of relaxed materials (default: all), as :data:`PhaseEnergies`.

    Only relaxations count, as for the lowest phase in the table ``compositions``: hosts of other
    calculations have other settings.
    """
    potential = Calculation.parameters["potential"].as_string()
    lowest = func.min(Structure.energy_ev / Structure.atoms)
    relaxed = (
        select(potential, Structure.material_id, lowest)
        .join(Calculation, Calculation.id == Structure.calculation_id)
        .where(Calculation.kind == "relax", Structure.energy_ev.between(-LARGEST_EV, LARGEST_EV))
        .group_by(potential, Structure.material_id)
    )
    if materials is not None:
        relaxed = relaxed.where(Structure.material_id.in_(materials))
    found: dict[str, dict[str, float]] = defaultdict(dict)
    for name, material, energy in session.execute(relaxed):
        found[name][material] = energy
    return found


def not_perovskite(
    formula: str,
    phases: Mapping[str, str | None],
    statements: Iterable[Energetic],
    energies: PhaseEnergies,
) -> str | None:
    """Return why tau has no meaning for an ABX3 or A2BB'X6: none of its phases is a perovskite.

    ``phases`` are those of the composition by the public name of their material. What was measured
    counts first, then those that the literature reports, where one that it does not name may be
    any; without them those that may be the lowest by each potential; without energies all.
    """
    try:
        family = parse_composition(formula).family
    except InputError:  # an edited row
        return None
    if family not in DEFINED:
        return None
    measured = MEASURED.get(formula)
    if measured is not None and measured.perovskite is None:
        return f"tau has a meaning for perovskites, and {measured.lowest} was measured"
    if measured is not None:
        return None
    counted: set[str | None] = {
        each.material.phase for each in statements if each.calculation_id is None
    }
    if None in counted or None in phases.values():
        return None  # it may be any phase
    if not counted:
        for potential, levels in energies.items():
            known = {str(phases[name]): levels[name] for name in phases.keys() & levels.keys()}
            counted |= {*lowest_phases(formula, known, potential)} if known else set()
    counted = counted or set(phases.values())
    if any(connects(family, phase) for phase in counted):
        return None
    return f"tau has a meaning for perovskites, and its phase is {_names(counted)}"


def connects(family: Family, phase: str | None) -> bool:
    """Return whether octahedra share all corners in a phase of a formula's family."""
    return family_of_phase(family, phase) in DEFINED and not _FACES.fullmatch(phase or "")


def reported(statements: Sequence[Energetic]) -> Evidence:
    """Return energies from the literature, with their spread and phases in the note.

    Experiments, calculations and values without a method are not merged: see :func:`joined`.
    Calculations of stated phases alone do not count where others report a value without a phase.
    """
    found = [evidence_of(each, _GRADES.get(each.method, Grade.REPORTED)) for each in statements]
    of_phases = [part for part in found if part.grade is Grade.DFT]
    others = [part for part in found if part.grade is not Grade.DFT]
    if all(part.phase for part in of_phases) and any(part.phase is None for part in others):
        whole = joined(others)
        whole = replace(whole, beside=(joined(of_phases), *whole.beside)) if of_phases else whole
    else:
        whole = joined(found)
    kind = Grade.MEASURED if whole.grade is Grade.MEASURED_SEVERAL else whole.grade
    parts: dict[str | None, list[Evidence]] = defaultdict(list)
    for part in found:
        if part.grade is kind:
            parts[part.phase].append(part)
    count = len(whole.references)
    note = f"{count} reference{'' if count == 1 else 's'}"
    if whole.minimum is not None and whole.maximum is not None and whole.maximum > whole.minimum:
        printed = sum(map(len, parts.values())) == 1
        width = f"{whole.maximum - whole.minimum:.2f} eV"
        note += f", a printed range of {width}" if printed else f", a spread of {width}"
    if len(parts) > 1:
        note += "; " + ", ".join(
            f"{phase or 'phase not given'} {_energy(joined(parts[phase]))}"
            for phase in sorted(parts, key=lambda phase: phase or "")
        )
    for other in whole.beside:
        note += f"; apart from it, {other.grade.value}: {_energy(other)}"
        note += f" ({', '.join(other.references)})" if other.references else ""
    return replace(whole, note=note)


def by_dft(statements: Sequence[Energetic]) -> Evidence:
    """Return energies that pvkdb computed by DFT as one interval; its note tells their charges."""
    phrases = [
        f"{each.functional or 'DFT'}, charge {each.charge or 0:+d}, "
        f"{_energy(evidence_of(each))}{f' in {each.material.phase}' if each.material.phase else ''}"
        for each in statements
    ]
    whole = joined(evidence_of(each, Grade.OWN_DFT) for each in statements)
    return replace(whole, note="; ".join(dict.fromkeys(phrases)))


def lowest_open_path(statements: Sequence[Energetic]) -> Evidence:
    """Return the open path by one potential in one phase, the lowest of several calculations."""
    paths: dict[str | None, list[Energetic]] = defaultdict(list)
    for each in statements:
        paths[each.calculation_id].append(each)
    lowest = min(map(open_path, paths.values()), key=lambda each: (_value(each), each.id))
    return Evidence(
        minimum=lowest.value_min_ev if lowest.bound != "upper" else None,
        maximum=lowest.value_max_ev,
        grade=Grade.MODEL,
        source=lowest.source,
    )


def of_leading_phase(
    formula: str,
    statements: Iterable[Energetic],
    phases: Mapping[str, str | None],
    energies: PhaseEnergies,
) -> list[Energetic]:
    """Return the energies that speak for a composition: those of the phase that leads.

    It is the measured one, else that of the potential that relaxed most phases; phases of the same
    network of octahedra count with it. Without a single one, all count.
    """
    levels = {
        potential: {str(phases[name]): of[name] for name in phases.keys() & of.keys()}
        for potential, of in energies.items()
    }
    potential = min(levels, key=lambda each: (-len(levels[each]), each), default="")
    lowest: list[str] = []
    if (measured := MEASURED.get(formula)) and measured.prototype:
        lowest = [measured.prototype]
    elif len(levels.get(potential, ())) > 1:
        lowest = lowest_phases(formula, levels[potential], potential)
    if len(lowest) != 1:
        return [*statements]
    try:
        family = parse_composition(formula).family
    except InputError:  # an edited row
        return [*statements]
    leading = network(family_of_phase(family, lowest[0]), lowest[0])
    return [
        each
        for each in statements
        if network(each.material.family, each.material.phase) in (None, leading)
    ]


def between_limits(statements: Sequence[Energetic]) -> Evidence:
    """Return formation energies by one potential in one phase, halide-poor to halide-rich."""
    return joined(evidence_of(each, Grade.MODEL) for each in statements)


def computed(
    statements: Sequence[Energetic],
    energies: PhaseEnergies,
    phases: Mapping[str, str | None],
    value: Callable[[Sequence[Energetic]], Evidence],
    what: str,
) -> Evidence:
    """Return the calibrated interval of a potential, of the lowest phase that has a value.

    Without a calibration, it is one interval over the values of all potentials. The statements, at
    least one, are of one quantity, which ``what`` names in the note; ``value`` makes the evidence
    of one potential in one phase from its own. ``phases`` are all those of the composition by the
    public name of their material.
    """
    found: dict[str, dict[str, list[Energetic]]] = defaultdict(lambda: defaultdict(list))
    for each in statements:
        found[each.functional or "unknown potential"][each.material_id].append(each)
    parts: dict[str, tuple[Evidence, set[str]]] = {}
    phrases: list[str] = []
    used: set[str | None] = set()
    composition = statements[0].material.composition
    for potential, listed in sorted(found.items()):
        by_phase = {material: value(rows) for material, rows in listed.items()}
        known = energies.get(potential, {})
        levels = {name: known[name] for name in phases if name in known}
        chosen, remark = _chosen(by_phase, levels, phases, composition.formula, potential)
        where = _names(phases[material] for material in chosen)
        part = replace(joined(by_phase[material] for material in chosen), phase=where)
        parts[potential] = part, {listed[material][0].material.family for material in chosen}
        used |= {phases[material] for material in chosen}
        phrases.append(f"{potential} {_energy(part)}{f' in {where}' if where else ''}{remark}")
    note = f"{what} {', '.join(phrases)}"
    whole = replace(joined((part for part, _ in parts.values()), note=note), phase=_names(used))
    b_site = {each.ion for each in composition.occupancies if each.site == "B"}
    return calibrated(whole, statements[0].quantity, parts, b_site, composition.formula)


def _chosen(
    values: Mapping[str, Evidence],
    levels: Mapping[str, float],
    phases: Mapping[str, str | None],
    formula: str,
    potential: str,
) -> tuple[list[str], str]:
    """Return the materials whose values count, and a remark on their place among the phases."""
    measured = MEASURED.get(formula)
    if measured and (stable := [name for name in values if phases[name] == measured.prototype]):
        return stable, " (the measured phase)"
    if len(values) > 1 and not values.keys() <= levels.keys():
        return sorted(values), " (which of them is the lowest is not known)"
    chosen = min(values, key=lambda name: (levels.get(name, 0.0), name))
    if chosen not in levels or len(levels) == 1:
        return [chosen], ""
    known = {str(phases[name]): level for name, level in levels.items()}
    lowest = lowest_phases(formula, known, potential)
    if near := sorted(name for name in values if str(phases[name]) in lowest):
        several = f"undecided among {', '.join(lowest)}"
        return near, f" ({several if len(lowest) > 1 else f'the lowest of {len(levels)} phases'})"
    above = 1000 * (levels[chosen] - min(levels.values()))
    return [chosen], f" ({above:.0f} meV an atom above {lowest[0]})"


def _names(phases: Iterable[str | None]) -> str | None:
    """Return the names of phases in one text; None if there is none."""
    named = sorted({phase for phase in phases if phase is not None})
    return ", ".join(named) or None


def _energy(evidence: Evidence) -> str:
    low, high = evidence.minimum, evidence.maximum
    if low is None or high is None:
        return f"at most {high:.2f} eV" if low is None else f"at least {low:.2f} eV"
    return f"{low:.2f} eV" if f"{low:.2f}" == f"{high:.2f}" else f"{low:.2f} to {high:.2f} eV"


def _value(statement: Energetic) -> float:
    value = statement.value_max_ev if statement.value_max_ev is not None else statement.value_min_ev
    assert value is not None  # the store holds no statement without a value
    return value
