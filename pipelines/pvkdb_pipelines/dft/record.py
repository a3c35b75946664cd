"""Rows that the store keeps of a DFT calculation: structures and activation energies."""

from __future__ import annotations

from typing import Any

import numpy as np
from sqlalchemy.orm import Session

from pvkdb.schemas.calculations.dft import (
    AnyDft,
    AnyDftResult,
    DftNebRequest,
    DftNebResult,
    DftPathResult,
    DftRelaxResult,
    DftSettings,
    Engine,
)
from pvkdb.schemas.calculations.relaxations import Host
from pvkdb.store.base import Base
from pvkdb.store.models.calculations import Calculation
from pvkdb.store.models.energetics import Energetic
from pvkdb.store.models.structures import Structure
from pvkdb_pipelines.migration.paths.band import HIGHEST_BARRIER_EV
from pvkdb_pipelines.migration.sites.sites import parse_defect

_DECIMALS = 4


def dft_records(
    session: Session, calculation: Calculation, request: AnyDft, result: AnyDftResult
) -> list[Base]:
    """Return the rows to store for a DFT result; none without a material or for a demonstration.

    A relaxed structure and the images of a band become structures. A barrier becomes a statement
    with the method ``DFT``, whose conditions describe how it was computed.
    """
    if calculation.material_id is None or request.demonstration:
        return []
    if isinstance(result, DftRelaxResult):
        return [_structure(calculation, request, "relaxed", result.structure, result.energy_ev)]
    if isinstance(result, DftPathResult):
        estimate = f"estimate: single points on the path of calculation {request.parent}"
        return _barrier(calculation, request, result, estimate)
    if isinstance(result, DftNebResult):
        hop = request.hop or 1
        images = [
            _structure(calculation, request, f"hop {hop} image {index}", image, None)
            for index, image in enumerate(result.images)
        ]
        images[int(np.argmax(result.image_energies_ev))].role = f"hop {hop} saddle"
        band = f"climbing-image NEB from the path of calculation {request.parent}"
        return [*images, *_barrier(calculation, request, result, band)]
    return []


def describe_settings(settings: DftSettings) -> str:
    """Return the settings as a methods section gives them: code, functional, cutoffs, k-points."""
    grid = "×".join(map(str, settings.kpoint_grid or ()))
    cutoffs = (
        f"{settings.cutoff_wfc_ry:g}/{settings.cutoff_rho_ry:g} Ry"
        if settings.engine is Engine.ESPRESSO
        else f"{settings.cutoff_wfc_ry:.1f} Ry"
    )
    smearing = (
        "fixed occupations"
        if settings.smearing == "fixed"
        else f"{settings.smearing} smearing {settings.smearing_width_ev:g} eV"
    )
    spin = (
        "no spin"
        if settings.magnetization_mub is None
        else f"moment {settings.magnetization_mub:g} μB"
    )
    soc = "SOC" if settings.soc else "no SOC"
    return (
        f"{settings.engine} {settings.functional}, {cutoffs}, k {grid}, {smearing}, {spin}, {soc}"
    )


def describe_charge(charge: int) -> str:
    """Return ``charge +1``, or ``neutral cell``."""
    return f"charge {charge:+d}" if charge else "neutral cell"


def _barrier(
    calculation: Calculation,
    request: AnyDft,
    result: DftPathResult | DftNebResult,
    how: str,
) -> list[Base]:
    """Return the energy row of a hop, from its lower to its higher barrier; none if invalid."""
    settings = result.settings
    forward, reverse = result.barrier_forward_ev, result.barrier_reverse_ev
    if request.defect is None or not 0 <= min(forward, reverse) <= max(forward, reverse) < (
        HIGHEST_BARRIER_EV
    ):
        return []
    conditions = [
        how if request.hop is None else f"{how}, hop {request.hop}",
        f"forward {forward:.3f} eV, reverse {reverse:.3f} eV",
        f"{result.atoms} atoms, {describe_charge(settings.charge)}",
        describe_settings(settings),
        *result.remarks,
    ]
    if result.origin == "imported":
        conditions.append("run by hand and imported")
    statement: dict[str, Any] = {
        "id": f"e-{calculation.id}-hop-{request.hop or 1}",
        "material_id": calculation.material_id,
        "defect": request.defect,
        "species": parse_defect(request.defect)[1],
        "charge": settings.charge,
        "quantity": "E_A",
        "scope": "hop",
        "value_min_ev": round(min(forward, reverse), _DECIMALS),
        "value_max_ev": round(max(forward, reverse), _DECIMALS),
        "approximate": not isinstance(request, DftNebRequest),
        "method": "DFT",
        "functional": settings.functional,
        "soc": settings.soc,
        "conditions": "; ".join(conditions),
        "source": f"calculation {calculation.id}",
        "calculation_id": calculation.id,
    }
    return [Energetic(**statement)]


def _structure(
    calculation: Calculation, request: AnyDft, role: str, host: Host, energy_ev: float | None
) -> Structure:
    settings = request.settings
    return Structure(
        id=f"{calculation.id}-{role.replace(' ', '-')}",
        material_id=calculation.material_id,
        role=role,
        origin=f"{settings.engine} {settings.functional} from {request.parent or 'a structure'}",
        calculation_id=calculation.id,
        atoms=len(host.symbols),
        energy_ev=energy_ev,
        cell_ang=[list(row) for row in host.cell_ang],
        symbols=list(host.symbols),
        positions_ang=[list(row) for row in host.positions_ang],
    )
