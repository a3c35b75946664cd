"""Largest arrays of the devices in the store."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from pvkdb.chemistry import Interval
from pvkdb.crossbar.limits import largest_array
from pvkdb.errors import InputError, NotFoundError
from pvkdb.operations import Reading
from pvkdb.schemas.crossbar import Cell, DeviceArray
from pvkdb.store.collections import DEVICE_CLAIMS, DEVICES
from pvkdb.store.collections.devices import device_named, owner
from pvkdb.store.models.devices import Device, DeviceClaim, DeviceMetric, DeviceReference

#: The metric of claims on rectification.
RECTIFICATION = "rectification_ratio"


def on_off_of(session: Session, device_id: str) -> tuple[Interval, str]:
    """Return the on/off ratio of a device and its source.

    Raises:
        NotFoundError: the device does not exist.
        InputError: its ratio is not reported, or is printed below 1.
    """
    device = device_named(session, device_id)
    if (metric := device.metric("on_off_ratio")) is None:
        raise InputError(
            f"{device_id} ({device.structure}) has no on/off ratio in the store; give one instead "
            "of the device"
        )
    if reason := _unusable(metric):
        raise InputError(f"{device_id} ({device.structure}): {reason}; give a ratio instead")
    source = device.source_of(metric.metric)
    return _interval(metric), f"store, {device_id} ({source})"


def all_arrays(reading: Reading) -> list[DeviceArray]:
    """Return the largest array of every device of the store."""
    with reading() as session:
        return device_arrays(session)


def device_arrays(session: Session, *conditions: ColumnElement[bool]) -> list[DeviceArray]:
    """Return the largest array of every device of the store, or of those with the conditions.

    None reports R_LRS. Only R_pull-up over R_LRS matters, taken as 1 and at its best. A claimed
    rectification ratio counts if it has one publication, the only one of the device, and
    :func:`~pvkdb.store.collections.devices.owner` names the device.
    """
    statement = DEVICES.statement.where(*conditions).order_by(Device.id)
    devices = list(session.scalars(statement).unique())
    claims = _rectification(session, devices)
    return [_array(device, claims.get(device.id)) for device in devices]


def device_array(session: Session, device_id: str) -> DeviceArray:
    """Return the entry of one device in :func:`device_arrays`.

    Raises:
        NotFoundError: the device does not exist.
    """
    cited = select(DeviceReference.reference_key).where(DeviceReference.device_id == device_id)
    beside = select(DeviceReference.device_id).where(DeviceReference.reference_key.in_(cited))
    for array in device_arrays(session, or_(Device.id == device_id, Device.id.in_(beside))):
        if array.device == device_id:
            return array
    raise NotFoundError(f"devices holds no {device_id!r}")


def _array(device: Device, claim: DeviceClaim | None) -> DeviceArray:
    metric = device.metric("on_off_ratio")
    reason = "on/off ratio not reported" if metric is None else _unusable(metric)
    usable = metric is not None and reason is None
    ratio = metric.value_min if metric is not None else 1.0
    rectifying = None
    if usable and claim is not None:
        rectifying = largest_array(ratio, cell=Cell.RECTIFIER, selectivity=claim.value).size
    return DeviceArray(
        device=device.id,
        structure=device.structure,
        references=" ".join(reference.reference_key for reference in device.references),
        on_off_ratio=None if metric is None else metric.value_min,
        on_off_qualifier=None if metric is None else metric.qualifier,
        size=largest_array(ratio).size if usable else None,
        size_best_pull_up=largest_array(ratio, None).size if usable else None,
        rectification_ratio=None if claim is None else claim.value,
        rectification_claim=None if claim is None else claim.id,
        size_rectifying=rectifying,
        reason=reason,
    )


def _interval(metric: DeviceMetric) -> Interval:
    if metric.qualifier in (">", ">="):
        return Interval(metric.value_min, None, bound="lower")
    return Interval(metric.value_min, metric.value_max, approximate=metric.qualifier == "~")


def _unusable(metric: DeviceMetric) -> str | None:
    if metric.qualifier == "up to":
        return f"an on/off ratio up to {metric.value_min:g} is a best value, no array rests on it"
    if metric.value_min <= 1:
        return f"an on/off ratio of {metric.value_min:g} does not separate two states"
    return None


def _rectification(session: Session, devices: Sequence[Device]) -> dict[str, DeviceClaim]:
    """Return the first claim of a rectification ratio that surely belongs to each device."""
    owners: dict[str, dict[str, str]] = {}
    for device in devices:
        for reference in device.references:
            owners.setdefault(reference.reference_key, {})[device.id] = device.structure
    single = {device.id for device in devices if len(device.references) == 1}
    found: dict[str, DeviceClaim] = {}
    claims = DEVICE_CLAIMS.statement.where(DeviceClaim.metric == RECTIFICATION)
    for claim in session.scalars(claims.order_by(DeviceClaim.position)):
        if len(claim.references) != 1 or claim.value < 1:
            continue
        name = owner(claim.device, owners.get(claim.references[0].reference_key, {}))
        if name in single:
            found.setdefault(name, claim)
    return found
