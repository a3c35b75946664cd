"""What should not decide a barrier does not: seed, images, direction, optimizer, whose code."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ase.mep import NEB
from ase.optimize import FIRE

from pvkdb.schemas.calculations import PotentialName
from pvkdb.schemas.calculations.migration import NebRequest, NebSettings
from pvkdb.store.queue.migration_requests import complete_request
from pvkdb_pipelines.migration.compute import compute_migration
from pvkdb_pipelines.migration.paths.paths import PathFinder
from pvkdb_pipelines.potentials.loading import load_potential

from .conftest import relaxed_vacancies, silent

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.mark.long
def test_bottleneck_does_not_hang_on_chance_or_images(cspbbr3_migration):
    expected = cspbbr3_migration(PotentialName.CHGNET).result
    other = NebSettings(seed=7, images=5)
    request = complete_request(
        NebRequest(formula="CsPbBr3", potential=PotentialName.CHGNET, settings=other)
    )
    found = compute_migration(request).result
    assert found.e_a_ev == pytest.approx(expected.e_a_ev, abs=0.02)
    assert found.dimensionality == expected.dimensionality


def test_a_hop_from_its_other_end_has_the_same_saddle(cspbbr3_migration):
    """Of two kinds of sites, so that symmetry does not answer."""
    potential = load_potential("chgnet")
    run = cspbbr3_migration(PotentialName.CHGNET)
    states = relaxed_vacancies(run.crystal.cell, "Br", potential)
    finder = PathFinder(states)
    kinds = states.stage.sites.action.orbits
    hop = next(path.hop for path in run.paths if kinds[path.hop.start] != kinds[path.hop.end])
    u, v, w = hop.vector
    reverse = replace(hop, start=hop.end, end=hop.start, vector=(-u, -v, -w))
    there, back = finder.find(hop, silent), finder.find(reverse, silent)
    assert back.saddle_ev == pytest.approx(there.saddle_ev, abs=0.01)
    assert back.band.barrier_forward_ev == pytest.approx(there.band.barrier_reverse_ev, abs=0.01)


@pytest.mark.long
def test_limiting_barrier_is_that_of_a_plain_band(cspbbr3_migration):
    """ASE's band as its manual has it: seven images, one calculator each, FIRE, then climbing."""
    from chgnet.model.dynamics import CHGNetCalculator

    run = cspbbr3_migration(PotentialName.CHGNET)
    path = run.paths[run.result.hops.index(run.result.limiting)]
    ends = [image.copy() for image in (path.band.images[0], path.band.images[-1])]
    images = [ends[0], *(ends[0].copy() for _ in range(7)), ends[1]]
    calculator = CHGNetCalculator(use_device="cpu")
    for image in images:
        image.calc = calculator
    for end in ends:
        assert FIRE(end, logfile=None).run(fmax=0.02, steps=300)
    band = NEB(images, method="improvedtangent", allow_shared_calculator=True)
    band.interpolate("idpp", mic=True)
    FIRE(band, logfile=None).run(fmax=0.15, steps=300)
    band.climb = True
    assert FIRE(band, logfile=None).run(fmax=0.05, steps=600)
    energies = [image.get_potential_energy() for image in images]
    barrier = max(energies) - energies[0]
    assert barrier == pytest.approx(run.result.limiting.barrier_forward_ev, abs=0.02)
