"""The parameters for simulators from the figures of a device in the store."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.orm import Session

from pvkdb.errors import InputError, NotFoundError
from pvkdb.schemas.simulators import Simulator, SimulatorExport
from pvkdb.store.collections import DEVICE_CLAIMS
from pvkdb.store.collections.devices import device_named
from pvkdb.store.models.devices import Device, DeviceClaim, DeviceMetric
from pvkdb.suitability.simulators.simulators import DeviceFigures, SourcedNumber, export_parameters

#: Metrics of claims that determine a parameter. A claim is used only by its name, since a
#: publication may report several devices.
CLAIMED = ("states", "bits", "v_read_v")


def export_device(
    session: Session,
    device_id: str,
    simulator: Simulator,
    *,
    r_lrs_ohm: float | None = None,
    v_read_v: float | None = None,
    states: float | None = None,
    claims: Sequence[str] = (),
) -> SimulatorExport:
    """Return the parameters of a device for a simulator.

    R_LRS is not in the store. ``claims`` are ids of figures from running text to use, of the
    metrics :data:`CLAIMED`.

    Raises:
        NotFoundError: the device or a claim does not exist.
        InputError: a number is out of its range, or a claim cannot be used.
    """
    device = device_named(session, device_id)
    keys = {reference.reference_key for reference in device.references}
    known = {claim.id: claim for claim in session.scalars(DEVICE_CLAIMS.statement)}
    numbers = {"r_lrs_ohm": r_lrs_ohm, "v_read_v": v_read_v, "states": states}
    given = {
        name: SourcedNumber(value, "given") for name, value in numbers.items() if value is not None
    }
    for name in claims:
        metric, figure = _claimed(name, known, device, keys)
        if metric in given:
            raise InputError(
                f"{metric} is given twice; leave out the claim {name} or the other one"
            )
        given[metric] = figure
    figures = DeviceFigures(
        on_off=_on_off(device),
        **given,
        v_set=_words(device.metric("v_set_v"), "V"),
        retention=_words(device.metric("retention_s"), "s"),
    )
    usable = [
        f"{claim.id}: {claim.metric} {claim.qualifier or ''}{claim.value:g} of {claim.device}"
        for claim in known.values()
        if claim.metric in CLAIMED and keys & _keys(claim)
    ]
    return export_parameters(
        simulator, figures, device.id, device.structure, " ".join(sorted(keys)), usable
    )


def _claimed(
    name: str, known: dict[str, DeviceClaim], device: Device, keys: set[str]
) -> tuple[str, SourcedNumber]:
    """Return the name and value of the device figure that a claim in the text reports."""
    if (claim := known.get(name)) is None:
        raise NotFoundError(
            f"claim {name!r} does not exist; list them with: pvkdb export device_claims"
        )
    if claim.metric not in CLAIMED:
        raise InputError(
            f"claim {name} is a {claim.metric}, which determines no parameter; usable are: "
            f"{', '.join(CLAIMED)}"
        )
    if not keys & _keys(claim):
        raise InputError(
            f"claim {name} is of {' '.join(sorted(_keys(claim))) or 'no publication'}, {device.id} "
            f"of {' '.join(sorted(keys))}; use a claim of the device's own publication"
        )
    source = f"claim {claim.id}, {claim.source}"
    if claim.metric == "bits":
        return "states", SourcedNumber(2.0**claim.value, source)
    return claim.metric, SourcedNumber(claim.value, source)


def _on_off(device: Device) -> SourcedNumber | None:
    metric = device.metric("on_off_ratio")
    if metric is None or metric.value_min <= 1:
        return None
    return SourcedNumber(
        metric.value_min,
        f"{metric.qualifier or ''}{metric.value_min:g}, {device.source_of(metric.metric)}",
    )


def _words(metric: DeviceMetric | None, unit: str) -> str | None:
    if metric is None:
        return None
    low, high = metric.value_min, metric.value_max
    value = f"{low:g}" if low == high else f"{low:g} to {high:g}"
    return f"{metric.qualifier or ''}{value} {unit}"


def _keys(claim: DeviceClaim) -> set[str]:
    return {reference.reference_key for reference in claim.references}
