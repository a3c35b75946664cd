"""Settings: what is left open is filled in once, and the key holds everything that decides."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase.units import Bohr, Hartree
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from pvkdb.errors import InputError
from pvkdb.schemas.calculations.dft import (
    DftPathRequest,
    DftScfRequest,
    DftSettings,
    PathImage,
)
from pvkdb_pipelines.dft.codes.espresso import input_text, namelists
from pvkdb_pipelines.dft.codes.sssp import files_in
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


def complete(**settings: Any) -> DftScfRequest:
    asked = DftScfRequest(formula="CsPbI3", structure=HOST, settings=DftSettings(**settings))
    return complete_request(asked)


def complete_settings(**settings: Any) -> DftSettings:
    return complete(**settings).settings


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
    request = complete()
    assert complete_request(request) == request
    assert complete_request(request).key() == request.key()
    # A spacing and the grid that it makes are the same work.
    assert complete_settings(kpoint_spacing_per_ang=0.5) == complete_settings(kpoint_grid=(2, 2, 2))


def test_whatever_decides_the_numbers_changes_the_key() -> None:
    others: dict[str, Any] = {"charge": 1, "magnetization_mub": 0.0, "smearing": "cold"}
    others |= {"cutoff_rho_ry": 330, "kpoint_grid": (2, 2, 2), "engine": "vasp", "off_gamma": True}
    keys = {complete(**{name: value}).key() for name, value in others.items()}
    assert len(keys | {complete().key()}) == 1 + len(others)


@pytest.mark.parametrize(
    ("grid", "off_gamma", "line"),
    [((4, 3, 2), True, "4 3 2  1 0 1"), ((4, 3, 2), False, "4 3 2  0 0 0"), ((3, 1, 1), True, "")],
)
def test_even_numbers_of_k_points_lie_off_gamma_where_that_is_asked(
    grid: tuple[int, int, int], off_gamma: bool, line: str
) -> None:
    settings = complete_settings(kpoint_grid=grid, off_gamma=off_gamma)
    assert line in input_text(cspbi3(), settings, namelists(settings, stress=False))
    if not line:  # the same work as with Γ
        assert settings == complete_settings(kpoint_grid=grid)


def test_own_pseudopotentials_are_chosen_by_functional_and_relativity(tmp_path: Path) -> None:
    header = '<UPF version="2.0.1">\n<PP_HEADER element="{}" relativistic="{}" functional="{}"/>\n'
    for file, said in {
        "Cs.upf": ("Cs", "full", "PBE"),
        "I.upf": (" I", "full", " SLA  PW   PBX  PBC"),
        "I-scalar.upf": ("I", "scalar", "PBE"),
        "Pb.UPF": ("Pb", "full", "PBESOL"),
    }.items():
        (tmp_path / file).write_text(header.format(*said))
    files = files_in(tmp_path, "PBE", soc=True)
    assert {entry.element: entry.file for entry in files} == {"Cs": "Cs.upf", "I": "I.upf"}
    own: dict[str, Any] = {"soc": True, "pseudopotentials": files}
    with pytest.raises(InputError, match="no fully relativistic PBE file of Pb; it has Cs, I"):
        complete_settings(**own)
    (tmp_path / "Pb.upf").write_text(header.format("Pb", "full", "PBE"))
    own["pseudopotentials"] = files_in(tmp_path, "PBE", soc=True)
    with pytest.raises(InputError, match="give those that the authors of the set recommend"):
        complete_settings(**own)
    found = complete_settings(**own, cutoff_wfc_ry=90, cutoff_rho_ry=360)
    assert [entry.file for entry in found.pseudopotentials] == ["Cs.upf", "I.upf", "Pb.upf"]
    with pytest.raises(InputError, match="no scalar relativistic pseudopotential for PBEsol"):
        files_in(tmp_path, "PBEsol", soc=False)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"soc": True}, "scalar relativistic"),
        ({"soc": True, "engine": "vasp", "magnetization_mub": 1}, "no total moment"),
        ({"hubbard": "Ni-3d=4", "engine": "gpaw"}, "U is not to be had with gpaw"),
        ({"functional": "PBEsol"}, "made for PBE"),
        ({"kpoint_grid": (0, 1, 1)}, "1 to 60"),
        ({"kpoint_grid": (2, 2, 2), "kpoint_spacing_per_ang": 0.2}, "not both"),
        ({"correction": "makov-payne", "charge": 1}, "dielectric constant"),
        ({"engine": "vasp", "smearing": "fixed"}, "use gaussian"),
        ({"engine": "cp2k", "smearing": "gaussian"}, "fixed occupations"),
        ({"engine": "cp2k", "kpoint_grid": (2, 2, 2)}, "at Γ alone"),
        ({"engine": "vasp", "off_gamma": True}, "a grid off Γ is not to be had with vasp"),
        ({"basis_set": "DZVP-MOLOPT-GGA-GTH"}, "not to be had with espresso; use cp2k"),
        ({"engine": "gpaw", "dispersion": "D3(BJ)"}, "D3 is not to be had with gpaw"),
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
    foreign = (images[0], PathImage(name="x", structure=other), images[2])
    with pytest.raises(ValidationError, match="same atoms"):
        DftPathRequest(formula="CsPbI3", images=foreign)
    with pytest.raises(ValidationError, match="begin with 'start'"):
        DftPathRequest(formula="CsPbI3", images=(images[1], images[0], images[2]))


@given(
    edges=st.tuples(*[st.floats(2, 40)] * 3),
    shear=st.floats(-0.4, 0.4),
    spacing=st.floats(0.1, 1.0),
)
def test_a_grid_is_as_dense_as_asked_for_and_no_denser(edges, shear, spacing):
    cell = np.diag(edges)
    cell[1, 0] = shear * edges[0]
    lengths = np.linalg.norm(2 * np.pi * np.linalg.inv(cell).T, axis=1)
    for length, points in zip(lengths, grid_of_spacing(cell, spacing), strict=True):
        assert length / points <= spacing * (1 + 1e-5)
        assert points == 1 or length / (points - 1) > spacing * (1 - 1e-5)


@pytest.mark.parametrize(("charge", "edge"), [(1, 12.0), (-1, 12.0), (2, 12.0), (1, 24.0)])
def test_a_cubic_cell_has_the_madelung_energy_of_leslie_and_gillan(charge, edge):
    expected = charge**2 * CUBIC_MADELUNG / (2 * 6.3 * edge / Bohr) * Hartree
    assert makov_payne_ev(np.eye(3) * edge, charge, 6.3) == pytest.approx(expected, rel=1e-4)


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
