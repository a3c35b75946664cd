"""The equations beside numbers by hand: derivatives, equilibrium, image force."""

from __future__ import annotations

from dataclasses import replace
from math import pi, sqrt

import numpy as np
import pytest
from scipy import constants

from pvkdb.kinetics.hopping import Array
from pvkdb.simulation.stack import Contact, MobileIon, Stack, StackLayer, Traps
from pvkdb.simulation.transport import Equations, State, bernoulli, image_lowering_v

IONS = (MobileIon(-1, 1e15, 1e-13), MobileIon(1, 1e15, 1e-13))
LEFT = StackLayer(25.0, 5.0, 4.0, 5.9, 5e18, 5e18, 1e-2, 1e-5)
MIDDLE = StackLayer(
    *(500.0, 24.0, 3.9, 5.53, 2.2e18, 2.2e18, 1.0, 1.0),
    ions=IONS,
    recombination_cm3_per_s=1e-11,
    traps=Traps(1e15, 4.7, 5e-8, 2e-8),
    generation_per_cm3_s=4e21,
    absorption_nm=77.0,
)
STACK = Stack((LEFT, MIDDLE), Contact(4.1), Contact(5.3), 295.0)


def test_the_jacobian_is_the_derivative_of_the_residual(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each column beside central differences, away from equilibrium, with lowered barriers."""
    lowered = replace(STACK, left=Contact(4.1, 5.0), right=Contact(5.3, 5.0))
    equations = Equations(lowered, 6, 295.0)
    random, start = np.random.default_rng(0), equations.equilibrium()
    values = start.values.copy()
    values[0] += random.normal(0, 0.01, len(values[0]))
    values[2:] = values[2:] * np.exp(random.normal(0, 0.3, values[2:].shape)) + 1e15
    monkeypatch.setattr(equations, "_linear", lambda densities: None)

    def residual(values: Array) -> Array:
        assert equations.solve(State(values, 295.0), start, 1e-3, 0.3, 1.0) is None
        return equations._residual.ravel().copy()

    residual(values)
    kinds, nodes = values.shape[0] - 1, values.shape[1]
    whole = np.zeros((kinds * nodes,) * 2)
    for block, shift in zip(equations._blocks.copy(), (-1, 0, 1), strict=True):
        for node in range(max(0, -shift), min(nodes, nodes - shift)):
            place = slice(node * kinds, (node + 1) * kinds)
            to = slice((node + shift) * kinds, (node + shift + 1) * kinds)
            whole[place, to] = block[node]
    scale = np.delete(values, 1, axis=0)
    scale[0] = 0.1
    rows = np.abs(whole * scale.T.ravel()).max(axis=1)
    for kind in range(kinds):
        for node in range(nodes):
            step = np.zeros_like(values)
            step[kind + (kind > 0), node] = 1e-5 * scale[kind, node]
            change = (residual(values + step) - residual(values - step)) / 2e-5
            found = whole[:, node * kinds + kind] * scale[kind, node]
            assert (np.abs(change - found) < 1e-6 * rows).all()


def test_in_equilibrium_nothing_flows() -> None:
    """Also over band edges, states and traps that differ; light makes electrons and holes flow."""
    still = replace(MIDDLE, ions=())
    equations = Equations(replace(STACK, layers=(LEFT, still)), 40, 295.0)
    start = equations.equilibrium()
    dark, lit = (equations.solve(start, start, 1e-9, 0.0, light) for light in (0.0, 1.0))
    assert np.abs(dark[1]).max() < 1e-6 * np.abs(lit[1]).max()


def test_the_image_force_lowers_a_barrier() -> None:
    """sqrt(qE/4πε): 0.170 V at 1e8 V/m and ε 5."""
    expected = sqrt(constants.e * 1e8 / (4 * pi * 5 * constants.epsilon_0))
    assert expected == pytest.approx(0.1697, abs=1e-4)
    assert image_lowering_v(Contact(4.5, 5.0), 1e8)[0] == pytest.approx(expected, rel=1e-3)
    assert image_lowering_v(Contact(4.5, 5.0), -1e8)[0] == pytest.approx(-expected, rel=1e-3)
    assert image_lowering_v(Contact(4.5), 1e8) == (0.0, 0.0)


def test_bernoulli() -> None:
    """B(x) e^x = B(−x), and the derivative at 0 is −1/2."""
    x = np.array([-800.0, -3.0, -1e-4, 0.0, 1e-4, 2e-3, 3.0, 600.0])
    value, slope = bernoulli(x)
    assert bernoulli(-x)[0] == pytest.approx(value + x)
    step = 1e-6
    near = slice(1, 7)
    change = (bernoulli(x[near] + step)[0] - bernoulli(x[near] - step)[0]) / (2 * step)
    assert slope[near] == pytest.approx(change, abs=1e-8)
    assert (value[3], slope[3]) == (1.0, -0.5)


def test_ions_start_where_they_are_given() -> None:
    equations = Equations(replace(STACK, layers=(MIDDLE, LEFT)), 20, 295.0)
    densities = equations.equilibrium().densities
    assert (densities[2:, :20] == 1e21).all()
    assert (densities[2:, 20:] == 0).all()
