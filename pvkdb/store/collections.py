"""The collections of the store: what can be listed, by which filters, in which order.

One entry of :data:`COLLECTIONS` yields the query, the filters that the service and the client
accept, and the order of an export.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import aliased

from pvkdb.chemistry import parse_composition
from pvkdb.chemistry.composition import FAMILIES
from pvkdb.errors import InputError, unknown_name
from pvkdb.schemas.calculations import CalculationState
from pvkdb.schemas.tables import (
    CalculationsRow,
    DeviceClaimsRow,
    DevicesRow,
    EnergeticsRow,
    MaterialsRow,
    ReferencesRow,
    StructuresRow,
)
from pvkdb.store.calculations import Calculation
from pvkdb.store.claims import DeviceClaim, DeviceClaimReference
from pvkdb.store.collection import Collection, Filter
from pvkdb.store.devices import Device, DeviceLayer, DeviceMetric, DeviceReference
from pvkdb.store.energetics import Energetic, EnergeticReference
from pvkdb.store.materials import Composition, Material, SiteOccupancy
from pvkdb.store.references import Reference
from pvkdb.store.rows import (
    calculations_row,
    device_claims_row,
    devices_row,
    energetics_row,
    materials_row,
    references_row,
    structures_row,
)
from pvkdb.store.structures import Structure

FAMILY = Filter(
    f"Structure family: {', '.join(FAMILIES)}.",
    str,
    lambda value: Material.family == value,
    FAMILIES,
)


def _same_formula(value: str) -> ColumnElement[bool]:
    return Composition.formula == parse_composition(value).formula


def _material_is(value: str) -> ColumnElement[bool]:
    """A material by its public name, or by any spelling of its formula."""
    formula = value
    try:
        formula = parse_composition(value).formula
    except InputError:
        return Material.id == value
    return or_(Material.id == value, Composition.formula == formula)


def _has_metric(metric: str) -> Callable[[float], ColumnElement[bool]]:
    return lambda value: Device.metrics.any(
        (DeviceMetric.metric == metric) & (DeviceMetric.value_max >= value)
    )


def _has_at_most(metric: str) -> Callable[[float], ColumnElement[bool]]:
    """At most a value; a reported lower bound (">") does not say so."""
    return lambda value: Device.metrics.any(
        (DeviceMetric.metric == metric)
        & (DeviceMetric.value_min <= value)
        & (func.coalesce(DeviceMetric.qualifier, "") != ">")
    )


def _has_erratum(model: Any) -> Filter:
    return Filter(
        "Only rows with (or without) an erratum.",
        bool,
        lambda v: model.erratum.is_not(None) if v else model.erratum.is_(None),
    )


def _state(value: str) -> ColumnElement[bool]:
    states = [state.value for state in CalculationState]
    if value not in states:
        raise InputError(unknown_name("state", value, states))
    return Calculation.state == value


def _count(model: Any, column: Any) -> Any:
    current = select(func.count()).select_from(model).where(column == Material.id)
    return current.correlate(Material).scalar_subquery()


_newer_energetic = aliased(Energetic)
_newer_device = aliased(Device)
_newer_claim = aliased(DeviceClaim)

MATERIALS = Collection(
    name="materials",
    row=MaterialsRow,
    statement=select(
        Material,
        _count(Energetic, Energetic.material_id),
        _count(Device, Device.material_id),
        _count(Structure, Structure.material_id),
    ).join(Material.composition),
    key=Material.id,
    order=(Material.id,),
    filters={
        "formula": Filter("Formula in any spelling, e.g. CH3NH3PbI3.", str, _same_formula),
        "family": FAMILY,
        "lead_free": Filter(
            "Only compositions without (or with) lead.", bool, lambda v: Composition.lead_free == v
        ),
        "ion": Filter(
            "An ion on any site, e.g. MA or Br.",
            str,
            lambda v: Composition.occupancies.any(SiteOccupancy.ion == v),
        ),
    },
    to_row=materials_row,
)

ENERGETICS = Collection(
    name="energetics",
    row=EnergeticsRow,
    statement=select(Energetic)
    .join(Energetic.material)
    .join(Material.composition)
    .where(
        ~select(_newer_energetic.id).where(_newer_energetic.supersedes_id == Energetic.id).exists()
    ),
    key=Energetic.id,
    order=(Energetic.id,),
    filters={
        "material": Filter("Public name, or formula in any spelling.", str, _material_is),
        "family": FAMILY,
        "quantity": Filter("E_A or DFE.", str, lambda v: Energetic.quantity == v, ("DFE", "E_A")),
        "defect": Filter("Label without charge, e.g. V_I.", str, lambda v: Energetic.defect == v),
        "species": Filter("Ion that moves.", str, lambda v: Energetic.species == v),
        "method": Filter(
            "DFT, experiment, MLIP, mixed or unknown.",
            str,
            lambda v: Energetic.method == v,
            ("DFT", "experiment", "MLIP", "mixed", "unknown"),
        ),
        "scope": Filter("reported, hop or percolation.", str, lambda v: Energetic.scope == v),
        "min_ev": Filter(
            "Values that reach this energy or lie above.",
            float,
            lambda v: or_(Energetic.value_max_ev >= v, Energetic.value_max_ev.is_(None)),
        ),
        "max_ev": Filter(
            "Values that reach this energy or lie below.",
            float,
            lambda v: or_(Energetic.value_min_ev <= v, Energetic.value_min_ev.is_(None)),
        ),
        "has_erratum": _has_erratum(Energetic),
        "reference": Filter(
            "Key of a reference, e.g. r36.",
            str,
            lambda v: Energetic.references.any(EnergeticReference.reference_key == v),
        ),
    },
    to_row=energetics_row,
)

DEVICES = Collection(
    name="devices",
    row=DevicesRow,
    statement=select(Device)
    .outerjoin(Device.material)
    .outerjoin(Material.composition)
    .where(~select(_newer_device.id).where(_newer_device.supersedes_id == Device.id).exists()),
    key=Device.id,
    order=(Device.id,),
    filters={
        "absorber": Filter(
            "Absorber as printed, by public name, or formula in any spelling.",
            str,
            lambda v: or_(Device.absorber == v, _material_is(v)),
        ),
        "family": FAMILY,
        "group": Filter("Group heading of the source.", str, lambda v: Device.group == v),
        "electrode": Filter(
            "Material of an electrode, e.g. Ag.",
            str,
            lambda v: Device.layers.any(
                DeviceLayer.role.in_(("bottom_electrode", "top_electrode"))
                & (DeviceLayer.material == v)
            ),
        ),
        "on_off_ratio_min": Filter("Smallest on/off ratio.", float, _has_metric("on_off_ratio")),
        "on_off_ratio_max": Filter("Largest on/off ratio.", float, _has_at_most("on_off_ratio")),
        "endurance_cycles_min": Filter(
            "Smallest tested endurance.", float, _has_metric("endurance_cycles")
        ),
        "retention_s_min": Filter("Smallest retention in s.", float, _has_metric("retention_s")),
        "retention_s_max": Filter("Largest retention in s.", float, _has_at_most("retention_s")),
        "has_erratum": _has_erratum(Device),
        "reference": Filter(
            "Key of a reference, e.g. r161.",
            str,
            lambda v: Device.references.any(DeviceReference.reference_key == v),
        ),
    },
    to_row=devices_row,
)

DEVICE_CLAIMS = Collection(
    name="device_claims",
    row=DeviceClaimsRow,
    statement=select(DeviceClaim).where(
        ~select(_newer_claim.id).where(_newer_claim.supersedes_id == DeviceClaim.id).exists()
    ),
    key=DeviceClaim.id,
    order=(DeviceClaim.position,),
    filters={
        "metric": Filter("Metric, e.g. switching_time_s.", str, lambda v: DeviceClaim.metric == v),
        "device": Filter(
            "Words in the name of the device.",
            str,
            lambda v: DeviceClaim.device.icontains(v, autoescape=True),
        ),
        "value_min": Filter(
            "Smallest value; figures printed as '<' do not count.",
            float,
            lambda v: (
                (func.coalesce(DeviceClaim.value_max, DeviceClaim.value) >= v)
                & func.coalesce(DeviceClaim.qualifier, "").not_in(("<", "<="))
            ),
        ),
        "value_max": Filter(
            "Largest value; figures printed as '>' do not count.",
            float,
            lambda v: (
                (DeviceClaim.value <= v)
                & func.coalesce(DeviceClaim.qualifier, "").not_in((">", ">="))
            ),
        ),
        "has_erratum": _has_erratum(DeviceClaim),
        "reference": Filter(
            "Key of a reference, e.g. r161.",
            str,
            lambda v: DeviceClaim.references.any(DeviceClaimReference.reference_key == v),
        ),
    },
    to_row=device_claims_row,
)

REFERENCES = Collection(
    name="references",
    row=ReferencesRow,
    statement=select(Reference),
    key=Reference.key,
    order=(func.coalesce(Reference.number, 2**31 - 1), Reference.key),
    filters={
        "year_min": Filter("First year.", int, lambda v: Reference.year >= v),
        "year_max": Filter("Last year.", int, lambda v: Reference.year <= v),
        "q": Filter(
            "Words in title, authors or journal.",
            str,
            lambda v: or_(
                Reference.title.icontains(v, autoescape=True),
                Reference.authors.icontains(v, autoescape=True),
                Reference.journal.icontains(v, autoescape=True),
            ),
        ),
    },
    to_row=references_row,
)

STRUCTURES = Collection(
    name="structures",
    row=StructuresRow,
    statement=select(Structure).join(Structure.material).join(Material.composition),
    key=Structure.id,
    order=(Structure.id,),
    filters={
        "material": Filter("Public name, or formula in any spelling.", str, _material_is),
        "calculation": Filter("Id of a calculation.", str, lambda v: Structure.calculation_id == v),
        "role": Filter("host, saddle, or image N.", str, lambda v: Structure.role == v),
    },
    to_row=structures_row,
)

CALCULATIONS = Collection(
    name="calculations",
    row=CalculationsRow,
    statement=select(Calculation)
    .outerjoin(Material, Material.id == Calculation.material_id)
    .outerjoin(Composition, Composition.id == Material.composition_id),
    key=Calculation.id,
    order=(Calculation.created_at, Calculation.id),
    filters={
        "state": Filter("queued, running, done, failed or cancelled.", str, _state),
        "kind": Filter("Kind of calculation, e.g. neb.", str, lambda v: Calculation.kind == v),
        "material": Filter("Public name, or formula in any spelling.", str, _material_is),
    },
    to_row=calculations_row,
)

COLLECTIONS: dict[str, Collection[Any]] = {
    collection.name: collection
    for collection in (
        MATERIALS,
        ENERGETICS,
        DEVICES,
        DEVICE_CLAIMS,
        REFERENCES,
        STRUCTURES,
        CALCULATIONS,
    )
}
