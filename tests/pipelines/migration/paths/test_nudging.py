"""The nudged elastic band finds known saddle points, or says why not."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from ase.build import bulk
from ase.geometry import find_mic

from pvkdb.schemas.calculations import FailureKind
from pvkdb_pipelines.migration.paths.band import top_of
from pvkdb_pipelines.migration.paths.nudging import (
    ClimbingBand,
    images_for,
    interpolate,
    relax_band,
)
from pvkdb_pipelines.relaxations.relaxation import relax

from ...conftest import fails
from ..double_well import SADDLE_EV, double_well, ends_of_the_well


@pytest.fixture
def copper_ends(emt):
    """Both ends of a vacancy hop to a nearest neighbour in fcc copper, 31 atoms, relaxed."""
    crystal = bulk("Cu", "fcc", a=3.59, cubic=True) * 2
    jumper = int(np.argmin(np.linalg.norm(crystal.positions - [0, 1.795, 1.795], axis=1)))
    initial, final = crystal.copy(), crystal.copy()
    final.positions[jumper] = crystal.positions[0]
    del initial[0]
    del final[0]
    ends = [relax(end, emt, 0.005, 200, cell=False, what="end")[0] for end in (initial, final)]
    return *ends, jumper - 1


def test_residual_counts_the_climbing_image(emt, copper_ends):
    # ASE's own residual leaves it out: a shifted saddle then looks converged.
    initial, final, _ = copper_ends
    band = relax_band(interpolate(initial, final, 3), emt, 0.02, 200, climb=True)
    images = list(band.images)
    images[2].rattle(0.02, seed=3)
    neb = ClimbingBand(images, emt)
    neb.climb = True
    forces = neb.get_forces().reshape(3, len(initial), 3)
    climbing = np.linalg.norm(forces[1], axis=1).max()
    assert neb.imax == 2
    assert neb.get_residual() >= climbing > 0.02


def test_too_few_steps_and_energies_that_are_no_numbers_are_typed_failures(
    emt, broken, copper_ends
):
    initial, final, _ = copper_ends
    with fails(FailureKind.NEB_NOT_CONVERGED, "allow more steps"):
        relax_band(interpolate(initial, final, 3), emt, 0.001, 3, climb=True)
    with fails(FailureKind.POTENTIAL_FAILED, "not a number"):
        relax_band(interpolate(initial, final, 3), broken, 0.01, 20)


def test_a_path_through_an_atom_is_a_typed_failure(emt, copper_ends):
    initial, _, jumper = copper_ends
    final = initial.copy()
    blocking = (jumper + 1) % len(initial)
    step, _ = find_mic(initial.positions[blocking] - initial.positions[jumper], initial.cell, True)
    final.positions[jumper] += 2 * step
    path = [initial.copy() for _ in range(4)] + [final]
    for part, image in enumerate(path[1:-1], start=1):
        image.positions[jumper] += step * part / 2 + [0, 0, 0.01]
    with fails(FailureKind.ATOMS_TOO_CLOSE, r"image 2 .* through an atom"):
        relax_band(path, emt, 0.01, 1)


def test_interpolated_path_keeps_atoms_apart_and_crosses_cell_boundaries(copper_ends):
    initial, final, jumper = copper_ends
    wrapped = final.copy()
    wrapped.wrap()
    path = interpolate(initial, wrapped, 5)
    steps = [
        np.linalg.norm(after.positions[jumper] - before.positions[jumper])
        for before, after in pairwise(path)
    ]
    assert max(steps) < 1.0
    for image in path:
        distances = image.get_all_distances(mic=True)
        assert distances[np.triu_indices(len(image), 1)].min() > 2.0


@pytest.mark.parametrize("images", [4, 5])
@pytest.mark.parametrize("tilt", [0.0, 0.03])
def test_barrier_of_a_curved_double_well_is_exact(images, tilt):
    """Wherever the saddle lies between the images, the climbing one is taken to it."""
    potential = double_well(tilt)
    initial, final, expected = ends_of_the_well(tilt)
    band = relax_band(interpolate(initial, final, images), potential, 0.002, 500, climb=True)
    assert band.barrier_forward_ev == pytest.approx(expected, abs=0.001)
    assert np.argmax(band.energies_ev) not in (0, images + 1)


def test_a_band_that_does_not_climb_stays_below_its_saddle():
    initial, final, expected = ends_of_the_well(0.03)
    band = relax_band(interpolate(initial, final, 4), double_well(0.03), 0.005, 500)
    assert band.barrier_forward_ev < expected - 0.002
    index, tangent = top_of(band)
    assert index == np.argmax(band.energies_ev)
    # The saddle lies at x near 0, where the path (y = 0.2 x²) runs along x.
    along = tangent[0] / np.linalg.norm(tangent)
    assert along[0] > 0.8


def test_mirrored_band_is_computed_by_half(metal_vacancy, emt):
    states, hop = metal_vacancy("Cu")
    ends = states.stage.ends(hop, states.of(hop.start), states.of(hop.end))
    assert ends.exchange is not None
    calls, bands = [], []
    for exchange in (ends.exchange, None):
        before = emt.force_calls
        path = interpolate(ends.initial, ends.final, 5, exchange)
        bands.append(relax_band(path, emt, 0.01, 200, climb=True, exchange=exchange))
        calls.append((emt.force_calls - before) / bands[-1].steps)
    half, full = bands
    assert calls[0] < 0.7 * calls[1]  # three of five images
    assert half.barrier_forward_ev == pytest.approx(full.barrier_forward_ev, abs=0.001)
    for one, other in zip(half.energies_ev, half.energies_ev[::-1], strict=True):
        assert one == pytest.approx(other, abs=1e-9)
    for image in half.images[1:-1]:  # those that were mapped say what the potential says of them
        (found,) = emt.evaluate([image])
        assert found["energy"] == pytest.approx(image.get_potential_energy(), abs=1e-6)
        assert found["forces"] == pytest.approx(image.get_forces(), abs=1e-5)


def test_a_path_without_a_saddle_does_not_climb():
    # From the shoulder of a strongly tilted well there is only one way: down.
    start, final, _ = ends_of_the_well(0.0)
    steep = double_well(2 * SADDLE_EV)
    for end in (start, final):
        (found,) = steep.evaluate([end])
        end.calc.results.update(energy=found["energy"], forces=found["forces"])
    band = relax_band(interpolate(start, final, 5), steep, 0.05, 500, climb=True)
    assert np.all(np.diff(band.energies_ev) > 0)


@pytest.mark.parametrize(
    ("length", "odd", "expected"),
    [(2.5, False, 3), (4.3, False, 3), (5.5, False, 4), (5.5, True, 5), (30.0, False, 11)],
)
def test_longer_hops_have_more_images(length, odd, expected):
    assert images_for(length, odd=odd) == expected
