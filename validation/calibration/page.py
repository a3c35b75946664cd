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
    left_out,
    made_of,
    of_halide,
    of_own_dft,
)
from validation.calibration.formation_pairs import CITED, SOURCE
from validation.pages import table

HEAD = """# The measured error of potentials

Made by `make validate` (`validation/calibration/make.py`) from the numbers of \
[migration.md](migration.md) and of the release of computed results; do not edit. Version \
`{version}`; the lines and the pairs of E_A are in \
`pvkdb/schemas/calculations/calibration.json`, which [rankings](../suitability.md) and reports read.

**In short.** {summary}

## Method

- A pair is a computed energy and the middle of a reported one. Bounds, reported or computed, \
make no pair, nor does a text that repeats its own table. Lines and their tests are made of values \
from outside alone; hops that pvkdb computed by DFT ([dft.md](dft.md)) are \
[listed beside them](#beside-pvkdbs-own-dft), since they are no measure of what experiments and \
the literature say. Where a source can mean another path \
([layered Cs3Sb2I9](migration.md#which-path-the-literature-means)), the pair holds the one that \
rankings use, so that this doubt is a part of the interval.
- The line takes charged, neutral, unknown and measured values together: no group alone has the \
compositions that a line needs. What a charge changes thus is a part of the interval. Errors are \
listed by charge below. For a day neutral vacancies of E_A were left out, by a rule \
made after the first of them were known; the line of all pairs is what had been planned.
- A calibration is a least-squares line, reported = offset + slope · computed, for each \
potential. Every composition has the weight one, however many statements it has. Only halide \
vacancies make it, since it is their E_A and DFE that rankings use; the errors for other defects \
are listed and not calibrated.
- A family has a line of its own from {family} compositions on; so far {families}.
- The interval is Student's prediction interval of {level:.0%} with n − 2 degrees of freedom, n \
compositions. It widens with few compositions and away from their mean. The jackknife+ (Barber \
2021, doi 10.1214/20-AOS1965) needs no normal errors, but guarantees 1 − 2α = 60 % where 80 % is \
wanted, and hardly widens away from the pairs, where many values of a screening lie.
- Formation energies of compositions with {classes} on B have an offset of their own, with slope \
one: in a class raw values are off by nearly the same amount, between classes by other ones. The \
error that both have in common has as many degrees of freedom as there are compositions less \
classes. Other ions on B have the line of all compositions, with its wider interval.
- For a structure family without a pair, families are what is new: each counts once, and the \
interval has as many degrees of freedom as there are families less two. With fewer than {least} \
families there is none, and the value stays unknown.
- Test: leave out one composition (or family) with all of its statements, fit the rest, look \
whether its statements lie within the interval. Covered is the mean over the compositions; its \
standard error is √(0.8 · 0.2 / n), 0.14 with eight compositions and 0.18 with five.
- Of several potentials with a value, rankings use the one that is off least where all lines are \
made of the pairs that all potentials have. A potential that fails for a difficult host thus does \
not look better for it. Differences of 0.01 eV between these errors are chance, with so few pairs.
- An interval is not a bound: one in five reported values should lie outside.
"""


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
    head = HEAD.format(
        version=made.version,
        summary=" ".join(_summary(each) for each in made.calibrations),
        family=LEAST_OF_A_FAMILY,
        classes=" and with ".join(" or ".join(each) for each in CLASSES),
        families=", ".join(own) if own else "none has as many",
        level=made.level,
        least=LEAST_GROUPS,
    )
    parts = [head, *_errors(listed), *_lines(made.calibrations), *_tested(found)]
    parts += [*_own(made.calibrations, found), *_formation(found)]
    return "\n".join(parts) + "\n"


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
    yield "## Errors by potential and by charge\n"
    yield (
        "In brackets: 95 % of 10,000 resampled sets of compositions; no interval with fewer than "
        "five. Calibrated: each composition by the line of the others. Rank correlation: "
        "Spearman's.\n"
    )
    yield from table(
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
    yield ""


def _lines(calibrations: Sequence[Calibration]) -> Iterator[str]:
    yield "## Lines\n"
    yield "Half width: of the interval at the mean of the computed energies, and 0.5 eV from it.\n"
    yield from table(
        "quantity | potential | holds for | groups | offset, eV | slope | s, eV | t | "
        "half width, eV | covered, left out"
    )
    for entry in calibrations:
        for line in entry.lines:
            widths = []
            for off in (0.0, 0.5):
                low, high = line.interval(line.mean_ev + off)
                widths.append(f"{(high - low) / 2:.2f}")
            yield (
                f"| {entry.quantity} | {entry.potential} | "
                f"{', '.join(line.families) or 'other families'} | {line.made_of} | "
                f"{line.offset_ev:+.2f} | {line.slope:.2f} | {line.error_ev:.2f} | "
                f"{line.quantile:.2f} | {', '.join(widths)} | {line.covered:.0%} |"
            )
    yield ""


def _tested(found: Mapping[tuple[str, str], Sequence[CalibrationPair]]) -> Iterator[str]:
    yield "## Left out, one composition at a time\n"
    yield from table(
        "quantity | potential | composition | family | charge | source | computed, eV | "
        "reported, eV | interval from the others, eV | within"
    )
    for (quantity, potential), pairs in found.items():
        own = made_of(pairs)
        if len({pair.material for pair in own}) < LEAST_GROUPS:
            continue
        for each in left_out(own, "composition", quantity):
            low, high = each.line.interval(each.pair.computed_ev)
            pair = each.pair
            yield (
                f"| {quantity} | {potential} | {pair.material} | {pair.family} | {pair.charge} | "
                f"{pair.source} | {pair.computed_ev:.3f} | {pair.reported_ev:.3f} | {low:.2f} to "
                f"{high:.2f} | {'yes' if each.hit else 'no'} |"
            )
    yield ""


def _own(
    calibrations: Sequence[Calibration], found: Mapping[tuple[str, str], Sequence[CalibrationPair]]
) -> Iterator[str]:
    yield "## Beside pvkdb's own DFT\n"
    yield (
        "Hops that pvkdb relaxed by DFT, beside the same by potentials and what the line makes of "
        "them. None of these values is in a line above or in its test. Hops that are not converged "
        "([dft.md](dft.md)) are not listed.\n"
    )
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
            yield (
                f"| {potential} | {pair.material} | {pair.family} | {pair.charge} | "
                f"{pair.source.split()[-1]} | {pair.computed_ev:.3f} | {pair.reported_ev:.3f} | "
                f"{max(low, 0):.2f} to {high:.2f} | {within} |"
            )
    yield ""


def _formation(found: Mapping[tuple[str, str], Sequence[CalibrationPair]]) -> Iterator[str]:
    yield "## Formation energies\n"
    count = len({p.material for (name, _), pairs in found.items() if name == "DFE" for p in pairs})
    yield (
        f"The DFT figures of {count} compositions are cited from {SOURCE} "
        f"(https://github.com/mannodiarun/perovs_ml, no licence; [{CITED.name}]({CITED.name})): "
        "semi-local DFT, cubic cells, neutral halide vacancies, B-rich and halide-rich. The source "
        "does not state the charge beside a number; it follows from the numbers: in all but 3 of "
        "the 138 rows and conditions that were at hand, the column `v_x` plus the Fermi level of "
        "the crossing, less the transition level, is the printed crossing energy of V_A⁻ and V_X⁺ "
        "to 1e-9 eV, so that `v_x` is neutral; in those 3 the difference is 1 eV.\n"
    )
    yield (
        "pvkdb's values are neutral vacancies in tilted cells, those of the source in cubic ones: "
        "how much of the offset is due to the cell has not been measured. A halide-rich limit "
        "makes a pair only where it is that of the solid halogen. All pairs are 3D perovskites, "
        "so that formation energies of other families stay unknown. The review gives formation "
        "energies of CsPbI3, CsPbBr3, Cs2SnI6 and Cs3Bi2I9 without charge, most without chemical "
        "potentials, so that they do not make pairs. Its window of CsPbBr3, 1.32 to 2.67 eV "
        "(Table 1 row 13), is near that of the data set; its 0.69 eV for CsPbI3 (row 11) is below "
        "the "
        "calibrated window.\n"
    )
