"""A filament of vacancies in two dimensions: Fick, Fourier and the conservation of current.

A cylinder between two electrodes, in r and z, after the finite-element model of Cs2TiBr6 memristors
in the review: vacancies diffuse and drift, the current heats, and both change the conductivity.
Linear elements (scikit-fem); drift by averages over edges, which keep densities positive and
conserve vacancies (Xu and Zikatanov, Math. Comput. 1999, 68, 1429, doi
10.1090/S0025-5718-99-01148-5).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from scipy.constants import pi
from scipy.sparse import csr_matrix, diags_array
from skfem import Basis, BilinearForm, ElementTriP1, LinearForm, MeshTri, asm, condense, solve
from skfem.helpers import dot, grad

from pvkdb.errors import CalculationFailedError, InputError
from pvkdb.kinetics.hopping import BOLTZMANN_EV_PER_K, Array
from pvkdb.schemas.calculations import FailureKind
from pvkdb.simulation.stack import Checked, MobileIon
from pvkdb.simulation.transport import bernoulli

__all__ = ["Filament", "FilamentRun", "switch"]

#: Largest change of the share of vacancies in a step, the shortest step as a share of a piece, and
#: most rounds until heat and current are in balance.
_MOST_CHANGE, _SHORTEST, _MOST_ROUNDS = 0.05, 1e-9, 100


@dataclass(frozen=True, slots=True)
class Filament(Checked):
    """A film between two electrodes, with vacancies in a column of radius ``column_nm``.

    ``vacancy`` gives charge, D and E_A; shares are of the density in a full filament, which drift
    does not exceed. At first the column has the share ``filled``, except in a gap at the lower
    electrode, which like all else has ``empty``. The conductivity goes in proportion to the share
    from ``off_s_per_m``, which heat raises by ``off_e_a_ev``, to ``on_s_per_m``, the most.
    Electrodes and the rim stay at ``temperature_k``.
    """

    vacancy: MobileIon
    on_s_per_m: float
    off_s_per_m: float
    conductivity_w_per_m_k: float
    height_nm: float = 50.0
    radius_nm: float = 40.0
    column_nm: float = 10.0
    gap_nm: float = 10.0
    filled: float = 0.8
    empty: float = 0.02
    off_e_a_ev: float = 0.0
    series_ohm: float = 0.0
    temperature_k: float = 298.15
    cell_nm: float = 1.5

    def __post_init__(self) -> None:
        Checked.__post_init__(self)
        inside = self.gap_nm < self.height_nm and self.column_nm < self.radius_nm
        if not (inside and self.empty < self.filled <= 1):
            raise InputError("give gap_nm < height_nm, column_nm < radius_nm, empty < filled ≤ 1")


@dataclass(frozen=True)
class FilamentRun:
    """What a filament did: one row a step; maps have one column a node of ``nodes_nm`` (r, z).

    ``vacancy_loss`` is the largest relative change of the number of vacancies, ``current_loss``
    the largest relative difference between the currents of both electrodes.
    """

    time_s: Array
    voltage_v: Array
    current_a: Array
    shares: Array
    temperatures_k: Array
    nodes_nm: Array
    vacancy_loss: float
    current_loss: float


def switch(
    filament: Filament,
    time_s: Sequence[float],
    voltage_v: Sequence[float],
    start: Array | None = None,
) -> FilamentRun:
    """Return the run of a filament while the upper electrode's voltage goes along straight pieces.

    ``start`` is a row of the shares of another run. The series resistance takes its part of the
    voltage; heat is in balance at every step.

    Raises:
        InputError: times do not rise, or ``start`` is of another mesh.
        CalculationFailedError: heat finds no balance, or vacancies are too fast for any step.
    """
    times, volts = np.asarray(time_s, float), np.asarray(voltage_v, float)
    if len(times) != len(volts) or len(times) < 2 or not (np.diff(times) > 0).all():
        raise InputError("give as many rising times as voltages, at least two")
    grid = _Grid(filament)
    r, z = 1e9 * grid.mesh.p
    if start is not None and np.shape(start) != r.shape:
        raise InputError(
            f"start has {np.size(start)} shares and the mesh {len(r)} points: give a row of a run "
            "with the same sizes and points"
        )
    column = (r <= filament.column_nm) & (z >= filament.gap_nm)
    share = np.where(column, filament.filled, filament.empty) if start is None else start
    warm = np.full(len(share), filament.temperature_k)
    rows: list[tuple[Any, ...]] = [(times[0], volts[0], *grid.fields(volts[0], share, warm), share)]
    for (begin, end), (low, high) in zip(pairwise(times), pairwise(volts), strict=True):
        now, span = begin, (end - begin) / 1000
        while now < end:
            then = min(now + span, end)
            voltage = low + (high - low) * (then - begin) / (end - begin)
            fields = grid.fields(voltage, share, rows[-1][3])
            moved = grid.moved(share, fields[2], fields[1], then - now)
            change = float(np.abs(moved - share).max()) / _MOST_CHANGE
            if change > 1:
                span *= max(0.2, 0.8 / change)
                if span < _SHORTEST * (end - begin):
                    raise CalculationFailedError(
                        FailureKind.SIMULATION_NOT_CONVERGED,
                        f"vacancies move too fast after {now:.3g} s at {voltage:.3g} V and "
                        f"{fields[1].max():.0f} K: give a series_ohm or a slower edge",
                    )
                continue
            now, share = then, moved
            rows.append((now, voltage, *fields, share))
            span *= min(1.5, 0.8 / max(change, 1e-9))
    time, voltages, currents, warms, _, shares = (
        np.array(part) for part in zip(*rows, strict=True)
    )
    totals = shares @ grid.volume
    return FilamentRun(
        *(time, voltages, currents, shares, warms, 1e9 * grid.mesh.p.T),
        vacancy_loss=float(np.abs(totals / totals[0] - 1).max()),
        current_loss=grid.current_loss,
    )


class _Grid:
    """The finite elements of a filament; forms are weighted with r, integrals lack 2π."""

    def __init__(self, filament: Filament) -> None:
        self.filament, self.current_loss = filament, 0.0
        sides = np.array([filament.radius_nm, filament.height_nm])
        cells = np.ceil(sides / filament.cell_nm).astype(int)
        lines = [np.linspace(0, 1e-9 * each, 1 + n) for each, n in zip(sides, cells, strict=True)]
        self.mesh = MeshTri.init_tensor(*lines)
        self.basis = Basis(self.mesh, ElementTriP1())
        r, z = self.mesh.p
        self.upper, self.lower = np.flatnonzero(z == z.max()), np.flatnonzero(z == 0)
        self.ends = np.concatenate([self.upper, self.lower])
        self.cold = np.union1d(self.ends, np.flatnonzero(r == r.max()))
        self.volume = asm(LinearForm(lambda v, w: w.x[0] * v), self.basis)

    def stiffness(self, coefficient: Array) -> Any:
        form = BilinearForm(lambda u, v, w: w["c"] * w.x[0] * dot(grad(u), grad(v)))
        return asm(form, self.basis, c=self.basis.interpolate(coefficient))

    def conductivity(self, share: Array, warm: Array) -> Array:
        each, part = self.filament, np.clip(share, 0, 1)
        colder = (1 / warm - 1 / each.temperature_k) / BOLTZMANN_EV_PER_K
        off = each.off_s_per_m * np.exp(-each.off_e_a_ev * colder)
        return np.asarray(part * each.on_s_per_m + (1 - part) * np.minimum(off, each.on_s_per_m))

    def fields(self, voltage: float, share: Array, warm: Array) -> tuple[float, Array, Array]:
        """Return current in A, temperature and potential in balance with each other."""
        heat = LinearForm(lambda v, w: w["s"] * w.x[0] * dot(grad(w["p"]), grad(w["p"])) * v)
        flow = self.stiffness(np.full_like(warm, self.filament.conductivity_w_per_m_k))
        fixed = np.full_like(warm, self.filament.temperature_k)
        for _ in range(_MOST_ROUNDS):
            sigma = self.conductivity(share, warm)
            matrix, unit = self.stiffness(sigma), np.zeros_like(share)
            unit[self.upper] = 1.0
            unit = solve(*condense(matrix, x=unit, D=self.ends))
            currents = 2 * pi * (matrix @ unit)
            into, out = currents[self.upper].sum(), -currents[self.lower].sum()
            self.current_loss = max(self.current_loss, float(abs(into / out - 1)))
            part = voltage / (1 + self.filament.series_ohm * into)
            names = {"s": self.basis.interpolate(sigma), "p": self.basis.interpolate(part * unit)}
            found = solve(*condense(flow, asm(heat, self.basis, **names), x=fixed, D=self.cold))
            change, warm = np.abs(found - warm).max(), found
            if change < 0.01:
                return float(part * into), warm, part * unit
        raise CalculationFailedError(
            FailureKind.SIMULATION_NOT_CONVERGED,
            f"heat and current find no balance at {voltage:.3g} V and {warm.max():.0f} K: give a "
            "series_ohm or a lower voltage",
        )

    def moved(self, share: Array, psi: Array, warm: Array, span: float) -> Array:
        """Return the shares after a step: they diffuse, and drift where sites are free."""
        vacancy = self.filament.vacancy
        colder = (1 / warm - 1 / vacancy.reference_k) / BOLTZMANN_EV_PER_K
        spread = vacancy.diffusion_m2_per_s * np.exp(-vacancy.e_a_ev * colder)
        edges = self.stiffness(spread).tocoo()
        near, far, apart = edges.row, edges.col, edges.row != edges.col
        step = vacancy.charge * (psi[far] - psi[near]) * (1 - (share[near] + share[far]) / 2)
        step /= BOLTZMANN_EV_PER_K * (warm[near] + warm[far]) / 2
        rate = (edges.data * bernoulli(-step)[0])[apart]
        matrix = csr_matrix((rate, (near[apart], far[apart])), shape=edges.shape)
        matrix = matrix - diags_array(np.asarray(matrix.sum(axis=0)).ravel())
        whole = csr_matrix(diags_array(self.volume) + span * matrix)
        return np.asarray(solve(whole, self.volume * share))
