"""The mobile ions of a device of the store, and their kinetics.

They are the halides and the ions of the electrodes (Table 2 of the review). Literature and computed
barriers keep their method and are never mixed.
"""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy.orm import Session

from pvkdb.chemistry import Interval
from pvkdb.kinetics.conditions import Conditions
from pvkdb.kinetics.estimate import estimate
from pvkdb.schemas.kinetics import IonKinetics, KineticsAnswer
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


def device_kinetics(session: Session, device_id: str, conditions: Conditions) -> KineticsAnswer:
    """Return rates and times in a device, one entry for every known barrier.

    Without a bias in the conditions, or with the default one, the SET voltage of the device is used
    and reported so. The thickness of a layer is not in the store and must be given.

    Raises:
        NotFoundError: the device does not exist.
        InputError: a number of the conditions is out of its range.
    """
    device = device_named(session, device_id)
    conditions, missing = _with_bias(device, conditions)
    metals = [layer.material for layer in device.layers if layer.role in _ELECTRODES]
    barriers: list[Energetic] = []
    if device.material is None:
        missing.append(f"the composition of {device.absorber} is not known")
    else:
        barriers = _barriers(session, device.material, metals)
        known = {_role(entry, metals) for entry in barriers}
        missing += [
            f"no activation energy of {role if role in ACTIVE else 'the halide'} in "
            f"{device.material.id} is in the store"
            for role in ["halide", *dict.fromkeys(metal for metal in metals if metal in ACTIVE)]
            if role not in known
        ]
    ions = [_estimated(entry, device.material, conditions) for entry in barriers]
    return answer_of(f"{device.id}: {device.structure}", ions, missing)


def answer_of(asked: str, ions: list[IonKinetics], missing: list[str]) -> KineticsAnswer:
    """Return the answer to a request: its ions within reason, and their notes, each once."""
    notes = dict.fromkeys(note for ion in ions for note in ion.document.notes)
    ions = [ion.model_copy(update={"document": ion.document.within_reason()}) for ion in ions]
    return KineticsAnswer(asked=asked, ions=ions, missing=missing, notes=list(notes))


def _barriers(session: Session, material: Material, metals: list[str]) -> list[Energetic]:
    """Return the activation energies of a composition's halides and of metals.

    Statements on other phases are left out if the phase of the material is known.
    """
    statement = (
        ENERGETICS.statement.where(
            Energetic.quantity == "E_A", Material.composition_id == material.composition_id
        )
        .where(Energetic.species.in_(HALIDES.union(metals)))
        .order_by(Energetic.id)
    )
    found = [
        entry
        for entry in session.scalars(statement)
        if material.phase is None or entry.material.phase in (None, material.phase)
    ]
    # The halide first, then metal by metal.
    return sorted(
        found, key=lambda entry: (entry.species in metals, _role(entry, metals), entry.id)
    )


def _role(entry: Energetic, metals: list[str]) -> str:
    return entry.species if entry.species in metals else "halide"


def _estimated(entry: Energetic, material: Material | None, conditions: Conditions) -> IonKinetics:
    basis = f"{entry.method}, {entry.scope}"
    barrier = Interval(entry.value_min_ev, entry.value_max_ev, approximate=entry.approximate)
    name = f"{entry.defect} ({basis})"
    return IonKinetics(
        material=None if material is None else material.id,
        ion=entry.defect,
        basis=basis,
        barrier_min_ev=entry.value_min_ev,
        barrier_max_ev=entry.value_max_ev,
        source=entry.source,
        document=estimate(barrier, conditions, name, f"energetics {entry.id}"),
    )


def _with_bias(device: Device, conditions: Conditions) -> tuple[Conditions, list[str]]:
    if conditions.bias_v is not None and "bias_v" not in conditions.defaulted:
        return conditions, []
    rest = conditions.defaulted - {"bias_v"}
    conditions = replace(conditions, bias_v=None, defaulted=rest)
    if (metric := device.metric("v_set_v")) is None:
        return conditions, ["no SET voltage is reported, and no bias is given"]
    low, high = sorted((abs(metric.value_min), abs(metric.value_max)))
    bias = Interval(low, high, approximate=metric.qualifier == "~")
    source = f"SET voltage of {device.id} ({device.source})"
    return replace(conditions, bias_v=bias, sources={**conditions.sources, "bias_v": source}), []
