"""The page docs/validation/structures.md, from the stored results."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain, groupby

from pvkdb.schemas.calculations import PotentialName
from validation.pages import row, texts
from validation.structures import exceptions, ground_states
from validation.structures.ground_states import POTENTIALS as TITLES
from validation.structures.known_facts import (
    KNOWN_FACTS,
    RESOLUTION_MEV,
    SYMMETRIES,
    KnownFact,
    Verdict,
    judge,
)
from validation.structures.measured_cells import (
    AXIS_PERCENT,
    LENGTH_PERCENT,
    Comparison,
    MeasuredCell,
    compare,
    measured_cells,
)
from validation.structures.relaxed_phases import Phase, Symmetry
from validation.structures.results import POTENTIALS, Results

TEXTS = texts(__file__)


def render(results: Results) -> str:
    """Return the page as Markdown."""
    parts = (_head(results), _cells(results), _facts(results), ground_states.section())
    return "".join([*chain.from_iterable(parts), TEXTS["others"], *_not_computed()])


def comparisons(results: Results, potential: PotentialName) -> list[Comparison | MeasuredCell]:
    """Return all measured cells with the relaxed ones, or alone if the relaxation failed."""
    relaxed = results.of(potential)
    found: list[Comparison | MeasuredCell] = []
    for cell in measured_cells():
        if cell.symmetry is not None:
            phase = relaxed[Phase(cell.compound, cell.phase, cell.symmetry)]
            found.append(compare(cell, phase) or cell)
    return found


def verdict(
    results: Results, fact: KnownFact, potential: PotentialName, symmetry: Symmetry
) -> Verdict | None:
    """Compare a fact with one potential and one way of relaxing."""
    return judge(fact, results.of(potential, symmetry).values())


def _head(results: Results) -> Iterator[str]:
    settings = results.settings
    yield TEXTS["head"].format(
        fmax=settings.fmax_ev_per_ang, steps=settings.max_steps, rattle=settings.rattle_ang
    )
    for potential in POTENTIALS:
        packages = dict(results.versions[potential])
        weights = packages.pop("weights")
        named = ", ".join(f"{package} {number}" for package, number in packages.items())
        yield f"| {TITLES[potential]} | {weights} | {named} |\n"


def _cells(results: Results) -> Iterator[str]:
    cells = measured_cells()
    computed = [cell for cell in cells if cell.symmetry is not None]
    yield TEXTS["cells"].format(
        deposits=len(cells), computed=len(computed), length=LENGTH_PERCENT, axis=AXIS_PERCENT
    )
    for potential in POTENTIALS:
        found = comparisons(results, potential)
        yield f"\n### {TITLES[potential]}\n\n"
        yield "| compound | phase | T, K | relaxed | a | b | c | V^(1/3) | in bounds | became |\n"
        yield "|---|---|---|---|---|---|---|---|---|---|\n"
        for entry in found:
            yield _row_of_cell(entry) if isinstance(entry, Comparison) else _row_of_failure(entry)
        yield from _exceptions(found, potential)
    yield "\n### Deposits of these cells\n\n"
    yield "| compound | phase | deposit | setting | publication |\n|---|---|---|---|---|\n"
    for cell in computed:
        source = f"doi:{cell.doi}" if cell.doi else "not named in the deposit"
        yield _row((cell.compound, cell.phase, cell.deposit, cell.space_group, source))


def _row_of_cell(found: Comparison) -> str:
    cell, relaxed = found.measured, found.relaxed
    volume = cell.volume_ang3_per_formula
    length = volume ** (1 / 3)
    axes = zip(cell.standard_axes_ang, found.axes_ang, found.axes_percent, strict=True)
    became = relaxed.space_group if relaxed.left_symmetry else ""
    words = (
        *_named(cell),
        *(_pair(measured, model, percent) for measured, model, percent in axes),
        _pair(length, length * (1 + found.length_percent / 100), found.length_percent),
        f"**no: {', '.join(found.excess)}**" if found.excess else "yes",
        became or "",
    )
    return _row(words)


def _row_of_failure(cell: MeasuredCell) -> str:
    axes = (f"{axis:.3f} → –" for axis in cell.standard_axes_ang)
    return _row((*_named(cell), *axes, "–", "**no: not relaxed**", ""))


def _named(cell: MeasuredCell) -> tuple[str, ...]:
    return cell.compound, cell.phase, cell.temperature, cell.symmetry or ""


def _exceptions(found: list[Comparison | MeasuredCell], potential: PotentialName) -> Iterator[str]:
    compared = [entry for entry in found if isinstance(entry, Comparison)]
    outside = [entry for entry in compared if entry.excess]
    within = len(compared) - len(outside)
    mean = sum(entry.length_percent for entry in compared) / len(compared)
    yield f"\nWithin bounds: {within} of {len(found)}. Mean deviation of V^(1/3): {mean:+.1f} %."
    yield " Exceptions:\n\n" if outside else "\n"
    for entry in outside:
        cell = entry.measured
        named = exceptions.CELLS if potential == PotentialName.SEVENNET_0 else {}
        known = named.get((cell.compound, cell.phase), "Out of range.")
        yield f"- {cell.compound} {cell.phase}, {_deviations(entry)}. {known}\n"


def _deviations(found: Comparison) -> str:
    percent = dict(zip("abc", found.axes_percent, strict=True))
    percent["V^(1/3)"] = found.length_percent
    return ", ".join(f"{name} {percent[name]:+.2f} %" for name in found.excess)


def _facts(results: Results) -> Iterator[str]:
    yield TEXTS["facts"].format(resolution=RESOLUTION_MEV)
    ways = [(potential, symmetry) for potential in POTENTIALS for symmetry in SYMMETRIES]
    header = " | ".join(f"{TITLES[potential]}, {symmetry}" for potential, symmetry in ways)
    ruler = "|---" * (1 + len(ways)) + "|\n"
    yield f"\n| fact | {header} |\n{ruler}"
    for fact in KNOWN_FACTS:
        verdicts = [_verdict(fact, verdict(results, fact, *way)) for way in ways]
        yield _row((f"{fact.compound}: {fact.statement}", *verdicts))
    yield "\nWhat SevenNet-0 does not confirm:\n\n"
    for (compound, symmetry), known in exceptions.FACTS.items():
        yield f"- {compound}, {symmetry}. {known}\n"
    for fact in KNOWN_FACTS:
        for phase in fact.reported:
            above = ", ".join(
                f"{_above(results, fact, phase, *way)} ({TITLES[way[0]]}, {way[1]})" for way in ways
            )
            yield f"\nReported only: {fact.compound} {phase} from {fact.lowest[0]}, {above}.\n"
    for fact in KNOWN_FACTS:
        yield f"\n### {fact.compound}: {fact.statement}\n\n"
        yield f"| phase | {header} |\n{ruler}"
        for phase in fact.phases:
            beside = "" if phase in fact.among else " (reported only)"
            yield _row((phase + beside, *(_above(results, fact, phase, *way) for way in ways)))
        yield f"\n{fact.source}.\n"
        yield from _fallen(results, fact)


def _verdict(fact: KnownFact, found: Verdict | None) -> str:
    if found is None:
        return "not computed"
    if found.outcome != "right":
        said = "undecided" if found.outcome == "undecided" else "does not hold"
        return f"**{said}**: {found.lowest} lowest, {found.margin_mev:+.1f}"
    beside = "" if found.lowest == fact.lowest[0] else f" ({found.lowest} lowest)"
    return f"holds{beside}, {found.margin_mev:+.1f}"


def _above(
    results: Results, fact: KnownFact, phase: str, potential: PotentialName, symmetry: Symmetry
) -> str:
    found = verdict(results, fact, potential, symmetry)
    relaxed = results.of(potential)[Phase(fact.compound, phase, symmetry)]
    above = found.above_mev.get(phase) if found else None
    if above is None:
        return "not relaxed"
    became = f" ({relaxed.space_group})" if relaxed.left_symmetry else ""
    return f"{above:.1f}{became}{'' if relaxed.same_structure else ' †'}"


def _fallen(results: Results, fact: KnownFact) -> Iterator[str]:
    """List the flaws of structures that changed into other ones."""
    fallen = [
        relaxed
        for relaxed in results.relaxed
        if relaxed.compound == fact.compound
        and relaxed.phase in fact.phases
        and not relaxed.same_structure
    ]
    if fallen:
        yield "\n"
    for relaxed in fallen:
        why = relaxed.failure or "; ".join(map(str, relaxed.findings))
        yield f"- † {relaxed.phase}, {TITLES[relaxed.potential]}, {relaxed.symmetry}: {why}.\n"


def _not_computed() -> Iterator[str]:
    def reason(cell: MeasuredCell) -> str:
        return cell.not_computed

    left_out = sorted((c for c in measured_cells() if c.not_computed), key=reason)
    for why, cells in groupby(left_out, reason):
        named = ", ".join(_deposit(cell) for cell in cells)
        yield f"- {why}: {named}\n"


def _deposit(cell: MeasuredCell) -> str:
    return f"{cell.deposit} ({cell.formula})" if cell.formula else cell.deposit


def _pair(measured: float, model: float, percent: float) -> str:
    return f"{measured:.3f} → {model:.3f} ({percent:+.1f})"


def _row(cells: Iterable[str]) -> str:
    return f"{row(*cells)}\n"
