"""What all hops of a crystal change of the times of one barrier: two numbers a material."""

from __future__ import annotations

from math import pi

import numpy as np

from pvkdb.kinetics.conditions import DEFAULTS, ROOM_TEMPERATURE_K
from pvkdb.kinetics.hopping import BOLTZMANN_EV_PER_K, diffusion_coefficient_m2_per_s
from pvkdb.schemas.calculations.migration import NebResult
from pvkdb.simulation.dilute import diffusion
from pvkdb.simulation.network import Hopping, network_of
from validation.migration.results import read_results
from validation.pages import FOLDER, Numbers

#: Barriers of the page of migration, SevenNet-0, by the material whose devices they are for.
CASES = {
    "MAPbI3": "MAPbI3 Pnma V_I",
    "CsPbBr3": "CsPbBr3 Pnma V_Br",
    "CsPbI3": "CsPbI3 Pnma V_I",
    "Cs2AgBiBr6": "Cs2AgBiBr6 Fm-3m V_Br",
    "Cs2SnI6": "Cs2SnI6 Fm-3m V_I",
    "Cs3Sb2I9-dimer": "Cs3Sb2I9 P6_3/mmc V_I",
    "Cs3Sb2I9-layered": "Cs3Sb2I9 P-3m1 V_I",
}
#: The layer in which vacancies are simulated: times scale with its thickness as in closed form.
THICKNESS_M, GAP_M, BIAS_V, SHARE, SEEDS = 20e-9, 4e-9, 1.0, 0.01, 20
_MIGRATION = FOLDER / "migration.json"


class Network(Numbers):
    """A crystal beside one barrier of the same E_A.

    ``diffusion`` is D of all hops over that of the closed form; ``filled`` and ``lost`` are the
    simulated times of a gap over L/v and L²/π²D. Where no run ended they are the medians of the
    others: in the limit of many hops every crystal has those of the diffusion equation.
    """

    case: str
    e_a_ev: float
    dimensionality: int
    diffusion: float
    filled: float
    lost: float
    not_ended: tuple[str, ...] = ()

    @property
    def longer(self) -> tuple[float, float]:
        """Factors by which switching and relaxation take longer than in closed form."""
        return self.filled / self.diffusion, self.lost / self.diffusion


def compute_networks() -> dict[str, Network]:
    """Simulate every material, in a minute; those without a rebuilt network are left out."""
    from pvkdb.simulation.kmc import Layer, gap_times  # loads numba

    barriers = {
        entry.case: entry.result
        for entry in read_results(_MIGRATION).computed
        if entry.potential == "sevennet-0" and entry.result is not None
    }
    walk = {name: default.value.minimum or 0.0 for name, default in DEFAULTS.items()}
    rows: dict[str, tuple[str, NebResult, float, float, float]] = {}
    for material, case in CASES.items():
        if (result := barriers.get(case)) is None:
            continue
        hopping = Hopping(network_of(result), ROOM_TEMPERATURE_K, walk["attempt_frequency_hz"])
        tensor = diffusion(hopping).tensor_m2_per_s
        one = float(diffusion_coefficient_m2_per_s(barrier_ev=result.e_a_ev, **walk))
        normals = hopping.network.across_m
        normals = normals / np.linalg.norm(normals, axis=1, keepdims=True)
        across = np.array([normal @ tensor @ normal for normal in normals])
        axis = int(across.argmax())
        times = gap_times(hopping, Layer(axis, THICKNESS_M, GAP_M, BIAS_V, SHARE), SEEDS)
        square = THICKNESS_M**2 / across[axis]
        scales = square * BOLTZMANN_EV_PER_K * ROOM_TEMPERATURE_K / BIAS_V, square / pi**2
        middles = np.median(times, axis=1)
        rows[material] = (case, result, float(np.trace(tensor)) / 3 / one, *(middles / scales))
    ratios = np.array([row[3:] for row in rows.values()])
    usual = [float(np.median(column[np.isfinite(column)])) for column in ratios.T]
    return {
        material: Network(
            case=case,
            e_a_ev=round(result.e_a_ev, 3),
            dimensionality=result.dimensionality,
            diffusion=rounded(mean),
            filled=rounded(filled if np.isfinite(filled) else usual[0]),
            lost=rounded(lost if np.isfinite(lost) else usual[1]),
            not_ended=tuple(
                name for name, end in (("filled", filled), ("lost", lost)) if not np.isfinite(end)
            ),
        )
        for material, (case, result, mean, filled, lost) in rows.items()
    }


def rounded(value: float, digits: int = 2) -> float:
    """Round to some digits, so that results do not depend on the machine."""
    return float(f"{value:.{digits}g}")
