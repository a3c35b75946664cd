"""The table of candidates: who survives first, each with every number that decided it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from html import escape

from pvkdb.display.numbers import decimals, milli
from pvkdb.schemas.screening import ScreenedCandidate, ScreeningReport
from pvkdb.store.runs.screening_reports import ranked
from pvkdb_pipelines.screening.report.details import details, product
from pvkdb_pipelines.screening.report.text import (
    css_class,
    formula,
    outcome_of,
)


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its head and unit, what it means, and the HTML of a candidate's cell.

    ``better`` is "high" or "low" for numbers, which are aligned to the right, by the end that
    sorting shows first; empty for text.
    """

    head: str
    meaning: str
    cell: Callable[[ScreenedCandidate], str]
    unit: str = ""
    better: str = ""


def candidates_table(report: ScreeningReport) -> str:
    """The table, a body for each candidate: its row, and a row that opens below it.

    Columns that nobody has a value for are left out: a plan that stops early has no energies.
    """
    candidates = ranked(report)
    filled = {column: [column.cell(candidate) for candidate in candidates] for column in _COLUMNS}
    columns = {column: cells for column, cells in filled.items() if any(cells)}
    head = "".join(_head(column) for column in columns)
    bodies = "\n".join(
        _body(candidate, dict(zip(columns, cells, strict=True)))
        for candidate, *cells in zip(candidates, *columns.values(), strict=True)
    )
    return (
        '<div class="wide tall" tabindex="0" role="region" aria-label="Candidates">'
        f'<table id="candidates-table"><thead><tr>{head}</tr></thead>\n{bodies}\n</table></div>'
    )


def _head(column: Column) -> str:
    unit = f" <small>{column.unit}</small>" if column.unit else ""
    return (
        f'<th scope="col" title="{escape(column.meaning)}"{_class(column)}'
        f"{' data-high' if column.better == 'high' else ''}>{column.head}{unit}</th>"
    )


def _class(column: Column) -> str:
    return ' class="n"' if column.better else ""


def _body(candidate: ScreenedCandidate, cells: dict[Column, str]) -> str:
    stage = candidate.fall.stage if candidate.fall else ""
    shown = "".join(f"<td{_class(column)}>{cell}</td>" for column, cell in cells.items())
    return (
        f'<tbody data-name="{escape(candidate.formula)}" data-family="{escape(candidate.family)}" '
        f'data-outcome="{outcome_of(candidate)}" data-stage="{escape(stage)}"'
        f"{' data-lead-free' if candidate.lead_free else ''}><tr>{shown}</tr>"
        f'<tr class="more"><td colspan="{len(cells)}"><div>{details(candidate)}</div></td></tr>'
        "</tbody>"
    )


def _name(candidate: ScreenedCandidate) -> str:
    return f"<details><summary>{formula(candidate.formula)}</summary></details>"


def _rank(candidate: ScreenedCandidate) -> str:
    return "" if candidate.rank is None else str(candidate.rank)


def _type(candidate: ScreenedCandidate) -> str:
    kind, family = escape(candidate.type), escape(candidate.family)
    return f"<span>{kind}</span> <span><small>{family}</small></span>"


def _lead_free(candidate: ScreenedCandidate) -> str:
    return "yes" if candidate.lead_free else "no"


def _t(candidate: ScreenedCandidate) -> str:
    return decimals(candidate.tolerance.t, 3) if candidate.tolerance else ""


def _mu(candidate: ScreenedCandidate) -> str:
    return decimals(candidate.tolerance.mu, 3) if candidate.tolerance else ""


def _tau(candidate: ScreenedCandidate) -> str:
    return decimals(candidate.tolerance.tau, 3) if candidate.tolerance else ""


def _probability(candidate: ScreenedCandidate) -> str:
    return decimals(candidate.tolerance.p_perovskite, 3) if candidate.tolerance else ""


def _ground_state(candidate: ScreenedCandidate) -> str:
    state = candidate.stability.ground_state if candidate.stability else None
    return f"<span>{escape(state)}</span>" if state else ""


def _above(candidate: ScreenedCandidate) -> str:
    stability = candidate.stability
    return milli(stability.perovskite_above_ground_state_ev_per_atom) if stability else ""


def _decomposition(candidate: ScreenedCandidate) -> str:
    return milli(candidate.stability.decomposition_ev_per_atom) if candidate.stability else ""


def _products(candidate: ScreenedCandidate) -> str:
    products = candidate.stability.products if candidate.stability else []
    return " + ".join(f"<span>{product(entry)}</span>" for entry in products)


def _x_poor(candidate: ScreenedCandidate) -> str:
    return decimals(candidate.vacancy.x_poor_ev, 2) if candidate.vacancy else ""


def _x_rich(candidate: ScreenedCandidate) -> str:
    return decimals(candidate.vacancy.x_rich_ev, 2) if candidate.vacancy else ""


def _e_a(candidate: ScreenedCandidate) -> str:
    if candidate.migration is None:
        return ""
    first = candidate.migration.outcomes[0]
    sign = "≤ " if first.upper_bound else ""
    return f"{sign}{decimals(candidate.migration.e_a_ev, 3)}"


def _spread(candidate: ScreenedCandidate) -> str:
    return decimals(candidate.migration.e_a_spread_ev, 3) if candidate.migration else ""


def _path(candidate: ScreenedCandidate) -> str:
    if candidate.migration is None:
        return ""
    first = candidate.migration.outcomes[0]
    return f"<span>{first.dimensionality}D, {escape(str(first.limited_by))}</span>"


def _outcome(candidate: ScreenedCandidate) -> str:
    outcome, fall = outcome_of(candidate), candidate.fall
    badge = f'<span class="badge {css_class(outcome)}">{outcome}</span>'
    return badge + (f" <small>{escape(fall.stage)}: {escape(fall.reason)}</small>" if fall else "")


_COLUMNS = (
    Column("Candidate", "open it for radii, phases, calculations and products", _name),
    Column("Rank", "among those that passed every stage", _rank, better="low"),
    Column("Type", "structure type and family", _type),
    Column("Pb-free", "whether it holds no lead", _lead_free),
    Column("t", "Goldschmidt's tolerance factor", _t, better="low"),
    Column("μ", "octahedral factor, r_B over r_X", _mu, better="low"),
    Column("τ", "factor of Bartel et al.; perovskites lie below 4.18", _tau, better="low"),
    Column("p", "probability of being a perovskite, from τ", _probability, better="high"),
    Column("Ground state", "lowest of the phases that were relaxed", _ground_state),
    Column(
        "Perovskite above",
        "lowest phase of the type above the ground state",
        _above,
        unit="meV/atom",
        better="low",
    ),
    Column(
        "Decomposition",
        "energy that decomposing costs; negative: it pays",
        _decomposition,
        unit="meV/atom",
        better="high",
    ),
    Column(
        "Products", "what it decomposes into, formula units for one of the candidate", _products
    ),
    Column(
        "Vacancy, X&#8209;poor",
        "formation energy of the neutral halide vacancy in the halide-poor limit",
        _x_poor,
        unit="eV",
        better="low",
    ),
    Column(
        "Vacancy, X&#8209;rich",
        "formation energy of the neutral halide vacancy in the halide-rich limit",
        _x_rich,
        unit="eV",
        better="low",
    ),
    Column(
        "E<sub>A</sub>",
        "highest saddle of the halide vacancy's easiest path through the crystal",
        _e_a,
        unit="eV",
        better="low",
    ),
    Column(
        "Spread", "by how much the potentials differ about it", _spread, unit="eV", better="low"
    ),
    Column("Path", "dimensions in which it leads on, and what limits it", _path),
    Column("Outcome", "passed, or the stage at which it fell and why", _outcome),
)
