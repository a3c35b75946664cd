"""What a candidate's row has no room for: radii, phases, vacancies, calculations, its fall."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from pvkdb.display.numbers import decimals, milli
from pvkdb.schemas.calculations.relaxations import HOST_DROP_EV
from pvkdb.schemas.screening import (
    Migration,
    PhaseEnergy,
    Product,
    ScreenedCandidate,
    Stability,
    VacancyFormation,
)
from pvkdb_pipelines.screening.report.text import formula, row, table


def details(candidate: ScreenedCandidate) -> str:
    """Everything that is known of a candidate beyond its row."""
    text = "".join(f"<p>{sentence}</p>" for sentence in _sentences(candidate))
    stability = candidate.stability
    phases = _phases(stability) if stability and stability.phases else ""
    return (text or "<p>Nothing more is known.</p>") + phases


def product(entry: Product, phase: bool = False) -> str:
    """A product of a decomposition with its amount, and its phase where asked for."""
    named = f" <small>({escape(entry.phase)})</small>" if phase else ""
    amount = "" if entry.amount == 1 else f"{entry.amount:.4g} "
    return f"{amount}{formula(entry.formula)}{named}"


def _sentences(candidate: ScreenedCandidate) -> Iterator[str]:
    if fall := candidate.fall:
        yield f"Fell at <b>{escape(fall.stage)}</b> ({escape(fall.kind)}): {escape(fall.detail)}"
    if candidate.tolerance:
        yield f"Radii: {escape(candidate.tolerance.radii_source)}"
    if stability := candidate.stability:
        if stability.perovskite and stability.perovskite != stability.ground_state:
            yield f"Lowest phase of the type: {escape(stability.perovskite)}"
        if stability.products:
            products = " + ".join(product(entry, phase=True) for entry in stability.products)
            yield f"Decomposes into {products}"
        if stability.without_energy:
            missing = ", ".join(map(formula, stability.without_energy))
            yield f"Competitors without an energy, so that it may look too stable: {missing}."
    if candidate.vacancy:
        yield from _vacancy(candidate.vacancy)
    if candidate.migration:
        yield from _migration(candidate.migration)


def _vacancy(vacancy: VacancyFormation) -> Iterator[str]:
    yield (
        f"Neutral halide vacancy in {escape(vacancy.phase)}, cell of {vacancy.atoms_in_cell} "
        f"atoms: {decimals(vacancy.x_poor_ev, 3)} eV halide-poor (μ<sub>X</sub> "
        f"{decimals(vacancy.mu_x_poor_ev, 3)} eV), {decimals(vacancy.x_rich_ev, 3)} eV halide-rich "
        f"(μ<sub>X</sub> {decimals(vacancy.mu_x_rich_ev, 3)} eV); "
        f"record <code>{escape(vacancy.calculation)}</code>"
    )
    if not vacancy.allowed:
        yield (
            "The compound is stable nowhere between these limits: they are those of the elements "
            "and binary halides alone."
        )
    drop = vacancy.host_drop_ev_per_formula
    if drop is None:
        yield "The halide could not be put back: how stable the host is, is not known."
    elif drop > HOST_DROP_EV:
        yield (
            f"The host fell by {milli(drop)} meV a formula unit when the halide was put back: it "
            "was no minimum. Its energy is the lower one."
        )
    if vacancy.without_energy:
        missing = ", ".join(map(formula, vacancy.without_energy))
        yield f"Without an energy, so that a limit may be narrower: {missing}."
    references = ", ".join(
        f"{formula(name)} <small>({escape(phase)})</small>"
        for name, phase in vacancy.references.items()
    )
    yield f"Chemical potentials from {references}"


def _migration(migration: Migration) -> Iterator[str]:
    for outcome in migration.outcomes:
        record = f"record <code>{escape(outcome.calculation)}</code>"
        name = f"Vacancy migration in {escape(migration.phase)} with {escape(outcome.potential)}"
        if outcome.e_a_ev is None:
            yield (
                f"{name} failed: {escape(str(outcome.failure_kind))}: "
                f"{escape(str(outcome.failure))}; {record}"
            )
            continue
        left = (
            f"; the host left its phase for {escape(outcome.host_left_for)}"
            if (outcome.host_left_for)
            else ""
        )
        yield (
            f"{name}: {decimals(outcome.e_a_ev, 3)} eV in {outcome.dimensionality}D, limited by "
            f"{escape(str(outcome.limited_by))}{left}; {record}"
        )


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
            decimals(energy, 4),
            milli(above),
            escape(phase.space_group or ""),
            decimals(phase.volume_ang3_per_formula, 2),
            escape("; ".join(wrong)),
            f"<code>{escape(phase.calculation)}</code>",
        )

    head = ("Phase", "eV/formula", "above, meV", "space group", "Å³/formula", "found", "record")
    return table(head, (row(cells(phase)) for phase in sorted(stability.phases, key=key)))
