"""The page docs/validation/calibration.md."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from pvkdb.schemas.calculations.calibration import (
    LEAST_GROUPS,
    Calibration,
    CalibrationPair,
    CalibrationTable,
)
from validation.calibration.fit import (
    CLASSES,
    LEAST_OF_A_FAMILY,
    Agreement,
    enough,
    left_out,
    made_of,
    of_halide,
    of_own_dft,
)
from validation.calibration.formation_pairs import CITED, SOURCE
from validation.pages import row, table, texts

TEXTS = texts(__file__)


def render(
    made: CalibrationTable,
    found: Mapping[tuple[str, str], Sequence[CalibrationPair]],
    listed: Sequence[Agreement],
) -> str:
    """Return the page as Markdown."""
    own = sorted(
        {
            line.families[0]
            for each in made.calibrations
            for line in each.lines
            if len(line.families) == 1 < len({pair.family for pair in each.pairs})
        }
    )
    formation = {p.material for (name, _), pairs in found.items() if name == "DFE" for p in pairs}
    page = TEXTS["page"].format(
        version=made.version,
        summary=" ".join(_summary(each) for each in made.calibrations),
        family=LEAST_OF_A_FAMILY,
        classes=" and with ".join(" or ".join(each) for each in CLASSES),
        families=", ".join(own) if own else "none has as many",
        level=made.level,
        least=LEAST_GROUPS,
        errors="\n".join(_errors(listed)),
        lines="\n".join(_lines(made.calibrations)),
        tested="\n".join(_tested(found)),
        own="\n".join(_own(made.calibrations, found)),
        count=len(formation),
        source=SOURCE,
        cited=CITED.name,
    )
    return page + "\n"


def _summary(entry: Calibration) -> str:
    line = next(line for line in entry.lines if line.grouped_by == "composition")
    quantity = {"E_A": "E_A", "DFE": "Formation energy"}[entry.quantity]
    return (
        f"{quantity} by {entry.potential}: {line.groups} compositions; left out, they are off by "
        f"{entry.left_out_error_ev:.2f} eV after calibration, and {line.covered:.0%} lie within "
        f"the interval, whose half width is at least {line.quantile * line.error_ev:.2f} eV; from "
        f"the pairs that all potentials have, they are off by {entry.shared_error_ev:.3f} eV."
    )


def _errors(listed: Sequence[Agreement]) -> Iterator[str]:
    return table(
        "quantity | potential | statements | pairs | compositions | mean absolute error, eV | "
        "calibrated | rank correlation | calibrated",
        (
            (
                *(each.quantity, each.potential, each.group, each.pairs, each.compositions),
                *(found or "–" for found in (*each.error, *each.rank)),
            )
            for each in listed
        ),
    )


def _lines(calibrations: Sequence[Calibration]) -> Iterator[str]:
    yield from table(
        "quantity | potential | holds for | groups | offset, eV | slope | s, eV | t | "
        "half width, eV | covered, left out"
    )
    for entry in calibrations:
        for line in entry.lines:
            ends = (line.interval(line.mean_ev + off) for off in (0.0, 0.5))
            yield row(
                *(entry.quantity, entry.potential, ", ".join(line.families) or "other families"),
                *(line.made_of, f"{line.offset_ev:+.2f}", f"{line.slope:.2f}"),
                *(f"{line.error_ev:.2f}", f"{line.quantile:.2f}"),
                ", ".join(f"{(high - low) / 2:.2f}" for low, high in ends),
                f"{line.covered:.0%}",
            )


def _tested(found: Mapping[tuple[str, str], Sequence[CalibrationPair]]) -> Iterator[str]:
    yield from table(
        "quantity | potential | composition | family | charge | source | computed, eV | "
        "reported, eV | interval from the others, eV | within"
    )
    for (quantity, potential), pairs in found.items():
        own = made_of(pairs)
        if not enough(own):
            continue
        for each in left_out(own, "composition", quantity):
            low, high = each.line.interval(each.pair.computed_ev)
            pair = each.pair
            yield row(
                *(quantity, potential, pair.material, pair.family, pair.charge, pair.source),
                *(f"{pair.computed_ev:.3f}", f"{pair.reported_ev:.3f}"),
                *(f"{low:.2f} to {high:.2f}", "yes" if each.hit else "no"),
            )


def _own(
    calibrations: Sequence[Calibration], found: Mapping[tuple[str, str], Sequence[CalibrationPair]]
) -> Iterator[str]:
    yield from table(
        "potential | composition | family | charge | calculation | computed, eV | DFT, eV | "
        "interval of the line, eV | within"
    )
    lines = {(each.quantity, each.potential): each for each in calibrations}
    for (quantity, potential), pairs in found.items():
        entry = lines.get((quantity, potential))
        for pair in pairs:
            if entry is None or not (of_halide(pair) and of_own_dft(pair)):
                continue
            line = entry.line_for(pair.family)
            low, high = line.interval(pair.computed_ev) if line else (float("nan"),) * 2
            within = (
                "no line" if line is None else "yes" if low <= pair.reported_ev <= high else "no"
            )
            yield row(
                *(potential, pair.material, pair.family, pair.charge, pair.source.split()[-1]),
                *(f"{pair.computed_ev:.3f}", f"{pair.reported_ev:.3f}"),
                *(f"{max(low, 0):.2f} to {high:.2f}", within),
            )
