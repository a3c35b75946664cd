"""The picture of a hop shows the numbers of the record."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.axes import Axes

from pvkdb.errors import InputError
from pvkdb.schemas.calculations.migration import NebResult
from pvkdb.schemas.calculations.reliability import barrier_error
from pvkdb_pipelines.migration.plots.energy_profile import interpolated_profile, plot_profiles

from ..results import hop_barrier, migration_result_of


def result(formula: str = "CsPbBr3", height: float = 0.2) -> NebResult:
    """A hop over a sine barrier 5 Å long, beside a higher one that does not limit the path."""
    coordinate = np.linspace(0, 5, 7)
    phase = 2 * np.pi * coordinate / 5
    return migration_result_of(
        formula,
        hop_barrier(
            height,
            reaction_coordinate_ang=coordinate.tolist(),
            image_energies_ev=(height * (1 - np.cos(phase)) / 2).tolist(),
            image_tangent_forces_ev_per_ang=(-height * np.pi / 5 * np.sin(phase)).tolist(),
        ),
        hop_barrier(0.9),
    )


def test_curve_follows_energies_and_forces():
    coordinate, energy = interpolated_profile(result().limiting, 501)
    exact = 0.2 * (1 - np.cos(2 * np.pi * coordinate / 5)) / 2
    assert np.abs(energy - exact).max() < 0.002


def test_svg_holds_formula_units_barriers_and_literature(tmp_path):
    profiles = {"sevennet-0": result(), "chgnet": result(height=0.13)}
    text = plot_profiles(profiles, tmp_path / "p.svg", (0.3, 0.4, "r36")).read_text()
    for expected in ("Energy (eV)", "Path length (Å)", "0.20 / 0.20 eV", "0.30–0.40 eV", "r36"):
        assert expected in text
    assert f"error {barrier_error('sevennet-0')}" in text
    assert f"error {barrier_error('chgnet')}" in text


def test_each_potential_has_its_marker_and_its_host(tmp_path, monkeypatch):
    drawn = []
    plot = Axes.plot

    def seen(axes, *given, **how):
        drawn.append((given[2], how.get("label"))) if "label" in how else None
        return plot(axes, *given, **how)

    monkeypatch.setattr(Axes, "plot", seen)
    left = result().model_copy(update={"host_left_for": "Cmce", "space_group": "Cmce"})
    plot_profiles({"sevennet-0": result(), "chgnet": left}, tmp_path / "p.svg")
    assert [marker for marker, _ in drawn] == ["o", "s"]
    assert drawn[1][1].startswith("chgnet → Cmce: 0.20 / 0.20 eV")


def test_a_picture_is_the_same_every_time_and_of_the_type_that_is_named(tmp_path):
    names = ("one.svg", "two.svg", "profile.png")
    one, two, png = (plot_profiles({"chgnet": result()}, tmp_path / name) for name in names)
    assert one.read_bytes() == two.read_bytes()
    assert png.read_bytes().startswith(b"\x89PNG")


def test_other_file_types_and_mixed_materials_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"\.png nor \.svg"):
        plot_profiles({"chgnet": result()}, tmp_path / "profile.pdf")
    for profiles in ({"a": result(), "b": result("CsPbI3")}, {}):
        with pytest.raises(InputError, match="one material"):
            plot_profiles(profiles, tmp_path / "profile.png")
