"""Collections of devices, and of figures on devices from running text."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import ColumnElement, Integer, cast, func, literal, or_, select
from sqlalchemy.orm import Session

from pvkdb.errors import NotFoundError, unknown_name
from pvkdb.schemas.metrics import TABLE_METRICS
from pvkdb.schemas.tables import DeviceClaimsRow, DevicesRow
from pvkdb.store.collections.collection import Collection
from pvkdb.store.collections.declarations import Filter
from pvkdb.store.collections.keyset import Sortable, sortables
from pvkdb.store.collections.shared_filters import (
    at_least,
    at_most,
    cited,
    is_material,
    material_filters,
    materials_where,
    of_material,
    several,
    through,
    words,
)
from pvkdb.store.models.devices import (
    Device,
    DeviceClaim,
    DeviceClaimReference,
    DeviceLayer,
    DeviceReference,
)
from pvkdb.store.models.materials import Composition, Material
from pvkdb.store.rows.among import among
from pvkdb.store.rows.reading import Derived, Made, TableRows, cited_publications
from pvkdb.store.rows.stacks import join_layers, layer_columns

#: Names among which a similar one is searched.
_SEARCHED = 2000

#: Of these the state was seen to decay; the retention of others is as long as a test was.
_DECAYED = or_(Device.volatility == "volatile", Device.raw_files.is_not(None))

_devices_material = through(Device.material_id)


def _layers(found: Iterable[Any]) -> Made:
    layers: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for key, role, material in found:
        layers[key].append((role, material))
    return {
        key: {**layer_columns(each), "layers": join_layers(each)} for key, each in layers.items()
    }


def _metric_filters() -> dict[str, Filter]:
    """Return the filters by the smallest and the largest value of a metric."""
    filters: dict[str, Filter] = {}
    for metric, table in TABLE_METRICS.values():
        column = getattr(Device, table.low)
        if table.at_least is not None:
            filters[f"{table.low}_min"] = at_least(column, *table.at_least)
        if table.at_most is not None:
            sign = func.coalesce(getattr(Device, table.qualifier), "") if table.qualifier else None
            lower: Any = None if sign is None else sign.in_((">", ">="))
            if metric.tested and sign is not None:  # how far a test went
                lower = ~or_(_DECAYED, sign.in_(("<", "<=", "up to")))
            filters[f"{table.low}_max"] = at_most(column, *table.at_most, lower)
    return filters


def _known() -> ColumnElement[int]:
    """Return how many metrics of a device are known."""
    columns = (getattr(Device, table.low) for _, table in TABLE_METRICS.values())
    return sum((cast(each.is_not(None), Integer) for each in columns), literal(0))


_ABSORBER = several(
    "Absorber as printed, by public name, or formula in any spelling.",
    lambda values: or_(
        Device.absorber.in_(values),
        Device.material_id.in_(materials_where(is_material(values))),
    ),
    "MAPbI3",
)

DEVICES = Collection(
    name="devices",
    rows=TableRows(
        DevicesRow,
        Device.id,
        select(Device).outerjoin(Device.material).outerjoin(Material.composition),
        {"material": Composition.formula, "review": Device.review()},
        (
            Derived(
                select(DeviceLayer.device_id, DeviceLayer.role, DeviceLayer.material)
                .order_by(DeviceLayer.device_id, DeviceLayer.position)
                .where(among(DeviceLayer.device_id)),
                _layers,
                {"layers": None, **layer_columns(())},
            ),
            cited_publications(DeviceReference.device_id, DeviceReference),
        ),
    ),
    source=select().select_from(Device),
    filters={
        "formula": _ABSORBER,
        "absorber": _ABSORBER,  # its older name
        **material_filters(_devices_material),
        "electrode": several(
            "Material of an electrode, e.g. Ag.",
            lambda values: Device.id.in_(
                select(DeviceLayer.device_id).where(
                    DeviceLayer.role.in_(("bottom_electrode", "top_electrode")),
                    DeviceLayer.material.in_(values),
                )
            ),
            "Ag",
        ),
        **_metric_filters(),
        **cited(Device, DeviceReference, "r161"),
        "q": words(
            "Words in the stack, the absorber or the group.",
            Device.structure,
            Device.absorber,
            Device.group,
            example="CsPbBr3 ITO",
        ),
    },
    facets={"family": of_material(Device.material_id, Material.family)},
    sortable={"known": Sortable(_known(), int)},
)

DEVICE_CLAIMS = Collection(
    name="device_claims",
    rows=TableRows(
        DeviceClaimsRow,
        DeviceClaim.id,
        select(DeviceClaim),
        {"review": DeviceClaim.review()},
        derived=(cited_publications(DeviceClaimReference.claim_id, DeviceClaimReference),),
    ),
    source=select().select_from(DeviceClaim),
    order=(("position", False),),
    filters={
        "device": Filter(
            "Words in the name of the device.",
            str,
            lambda v: DeviceClaim.device.icontains(v, autoescape=True),
            example="CsPbBr3",
        ),
        "value_min": Filter(
            "Smallest value; figures printed as '<' do not count.",
            float,
            lambda v: (
                (func.coalesce(DeviceClaim.value_max, DeviceClaim.value) >= v)
                & func.coalesce(DeviceClaim.qualifier, "").not_in(("<", "<="))
            ),
            example=1e-9,
        ),
        "value_max": Filter(
            "Largest value; figures printed as '>' do not count.",
            float,
            lambda v: (
                (DeviceClaim.value <= v)
                & func.coalesce(DeviceClaim.qualifier, "").not_in((">", ">="))
            ),
            example=1e-3,
        ),
        **cited(DeviceClaim, DeviceClaimReference, "r161"),
        "q": words(
            "Words in the device or the metric.",
            DeviceClaim.device,
            DeviceClaim.metric,
            example="synapse",
        ),
    },
    sortable=sortables(DeviceClaim, "position"),
)


def owner(figure_of: str, stacks: Mapping[str, str]) -> str | None:
    """Return the id of the device that a figure of the text belongs to; None if that is unclear.

    ``stacks`` are the stacks of the devices that cite the figure's publications, by id. The figure
    belongs to the only one, to the one whose id it has in brackets, or to the only one with the
    stack that it names before the bracket.
    """
    stack, _, bracket = figure_of.partition(" (")
    named = [each for each in stacks if bracket == f"{each})"]
    alike = [each for each, other in stacks.items() if other == stack]
    fitting = [*stacks] if len(stacks) == 1 else named or alike
    return fitting[0] if len(fitting) == 1 else None


def device_named(session: Session, name: str) -> Device:
    """Return a device with its layers and metrics.

    Raises:
        NotFoundError: the device does not exist; the message names a similar one.
    """
    found = session.scalars(DEVICES.statement.where(Device.id == name)).unique()
    device: Device | None = found.first()
    if device is None:
        known = session.scalars(DEVICES.current().with_only_columns(Device.id).limit(_SEARCHED))
        raise NotFoundError(unknown_name("device", name, known))
    return device
