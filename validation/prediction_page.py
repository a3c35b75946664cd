"""The page docs/validation/prediction.md, from the stored numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pvkdb.display.units import amount
from pvkdb.kinetics.estimate import WIDEST_DECADES, beyond_reason
from pvkdb.schemas.metrics import METRICS
from pvkdb.suitability.evidence.evidence import Evidence
from pvkdb.suitability.evidence.explanations import value_text, window_text
from pvkdb.suitability.evidence.predictions import QUANTITIES
from pvkdb.suitability.evidence.support import Correlation
from validation.agreement import DRAWS, LEAST_MATERIALS
from validation.prediction_points import MEASURED, Point
from validation.prediction_results import Comparison, Results

HEAD = """# Does it predict?

Made by `make validate` (`validation/prediction.py`), with its numbers in `prediction.json`; do \
not edit. Every device of the literature whose absorber has an activation energy of its halide \
is compared with the prediction of [the kinetics](../kinetics.md). Nothing was fitted to these \
devices.

**In short.** {summary}

**The rule.** A modelled metric has weight in a shipped profile only if two intervals are above \
zero: that of the concordance over pairs with a known measured order, and that of Spearman's rank \
correlation of the values. Otherwise it is shown with weight 0, and rankings report this. A test \
compares the profiles with the numbers of this page.

![measured against predicted](prediction.svg)

Bars are predicted windows, marks their geometric middle; triangles are lower bounds; on the \
dashed line both are equal.
"""

HOW = """## How it was compared

- **Predicted**: the window that the reported activation energies, the span of layers and the \
attempt frequency leave open; ranks use its geometric middle. Switching times are predicted at \
the SET voltage of the device where it is reported. What is assumed beside the barrier:

{assumptions}

- **Measured**: a value, the geometric middle of a range, or a lower bound. Voltages count by \
their magnitude.
- **Retention**: the review does not report that any device of this page lost its state; times \
are those of the measurements. Each counts as a lower bound, except one of a year or more, which \
is an extrapolation. The order of two devices is then known only if one has a value and the \
other a larger value or bound. In addition, tested times are used as values (*as printed*), as if \
every device had lost its state at the end of its test.
- **Concordance**: pairs in the predicted order less pairs against it, over all pairs with a \
known measured order (Somers' D; ties in the prediction count as neither). Spearman's rho \
and Kendall's tau-b are of the values alone.
- **Shown elsewhere**: rankings, pages and answers show a window only if it spans at most \
{widest:g} decades and lies within what a device can have; otherwise what is missing to predict. \
The comparison on this page uses every window.
- **Intervals**: 95 %, percentiles of {draws} bootstrap draws of materials with all of their \
devices, since devices of one material share its activation energy; of devices, for comparison. \
Fewer than {least} materials allow no interval; of so few, it is rough.
- **Fitted, left out in turn**: a shift and a line are fitted to all materials but one, and \
judged by that one. They are not used elsewhere.
"""


def render(results: Results) -> str:
    """Return the page as Markdown."""
    assumptions = "\n".join(
        f"  - {entry.name}: {entry.value} {entry.unit}".removesuffix(" 1") + f"; {entry.source}"
        for entry in results.points.assumptions
    )
    parts = [
        HEAD.format(summary=_summary(results)),
        "## Correlations\n",
        *_correlations(results),
        "## Errors\n",
        *_errors(results),
        "## Disagreements and their reasons\n",
        *_disagreements(results),
        HOW.format(
            assumptions=assumptions,
            draws=f"{DRAWS:,}",
            least=LEAST_MATERIALS,
            widest=WIDEST_DECADES,
        ),
        "## Every device\n",
        *_devices(results),
        "## Not compared\n",
        *_without(results),
    ]
    return "\n".join(parts).rstrip() + "\n"


def _summary(results: Results) -> str:
    statements = [
        f"**{_measured(entry)}**: {'supported' if entry.support.supported else 'not supported'}, "
        f"{entry.support.reason}"
        for entry in results.comparisons
    ]
    return ". ".join(statements) + "."


def _measured(entry: Comparison) -> str:
    return label_of(entry.support.metric)


def label_of(metric: str) -> str:
    """Return the quantity that a modelled metric predicts: ``retention``."""
    return METRICS[metric].label.removesuffix(", model")


def _correlations(results: Results) -> Iterator[str]:
    yield (
        "| metric | read as | statistic | value | 95 %, materials | 95 %, devices | devices | "
        "materials | pairs |"
    )
    yield "|" + "---|" * 9
    for entry in results.comparisons:
        readings: list[tuple[str, Sequence[Correlation]]] = [
            ("**decides**", entry.support.correlations)
        ]
        if entry.as_printed != entry.support.correlations:
            readings.append(("as printed", entry.as_printed))
        readings += list(entry.variants.items())
        for name, found in readings:
            for each in found:
                yield (
                    f"| {_measured(entry)} | {name} | {each.name} | {_number(each.value)} | "
                    f"{_interval(each.low, each.high)} | "
                    f"{_interval(each.device_low, each.device_high)} | {each.devices} | "
                    f"{each.materials} | {each.pairs} |"
                )
    yield ""
    yield (
        "*Easiest* and *hardest barrier*: the lowest and the highest activation energy of the kind "
        "that counts (experiments, else calculations, else without a method) alone, as printed. "
        "They show how much the choice within this spread moves the result; they decide nothing.\n"
    )


def _errors(results: Results) -> Iterator[str]:
    yield (
        "| metric | values | inside the window | measured over predicted, median | RMS error, "
        "nothing fitted | shifted | line | mean of the others |"
    )
    yield "|" + "---|" * 8
    for entry in results.comparisons:
        errors = entry.leave_one_out
        offset = entry.offset_decades
        shown = [
            f"{errors[kind]:.2f}" if kind in errors else "–"
            for kind in ("as it is", "shifted", "line", "mean")
        ]
        yield (
            f"| {_measured(entry)} | {entry.values} | {entry.inside} | "
            f"{'–' if offset is None else f'{_signed(offset, 1)} decades'} | {' | '.join(shown)} |"
        )
    yield ""
    yield (
        "Decades, of values as printed, the middle of a window counting. *Shifted*, *line* and "
        "*mean of the others* are fitted without the material that they are judged by; the last "
        "uses no prediction. A prediction is worth something where it beats that one.\n"
    )


def _disagreements(results: Results) -> Iterator[str]:
    by_metric = {entry.support.metric: entry for entry in results.comparisons}
    switching = by_metric["modelled_switching_time_s"]
    retention = by_metric["modelled_retention_s"]
    voltage = by_metric["modelled_set_voltage_v"]
    yield (
        f"- **Few points.** {switching.support.devices} devices have a switching time, of "
        f"{switching.support.materials} materials. No interval can be drawn from that, whatever "
        "the value."
    )
    yield (
        f"- **Switching** is {_faster(switching.offset_decades)} than the middle of the window. "
        "The picture lets one vacancy drift across the whole layer in the mean field; a filament "
        "that closes a gap of nanometres, heats, or grows from a metal may need less."
        f"{_antimony(results)}"
    )
    remembered = results.of(retention.support.metric)
    lengths = sorted({point.measured for point in remembered})
    longest = max(point.predicted_max for point in remembered)
    yield (
        f"- **Retention** is {_faster(retention.offset_decades, 'shorter', 'longer')} than the "
        "middle of the window: free vacancies would diffuse apart within "
        f"{window_text(longest, longest, 's')}. Of {retention.values} values {retention.inside} "
        "lie inside their window. What holds a state (a filament's surface energy, compounds at "
        "the electrodes, trapped charge) is not in the "
        f"picture. And the lengths, {amount(lengths[0], 's')} to {amount(lengths[-1], 's')}, are "
        "mostly powers of ten at which somebody stopped to measure."
    )
    yield f"- **Volatile and non-volatile.** {_volatility(results)}"
    yield (
        f"- **SET voltages** lie inside their windows {voltage.inside} times of {voltage.values}, "
        "which says little, since the windows are up to "
        f"{_widest(results, voltage.support.metric)} decades wide: thickness and barrier are open. "
        "They were measured in sweeps whose rate the store does not hold; a voltage that "
        "has seconds instead of a pulse would be predicted lower, all of them alike."
    )
    yield (
        "- **One barrier a material.** Devices of one absorber get one prediction of retention and "
        "voltage, while they differ by decades among themselves: in thickness, electrodes, grain "
        "and buffer layers, none of which the store holds as numbers.\n"
    )


def _faster(offset: float | None, below: str = "faster", above: str = "slower") -> str:
    if offset is None:
        return "not comparable"
    return f"{abs(offset):.1f} decades {below if offset < 0 else above} (median)"


def _antimony(results: Results) -> str:
    """Compare the only two devices that differ only in their phase (ref. 226)."""
    found = {
        point.material: point
        for point in results.of("modelled_switching_time_s")
        if point.material.startswith("Cs3Sb2I9-")
    }
    if len(found) != 2:
        return ""
    dimer, layered = found["Cs3Sb2I9-dimer"], found["Cs3Sb2I9-layered"]
    agrees = (dimer.predicted < layered.predicted) == (dimer.measured < layered.measured)
    word = "comes out as measured" if agrees else "comes out the other way round"
    return f" The order of dimers and layers of Cs3Sb2I9 (ref. 226) {word}: one pair."


def _volatility(results: Results) -> str:
    points = results.of("modelled_retention_s")
    counts = {
        word: sum(point.volatility == word for point in points)
        for word in ("non-volatile", "volatile", "both")
    }
    unknown = sum(point.volatility is None for point in points)
    return (
        f"Of {len(points)} devices with a retention, {counts['non-volatile']} are called "
        f"non-volatile and {counts['volatile']} volatile; {unknown} are not classified. If "
        "volatile devices report no retention, the short half of the range is missing."
    )


def _widest(results: Results, metric: str) -> str:
    from math import log10

    widths = [log10(point.predicted_max / point.predicted_min) for point in results.of(metric)]
    return f"{max(widths):.0f}"


def _devices(results: Results) -> Iterator[str]:
    for metric in MEASURED:
        unit = "V" if metric.endswith("_v") else "s"
        label = label_of(metric)
        yield f"### {label[0].upper()}{label[1:]}\n"
        yield "| device | name | absorber | references | measured | predicted | with |"
        yield "|" + "---|" * 7
        for point in results.of(metric):
            yield (
                f"| {point.device} | {point.label} | {point.material} | {point.references} | "
                f"{_value(point, unit)} | {_window(point, unit)} | {point.note} |"
            )
        yield ""


def _window(point: Point, unit: str) -> str:
    """Return a window, or why rankings and pages do not show it."""
    low, high = point.predicted_min, point.predicted_max
    reason = beyond_reason(QUANTITIES[point.metric], low, high, unit)
    return f"not shown: {reason}" if reason else window_text(low, high, unit)


def _value(point: Point, unit: str) -> str:
    said = value_text(Evidence(point.measured_min, point.measured_max), unit)
    return f"{said} (tested)" if point.bound and not point.printed_bound else said


def _without(results: Results) -> Iterator[str]:
    yield (
        "These devices report one of the three metrics, but their absorber has no activation "
        "energy of its own halide in the store, is unknown, or is the channel of a transistor. "
        "Values of generic formulas ((PEA)2PbX4) are not used.\n"
    )
    for device, label in results.points.without_barrier.items():
        yield f"- {device}: {label}"
    yield ""
    yield (
        "Barriers of machine-learned potentials are not on this page: the literature has none. "
        "Their agreement with reported barriers is in [migration](migration.md). If a store has "
        "computed barriers only, predictions use those and say so; this page does not support "
        "them."
    )


def _number(value: float | None) -> str:
    return "–" if value is None else _signed(value, 2)


def _interval(low: float | None, high: float | None) -> str:
    if low is None or high is None:
        return "–"
    return f"{_signed(low, 2)} to {_signed(high, 2)}"


def _signed(value: float, digits: int) -> str:
    return f"{value:.{digits}f}".replace("-", "−")
