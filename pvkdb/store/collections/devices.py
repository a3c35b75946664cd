"""Collections of devices, and of figures on devices from running text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session

from pvkdb.errors import NotFoundError, unknown_name
from pvkdb.schemas.metrics import TABLE_METRICS
from pvkdb.schemas.tables import DeviceClaimsRow, DevicesRow
from pvkdb.store.collections.collection import Collection
from pvkdb.store.collections.declarations import Filter
from pvkdb.store.collections.filters import (
    any_of,
    at_least,
    at_most,
    cited,
    families_of,
    is_material,
    material_filters,
    materials_where,
    several,
    through,
    words,
)
from pvkdb.store.collections.keyset import sortables
from pvkdb.store.models.devices import (
    Device,
    DeviceClaim,
    DeviceClaimReference,
    DeviceLayer,
    DeviceReference,
)
from pvkdb.store.models.materials import Material
from pvkdb.store.rows.from_models import device_claims_row
from pvkdb.store.rows.from_sql import devices_rows

#: Names among which a similar one is searched.
_SEARCHED = 2000

#: Of these the state was seen to decay; the retention of others is as long as a test was.
_DECAYED = or_(Device.volatility == "volatile", Device.raw_files.is_not(None))

_devices_material = through(Device.material_id)


def _metric_filters() -> dict[str, Filter[ColumnElement[bool]]]:
    """Return the filters by the smallest and the largest value of a metric."""
    filters: dict[str, Filter[ColumnElement[bool]]] = {}
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


DEVICES = Collection(
    name="devices",
    row=DevicesRow,
    source=select().select_from(Device),
    loads=select(Device).outerjoin(Device.material).outerjoin(Material.composition),
    key=Device.id,
    supersedes=Device.supersedes_id,
    filters={
        "id": any_of(Device.id, "Name of the device.", example="d-t4-r01"),
        "absorber": several(
            "Absorber as printed, by public name, or formula in any spelling.",
            lambda values: or_(
                Device.absorber.in_(values),
                Device.material_id.in_(materials_where(is_material(values))),
            ),
            "MAPbI3",
        ),
        **material_filters(_devices_material),
        "group": Filter(
            "Group heading of the source.",
            str,
            lambda v: Device.group == v,
            example="3D all-inorganic perovskite",
        ),
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
        "mechanism": any_of(Device.mechanism, "What switches.", example="metal filament"),
        "volatility": any_of(
            Device.volatility,
            "Whether the state lasts without voltage.",
            example="volatile",
            choices=("non-volatile", "volatile", "both"),
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
    rows_of=devices_rows,
    sortable=sortables(
        Device,
        "id group structure absorber form "
        + " ".join(name for _, table in TABLE_METRICS.values() for name in table.names)
        + " configuration mechanism volatility",
    ),
    facets={
        "family": families_of(Device.material_id),
        "group": Device.group,
        "absorber": Device.absorber,
        "form": Device.form,
        "configuration": Device.configuration,
        "mechanism": Device.mechanism,
        "volatility": Device.volatility,
    },
)

DEVICE_CLAIMS = Collection(
    name="device_claims",
    row=DeviceClaimsRow,
    source=select().select_from(DeviceClaim),
    loads=select(DeviceClaim),
    key=DeviceClaim.id,
    supersedes=DeviceClaim.supersedes_id,
    order=(("position", False),),
    filters={
        "id": any_of(DeviceClaim.id, "Name of the figure.", example="c-s5.2-001"),
        "metric": any_of(
            DeviceClaim.metric, "Metric, e.g. switching_time_s.", example="switching_time_s"
        ),
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
    to_row=device_claims_row,
    sortable=sortables(DeviceClaim, "id position device metric value value_max unit"),
    facets={"metric": DeviceClaim.metric, "unit": DeviceClaim.unit},
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
