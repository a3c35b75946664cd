"""A filament of vacancies: resistance, heat, conservation, forming and rupture."""

from __future__ import annotations

from dataclasses import replace
from math import pi
from typing import Any

import numpy as np
import pytest

from pvkdb.errors import CalculationFailedError, InputError
from pvkdb.kinetics.hopping import Array
from pvkdb.simulation.stack import MobileIon

filament = pytest.importorskip(
    "pvkdb.simulation.filament", reason="scikit-fem is not installed", exc_type=ImportError
)
#: D(298 K) 1e-16 m²/s, E_A 0.6 eV; a full filament conducts like a poor metal.
VACANCY = MobileIon(1, 1e21, 1e-16, 0.6)
FILM = filament.Filament(VACANCY, 5e4, 1.0, 0.5, empty=0.001, series_ohm=5000.0, cell_nm=4.0)
STILL = replace(FILM, vacancy=replace(VACANCY, diffusion_m2_per_s=0.0), series_ohm=0.0)
SIGMA = (5e4 + 1.0) / 2


def even(film: Any) -> Array:
    return np.full(len(filament.switch(film, [0, 1], [0, 0]).nodes_nm), 0.5)


def test_an_even_film_is_a_resistor() -> None:
    """I = σ πR²/L V, with σ in the middle between full and empty."""
    found = filament.switch(STILL, [0, 1], [0, 1e-3], start=even(STILL))
    assert found.current_a[-1] == pytest.approx(SIGMA * pi * 40e-9**2 / 50e-9 * 1e-3, rel=1e-6)


@pytest.mark.slow
def test_an_even_film_is_warmest_in_the_middle() -> None:
    """ΔT = σV²/8κ (Fourier) where electrodes are much nearer than the rim."""
    wide = replace(STILL, height_nm=20.0, radius_nm=100.0, cell_nm=2.0)
    found = filament.switch(wide, [0, 1], [0, 0.05], start=even(wide))
    rise = SIGMA * 0.05**2 / (8 * 0.5)
    assert found.temperatures_k[-1].max() == pytest.approx(298.15 + rise, abs=0.02 * rise)


@pytest.mark.slow
def test_a_filament_forms_and_ruptures_by_field_and_heat() -> None:
    """The gap fills above 1 V and opens below −1 V, hot; vacancies and current are conserved."""
    formed = filament.switch(FILM, [0, 1e-3], [0, 1.5])
    ruptured = filament.switch(FILM, [0, 1e-3], [0, -1.5], start=formed.shares[-1])
    place = formed.nodes_nm
    gap = (place[:, 0] == 0) & (place[:, 1] < 6)
    assert formed.shares[0, gap].mean() < 0.01
    assert formed.shares[-1, gap].mean() > 0.6
    assert ruptured.shares[-1, gap].mean() < 0.1
    assert formed.current_a[-1] / 1.5 > 2.5 * formed.current_a[1] / formed.voltage_v[1]
    # Without heat nothing moves in this time.
    assert formed.temperatures_k.max() > 500
    cold = filament.switch(replace(FILM, conductivity_w_per_m_k=50.0), [0, 1e-3], [0, 1.5])
    assert cold.shares[-1, gap].mean() < 0.1
    for run in (formed, ruptured):
        assert run.vacancy_loss < 1e-9
        assert run.current_loss < 1e-9
        assert run.shares.min() >= 0


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(InputError, match="gap_nm < height_nm"):
        replace(FILM, gap_nm=60.0)
    with pytest.raises(InputError, match="on_s_per_m=0 of a Filament"):
        replace(FILM, on_s_per_m=0.0)
    with pytest.raises(InputError, match="start has 3 shares and the mesh"):
        filament.switch(FILM, (0.0, 1e-3), (0.0, 0.1), start=np.zeros(3))
    with pytest.raises(InputError, match="rising times"):
        filament.switch(FILM, [1, 0], [0, 1])
    with pytest.raises(CalculationFailedError, match="give a series_ohm or a slower edge"):
        filament.switch(FILM, [0, 1e12], [0, 5.0])


def test_heat_makes_no_gap_better_than_the_filament(monkeypatch: pytest.MonkeyPatch) -> None:
    hot = replace(STILL, off_e_a_ev=0.6, off_s_per_m=1e3, cell_nm=10.0)
    found = filament.switch(hot, [0, 1], [0, 0.3])
    full = filament.switch(hot, [0, 1], [0, 0.3], start=np.ones_like(found.shares[0]))
    assert 600 < found.temperatures_k.max() <= full.temperatures_k.max() + 0.01
    monkeypatch.setattr(filament, "_MOST_ROUNDS", 1)
    with pytest.raises(CalculationFailedError, match=r"no balance .* give a series_ohm"):
        filament.switch(hot, [0, 1], [0, 0.3])
