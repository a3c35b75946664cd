"""Writes docs/validation/screening.md from the report of a screening.

    pvkdb screen inorganic -o inorganic-screening
    python -m validation.screening.make inorganic-screening/screening-report.json

Every number comes from the report, known perovskites from the table of Bartel et al. that
pvkdb ships. The calculations take hours; a test makes the page again from those in
``pvkdb/computed`` (``pvkdb jobs export --without-paths``).
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from scipy.stats import spearmanr

from pvkdb.schemas.screening import (
    BarrierOutcome,
    Migration,
    ScreenedCandidate,
    ScreeningReport,
)
from validation.pages import FOLDER, ROOT, csv_rows, table, texts
from validation.screening import device_compositions, fast_tier

PAGE = FOLDER / "screening.md"
#: Rows of the tables of candidates and of reasons.
MOST_CANDIDATES, MOST_REASONS, MOST_CHANGES = 40, 15, 10
#: Smaller differences of two potentials are no change, eV.
CHANGED_EV = 0.05
#: Above the ground state by no more than this, eV an atom, a perovskite counts as found.
NEAR_EV_PER_ATOM = 0.010

TEXTS = texts(__file__)


def main() -> None:
    """Write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("report", type=Path, help="screening-report.json")
    chosen = parser.parse_args()
    report = ScreeningReport.model_validate_json(chosen.report.read_bytes())
    PAGE.write_text("\n".join(page(report)) + "\n", encoding="utf-8")
    print(PAGE)


def page(report: ScreeningReport) -> Iterator[str]:
    """Yield the lines of the page."""
    number = sum(report.calculations.values())
    yield TEXTS["head"].format(
        plan="inorganic",
        last=report.stages[-1].stage,
        title=report.title,
        compositions=len(report.candidates),
        potential=report.potential,
        calculations=number,
        failed=100 * sum(report.failed.values()) / number,
        calls=sum(report.force_calls.values()),
        core_hours=report.core_hours,
    )
    yield "## Funnel\n"
    kinds = sorted({kind for stage in report.stages for kind in stage.fell})
    yield from table(
        ("stage", "entered", "passed", *(f"fell: {kind}" for kind in kinds)),
        (
            (stage.stage, stage.entered, stage.passed, *(stage.fell.get(k, 0) for k in kinds))
            for stage in report.stages
        ),
    )
    yield "\nWhy candidates fell:\n"
    falls = [candidate.fall for candidate in report.candidates if candidate.fall]
    reasons = Counter((fall.stage, fall.kind, fall.reason) for fall in falls)
    yield from table(
        ("stage", "kind", "reason", "candidates"),
        ((*reason, count) for reason, count in reasons.most_common(MOST_REASONS)),
    )
    yield "\n## Candidates that passed\n"
    yield from _survivors(report)
    if any(candidate.migration for candidate in report.candidates):
        yield "\n## Activation energies of the halide vacancy\n"
        yield from _migration(report.candidates)
    yield from fast_tier.section()
    yield "## Comparison with known structures\n"
    yield from _known_perovskites(report.candidates)
    yield "\n## Lowest phases of the binary halides\n"
    yield from _binaries(report.candidates)
    yield from device_compositions.section()


def _survivors(report: ScreeningReport) -> Iterator[str]:
    ranked = [candidate for candidate in report.candidates if candidate.rank is not None]
    ranked.sort(key=lambda candidate: candidate.rank or 0)
    yield (
        f"{len(ranked)} candidates, in the order of `{report.ranked_by}`; the first "
        f"{min(len(ranked), MOST_CANDIDATES)}. Energies above the ground state and above "
        "the hull in meV an atom.\n"
    )
    head: tuple[str, ...] = ("", "formula", "type", "tau", "lowest phase", "above", "above hull")
    if any(candidate.vacancy for candidate in ranked):
        head = (*head, "V_X poor, rich / eV")
    yield from table(
        head, (_survivor(candidate)[: len(head)] for candidate in ranked[:MOST_CANDIDATES])
    )


def _survivor(candidate: ScreenedCandidate) -> Sequence[object]:
    stability, vacancy = candidate.stability, candidate.vacancy
    assert stability is not None
    tau = candidate.tolerance.tau if candidate.tolerance else None
    return (
        candidate.rank,
        candidate.formula,
        candidate.type,
        "" if tau is None else f"{tau:.2f}",
        stability.ground_state or "",
        _milli(stability.perovskite_above_ground_state_ev_per_atom),
        _milli(stability.above_hull_ev_per_atom),
        f"{vacancy.x_poor_ev:.2f}, {vacancy.x_rich_ev:.2f}" if vacancy else "",
    )


def _migration(candidates: Sequence[ScreenedCandidate]) -> Iterator[str]:
    found = sorted(
        ((candidate, candidate.migration) for candidate in candidates if candidate.migration),
        key=lambda entry: entry[1].e_a_ev,
    )
    potentials = [outcome.potential for outcome in found[0][1].outcomes]
    yield (
        "The bottleneck of the easiest percolating path, in the lowest perovskite phase, with the "
        f"dimensions in which it leads on; lowest first, by {potentials[0]}. ≤ marks an upper "
        "bound, where a hop that failed might be part of an easier path; 'as' gives the phase that "
        "the host became where its own is not a minimum; a missing value has its reason."
        f"{_agreement(found)}\n"
    )
    yield from table(
        ("formula", "phase", *(f"{name} / eV" for name in potentials), "limited by"),
        (
            (
                candidate.formula,
                migration.phase,
                *(_cell(outcome) for outcome in migration.outcomes),
                migration.outcomes[0].limited_by or "",
            )
            for candidate, migration in found
        ),
    )
    yield from _changes(found)


def _agreement(found: Sequence[tuple[ScreenedCandidate, Migration]]) -> str:
    """Return how similarly the first potential and each other one order the candidates."""
    said = ""
    for both in _pairs(found):
        if len(both) < 3:
            continue
        rank = spearmanr(*([each.ev[place] for each in both] for place in (0, 1))).statistic
        said += (
            f" {both[0].new.potential} and {both[0].old.potential} both have a value, not just a "
            f"bound, for {len(both)} of {len(found)}; their order agrees with a rank correlation "
            f"of {rank:.2f}, and half of the values lie within "
            f"{median(abs(each.shift_ev) for each in both):.2f} eV of each other."
        )
    return said


@dataclass(frozen=True, slots=True)
class _Both:
    """A candidate with values, not bounds, by the first potential and another one, eV."""

    formula: str
    new: BarrierOutcome
    old: BarrierOutcome
    ev: tuple[float, float]

    @property
    def shift_ev(self) -> float:
        return self.ev[0] - self.ev[1]


def _pairs(found: Sequence[tuple[ScreenedCandidate, Migration]]) -> Iterator[list[_Both]]:
    """Yield the candidates with values by the first and each other potential of the plan."""
    for number in range(1, len(found[0][1].outcomes)):
        both = [
            _Both(candidate.formula, new, old, (new.e_a_ev, old.e_a_ev))
            for candidate, migration in found
            for new, old in [(migration.outcomes[0], migration.outcomes[number])]
            if new.e_a_ev is not None and old.e_a_ev is not None
            if not (new.upper_bound or old.upper_bound)
        ]
        if both:
            yield both


def _changes(found: Sequence[tuple[ScreenedCandidate, Migration]]) -> Iterator[str]:
    """Yield what the first potential changes against each other one, the largest changes first."""
    for both in _pairs(found):
        new, old = both[0].new.potential, both[0].old.potential
        shifts = [each.shift_ev for each in both]
        tops = [
            {each.formula for each in sorted(both, key=lambda each: each.ev[place])[:10]}
            for place in (0, 1)
        ]
        yield f"\n### {new} against {old}\n"
        yield (
            f"Of {len(both)} candidates with a value by both, {new} gives a higher one for "
            f"{sum(shift > CHANGED_EV for shift in shifts)} and a lower one for "
            f"{sum(shift < -CHANGED_EV for shift in shifts)}, by more than {CHANGED_EV:g} eV; "
            f"median change {median(shifts):+.2f} eV. {len(tops[0] & tops[1])} of the "
            f"{len(tops[0])} lowest are the same. Another class of hops limits "
            f"{sum(each.new.limited_by != each.old.limited_by for each in both)}, another host "
            f"has {sum(_host(each.new) != _host(each.old) for each in both)}. The largest "
            "changes:\n"
        )
        yield from table(
            ("formula", f"{old} / eV", f"{new} / eV", "change / eV", f"limited by, {old}", new),
            (
                (
                    *(each.formula, _cell(each.old), _cell(each.new), f"{each.shift_ev:+.2f}"),
                    each.old.limited_by,
                    "same" if each.new.limited_by == each.old.limited_by else each.new.limited_by,
                )
                for each in sorted(both, key=lambda each: -abs(each.shift_ev))[:MOST_CHANGES]
            ),
        )


def _host(outcome: BarrierOutcome) -> str:
    return (outcome.host_left_for or "").partition(",")[0]


def _cell(outcome: BarrierOutcome) -> str:
    if outcome.e_a_ev is None:
        return outcome.failure_kind or "not computed"
    bound = "≤ " if outcome.upper_bound else ""
    left = f", as {outcome.host_left_for}" if outcome.host_left_for else ""
    return f"{bound}{outcome.e_a_ev:.2f} ({outcome.dimensionality}D{left})"


def _known_perovskites(candidates: Iterable[ScreenedCandidate]) -> Iterator[str]:
    """Yield a comparison with the experiments in Bartel's training table."""
    rows = csv_rows(ROOT / "pvkdb" / "chemistry" / "data" / "bartel2019_table_s1.csv")
    labels = {row["ABX3"]: float(row["exp_label"]) > 0 for row in rows}
    counts: Counter[tuple[bool, bool]] = Counter()
    wrong: dict[bool, list[str]] = {True: [], False: []}
    for candidate in candidates:
        stability = candidate.stability
        if candidate.formula not in labels or stability is None:
            continue
        above = stability.perovskite_above_ground_state_ev_per_atom
        found = above is not None and above <= NEAR_EV_PER_ATOM
        known = labels[candidate.formula]
        counts[known, found] += 1
        if known != found:
            wrong[known].append(candidate.formula)
    total, right = counts.total(), counts[True, True] + counts[False, False]
    yield (
        f"Of the relaxed ABX3, the training table of Bartel et al. (Sci. Adv. 5, eaav0693 (2019)) "
        f"classifies {total} by experiment. Counting a perovskite as found where it lies within "
        f"{1000 * NEAR_EV_PER_ATOM:.0f} meV an atom of the lowest phase, {right} of {total} "
        "agree.\n"
    )
    yield from table(
        ("experiment", "found as perovskite", "not found"),
        (
            ("perovskite", counts[True, True], counts[True, False]),
            ("other structure", counts[False, True], counts[False, False]),
        ),
    )
    for known, words in ((True, "Perovskites missed"), (False, "Others taken for perovskites")):
        if wrong[known]:
            yield f"\n{words}: {', '.join(wrong[known])}."


def _binaries(candidates: Iterable[ScreenedCandidate]) -> Iterator[str]:
    """Yield the phases of the binary halides among the products."""
    phases: dict[str, str] = {}
    for candidate in candidates:
        for product in candidate.stability.products if candidate.stability else ():
            phases.setdefault(product.formula, product.phase)
    found = sorted((phase, formula) for formula, phase in phases.items() if _is_binary(formula))
    yield (
        "By the prototype that the relaxation started from; many have left its symmetry. By "
        "measurement (A. F. Wells, Structural Inorganic Chemistry, Oxford 1984) those of "
        "CsCl, CsBr and CsI should be Pm-3m, of PbCl2, PbBr2 and the halides of Ba Pnma, of PbI2, "
        "CdI2 and MgI2 P-3m1: where another one is listed, the potential puts it lower, and "
        "compounds that decompose into it look less stable by as much.\n"
    )
    by_phase: dict[str, list[str]] = {}
    for phase, formula in found:
        by_phase.setdefault(phase, []).append(formula)
    yield from table(
        ("prototype", "halides"), ((phase, ", ".join(names)) for phase, names in by_phase.items())
    )


def _is_binary(formula: str) -> bool:
    return sum(letter.isupper() for letter in formula) == 2


def _milli(value: float | None) -> str:
    return "" if value is None else f"{1000 * value:z.1f}"


if __name__ == "__main__":
    main()
