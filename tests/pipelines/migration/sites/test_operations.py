"""Symmetry operations move points, displacements and forces as the crystal has it."""

from __future__ import annotations

import numpy as np
import pytest
from ase.build import bulk

from pvkdb.schemas.calculations import FailureKind
from pvkdb_pipelines.migration.sites.operations import act, operations_of

from ...conftest import fails
from ..conftest import prototype_cell


@pytest.mark.parametrize(
    ("host", "order"),
    [
        (prototype_cell("CsPbBr3", "Pnma"), 8),
        (prototype_cell("CsPbBr3", "Pm-3m") * 2, 48 * 8),  # with the inner translations
        (prototype_cell("Cs3Sb2I9", "P6_3/mmc"), 24),
    ],
)
def test_every_operation_maps_each_atom_onto_one_of_its_element(host, order):
    operations = operations_of(host)
    action = operations.on_atoms
    assert len(operations) == order
    for index in range(order):
        target = action.target[index]
        assert sorted(target) == list(range(len(host)))
        assert (host.numbers[target] == host.numbers).all()
        there = host.positions[target] + action.image[index] @ host.cell.array
        assert operations.moved(index, host.positions) == pytest.approx(there, abs=1e-6)
        rotation = operations.cartesian(index)
        assert rotation @ rotation.T == pytest.approx(np.eye(3), abs=1e-8)
    assert action.orbits.max() < len(host)
    assert (action.orbits[action.target[0]] == action.orbits).all()


def test_kinds_are_not_mapped_onto_one_another():
    host = bulk("Po", "sc", a=3.0) * 2
    operations = operations_of(host)
    act(operations, host.positions)
    with fails(FailureKind.SYMMETRY_CHANGED, "symmetrise"):
        act(operations, host.positions, np.array([1, 0, 0, 0, 0, 0, 0, 0]))
