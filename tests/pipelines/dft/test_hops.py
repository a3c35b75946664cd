"""Hops of an expensive method, found from the path of a cheap one."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms

from pvkdb.errors import CalculationFailedError
from pvkdb.schemas.calculations import FailureKind, PotentialName
from pvkdb.schemas.calculations.dft import (
    DftHopRequest,
    DftHopResult,
    DftNebRequest,
    DftNebResult,
    HopPoint,
    PathImage,
)
from pvkdb.schemas.calculations.kinds import require_fit
from pvkdb.store.collections import CALCULATIONS
from pvkdb.store.curation.computed import computed_rows
from pvkdb.store.database import Store
from pvkdb.store.models.calculations import Calculation
from pvkdb.store.models.energetics import Energetic
from pvkdb.store.models.structures import Structure
from pvkdb_pipelines.dft import computing, hops, stationary
from pvkdb_pipelines.dft.codes.pw_output import single_point
from pvkdb_pipelines.dft.computing import compute_dft
from pvkdb_pipelines.dft.hops import compute_hop, read_checkpoint, why_no_hop
from pvkdb_pipelines.dft.stationary import find_stationary, guide_at
from pvkdb_pipelines.geometry.hosts import atoms_in, host_of, set_results
from pvkdb_pipelines.potentials.loading import load_potential
from pvkdb_pipelines.potentials.potential import Potential, Properties

from ..conftest import fails, potential_from
from ..geometry.test_tilts import TURNED, perovskite
from .barriers import stored_barrier
from .crystals import GUIDE, TRUTH, ends_and_saddle, hop_request


@pytest.fixture(scope="module")
def true_barrier_ev() -> float:
    start, saddle, _ = ends_and_saddle(TRUTH)
    return float(saddle.get_potential_energy() - start.get_potential_energy())


def counted(potential: Potential, most: int = 10**6, failure: BaseException | None = None):
    """The same potential, which counts from 0 and fails after some calls."""

    def evaluate_one(atoms: Atoms) -> Properties:
        if failure is not None and engine.force_calls > most:
            raise failure
        return potential.evaluate_many([atoms], False)[0]

    engine = potential_from(evaluate_one, "Cu")
    return engine


def test_the_saddle_and_both_ends_are_those_of_the_expensive_method(tmp_path, true_barrier_ev):
    engine = counted(TRUTH)
    found = compute_hop(hop_request(GUIDE), engine, GUIDE, tmp_path / "hop.jsonl")
    assert found["barrier_forward_ev"] == pytest.approx(true_barrier_ev, abs=0.005)
    assert found["barrier_forward_ev"] == pytest.approx(found["barrier_reverse_ev"], abs=3e-3)
    start, saddle, _ = found["points"]
    assert abs(saddle.estimate_ev - start.estimate_ev - true_barrier_ev) > 0.005
    assert found["curvatures_ev_per_ang2"][0] < -0.1
    assert found["not_converged"] is None
    assert engine.force_calls == found["force_calls"] <= 15
    assert [point.name for point in found["points"]] == ["start", "saddle", "end"]
    for point in found["points"]:
        (again,) = TRUTH.evaluate([atoms_in(point.structure)], stress=False)
        assert np.linalg.norm(again["forces"], axis=1).max() <= 0.05
        assert again["energy"] == pytest.approx(point.energy_ev)


def test_a_stored_hop_is_checked_as_a_new_one(tmp_path: Path) -> None:
    """Forces, pattern, one unstable mode, and ends downhill from the saddle point."""
    request, file = hop_request(GUIDE), tmp_path / "hop.jsonl"
    found = compute_hop(request, TRUTH, GUIDE, file)
    stored = DftHopResult(**found, settings=request.settings, atoms=31, wall_seconds=0)
    calls = read_checkpoint(file)
    assert why_no_hop(request, stored, calls, GUIDE) is None
    strict = request.model_copy(update={"fmax_ev_per_ang": 1e-4})
    assert "above the limit of 0.0001" in str(why_no_hop(strict, stored, calls, GUIDE))
    # A far atom of the start is 0.7 Å away, where the way down from the saddle point does not lead.
    start, saddle, end = stored.points
    atoms = atoms_in(start.structure)
    far = int(atoms.get_distances(5, range(len(atoms)), mic=True).argmax())
    atoms.positions[far, 2] += 0.7
    moved = start.model_copy(update={"structure": host_of(atoms)})
    other = stored.model_copy(update={"points": [moved, saddle, end]})
    assert "from its place at the start" in str(why_no_hop(request, other, calls, GUIDE))
    # The method itself came downhill to a higher minimum: beside that start, or away from it.
    for away_ang, joined in ((0.2, True), (0.7, False)):
        beside = atoms.copy()
        beside.positions[far, 0] += away_ang
        (found,) = TRUTH.evaluate([beside.copy()], stress=False)
        call = calls[0].model_copy(
            update={
                "point": single_point("start downhill", found),
                "positions_ang": beside.positions.tolist(),
            }
        )
        higher = moved.model_copy(update={"other_ev": found["energy"]})
        other = stored.model_copy(update={"points": [higher, saddle, end]})
        assert (why_no_hop(request, other, [*calls, call], GUIDE) is None) == joined


@pytest.mark.parametrize(
    ("degrees", "cells", "small"), [(0, 1, False), (9, 1, True), (9, 5, False)]
)
def test_a_host_that_tilts_needs_a_cell_that_holds_its_tilts(
    degrees: float, cells: int, small: bool
) -> None:
    start = perovskite(TURNED, degrees, 2, "in phase") * (1, 1, cells)
    end = start.copy()
    end.positions[2] = start.positions[1]
    for atoms in (start, end):
        del atoms[1]
    points = ("start", start), ("saddle", start), ("end", end)
    images = tuple(PathImage(name=name, structure=host_of(atoms)) for name, atoms in points)
    request = hop_request(GUIDE, formula="CsPbBr3", images=images)
    why = hops.why_too_small(request)
    assert (why is not None) == small
    if why:
        assert re.search(r"tilts by 9°.* needs 150 atoms or more: this has 31", why)


def test_a_killed_search_goes_on_from_its_last_force_call(tmp_path: Path) -> None:
    request, path = hop_request(GUIDE, equivalent_ends=True), tmp_path / "hop.jsonl"
    whole = compute_hop(request, TRUTH, GUIDE, tmp_path / "whole.jsonl")
    with pytest.raises(KeyboardInterrupt):
        compute_hop(request, counted(TRUTH, 4, KeyboardInterrupt()), GUIDE, path)
    path.write_text(path.read_text() + '{"point": {"name": "sadd')  # the line of a kill
    assert len(read_checkpoint(path)) == 4
    engine = counted(TRUTH)
    rest = compute_hop(request, engine, GUIDE, path)
    assert rest["force_calls"] == whole["force_calls"] == engine.force_calls + 4
    assert rest["barrier_forward_ev"] == pytest.approx(whole["barrier_forward_ev"], abs=1e-6)
    assert [point.name for point in rest["points"]] == ["start", "saddle"]


@pytest.mark.parametrize(
    ("fields", "engine", "guide", "kind"),
    [
        ({"max_force_calls": 2}, TRUTH, GUIDE, FailureKind.ENDPOINT_NOT_CONVERGED),
        ({"max_force_calls": 3}, TRUTH, GUIDE, FailureKind.SADDLE_NOT_FOUND),
        (
            {},
            counted(TRUTH, 3, CalculationFailedError(FailureKind.SCF_NOT_CONVERGED, "no")),
            GUIDE,
            FailureKind.SCF_NOT_CONVERGED,
        ),
    ],
)
def test_a_search_that_ends_without_its_hop_says_why(tmp_path, fields, engine, guide, kind):
    request = hop_request(GUIDE, equivalent_ends=True, **fields)
    with fails(kind):
        compute_hop(request, engine, guide, tmp_path / "hop.jsonl")
    assert read_checkpoint(tmp_path / "hop.jsonl")


def test_a_path_without_a_saddle_point_is_refused_before_it_costs_anything(tmp_path: Path) -> None:
    """Its highest image is the start."""
    request = hop_request(GUIDE, equivalent_ends=True)
    start, saddle, end = request.images
    flat = saddle.model_copy(update={"structure": start.structure})
    request = request.model_copy(update={"images": (start, flat, end)})
    with fails(FailureKind.SADDLE_NOT_FOUND, "no unstable mode"):
        compute_hop(request, TRUTH, GUIDE, tmp_path / "hop.jsonl")
    assert {call.point.name for call in read_checkpoint(tmp_path / "hop.jsonl")} == {"start"}


def test_an_end_that_falls_into_the_other_is_a_lost_hop(tmp_path: Path) -> None:
    request = hop_request(GUIDE)
    start, saddle, end = request.images
    swapped = start.model_copy(update={"structure": end.structure})
    far = request.model_copy(update={"images": (swapped, saddle, end)})
    engine = pulled_to(atoms_in(start.structure))
    with fails(FailureKind.HOP_LOST, "start: the moving Cu went"):
        compute_hop(far, engine, GUIDE, tmp_path / "hop.jsonl")


def tilted(guided_ang: float, width_ang: float, well_ev: float) -> tuple[DftHopRequest, Potential]:
    """A hop, and the truth with a deep minimum for a far atom that is 0.7 Å from its place.

    The ends of the guide have that atom in its place, where it stays. At the guide's saddle point
    it is on the way to the minimum.
    """
    request = hop_request(GUIDE)
    start, saddle, end = (atoms_in(image.structure) for image in request.images)
    mover = int(np.linalg.norm(end.positions - start.positions, axis=1).argmax())
    far = int(start.get_distances(mover, range(len(start)), mic=True).argmax())
    well = saddle.positions[far] + [0.7, 0, 0]

    def evaluate_one(atoms: Atoms) -> Properties:
        found = TRUTH.evaluate_many([atoms], False)[0]
        away = atoms.positions[far] - well
        depth_ev = well_ev * np.exp(-(away**2).sum() / width_ang**2)
        forces = found["forces"].copy()
        forces[far] -= 2 * depth_ev * away / width_ang**2
        return {"energy": found["energy"] - depth_ev, "forces": forces}

    saddle.positions[far, 0] += guided_ang
    images = list(request.images)
    images[1] = images[1].model_copy(update={"structure": host_of(saddle)})
    moved = request.model_copy(update={"images": tuple(images)})
    return moved, potential_from(evaluate_one, "Cu")


@pytest.mark.long
def test_an_end_above_the_saddle_point_is_searched_again_downhill_from_it(
    tmp_path: Path, true_barrier_ev: float
) -> None:
    request, engine = tilted(0.4, 0.3, 1.0)
    hop = compute_hop(request, engine, GUIDE, tmp_path / "hop.jsonl")
    start, saddle, end = hop["points"]
    assert saddle.other_ev is None
    assert min(start.other_ev, end.other_ev) > saddle.energy_ev + 0.2
    assert hop["not_converged"] is None  # the lower ends are in the basin of the saddle point
    calls = read_checkpoint(tmp_path / "hop.jsonl")
    alone = [call.point for call in calls if call.point.name == "start"]
    assert start.other_ev in [point.energy_ev for point in alone]
    assert start.estimate_ev == alone[0].energy_ev
    assert start.force_calls > len(alone)
    assert sum(point.force_calls for point in hop["points"]) == hop["force_calls"] == len(calls)
    for barrier_ev in (hop["barrier_forward_ev"], hop["barrier_reverse_ev"]):
        assert barrier_ev == pytest.approx(true_barrier_ev, abs=0.02)
    counts = counted(engine)
    again = compute_hop(request, counts, GUIDE, tmp_path / "hop.jsonl")
    assert counts.force_calls == 0
    assert again["points"] == hop["points"]


@pytest.mark.long
def test_an_end_below_the_saddle_point_is_searched_again_where_another_atom_moved(
    tmp_path: Path, true_barrier_ev: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    request, engine = tilted(0.4, 0.3, 0.6)
    with monkeypatch.context() as without:
        without.setattr(hops._Search, "astray_ends", lambda search: [])
        alone = compute_hop(request, engine, GUIDE, tmp_path / "alone.jsonl")
    assert all(point.other_ev is None for point in alone["points"])
    # The far atom stays 0.7 Å from where it is downhill from the saddle point.
    assert re.search(r"an atom ends [\d.]+ Å from its place at the start", alone["not_converged"])
    assert 0 < alone["barrier_forward_ev"] < true_barrier_ev - 0.2
    again = compute_hop(request, engine, GUIDE, tmp_path / "again.jsonl")
    assert again["not_converged"] is None
    assert again["barrier_forward_ev"] == pytest.approx(true_barrier_ev, abs=0.02)
    assert again["points"][0].other_ev == alone["points"][0].energy_ev
    rerun = compute_hop(request, engine, GUIDE, tmp_path / "again.jsonl")
    assert (rerun["points"], rerun["force_calls"]) == (again["points"], again["force_calls"])
    # One of 31 atoms tilts here: 0.7 Å / √31. Where the method itself comes downhill to an end, it
    # does not matter that the potential's path is another.
    monkeypatch.setattr(hops, "TILTED_ANG", 0.1)
    why = hops.why_not_converged(request, alone["points"])
    assert re.search(r"by start 0\.1\d Å, end 0\.1\d Å; .* at most 0\.1 Å", why)
    monkeypatch.setattr(hops, "TILTED_ANG", 1e-3)
    assert hops.why_not_converged(request, again["points"])
    assert compute_hop(request, engine, GUIDE, tmp_path / "again.jsonl")["not_converged"] is None


def test_the_lower_minimum_of_an_end_counts_also_where_the_second_search_ends_higher() -> None:
    structure = hop_request(GUIDE).images[0].structure
    alone, again = (
        HopPoint(
            name="start",
            energy_ev=energy_ev,
            forces_ev_per_ang=[[0.0, 0.0, 0.0]] * len(structure.symbols),
            max_force_ev_per_ang=0.0,
            structure=structure,
            estimate_ev=estimate_ev,
            energy_left_ev=left_ev,
            force_calls=calls,
        )
        for energy_ev, estimate_ev, left_ev, calls in ((-5.0, -4.0, -1e-3, 7), (-4.9, -3.0, 0.0, 9))
    )
    lower = hops._lower(alone, again)
    assert (lower.energy_ev, lower.other_ev, lower.energy_left_ev) == (-5.0, -4.9, -1e-3)
    assert (lower.estimate_ev, lower.force_calls) == (-4.0, 16)


@pytest.mark.slow
def test_a_saddle_point_below_an_end_is_that_of_another_hop(tmp_path, monkeypatch):
    for searched_again in ("tilted_ends", "astray_ends"):
        monkeypatch.setattr(hops._Search, searched_again, lambda search: [])
    request, engine = tilted(0.4, 0.3, 1.0)
    with fails(FailureKind.IMAGE_BELOW_ENDPOINT, r"lies -0\.3\d\d and -0\.3"):
        compute_hop(request, engine, GUIDE, tmp_path / "hop.jsonl")


def test_a_search_that_ends_below_the_start_says_that_there_may_be_no_barrier(tmp_path):
    request, engine = tilted(0.4, 0.3, 1.0)
    short = request.model_copy(update={"max_force_calls": 5})
    with fails(FailureKind.IMAGE_BELOW_ENDPOINT, r"after 5 force calls.* eV below"):
        compute_hop(short, engine, GUIDE, tmp_path / "hop.jsonl")


def test_what_else_ends_a_search_below_the_start_keeps_its_name(tmp_path: Path) -> None:
    request, engine = tilted(0.4, 0.3, 1.0)
    late = CalculationFailedError(FailureKind.OUT_OF_WALLTIME, "late")
    with pytest.raises(CalculationFailedError, match=r"^late$") as caught:
        compute_hop(request, counted(engine, 8, late), GUIDE, tmp_path / "hop.jsonl")
    calls = {call.point.name: call.point for call in read_checkpoint(tmp_path / "hop.jsonl")}
    assert calls["saddle"].energy_ev < calls["start"].energy_ev - 0.05
    assert caught.value.kind is FailureKind.OUT_OF_WALLTIME


def test_an_unstable_mode_is_the_hops_rather_than_a_stable_one_that_follows_it_better() -> None:
    """On a flat top the direction of the hop is shared by several modes."""
    towards = np.array([0.2, 0.5, 0.8])
    assert stationary._hop_mode(np.array([-0.1, 0.1, 0.3]), np.eye(3), towards) == (2, False)
    assert stationary._hop_mode(np.array([-0.2, -0.1, 0.3]), np.eye(3), towards) == (1, True)


def test_an_end_that_symmetry_keeps_on_a_ridge_leaves_it() -> None:
    """An atom between two wells: no force acts on it there, but calls beside it know the wells."""
    start = ends_and_saddle(GUIDE)[0]

    def evaluate(atoms: Atoms) -> Atoms:
        found = GUIDE.evaluate_many([atoms], False)[0]
        away = atoms.positions[5, 0] - start.positions[5, 0]
        forces = found["forces"].copy()
        forces[5, 0] += 20 * away - 160 * away**3
        evaluated = atoms.copy()
        set_results(evaluated, found["energy"] + 40 * away**4 - 10 * away**2, forces)
        return evaluated

    beside = [start.copy(), start.copy()]
    for atoms, away in zip(beside, (-0.15, 0.15), strict=True):
        atoms.positions[5, 0] += away
    found = find_stationary(
        guide_at(start, GUIDE, None),
        evaluate,
        [],
        [evaluate(atoms) for atoms in beside],
        fmax=0.05,
        energy_left_ev=0.005,
        max_calls=40,
        what="start",
        on_step=lambda step, residual: None,
    )
    assert np.linalg.norm(evaluate(start).get_forces(), axis=1).max() < 0.05
    assert found.atoms.get_potential_energy() < evaluate(start).get_potential_energy() - 0.05


@pytest.mark.parametrize(("depth_ev", "width_ang", "modes"), [(5e-4, 0.02, 0), (0.1, 0.1, 1)])
def test_a_wiggle_of_the_potential_is_no_unstable_mode(
    depth_ev: float, width_ang: float, modes: int
) -> None:
    """A dip on springs, of 0.01 meV or 67: both turn the curvature at its middle."""
    place = ends_and_saddle(GUIDE)[0]
    springs = pulled_to(place)

    def evaluate_one(atoms: Atoms) -> Properties:
        (found,) = springs.evaluate_many([atoms], False)
        away = atoms.positions[5, 0] - place.positions[5, 0]
        dip = depth_ev * np.exp(-((away / width_ang) ** 2))
        found["forces"][5, 0] += 2 * dip * away / width_ang**2
        return {**found, "energy": found["energy"] - depth_ev + dip}

    potential = potential_from(evaluate_one, "Cu")
    curvatures = np.full(3 * len(place), 2.0)
    curvatures[15] -= 2 * depth_ev / width_ang**2
    assert curvatures[15] < stationary.UNSTABLE
    found = stationary._others(curvatures, np.eye(len(curvatures)), None, potential, place)
    assert found == [15] * modes


def test_in_large_cells_second_derivatives_serve_for_structures_nearby(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The same minimum with fewer evaluations of the potential."""
    begin = ends_and_saddle(GUIDE)[0]
    found, evaluated = [], []
    for many_atoms in (10**6, 0):
        monkeypatch.setattr(stationary, "_MANY_ATOMS", many_atoms)
        guide = counted(GUIDE)
        minimum = find_stationary(
            guide_at(begin, guide, None),
            TRUTH.evaluated,
            [],
            fmax=0.02,
            energy_left_ev=0.005,
            max_calls=40,
            what="start",
            on_step=lambda step, residual: None,
        )
        found.append(minimum.atoms.get_potential_energy())
        evaluated.append(guide.force_calls)
    assert found[1] == pytest.approx(found[0], abs=1e-3)
    assert evaluated[1] < 0.8 * evaluated[0]


def pulled_to(place: Atoms) -> Potential:
    """Springs of all atoms to a structure."""

    def evaluate_one(atoms: Atoms) -> Properties:
        away = atoms.positions - place.positions
        return {"energy": float((away**2).sum()), "forces": -2 * away}

    return potential_from(evaluate_one, "Cu")


def test_a_hop_of_the_queue_is_a_statement_of_dft_with_its_settings(
    sqlite_store: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PVKDB_DFT_CHECKPOINTS", str(tmp_path))
    monkeypatch.setattr(computing, "load_potential", lambda name: GUIDE)
    request = hop_request(GUIDE)
    run = compute_dft(request, None, TRUTH)
    assert isinstance(run.result, DftHopResult)
    require_fit(run.request, run.result)
    assert [path.name for path in tmp_path.glob("*.jsonl")] == [
        f"pvkdb-hop-{run.request.key()[:16]}.jsonl"
    ]
    key = stored_barrier(sqlite_store)
    with sqlite_store.session() as session:
        calculation = session.get_one(Calculation, key)
        rows = computed_rows(session, calculation, run.request, run.result, {})
        (statement,) = [row for row in rows if isinstance(row, Energetic)]
        roles = [row.role for row in rows if not isinstance(row, Energetic)]
    assert roles == ["start", "saddle", "end"]
    assert (statement.method, statement.approximate, statement.charge) == ("DFT", False, 0)
    assert "ends and saddle point relaxed" in statement.conditions
    marked = run.result.model_copy(update={"not_converged": "a difference of basins"})
    with sqlite_store.session() as session:
        calculation = session.get_one(Calculation, key)
        rows = computed_rows(session, calculation, run.request, marked, {})
        calculation.result = marked.model_dump(mode="json")
        session.flush()
        (shown,) = CALCULATIONS.load(session, [key])
    assert [row.role for row in rows if isinstance(row, Structure)] == roles
    assert len(rows) == len(roles)  # no statement
    assert (shown.barrier_forward_ev, shown.barrier_reverse_ev) == (None, None)
    assert run.result.guide_versions == {"weights": "none"}
    wider = request.model_copy(update={"max_force_calls": 80, "fmax_ev_per_ang": 0.1})
    assert wider.key() != request.key()
    assert compute_dft(wider, None, counts := counted(TRUTH)).result.barrier_forward_ev > 0
    assert counts.force_calls == 0
    with pytest.raises(ValueError, match="barrier_forward_ev"):
        require_fit(run.request, run.result.model_copy(update={"barrier_forward_ev": 0.1}))


@pytest.mark.long
def test_a_hop_of_cspbbr3_is_the_one_that_the_band_of_the_other_potential_finds(
    cspbbr3_migration, tmp_path: Path
) -> None:
    """From the path of SevenNet-0 to the barrier of l3i5: 10 meV and 40 force calls."""
    found = cspbbr3_migration(PotentialName.SEVENNET_0)
    number = found.result.hops.index(found.result.limiting)
    path = found.paths[number].band.images
    top = max(path, key=lambda image: image.get_potential_energy())
    images = [host_of(image) for image in (path[0], top, path[-1])]
    named = zip(("start", "saddle", "end"), images, strict=True)
    request = hop_request(GUIDE).model_copy(
        update={"images": tuple(PathImage(name=name, structure=image) for name, image in named)}
    )
    guide, engine = (
        load_potential(name) for name in (PotentialName.SEVENNET_0, PotentialName.SEVENNET_L3I5)
    )
    hop = compute_hop(request, engine, guide, tmp_path / "hop.jsonl")
    assert hop["force_calls"] <= 40
    band = compute_dft(
        DftNebRequest(
            formula="CsPbBr3",
            images=tuple(images),  # its climbing image alone
            fmax_endpoint_ev_per_ang=0.01,
            fmax_neb_ev_per_ang=0.02,
            max_steps_endpoint=300,
            max_steps_neb=300,
        ),
        None,
        load_potential(PotentialName.SEVENNET_L3I5),
    ).result
    assert isinstance(band, DftNebResult)
    assert hop["barrier_forward_ev"] == pytest.approx(band.barrier_forward_ev, abs=0.01)
    assert hop["barrier_reverse_ev"] == pytest.approx(band.barrier_reverse_ev, abs=0.01)
