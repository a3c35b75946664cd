"""Write docs/validation/series.md: what changes along series, and what orders them.

    python -m validation.rankings.series [DATABASE]

It reads a store with the literature and the computed results (``pvkdb init``), by default
``sqlite:///pvkdb.sqlite``.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from math import comb, log
from typing import NamedTuple

from sqlalchemy.orm import Session

from pvkdb.cli.options import open_store
from pvkdb.schemas.tables.series import SeriesRequest, SeriesRow
from pvkdb.suitability.evidence.materials import material_candidates
from pvkdb.suitability.evidence.means import spread_in, with_means
from pvkdb.suitability.ranking.series import SITES, series_in
from validation.pages import FOLDER, texts

PAGE = FOLDER / "series.md"
#: Metrics that should be larger where ions move less easily.
RISING = ("set_voltage_v", "reset_voltage_v", "switching_time_s", "retention_s")
#: Two values are equal if their logarithms, or energies in eV, are nearer than this.
EQUAL = 1e-9

TEXTS = texts(__file__)


class Order(NamedTuple):
    """How often something orders the devices of a paper as expected."""

    by: str
    metric: str
    votes: int
    agree: int

    @property
    def p_value(self) -> float | None:
        """Two-sided probability of so uneven a split by chance; None without a vote."""
        most = max(self.agree, self.votes - self.agree)
        tail = sum(comb(self.votes, k) for k in range(most, self.votes + 1))
        return min(1.0, 2 * tail / 2**self.votes) if self.votes else None


def barriers_of(session: Session, formulas: Sequence[str]) -> dict[str, float]:
    """Return the mean activation energies of compositions in eV."""
    listed = with_means(material_candidates(session, formulas=formulas), spread_in(session))
    return {
        each.id: evidence.estimate[0]
        for each in listed
        if (evidence := each.evidence.get("e_a_ev")) is not None and evidence.estimate is not None
    }


def orders(pairs: Sequence[SeriesRow], barriers: Mapping[str, float]) -> Iterator[Order]:
    """Yield how often barriers, and radii, order the devices of a paper."""
    for by in ("higher activation energy", "smaller ions"):
        for metrics in (RISING, *((metric,) for metric in RISING)):
            votes: dict[str, int] = defaultdict(int)
            for row in pairs:
                if row.changed in SITES and row.metric in metrics and not row.bound:
                    # The second device of a pair has the larger ions.
                    expected = -1.0
                    if by == "higher activation energy":
                        first, second = (barriers.get(each) for each in materials(row))
                        expected = second - first if first and second else 0.0
                    votes[row.reference] += sign(expected) * sign(log(row.ratio))
            cast = [vote for vote in votes.values() if vote]
            name = metrics[0] if len(metrics) == 1 else "any of them"
            yield Order(by, name, len(cast), sum(vote > 0 for vote in cast))


def materials(row: SeriesRow) -> tuple[str, str]:
    """Return the formulas of both absorbers."""
    return row.first_material, row.second_material


def sign(value: float) -> int:
    """Return -1, 0 or 1."""
    return (value > EQUAL) - (value < -EQUAL)


def verdict(found: Sequence[Order]) -> str:
    """Return in words whether anything orders series better than chance."""
    sure = [each for each in found if each.p_value is not None and each.p_value < 0.05]
    if sure:
        return " ".join(
            f"**{each.by.capitalize()} orders {each.metric} better than chance** "
            f"({each.agree} of {each.votes} papers)."
            for each in sure
        )
    most = max(each.votes for each in found)
    few = f" At most {most} papers have a vote: even full agreement would show nothing."
    return f"**Neither orders a series better than chance.**{few if most < 6 else ''}"


def main(database: str) -> None:
    """Write the page."""
    with open_store(database).session(read_only=True) as session:
        found = series_in(session, SeriesRequest())
        formulas = {name for row in found.pairs for name in materials(row)}
        tested = [*orders(found.pairs, barriers_of(session, sorted(formulas)))]
    text = TEXTS["page"].format(
        pairs=len(found.pairs),
        devices=len({name for row in found.pairs for name in (row.first, row.second)}),
        papers=len({row.reference for row in found.pairs}),
        bounds=sum(row.bound for row in found.pairs),
        changes="\n".join(
            f"| {each.changed} | {each.step} | {each.metric} | {each.ratio_text} |"
            for each in found.changes
        ),
        rising=", ".join(RISING[:-1]) + f" or {RISING[-1]}",
        orders="\n".join(
            f"| {each.by} | {each.metric} | {each.votes} | {each.agree} | "
            f"{'' if each.p_value is None else f'{each.p_value:.2g}'} |"
            for each in tested
        ),
        verdict=verdict(tested),
    )
    PAGE.write_text(text, encoding="utf-8")
    print(f"{PAGE}: {len(found.pairs)} values")


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("database", nargs="?", default="sqlite:///pvkdb.sqlite")
    main(options.parse_args().database)
