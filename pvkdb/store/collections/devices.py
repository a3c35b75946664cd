"""Devices."""

from __future__ import annotations

from sqlalchemy import or_, select

from pvkdb.schemas.tables import DevicesRow
from pvkdb.store.collections.collection import Collection, Filter, sortables
from pvkdb.store.collections.filters import (
    any_of,
    at_least,
    at_most,
    is_material,
    material_filters,
    materials_where,
    of_material,
    referenced,
    through,
    truth,
    words,
)
from pvkdb.store.models.devices import Device, DeviceLayer, DeviceReference
from pvkdb.store.models.materials import Material
from pvkdb.store.rows.from_sql import devices_rows

_devices_material = through(Device.material_id)
_devices_family = of_material(Device.material_id, Material.family)

DEVICES = Collection(
    name="devices",
    row=DevicesRow,
    source=select().select_from(Device),
    loads=select(Device).outerjoin(Device.material).outerjoin(Material.composition),
    key=Device.id,
    supersedes=Device.supersedes_id,
    filters={
        "id": any_of(Device.id, "Name of the device.", example="d-t4-r01"),
        "absorber": Filter(
            "Absorber as printed, by public name, or formula in any spelling.",
            str,
            lambda values: or_(
                Device.absorber.in_(values),
                Device.material_id.in_(materials_where(is_material(values))),
            ),
            many=True,
            example="MAPbI3",
        ),
        **material_filters(_devices_material),
        "group": Filter(
            "Group heading of the source.",
            str,
            lambda v: Device.group == v,
            example="3D all-inorganic perovskite",
        ),
        "electrode": Filter(
            "Material of an electrode, e.g. Ag.",
            str,
            lambda values: Device.id.in_(
                select(DeviceLayer.device_id).where(
                    DeviceLayer.role.in_(("bottom_electrode", "top_electrode")),
                    DeviceLayer.material.in_(values),
                )
            ),
            many=True,
            example="Ag",
        ),
        "mechanism": any_of(Device.mechanism, "What switches.", example="metal filament"),
        "volatility": any_of(
            Device.volatility,
            "Whether the state lasts without voltage.",
            example="volatile",
            choices=("non-volatile", "volatile", "both"),
        ),
        "on_off_ratio_min": at_least(Device.on_off_ratio, "Smallest on/off ratio.", 1e3),
        "on_off_ratio_max": at_most(
            Device.on_off_ratio, "Largest on/off ratio.", 1e6, Device.on_off_qualifier
        ),
        "endurance_cycles_min": at_least(
            Device.endurance_cycles, "Smallest tested endurance.", 1e3
        ),
        "retention_s_min": at_least(Device.retention_s, "Smallest retention in s.", 1e4),
        "retention_s_max": at_most(
            Device.retention_s, "Largest retention in s.", 1e6, Device.retention_qualifier
        ),
        "stability_days_min": at_least(
            Device.stability_days, "Shortest stability in storage, in days.", 30
        ),
        "has_erratum": truth(Device.erratum, "Only rows with (or without) an erratum."),
        "reference": referenced(DeviceReference, Device.id, "r161"),
        "q": words(
            "Words in the stack, the absorber or the group.",
            Device.structure,
            Device.absorber,
            Device.group,
            example="CsPbBr3 ITO",
        ),
    },
    rows_of=devices_rows,
    sortable={
        **sortables(
            Device,
            "id group structure absorber form on_off_ratio v_set_min_v v_set_max_v v_reset_min_v "
            "v_reset_max_v endurance_cycles retention_s stability_days configuration mechanism "
            "volatility",
        ),
    },
    facets={
        "family": _devices_family,
        "group": Device.group,
        "absorber": Device.absorber,
        "form": Device.form,
        "configuration": Device.configuration,
        "mechanism": Device.mechanism,
        "volatility": Device.volatility,
    },
)
