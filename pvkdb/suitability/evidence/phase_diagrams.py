"""Phase diagrams of a composition from the energies of relaxed compounds and elements.

All energies of a diagram are of relaxations by one potential. Convex hulls are those of pymatgen:
S. P. Ong et al., Chem. Mater. 20, 1798 (2008), doi:10.1021/cm702327g.
"""

from __future__ import annotations

import re
import warnings
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from fractions import Fraction
from itertools import combinations
from math import lcm
from typing import Any, NamedTuple

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from pvkdb._extras import needing
from pvkdb.chemistry import Composition, parse_composition
from pvkdb.chemistry.formulas.sum_formula import reduced_formula
from pvkdb.compositions.compounds import competitors, compound_like
from pvkdb.compositions.hulls import LEAST_AMOUNT, lowest_mixture
from pvkdb.errors import InputError, naming
from pvkdb.operations import Reading
from pvkdb.schemas.calculations.kinds import read_result
from pvkdb.schemas.calculations.relaxations import ElementResult, RelaxResult
from pvkdb.schemas.responses import Hull, HullRequest
from pvkdb.schemas.screening import Product
from pvkdb.store.models.calculations import Calculation
from pvkdb.store.models.structures import Structure, StructureElement


class CompoundLevel(NamedTuple):
    """The lowest relaxed phase of a compound; ``changed`` if it became another structure."""

    energy_ev_per_atom: float
    formula: str
    phase: str
    calculation: str
    changed: bool = False


class DiagramPoint(NamedTuple):
    """A compound with its share of atoms of each corner; energies in eV an atom.

    That above the mixture of the others is negative for a stable compound, zero for a corner.
    """

    level: CompoundLevel
    shares: tuple[float, ...]
    formation_ev: float
    above_hull_ev: float


class CompoundDiagram(NamedTuple):
    """A hull between two corners or a ternary diagram; ``ties`` join stable compounds."""

    potential: str
    corners: tuple[str, ...]
    points: dict[str, DiagramPoint]
    ties: set[frozenset[str]]


def phase_diagrams(session: Session, formula: str) -> tuple[list[CompoundDiagram], list[str]]:
    """Return the hull between the binary halides and the ternary diagram, and what is missing.

    The potential is the one that relaxed most compounds of these elements, this one among them.

    Raises:
        InputError: a composition of this kind has no such diagrams; says why.
        MissingExtraError: pymatgen is not installed.
    """
    composition = parse_composition(formula)
    systems, own = _systems(composition), _key(composition.formula)
    known, failed = _levels(session, {*_atoms(composition.formula)})
    if (potential := _potential(known, own)) is None:
        return [], [f"no relaxation of {composition.formula} with an energy"]
    levels, diagrams, missing = known[potential], [], []
    levels[own] = levels[own]._replace(formula=composition.formula)
    for choices in systems:
        for corners in choices:
            lacking = [corner for corner in corners if _key(corner) not in levels]
            if not lacking:
                diagrams.append(_diagram(potential, levels.values(), corners))
                break
            missing.append(f"{'–'.join(corners)}: no energy of {', '.join(lacking)}")
    if without := sorted(each for each in failed[potential] if _key(each) not in levels):
        missing.append(f"failed relaxations, which may lower a hull: {', '.join(without)}")
    return diagrams, missing


def hull(request: HullRequest, reading: Reading) -> Hull:
    """Return the energy of a compound above the hull of all phases that the store has.

    These are the relaxed prototypes of pvkdb, structures of other databases that were fetched and
    relaxed, and the elements. Only energies by one potential are compared.

    Raises:
        ParameterError: it is of a kind without such a hull, or the store has no energy of it.
        MissingExtraError: SciPy is not installed.
    """
    with naming("formula"), reading() as session:
        composition = parse_composition(request.formula)
        _systems(composition)
        own = _key(composition.formula)
        known, failed = _levels(session, {*_atoms(composition.formula)})
        if (potential := _potential(known, own, request.potential)) is None:
            by = f" with {request.potential}" if request.potential else ""
            raise InputError(
                f"the store has no energy of {composition.formula}{by}; relax it with pvkdb screen "
                "or client.calculations.relax"
            )
        levels = dict(known[potential])
        missing = _missing(session, composition, potential, levels, failed[potential])
    lowest = levels.pop(own)
    energy, products = _decompose(composition.formula, list(levels.values()))
    return Hull(
        formula=composition.formula,
        phase=lowest.phase,
        potential=potential,
        above_hull_ev_per_atom=None if energy is None else lowest.energy_ev_per_atom - energy,
        products=products,
        compared=sorted(each.formula for each in levels.values()),
        missing=missing,
    )


def _missing(
    session: Session,
    composition: Composition,
    potential: str,
    levels: Mapping[str, CompoundLevel],
    failed: Collection[str],
) -> list[str]:
    """Return what lacks an energy by the potential: prototypes, elements, fetched structures."""
    elements = {*_atoms(composition.formula)}
    lacking = [each.formula for each in competitors(compound_like(composition))]
    lacking = [name for name in lacking if _key(name) not in levels and name not in failed]
    reasons = {
        "not relaxed": lacking,
        "relaxations failed": sorted(name for name in failed if _key(name) not in levels),
        "elements without an energy": sorted(elements - {*levels}),
    }
    others = select(StructureElement.structure_id).where(StructureElement.element.not_in(elements))
    starts = session.scalars(
        select(Structure).where(Structure.role == "start", Structure.id.not_in(others))
    )
    given = Calculation.parameters
    done = session.execute(
        select(given["formula"].as_string(), given["phase"].as_string()).where(
            Calculation.kind == "relax", given["potential"].as_string() == potential
        )
    )
    relaxed = {(_key(formula), phase) for formula, phase in done if {*_atoms(formula)} <= elements}
    reasons["fetched or given, but not relaxed"] = sorted(
        {
            f"{each.material.composition.formula} {each.material.phase}"
            for each in starts
            if (each.formula_reduced, each.material.phase) not in relaxed
        }
    )
    return [f"{reason}: {', '.join(names)}" for reason, names in reasons.items() if names]


def _decompose(formula: str, others: Sequence[CompoundLevel]) -> tuple[float | None, list[Product]]:
    """Return the lowest energy of a mixture with these atoms, eV an atom, and the mixture."""
    own, contents = _atoms(formula), [_atoms(each.formula) for each in others]
    found = lowest_mixture(
        own,
        [
            (content, each.energy_ev_per_atom * float(sum(content.values())))
            for content, each in zip(contents, others, strict=True)
        ],
    )
    if found is None:
        return None, []
    energy, amounts = found
    return energy / float(sum(own.values())), [
        Product(formula=each.formula, phase=each.phase, amount=round(amount, 6))
        for each, amount in zip(others, amounts, strict=True)
        if amount > LEAST_AMOUNT
    ]


def _ions(composition: Composition) -> str:
    sites = ((site, composition.on(site)) for site in ("A", "B", "X"))
    return ", ".join(
        f"{' and '.join(each.ion.symbol for each in found) or 'nothing'} on {site}"
        for site, found in sites
    )


def _systems(composition: Composition) -> list[list[tuple[str, ...]]]:
    """Return the corners of each diagram, several choices where elements may have no energy."""
    large, metals, halides = (composition.on(site) for site in ("A", "B", "X"))
    if (
        any(each.ion.molecular or each.ion.generic for each in composition.occupants)
        or (len(large), len(halides)) != (1, 1)
        or len(metals) not in (1, 2)
    ):
        raise InputError(
            f"phase diagrams need one A, one or two B and one X ion, none of them molecular, and "
            f"{composition.formula} has {_ions(composition)}; its decomposition by a screening is "
            "in the table compositions"
        )
    (a, *others), x = [each.ion for each in (*large, *metals)], halides[0].ion.symbol
    salts = tuple(f"{i.symbol}{x}{i.charge if i.charge > 1 else ''}" for i in (a, *others))
    if len(others) == 2:
        return [[salts]]
    return [[salts], [(a.symbol, others[0].symbol, x), (salts[0], others[0].symbol, x)]]


def _levels(
    session: Session, elements: set[str]
) -> tuple[dict[str, dict[str, CompoundLevel]], dict[str, set[str]]]:
    """Return by potential the lowest level of each compound, and the formulas that failed."""
    given = Calculation.parameters
    formula = func.coalesce(given["formula"].as_string(), given["symbol"].as_string())
    ended = select(Calculation.id, formula).where(
        Calculation.kind.in_(("relax", "element")), Calculation.state.in_(("done", "failed"))
    )
    found = [name for name, text in session.execute(ended) if {*_atoms(text or "?")} <= elements]
    known: dict[str, dict[str, CompoundLevel]] = defaultdict(dict)
    failed: dict[str, set[str]] = defaultdict(set)
    for each in session.scalars(select(Calculation).where(Calculation.id.in_(found))):
        potential, level = str(each.parameters.get("potential")), _level(each)
        if level is None:
            failed[potential].add(str(each.parameters.get("formula")))
        else:
            key = _key(level.formula)
            known[potential][key] = min(known[potential].get(key, level), level)
    return known, failed


def _potential(
    known: Mapping[str, Mapping[str, CompoundLevel]], own: str, wanted: str | None = None
) -> str | None:
    """Return the potential (default: any) with most compounds, of those that have this one."""
    usable = [name for name in known if own in known[name] and wanted in (None, name)]
    return max(usable, key=lambda name: (len(known[name]), name), default=None)


def _level(calculation: Calculation) -> CompoundLevel | None:
    """Return the level of a relaxation, an upper bound if it changed; None if it failed."""
    match read_result(calculation.kind, calculation.result):
        case ElementResult(energy_ev_per_atom=energy, symbol=name, space_group=phase):
            return CompoundLevel(energy, name, phase, calculation.id)
        case RelaxResult() as found if not any(
            each.flaw is None or each.flaw.numerical for each in found.findings
        ):
            energy = found.energy_ev_per_formula / found.atoms_per_formula
            changed = not all(each.remark for each in found.findings)
            return CompoundLevel(energy, found.formula, found.phase, calculation.id, changed)
    return None


def _diagram(
    potential: str, levels: Iterable[CompoundLevel], corners: tuple[str, ...]
) -> CompoundDiagram:
    with needing("screening"), warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        from pymatgen.analysis.phase_diagram import CompoundPhaseDiagram, PDEntry
        from pymatgen.core.composition import Composition as Content
    entries = [
        PDEntry(
            content := Content(each.formula),
            each.energy_ev_per_atom * content.num_atoms,
            None,
            each,
        )
        for each in levels
    ]
    ends = [Content(corner) for corner in corners]
    hull: Any = CompoundPhaseDiagram(entries, ends)
    points = {}
    for entry in hull.all_entries:
        level, others = entry.attribute, hull
        if entry in hull.stable_entries and len(entry.composition) > 1:
            rest = [each for each in entries if each is not entry.original_entry]
            others = CompoundPhaseDiagram(rest, ends)
        above = others.get_decomp_and_e_above_hull(entry, allow_negative=True)[1]
        shares = tuple(float(entry.composition.get_atomic_fraction(each)) for each in hull.elements)
        formation = float(hull.get_form_energy_per_atom(entry))
        points[level.formula] = DiagramPoint(level, shares, formation, float(above))
    names = [entry.attribute.formula for entry in hull.qhull_entries]
    pairs = (pair for facet in hull.facets for pair in combinations(facet, 2))
    ties = {frozenset((names[first], names[second])) for first, second in pairs}
    return CompoundDiagram(potential, corners, points, ties)


def _atoms(formula: str) -> dict[str, Fraction]:
    """Count the atoms of a formula that names each element once, such as ``CsPb0.5Sn0.5I3``."""
    found = re.findall(r"([A-Z][a-z]?|\?)(\d*\.?\d*)", formula)
    return {element: Fraction(number or 1) for element, number in found}


def _key(formula: str) -> str:
    atoms = _atoms(formula)
    units = lcm(*(number.denominator for number in atoms.values()))
    return reduced_formula({element: int(number * units) for element, number in atoms.items()})
