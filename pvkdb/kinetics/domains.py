"""The arguments of the kinetics: meaning, unit and allowed range."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf

import numpy as np
import numpy.typing as npt

from pvkdb.errors import InputError

Array = npt.NDArray[np.float64]
Numbers = float | Array

#: Boltzmann's constant in eV/K: exact since the SI of 2019 (BIPM, SI brochure, 9th edition).
BOLTZMANN_EV_PER_K = 1.380649e-23 / 1.602176634e-19

#: 0 °C in K, exact by definition.
ZERO_CELSIUS_K = 273.15


@dataclass(frozen=True, slots=True)
class Domain:
    """The range of an argument: at least ``minimum``, or above it if it is ``open``."""

    meaning: str
    unit: str
    minimum: float = 0.0
    open: bool = False

    def __str__(self) -> str:
        if self.minimum == -inf:
            return f"a number in {self.unit}"
        start = f"above {self.minimum:g}" if self.open else f"from {self.minimum:g} on"
        return f"{self.unit}, {start}"


#: Domains by argument name, the same in every function.
DOMAINS: Mapping[str, Domain] = {
    "barrier_ev": Domain("migration barrier", "eV"),
    "activation_ev": Domain("activation energy", "eV"),
    "formation_energy_ev": Domain("formation energy", "eV", -inf),
    "temperature_k": Domain("temperature", "K", open=True),
    "measured_at_k": Domain("temperature of the measurement", "K", open=True),
    "wanted_at_k": Domain("required temperature", "K", open=True),
    "attempt_frequency_hz": Domain("attempt frequency", "Hz", open=True),
    "jump_length_m": Domain("jump length", "m", open=True),
    "equivalent_jumps": Domain("number of equivalent jumps", "1", open=True),
    "dimensions": Domain("dimensions of the walk", "1", open=True),
    "charge_number": Domain("charge number", "1", -inf),
    "vacancy_fraction": Domain("fraction of vacant sites", "1"),
    "field_v_per_m": Domain("field", "V/m", -inf),
    "thickness_m": Domain("thickness", "m", open=True),
    "bias_v": Domain("bias", "V", -inf),
    "switching_time_s": Domain("switching time", "s", open=True),
    "retention_s": Domain("retention", "s", open=True),
    "other_retention_s": Domain("other retention", "s", open=True),
    "current_a": Domain("current", "A", -inf),
    "duration_s": Domain("duration", "s"),
}


def checked(name: str, value: Numbers) -> Array:
    """Return a value or an array of values as float64.

    Raises:
        InputError: a value is not a number, or outside the domain of the argument.
    """
    domain = DOMAINS[name]
    numbers = np.asarray(value, dtype=float)
    too_low = numbers <= domain.minimum if domain.open else numbers < domain.minimum
    wrong = np.isnan(numbers) | too_low
    if wrong.any():
        raise InputError(
            f"{domain.meaning} {name} = {numbers[wrong].flat[0]:g} is out of range; give {domain}"
        )
    return numbers
