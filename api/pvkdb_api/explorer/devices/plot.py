"""The plot of devices: one metric against another, with the requirements of an application."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from pvkdb.schemas.metrics import METRICS, TABLE_METRICS, Metric
from pvkdb.schemas.profiles import BASES, Criterion
from pvkdb.schemas.rankings import COMPUTED
from pvkdb.store.collections import DEVICES
from pvkdb.store.models.devices import Device
from pvkdb.store.models.materials import Composition, Material
from pvkdb.suitability import shipped_profile, shipped_profiles
from pvkdb.suitability.evidence.devices import magnitudes
from pvkdb.suitability.evidence.evidence import only_tested
from pvkdb.suitability.evidence.materials import phase_candidates
from pvkdb_api.core.cache import QueryCache
from pvkdb_api.explorer.site.parameters import known_choice
from pvkdb_api.explorer.tables.table import TableQuery

#: Most points that are drawn; of more devices, every n-th by name.
MOST_POINTS = 3000


#: Metrics that can be plotted: metrics of the device table, and energies of the absorber.
AXES: dict[str, Metric] = {
    **{table.column: metric for metric, table in TABLE_METRICS.values()},
    "e_a": METRICS["e_a_ev"],
    "dfe": METRICS["dfe_ev"],
}

COLOURS = {"mechanism": "Mechanism", "family": "Family", "group": "Group"}
SCALES = {"log": "logarithmic", "linear": "linear"}


@dataclass(frozen=True, slots=True)
class Plot:
    """The chosen axes, scales and application of the plot, from the address of the page."""

    x: str = "retention_s"
    y: str = "on_off_ratio"
    xscale: str = ""
    yscale: str = ""
    colour: str = "mechanism"
    application: str = ""


DEFAULTS: dict[str, str] = asdict(Plot())


def read_plot(given: Mapping[str, str]) -> Plot:
    """Return the plot in the address of a page.

    Raises:
        ParameterError: An axis, scale, colour or application is unknown.
    """
    known: dict[str, Sequence[str]] = {
        "x": [*AXES],
        "y": [*AXES],
        "xscale": [*SCALES],
        "yscale": [*SCALES],
        "colour": [*COLOURS],
        "application": shipped_profiles(),
    }
    chosen = {name: given.get(name, default) for name, default in DEFAULTS.items()}
    for name, value in chosen.items():
        if value:
            known_choice(name, value, known[name])
    for name in ("x", "y"):
        chosen[f"{name}scale"] = chosen[f"{name}scale"] or AXES[chosen[name]].scale
    return Plot(**chosen)


def controls(given: Mapping[str, str]) -> list[tuple[str, str, list[tuple[str, str]], str]]:
    """Return the form controls above the plot: name, label, options and the chosen one.

    Defaults have an empty value, which keeps them out of the address.
    """
    axes = {name: _label(metric) for name, metric in AXES.items()}
    titles = {name: shipped_profile(name).title for name in shipped_profiles()}
    scale = {"": "automatic", **SCALES}
    listed = (
        ("x", "X axis", axes),
        ("y", "Y axis", axes),
        ("xscale", "X scale", scale),
        ("yscale", "Y scale", scale),
        ("colour", "Colour by", COLOURS),
        ("application", "Requirements of", {"": "no application", **titles}),
    )

    def kept(name: str, value: str) -> str:
        return "" if value == DEFAULTS[name] else value

    return [
        (name, label, [(kept(name, value), words) for value, words in options.items()], chosen)
        for name, label, options in listed
        for chosen in (kept(name, given.get(name, "")),)
    ]


def plot_data(
    counts: QueryCache, session: Session, query: TableQuery, plot: Plot
) -> dict[str, Any]:
    """Return the devices that match the filters and have both metrics, as points.

    A point is ``[name, stack, colour, x low, x high, x sign, y low, y high, y sign]``; a sign is
    the qualifier in the source, or ``tested`` where a test ended.
    """
    x, y = AXES[plot.x], AXES[plot.y]
    gather = partial(energies, session, select(Device.material_id))
    needed = None in (x.table, y.table)
    known = counts.get(session, "devices/energies", {}, gather) if needed else {}
    read = partial(_families, session)
    families = {} if plot.colour != "family" else counts.get(session, "families", {}, read)
    rows = DEVICES.select(query.filters)
    for axis in (x, y):
        rows = rows.where(_known(axis, known))
    both = counts.get(
        session,
        f"devices/plot/{plot.x}/{plot.y}",
        query.filters,
        lambda: session.scalar(_only(rows, func.count())) or 0,
    )
    total = counts.get(
        session, "devices", query.filters, lambda: DEVICES.count(session, query.filters)
    )
    every = -(-both // MOST_POINTS)
    columns = {
        "id": Device.id,
        "structure": Device.structure,
        "material": Device.material_id,
        "volatility": Device.volatility,
        "raw_files": Device.raw_files,
        "colour": Device.group if plot.colour == "group" else Device.mechanism,
        **_columns("x", x),
        **_columns("y", y),
    }
    wanted = _only(rows, *(column.label(name) for name, column in columns.items()))
    if every > 1:
        numbered = wanted.add_columns(
            func.row_number().over(order_by=Device.id).label("place")
        ).subquery()
        wanted = select(*(numbered.c[name] for name in columns)).where(
            numbered.c.place % every == 0
        )
    else:
        wanted = wanted.order_by(Device.id)
    found = []
    for row in session.execute(wanted).mappings():
        colour = families.get(row["material"]) if plot.colour == "family" else row["colour"]
        ends = (*_value(x, "x", row, known), *_value(y, "y", row, known))
        found.append([row["id"], row["structure"], colour, *ends])
    return {
        "x": _axis(plot.x, plot.xscale),
        "y": _axis(plot.y, plot.yscale),
        "colour": COLOURS[plot.colour],
        "points": found,
        "total": total,
        "both": both,
        "window": _window(plot) if plot.application else None,
    }


def _only(rows: Any, *columns: Any) -> Any:
    return rows.with_only_columns(*columns, maintain_column_froms=True)


def _known(metric: Metric, energies: Mapping[str, Mapping[str, Any]]) -> ColumnElement[bool]:
    if metric.table is not None:
        column: ColumnElement[Any] = getattr(Device, metric.table.low)
        return column.is_not(None)
    named = [name for name, known in energies.items() if metric.name in known]
    return Device.material_id.in_(named)


def _columns(end: str, metric: Metric) -> dict[str, Any]:
    if (table := metric.table) is None:
        return {}
    found = {
        f"{end}_low": getattr(Device, table.low),
        f"{end}_high": getattr(Device, table.high or table.low),
    }
    if table.qualifier:
        found[f"{end}_sign"] = getattr(Device, table.qualifier)
    return found


def _value(metric: Metric, end: str, row: Any, energies: Mapping[str, Any]) -> list[Any]:
    if metric.table is None:
        low, high, sign = energies[row["material"]][metric.name]
        return [low, high, sign]
    low, high = row[f"{end}_low"], row[f"{end}_high"]
    if metric.magnitude:
        low, high = magnitudes(low, high)
    sign = row.get(f"{end}_sign")
    decayed = row["volatility"] == "volatile" or row["raw_files"] is not None
    tested = sign in (None, "~") and only_tested(metric, low, sign, decayed)
    return [low, high, "tested" if tested else sign]


def energies(session: Session, materials: Any) -> dict[str, dict[str, Any]]:
    """Return the reported E_A and DFE of materials: minimum, maximum and qualifier.

    ``materials`` are their names, or a SELECT of these.
    """
    formulas = select(Composition.formula).join(Material).where(Material.id.in_(materials))
    found: dict[str, dict[str, Any]] = {}
    for candidate in phase_candidates(session, session.scalars(formulas.distinct()).all()):
        for metric in ("e_a_ev", "dfe_ev"):
            evidence = candidate.evidence.get(metric)
            if evidence is not None and evidence.known and evidence.grade not in COMPUTED:
                ends = (evidence.minimum, evidence.maximum, evidence.qualifier)
                found.setdefault(candidate.id, {})[metric] = ends
    return found


def _families(session: Session) -> dict[str, str]:
    rows = session.execute(select(Material.id, Material.family))
    return {each.id: each.family for each in rows}


def _axis(name: str, scale: str) -> dict[str, Any]:
    unit = "" if AXES[name].unit == "1" else AXES[name].unit
    return {"name": name, "label": _label(AXES[name]), "unit": unit, "scale": scale}


def _label(metric: Metric) -> str:
    if metric.subject == "materials":
        return f"{metric.label}, of the absorber"
    return f"{metric.heading}, magnitude" if metric.magnitude else metric.heading


def _window(plot: Plot) -> dict[str, Any]:
    """Return the application's bounds on the two plotted metrics, and its further metrics."""
    profile = shipped_profile(plot.application)
    criteria = {each.metric: each for each in (*profile.materials, *profile.devices)}
    axes = (("x", AXES[plot.x].name), ("y", AXES[plot.y].name))
    shown = {metric for _, metric in axes}
    return {
        "name": profile.name,
        "title": profile.title,
        **{end: _criterion(criteria[metric]) for end, metric in axes if metric in criteria},
        "others": [each.metric for each in profile.devices if each.metric not in shown],
    }


def _criterion(criterion: Criterion) -> dict[str, Any]:
    return {
        **criterion.bounds.model_dump(exclude={"accepts"}),
        **criterion.model_dump(include={"source", "quoted", "weight"}),
        "unit": "" if criterion.unit == "1" else criterion.unit,
        "basis": BASES[criterion.basis],
    }
