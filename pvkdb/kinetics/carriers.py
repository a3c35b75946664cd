"""The mobile ions of a device of the store, and their kinetics.

They are the halides and the ions of the electrodes (Table 2 of the review). Literature and computed
barriers keep their method and are never mixed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy.orm import Session

from pvkdb.chemistry import Interval
from pvkdb.kinetics.conditions import Conditions
from pvkdb.kinetics.estimate import estimate
from pvkdb.schemas.kinetics import DeviceKinetics, MobileIon
from pvkdb.store.collections import ENERGETICS
from pvkdb.store.collections.devices import device_named
from pvkdb.store.models.devices import Device
from pvkdb.store.models.energetics import Energetic
from pvkdb.store.models.materials import Material

#: Halides in the table `energetics`; X is any of them.
HALIDES = frozenset({"Cl", "Br", "I", "X"})

#: Electrode metals whose ions are known to migrate: section 3.2.1.1 of the review.
ACTIVE = frozenset({"Ag", "Al", "Cu", "Ni"})

_ELECTRODES = ("bottom_electrode", "top_electrode")


def device_kinetics(session: Session, device_id: str, conditions: Conditions) -> DeviceKinetics:
    """Return estimates for every mobile ion of a device with a barrier in the store.

    Without a bias in the conditions, the SET voltage of the device is used, and reported so. The
    thickness of a layer is not in the store and must be given.

    Raises:
        NotFoundError: the device does not exist.
        InputError: a number of the conditions is out of its range.
    """
    device = device_named(session, device_id)
    conditions, missing = _with_bias(device, conditions)
    ions = [] if device.material is None else mobile_ions(session, device.material, device)
    if device.material is None:
        missing.append(f"the composition of {device.absorber} is not known")
    missing += _without_barrier(device, ions)
    return DeviceKinetics(
        device=device.id,
        structure=device.structure,
        material=None if device.material is None else device.material.id,
        ions=ions,
        estimates=[
            estimate(_interval(ion), conditions, _name(ion), f"energetics {ion.energetic}")
            for ion in ions
        ],
        missing=missing,
    )


def mobile_ions(session: Session, material: Material, device: Device) -> list[MobileIon]:
    """Return the activation energies of a composition's halides and a device's electrode metals.

    Statements on other phases are left out if the phase of the device is known.
    """
    metals = {layer.material for layer in device.layers if layer.role in _ELECTRODES}
    statement = (
        ENERGETICS.statement.where(
            Energetic.quantity == "E_A", Material.composition_id == material.composition_id
        )
        .where(Energetic.species.in_(HALIDES | metals))
        .order_by(Energetic.id)
    )
    found = [
        _ion(entry, metals)
        for entry in session.scalars(statement)
        if material.phase is None or entry.material.phase in (None, material.phase)
    ]
    return sorted(found, key=lambda ion: (ion.role != "halide", ion.role, ion.energetic))


def _ion(entry: Energetic, metals: set[str]) -> MobileIon:
    return MobileIon(
        energetic=entry.id,
        species=entry.species,
        defect=entry.defect,
        role=entry.species if entry.species in metals else "halide",
        barrier_min_ev=entry.value_min_ev,
        barrier_max_ev=entry.value_max_ev,
        bound=entry.bound,
        approximate=entry.approximate,
        method=entry.method,
        scope=entry.scope,
        source=entry.source,
    )


def _interval(ion: MobileIon) -> Interval:
    return Interval(ion.barrier_min_ev, ion.barrier_max_ev, approximate=ion.approximate)


def _name(ion: MobileIon) -> str:
    return f"{ion.defect} ({ion.method}, {ion.scope})"


def _with_bias(device: Device, conditions: Conditions) -> tuple[Conditions, list[str]]:
    if conditions.bias_v is not None:
        return conditions, []
    if (metric := device.metric("v_set_v")) is None:
        return conditions, ["no SET voltage is reported, and no bias is given"]
    low, high = sorted((abs(metric.value_min), abs(metric.value_max)))
    bias = Interval(low, high, approximate=metric.qualifier == "~")
    source = f"SET voltage of {device.id} ({device.source})"
    return replace(conditions, bias_v=bias, sources={**conditions.sources, "bias_v": source}), []


def _without_barrier(device: Device, ions: Sequence[MobileIon]) -> list[str]:
    if device.material is None:
        return []
    held = {ion.role for ion in ions}
    metals = [layer.material for layer in device.layers if layer.role in _ELECTRODES]
    wanted = ["halide", *dict.fromkeys(metal for metal in metals if metal in ACTIVE)]
    return [
        f"no activation energy of {role if role in ACTIVE else 'the halide'} in "
        f"{device.material.id} is in the store"
        for role in wanted
        if role not in held
    ]
