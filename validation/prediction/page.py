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
from validation.pages import row, table, texts
from validation.prediction import networks
from validation.prediction.dynamics import Compared
from validation.prediction.points import COMPUTED, HOPS, MEASURED, ONE, Point
from validation.prediction.results import PRINTED, SAME, Comparison, Results, signed

TEXTS = texts(__file__)


def render(results: Results, dynamics: Sequence[Compared]) -> str:
    """Return the page as Markdown."""
    assumptions = "\n".join(
        f"  - {entry.name}: {entry.value} {entry.unit}".removesuffix(" 1") + f"; {entry.source}"
        for entry in results.points.assumptions
    )
    overlap = sum(
        each.run.result.d_max_m2_per_s >= each.slow and each.run.result.d_min_m2_per_s <= each.fast
        for each in dynamics
    )
    rows = "\n".join(_dynamics(dynamics))
    moved = TEXTS["dynamics"].format(rows=rows, overlap=overlap, runs=len(dynamics))
    without = results.points.without_barrier.items()
    return TEXTS["page"].format(
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
        dynamics=f"{moved}\n" if dynamics else "",
        agreement="\n".join(_agreement(results)),
        disagreements=_disagreements(results),
        assumptions=assumptions,
        draws=f"{DRAWS:,}",
        least=LEAST_MATERIALS,
        widest=WIDEST_DECADES,
        devices="\n".join(_devices(results)),
        without="\n".join(f"- {name}: {label}" for name, label in without),
    )


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
        d = f"{found.d_m2_per_s:.1e} ({found.d_min_m2_per_s:.1e} to {found.d_max_m2_per_s:.1e})"
        about = f"{settings.temperature_k:g}", f"{found.picoseconds:g}", found.hops, d
        hops = f"{each.slow:.1e} to {each.fast:.1e}"
        yield row(each.run.potential, *about, hops, f"{each.attempts_hz:.1e}")


def _agreement(results: Results) -> Iterator[str]:
    yield from table(
        "metric | reading | devices, materials | concordance, 95 % (pairs) | Spearman, 95 % | "
        "inside the window | measured over predicted, median | RMS error | of the others' mean"
    )
    for entry in results.comparisons:
        for name, each in entry.readings.items():
            offset, errors = each.offset_decades, each.errors_decades
            shown = ("–", "–") if errors is None else [f"{error:.2f}" for error in errors]
            yield row(
                *(_measured(entry), f"**{name}**: decides" if name == ONE else name),
                f"{each.order.devices}, {each.order.materials}",
                f"{_correlation(each.order)} ({each.order.pairs})",
                *(_correlation(each.ranks), f"{each.inside} of {each.ranks.devices}"),
                *("–" if offset is None else signed(offset, 1), *shown),
            )


def _correlation(found: Correlation) -> str:
    if found.value is None:
        return "–"
    ends = "" if found.low is None else f", {signed(found.low)} to {signed(found.high or 0.0)}"
    return f"{signed(found.value)}{ends}"


def _disagreements(results: Results) -> str:
    switching, kept, voltage = (entry.readings[ONE] for entry in results.comparisons)
    retention = results.comparisons[1].readings.get(PRINTED, kept)
    remembered = results.of("modelled_retention_s")
    lengths = sorted({point.measured for point in remembered})
    longest = max(point.windows[ONE][1] for point in remembered)
    volatilities = [point.volatility for point in remembered]
    widths = [
        log10(each.windows[ONE][1] / each.windows[ONE][0])
        for each in results.of("modelled_set_voltage_v")
    ]
    return TEXTS["disagreements"].format(
        timed=switching.order,
        faster=_faster(switching.offset_decades),
        antimony=_antimony(results),
        shorter=_faster(retention.offset_decades, "shorter", "longer"),
        apart=window_text(longest, longest, "s"),
        values=retention.ranks.devices,
        inside=retention.inside,
        shortest=amount(lengths[0], "s"),
        longest=amount(lengths[-1], "s"),
        retaining=len(remembered),
        lasting=volatilities.count("non-volatile"),
        volatile=volatilities.count("volatile"),
        unknown=volatilities.count(None),
        voltages=voltage.ranks.devices,
        held=voltage.inside,
        widest=max(widths),
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
