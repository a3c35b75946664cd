"""A result fits one request; what is no result is unreadable, not an error."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pvkdb.schemas.calculations.dft import (
    DftNebRequest,
    DftNebResult,
    DftPathRequest,
    DftPathResult,
    DftRelaxRequest,
    DftRelaxResult,
    DftScfRequest,
    DftScfResult,
    DftSettings,
    PathImage,
    SinglePoint,
)
from pvkdb.schemas.calculations.kinds import UnreadableResult, read_result, require_fit
from pvkdb.schemas.calculations.relaxations import Host

START = Host(
    symbols=("Cs", "Br"),
    cell_ang=((4.3, 0, 0), (0, 4.3, 0), (0, 0, 4.3)),
    positions_ang=((0, 0, 0), (2.1, 2.1, 2.1)),
)
OTHER = START.model_copy(update={"symbols": ("Cs", "I")})
SETTINGS = DftSettings(cutoff_wfc_ry=40, cutoff_rho_ry=320, kpoint_grid=(1, 1, 1))
COST: dict[str, Any] = {"settings": SETTINGS, "atoms": 2, "force_calls": 1}
COST |= {"cpu_seconds": 1, "wall_seconds": 1}
GIVEN: dict[str, Any] = {"formula": "CsBr", "settings": SETTINGS}


def point(name: str, energy_ev: float = -1.0) -> SinglePoint:
    forces = {"forces_ev_per_ang": [[0.0, 0.0, 0.1]] * 2, "max_force_ev_per_ang": 0.1}
    return SinglePoint(name=name, energy_ev=energy_ev, **forces)


def scf(**changes: Any) -> tuple[DftScfRequest, DftScfResult]:
    given = {"point": point("structure"), **COST, **changes}
    return DftScfRequest(structure=START, **GIVEN), DftScfResult(**given)


def relaxation(**changes: Any) -> tuple[DftRelaxRequest, DftRelaxResult]:
    numbers = {"structure": START, "energy_ev": -5.0, "max_force_ev_per_ang": 0.01, "steps": 3}
    given = {**numbers, **COST, **changes}
    return DftRelaxRequest(structure=START, **GIVEN), DftRelaxResult(**given)


def path(**changes: Any) -> tuple[DftPathRequest, DftPathResult]:
    names = ("start", "saddle", "end")
    images = tuple(PathImage(name=name, structure=START) for name in names)
    points = [point(name, energy) for name, energy in zip(names, (-1.0, -0.6, -0.9), strict=True)]
    numbers = {"points": points, "highest": "saddle"}
    heights = {"barrier_forward_ev": 0.4, "barrier_reverse_ev": 0.3}
    given = {**numbers, **heights, **COST, **changes}
    return DftPathRequest(images=images, **GIVEN), DftPathResult(**given)


def band(**changes: Any) -> tuple[DftNebRequest, DftNebResult]:
    numbers = {"images": [START] * 3, "image_energies_ev": [0.0, 0.4, 0.1]}
    path_ang = {"reaction_coordinate_ang": [0.0, 2.0, 4.0], "residual_force_ev_per_ang": 0.02}
    heights = {"barrier_forward_ev": 0.4, "barrier_reverse_ev": 0.3}
    how = {"neb_method": "a test", "steps": 4}
    given = {**numbers, **path_ang, **heights, **how, **COST, **changes}
    return DftNebRequest(images=(START,) * 3, **GIVEN), DftNebResult(**given)


Made = Callable[..., tuple[Any, Any]]


@pytest.mark.parametrize("made", [scf, relaxation, path, band])
def test_a_result_of_its_request_fits(made: Made) -> None:
    require_fit(*made())


@pytest.mark.parametrize(
    ("made", "changes", "words"),
    [
        (scf, {"settings": SETTINGS.model_copy(update={"charge": 1})}, "settings is"),
        (scf, {"point": point("saddle")}, "names"),
        (scf, {"atoms": 3}, "atoms"),
        (relaxation, {"structure": OTHER}, "symbols"),
        (relaxation, {"structure": START.model_copy(update={"cell_ang": ()})}, "cell_ang"),
        (path, {"barrier_forward_ev": 0.1}, "barrier_forward_ev"),
        (path, {"points": [point("start"), point("end")]}, "names"),
        (path, {"highest": "end"}, "highest"),
        (band, {"images": [START, OTHER, START]}, "images"),
        (band, {"image_energies_ev": [0.0, 0.4]}, "energies"),
        (band, {"barrier_reverse_ev": 0.1}, "barrier_reverse_ev"),
    ],
)
def test_a_result_of_another_one_is_named(made: Made, changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        require_fit(*made(**changes))


@pytest.mark.parametrize("result", [None, [], "text", {}, {"e_a_ev": float("nan")}, {"hops": 5}])
def test_what_is_no_result_says_why(result: object) -> None:
    found = read_result("neb", result)
    assert isinstance(found, UnreadableResult)
    assert found.reason
    assert isinstance(read_result("phonons", {}), UnreadableResult)
