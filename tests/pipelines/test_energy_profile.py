"""The picture of a hop shows the numbers of the record."""

from __future__ import annotations

import numpy as np
import pytest

from pvkdb.errors import InputError
from pvkdb.schemas.calculations import Hop, NebResult
from pvkdb_pipelines.energy_profile import interpolated_profile, plot_profiles


def result(formula: str = "CsPbBr3", height: float = 0.2) -> NebResult:
    """A hop over a sine barrier 5 Å long."""
    coordinate = np.linspace(0, 5, 7)
    phase = 2 * np.pi * coordinate / 5
    return NebResult(
        formula=formula,
        phase="Pnma",
        space_group="Pnma",
        species="Br",
        defect="V_Br",
        charge=None,
        hop=Hop(
            from_site=16,
            to_site=17,
            lattice_vector=(0, 0, 0),
            length_ang=4.2,
            hop_class="octahedron edge",
            multiplicity=16,
        ),
        distinct_hops=6,
        reaction_coordinate_ang=coordinate.tolist(),
        image_energies_ev=(height * (1 - np.cos(phase)) / 2).tolist(),
        image_tangent_forces_ev_per_ang=(-height * np.pi / 5 * np.sin(phase)).tolist(),
        barrier_forward_ev=height,
        barrier_reverse_ev=height,
        residual_force_ev_per_ang=0.01,
        lattice_parameters=(11.9, 11.9, 11.9, 90, 93, 90),
        atoms_in_cell=39,
        force_calls=300,
        wall_seconds=30,
        neb_method="improvedtangent, climbing image",
        optimizer="NEBOptimizer (ODE12r)",
    )


def test_curve_follows_energies_and_forces():
    coordinate, energy = interpolated_profile(result(), 501)
    exact = 0.2 * (1 - np.cos(2 * np.pi * coordinate / 5)) / 2
    assert np.abs(energy - exact).max() < 0.002


def test_png_is_written(tmp_path):
    path = plot_profiles({"sevennet-0": result()}, tmp_path / "profile.png")
    assert path.read_bytes().startswith(b"\x89PNG")


def test_svg_holds_formula_units_barriers_and_literature(tmp_path):
    profiles = {"sevennet-0": result(), "chgnet": result(height=0.13)}
    text = plot_profiles(profiles, tmp_path / "p.svg", (0.3, 0.4, "r36")).read_text()
    for expected in ("Energy (eV)", "Path length (Å)", "0.20 / 0.20 eV", "0.30–0.40 eV", "r36"):
        assert expected in text


def test_same_result_gives_the_same_svg(tmp_path):
    one = plot_profiles({"chgnet": result()}, tmp_path / "one.svg").read_bytes()
    two = plot_profiles({"chgnet": result()}, tmp_path / "two.svg").read_bytes()
    assert one == two


def test_other_file_types_and_mixed_materials_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"\.png nor \.svg"):
        plot_profiles({"chgnet": result()}, tmp_path / "profile.pdf")
    with pytest.raises(InputError, match="one material"):
        plot_profiles({"a": result(), "b": result("CsPbI3")}, tmp_path / "profile.png")
    with pytest.raises(InputError, match="one material"):
        plot_profiles({}, tmp_path / "profile.png")
