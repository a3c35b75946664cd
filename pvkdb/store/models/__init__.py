"""All models; importing them completes the metadata."""

from pvkdb.store.base import Base
from pvkdb.store.models.access import ApiKey, AuditEntry, RememberedAnswer
from pvkdb.store.models.calculations import (
    Calculation,
    CalculationDependency,
    CalculationEvent,
    CalculationFile,
)
from pvkdb.store.models.devices import (
    Device,
    DeviceClaim,
    DeviceClaimReference,
    DeviceLayer,
    DeviceMetric,
    DeviceReference,
)
from pvkdb.store.models.energetics import Energetic, EnergeticReference
from pvkdb.store.models.materials import Composition, CompositionTolerance, Material, SiteOccupancy
from pvkdb.store.models.references import DatasetVersion, Reference
from pvkdb.store.models.reviewed import (
    ApplicationRequirement,
    ArrayChallenge,
    BenchmarkDataset,
    ConductionMechanism,
    ProcessingTechnique,
    TestProtocol,
)
from pvkdb.store.models.screenings import ScreeningRun, ScreeningSchedule
from pvkdb.store.models.structures import Structure, StructureElement

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
