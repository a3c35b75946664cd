"""Write docs/validation/choice.md: do the shares and intervals of rankings hold?

    python -m validation.rankings.choice [DATABASE]

It reads a store with the literature and the computed results (``pvkdb init``), by default
``sqlite:///pvkdb.sqlite``.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from scipy import special
from sqlalchemy.orm import Session

from pvkdb.cli.options import open_store
from pvkdb.schemas.rankings import Grade
from pvkdb.store.collections import REFERENCES
from pvkdb.suitability.evidence.devices import device_candidates
from pvkdb.suitability.evidence.evidence import Source
from pvkdb.suitability.evidence.materials import material_candidates
from pvkdb.suitability.evidence.means import mean_of, spread_of
from validation.pages import FOLDER, texts

PAGE = FOLDER / "choice.md"
#: Thresholds of the lengths of tests: decades.
LENGTHS = {"endurance_cycles": range(2, 7), "retention_s": range(2, 8)}
BINS = (0.0, 0.25, 0.5, 0.75, 1.0)

TEXTS = texts(__file__)


class Question(NamedTuple):
    """Whether a paper that reached one threshold reached the next, as said and as seen."""

    said: float
    base: float
    seen: bool


def questions(session: Session) -> Iterator[Question]:
    """Yield the questions of all papers, each from the papers of earlier years alone."""
    years = {row.key: row.year for row in REFERENCES.iterate(session, {}) if row.year}
    for metric, decades in LENGTHS.items():
        longest: dict[str, tuple[int, float]] = {}
        for each in device_candidates(session):
            known = each.evidence.get(metric)
            year = min((years[key] for key in each.references.split() if key in years), default=0)
            if known is None or known.minimum is None or not year:
                continue
            if known.grade not in (Grade.EXTRAPOLATED, Grade.SECONDARY):
                before = longest.get(each.references, (year, 0.0))[1]
                longest[each.references] = year, max(before, known.minimum)
        for year, value in longest.values():
            earlier = [other for when, other in longest.values() if when < year]
            steps = [
                (sum(v >= 10.0**n for v in earlier), sum(v >= 10.0 ** (n + 1) for v in earlier))
                for n in decades
            ]
            tested, reached = map(sum, zip(*steps, strict=True))
            for decade, (n, k) in zip(decades, steps, strict=True):
                if value >= 10.0**decade:
                    said = (k + 0.5) / (n + 1)
                    base = (reached + 0.5) / (tested + 1)
                    yield Question(said, base, value >= 10.0 ** (decade + 1))


def reliability(asked: Sequence[Question]) -> Iterator[str]:
    """Yield a row of the table for each range of shares."""
    for low, high in pairwise(BINS):
        some = [each for each in asked if low <= each.said < high or (high == 1 == each.said)]
        if some:
            seen = sum(each.seen for each in some)
            ends = limits(seen, len(some))
            mean = np.mean([each.said for each in some])
            yield (
                f"| {low:.2f} to {high:.2f} | {len(some)} | {mean:.2f} | {seen / len(some):.2f} | "
                f"{ends[0]:.2f} to {ends[1]:.2f} |"
            )


def limits(k: int, n: int) -> tuple[float, float]:
    """Return Jeffreys' 95 % interval of k of n."""
    low, high = special.betaincinv(k + 0.5, n - k + 0.5, [0.025, 0.975])
    return float(low), float(high)


def brier(pairs: Iterable[tuple[float, bool]]) -> float:
    """Return the Brier score (Mon. Weather Rev. 78, 1 (1950))."""
    return float(np.mean([(said - seen) ** 2 for said, seen in pairs]))


class Foretold(NamedTuple):
    """A reported energy beside what foretells it, in eV; None where nothing does."""

    reported_ev: float
    inside: bool
    mean_ev: float
    family_ev: float | None
    potential_ev: float | None


def foretold(session: Session) -> Iterator[Foretold]:
    """Yield the reported energies of compositions that have another source."""
    known: dict[str, tuple[frozenset[str], tuple[Source, ...]]] = {
        each.id: (each.families, evidence.sources)
        for each in material_candidates(session)
        if (evidence := each.evidence.get("e_a_ev")) is not None
    }
    reported = {
        name: [each for each in sources if each.grade is not Grade.CALIBRATED]
        for name, (_, sources) in known.items()
    }
    of_family: dict[str, dict[str, float]] = defaultdict(dict)
    for name, (families, _) in known.items():
        for family in families if reported[name] else ():
            of_family[family][name] = float(np.mean([each.value_ev for each in reported[name]]))
    for name, (families, sources) in known.items():
        spread = spread_of([each for other, each in reported.items() if other != name])
        alike = [v for f in families for other, v in of_family[f].items() if other != name]
        potential = next((e.value_ev for e in sources if e.grade is Grade.CALIBRATED), None)
        for each in reported[name]:
            others = [other for other in sources if other is not each]
            if not others or spread is None:
                continue
            found = mean_of(others, spread)
            assert found.minimum is not None
            assert found.maximum is not None
            assert found.estimate is not None
            yield Foretold(
                each.value_ev,
                found.minimum <= each.value_ev <= found.maximum,
                found.estimate[0],
                float(np.mean(alike)) if alike else None,
                potential,
            )


def errors(found: Sequence[Foretold]) -> Iterator[str]:
    """Yield a row of the table for each kind of prediction."""
    for name, field in (
        ("the mean of the other sources", "mean_ev"),
        ("the family mean", "family_ev"),
        ("the calibrated potential alone", "potential_ev"),
    ):
        misses = [
            abs(value - each.reported_ev)
            for each in found
            if (value := getattr(each, field)) is not None
        ]
        yield f"| {name} | {len(misses)} | {np.mean(misses):.2f} |"


def main() -> None:
    """Write the page."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("database", nargs="?", default="sqlite:///pvkdb.sqlite")
    database = options.parse_args().database
    with open_store(database).session(read_only=True) as session:
        asked, found = [*questions(session)], [*foretold(session)]
        papers = {each.references for each in device_candidates(session)}
    ours, base = (brier((getattr(q, name), q.seen) for q in asked) for name in ("said", "base"))
    inside = sum(each.inside for each in found)
    low, high = limits(inside, len(found))
    better = (
        "The shares say more than the base rate."
        if ours < base
        else ("The shares say no more than the base rate: few papers tell how far a test could go.")
    )
    PAGE.write_text(
        TEXTS["page"].format(
            papers=len(papers),
            count=len(asked),
            reliability="\n".join(reliability(asked)),
            brier=ours,
            base=base,
            verdict=better,
            covered=inside,
            foretold=len(found),
            low=low,
            high=high,
            errors="\n".join(errors(found)),
        ),
        encoding="utf-8",
    )


if __name__ == "__main__":
    main()
