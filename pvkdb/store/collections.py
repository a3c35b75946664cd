"""The collections of the store: what can be listed, by which filters, in which order.

One entry of :data:`COLLECTIONS` yields the query, the filters that the service and the client
accept, what rows can be sorted and counted by, and the order of an export.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, false, func, or_, select, true

from pvkdb.chemistry import parse_composition
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
from pvkdb.store.collection import Collection, Filter, Sortable, sortables
from pvkdb.store.conditions import (
    any_of,
    at_least,
    at_most,
    has_ion_named,
    is_material,
    material_filters,
    material_is,
    materials_where,
    of_material,
    through,
    truth,
    words,
)
from pvkdb.store.devices import Device, DeviceLayer, DeviceReference
from pvkdb.store.energetics import Energetic, EnergeticReference
from pvkdb.store.listed import listed_devices, listed_energetics
from pvkdb.store.materials import Composition, CompositionTolerance, Material
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


def _reaches(quantity: str, value: float) -> ColumnElement[bool]:
    """Statements on a quantity that reach a value or lie above."""
    return (Energetic.quantity == quantity) & or_(
        Energetic.value_max_ev >= value, Energetic.value_max_ev.is_(None)
    )


def _stays(quantity: str, value: float) -> ColumnElement[bool]:
    """Statements on a quantity that reach a value or lie below."""
    return (Energetic.quantity == quantity) & or_(
        Energetic.value_min_ev <= value, Energetic.value_min_ev.is_(None)
    )


_QUANTITIES = {"e_a": ("E_A", "activation energy"), "dfe": ("DFE", "defect formation energy")}


def _energy_filters(of: Any, whose: str) -> dict[str, Filter]:
    """Bounds on energies; ``of`` says of a condition on statements what it means for a row."""
    found = {}
    for name, (quantity, words_) in _QUANTITIES.items():
        found[f"{name}_min"] = Filter(
            f"{whose} an {words_} that reaches this value or lies above, in eV.",
            float,
            lambda v, quantity=quantity: of(_reaches(quantity, v)),  # type: ignore[misc]
            example=0.1,
        )
        found[f"{name}_max"] = Filter(
            f"{whose} an {words_} that reaches this value or lies below, in eV.",
            float,
            lambda v, quantity=quantity: of(_stays(quantity, v)),  # type: ignore[misc]
            example=0.4,
        )
    return found


def _referenced(model: Any, owner: Any, example: str) -> Filter:
    """Rows behind which a publication stands."""
    return Filter(
        f"Key of a reference, e.g. {example}.",
        str,
        lambda values: owner.in_(
            select(next(iter(model.__table__.primary_key))).where(model.reference_key.in_(values))
        ),
        many=True,
        example=example,
    )


def _not_replaced(model: Any) -> ColumnElement[bool]:
    """Rows that no newer one supersedes."""
    replaced = select(model.supersedes_id).where(model.supersedes_id.is_not(None))
    condition: ColumnElement[bool] = model.id.not_in(replaced)
    return condition


#: What can be known of a material: the condition on rows of another table, which name it.
_KNOWN: dict[str, tuple[Any, tuple[ColumnElement[bool], ...]]] = {
    "e_a": (Energetic, (Energetic.quantity == "E_A", _not_replaced(Energetic))),
    "dfe": (Energetic, (Energetic.quantity == "DFE", _not_replaced(Energetic))),
    "devices": (Device, (_not_replaced(Device),)),
    "structures": (Structure, ()),
    "computed": (Energetic, (Energetic.calculation_id.is_not(None), _not_replaced(Energetic))),
}


def _known(values: Sequence[str]) -> ColumnElement[bool]:
    """Materials of which everything named is known."""
    return and_(
        true(),
        *(
            select(model.id).where(model.material_id == Material.id, *conditions).exists()
            for model, conditions in (_KNOWN[value] for value in values)
        ),
    )


def _counted(model: Any, column: Any) -> Any:
    """How many rows of a table point to a material."""
    counted = select(func.count()).select_from(model).where(column == Material.id)
    return counted.correlate(Material).scalar_subquery()


def _factor(column: Any) -> ColumnElement[Any]:
    return (
        select(column)
        .where(CompositionTolerance.composition_id == Material.composition_id)
        .correlate(Material)
        .scalar_subquery()
    )


def _factor_filters() -> dict[str, Filter]:
    found = {}
    for name, column, meaning, example in (
        ("t", CompositionTolerance.t, "Goldschmidt's tolerance factor", 0.9),
        ("mu", CompositionTolerance.mu, "octahedral factor", 0.5),
        ("tau", CompositionTolerance.tau, "Bartel's tolerance factor", 4.18),
    ):
        found[f"{name}_min"] = at_least(_factor(column), f"Smallest {meaning}.", example)
        found[f"{name}_max"] = at_most(_factor(column), f"Largest {meaning}.", example)
    return found


_ENERGETICS_COUNT = _counted(Energetic, Energetic.material_id)
_DEVICES_COUNT = _counted(Device, Device.material_id)
_STRUCTURES_COUNT = _counted(Structure, Structure.material_id)

MATERIALS = Collection(
    name="materials",
    row=MaterialsRow,
    source=select().select_from(Material).join(Material.composition),
    loads=select(Material, _ENERGETICS_COUNT, _DEVICES_COUNT, _STRUCTURES_COUNT).join(
        Material.composition
    ),
    key=Material.id,
    filters={
        "id": any_of(Material.id, "Public name.", example="CsPbBr3-Pnma"),
        "formula": Filter(
            "Formula in any spelling, e.g. CH3NH3PbI3.",
            str,
            lambda values: Composition.formula.in_([parse_composition(v).formula for v in values]),
            many=True,
            example="CH3NH3PbI3",
        ),
        **material_filters(lambda condition: condition),
        **_energy_filters(
            lambda statement: (
                select(Energetic.id)
                .where(Energetic.material_id == Material.id, statement, _not_replaced(Energetic))
                .exists()
            ),
            "Materials with",
        ),
        **_factor_filters(),
        "has": Filter(
            "What is known of it: e_a and dfe, an activation and a defect formation energy; "
            "devices made of it; structures; computed, an energy from a calculation. Of several, "
            "all must be known.",
            str,
            _known,
            tuple(_KNOWN),
            many=True,
            example="e_a",
        ),
        "q": words(
            "Words in the public name, or in the full name of an ion, e.g. methylammonium.",
            Material.id,
            has_ion_named,
            example="methylammonium",
        ),
    },
    to_row=materials_row,
    sortable={
        **sortables(Material, "id family phase dimensionality"),
        **sortables(Composition, "formula layers lead_free"),
        "energetics_count": Sortable(_ENERGETICS_COUNT, int),
        "devices_count": Sortable(_DEVICES_COUNT, int),
        "structures_count": Sortable(_STRUCTURES_COUNT, int),
    },
    facets={
        "family": Material.family,
        "phase": Material.phase,
        "dimensionality": Material.dimensionality,
        "lead_free": Composition.lead_free,
    },
)

_energetics_material = through(Energetic.material_id)
_energetics_family = of_material(Energetic.material_id, Material.family)
_energetics_formula = of_material(Energetic.material_id, Composition.formula)

ENERGETICS = Collection(
    name="energetics",
    row=EnergeticsRow,
    source=select().select_from(Energetic),
    loads=select(Energetic).join(Energetic.material).join(Material.composition),
    key=Energetic.id,
    supersedes=Energetic.supersedes_id,
    filters={
        "id": any_of(Energetic.id, "Name of the statement.", example="e-t1-r01-ea"),
        "material": material_is(_energetics_material),
        **material_filters(_energetics_material),
        "quantity": any_of(
            Energetic.quantity, "E_A or DFE.", example="E_A", choices=("DFE", "E_A")
        ),
        "defect": any_of(Energetic.defect, "Label without charge, e.g. V_I.", example="V_I"),
        "species": any_of(Energetic.species, "Ion that moves.", example="I"),
        "method": any_of(
            Energetic.method,
            "DFT, experiment, MLIP, mixed or unknown.",
            example="DFT",
            choices=("DFT", "experiment", "MLIP", "mixed", "unknown"),
        ),
        "scope": any_of(
            Energetic.scope,
            "reported, hop or percolation.",
            example="reported",
            choices=("reported", "hop", "percolation"),
        ),
        "min_ev": Filter(
            "Values that reach this energy or lie above.",
            float,
            lambda v: or_(Energetic.value_max_ev >= v, Energetic.value_max_ev.is_(None)),
            example=0.1,
        ),
        "max_ev": Filter(
            "Values that reach this energy or lie below.",
            float,
            lambda v: or_(Energetic.value_min_ev <= v, Energetic.value_min_ev.is_(None)),
            example=0.4,
        ),
        **_energy_filters(lambda statement: statement, "Statements of"),
        "has_erratum": truth(Energetic.erratum, "Only rows with (or without) an erratum."),
        "reference": _referenced(EnergeticReference, Energetic.id, "r36"),
        "q": Filter(
            "Words in the public name of the material, or in the full name of one of its ions.",
            str,
            lambda v: _energetics_material(MATERIALS.condition("q", v)),
            example="methylammonium",
        ),
    },
    to_row=energetics_row,
    listed=listed_energetics,
    sortable={
        **sortables(
            Energetic,
            "id direction defect species charge quantity scope value_min_ev value_max_ev method "
            "functional",
        ),
        "material": Sortable(_energetics_formula, str),
        "family": Sortable(_energetics_family, str),
    },
    facets={
        "family": _energetics_family,
        "material": _energetics_formula,
        "quantity": Energetic.quantity,
        "defect": Energetic.defect,
        "species": Energetic.species,
        "method": Energetic.method,
        "scope": Energetic.scope,
        "functional": Energetic.functional,
    },
)

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
        "reference": _referenced(DeviceReference, Device.id, "r161"),
        "q": words(
            "Words in the stack, the absorber or the group.",
            Device.structure,
            Device.absorber,
            Device.group,
            example="CsPbBr3 ITO",
        ),
    },
    to_row=devices_row,
    listed=listed_devices,
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
        "has_erratum": truth(DeviceClaim.erratum, "Only rows with (or without) an erratum."),
        "reference": _referenced(DeviceClaimReference, DeviceClaim.id, "r161"),
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

#: Tables whose rows cite references: their own tables of what is cited.
_CITING: dict[str, tuple[Any, Any, Any]] = {
    "energetics": (EnergeticReference, EnergeticReference.energetic_id, Energetic),
    "devices": (DeviceReference, DeviceReference.device_id, Device),
    "device_claims": (DeviceClaimReference, DeviceClaimReference.claim_id, DeviceClaim),
}


def _cited_by(values: Sequence[str]) -> ColumnElement[bool]:
    """References that a current row of any of some tables cites."""
    return or_(
        false(),
        *(
            Reference.key.in_(
                select(cited.reference_key)
                .join(model, owner == model.id)
                .where(_not_replaced(model))
            )
            for cited, owner, model in (_CITING[value] for value in values)
        ),
    )


_NUMBER = func.coalesce(Reference.number, 2**31 - 1)

REFERENCES = Collection(
    name="references",
    row=ReferencesRow,
    source=select().select_from(Reference),
    loads=select(Reference),
    key=Reference.key,
    order=(("number", False),),
    filters={
        "key": any_of(Reference.key, "Key, e.g. r36.", example="r36"),
        "doi": any_of(Reference.doi, "Digital object identifier.", example="10.1039/d5cs01222h"),
        "cited_by": Filter(
            "References that a row of any of these tables cites.",
            str,
            _cited_by,
            tuple(_CITING),
            many=True,
            example="energetics",
        ),
        "year_min": Filter("First year.", int, lambda v: Reference.year >= v, example=2015),
        "year_max": Filter("Last year.", int, lambda v: Reference.year <= v, example=2024),
        "q": words(
            "Words in title, authors or journal.",
            Reference.title,
            Reference.authors,
            Reference.journal,
            example="memristor",
        ),
    },
    to_row=references_row,
    sortable={
        **sortables(Reference, "key authors title journal year volume pages doi"),
        "number": Sortable(_NUMBER, int),  # those that no source numbers come last
    },
    facets={"year": Reference.year, "journal": Reference.journal},
)

STRUCTURES = Collection(
    name="structures",
    row=StructuresRow,
    source=select().select_from(Structure),
    loads=select(Structure).join(Structure.material).join(Material.composition),
    key=Structure.id,
    filters={
        "id": any_of(Structure.id, "Name of the structure."),
        "material": material_is(through(Structure.material_id)),
        **material_filters(through(Structure.material_id)),
        "calculation": any_of(Structure.calculation_id, "Id of a calculation."),
        "role": any_of(Structure.role, "host, saddle, or image N.", example="host"),
        "space_group": any_of(Structure.space_group, "Space group.", example="Pnma"),
        "q": words(
            "Words in the public name of the material, the role or the origin.",
            Structure.material_id,
            Structure.role,
            Structure.origin,
            example="sevennet",
        ),
    },
    to_row=structures_row,
    sortable=sortables(Structure, "id space_group role origin atoms energy_ev"),
    facets={
        "material": Structure.material_id,
        "role": Structure.role,
        "space_group": Structure.space_group,
    },
)

CALCULATIONS = Collection(
    name="calculations",
    row=CalculationsRow,
    source=select().select_from(Calculation),
    loads=select(Calculation),
    key=Calculation.id,
    order=(("created_at", False),),
    filters={
        "id": any_of(Calculation.id, "Name of the calculation."),
        "state": any_of(
            Calculation.state,
            "queued, running, done, failed or cancelled.",
            example="done",
            choices=tuple(state.value for state in CalculationState),
        ),
        "kind": any_of(Calculation.kind, "Kind of calculation, e.g. neb.", example="neb"),
        "material": material_is(through(Calculation.material_id)),
        **material_filters(through(Calculation.material_id)),
        "failure_kind": any_of(Calculation.failure_kind, "Why there is no number."),
    },
    to_row=calculations_row,
    sortable=sortables(
        Calculation, "id kind state attempts created_at started_at finished_at failure_kind"
    ),
    facets={
        "state": Calculation.state,
        "kind": Calculation.kind,
        "failure_kind": Calculation.failure_kind,
    },
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
