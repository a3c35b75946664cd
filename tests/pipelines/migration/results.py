"""Results made by hand, for what shows and stores them."""

from __future__ import annotations

from typing import Any

from pvkdb.schemas.calculations.migration import (
    DefectSite,
    Hop,
    HopBarrier,
    NebResult,
    PercolationThreshold,
)


def hop_barrier(height_ev: float, **fields: Any) -> HopBarrier:
    """A hop between equal sites over a barrier."""
    given = {
        "reaction_coordinate_ang": [0.0, 2.5, 5.0],
        "image_energies_ev": [0.0, height_ev, 0.0],
        "image_tangent_forces_ev_per_ang": [0.0, 0.0, 0.0],
        **fields,
    }
    hop = Hop(
        start="Br1", end="Br1", length_ang=4.2, hop_class="octahedron edge", multiplicity=8,
        direction=(0.25, 0.25, 0.25),
    )  # fmt: skip
    heights = ("barrier_forward_ev", "barrier_reverse_ev", "saddle_ev")
    residuals = ("residual_force_ev_per_ang", "band_residual_ev_per_ang")
    given |= dict.fromkeys(heights, height_ev) | dict.fromkeys(residuals, 0.01)
    return HopBarrier(
        hop=hop, outcome="saddle", images=len(given["image_energies_ev"]) - 2, **given
    )


def migration_result_of(formula: str, *barriers: HopBarrier) -> NebResult:
    """The migration of V_Br that the first of some hops limits in every direction."""
    energy = barriers[0].saddle_ev or 0.0
    directions = ("a", "b", "c", "1D", "2D", "3D")
    site = DefectSite(
        name="Br1", multiplicity=8, position=(0.2, 0.5, 0.7), energy_ev=0.0, steps=9,
        symmetry_broken=False,
    )  # fmt: skip
    paths = [PercolationThreshold(direction=name, e_a_ev=energy, hop=0) for name in directions]
    return NebResult(
        formula=formula, phase="Pnma", space_group="Pnma", host_left_for=None, species="Br",
        defect="V_Br", charge=None, e_a_ev=energy, dimensionality=3, upper_bound=False,
        percolation=paths, sites=[site], hops=list(barriers), cutoff_ang=5.1,
        lattice_parameters=(8.3, 11.9, 8.2, 90, 90, 90),
        supercell=((1, 0, 1), (0, 1, 0), (-1, 0, 1)), atoms_in_cell=39, distance_ang=11.7,
        host_drop_ev_per_formula=0.0, force_calls=900, cpu_seconds=30, wall_seconds=30,
        neb_method="improvedtangent", optimizer="NEBOptimizer (ODE12r)",
    )  # fmt: skip
