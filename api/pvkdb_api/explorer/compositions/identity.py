"""The identity of a composition: ions by site, tolerance factors, other spellings, phases."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from pvkdb.chemistry import Composition, parse_composition, tolerance_factors
from pvkdb.chemistry.factors.tolerance import TAU_LIMIT, factor_radius
from pvkdb.chemistry.formulas.composition import Occupant
from pvkdb.chemistry.ions import Radius, molecular_ions, sources
from pvkdb.compositions.tolerance import tolerance_row
from pvkdb.errors import InputError
from pvkdb.schemas.tables import MaterialsRow, ToleranceRow
from pvkdb.store.collections import MATERIALS
from pvkdb.store.curation.registration import material_id
from pvkdb.store.models.materials import Composition as StoredComposition
from pvkdb.store.models.materials import Material
from pvkdb.store.models.summaries import CompositionSummary
from pvkdb.store.rows.energy_ranges import energy_ranges
from pvkdb.suitability.evidence.phases import phase_energies

#: Most other spellings on a page.
_SPELLINGS = 4

#: Most suggestions for a missing composition.
_NEAREST = 6

#: Most formulas among which similar ones are searched.
_SEARCHED = 2000

#: Longer names are not searched for similar ones.
_LONGEST_NAME = 200


@dataclass(frozen=True, slots=True)
class SiteIon:
    """An ion on a site, with its radius or the reason why it has none."""

    occupant: Occupant
    name: str | None
    radius: Radius | None
    reason: str | None
    #: The source of the radius.
    cited: Mapping[str, str]


@dataclass(frozen=True)
class Identity:
    """What follows from a formula: ions by site, spellings, and tolerance factors as in REST."""

    composition: Composition | None
    ions: list[SiteIon]
    tolerance: ToleranceRow | None
    not_defined: str | None
    spellings: list[str]
    tau_limit: float = TAU_LIMIT


def identity_of(formula: str) -> Identity:
    """Return the ions, spellings and factors of a canonical formula; empty if it is unreadable."""
    try:
        composition = parse_composition(formula)
    except InputError as error:
        return Identity(None, [], None, str(error), [])
    tolerance, reason = None, None
    try:
        tolerance = tolerance_row(formula)
        reason = tolerance_factors(composition).not_defined
    except InputError as error:
        reason = str(error)
    ions = [_site_ion(occupant) for occupant in composition.occupants]
    return Identity(composition, ions, tolerance, reason, _spellings(composition))


def _site_ion(occupant: Occupant) -> SiteIon:
    radius, reason = None, None
    try:
        radius = factor_radius(occupant.ion, occupant.site)
    except InputError as error:
        reason = str(error)
    if occupant.ion.generic:
        reason = "represents any ion on this site"
    entry = molecular_ions().get(occupant.ion.symbol)
    cited = sources().get(radius.source, {}) if radius else {}
    return SiteIon(occupant, entry.name if entry else None, radius, reason, cited)


def _spellings(composition: Composition) -> list[str]:
    """Return other spellings of a formula that have the same composition."""
    found: list[str] = []
    for occupant in composition.occupants:
        entry = molecular_ions().get(occupant.ion.symbol)
        for alias in entry.aliases if entry else ():
            if alias.islower():
                continue  # a word, not used in formulas
            symbol, formula = occupant.ion.symbol, composition.formula
            written = alias if occupant.number == 1 else f"({alias})"
            bracketed = f"({symbol})" if f"({symbol})" in formula else symbol
            spelled = formula.replace(bracketed, written, 1)
            if spelled != formula and canonical_name(spelled) == formula:
                found.append(spelled)
    return found[:_SPELLINGS]


def phases_of(session: Session, formula: str) -> list[MaterialsRow]:
    """Return the materials of a composition: without a phase, then each phase."""
    rows = MATERIALS.iterate(
        session, MATERIALS.current().where(StoredComposition.formula == formula)
    )
    return sorted(rows, key=lambda row: (row.phase is not None, row.id))


def phase_views(
    session: Session, materials: Sequence[MaterialsRow], lowest: str | None
) -> list[dict[str, Any]]:
    """Return the phases of a composition, the one without a phase first, then the lowest.

    ``above_ev`` is the energy above the lowest phase in eV per atom, by each potential that has
    relaxed it; ``energies`` are those of the halide vacancy.
    """
    names = [row.id for row in materials]
    ranges = energy_ranges(session, names)
    above: dict[str, dict[str, float]] = {name: {} for name in names}
    for potential, levels in phase_energies(session, names).items():
        for name, level in levels.items() if len(levels) > 1 else ():
            above[name][potential] = level - min(levels.values())
    ordered = sorted(
        materials, key=lambda row: (row.phase is not None, row.phase is None or row.phase != lowest)
    )
    return [
        {
            "row": row,
            "lowest": row.phase is not None and row.phase == lowest,
            "above_ev": dict(sorted(above[row.id].items())),
            "energies": ranges.get(row.id, {}),
        }
        for row in ordered
    ]


def canonical_name(name: str) -> str | None:
    """Return the canonical spelling of a formula; None if the name is not a formula.

    Example:
        >>> canonical_name("CH3NH3PbI3"), canonical_name("stone")
        ('MAPbI3', None)
    """
    if len(name) > _LONGEST_NAME:
        return None
    try:
        return parse_composition(name).formula
    except InputError:
        return None


def named(session: Session, name: str) -> tuple[str, str | None] | None:
    """Return formula and phase of a composition or material by its name in any spelling."""
    material = session.get(Material, name)
    if material is not None:
        return material.composition.formula, material.phase
    ends = [*(sign.start() for sign in re.finditer("-", name)), len(name)]
    parts = {formula: name[end + 1 :] for end in ends if (formula := canonical_name(name[:end]))}
    there = select(StoredComposition.formula).where(StoredComposition.formula.in_(parts))
    whole = canonical_name(name)
    if whole is not None and whole in session.scalars(there).all():
        return whole, None
    materials = select(Material).join(Material.composition)
    for each in session.scalars(materials.where(StoredComposition.formula.in_(parts))):
        formula = each.composition.formula
        if material_id(formula, each.phase) in (name, material_id(formula, parts[formula])):
            return formula, each.phase
    return None


def nearest_formulas(session: Session, name: str) -> list[str]:
    """Suggest similar formulas for a missing composition, among those that begin alike."""
    formula = CompositionSummary.formula
    known = select(formula).where(formula.startswith(name[:2], autoescape=True))
    listed = session.scalars(known.order_by(CompositionSummary.known.desc()).limit(_SEARCHED))
    return get_close_matches(name, listed.all(), n=_NEAREST, cutoff=0.4) if len(name) < 60 else []
