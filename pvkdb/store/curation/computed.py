"""Rows that the store keeps of a finished calculation: structures and energies.

A worker and an import make them with the same functions, so that method, source, names and
conditions are those of the calculation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from pvkdb.chemistry import Defect, parse_composition
from pvkdb.errors import FormulaError
from pvkdb.schemas.calculations.bounds import HIGHEST_BARRIER_EV, CalculationResult
from pvkdb.schemas.calculations.dft import (
    DftHopResult,
    DftNebResult,
    DftPathResult,
    DftRelaxResult,
    DftRequest,
    DftSettings,
    Engine,
)
from pvkdb.schemas.calculations.electrons import GapResult, PairResult
from pvkdb.schemas.calculations.migration import HopBarrier, NebResult
from pvkdb.schemas.calculations.relaxations import (
    CalculationRequest,
    Host,
    RelaxResult,
    VacancyResult,
)
from pvkdb.schemas.calculations.reliability import barrier_doubts
from pvkdb.store.base import Base
from pvkdb.store.curation.registration import calibrate, register_material
from pvkdb.store.models.calculations import Calculation
from pvkdb.store.models.energetics import Electronic, Energetic
from pvkdb.store.models.materials import Material
from pvkdb.store.models.structures import Structure

_DECIMALS = 4
#: A gap whose edges lie at one k-point within this is direct, eV.
DIRECT_WITHIN_EV = 0.001


@dataclass(frozen=True, slots=True)
class ComputedStructure:
    """A structure of a calculation: n symbols, cell 3 × 3, positions n × 3 in Å."""

    symbols: Sequence[str]
    cell_ang: Sequence[Sequence[float]]
    positions_ang: Sequence[Sequence[float]]
    energy_ev: float | None = None
    space_group: str | None = None


#: Structures of a calculation by name: ``host``, ``vacancy``, ``hop-1-image-0``.
Structures = Mapping[str, ComputedStructure]


def computed_rows(
    session: Session,
    calculation: Calculation,
    request: CalculationRequest,
    result: CalculationResult,
    structures: Structures,
    register: Callable[..., Material] = register_material,
) -> list[Base]:
    """Return the rows to store of a result of any kind; its material is registered."""
    if isinstance(result, NebResult):
        return _migration(calculation, result, structures)
    if isinstance(request, DftRequest):
        return _dft(calculation, request, result)
    if isinstance(result, PairResult):
        return _pair(calculation, result, structures)
    if isinstance(result, GapResult) and calculation.material_id is not None:
        return [_gap(calculation, result)]
    if isinstance(result, RelaxResult | VacancyResult):
        return _relaxation(session, calculation, result, structures, register)
    return []


def _gap(calculation: Calculation, result: GapResult) -> Electronic:
    """Return the gap as it was computed, and as it would be measured where that is calibrated."""
    conditions = [
        describe_settings(result.settings),
        f"{result.atoms} atoms, {result.space_group or 'without a space group'}",
        "direct" if result.direct_gap_ev - result.gap_ev < DIRECT_WITHIN_EV else "indirect",
        *result.remarks,
    ]
    row = Electronic(
        id=f"g-{calculation.id}",
        material_id=calculation.material_id,
        quantity="gap",
        unit="eV",
        as_computed=round(result.gap_ev, _DECIMALS),
        method="DFT",
        functional=result.settings.method,
        soc=result.settings.soc,
        conditions="; ".join(conditions),
        source=f"calculation {calculation.id}",
        calculation_id=calculation.id,
    )
    calibrate(row, result.formula, result.phase)
    return row


def _relaxation(
    session: Session,
    calculation: Calculation,
    result: RelaxResult | VacancyResult,
    structures: Structures,
    register: Callable[..., Material],
) -> list[Base]:
    """Return the relaxed structure, or the cell with the lowest vacancy.

    Binary halides, and structures that changed into another one, are kept in the result only. The
    formation energy of a vacancy needs chemical potentials from other calculations.
    """
    findings = result.findings if isinstance(result, RelaxResult) else ()
    try:
        composition = parse_composition(result.formula)
    except FormulaError:
        return []
    if not all(finding.remark for finding in findings):
        return []
    calculation.material_id = register(session, composition, result.phase).id
    return [
        _structure(
            calculation, "host" if isinstance(result, RelaxResult) else "vacancy", structures
        )
    ]


def _pair(calculation: Calculation, result: PairResult, structures: Structures) -> list[Base]:
    """Return the cell of the lowest vacancies, and the energy of each arrangement."""
    rows: list[Base] = [_structure(calculation, "vacancy", structures)]
    for name, pair in result.arrangements.items():
        low, high = pair.rich_ev if pair.poor_ev is None else pair.poor_ev, pair.rich_ev
        mark, words = name.replace(" ", "-"), result.conditions[name]
        rows.append(formation_row(calculation, mark, result.defect, low, high, words, charge=0))
    return rows


def formation_row(
    calculation: Calculation,
    mark: str,
    defect: str,
    low: float,
    high: float,
    conditions: str,
    charge: int | None = None,
) -> Energetic:
    """Return the formation energy of a defect between its poor and its rich limit, eV.

    ``mark`` distinguishes the statements of one calculation.
    """
    return _energetic(
        calculation,
        mark,
        defect=defect,
        charge=charge,
        quantity="DFE",
        scope="computed",
        value_min_ev=round(low, _DECIMALS),
        value_max_ev=round(high, _DECIMALS),
        method="MLIP",
        functional=str(calculation.parameters["potential"]),
        conditions=conditions,
    )


def _migration(calculation: Calculation, result: NebResult, structures: Structures) -> list[Base]:
    """Return host, path images, and the energy of each hop and bottleneck.

    A path of which no image is given is left out.
    """
    host = _structure(calculation, "host", structures)
    records: list[Base] = [host]
    for number, barrier in enumerate(result.hops, start=1):
        images = range(len(barrier.image_energies_ev))
        if any(f"hop-{number}-image-{index}" in structures for index in images):
            records += _path(
                calculation, number, barrier.image_energies_ev, structures, parent=host.id
            )
    records += [
        _hop(calculation, result, number, barrier)
        for number, barrier in enumerate(result.hops, start=1)
        if barrier.saddle_ev is not None
    ]
    return [*records, *_bottlenecks(calculation, result)]


def _dft(calculation: Calculation, request: DftRequest, result: CalculationResult) -> list[Base]:
    """Return the rows to store for a DFT result; none without a material or for a demonstration.

    A relaxed structure and the images of a band become structures. A barrier becomes a statement
    with the method ``DFT``, whose conditions describe how it was computed.
    """
    if calculation.material_id is None or request.demonstration:
        return []
    if isinstance(result, DftRelaxResult):
        relaxed = _of_host(result.structure, result.energy_ev)
        return [_structure(calculation, "relaxed", {"relaxed": relaxed})]
    if isinstance(result, DftPathResult):
        estimate = f"estimate: single points on the path of calculation {request.parent}"
        return _barrier(calculation, request, result, estimate)
    if isinstance(result, DftHopResult):
        moved = {point.name: _of_host(point.structure, point.energy_ev) for point in result.points}
        ends = f"ends and saddle point relaxed from the path of calculation {request.parent}"
        structures: list[Base] = [_structure(calculation, name, moved) for name in moved]
        if result.not_converged:
            return structures
        return [*structures, *_barrier(calculation, request, result, ends)]
    if isinstance(result, DftNebResult):
        hop = request.hop or 1
        found = {
            f"hop-{hop}-image-{index}": _of_host(image) for index, image in enumerate(result.images)
        }
        images = _path(calculation, hop, result.image_energies_ev, found)
        band = f"climbing-image NEB from the {describe_path(request)}"
        return [*images, *_barrier(calculation, request, result, band)]
    return []


def grid_text(settings: DftSettings) -> str:
    """Return the k-points, e.g. ``2×2×2 off Γ``."""
    grid = "×".join(map(str, settings.kpoint_grid or ()))
    return f"{grid} off Γ" if settings.off_gamma else grid


def describe_settings(settings: DftSettings) -> str:
    """Return the settings as a methods section gives them: code, functional, cutoffs, k-points."""
    cutoffs = (
        f"{settings.cutoff_wfc_ry:g}/{settings.cutoff_rho_ry:g} Ry"
        if settings.engine in (Engine.ESPRESSO, Engine.CP2K)
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
    basis_set = f"{settings.basis_set}, " if settings.basis_set else ""
    u = f", U {settings.hubbard} eV" if settings.hubbard else ""
    potcars = f", POTCAR {settings.potcar_release}" if settings.potcar_release else ""
    return (
        f"{settings.engine} {settings.method}{u}, {basis_set}{cutoffs}{potcars}, "
        f"k {grid_text(settings)}, {smearing}, {spin}, {soc}"
    )


def describe_path(request: DftRequest) -> str:
    """Return where the initial path of a band is from."""
    if getattr(request, "path", None) is not None:
        return f"path of pairwise distances (IDPP) that begins with {request.parent}"
    return f"path of calculation {request.parent}"


def describe_charge(charge: int) -> str:
    """Return ``charge +1``, or ``neutral cell``."""
    return f"charge {charge:+d}" if charge else "neutral cell"


def _barrier(
    calculation: Calculation,
    request: DftRequest,
    result: DftPathResult | DftHopResult | DftNebResult,
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
        *([f"lattice of calculation {request.lattice}"] if request.lattice else []),
        *result.remarks,
    ]
    if result.origin == "imported":
        conditions.append("run by hand and imported")
    return [
        _energetic(
            calculation,
            f"hop-{request.hop or 1}",
            defect=request.defect,
            charge=settings.charge,
            quantity="E_A",
            scope="hop",
            value_min_ev=round(min(forward, reverse), _DECIMALS),
            value_max_ev=round(max(forward, reverse), _DECIMALS),
            approximate=isinstance(result, DftPathResult),
            method="DFT",
            functional=settings.method,
            soc=settings.soc,
            conditions="; ".join(conditions),
        )
    ]


def _hop(
    calculation: Calculation, result: NebResult, number: int, barrier: HopBarrier
) -> Energetic:
    """Return the energy row of a hop: an interval from its lower to its higher barrier."""
    forward, reverse = barrier.barrier_forward_ev or 0.0, barrier.barrier_reverse_ev or 0.0
    hop = barrier.hop
    return _statement(
        calculation,
        result,
        f"hop-{number}",
        direction=None,
        low=min(forward, reverse),
        high=max(forward, reverse),
        conditions=(
            f"{hop.hop_class}, {hop.start} to {hop.end}, {hop.length_ang:.2f} Å; forward "
            f"{forward:.3f} eV, reverse {reverse:.3f} eV"
        ),
    )


def _bottlenecks(calculation: Calculation, result: NebResult) -> list[Base]:
    found: list[Base] = []
    for threshold in result.percolation:
        hop = result.hops[threshold.hop].hop
        energy = _statement(
            calculation,
            result,
            threshold.direction,
            direction=threshold.direction,
            low=None if result.upper_bound else threshold.e_a_ev,
            high=threshold.e_a_ev,
            conditions=f"limited by {hop.hop_class}, {hop.start} to {hop.end}, "
            f"{hop.length_ang:.2f} Å",
        )
        for doubt in barrier_doubts(threshold.e_a_ev, "", None):
            energy.conditions = f"{energy.conditions}; {doubt}"
        if result.upper_bound:
            energy.conditions = f"{energy.conditions}; a hop that failed might be easier"
        found.append(energy)
    return found


def _statement(
    calculation: Calculation,
    result: NebResult,
    name: str,
    *,
    direction: str | None,
    low: float | None,
    high: float,
    conditions: str,
) -> Energetic:
    caveat = ""
    if result.host_left_for is not None:
        caveat = f"; the host left {result.phase} for {result.host_left_for}"
    charge = "neutral cell" if result.charge is None else f"charge {result.charge:+d}"
    return _energetic(
        calculation,
        name,
        direction=direction,
        defect=result.defect,
        charge=result.charge,
        quantity="E_A",
        scope="hop" if direction is None else "percolation",
        value_min_ev=None if low is None else round(low, _DECIMALS),
        value_max_ev=round(high, _DECIMALS),
        bound="upper" if low is None else None,
        method="MLIP",
        functional=str(calculation.parameters["potential"]),
        conditions=f"{conditions}; {result.atoms_in_cell} atoms, {charge}{caveat}",
    )


def _energetic(calculation: Calculation, name: str, *, defect: str, **values: object) -> Energetic:
    return Energetic(
        id=f"e-{calculation.id}-{name}",
        material_id=calculation.material_id,
        defect=defect,
        species=Defect.parse(defect).species,
        source=f"calculation {calculation.id}",
        calculation_id=calculation.id,
        **{"approximate": False, **values},
    )


def _of_host(host: Host, energy_ev: float | None = None) -> ComputedStructure:
    cell, positions = ([list(row) for row in rows] for rows in (host.cell_ang, host.positions_ang))
    return ComputedStructure(host.symbols, cell, positions, energy_ev)


def _path(
    calculation: Calculation,
    hop: int,
    energies: Sequence[float],
    structures: Structures,
    parent: str | None = None,
) -> list[Structure]:
    images = [
        _structure(calculation, f"hop {hop} image {index}", structures, parent)
        for index in range(len(energies))
    ]
    # Its id keeps its position on the path.
    images[energies.index(max(energies))].role = f"hop {hop} saddle"
    return images


def _structure(
    calculation: Calculation, role: str, structures: Structures, parent: str | None = None
) -> Structure:
    name = role.replace(" ", "-")
    found, given = structures[name], calculation.parameters
    if "potential" in given:
        origin = f"{given['potential']} from the {given['phase']} prototype"
    else:
        settings = DftSettings.model_validate(given["settings"])
        source = given.get("parent") or "a structure"
        origin = f"{settings.engine} {settings.method} from {source}"
    return Structure(
        id=f"{calculation.id}-{name}",
        material_id=calculation.material_id,
        space_group=found.space_group,
        role=role,
        origin=origin,
        parent_id=parent,
        calculation_id=calculation.id,
        atoms=len(found.symbols),
        energy_ev=found.energy_ev,
        cell_ang=found.cell_ang,
        symbols=list(found.symbols),
        positions_ang=found.positions_ang,
    )
