"""Series of devices: what changes when one thing changes, within one paper.

Numbers of two laboratories differ by thickness, area, sweep rate and compliance, most of which are
not told; two devices of one paper share them. Each paper counts once: its ratio is the geometric
mean of its pairs, and the 95% interval over papers is that of Student's t on the logarithms.
Quoted, best and extrapolated values are in no pair, lengths of tests in no ratio of a summary.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from itertools import combinations
from math import exp, log, sqrt
from statistics import mean, stdev
from typing import Any, get_args

from sqlalchemy.orm import Session

from pvkdb.chemistry import parse_composition
from pvkdb.chemistry.factors.tolerance import mean_radius
from pvkdb.chemistry.sites import Site
from pvkdb.errors import MissingRadiusError
from pvkdb.operations import Reading
from pvkdb.schemas.metrics import METRICS, Metric
from pvkdb.schemas.rankings import Grade
from pvkdb.schemas.tables.devices import CONDITIONS
from pvkdb.schemas.tables.series import (
    Changed,
    DeviceSeries,
    SeriesChange,
    SeriesRequest,
    SeriesRow,
)
from pvkdb.store.collections import DEVICES
from pvkdb.store.curation.dataset import current_version
from pvkdb.store.models.devices import Device
from pvkdb.store.models.materials import Material
from pvkdb.store.rows.stacks import layer_columns
from pvkdb.suitability.evidence.devices import device_candidates
from pvkdb.suitability.evidence.evidence import Candidate, Evidence

#: What is known of a device, with its metrics and its material.
_Made = tuple[Mapping[Changed, Any], Candidate, Material]
SITES: Mapping[Changed, Site] = {"A site": "A", "B site": "B", "halide": "X"}
#: Columns of conditions by the words of the table.
_CONDITIONS: Mapping[Changed, str] = {
    word: column.name
    for word in get_args(Changed)
    for column in CONDITIONS.values()
    if column.name.startswith(word.replace(" ", "_"))
}
#: Steps between ions or numbers; others are told one by one.
_STEPS: Mapping[Changed, str] = {
    **dict.fromkeys(SITES, "to larger ions"),
    **dict.fromkeys(_CONDITIONS, "to a larger number"),
}
_COUNTED = (Grade.MEASURED, Grade.MEASURED_SEVERAL, Grade.REPORTED)


def series(request: SeriesRequest, reading: Reading) -> DeviceSeries:
    """Return what :func:`series_in` finds in a store."""
    with reading() as session:
        return series_in(session, request)


def series_in(session: Session, request: SeriesRequest) -> DeviceSeries:
    """Return what changes along the series of all papers."""
    pairs = [
        row
        for row in series_rows(session)
        if request.changed in (None, row.changed) and request.metric in (None, row.metric)
    ]
    changes = sorted(_changes(pairs), key=lambda each: -each.papers)
    papers = len({row.reference for row in pairs})
    answer = (
        f"{len(pairs)} values of pairs of devices from {papers} papers differ in one thing alone"
    )
    if changes:
        most = changes[0]
        answer += f"; most papers: {most.changed} {most.step}, {most.label} {most.ratio_text}"
    version = current_version(session)
    return DeviceSeries(answer=answer, changes=changes, pairs=pairs, dataset_version=version)


def series_rows(session: Session) -> Iterator[SeriesRow]:
    """Yield the table ``series``: every pair of devices of one paper that differ in one thing."""
    devices = {each.id: each for each in session.scalars(DEVICES.statement).unique()}
    papers: dict[str, list[_Made]] = defaultdict(list)
    for each in device_candidates(session):
        device = devices.get(each.id)
        if device and device.material and not each.unreviewed and " " not in each.references:
            papers[each.references].append((_of(device, device.material), each, device.material))
    for one, two in (pair for listed in papers.values() for pair in combinations(listed, 2)):
        known = [name for name in one[0] if None not in (one[0][name], two[0][name])]
        differ = [name for name in known if one[0][name] != two[0][name]]
        if len(differ) == 1:
            yield from _pair(differ[0], *sorted((one, two), key=partial(_place, differ[0])))


def _of(device: Device, material: Material) -> dict[Changed, Any]:
    """Return what is known of how a device is made and measured; None is unknown, "none" is not."""
    layers = [(layer.role, layer.material) for layer in device.layers]
    columns, found = layer_columns(layers), dict[Changed, Any]()
    composition = parse_composition(material.composition.formula)
    for word, site in SITES.items():
        ions = [(each.ion.symbol, str(each.amount or "")) for each in composition.on(site)]
        found[word] = "".join(f"{ion}{amount if len(ions) > 1 else ''}" for ion, amount in ions)
    return found | {
        "additive": device.absorber.partition(":")[2].strip() or "none",
        "phase": material.phase or "none",
        "form": device.form or "none",
        "bottom electrode": columns["bottom_electrode"],
        "top electrode": columns["top_electrode"],
        # Of some devices only the absorber is told.
        "other layers": columns["other_layers"] or ("none" if len(layers) > 1 else None),
        **{word: getattr(device, name) for word, name in _CONDITIONS.items()},
    }


def _place(changed: Changed, made: _Made) -> tuple[Any, ...]:
    """Return what a device is sorted by within its pair: mean radius of ions, number or word."""
    has = made[0][changed]
    with suppress(KeyError, MissingRadiusError):
        site = SITES[changed]
        ions = parse_composition(made[2].composition.formula).on(site)
        # An empty site has no mean, nor do several ions whose shares nobody gives.
        if len(ions) == 1 or (ions and all(each.number for each in ions)):
            return 0, mean_radius(ions, site)[0]
    return (0, has) if isinstance(has, int | float) else (1, has != "none", has)


def _pair(changed: Changed, first: _Made, second: _Made) -> Iterator[SeriesRow]:
    """Yield a row for each metric with a value of both devices."""
    for name, evidence in first[1].evidence.items():
        other = second[1].evidence.get(name)
        before, after = (_value(METRICS[name], each) for each in (evidence, other))
        if before and after and other is not None:
            yield SeriesRow(
                reference=first[1].references,
                changed=changed,
                first=first[1].id,
                second=second[1].id,
                first_material=first[2].composition.formula,
                second_material=second[2].composition.formula,
                first_has=str(first[0][changed]),
                second_has=str(second[0][changed]),
                metric=name,
                unit=METRICS[name].unit,
                first_value=before,
                second_value=after,
                ratio=after / before,
                bound=None in (evidence.maximum, other.maximum),
            )


def _value(metric: Metric, evidence: Evidence | None) -> float | None:
    """Return a number that a device was measured to have, or at least has; else None."""
    if evidence is None or evidence.grade not in _COUNTED or evidence.minimum is None:
        return None
    high = evidence.minimum if evidence.maximum is None else evidence.maximum
    product = evidence.minimum * high
    return sqrt(product) if metric.scale == "log" else (evidence.minimum + high) / 2


def _changes(pairs: Iterable[SeriesRow]) -> Iterator[SeriesChange]:
    """Yield the ratios of all papers for each step and metric."""
    found: dict[tuple[Changed, str, str], dict[str, list[float]]] = defaultdict(dict)
    for row in pairs:
        if row.ratio > 0 and not row.bound:
            step = _STEPS.get(row.changed, f"from {row.first_has} to {row.second_has}")
            papers = found[row.changed, step, row.metric]
            papers.setdefault(row.reference, []).append(log(row.ratio))
    from scipy import special

    for (changed, step, metric), papers in found.items():
        logs = [mean(each) for each in papers.values()]
        half = None
        if len(logs) > 1:
            half = special.stdtrit(len(logs) - 1, 0.975) * stdev(logs) / sqrt(len(logs))
        yield SeriesChange(
            changed=changed,
            step=step,
            metric=metric,
            papers=len(logs),
            ratio=exp(mean(logs)),
            ratio_low=None if half is None else exp(mean(logs) - half),
            ratio_high=None if half is None else exp(mean(logs) + half),
        )
