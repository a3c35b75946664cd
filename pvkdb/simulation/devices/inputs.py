"""Inputs of the chain from barriers to a device: names, units, and tables with their sources."""

from __future__ import annotations

import tomllib
from importlib import resources
from math import sqrt
from typing import Any

from pvkdb.errors import InputError, unknown_name
from pvkdb.schemas.calculations.simulations import SimulationInput

_TABLES: dict[str, Any] = tomllib.loads(
    (resources.files(__package__) / "inputs.toml").read_text(encoding="utf-8")
)
#: Names of inputs of the hopping, and of those without which there are no currents.
IONS, CURRENTS = tuple(_TABLES["ions"]), tuple(_TABLES["currents"])
#: Inputs by name: unit, meaning, scale of their middle, option.
INPUTS: dict[str, list[str]] = {**_TABLES["ions"], **_TABLES["currents"], **_TABLES["limits"]}
#: Work functions of clean electrodes in eV, as low and high end, and their source.
WORK_FUNCTIONS: dict[str, list[Any]] = _TABLES["work_functions"]

#: Numbers beyond are no inputs of a device, in any unit.
_LEAST, _MOST = 1e-30, 1e30


def simulation_input(
    name: str, low: float, high: float, source: str, basis: Any, value: float | None = None
) -> SimulationInput:
    """Return an input; the middle of its interval is its value, unless another is given.

    Raises:
        InputError: the name is unknown, or an end is out of range.
    """
    if name not in INPUTS:
        raise InputError(unknown_name("input", name, INPUTS))
    unit, meaning, scale, _ = INPUTS[name]
    most, limit = (1.0, ", at most 1") if name == "vacancies" else (_MOST, f", in {unit}")
    if not ((0 if name == "e_a_ev" else _LEAST) <= low <= high <= most):
        text = f"{name}={low:g}:{high:g} ({meaning}): give numbers above zero{limit}"
        raise InputError(f"{text}, the lower one first")
    middle = sqrt(low * high) if scale == "log" and low < high else (low + high) / 2
    known = {"name": name, "low": low, "high": high, "unit": unit, "source": source}
    return SimulationInput(value=middle if value is None else value, basis=basis, **known)


def remedy(name: str) -> str:
    """Return how an input is given on the command line."""
    unit, meaning, _, option = INPUTS[name]
    return f"{option or f'--set {name}=…'} ({meaning}, {unit})"
