"""Every exported table. Field order is column order; names carry units.

The same rows come from ``pvkdb export``, from ``GET /api/v1/export/NAME`` and from the client.
The meaning of every column is declared with its row, in the modules imported here;
``docs/reference/tables.md`` is made from these declarations.
"""

from __future__ import annotations

from pvkdb.schemas.tables.columns import Row
from pvkdb.schemas.tables.derived import (
    CalculationsRow,
    CompositionsRow,
    IonsRow,
    MaterialsRow,
    RankingsRow,
    StructureDocument,
    StructuresRow,
    ToleranceRow,
)
from pvkdb.schemas.tables.devices import DeviceClaimsRow, DevicesRow
from pvkdb.schemas.tables.electronic import ElectronicRow
from pvkdb.schemas.tables.literature import (
    ApplicationsRow,
    CorrectionsRow,
    EnergeticsRow,
    ReferencesRow,
)
from pvkdb.schemas.tables.other_packages import Tables
from pvkdb.schemas.tables.reviewed import (
    ArrayChallengesRow,
    BenchmarkDatasetsRow,
    ConductionRow,
    ProcessingRow,
    TestProtocolsRow,
)
from pvkdb.schemas.tables.series import SeriesRow

__all__ = [
    "TABLES",
    "ApplicationsRow",
    "ArrayChallengesRow",
    "BenchmarkDatasetsRow",
    "CalculationsRow",
    "CompositionsRow",
    "ConductionRow",
    "CorrectionsRow",
    "DeviceClaimsRow",
    "DevicesRow",
    "ElectronicRow",
    "EnergeticsRow",
    "IonsRow",
    "MaterialsRow",
    "ProcessingRow",
    "RankingsRow",
    "ReferencesRow",
    "Row",
    "SeriesRow",
    "StructureDocument",
    "StructuresRow",
    "TestProtocolsRow",
    "ToleranceRow",
]

#: Every exported table by its public name, those of other packages last.
TABLES = Tables(
    {
        "applications": ApplicationsRow,
        "array_challenges": ArrayChallengesRow,
        "benchmark_datasets": BenchmarkDatasetsRow,
        "calculations": CalculationsRow,
        "compositions": CompositionsRow,
        "conduction": ConductionRow,
        "corrections": CorrectionsRow,
        "device_claims": DeviceClaimsRow,
        "devices": DevicesRow,
        "electronic": ElectronicRow,
        "energetics": EnergeticsRow,
        "ions": IonsRow,
        "materials": MaterialsRow,
        "processing": ProcessingRow,
        "rankings": RankingsRow,
        "references": ReferencesRow,
        "series": SeriesRow,
        "structures": StructuresRow,
        "test_protocols": TestProtocolsRow,
        "tolerance": ToleranceRow,
    }
)
