from __future__ import annotations

from collections.abc import Callable
from itertools import product

import numpy as np
import pytest
from ase import Atoms
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from pvkdb.errors import InputError
from pvkdb_pipelines.geometry.tilts import ONE_PATTERN_DEG, octahedra_of, tilt_change, tilts

STEP_ANG = 6.0
CUBE = np.diag([2, 2, 2])
#: √2 × √2 × 2, the setting of Pnma, twice along one axis.
TURNED = np.array([[2, 2, 0], [1, -1, 0], [0, 0, 2]])
SIGNS: dict[str, Callable[[np.ndarray, int], int]] = {
    "in phase": lambda place, axis: (-1) ** int(place.sum() - place[axis]),
    "out of phase": lambda place, axis: (-1) ** int(place.sum()),
}


def places(cell: np.ndarray) -> list[np.ndarray]:
    """B sites in a cell of whole steps."""
    every = (np.array(each) for each in product(range(-5, 6), repeat=3))
    shares = ((each, np.linalg.solve(cell.T.astype(float), each) + 1e-6) for each in every)
    return [each for each, share in shares if ((share >= 0) & (share < 1)).all()]


def perovskite(cell: np.ndarray, degrees: float = 0.0, axis: int = 2, phase: str = "") -> Atoms:
    """PbBr3 with octahedra turned about an axis: each shared corner moves as both want it to."""
    symbols, positions = [], []
    for place in places(cell):
        symbols += ["Pb", "Br", "Br", "Br"]
        positions.append(place.astype(float))
        sign = SIGNS[phase](place, axis) if phase else 0
        for bond in np.eye(3) / 2:
            away = sign * np.tan(np.radians(degrees)) * np.cross(np.eye(3)[axis], bond)
            positions.append(place + bond + away)
    return Atoms(symbols, np.array(positions) * STEP_ANG, cell=cell * STEP_ANG, pbc=True)


@pytest.mark.parametrize("setting", ["cube", "turned"])
@pytest.mark.parametrize("phase", list(SIGNS))
@settings(max_examples=12, deadline=None)
@given(degrees=st.floats(-15, 15), axis=st.integers(0, 2))
def test_a_tilt_is_the_amplitude_of_its_pattern_alone(setting, phase, degrees, axis):
    cell = CUBE if setting == "cube" else TURNED
    if setting == "turned" and phase == "in phase":
        axis = 2  # about the others it does not repeat with the cell
    host = perovskite(cell)
    among = octahedra_of(host, {"Pb"}, {"Br"})
    tilted = perovskite(cell, degrees, axis, phase)
    change = tilt_change(host, tilted, among)
    own = tilts(tilted, octahedra_of(tilted, {"Pb"}, {"Br"}))
    assert own.largest_deg == pytest.approx(abs(degrees), abs=1e-4)
    assert change.largest_deg == pytest.approx(abs(degrees), abs=1e-4)
    assert {name[1] for name, each in change.patterns_deg.items() if abs(each) > 1e-4} <= {phase}
    assert change.rest_deg == pytest.approx(0, abs=1e-4)
    assert change.one_pattern == (change.largest_deg <= ONE_PATTERN_DEG)


def test_tilts_are_compared_in_a_tilted_host_with_the_octahedra_at_the_vacancy_left_out() -> None:
    """A tilt that turns the other way differs by twice its angle; the vacancy's place does not."""
    first, second = (perovskite(TURNED, each, 2, "in phase") for each in (12, -12))
    for atoms in (first, second):
        del atoms[1]
    among = octahedra_of(first, {"Pb"}, {"Br"}, moving=2)
    missing = {*octahedra_of(first, {"Pb"}, {"Br"}).bonds[0, :, 0]} - {*among.bonds[0, :, 0]}
    assert len(among.signs["c", "in phase"]) == 8 - 2 - len(missing)
    assert 0 < len(missing) <= 2
    change = tilt_change(first, second, among)
    assert abs(change.patterns_deg["c", "in phase"]) == pytest.approx(24, abs=0.01)
    assert not change.one_pattern
    assert tilt_change(first, first, among).one_pattern


def test_a_pattern_that_does_not_repeat_with_the_cell_is_none() -> None:
    host = perovskite(np.diag([2, 2, 3]))
    assert [phase for _, phase in octahedra_of(host, {"Pb"}, {"Br"}).signs] == ["in phase"]


def test_where_the_cell_holds_no_pattern_the_whole_rotation_counts() -> None:
    host, turned = (perovskite(TURNED, degrees, 2, "in phase") for degrees in (0, 9))
    among = octahedra_of(host, {"Pb"}, {"Br"})._replace(signs={})
    assert tilt_change(host, turned, among).largest_deg == pytest.approx(9, abs=1e-4)
    assert tilts(host, among).largest_deg == pytest.approx(0, abs=1e-4)


def test_octahedra_that_stand_apart_turn_alike_out_of_phase() -> None:
    """Along an axis of the face-centred lattice of Cs2SnX6 a common turn has the signs of R."""
    symbols, positions, turned = [], [], []
    turn = Rotation.from_rotvec([0, 0, 7], degrees=True)
    for place in (each for each in places(CUBE) if each.sum() % 2 == 0):
        bonds = np.array([*np.eye(3), *-np.eye(3)]) * 0.45
        symbols += ["Sn", *["Cl"] * 6]
        positions += [place, *(place + bonds)]
        turned += [place, *(place + turn.apply(bonds))]
    host, other = (
        Atoms(symbols, np.array(each) * STEP_ANG, cell=CUBE * STEP_ANG, pbc=True)
        for each in (positions, turned)
    )
    change = tilt_change(host, other, octahedra_of(host, {"Sn"}, {"Cl"}))
    (largest,) = [name for name, each in change.patterns_deg.items() if abs(each) > 1e-4]
    assert largest[1] == "out of phase"
    assert change.largest_deg == pytest.approx(7, abs=1e-4)


def test_without_octahedra_or_with_other_atoms_there_is_nothing_to_compare() -> None:
    host = perovskite(CUBE)
    with pytest.raises(InputError, match="larger cell"):
        octahedra_of(host, {"Sn"}, {"Br"})
    with pytest.raises(InputError, match="same atoms"):
        tilt_change(host, perovskite(TURNED)[:-1], octahedra_of(host, {"Pb"}, {"Br"}))
