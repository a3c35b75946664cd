"""Molecular dynamics of V_Br in γ-CsPbBr3 beside all hops of the same potential.

The runs take six minutes of CPU time: ``python -m validation.prediction.make --dynamics``. The
numbers kept are compared with the network of hops on every run of the page.
"""

from __future__ import annotations

import gzip
import json
from typing import NamedTuple

import numpy as np

from pvkdb.computed import CALCULATIONS
from pvkdb.kinetics.conditions import DEFAULTS
from pvkdb.schemas.calculations.dynamics import MdRequest, MdResult, MdSettings
from pvkdb.schemas.calculations.migration import NebResult
from pvkdb.simulation.dilute import diffusion
from pvkdb.simulation.network import Hopping, network_of
from validation.pages import FOLDER, Numbers, read, write

NUMBERS = FOLDER / "dynamics.json"
#: Hot enough for tens of hops; a step is a twentieth of the fastest vibration, 5 THz.
RUNS = [
    (name, MdSettings(temperature_k=kelvin, picoseconds=length, settle_ps=1.0, step_fs=10.0))
    for name, kelvin, length in (("chgnet", 900, 60), ("chgnet", 800, 60))
]


class Run(Numbers):
    """One run: its potential, settings and result."""

    potential: str
    settings: MdSettings
    result: MdResult


class Runs(Numbers):
    """The runs that are kept."""

    runs: tuple[Run, ...] = ()


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

    kept = read(Runs, NUMBERS)
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
        ended = Run(potential=potential, settings=settings, result=run.result)
        kept = Runs(runs=(*kept.runs, ended))
        write(NUMBERS, kept)


class Compared(NamedTuple):
    """D of a run beside that of all hops at the ends of the attempt frequency, each in m²/s."""

    run: Run
    slow: float
    fast: float

    @property
    def attempts_hz(self) -> float:
        """The attempt frequency with which all hops give D of the run."""
        low = DEFAULTS["attempt_frequency_hz"].value.minimum or 0.0
        return low * self.run.result.d_m2_per_s / self.slow


def compared() -> list[Compared]:
    """Return every run that is kept beside the network of hops."""
    attempts, found = DEFAULTS["attempt_frequency_hz"].value, []
    for run in read(Runs, NUMBERS).runs:
        network, kelvin = network_of(case(run.potential)[0]), run.settings.temperature_k
        slow, fast = (
            float(np.trace(diffusion(Hopping(network, kelvin, end or 0.0)).tensor_m2_per_s)) / 3
            for end in (attempts.minimum, attempts.maximum)
        )
        found.append(Compared(run, slow, fast))
    return found
