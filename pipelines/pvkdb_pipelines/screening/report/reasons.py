"""Why candidates fell, what was found in relaxed phases, and what the calculations cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from html import escape

from pvkdb.schemas.screening import PhaseEnergy, ScreeningReport
from pvkdb.store.runs.screening_reports import fall_reasons
from pvkdb_pipelines.screening.report.text import css_class, formula, row, table


def reasons(report: ScreeningReport) -> str:
    """Falls by reason, findings of phases, and calculations with their failures."""
    fallen = fall_reasons(report)
    if not fallen:
        return '<p class="soft">No candidate fell.</p>' + _flaws(report) + _calculations(report)
    rows = (
        row(
            (
                escape(each.stage),
                f'<span class="badge {css_class(each.kind)}">{each.kind}</span>',
                escape(each.reason),
                f"{each.count:,}",
                _examples(each.formulas, each.count),
            )
        )
        for each in fallen
    )
    falls = table(("Stage", "Kind", "Reason", "Count", "Candidates"), rows)
    return falls + _flaws(report) + _calculations(report)


def _examples(formulas: list[str], count: int) -> str:
    more = count - len(formulas)
    named = ", ".join(map(formula, formulas))
    return f"{named} and {more:,} more" if more > 0 else named


def _flaws(report: ScreeningReport) -> str:
    """Phases with findings or failures, also of candidates that did not fall for them."""
    phases = [
        phase
        for candidate in report.candidates
        if candidate.stability
        for phase in candidate.stability.phases
    ]
    counts = Counter(flaw for phase in phases for flaw in dict.fromkeys(_flaws_of(phase)))
    if not counts:
        return ""
    rows = (
        row((escape(flaw), f"{count:,}", f"{100 * count / len(phases):.1f} %"))
        for flaw, count in counts.most_common()
    )
    return (
        f"<h3>What was found in the {len(phases):,} relaxed phases</h3>"
        "<p>A candidate does not fall for a phase that fails if another one carries it.</p>"
        + table(("Found", "Phases", "Share"), rows)
    )


def _flaws_of(phase: PhaseEnergy) -> Iterator[str]:
    """The names of what is wrong with a phase, without its own numbers."""
    for text in phase.findings:
        yield text.partition(":")[0]
    if phase.failure:
        yield "calculation failed"  # the message begins with the phase, "CsPbI3 Pnma: ..."


def _calculations(report: ScreeningReport) -> str:
    """What was computed, and how it failed where it did."""
    if not report.calculations:
        return ""
    rows = [
        row((escape(kind), f"{count:,}", f"{report.force_calls.get(kind, 0):,}"))
        for kind, count in report.calculations.items()
    ]
    shown = "<h3>Calculations behind this page</h3>" + table(("Kind", "Count", "Force calls"), rows)
    if not report.failed:
        return f"{shown}<p>None failed.</p>"
    total = sum(report.calculations.values())
    failures = [
        row((escape(kind), f"{count:,}", f"{100 * count / total:.1f} %"))
        for kind, count in report.failed.items()
    ]
    return shown + table(("Failure", "Count", "Share"), failures)
