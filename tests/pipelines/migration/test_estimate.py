"""Rough barriers: the limiting hop of a double perovskite, and shipped barriers within 0.06 eV."""

from __future__ import annotations

import gzip
import json
from importlib import resources

import numpy as np
import pytest
from ase import Atoms

from pvkdb.chemistry import parse_composition
from pvkdb.errors import CalculationFailedError
from pvkdb.schemas.calculations import FailureKind, PotentialName
from pvkdb.schemas.calculations.relaxations import EstimateRequest, VacancyResult
from pvkdb_pipelines.geometry.hosts import host_of
from pvkdb_pipelines.migration.estimate import estimate_barrier
from pvkdb_pipelines.potentials.potential import Potential, Properties
from pvkdb_pipelines.prototypes import build, compound_of

from ..conftest import fails, potential_from


def request(formula: str, phase: str, host: Atoms | None = None) -> EstimateRequest:
    compound = compound_of(parse_composition(formula))
    return EstimateRequest(
        formula=formula,
        phase=phase,
        host=host_of(build(compound, phase) if host is None else host),
        vacancy_ev=-10.0,
        potential=PotentialName.SEVENNET_0,
    )


def edges(at_ev: dict[str, float], seen: list[Atoms]) -> Potential:
    """A potential without forces: energies of halides that have left all cations but one."""

    def evaluate_one(structure: Atoms) -> Properties:
        seen.append(structure.copy())
        cations = np.flatnonzero(np.isin(structure.symbols, list(at_ev)))
        apart = structure.get_all_distances(mic=True)[structure.symbols == "Cl"][:, cations]
        moving = np.sort(apart, axis=1)[:, 1].argmax()
        near = structure.symbols[cations[apart[moving].argmin()]]
        return {"energy": -10.0 + at_ev[near], "forces": np.zeros((len(structure), 3))}

    return potential_from(evaluate_one, "Cs", "Cl", *at_ev)


@pytest.mark.parametrize(
    ("at_ev", "limit"), [({"Na": 0.8, "Y": 0.1}, "Na"), ({"Na": 0.2, "Y": 0.5}, "Y")]
)
def test_a_path_through_a_double_perovskite_needs_the_edges_of_both_octahedra(at_ev, limit):
    """Octahedra of one cation share no halide with each other."""
    seen: list[Atoms] = []
    found = estimate_barrier(request("Cs2NaYCl6", "Fm-3m"), potential=edges(at_ev, seen)).result
    assert found.e_a_ev == pytest.approx(max(at_ev.values()))
    assert found.limited_by == f"octahedron edge at {limit}"
    assert found.force_calls == len(seen) == 2  # one of each kind of hop


def test_the_moving_ion_starts_where_there_is_room() -> None:
    seen: list[Atoms] = []
    estimate_barrier(request("Cs2NaYCl6", "Fm-3m"), potential=edges({"Na": 0.8, "Y": 0.1}, seen))
    for structure in seen:
        apart = structure.get_all_distances(mic=True)
        np.fill_diagonal(apart, np.inf)
        # A straight line between two neighbours of a cation passes it at 0.7 of its bond.
        bonds = apart[structure.symbols == "Cl"][:, np.isin(structure.symbols, ["Na", "Y"])]
        assert bonds.min() > 0.85 * np.median(bonds.min(axis=1))


def hop_of(structure: Atoms) -> tuple[int, np.ndarray, np.ndarray]:
    """The moving bromide of a cubic cell, the direction of its hop, and that away from its lead."""
    bromine, lead = (np.flatnonzero(structure.symbols == symbol) for symbol in ("Br", "Pb"))
    bonds = structure.get_all_distances(mic=True)[np.ix_(bromine, lead)]
    which = int(np.sort(bonds, axis=1)[:, 1].argmax())  # the one that has a single lead nearby
    moving, near = int(bromine[which]), int(lead[bonds[which].argmin()])
    outward = structure.get_distance(near, moving, mic=True, vector=True)
    outward /= np.linalg.norm(outward)
    (across,) = (axis for axis in np.eye(3) if abs(axis @ outward) < 0.1)
    return moving, np.cross(outward, across), outward


def test_the_ion_is_held_halfway_while_all_give_way() -> None:
    """The fault: 10 eV/Å along the hop, and other ions that may slide past the moving one."""
    seen: list[Atoms] = []

    def evaluate_one(structure: Atoms) -> Properties:
        seen.append(structure.copy())
        moving, along, outward = hop_of(seen[0])
        pulled = np.random.default_rng(1).normal(scale=0.2, size=(len(structure), 3))
        pulled[moving] = 2.0 * along + 0.2 * outward
        stretched = structure.positions - seen[0].positions - pulled
        others = np.arange(len(structure)) != moving
        stretched[others] -= stretched[others].mean(axis=0)
        return {"energy": 2.5 * (stretched**2).sum(), "forces": -5.0 * stretched}

    estimate_barrier(
        request("CsPbBr3", "Pm-3m"), potential=potential_from(evaluate_one, "Cs", "Pb", "Br")
    )
    moving, along, outward = hop_of(seen[0])
    moved = seen[-1].positions - seen[0].positions
    others = np.delete(moved, moving, axis=0)
    assert np.linalg.norm(others, axis=1).max() > 0.2
    assert moved[moving] @ outward > 0.1
    assert abs(moved[moving] @ along) < 1e-6
    drift = np.average(others, axis=0, weights=np.delete(seen[0].get_masses(), moving))
    assert abs(drift @ along) < 0.02


def test_hosts_without_octahedra_and_potentials_that_fail_have_a_reason(broken: Potential) -> None:
    sparse = build(compound_of(parse_composition("CsPbBr3")), "Pm-3m")
    sparse.set_cell(sparse.cell * 2)
    with fails(FailureKind.NO_HOP, "not made of octahedra"):
        estimate_barrier(request("CsPbBr3", "Pm-3m", sparse), potential=broken)
    with pytest.raises(CalculationFailedError, match="not a number"):
        estimate_barrier(request("CsPbBr3", "Pm-3m"), potential=broken)


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("formula", "barrier_ev", "limit"),
    # The barriers of the shipped plan with SevenNet-0.
    [
        ("CsPbCl3", 0.166, "octahedron edge at Pb"),
        ("Cs2NaScCl6", 0.832, "octahedron edge at Na"),
        ("Rb2PtCl6", 1.017, "between octahedra, terminal–terminal"),
    ],
)
def test_estimates_are_close_to_barriers(formula: str, barrier_ev: float, limit: str) -> None:
    packed = resources.files("pvkdb.computed") / "inorganic-calculations.jsonl.gz"
    lines = map(json.loads, gzip.decompress(packed.read_bytes()).splitlines())
    line = next(
        line
        for line in lines
        if line.get("kind") == "vacancy" and line["parameters"]["formula"] == formula
    )
    given = {name: line["parameters"][name] for name in ("formula", "phase", "host", "potential")}
    lowest = VacancyResult.model_validate(line["result"]).lowest
    found = estimate_barrier(EstimateRequest(**given, vacancy_ev=lowest.energy_ev)).result
    assert found.e_a_ev == pytest.approx(barrier_ev, abs=0.06)
    assert found.limited_by == limit
