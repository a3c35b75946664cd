"""Layers, ions and contacts: numbers of IonMonger, the mesh, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from math import inf, nan
from typing import Any

import numpy as np
import pytest

from pvkdb.errors import InputError
from pvkdb.simulation.stack import Contact, MobileIon, Stack, StackLayer, Traps

#: IonMonger's MAPbI3 (Courtier et al., J. Comput. Electron. 2019, 18, 1435): N₀ 1.6e25 m⁻³,
#: D₀ 6.5e-8 m²/s and E_A 0.58 eV, ε 24.1, 400 nm.
VACANCY = MobileIon(1, 1.6e19, 6.5e-8, 0.58, reference_k=inf)
MAPBI3 = StackLayer(
    *(400.0, 24.1, 3.7, 5.4, 8.1e18, 5.8e18, 66.2, 66.2), ions=(VACANCY,), acceptors_per_cm3=1.6e19
)


def test_the_vacancies_of_ionmonger() -> None:
    diffusion, debye_nm = VACANCY.diffusion_at(298.0), MAPBI3.debye_length_nm(298.0)
    assert diffusion == pytest.approx(1.009e-17, rel=0.005)
    assert debye_nm == pytest.approx(1.462, rel=0.005)
    # The time of the ions, b·L_D/D.
    assert 400e-9 * debye_nm * 1e-9 / diffusion == pytest.approx(57.95, rel=0.005)


def test_the_mesh_is_finest_at_both_ends_of_a_layer() -> None:
    thin = replace(MAPBI3, thickness_nm=5.0)
    x, layer = Stack((thin, MAPBI3), Contact(4.0), Contact(4.5)).mesh(60)
    steps = 1e9 * np.diff(x[layer == 1])
    # L π²/4(n − 1)², a fifth of the Debye length.
    assert [steps[0], steps[-1], steps.min()] == pytest.approx([0.2835] * 3, rel=1e-3)
    assert steps.sum() == pytest.approx(400)
    assert np.ptp(x[layer == 0]) == pytest.approx(5e-9)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"thickness_nm": 0.0}, "thickness_nm=0 of a StackLayer: give a number above zero"),
        ({"thickness_nm": inf}, "thickness_nm=inf"),
        ({"electron_mobility_cm2_per_v_s": nan}, "electron_mobility_cm2_per_v_s=nan"),
        ({"acceptors_per_cm3": -1.0}, "acceptors_per_cm3=-1 .* of zero or more"),
        ({"ionisation_ev": 3.0}, "not above affinity_ev"),
        ({"generation_per_cm3_s": -1.0}, "generation_per_cm3_s=-1"),
        ({"ions": (VACANCY,) * 3}, "one or two ions"),
        ({"breakdown_v_per_m": 1e8}, "give breakdown_source"),
    ],
)
def test_a_layer_that_cannot_be_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        replace(MAPBI3, **change)


def test_other_parts_that_cannot_be_are_refused() -> None:
    with pytest.raises(InputError, match="density_per_cm3=-1"):
        MobileIon(1, -1.0, 1e-16)
    with pytest.raises(InputError, match="hole_capture_cm3_per_s=0"):
        Traps(1e15, 4.7, 1e-8, 0.0)
    with pytest.raises(InputError, match="points=2: give at least 5"):
        Stack((MAPBI3,), Contact(4.0), Contact(4.0)).mesh(2)
    with pytest.raises(InputError, match="stack without layers"):
        Stack((), Contact(4.0), Contact(4.0))
    with pytest.raises(InputError, match="work_function_ev=6 of the right contact"):
        Stack((MAPBI3,), Contact(4.0), Contact(6.0))
    with pytest.raises(InputError, match="heat_capacity"):
        Stack((MAPBI3,), Contact(4.0), Contact(4.0), thermal_resistance_k_m2_per_w=1e-6)
