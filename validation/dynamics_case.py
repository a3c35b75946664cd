"""Molecular dynamics of V_Br in γ-CsPbBr3 beside all hops of the same potential.

The runs take half an hour of CPU time: ``python validation/prediction.py --dynamics``. The numbers
kept are compared with the network of hops on every run of the page.
"""

from __future__ import annotations

import gzip
import json
from math import hypot, log, sqrt
from pathlib import Path
from typing import NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict

from pvkdb.computed import CALCULATIONS
from pvkdb.kinetics.conditions import DEFAULTS
from pvkdb.kinetics.hopping import BOLTZMANN_EV_PER_K
from pvkdb.schemas.calculations.dynamics import MdRequest, MdResult, MdSettings
from pvkdb.schemas.calculations.migration import NebResult
from pvkdb.simulation.dilute import diffusion
from pvkdb.simulation.network import Hopping, network_of

NUMBERS = Path(__file__).parents[1] / "docs" / "validation" / "dynamics.json"
#: Hot enough for tens of hops; a step is a fortieth of the fastest vibration, 5 THz.
RUNS = [
    (name, MdSettings(temperature_k=kelvin, picoseconds=length, settle_ps=1.0, step_fs=5.0))
    for name, kelvin, length in (
        ("sevennet-0", 800, 40),
        ("chgnet", 800, 20),
        ("chgnet", 600, 30),
    )
]


class Run(BaseModel):
    """One run: its potential, settings and result."""

    model_config = ConfigDict(extra="forbid")

    potential: str
    settings: MdSettings
    result: MdResult


class Runs(BaseModel):
    """The runs that are kept."""

    model_config = ConfigDict(extra="forbid")

    runs: list[Run]


def case(potential: str) -> tuple[NebResult, dict[str, object]]:
    """Return the shipped barriers of γ-CsPbBr3 by a potential, and their host."""
    with gzip.open(CALCULATIONS, "rt", encoding="utf-8") as stream:
        for line in stream:
            if '"barrier_forward_ev"' not in line or '"CsPbBr3"' not in line:
                continue
            found = json.loads(line)
            if found["parameters"]["potential"] == potential:
                (host,) = (each for each in found["structures"] if each["role"] == "host")
                names = ("symbols", "cell_ang", "positions_ang")
                return NebResult.model_validate(found["result"]), {n: host[n] for n in names}
    raise LookupError(f"the release of computed results has no barriers of CsPbBr3 by {potential}")


def compute(only: str = "") -> None:
    """Run what is not kept yet, or of one potential, and keep each run when it ends."""
    from pvkdb_pipelines.migration.dynamics import compute_dynamics

    kept = read()
    for potential, settings in RUNS:
        known = ((run.potential, run.settings) for run in kept.runs)
        if (potential, settings) in known or only not in ("", potential):
            continue
        barriers, host = case(potential)
        values = barriers.model_dump(include={"formula", "phase", "defect"})
        request = MdRequest.model_validate(
            {**values, "host": host, "potential": potential, "settings": settings}
        )
        run = compute_dynamics(request, lambda progress: print(progress.stage, end="\r"))
        kept.runs.append(Run(potential=potential, settings=settings, result=run.result))
        NUMBERS.write_text(kept.model_dump_json(indent=1) + "\n", encoding="utf-8")


def read() -> Runs:
    """Return the runs that are kept."""
    if not NUMBERS.is_file():
        return Runs(runs=[])
    return Runs.model_validate_json(NUMBERS.read_text(encoding="utf-8"))


class Compared(NamedTuple):
    """D of a run beside that of all hops at the ends of the attempt frequency, each in m²/s."""

    run: Run
    network: tuple[float, float]

    @property
    def ratio(self) -> float:
        """Molecular dynamics over the geometric middle of the hops."""
        return self.run.result.d_m2_per_s / sqrt(self.network[0] * self.network[1])


def compared() -> list[Compared]:
    """Return every run that is kept beside the network of hops."""
    attempts, found = DEFAULTS["attempt_frequency_hz"].value, []
    for run in read().runs:
        network = network_of(case(run.potential)[0])
        cases = (
            Hopping(network, run.settings.temperature_k, end or 0.0)
            for end in (attempts.minimum, attempts.maximum)
        )
        slow, fast = (float(np.trace(diffusion(each).tensor_m2_per_s)) / 3 for each in cases)
        found.append(Compared(run, (slow, fast)))
    return found


def activation_energies(hot: Compared, cold: Compared) -> tuple[float, float, float]:
    """Return E_A between two runs, its 95 % half width, and that of the hops, eV."""
    kelvins = [1 / each.run.settings.temperature_k for each in (cold, hot)]
    per = (kelvins[0] - kelvins[1]) / BOLTZMANN_EV_PER_K
    one, two = hot.run.result, cold.run.result
    halves = (log(each.d_max_m2_per_s / each.d_min_m2_per_s) / 2 for each in (one, two))
    own = log(one.d_m2_per_s / two.d_m2_per_s)
    return own / per, hypot(*halves) / per, log(hot.network[0] / cold.network[0]) / per
