"""Every model, imported so that the metadata is complete."""

from pvkdb.store.access import ApiKey, AuditEntry, RememberedAnswer
from pvkdb.store.applications import ApplicationRequirement
from pvkdb.store.base import Base
from pvkdb.store.calculations import (
    Calculation,
    CalculationDependency,
    CalculationEvent,
    CalculationFile,
)
from pvkdb.store.claims import DeviceClaim, DeviceClaimReference
from pvkdb.store.devices import Device, DeviceLayer, DeviceMetric, DeviceReference
from pvkdb.store.energetics import Energetic, EnergeticReference
from pvkdb.store.materials import Composition, CompositionTolerance, Material, SiteOccupancy
from pvkdb.store.references import DatasetVersion, Reference
from pvkdb.store.reviewed import (
    ArrayChallenge,
    BenchmarkDataset,
    ConductionMechanism,
    ProcessingTechnique,
    TestProtocol,
)
from pvkdb.store.screenings import ScreeningRun, ScreeningSchedule
from pvkdb.store.structures import Structure, StructureElement

__all__ = [
    "ApiKey",
    "ApplicationRequirement",
    "ArrayChallenge",
    "AuditEntry",
    "Base",
    "BenchmarkDataset",
    "Calculation",
    "CalculationDependency",
    "CalculationEvent",
    "CalculationFile",
    "Composition",
    "CompositionTolerance",
    "ConductionMechanism",
    "DatasetVersion",
    "Device",
    "DeviceClaim",
    "DeviceClaimReference",
    "DeviceLayer",
    "DeviceMetric",
    "DeviceReference",
    "Energetic",
    "EnergeticReference",
    "Material",
    "ProcessingTechnique",
    "Reference",
    "RememberedAnswer",
    "ScreeningRun",
    "ScreeningSchedule",
    "SiteOccupancy",
    "Structure",
    "StructureElement",
    "TestProtocol",
]
