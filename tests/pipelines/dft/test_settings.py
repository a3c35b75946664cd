"""Settings: what is left open is filled in once, and the key holds everything that decides."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from ase.units import Bohr, Hartree, Ry
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from pvkdb.errors import InputError
from pvkdb.schemas.calculations.dft import (
    DftPathRequest,
    DftScfRequest,
    DftSettings,
    Engine,
    PathImage,
)
from pvkdb_pipelines.dft.settings import (
    complete_request,
    correction_ev,
    grid_of_spacing,
    makov_payne_ev,
    remarks_on,
)
from pvkdb_pipelines.geometry.hosts import host_of

from .conftest import ammonia, cspbi3

HOST = host_of(cspbi3())
#: Madelung constant of a point charge in a cubic cell with background: E = −q² α / (2 L) with this
#: α (M. Leslie, M. J. Gillan, J. Phys. C 18, 973 (1985)).
CUBIC_MADELUNG = 2.837297


def complete_settings(**settings: Any) -> DftSettings:
    request = DftScfRequest(formula="CsPbI3", structure=HOST, settings=DftSettings(**settings))
    return complete_request(request).settings


def test_what_is_open_becomes_what_sssp_recommends_for_the_hardest_element() -> None:
    settings = complete_settings()
    assert (settings.cutoff_wfc_ry, settings.cutoff_rho_ry) == (40, 320)  # lead
    assert settings.kpoint_grid == (4, 4, 4)
    assert [entry.element for entry in settings.pseudopotentials] == ["Cs", "I", "Pb"]
    assert remarks_on(settings, HOST) == []


def test_a_lower_cutoff_keeps_the_ratio_and_is_reported() -> None:
    settings = complete_settings(cutoff_wfc_ry=20, kpoint_grid=(1, 1, 1))
    assert settings.cutoff_rho_ry == 160
    assert remarks_on(settings, HOST) == [
        "cutoffs 20/160 Ry below the 40/320 Ry that SSSP recommends",
        "Γ only, coarser than 0.3 1/Å (4×4×4)",
    ]


def test_a_cell_with_an_odd_electron_is_told_unless_it_has_spin() -> None:
    odd = "an odd number of electrons, computed without spin"
    assert odd in remarks_on(complete_settings(charge=1), HOST)
    assert odd not in remarks_on(complete_settings(charge=1, magnetization_mub=1), HOST)
    assert odd not in remarks_on(complete_settings(charge=2), HOST)


def test_completing_again_changes_nothing() -> None:
    request = complete_request(DftScfRequest(formula="CsPbI3", structure=HOST))
    assert complete_request(request) == request
    assert complete_request(request).key() == request.key()


def test_a_spacing_and_the_grid_that_it_makes_are_the_same_work() -> None:
    assert complete_settings(kpoint_spacing_per_ang=0.5) == complete_settings(kpoint_grid=(2, 2, 2))


@pytest.mark.parametrize(
    "other",
    [
        {"charge": 1},
        {"magnetization_mub": 0.0},
        {"smearing": "cold"},
        {"cutoff_rho_ry": 330},
        {"kpoint_grid": (2, 2, 2)},
        {"engine": "vasp"},
    ],
)
def test_whatever_decides_the_numbers_changes_the_key(other: dict[str, Any]) -> None:
    def key(**settings: Any) -> str:
        return complete_request(
            DftScfRequest(formula="CsPbI3", structure=HOST, settings=DftSettings(**settings))
        ).key()

    assert key(**other) != key()


def test_vasp_takes_the_cutoff_of_the_materials_project() -> None:
    settings = complete_settings(engine="vasp")
    assert settings.cutoff_wfc_ry is not None
    assert settings.cutoff_wfc_ry * Ry == pytest.approx(520, abs=1e-3)
    assert settings.pseudopotentials == ()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"soc": True}, "scalar relativistic"),
        ({"functional": "PBEsol"}, "made for PBE"),
        ({"kpoint_grid": (0, 1, 1)}, "1 to 60"),
        ({"kpoint_grid": (2, 2, 2), "kpoint_spacing_per_ang": 0.2}, "not both"),
        ({"correction": "makov-payne", "charge": 1}, "dielectric constant"),
        ({"engine": "vasp", "smearing": "fixed"}, "use gaussian"),
        ({"smearing_width_ev": float("nan")}, "finite number"),
        ({"charge": 40}, "less than or equal to 6"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        DftSettings(**settings)


def test_a_density_cutoff_below_the_squares_of_the_wave_functions_is_refused() -> None:
    with pytest.raises(ValidationError, match=r"100 Ry is below 4 times .* \(50 Ry\)"):
        DftSettings(cutoff_wfc_ry=50, cutoff_rho_ry=100)  # before any structure is known
    with pytest.raises(InputError, match=r"100 Ry is below 4 times .* omit cutoff_rho_ry"):
        complete_settings(cutoff_rho_ry=100)


def test_the_images_of_a_path_are_of_one_cell_and_named_by_their_place() -> None:
    other = host_of(ammonia())
    images = [PathImage(name=n, structure=HOST) for n in ("start", "saddle", "end")]
    DftPathRequest(formula="CsPbI3", images=tuple(images))
    with pytest.raises(ValidationError, match="same atoms"):
        DftPathRequest(
            formula="CsPbI3", images=(images[0], PathImage(name="x", structure=other), images[2])
        )
    with pytest.raises(ValidationError, match="begin with 'start'"):
        DftPathRequest(formula="CsPbI3", images=(images[1], images[0], images[2]))


@given(
    edges=st.tuples(*[st.floats(2, 40)] * 3),
    shear=st.floats(-0.4, 0.4),
    spacing=st.floats(0.1, 1.0),
)
def test_a_grid_is_as_dense_as_asked_for_and_no_denser(
    edges: tuple[float, float, float], shear: float, spacing: float
) -> None:
    cell = np.diag(edges)
    cell[1, 0] = shear * edges[0]
    lengths = np.linalg.norm(2 * np.pi * np.linalg.inv(cell).T, axis=1)
    for length, points in zip(lengths, grid_of_spacing(cell, spacing), strict=True):
        assert length / points <= spacing * (1 + 1e-5)
        assert points == 1 or length / (points - 1) > spacing * (1 - 1e-5)


def test_the_engines_are_the_ones_that_the_documentation_names() -> None:
    assert [engine.value for engine in Engine] == ["espresso", "cp2k", "gpaw", "vasp"]


@pytest.mark.parametrize("charge", [1, -1, 2])
def test_a_cubic_cell_has_the_madelung_energy_of_leslie_and_gillan(charge: int) -> None:
    edge = 12.0
    expected = charge**2 * CUBIC_MADELUNG / (2 * 6.3 * edge / Bohr) * Hartree
    assert makov_payne_ev(np.eye(3) * edge, charge, 6.3) == pytest.approx(expected, rel=1e-4)


def test_it_falls_with_the_edge_and_raises_the_energy() -> None:
    small, large = (makov_payne_ev(np.eye(3) * edge, 1, 6.3) for edge in (10.0, 20.0))
    assert 0 < large < small
    assert small / large == pytest.approx(2, rel=1e-4)


def test_the_choice_of_the_cell_of_a_lattice_does_not_matter() -> None:
    cell = np.array([[8.6, 0, -8.3], [8.6, 0, 8.3], [0, 11.8, 8.3]])
    other = np.array([[1, 1, 0], [0, 1, 0], [0, 0, 1]]) @ cell
    assert makov_payne_ev(cell, 1, 5.0) == pytest.approx(makov_payne_ev(other, 1, 5.0), rel=1e-4)


def test_none_is_added_where_none_is_asked_for() -> None:
    host = host_of(cspbi3())
    assert correction_ev(DftSettings(charge=1), host) is None
    asked = DftSettings(
        charge=1, correction="makov-payne", dielectric_constant=6.3, dielectric_source="a test"
    )
    assert correction_ev(asked, host) == pytest.approx(makov_payne_ev(np.eye(3) * 6.3, 1, 6.3))
