"""Compact models of memristive devices for circuits: equations, ngspice and Verilog-A text.

``models.toml`` has the equations once, in what Python, ngspice and Verilog-A share: ``V`` is the
voltage from node p to node n, ``x`` the state. Values come from measurements or from users.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import resources
from math import isfinite
from typing import Any

import numpy as np
import numpy.typing as npt

from pvkdb.display.notebook import NotebookView
from pvkdb.errors import InputError, unknown_name

__all__ = ["MODELS", "CircuitModel", "CompactModel", "model_named", "response"]

Floats = npt.NDArray[np.float64]

#: Functions that equations may use.
_FUNCTIONS = {"abs": np.abs, "exp": np.exp, "sinh": np.sinh, "pow": np.power}
_FUNCTIONS |= {"max": np.maximum, "min": np.minimum}


@dataclass(frozen=True, slots=True)
class ModelParameter:
    """A parameter: unit, meaning, start of a fit, figure of a device, range (as in models.toml)."""

    name: str
    unit: str
    meaning: str
    start: str
    figure: str
    range: str

    def check(self, value: float) -> None:
        """Raise InputError if the parameter cannot have the value."""
        possible = {
            "": value > 0,
            "0.1 to 20": 0.1 <= value <= 20,
            "0 to 1": 0 <= value <= 1,
            "between 0 and 1": 0 < value < 1,
            "1 or -1": value in (1, -1),
            "any": True,
        }
        if not (isfinite(value) and possible[self.range]):
            allowed = self.range or "above zero"
            raise InputError(f"{self.name}={value:g} ({self.meaning}): give a value {allowed}")


@dataclass(frozen=True, slots=True)
class CircuitModel:
    """A model: source, parameters, dx/dt and current; a circuit has only its lines."""

    name: str
    title: str
    source: str
    parameters: Mapping[str, ModelParameter]
    trial: tuple[str, str, str]  # voltage, seconds and series resistance of a run in ngspice
    rate: str = ""
    current: str = ""
    spice: str = ""
    verilog: str = ""

    @property
    def resistive(self) -> bool:
        """Whether no current flows at 0 V, as in a memristor; the state is a share."""
        return "x0" in self.parameters and self.parameters["x0"].range == "0 to 1"

    def function(self, equation: str, values: Mapping[str, Any]) -> Callable[..., Any]:
        """Return an equation of the model as a function of arrays of V and x."""
        names = {"__builtins__": {}, **_FUNCTIONS, **values}
        found: Callable[..., Any] = eval(f"lambda V=0, x=0: {equation}", names)
        return found

    def written(self, voltage: str, state: str, parameter: str) -> list[str]:
        """Return dx/dt and current in another language; ``parameter`` is a format."""
        names = {name: parameter.format(name) for name in self.parameters}
        names |= {"V": voltage, "x": state}
        swap = re.compile(r"\b[A-Za-z]\w*")
        both = (self.rate, self.current)
        return [swap.sub(lambda found: names.get(found[0], found[0]), each) for each in both]


def _shipped() -> dict[str, CircuitModel]:
    text = (resources.files(__package__) / "models.toml").read_text(encoding="utf-8")
    models = tomllib.loads(text)
    for name, entry in models.items():
        rows = entry.pop("parameters")
        parameters = {key: ModelParameter(key, *row) for key, row in rows.items()}
        models[name] = CircuitModel(name, parameters=parameters, **entry)
    return models


MODELS: dict[str, CircuitModel] = _shipped()


def model_named(name: str) -> CircuitModel:
    """Return a model by its name. Raises InputError for an unknown name."""
    if name not in MODELS:
        raise InputError(unknown_name("compact model", name, MODELS))
    return MODELS[name]


def response(
    model: CircuitModel,
    values: Mapping[str, Any],
    time_s: npt.ArrayLike,
    voltage_v: npt.ArrayLike,
    substeps: int = 8,
) -> tuple[Floats, Floats]:
    """Return current and state at the times of a voltage that is linear between them.

    Values may be arrays, and so may the time and the voltage of a point; results are times × their
    shape. Exponential Rosenbrock steps of second order, stable however fast the state changes.
    """
    time, voltage = np.asarray(time_s, float), np.asarray(voltage_v, float)
    rate, current = (model.function(each, values) for each in (model.rate, model.current))
    x = sum((np.asarray(each) for each in values.values()), voltage[0] + time[0])
    x = np.asarray(values["x0"], float) + 0.0 * x
    states, shift, ends = [x], 1e-6, (0.0, 1.0) if model.resistive else (-np.inf, np.inf)
    pair = np.stack([0.0 * x, shift + 0.0 * x])
    with np.errstate(all="ignore"):
        for point in range(len(time) - 1):
            step = (time[point + 1] - time[point]) / substeps
            for part in (np.arange(substeps) + 0.5) / substeps:
                v = voltage[point] * (1 - part) + voltage[point + 1] * part
                now, beside = rate(v, x + pair)
                z = np.clip(step * (beside - now) / shift, -700.0, 2.0) + 1e-12
                x = np.clip(x + step * now * np.expm1(z) / z, *ends)
            states.append(x)
        state = np.array(states)
        wide = voltage.reshape(-1, *[1] * x.ndim) if voltage.ndim == 1 else voltage
        return current(wide, state) + 0.0 * state, state


@dataclass(frozen=True, slots=True)
class CompactModel(NotebookView):
    """A model with a value and its source for every parameter."""

    model: CircuitModel
    values: Mapping[str, float]
    sources: Mapping[str, str]
    notes: tuple[str, ...] = ()
    sweep: tuple[float, float] | None = None  # largest voltage and duration of the fitted sweep

    def document(self) -> dict[str, Any]:
        """Return model, parameters with units and sources, and notes, for JSON."""
        rows = [
            {"name": name, "value": self.values[name], "unit": each.unit, "meaning": each.meaning}
            | {"source": self.sources[name]}
            for name, each in self.model.parameters.items()
        ]
        named = {"model": self.model.name, "title": self.model.title, "source": self.model.source}
        return {**named, "parameters": rows, "notes": list(self.notes)}

    def spice(self) -> str:
        """Return an ngspice subcircuit with the nodes p and n, and the sources as comments."""
        lines = [*self._header("*"), f".subckt {self.model.name} p n params:"]
        lines += [f"+ {name}={float(value)!r}" for name, value in self.values.items()]
        if self.model.rate:
            rate, current = self.model.written("v(p,n)", "v(x)", "{{{}}}")
            lines += [f"B_x 0 x I={rate}", "C_x x 0 1 IC={x0}", ".ic v(x)={x0}"]
            # ngspice needs a path for direct current; x leaks in 30,000 years.
            lines += ["R_x x 0 1e12", f"B_i p n I={current}"]
        return "\n".join([*lines, f"{self.model.spice}.ends {self.model.name}", ""])

    def verilog_a(self) -> str:
        """Return a Verilog-A module with the nodes p and n, and the sources as comments."""
        name, body = self.model.name, self.model.verilog
        lines = [*self._header("//"), '`include "disciplines.vams"', f"module {name}(p, n);"]
        lines += [f"parameter real {key} = {value!r};" for key, value in self.values.items()]
        lines += ["inout p, n;", "electrical p, n;", "integer fired;" if body else "electrical x;"]
        if not body:
            rate, current = self.model.written("V(p,n)", "V(x)", "{}")
            body = f"V(x) <+ idt({rate}, x0);\nI(p,n) <+ {current};\n"
        return "\n".join([*lines, "analog begin", f"{body}end", "endmodule", ""])

    def _header(self, comment: str) -> list[str]:
        texts = [f"pvkdb: {self.model.title}", f"equations: {self.model.source}"]
        for name, each in self.model.parameters.items():
            value = f"{self.values[name]:.4g} {each.unit}"
            texts.append(f"{name} = {value}: {each.meaning}; {self.sources[name]}")
        return [f"{comment} {text}" for text in (*texts, *self.notes)]
