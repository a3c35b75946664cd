"""A band whose highest image is no barrier between two minima is refused."""

from __future__ import annotations

import numpy as np
import pytest

from pvkdb.schemas.calculations import FailureKind
from pvkdb_pipelines.migration.paths.band import (
    ElasticBand,
    below_end_point,
    check_band,
    is_monotonic,
)

from ...conftest import fails


def band_of(*energies: float) -> ElasticBand:
    """A band known by its energies only."""
    n = len(energies)
    values = np.array(energies) - energies[0]
    return ElasticBand((), np.arange(n, dtype=float), values, np.zeros(n), 0.01, 0.01, 10)


@pytest.mark.parametrize(
    ("energies", "end"),
    [
        ((0.0, -0.1, 0.2, 0.1, 0.0), "initial"),
        ((0.0, 0.1, 0.2, -0.1, 0.0), "final"),
        # Lower than its own end although the other end is lower still.
        ((0.0, -0.1, 0.2, 0.1, -0.3), "initial"),
    ],
)
def test_image_below_its_end_point_is_no_barrier(energies, end):
    with fails(FailureKind.IMAGE_BELOW_ENDPOINT, f"below the {end} end point"):
        check_band(band_of(*energies))


def test_downhill_side_of_a_hop_to_a_lower_site_is_fine():
    check_band(band_of(0.0, 0.1, 0.2, -0.05, -0.3))
    check_band(band_of(0.0, -0.004, 0.2, 0.1, 0.0))  # within the noise of a converged band


def test_a_barrier_has_a_physical_size_and_differs_both_ways_by_its_ends():
    with fails(FailureKind.BARRIER_OUT_OF_BOUNDS):
        check_band(band_of(0.0, 0.1, 8117.0, 0.1, 0.0))
    band = band_of(0.0, 0.2, 0.5, 0.3, 0.12)
    assert band.barrier_forward_ev - band.barrier_reverse_ev == pytest.approx(0.12)


def test_a_path_that_only_rises_is_monotonic_and_passes():
    rising = band_of(0.0, 0.1, 0.2, 0.3, 0.4)
    assert is_monotonic(rising.energies_ev)
    assert below_end_point(rising) is None
    check_band(rising)
    assert not is_monotonic(band_of(0.0, 0.1, 0.41, 0.3, 0.4).energies_ev)
