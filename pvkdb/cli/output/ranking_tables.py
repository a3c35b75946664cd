"""Tables of rankings: the ranking itself, and the evidence for one candidate."""

from __future__ import annotations

import re
from textwrap import wrap
from typing import TYPE_CHECKING

from pvkdb.cli.output.console import messages, output, plain, print_table
from pvkdb.cli.output.device_tables import assumption_text
from pvkdb.display.numbers import number, with_interval
from pvkdb.errors import NotFoundError, unknown_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pvkdb.schemas.profiles import Criterion
    from pvkdb.schemas.rankings import (
        Assessment,
        ComparedValue,
        Comparison,
        ProfileSummary,
        RankedCandidate,
        Ranking,
    )
    from pvkdb.schemas.tables.series import DeviceSeries

_COLOURS = {
    "met": "green",
    "graded": "cyan",
    "undecided": "yellow",
    "not demonstrated": "yellow",
    "failed": "red",
    "unknown": "dim",
    "not defined": "dim",
}
#: Mark of a value whose source has an erratum.
_DOUBT = " †"
#: Most criteria on devices that fit a terminal.
_COLUMNS = 3


def print_ranking(
    ranking: Ranking, limit: int | None = None, papers: Mapping[str, str] | None = None
) -> None:
    """Print which come first, a ranking as a table, its papers and notes."""
    from pvkdb.suitability.sheets.comparisons import answer, scope

    waiting = {each.id for each in ranking.unreviewed}
    both = sorted([*ranking.candidates, *ranking.unreviewed], key=lambda each: each.rank)
    listed = both[:limit]
    columns = _columns(ranking, listed)
    longest = max(18, 55 - 11 * len(columns))
    output().print(plain(answer(ranking)), style="bold")
    output().print(plain(scope(ranking)))
    print_table(
        f"{ranking.title}: {ranking.subject}",
        [
            *("rank", ranking.subject.removesuffix("s"), "score\ninterval, first"),
            *(_heading(ranking.criteria[place], ranking.reading) for place in columns),
        ],
        [
            [
                "–" if entry.id in waiting else str(entry.rank),
                _identity(entry, papers or {}, longest)
                + ("\nunreviewed" if entry.id in waiting else ""),
                _scores(entry),
                *(_cell(entry.criteria[place]) for place in columns),
            ]
            for entry in listed
        ],
        numeric=("rank",),
        caption=_caption(ranking, len(listed)),
    )
    _print_papers(papers or {}, listed if ranking.subject == "materials" else ())
    _print_notes(ranking)


def _columns(ranking: Ranking, listed: Sequence[RankedCandidate]) -> list[int]:
    """Return the places of the criteria in the table: of devices those of the most weight."""
    counted = [place for place, each in enumerate(ranking.criteria) if each.weight > 0]
    if ranking.subject == "materials":
        return counted
    parting = [len({entry.criteria[place].share for entry in listed}) for place in counted]
    weights = [ranking.criteria[place].weight for place in counted]
    # Of criteria with equal weights those that part the candidates most.
    chosen = sorted(zip(weights, parting, counted, strict=True), key=lambda each: each[:2])
    return sorted(place for _, _, place in chosen[-_COLUMNS:])


def _print_papers(papers: Mapping[str, str], rows: Sequence[RankedCandidate]) -> None:
    """Print papers with DOIs and the rows of compositions that rest on them, then the review."""
    from pvkdb.literature.loader import transcribed_from

    if papers:
        output().print("Papers:")
    for key, text in papers.items():
        of = ", ".join(each.label for each in rows if key in each.references.split())
        output().print(plain(f"{text} ({of})" if of else text))
    review, *_ = transcribed_from()
    output().print(f"Tables, figures and sections are those of the review: {review['path']}.")


def print_explanation(ranking: Ranking, name: str, papers: Mapping[str, str]) -> None:
    """Print one candidate: its scores, and each criterion with its evidence and reason.

    Raises:
        NotFoundError: the candidate does not exist; names the nearest one.
    """
    both = [*ranking.candidates, *ranking.unreviewed]
    entry = next((each for each in both if name in (each.id, each.label)), None)
    if name in ranking.not_rankable:
        raise NotFoundError(f"{name} has no place: nothing is known on a criterion with weight")
    if entry is None:
        known = [each.id for each in ranking.candidates]
        raise NotFoundError(unknown_name("candidate", name, known))
    from pvkdb.suitability.evidence.support import support_notes

    console = output()
    id = "" if entry.id == entry.label else f" ({plain(entry.id)})"
    phase = f", {plain(entry.phase)} phase" if entry.phase else ""
    console.print(f"[bold]{plain(entry.label)}[/]{id}{phase}: {ranking.title.lower()}")
    console.print(
        f"rank {entry.rank} of {len(ranking.candidates)}; score "
        f"{with_interval(entry.score, entry.score_low, entry.score_high)}; evidence on "
        f"{100 * entry.coverage:.0f}% of the weight; first in {100 * entry.first:.0f}% of "
        f"{ranking.samples} random samples of weights and papers"
    )
    console.print(plain(entry.because))
    if entry.prediction is not None:
        console.print(plain(f"predicted by the kinetics model: {entry.prediction}"))
    for name, other in entry.under_readings.items():
        console.print(f"with the reading {name!r}: rank {other.rank}, score {number(other.score)}")
    print_table(
        "Criteria",
        ["criterion", "weight", "share", "evidence", "reason"],
        [
            [
                criterion.metric,
                f"{assessment.weight:.2f}",
                _range(assessment),
                ", ".join(filter(None, (assessment.grade.value, assessment.phase))),
                f"[{_COLOURS[assessment.verdict.value]}]{assessment.verdict.value}[/]: "
                + plain(assessment.reason)
                + plain(f" [{_place(assessment.source)}]" if assessment.source else "")
                + plain(f"; erratum: {assessment.erratum}" if assessment.erratum else ""),
            ]
            for criterion, assessment in zip(ranking.criteria, entry.criteria, strict=True)
        ],
        numeric=("weight", "share"),
        whole=("criterion",),
        caption="share: 0 to 1, with its 95% interval. The criteria and their sources:",
    )
    for criterion in ranking.criteria:
        quoted = f" “{criterion.quoted}”" if criterion.quoted else ""
        note = f". {criterion.note}" if criterion.note else ""
        console.print(
            plain(f"- {criterion.metric} ({criterion.basis}): {criterion.source}{quoted}{note}"),
            style="dim",
        )
    for assumed in ranking.assumptions if entry.prediction is not None else ():
        console.print(plain(assumption_text(assumed)), style="dim")
    for note in support_notes(ranking.criteria):
        console.print(plain(note[0].upper() + note[1:] + "."), style="dim")
    for fact in entry.also_known:
        where = f" in {fact.phase}" if fact.phase else ""
        console.print(
            plain(f"also reported: {fact.text}{where} [{_place(fact.source or fact.grade.value)}]")
            + plain(f"; erratum: {fact.erratum}" if fact.erratum else "")
        )
    _print_papers(papers, ())


def _place(source: str) -> str:
    """Return a source with the hosts of its addresses alone, so that a table keeps its width."""
    return re.sub(r"https?://([^/\s;]+)/[^\s;]*", r"\1", source)


def print_series(found: DeviceSeries) -> None:
    """Print the answer, then what changes along series."""
    output().print(plain(f"{found.answer}."), style="bold")
    print_table(
        "Changes",
        ["changed", "step", "metric", "ratio"],
        [[row.changed, row.step, row.label, row.ratio_text] for row in found.changes],
        caption="geometric mean over papers, 95% interval. Pairs: pvkdb export series.",
    )


def print_comparison(found: Comparison) -> None:
    """Print the answer, then a table of values and one of places."""
    output().print(plain(f"{found.answer}."), style="bold")
    print_table(
        "Values",
        ["value", *found.candidates, "difference"],
        [
            [row.label, *(_compared(each) for each in row.values), row.difference]
            for row in found.values
        ],
        caption="intervals are 95% intervals, or what is reported. --json has sources.",
    )
    print_table(
        "Place and score, with its 95% interval",
        ["application", *found.candidates, "difference"],
        [
            [
                f"{titles}\nof {row.ranked}",
                *(
                    f"{each.rank}{' (unreviewed)' if each.unreviewed else ''}: "
                    + with_interval(each.score, each.score_low, each.score_high)
                    if each
                    else "no place"
                    for each in row.scores
                ),
                row.difference,
            ]
            for titles, row in found.places
        ],
    )


def _compared(value: ComparedValue) -> str:
    return (
        value.text
        if value.kind == "unknown"
        else plain(f"{value.text}\n{', '.join(filter(None, (value.grade.value, value.phase)))}")
    )


def print_applications(profiles: list[ProfileSummary]) -> None:
    """Print the shipped applications."""
    print_table(
        "Applications",
        ["name", "title", "for devices", "for materials"],
        [
            [each.name, each.title, str(each.device_criteria), str(each.material_criteria)]
            for each in profiles
        ],
        numeric=("for devices", "for materials"),
        whole=("name",),
        caption="Number of criteria for devices and for materials. Rank with: pvkdb rank NAME. For "
        "your own profile: --profile FILE",
    )


def _print_notes(ranking: Ranking) -> None:
    from pvkdb.suitability.sheets.comparisons import more_often

    printed: set[str] = set()
    for criterion in ranking.criteria:
        note = criterion.note or ""
        names = {reading.name for reading in criterion.readings}
        doubtful = note.startswith(("doubtful", "contradiction")) or names - printed
        if criterion.weight > 0 and doubtful:
            others = ", ".join(repr(name) for name in sorted(names))
            readings = f"; --reading {others}" if others else ""
            messages().print(plain(f"note on {criterion.metric}: {note}{readings}"))
        printed |= names
    for note in ranking.notes:
        output().print(plain(note[0].upper() + note[1:] + "."))
    if why := more_often(ranking):
        output().print(plain(why))


def _caption(ranking: Ranking, shown: int) -> str:
    reading = f" Reading: {ranking.reading!r}." if ranking.reading else ""
    dataset = f", dataset {ranking.dataset_version}" if ranking.dataset_version else ""
    more = sum(each.weight > 0 for each in ranking.criteria) > _COLUMNS
    error = " ±: standard error of a new source." * (ranking.subject == "materials")
    others = " Other criteria: --explain ID." if more and ranking.subject == "devices" else ""
    return (
        f"{shown} of {len(ranking.candidates)}{dataset}.{reading}{others} score: product "
        "of the shares of all criteria, with its 95% interval; a share is 1 where a value meets, "
        "0 where it fails, and (k + ½)/(n + 1) where a test ended before and k of the n papers "
        "that got so far reached it; first: no other is better in this share of "
        f"{ranking.samples} random samples.{error}{_DOUBT}: its source has a note, a correction "
        "or a check, see --explain."
    )


def _heading(criterion: Criterion, reading: str | None) -> str:
    from pvkdb.schemas.metrics import METRICS
    from pvkdb.suitability.evidence.explanations import bounds_text
    from pvkdb.suitability.ranking.assessment import bounds_for

    name = METRICS[criterion.metric].label
    if criterion.graded:
        return name
    wanted = bounds_text(bounds_for(criterion, reading), criterion.unit)
    return f"{name} {wanted}".replace("at least", "≥").replace("at most", "≤")


def _cell(assessment: Assessment) -> str:
    verdict = assessment.verdict.value
    value = _value(assessment) + (_DOUBT if assessment.erratum else "")
    text = value if verdict == "graded" else f"{value}\n{verdict}".strip()
    grade = assessment.grade.value.partition(",")[0]
    if verdict == "graded" or grade not in ("measured", "missing"):
        text += f"\n{grade}{f', {assessment.phase}' if assessment.phase else ''}"
    return f"[{_COLOURS[verdict]}]{plain(text)}[/]"


def _value(assessment: Assessment) -> str:
    from pvkdb.suitability.evidence.explanations import value_text

    if assessment.grade.value == "missing":
        return ""
    unit = assessment.unit if assessment.unit in ("eV", "eV/atom", "s", "J") else "1"
    text = value_text(assessment, unit)
    return text.replace("at least", "≥").replace("at most", "≤")


def _range(assessment: Assessment) -> str:
    low, high = assessment.share_low, assessment.share_high
    interval = "" if low == high else f" ({low:.2f}–{high:.2f})"
    return f"{assessment.share:.2f}{interval}"


def _scores(entry: RankedCandidate) -> str:
    return (
        f"{number(entry.score)}\n"
        f"[dim]{number(entry.score_low)}–{number(entry.score_high)}, {100 * entry.first:.0f}%[/]"
    )


def _identity(entry: RankedCandidate, papers: Mapping[str, str], longest: int) -> str:
    """Return a candidate's label, with its id and publications or number of devices below."""
    label, keys = plain("\n".join(wrap(entry.label, longest))), entry.references.split()
    beside = "; ".join(papers.get(key, key).partition(", ")[0] for key in keys)
    if entry.devices is not None:
        beside = f"{entry.devices} device{'' if entry.devices == 1 else 's'}"
    if entry.kind == "material":
        return f"{label}\n[dim]{beside}[/]"
    phase = f", {entry.phase} phase" if entry.phase else ""
    stack = "" if entry.stack_reported else "\nstack not reported"
    form = f"\n{entry.form}" if entry.form else ""
    known = plain(f"{entry.id} {beside}{phase}{form}{stack}")
    return f"{label}\n[dim]{known}[/]"
