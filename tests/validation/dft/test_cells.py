"""One hop in cells of rising size."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.geometry import find_mic

from pvkdb.errors import InputError
from validation.dft.cells import NEAR_ANG, in_cell

#: From the vacancy to the middle of the hop, Å.
_TO_MIDDLE = np.array([1.5, 1.5, 0])


@pytest.fixture
def host() -> Atoms:
    """Return rock salt with Cl at the origin, its ions 3 Å apart."""
    return bulk("ClNa", "rocksalt", a=6, cubic=True).repeat((4, 2, 2))


@pytest.fixture
def points(host: Atoms) -> dict[str, Atoms]:
    """Start and saddle point of a hop of Cl into a vacancy at the origin, all other atoms moved."""
    vacant = int(np.linalg.norm(host.positions, axis=1).argmin())
    moving = int(find_mic(host.positions - _TO_MIDDLE * 2, host.cell)[1].argmin())
    start = host.copy()
    start.rattle(0.1, seed=3)
    saddle = start.copy()
    saddle.positions[moving] -= _TO_MIDDLE
    del start[vacant], saddle[vacant]
    return {"start": start, "saddle": saddle}


def test_the_atoms_near_a_hop_are_where_they_are_in_the_large_cell(
    host: Atoms, points: dict[str, Atoms]
) -> None:
    small = in_cell(host, points, np.eye(3) * 12)

    for name in ("start", "saddle"):
        assert len(small[name]) == 63
        large = find_mic(points[name].positions - _TO_MIDDLE, host.cell)[0]
        near, there = (
            np.sort(np.linalg.norm(each, axis=1)) for each in (small[name].positions, large)
        )
        assert near[:8] == pytest.approx(there[:8])
    # What is farther from the middle of the hop stays on a site, and sites are 3 Å apart.
    start = small["start"].positions
    sites = (start[np.linalg.norm(start, axis=1) > NEAR_ANG + 0.5] + _TO_MIDDLE) / 3
    assert len(sites) > 40
    assert sites == pytest.approx(np.rint(sites), abs=1e-6)


def test_a_cell_in_which_a_hop_meets_its_images_is_refused(
    host: Atoms, points: dict[str, Atoms]
) -> None:
    with pytest.raises(InputError, match=r"meet their images in a cell of 32 sites"):
        in_cell(host, points, np.diag([12, 12, 6]))
