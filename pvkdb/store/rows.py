"""From models to the rows that travel."""

from __future__ import annotations

from collections.abc import Iterable

from pvkdb.schemas.calculations import CalculationDocument, CalculationState, FailureKind
from pvkdb.schemas.tables import (
    TABLES,
    ApplicationsRow,
    CalculationsRow,
    DeviceClaimsRow,
    DevicesRow,
    EnergeticsRow,
    MaterialsRow,
    ReferencesRow,
    Row,
    StructureDocument,
    StructuresRow,
)
from pvkdb.store.applications import ApplicationRequirement
from pvkdb.store.calculations import Calculation
from pvkdb.store.claims import DeviceClaim, DeviceClaimReference
from pvkdb.store.devices import Device, DeviceMetric, DeviceReference
from pvkdb.store.energetics import Energetic, EnergeticReference
from pvkdb.store.materials import Composition, Material
from pvkdb.store.references import Reference
from pvkdb.store.reviewed import REVIEWED, ReviewedRow
from pvkdb.store.structures import Structure, coordinates


def energetics_row(statement: Energetic) -> EnergeticsRow:
    """A statement as the ``energetics`` table shows it."""
    return EnergeticsRow.model_validate(
        {
            "id": statement.id,
            "material": statement.material.composition.formula,
            "family": statement.material.composition.family,
            "phase": statement.material.phase,
            "direction": statement.direction,
            "defect": statement.defect,
            "species": statement.species,
            "charge": statement.charge,
            "quantity": statement.quantity,
            "scope": statement.scope,
            "value_min_ev": statement.value_min_ev,
            "value_max_ev": statement.value_max_ev,
            "bound": statement.bound,
            "approximate": statement.approximate,
            "method": statement.method,
            "functional": statement.functional,
            "soc": statement.soc,
            "conditions": statement.conditions,
            "references": _keys(statement.references),
            "source": statement.source,
            "as_printed": statement.as_printed,
            "erratum": statement.erratum,
        }
    )


def devices_row(device: Device) -> DevicesRow:
    """A device as the ``devices`` table shows it."""
    on_off = device.metric("on_off_ratio")
    v_set, v_reset = device.metric("v_set_v"), device.metric("v_reset_v")
    endurance, retention = device.metric("endurance_cycles"), device.metric("retention_s")
    stability = device.metric("stability_days")
    return DevicesRow(
        id=device.id,
        group=device.group,
        structure=device.structure,
        absorber=device.absorber,
        form=device.form,
        bottom_electrode=_layers(device, "bottom_electrode", "/"),
        top_electrode=_layers(device, "top_electrode", "/"),
        other_layers=_layers(device, "substrate", "; ", "adhesion", "transport", "buffer"),
        on_off_ratio=_low(on_off),
        on_off_qualifier=_qualifier(on_off),
        v_set_min_v=_low(v_set),
        v_set_max_v=_high(v_set),
        v_reset_min_v=_low(v_reset),
        v_reset_max_v=_high(v_reset),
        v_qualifier=_qualifier(v_set or v_reset),
        endurance_cycles=_low(endurance),
        retention_s=_low(retention),
        retention_qualifier=_qualifier(retention),
        stability_days=_low(stability),
        stability_qualifier=_qualifier(stability),
        references=_keys(device.references),
        source=device.source,
        as_printed=device.as_printed,
        erratum=device.erratum,
    )


def device_claims_row(claim: DeviceClaim) -> DeviceClaimsRow:
    """A figure as the ``device_claims`` table shows it."""
    return DeviceClaimsRow(
        id=claim.id,
        device=claim.device,
        metric=claim.metric,
        value=claim.value,
        value_max=claim.value_max,
        unit=claim.unit,
        qualifier=claim.qualifier,
        references=_keys(claim.references),
        source=claim.source,
        as_printed=claim.as_printed,
        erratum=claim.erratum,
    )


def reviewed_row(entry: ReviewedRow) -> Row:
    """A row of a descriptive table, as the table of its public name shows it."""
    name = next(name for name, model in REVIEWED.items() if isinstance(entry, model))
    row = TABLES[name]
    return row(**{column: getattr(entry, column) for column in row.columns()})


def references_row(reference: Reference) -> ReferencesRow:
    """A bibliography entry as the ``references`` table shows it."""
    return ReferencesRow(
        key=reference.key,
        number=reference.number,
        authors=reference.authors,
        title=reference.title,
        journal=reference.journal,
        year=reference.year,
        volume=reference.volume,
        pages=reference.pages,
        doi=reference.doi,
    )


def applications_row(requirement: ApplicationRequirement) -> ApplicationsRow:
    """A requirement as the ``applications`` table shows it."""
    return ApplicationsRow.model_validate(
        {
            "application": requirement.application,
            "metric": requirement.metric,
            "comparator": requirement.comparator,
            "value": requirement.value,
            "value_max": requirement.value_max,
            "unit": requirement.unit,
            "source": requirement.source,
            "as_printed": requirement.as_printed,
            "erratum": requirement.erratum,
        }
    )


def materials_row(
    material: Material, energetics_count: int, devices_count: int, structures_count: int
) -> MaterialsRow:
    """A material as the ``materials`` table shows it."""
    composition = material.composition
    return MaterialsRow(
        id=material.id,
        formula=composition.formula,
        family=composition.family,
        phase=material.phase,
        dimensionality=composition.dimensionality,
        layers=composition.layers,
        lead_free=composition.lead_free,
        a_site=_site(composition, "A"),
        b_site=_site(composition, "B"),
        x_site=_site(composition, "X"),
        energetics_count=energetics_count,
        devices_count=devices_count,
        structures_count=structures_count,
    )


def calculations_row(calculation: Calculation) -> CalculationsRow:
    """A calculation as the ``calculations`` table shows it."""
    result = calculation.result or {}
    return CalculationsRow(
        id=calculation.id,
        kind=calculation.kind,
        material=calculation.material_id,
        potential=calculation.parameters.get("potential"),
        state=CalculationState(calculation.state),
        barrier_forward_ev=result.get("barrier_forward_ev"),
        barrier_reverse_ev=result.get("barrier_reverse_ev"),
        residual_force_ev_per_ang=result.get("residual_force_ev_per_ang"),
        failure_kind=FailureKind(calculation.failure_kind) if calculation.failure_kind else None,
        failure_message=calculation.failure_message,
        attempts=calculation.attempts,
        created_at=calculation.created_at,
        started_at=calculation.started_at,
        finished_at=calculation.finished_at,
    )


def calculation_document(calculation: Calculation) -> CalculationDocument:
    """A calculation with its parameters and its whole result."""
    return CalculationDocument(
        id=calculation.id,
        key=calculation.key,
        kind=calculation.kind,
        state=CalculationState(calculation.state),
        material=calculation.material_id,
        parameters=calculation.parameters,
        result=calculation.result,
        failure_kind=FailureKind(calculation.failure_kind) if calculation.failure_kind else None,
        failure_message=calculation.failure_message,
        versions=calculation.versions,
        attempts=calculation.attempts,
        created_at=calculation.created_at,
        started_at=calculation.started_at,
        finished_at=calculation.finished_at,
    )


def structures_row(structure: Structure) -> StructuresRow:
    """A structure, without coordinates, as the ``structures`` table shows it."""
    return StructuresRow(
        id=structure.id,
        material=structure.material_id,
        phase=structure.material.phase,
        space_group=structure.space_group,
        role=structure.role,
        origin=structure.origin,
        parent=structure.parent_id,
        calculation=structure.calculation_id,
        atoms=structure.atoms,
        energy_ev=structure.energy_ev,
    )


def structure_document(structure: Structure) -> StructureDocument:
    """A structure with its coordinates."""
    return StructureDocument(**structures_row(structure).model_dump(), **coordinates(structure))


def _keys(
    references: Iterable[EnergeticReference | DeviceReference | DeviceClaimReference],
) -> str:
    return " ".join(reference.reference_key for reference in references)


def _layers(device: Device, role: str, separator: str, *more_roles: str) -> str | None:
    wanted = {role, *more_roles}
    return separator.join(x.material for x in device.layers if x.role in wanted) or None


def _low(metric: DeviceMetric | None) -> float | None:
    return None if metric is None else metric.value_min


def _high(metric: DeviceMetric | None) -> float | None:
    return None if metric is None else metric.value_max


def _qualifier(metric: DeviceMetric | None) -> str | None:
    return None if metric is None else metric.qualifier


def _site(composition: Composition, site: str) -> str:
    return " ".join(
        entry.ion if entry.amount == 1 else f"{entry.ion}{entry.amount:g}"
        for entry in composition.occupancies
        if entry.site == site
    )
