"""The page docs/validation/prediction.md, from the stored numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import log10

from pvkdb.display.units import amount
from pvkdb.kinetics.estimates import WIDEST_DECADES, beyond_reason
from pvkdb.schemas.metrics import METRICS
from pvkdb.suitability.evidence.evidence import Evidence
from pvkdb.suitability.evidence.explanations import value_text, window_text
from pvkdb.suitability.evidence.predictions import QUANTITIES
from validation.agreement import DRAWS, LEAST_MATERIALS, Correlation
from validation.pages import row, table
from validation.prediction import networks
from validation.prediction.dynamics import Compared
from validation.prediction.points import COMPUTED, HOPS, MEASURED, ONE, Point
from validation.prediction.results import PRINTED, SAME, Comparison, Results, signed

HEAD = """# Does it predict?

Made by `make validate` (`validation/prediction/make.py`), with its numbers in `prediction.json`; \
do not edit. Every device of the literature whose absorber has an activation energy of its halide \
is compared with [one barrier in closed form](../kinetics.md) and, where the hops of its crystal \
are computed, with [the simulation](../simulation.md) of them all. Nothing was fitted to these \
devices.

**In short.** {summary} {better}

**The rule.** A modelled metric has weight in a shipped profile only if two intervals are above \
zero: that of the concordance over pairs with a known measured order, and that of Spearman's rank \
correlation of the values. Otherwise it is shown with weight 0, and rankings report this. A test \
compares the profiles with the numbers of this page.

## What all hops change

Kinetic Monte Carlo of {share:.0%} vacant sites in a layer of {thickness:.0f} nm at {bias:g} V and \
room temperature, on all hops of SevenNet-0 ([migration](migration.md)), beside one barrier of the \
same E_A. D is the mean of the directions; a gap of {gap:.0f} nm is filled when half of the \
vacancies are in it, and lost when half of the excess has left: medians of {seeds} runs along the \
fastest axis. Together they move times by up to {most:.1f} decades; measured times are off by five \
to eight.

| material | hops of | E_A computed, eV | D over one barrier's | filled / (L/v) | lost / (L²/π²D) |
|---|---|---|---|---|---|
{networks}

–: no run ended within {hops:,} hops, most of them to and fro in one octahedron. The median of the \
others counts there: in the limit of many hops the factors are those of the diffusion equation.
"""

DYNAMICS = """## Molecular dynamics beside the hops

V_Br in γ-CsPbBr3 at fixed cell (`pvkdb md`), beside D of all hops of the same potential with an \
attempt frequency of 10¹² to 10¹³ Hz; D in m²/s, 95 %. ν: the attempt frequency with which both \
agree. The runs are in `dynamics.json` (`python -m validation.prediction.make --dynamics`).

| potential | K | ps | hops | D of molecular dynamics | D of the hops | ν, Hz |
|---|---|---|---|---|---|---|
{rows}

The two intervals overlap in {overlap} of {runs} runs. The hops are those of the cell at rest: \
when hot it is softer, and cubic on the mean.
"""

HOW = """## How it was compared

- **One barrier**: the window that the reported activation energies, the span of layers and the \
attempt frequency leave open; ranks use its geometric middle. Switching times are predicted at the \
SET voltage of the device where it is reported. What is assumed beside the barrier:

{assumptions}

- **All hops**: the same E_A of the literature, with the factors above. *Computed E_A*: that of \
SevenNet-0 as it is. With its calibrated interval ([calibration](calibration.md)) windows are 13 \
decades wide.
- **Measured**: a value, the geometric middle of a range, or a lower bound. Voltages count by \
their magnitude.
- **Retention**: the review does not report that any device of this page lost its state; times are \
those of the measurements. Each counts as a lower bound, except one of a year or more, which is an \
extrapolation. The order of two devices is then known only if one has a value and the other a \
larger value or bound. In all other readings tested times are values (*as printed*), as if every \
device had lost its state at the end of its test.
- **Concordance**: pairs in the predicted order less pairs against it, over all pairs with a known \
measured order (Somers' D; ties in the prediction count as neither). Spearman's rho is of the \
values alone.
- **Shown elsewhere**: rankings, pages and answers show a window only if it spans at most \
{widest:g} decades and lies within what a device can have; otherwise what is missing to predict. \
The comparison on this page uses every window.
- **Intervals**: 95 %, percentiles of {draws} bootstrap draws of materials with all of their \
devices, since devices of one material share its activation energy. Fewer than {least} materials \
allow no interval; of so few, it is rough.
"""


def render(results: Results, dynamics: Sequence[Compared]) -> str:
    """Return the page as Markdown."""
    assumptions = "\n".join(
        f"  - {entry.name}: {entry.value} {entry.unit}".removesuffix(" 1") + f"; {entry.source}"
        for entry in results.points.assumptions
    )
    head = HEAD.format(
        summary=_summary(results),
        better=_better(results),
        thickness=networks.THICKNESS_M * 1e9,
        gap=networks.GAP_M * 1e9,
        bias=networks.BIAS_V,
        share=networks.SHARE,
        seeds=networks.SEEDS,
        hops=3_000_000,
        most=max(
            abs(log10(factor))
            for each in results.points.networks.values()
            for factor in each.longer
        ),
        networks="\n".join(_networks(results)),
    )
    overlap = sum(
        each.run.result.d_max_m2_per_s >= each.slow and each.run.result.d_min_m2_per_s <= each.fast
        for each in dynamics
    )
    rows = "\n".join(_dynamics(dynamics))
    moved = DYNAMICS.format(rows=rows, overlap=overlap, runs=len(dynamics))
    shown = {"draws": f"{DRAWS:,}", "least": LEAST_MATERIALS, "widest": WIDEST_DECADES}
    parts = [
        head,
        *([moved] if dynamics else []),
        "## Agreement\n",
        *_agreement(results),
        "## Disagreements and their reasons\n",
        *_disagreements(results),
        HOW.format(assumptions=assumptions, **shown),
        "## Every device\n",
        *_devices(results),
        "## Not compared\n",
        "These devices report one of the three metrics, but their absorber has no activation "
        "energy of its own halide in the store, is unknown, or is the channel of a transistor. "
        "Values of generic formulas ((PEA)2PbX4) are not used.\n",
        *(f"- {name}: {label}" for name, label in results.points.without_barrier.items()),
    ]
    return "\n".join(parts).rstrip() + "\n"


def _summary(results: Results) -> str:
    statements = [
        f"**{_measured(entry)}**: {'supported' if entry.support.supported else 'not supported'}, "
        f"{entry.support.reason}"
        for entry in results.comparisons
    ]
    return ". ".join(statements) + "."


def _better(results: Results) -> str:
    """Say of each metric whether all hops come nearer to the devices than one barrier."""
    said = []
    for entry in results.comparisons:
        one, hops = (entry.readings[name].errors_decades for name in (SAME, HOPS))
        if one is not None and hops is not None:
            word = "better" if hops[0] < one[0] - 0.1 else "not better"
            said.append(
                f"{_measured(entry)} {word} ({hops[0]:.1f} decades beside {one[0]:.1f}, RMS)"
            )
    return (
        f"**All hops** of the crystal predict {', '.join(said)} than one barrier." if said else ""
    )


def _measured(entry: Comparison) -> str:
    return label_of(entry.support.metric)


def label_of(metric: str) -> str:
    """Return the quantity that a modelled metric predicts: ``retention``."""
    return METRICS[metric].label.removesuffix(", model")


def _networks(results: Results) -> Iterator[str]:
    for material, each in results.points.networks.items():
        filled, lost = (
            "–" if name in each.not_ended else f"{getattr(each, name):g}"
            for name in ("filled", "lost")
        )
        case, e_a = f"{each.case}, {each.dimensionality}D", f"{each.e_a_ev:.3f}"
        yield row(material, case, e_a, f"{each.diffusion:g}", filled, lost)


def _dynamics(dynamics: Sequence[Compared]) -> Iterator[str]:
    for each in dynamics:
        found, settings = each.run.result, each.run.settings
        yield (
            f"| {each.run.potential} | {settings.temperature_k:g} | {found.picoseconds:g} | "
            f"{found.hops} | {found.d_m2_per_s:.1e} ({found.d_min_m2_per_s:.1e} to "
            f"{found.d_max_m2_per_s:.1e}) | {each.slow:.1e} to {each.fast:.1e} | "
            f"{each.attempts_hz:.1e} |"
        )


def _agreement(results: Results) -> Iterator[str]:
    yield from table(
        "metric | reading | devices, materials | concordance, 95 % (pairs) | Spearman, 95 % | "
        "inside the window | measured over predicted, median | RMS error | of the others' mean"
    )
    for entry in results.comparisons:
        for name, each in entry.readings.items():
            offset, errors = each.offset_decades, each.errors_decades
            shown = ("–", "–") if errors is None else [f"{error:.2f}" for error in errors]
            yield (
                f"| {_measured(entry)} | {f'**{name}**: decides' if name == ONE else name} | "
                f"{each.order.devices}, {each.order.materials} | {_correlation(each.order)} "
                f"({each.order.pairs}) | {_correlation(each.ranks)} | "
                f"{each.inside} of {each.ranks.devices} | "
                f"{'–' if offset is None else signed(offset, 1)} | {' | '.join(shown)} |"
            )
    yield ""
    yield (
        "Decades; the middle of a window counts. The *mean of the others* is that of the values of "
        "all other materials and uses no prediction: a prediction is worth something where it "
        "beats that one.\n"
    )


def _correlation(found: Correlation) -> str:
    if found.value is None:
        return "–"
    ends = "" if found.low is None else f", {signed(found.low)} to {signed(found.high or 0.0)}"
    return f"{signed(found.value)}{ends}"


def _disagreements(results: Results) -> Iterator[str]:
    switching, kept, voltage = (entry.readings[ONE] for entry in results.comparisons)
    retention = results.comparisons[1].readings.get(PRINTED, kept)
    timed = switching.order
    yield (
        f"- **Few points.** {timed.devices} devices have a switching time, of {timed.materials} "
        "materials. No interval can be drawn from that, whatever the value."
    )
    yield (
        f"- **Switching** is {_faster(switching.offset_decades)} than the middle of the window. "
        "One vacancy drifts across the whole layer in the mean field, by one barrier or by all "
        "hops; a filament that closes a gap of nanometres, heats, or grows from a metal may need "
        f"less.{_antimony(results)}"
    )
    remembered = results.of("modelled_retention_s")
    lengths = sorted({point.measured for point in remembered})
    longest = max(point.windows[ONE][1] for point in remembered)
    yield (
        f"- **Retention** is {_faster(retention.offset_decades, 'shorter', 'longer')} than the "
        "middle of the window: free vacancies would diffuse apart within "
        f"{window_text(longest, longest, 's')}. Of {retention.ranks.devices} values "
        f"{retention.inside} lie inside their window. What holds a state (a filament's surface "
        "energy, compounds at the electrodes, trapped charge) is not in the picture. And the "
        f"lengths, {amount(lengths[0], 's')} to {amount(lengths[-1], 's')}, are "
        "mostly powers of ten at which somebody stopped to measure."
    )
    yield f"- **Volatile and non-volatile.** {_volatility(remembered)}"
    widths = [
        log10(each.windows[ONE][1] / each.windows[ONE][0])
        for each in results.of("modelled_set_voltage_v")
    ]
    yield (
        f"- **SET voltages**: {voltage.inside} of {voltage.ranks.devices} lie inside their window, "
        f"which says little, since the windows are up to {max(widths):.0f} decades wide: thickness "
        "and barrier are open. They were measured in sweeps whose rate the store does not hold; a "
        "voltage that has seconds instead of a pulse would be predicted lower, all of them alike."
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
    found = {point.material: point for point in results.of("modelled_switching_time_s")}
    dimer, layered = (found.get(f"Cs3Sb2I9-{phase}") for phase in ("dimer", "layered"))
    if dimer is None or layered is None:
        return ""
    known = dimer.windows.keys() & layered.windows.keys()
    said = []
    for name in (each for each in (ONE, HOPS, COMPUTED) if each in known):
        right = dimer.windows[name] < layered.windows[name]  # as measured
        said.append(f"{'as measured' if right else 'reversed'} by {name}")
    return f" The order of dimers and layers of Cs3Sb2I9 (ref. 226), one pair: {', '.join(said)}."


def _volatility(points: list[Point]) -> str:
    count = [point.volatility for point in points].count
    return (
        f"Of {len(points)} devices with a retention, {count('non-volatile')} are called "
        f"non-volatile and {count('volatile')} volatile; {count(None)} are not classified. If "
        "volatile devices report no retention, the short half of the range is missing."
    )


def _devices(results: Results) -> Iterator[str]:
    for metric in MEASURED:
        unit = "V" if metric.endswith("_v") else "s"
        label = label_of(metric)
        yield f"### {label[0].upper()}{label[1:]}\n"
        yield from table(
            "device | name | absorber | references | measured | one barrier | all hops | with"
        )
        for point in results.of(metric):
            hops = point.windows.get(HOPS)
            shown = "–" if hops is None else window_text(*hops, unit)
            about = (point.device, point.label, point.material, point.references)
            yield row(*about, _value(point, unit), _window(point, unit), shown, point.note)
        yield ""


def _window(point: Point, unit: str) -> str:
    """Return a window, and whether rankings and pages show it."""
    low, high = point.windows[ONE]
    reason = beyond_reason(QUANTITIES[point.metric], low, high, unit)
    return f"{window_text(low, high, unit)}{f' (not shown: {reason})' if reason else ''}"


def _value(point: Point, unit: str) -> str:
    said = value_text(Evidence(point.measured_min, point.measured_max), unit)
    return f"{said} (tested)" if point.bound and not point.printed_bound else said
