"""Statements about energies for the stores of tests."""

from __future__ import annotations

from typing import Any

from pvkdb.store.models.energetics import Energetic


def computed_energy(name: str, material: str, value_ev: float, **columns: Any) -> dict[str, Any]:
    """Columns of a barrier of V_Br that CHGNet gave in calculation ``c``, unless they say else."""
    made = {
        "id": name, "material_id": material, "defect": "V_Br", "species": "Br", "quantity": "E_A",
        "scope": "percolation", "value_min_ev": value_ev, "value_max_ev": value_ev,
        "approximate": False, "method": "MLIP", "functional": "chgnet", "source": "calculation c",
        "calculation_id": "c",
    }  # fmt: skip
    return made | columns


def energy_row(name: str, material: str, value_ev: float, **columns: Any) -> Energetic:
    return Energetic(**computed_energy(name, material, value_ev, **columns))
