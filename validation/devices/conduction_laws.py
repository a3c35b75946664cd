"""Sweeps of each law of Table 3 of the review, made up, and the laws that ``pvkdb measure`` names.

``measurements.py`` writes the table of them into docs/validation/measurements.md.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np

from pvkdb.measurements.conduction import Conduction, conduction
from pvkdb.measurements.forms import Floats, Setup, Trace
from pvkdb.measurements.metrics import Measured

K = 8.617333262e-5
KELVINS = (250.0, 275.0, 300.0, 325.0, 350.0)
UP = np.linspace(0.04, 2, 50)
Truth: TypeAlias = tuple[Callable[[Floats, float], Floats], dict[str, float]]


def truths(rng: np.random.Generator) -> dict[str, dict[str, Truth]]:
    """For each law its forms: ln|I| over V and T with drawn parameters, and those to be found."""
    phi, low, b = rng.uniform(0.25, 0.6), rng.uniform(0.1, 0.5), rng.uniform(0.05, 0.15)
    a, m, vx = rng.uniform(0.03, 0.12), rng.uniform(2.5, 6), rng.uniform(0.3, 0.8)
    step, fn, g, s = (rng.uniform(*ends) for ends in ((0, 0.2), (1, 10), (0.1, 1), (1, 4)))

    def both(v: Floats, t: float) -> Floats:
        u = 1 / (K * t)
        square = v**2 / vx * np.exp(step / (K * 297) - (low + step) * u)
        return np.asarray(np.log(v * np.exp(-low * u) + square))

    def onset(v: Floats, t: float) -> Floats:
        return np.where(v < vx, np.log(v), m * np.log(v) - (m - 1) * np.log(vx)) - low / (K * t)

    hops: dict[str, Truth] = {
        "exp": (lambda v, t: (a * v - phi) / (K * t), {"barrier": phi, "field_slope": a}),
        "sinh": (
            lambda v, t: np.log(np.sinh(a * v / (K * t))) - phi / (K * t),
            {"barrier": phi, "field_slope": a},
        ),
    }
    return {
        "Ohmic conduction": {"": (lambda v, t: np.log(v) - low / (K * t), {"barrier": low})},
        "SCLC": {
            "square": (lambda v, t: 2 * np.log(v) - low / (K * t), {"barrier": low}),
            "both": (both, {"energy_step": step}),
            "power": (lambda v, t: m * np.log(v) - low / (K * t), {"exponent": m, "barrier": low}),
            "onset": (onset, {"exponent": m, "barrier": low, "v_cross": vx}),
        },
        "Schottky emission": {
            "": (
                lambda v, t: 2 * np.log(t) + (b * np.sqrt(v) - phi) / (K * t),
                {"barrier": phi, "lowering": b},
            )
        },
        "Poole–Frenkel emission": {
            "": (
                lambda v, t: np.log(v) + (b * np.sqrt(v) - phi) / (K * t),
                {"barrier": phi, "lowering": b},
            )
        },
        "Fowler–Nordheim tunneling": {"": (lambda v, t: 2 * np.log(v) - fn / v, {"fn_slope": fn})},
        "Thermionic-field emission": {
            "": (
                lambda v, t: (
                    0.5 * np.log(t) + np.log(v) - phi / (K * t) + g * v**2 * (300 / t) ** 3
                ),
                {"barrier": phi, "tfe_slope": g},
            )
        },
        "Hopping conduction": hops,
        "Ionic conduction": hops,
        "Direct tunneling": {
            "low": (lambda v, t: np.log(v), {}),
            "exp": (lambda v, t: s * v, {"tunnel_slope": s}),
            "sinh": (lambda v, t: np.log(np.sinh(s * v)), {"tunnel_slope": s}),
        },
    }


def sweeps(
    truth: Callable[[Floats, float], Floats],
    rng: np.random.Generator,
    kelvins: tuple[float, ...] = KELVINS,
    v: Floats = UP,
    noise: float = 0.03,
    **known: Any,
) -> list[Trace]:
    """Sweeps of a law with noise of 3 % of the current, at most 1 µA."""
    logs = [truth(v, kelvin) for kelvin in kelvins]
    top = max(float(y.max()) for y in logs)
    return [
        Trace(
            v,
            1e-6 * np.exp(y - top) * (1 + noise * rng.normal(size=len(v))),
            setup=Setup("a.csv", "a", temperature_k=kelvin, **known),
        )
        for y, kelvin in zip(logs, kelvins, strict=True)
    ]


def parameters(found: Conduction, law: str) -> dict[str, Measured]:
    """The parameters of a law on a branch, by name."""
    (row,) = (row for row in found.laws if row.law == law)
    return {metric.name: metric for metric in row.parameters}


@dataclass
class Tally:
    """How often the law of made-up sweeps was named, and intervals held the truth."""

    right: int = 0
    kept: int = 0  # undecided, with the law among the candidates
    wrong: int = 0
    draws: int = 0
    hits: dict[tuple[str, str], list[bool]] = field(default_factory=dict)

    @property
    def shares(self) -> dict[tuple[str, str], float]:
        """The share of intervals at 90 % that hold the truth, by form and parameter."""
        return {key: float(np.mean(inside)) for key, inside in self.hits.items()}


def judged(law: str, kelvins: tuple[float, ...], draws: int) -> Tally:
    """Judge so many sweeps of each form of a law, with parameters drawn for each."""
    tally = Tally()
    for form in truths(np.random.default_rng(0))[law]:
        for seed in range(draws):
            rng = np.random.default_rng(seed)
            truth, expected = truths(rng)[law][form]
            found = conduction(sweeps(truth, rng, kelvins))[0]
            tally.draws += 1
            tally.right += found.verdict == law
            tally.kept += found.verdict == "undecided" and law in found.candidates
            tally.wrong += found.verdict not in (law, "undecided")
            if law in found.candidates:
                mine = parameters(found, law)
                for name in expected.keys() & mine.keys():
                    low, high = mine[name].ends or (np.inf, -np.inf)
                    inside = low <= expected[name] <= high
                    tally.hits.setdefault((form, name), []).append(inside)
    return tally
