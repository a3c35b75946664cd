"""Kinds of calculations: the models of their requests and results, and that they fit each other."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from pvkdb.operations import kinds
from pvkdb.operations.other_packages import load
from pvkdb.schemas import first_problem
from pvkdb.schemas.calculations import bounds, dft
from pvkdb.schemas.calculations.bounds import CalculationResult
from pvkdb.schemas.calculations.dynamics import MdRequest, MdResult
from pvkdb.schemas.calculations.electrons import PairRequest, PairResult
from pvkdb.schemas.calculations.migration import CompleteNebRequest, NebResult
from pvkdb.schemas.calculations.relaxations import (
    CalculationRequest,
    EquationOfStateRequest,
    EquationOfStateResult,
    Host,
    RelaxRequest,
    RelaxResult,
    VacancyRequest,
    VacancyResult,
)
from pvkdb.schemas.calculations.simulations import SimulationRequest, SimulationResult

#: Numbers of a result that follow from each other agree to this, eV.
SAME_EV = 1e-4


def models_of(kind: str) -> tuple[type[CalculationRequest], type[CalculationResult]] | None:
    """Return the models of the request and the result of a kind; None of an unknown kind."""
    known = kinds().get(kind)
    return None if known is None else (load(known.request), load(known.result))


@dataclass(frozen=True, slots=True)
class UnreadableResult:
    """A result that is not one of its kind: edited, or of another version of pvkdb."""

    reason: str


def read_result(kind: str, result: Any) -> CalculationResult | UnreadableResult:
    """Return a stored result as the model of its kind, or why it is not one."""
    models = models_of(kind)
    if models is None:
        return UnreadableResult(f"pvkdb has no model of results of the kind {kind!r}")
    try:
        return models[1].model_validate(result)
    except ValidationError as error:
        return UnreadableResult(first_problem(error))


def require_fit(request: CalculationRequest, result: CalculationResult) -> None:
    """Check that a result can be that of a request.

    Raises:
        ValueError: names what differs.
    """
    names = ("formula", "stoichiometry", "phase", "symbol", "defect", "stack", "task", "device")
    for name in (*names, "settings"):
        wanted, found = getattr(request, name, None), getattr(result, name, None)
        # Settings of a potential are in the request alone, the defect of a device in the result.
        if None not in (wanted, found) and found != wanted:
            raise ValueError(f"{name} is {found!r} in the result, {wanted!r} in the request")
    wrong = [name for name, holds in _conditions(request, result) if not holds]
    if wrong:
        raise ValueError(f"the result is not that of its request: {', '.join(wrong)}")


def _conditions(
    request: CalculationRequest, result: CalculationResult
) -> Iterator[tuple[str, bool]]:
    match request, result:
        case RelaxRequest(), RelaxResult():
            atoms = result.atoms_per_formula
            low, high = bounds.ATOM_EV
            yield "eV an atom", low <= result.energy_ev_per_formula / atoms <= high
            low, high = bounds.ATOM_ANG3
            yield "Å³ an atom", low <= result.volume_ang3_per_formula / atoms <= high
        case VacancyRequest(), VacancyResult():
            yield "sites", {site.site for site in result.sites} <= set(request.sites)
            yield "charge", result.charge is None  # no potential sets one
            cells = abs(_determinant(result.supercell))
            yield "atoms_in_cell", cells * len(request.host.symbols) == result.atoms_in_cell
        case PairRequest(), PairResult():
            yield "defect", result.defect == request.missing.label
            yield "references", {result.crystal, *result.others} <= {*request.references}
            given_back_ev = result.crystal.energy_ev_per_formula
            for name, pair in result.arrangements.items():
                yield name, _same(pair.cell_ev - result.host_ev + given_back_ev, pair.rich_ev)
        case EquationOfStateRequest(), EquationOfStateResult():
            yield "volumes", len(result.volumes_ang3_per_formula) == request.points
        case CompleteNebRequest(), NebResult():
            before, _, behind = request.defect.partition("_")
            yield "species", result.species == (behind if before == "V" else before)
            yield "charge", result.charge is None
            yield "atoms_in_cell", result.atoms_in_cell <= request.settings.max_atoms + 1
            yield "distance_ang", result.distance_ang >= request.settings.distance_ang - 1e-3
            sites = {site.name: site.energy_ev for site in result.sites}
            for number, each in enumerate(result.hops, start=1):
                if each.saddle_ev is not None:  # the site at the end of another may be none
                    hop, saddle = each.hop, each.saddle_ev
                    first, last = (sites.get(name, math.inf) for name in (hop.start, hop.end))
                    forward = _same(saddle - first, each.barrier_forward_ev)
                    reverse = _same(saddle - last, each.barrier_reverse_ev)
                    yield f"barriers of hop {number}", forward and reverse
            for entry in result.percolation:
                same = _same(entry.e_a_ev, result.hops[entry.hop].saddle_ev)
                yield f"saddle in direction {entry.direction}", same
            yield "e_a_ev", _same(result.e_a_ev, result.threshold_ev(f"{result.dimensionality}D"))
        case MdRequest(), MdResult():
            yield "picoseconds", result.picoseconds == request.settings.picoseconds
            yield "atoms_in_cell", (result.atoms_in_cell + 1) % len(request.host.symbols) == 0
        case SimulationRequest(), SimulationResult():
            yield "inputs", list(request.inputs) == result.inputs
            yield "defect", request.barriers.defect == result.defect
        case dft.DftScfRequest(), dft.DftScfResult():
            yield from _points([request.structure], ["structure"], [result.point], result.atoms)
        case dft.DftRelaxRequest(), dft.DftRelaxResult():
            relaxed, start = result.structure, request.structure
            yield "symbols", (relaxed.symbols, result.atoms) == (start.symbols, len(start.symbols))
            yield "cell_ang", request.cell or relaxed.cell_ang == start.cell_ang
        case dft.DftPathRequest(), dft.DftPathResult():
            structures = [image.structure for image in request.images]
            names = [image.name for image in request.images]
            yield from _points(structures, names, result.points, result.atoms)
            inner = sorted(result.points[1:-1], key=lambda point: point.energy_ev)
            yield "highest", [result.highest] == [point.name for point in inner[-1:]]
            yield from _heights([point.energy_ev for point in result.points], result)
        case dft.DftHopRequest(), dft.DftHopResult():
            chosen = request.images[: 2 if request.equivalent_ends else 3]
            structures = [image.structure for image in chosen]
            names = [image.name for image in chosen]
            yield from _points(structures, names, result.points, result.atoms)
            energies = [point.energy_ev for point in result.points]
            yield from _heights([*energies[:2], energies[2 * (len(energies) - 2)]], result)
        case dft.DftNebRequest(), dft.DftNebResult():
            wanted = [image.symbols for image in request.images]
            yield "images", wanted == [image.symbols for image in result.images]
            yield "atoms", result.atoms == len(wanted[0])
            numbers = (result.image_energies_ev, result.reaction_coordinate_ang)
            yield "energies", {len(wanted)} == {len(each) for each in numbers}
            yield from _heights(result.image_energies_ev, result)
        case dft.DftAfterRequest(), dft.DftAfterResult():
            yield "kind", result.kind == f"dft-{request.method}"


def _points(
    wanted: list[Host], names: list[str], found: Sequence[dft.SinglePoint], atoms: int
) -> Iterator[tuple[str, bool]]:
    yield "names", names == [point.name for point in found]
    yield "atoms", atoms == len(wanted[0].symbols)
    shapes = [[len(force) for force in point.forces_ev_per_ang] for point in found]
    yield "forces", shapes == [[3] * len(each.symbols) for each in wanted]


def _heights(
    energies_ev: list[float],
    result: dft.DftPathResult | dft.DftHopResult | dft.DftNebResult,
) -> Iterator[tuple[str, bool]]:
    top = max(energies_ev[1:-1], default=math.nan)
    forward, reverse = top - energies_ev[0], top - energies_ev[-1]
    yield "barrier_forward_ev", _same(forward, result.barrier_forward_ev)
    yield "barrier_reverse_ev", _same(reverse, result.barrier_reverse_ev)


def _same(one_ev: float, other_ev: float | None) -> bool:
    return other_ev is not None and abs(one_ev - other_ev) < SAME_EV


def _determinant(rows: Any) -> int:
    (a, b, c), (d, e, f), (g, h, i) = rows
    return int(a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g))
