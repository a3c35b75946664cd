"""The table of candidates: who survives first, each with every number that decided it."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from pvkdb.schemas.screening import (
    PhaseEnergy,
    Product,
    ScreenedCandidate,
    ScreeningReport,
    Stability,
    Tolerance,
)
from pvkdb_pipelines.screening.report_text import (
    css_class,
    formula,
    milli,
    number,
    outcome_of,
    row,
    table,
)

#: Head of each column, what it means, and whether the larger value is the better one.
_COLUMNS: tuple[tuple[str, str, bool], ...] = (
    ("Candidate", "open it for radii, phases and what it decomposes into", False),
    ("Type", "structure type and family", False),
    ("Pb-free", "whether it holds no lead", False),
    ("t", "Goldschmidt's tolerance factor", False),
    ("μ", "octahedral factor, r_B over r_X", False),
    ("τ", "tolerance factor of Bartel et al.; perovskites lie below 4.18", False),
    ("p", "probability of being a perovskite, from τ", True),
    ("Ground state", "lowest of the phases that were relaxed", False),
    ("Perovskite above", "lowest corner-sharing phase above the ground state, meV an atom", False),
    ("Decomposition", "energy that decomposing costs, meV an atom; negative: it pays", True),
    ("Products", "what it decomposes into, formula units for one of the candidate", False),
    ("Outcome", "passed, or the stage at which it fell and why", False),
)
_UNITS = {"Perovskite above": "meV/atom", "Decomposition": "meV/atom"}


def ranked(report: ScreeningReport) -> list[ScreenedCandidate]:
    """Survivors first, then who came farther; among equals, who costs more to decompose."""
    place = {stage.stage: index for index, stage in enumerate(report.stages)}

    def key(candidate: ScreenedCandidate) -> tuple[bool, int, bool, float]:
        fall, stability = candidate.fall, candidate.stability
        reached = place.get(fall.stage, -1) if fall else len(place)
        energy = stability.decomposition_ev_per_atom if stability else None
        return fall is not None, -reached, energy is None, -(energy or 0.0)

    return sorted(report.candidates, key=key)


def candidates_table(report: ScreeningReport) -> str:
    """The table, a body for each candidate: its row, and a row that opens below it."""
    head = "".join(
        f'<th scope="col" title="{escape(meaning)}"{" data-high" if high else ""}>{name}'
        f"{f' <small>{_UNITS[name]}</small>' if name in _UNITS else ''}</th>"
        for name, meaning, high in _COLUMNS
    )
    bodies = "\n".join(_body(candidate) for candidate in ranked(report))
    return (
        '<div class="wide tall" tabindex="0" role="region" aria-label="Candidates">'
        f'<table id="candidates-table"><thead><tr>{head}</tr></thead>\n{bodies}\n</table></div>'
    )


def _body(candidate: ScreenedCandidate) -> str:
    outcome = outcome_of(candidate)
    tolerance, stability = candidate.tolerance, candidate.stability
    cells = (
        f"<details><summary>{formula(candidate.formula)}</summary></details>",
        f"{escape(candidate.type)} <small>{escape(candidate.family)}</small>",
        "yes" if candidate.lead_free else "no",
        *(_factors(tolerance) if tolerance else ("",) * 4),
        *(_energies(stability) if stability else ("",) * 4),
        f'<span class="badge {css_class(outcome)}">{outcome}</span>'
        + (
            f" <small>{escape(candidate.fall.stage)}: {escape(candidate.fall.reason)}</small>"
            if candidate.fall
            else ""
        ),
    )
    stage = candidate.fall.stage if candidate.fall else ""
    return (
        f'<tbody data-name="{escape(candidate.formula)}" data-family="{escape(candidate.family)}" '
        f'data-outcome="{outcome}" data-stage="{escape(stage)}">{row(cells)}'
        f'<tr class="more"><td colspan="{len(_COLUMNS)}"><div>{_more(candidate)}</div></td></tr>'
        "</tbody>"
    )


def _factors(tolerance: Tolerance) -> tuple[str, ...]:
    values = (tolerance.t, tolerance.mu, tolerance.tau, tolerance.p_perovskite)
    return tuple(number(value, 3) for value in values)


def _energies(stability: Stability) -> tuple[str, ...]:
    return (
        escape(stability.ground_state or ""),
        milli(stability.perovskite_above_ground_state_ev_per_atom),
        milli(stability.decomposition_ev_per_atom),
        " + ".join(f"<span>{_product(product)}</span>" for product in stability.products),
    )


def _product(product: Product, phase: bool = False) -> str:
    named = f" <small>({escape(product.phase)})</small>" if phase else ""
    amount = "" if product.amount == 1 else f"{product.amount:.4g} "
    return f"{amount}{formula(product.formula)}{named}"


def _more(candidate: ScreenedCandidate) -> str:
    """What the row has no room for."""
    said = []
    if candidate.fall:
        fall = candidate.fall
        said.append(
            f"Fell at <b>{escape(fall.stage)}</b> ({escape(fall.kind)}): {escape(fall.detail)}"
        )
    if candidate.tolerance:
        said.append(f"Radii: {escape(candidate.tolerance.radii_source)}")
    stability = candidate.stability
    if stability and stability.products:
        products = " + ".join(_product(product, phase=True) for product in stability.products)
        said.append(f"Decomposes into {products}")
    text = "".join(f"<p>{sentence}</p>" for sentence in said) or "<p>Nothing more is known.</p>"
    return text + (_phases(stability) if stability and stability.phases else "")


def _phases(stability: Stability) -> str:
    """Every phase that was relaxed, the lowest first."""
    energies = {phase.phase: phase.energy_ev_per_formula for phase in stability.phases}
    lowest = energies.get(stability.ground_state or "")

    def key(phase: PhaseEnergy) -> tuple[bool, float]:
        return phase.energy_ev_per_formula is None, phase.energy_ev_per_formula or 0.0

    def cells(phase: PhaseEnergy) -> Sequence[str]:
        energy = phase.energy_ev_per_formula
        above = None if energy is None or lowest is None else energy - lowest
        wrong = [*phase.findings, *([phase.failure] if phase.failure else [])]
        return (
            escape(phase.phase),
            number(energy, 4),
            milli(above),
            escape(phase.space_group or ""),
            number(phase.volume_ang3_per_formula, 2),
            escape("; ".join(wrong)),
            f"<code>{escape(phase.calculation)}</code>",
        )

    head = ("Phase", "eV/formula", "above, meV", "space group", "Å³/formula", "found", "record")
    return table(head, (row(cells(phase)) for phase in sorted(stability.phases, key=key)))
