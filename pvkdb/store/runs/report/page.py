"""The report of a screening as HTML: sections shared with the explorer, and a file of its own.

``screening_parts.html`` has the sections; ``screening_report.html`` makes a page of them that
loads nothing. The same report gives the same bytes.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, get_args

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from pvkdb.chemistry.factors.platt import SOURCE
from pvkdb.chemistry.factors.tolerance import TAU_LIMIT
from pvkdb.display.numbers import decimals, milli
from pvkdb.schemas.calculations.relaxations import HOST_DROP_EV
from pvkdb.schemas.calculations.reliability import barrier_error
from pvkdb.schemas.screening import (
    FallKind,
    PhaseEnergy,
    ScreenedCandidate,
    ScreeningReport,
    Stability,
    StageCount,
)
from pvkdb.store.base import replaced_file
from pvkdb.store.runs.report.columns import ABOVE, COLUMNS, HULL
from pvkdb.store.runs.report.histograms import OUTCOMES, Outcome, css_class, histograms, outcome_of
from pvkdb.store.runs.screening_reports import fall_reasons, ranked, value_at

JSON_NAME = "screening-report.json"
HTML_NAME = "screening-report.html"

#: Where the shared templates are.
LOADER = PackageLoader("pvkdb.store.runs.report")

#: Numbers in a formula: after a symbol or a bracket, possibly with a letter.
_LOWERED = re.compile(r"(?<=[A-Za-z)\]])(\d+(?:\.\d+)?(?:[nxyz](?:[+-]\d+(?:\.\d+)?)?)?)")


#: Columns of plans, in words and with their unit; a reason is "not COLUMN < NUMBER".
_QUANTITIES = {
    "t": ("t", ""),
    "mu": ("μ", ""),
    "tau": ("τ", ""),
    "p_perovskite": ("the probability of a perovskite", ""),
    "above_hull_ev_per_atom": ("the energy above the hull", " eV/atom"),
    "perovskite_above_ground_state_ev_per_atom": (
        "the perovskite's energy above the lowest phase",
        " eV/atom",
    ),
    "vacancy_x_poor_ev": ("the formation energy of the vacancy, halide-poor", " eV"),
    "vacancy_x_rich_ev": ("the formation energy of the vacancy, halide-rich", " eV"),
    "host_drop_ev_per_formula": ("the fall of the host", " eV/formula"),
    "e_a_ev": ("E_A", " eV"),
    "e_a_spread_ev": ("the spread of E_A", " eV"),
}
_CONDITION = re.compile(rf"(not )?\b({'|'.join(_QUANTITIES)}) (<=?|>=?|is) (-?[\d.e-]+)?")
_FAILED = {
    "<": "{} or more",
    "<=": "more than {}",
    ">": "{} or less",
    ">=": "less than {}",
    "is": "{}",
}

#: Distributions: path of the value, axis, factor, value of the dashed line, and its label.
_DISTRIBUTIONS = (
    ("tolerance.tau", "τ", 1, TAU_LIMIT, f"{TAU_LIMIT}, limit of Bartel et al."),
    (HULL, "energy above the hull (meV/atom)", 1000, 0.0, "stable to the left"),
    (ABOVE, "perovskite above ground state (meV/atom)", 1000, 0.0, "is the ground state"),
    *(
        (path, axis, 1, 0.0, "forms spontaneously to the left")
        for path, axis in (
            ("vacancy.x_poor_ev", "halide vacancy, halide-poor (eV)"),
            ("vacancy.x_rich_ev", "halide vacancy, halide-rich (eV)"),
        )
    ),
    ("migration.e_a_ev", "activation energy of the halide vacancy (eV)", 1, 0.0, "moves freely"),
)


def write_report(report: ScreeningReport, folder: Path) -> tuple[Path, Path]:
    """Write ``screening-report.json`` and ``screening-report.html`` into a folder.

    The page contains everything that it shows: it loads nothing and works without JavaScript,
    which adds sorting and filtering.

    Args:
        report: outcome of a plan.
        folder: created if it does not exist. Reports in it are replaced.

    Returns:
        The JSON file and the HTML file.
    """
    report = report.model_copy(update={"stages": [_in_order(stage) for stage in report.stages]})
    folder.mkdir(parents=True, exist_ok=True)
    texts = {JSON_NAME: f"{report.model_dump_json(indent=1)}\n", HTML_NAME: page(report)}
    for name, text in texts.items():
        with replaced_file(folder / name) as file:
            file.write(text.encode())
    return folder / JSON_NAME, folder / HTML_NAME


def _in_order(stage: StageCount) -> StageCount:
    """Return a stage's counts with the reasons for rejection in a fixed order of kinds."""
    kinds: tuple[FallKind, ...] = get_args(FallKind)
    fell = {kind: stage.fell[kind] for kind in kinds if kind in stage.fell}
    return stage.model_copy(update={"fell": fell})


def page(report: ScreeningReport) -> str:
    """Return the report as one HTML page, which loads no other file."""
    script = _file("screening_report.js")
    survivors = [candidate for candidate in report.candidates if candidate.fall is None]
    found = {outcome_of(candidate) for candidate in report.candidates}
    return (
        _environment()
        .get_template("screening_report.html")
        .render(
            sections(report),
            survivors=len(survivors),
            lead_free=sum(candidate.lead_free for candidate in survivors),
            outcomes=[outcome for outcome in OUTCOMES if outcome in found],
            style=Markup(_file("screening_report.css")),
            script=Markup(script),
            digest=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        )
    )


def sections(
    report: ScreeningReport, candidates: Sequence[ScreenedCandidate] | None = None
) -> dict[str, Any]:
    """Return the values that the sections of the templates need.

    Args:
        report: outcome of a plan.
        candidates: rows of the table; None for all, in their order.
    """
    shown = ranked(report) if candidates is None else candidates
    phases = [
        phase
        for candidate in report.candidates
        if candidate.stability
        for phase in candidate.stability.phases
    ]
    order = report.ranked_by.removeprefix("-").removeprefix("vacancy_")
    return {
        "report": report,
        "first": next((each for each in ranked(report) if each.rank == 1), None),
        "ranked_by": next((each for each in COLUMNS if each.path.endswith(f".{order}")), None),
        "candidates": shown,
        "columns": [
            column  # a plan that stops early has no energies
            for column in COLUMNS
            if any(column.value(candidate) not in (None, []) for candidate in shown)
        ],
        "reasons": fall_reasons(report),
        "phases": len(phases),
        "flaws": Counter(f for phase in phases for f in dict.fromkeys(_flaws(phase))).most_common(),
        "figures": [
            figure
            for path, axis, factor, anchor, mark in _DISTRIBUTIONS
            if (figure := histograms(_by_family(report, path, factor), axis, anchor, mark))
        ],
    }


def register(environment: Environment) -> Environment:
    """Add the filters and constants of the shared templates to an environment."""
    environment.filters |= {
        "css_class": css_class,
        "decimals": decimals,
        "formula": formula_markup,
        "grouped": "{:,}".format,
        "in_words": in_words,
        "symbol": symbol_markup,
        "quantity": lambda name: _QUANTITIES[name][0] if name in _QUANTITIES else name,
        "milli": milli,
        "by_energy": _by_energy,
    }
    environment.globals |= {
        "HOST_DROP_EV": HOST_DROP_EV,
        "OUTCOMES": OUTCOMES,
        "barrier_error": barrier_error,
        "SOURCE_OF_P": SOURCE,
        "outcome_of": outcome_of,
    }
    return environment


@cache
def _environment() -> Environment:
    made = Environment(
        loader=LOADER,
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return register(made)


def _file(name: str) -> str:
    folder = resources.files("pvkdb.store.runs.report") / "templates"
    return (folder / name).read_text(encoding="utf-8")


def formula_markup(formula: str) -> Markup:
    """Return a formula with its numbers as subscripts; copied, it is plain text.

    Example:
        >>> print(formula_markup("Cs2AgBiBr6"))
        Cs<sub>2</sub>AgBiBr<sub>6</sub>
    """
    parts = _LOWERED.split(formula)
    return Markup().join(
        Markup("<sub>{}</sub>").format(part) if odd % 2 else escape(part)
        for odd, part in enumerate(parts)
    )


def symbol_markup(symbol: str) -> Markup:
    """Return a symbol or a defect with subscripts: ``E_A``, ``V_Br``, ``V_Pb+2V_Br``."""
    parts = (each.partition("_") for each in symbol.split("+"))
    return Markup("+").join(
        Markup("{}<sub>{}</sub>").format(what, where) if where else escape(what)
        for what, _, where in parts
    )


def in_words(reason: str) -> str:
    """Return why a candidate fell with the columns of the plan in words.

    Example:
        >>> in_words("not above_hull_ev_per_atom < 0.05"), in_words("tau is 4.303")
        ('the energy above the hull is 0.05 eV/atom or more', 'τ is 4.303')
    """

    def said(found: re.Match[str]) -> str:
        name, unit = _QUANTITIES[found[2]]
        number = f"{found[4]}{unit}" if found[4] else ""
        return f"{name} is {_FAILED[found[3]].format(number)}"

    return _CONDITION.sub(said, reason)


def _by_energy(stability: Stability) -> list[tuple[PhaseEnergy, float | None]]:
    """Return the phases, the lowest first, each with its energy above the ground state."""
    energies = {phase.phase: phase.energy_ev_per_formula for phase in stability.phases}
    lowest = energies.get(stability.ground_state or "")

    def key(phase: PhaseEnergy) -> tuple[bool, float]:
        return phase.energy_ev_per_formula is None, phase.energy_ev_per_formula or 0.0

    return [
        (phase, None if energy is None or lowest is None else energy - lowest)
        for phase in sorted(stability.phases, key=key)
        for energy in (phase.energy_ev_per_formula,)
    ]


def _flaws(phase: PhaseEnergy) -> Iterator[str]:
    """Yield the names of a phase's flaws, without its numbers."""
    yield from (finding.name for finding in phase.findings)
    if phase.failure:
        yield "calculation failed"  # the message begins with the phase, "CsPbI3 Pnma: ..."


def _by_family(
    report: ScreeningReport, path: str, factor: float
) -> dict[str, list[tuple[float, Outcome]]]:
    groups: defaultdict[str, list[tuple[float, Outcome]]] = defaultdict(list)
    for candidate in report.candidates:
        value = value_at(candidate, path)
        if value is not None:
            groups[candidate.family].append((factor * value, outcome_of(candidate)))
    return groups
