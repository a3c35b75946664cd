"""What the barriers of a migration result mean for motion: numbers, intervals and assumptions."""

from __future__ import annotations

from dataclasses import replace
from math import isfinite, sqrt

import numpy as np

from pvkdb.display.numbers import number
from pvkdb.kinetics.conditions import DEFAULTS, ROOM_TEMPERATURE_K
from pvkdb.kinetics.estimates import beyond_reason
from pvkdb.kinetics.hopping import BOLTZMANN_EV_PER_K
from pvkdb.schemas.calculations.migration import NebResult
from pvkdb.schemas.kinetics import KineticsDocument, Quantity
from pvkdb.schemas.responses import Assumption
from pvkdb.simulation.dilute import AxisDiffusion, diffusion, drift_velocity_m_per_s
from pvkdb.simulation.kmc import Walkers, bulk_motion
from pvkdb.simulation.network import Hopping, network_of

#: Fields of the drift, V/m, and sites of the box in which ions are followed.
_FIELDS, _SITES = (1e6, 1e7, 1e8), 4000
#: Energies closer than this are the same, eV; hops with a smaller share are not named.
_SAME_EV, _NAMED = 0.001, 0.05
_EXACT, _KMC = "one defect, exactly", "kinetic Monte Carlo"
_NOTES = [
    "As computed: by the barriers as they are and the geometric mean of the attempt frequencies.",
    "Not predicted: where E_A and the attempt frequency leave more than three decades.",
    "The field is uniform: no space charge, no heating; defects only exclude each other.",
]


def simulate(
    result: NebResult,
    temperature_k: float | None,
    e_a_ev: tuple[float, float],
    e_a_source: str = "given",
) -> KineticsDocument:
    """Return diffusion, activation energies and drift of a defect.

    All saddles move together over the interval of E_A; that of the attempt frequency is the default
    of the kinetics, as that of the temperature.

    Raises:
        InputError: a number is out of range, or the result cannot be rebuilt.
    """
    source = DEFAULTS["temperature_k"].source if temperature_k is None else "given"
    temperature_k = ROOM_TEMPERATURE_K if temperature_k is None else temperature_k
    network, attempts = network_of(result), DEFAULTS["attempt_frequency_hz"]
    slow, fast = attempts.value.minimum or 0.0, attempts.value.maximum or 0.0
    low, high = (max(end, 0.0) - result.e_a_ev for end in e_a_ev)
    cases = (
        Hopping(network, temperature_k, sqrt(slow * fast)),
        Hopping(network.raised(low), temperature_k, fast),
        Hopping(network.raised(high), temperature_k, slow),
    )
    rows = list[Quantity]()

    def add(name: str, unit: str, source: str, note: str, value: float, *ends: float) -> None:
        least, most = (each if isfinite(each) else None for each in (min(ends), max(ends)))
        # The limit of three decades is for windows of times and coefficients, not of energies.
        missing = None if unit == "eV" else beyond_reason(name, least, most, unit)
        numbers = {"minimum": least, "maximum": most, "unit": unit, "missing": missing}
        equation = f"{number(value)} as computed{note}"
        rows.append(Quantity(name=name, **numbers, equation=equation, source=source))

    dilute = [diffusion(case) for case in cases]
    for axis, vector in zip("abc", network.cell_ang, strict=True):
        found = [each.along(vector) for each in dilute]
        add(f"D along {axis}", "m2/s", _EXACT, "", *(each.coefficient_m2_per_s for each in found))
        reason = _reason(result, axis, found[0])
        add(f"E_A along {axis}", "eV", _EXACT, reason, *(each.e_a_ev for each in found))
    normals = network.across_m / np.linalg.norm(network.across_m, axis=1, keepdims=True)
    across = np.array([[each.along(normal)[0] for each in dilute] for normal in normals])
    index = int(across[:, 0].argmax())
    for field in _FIELDS:
        pushed = (replace(case, field_v_per_m=field * normals[index]) for case in cases)
        speeds = [abs(float(drift_velocity_m_per_s(case) @ normals[index])) for case in pushed]
        linear = field * across[index, 0] / (BOLTZMANN_EV_PER_K * temperature_k)
        note = f", {speeds[0] / linear:.3g} qDF/kT" if linear else ""
        add(f"drift across {'abc'[index]} at {field:g} V/m", "m/s", _EXACT, note, *speeds)
    repeat = int(np.ceil((_SITES / len(network.positions)) ** (1 / 3)))
    bulk = bulk_motion(Walkers(cases[0], [repeat] * 3))
    factor, error = bulk.correlation_factor, 2 * bulk.correlation_error
    # Where defects still hop to and fro in a window, ions have not come to the end of their memory.
    short = np.trace(bulk.tensor_m2_per_s) > 1.2 * np.trace(dilute[0].tensor_m2_per_s)
    least = 0.0 if short else factor - error
    add("correlation factor of the ions", "1", _KMC, "", factor, least, factor + error)
    given = [
        ("e_a_ev", f"{e_a_ev[0]:.3f}–{e_a_ev[1]:.3f}", "eV", e_a_source),
        ("attempt_frequency_hz", str(attempts.value), "Hz", attempts.source),
        ("temperature_k", f"{temperature_k:g}", "K", source),
        ("charge_number", f"{network.charge_number:g}", "1", "formal charge; cells were neutral"),
    ]
    names = ("name", "value", "unit", "source")
    return KineticsDocument(
        ion=result.defect,
        quantities=rows,
        assumptions=[
            Assumption(**dict(zip(names, each, strict=True)), default=each[3] != "given")
            for each in given
        ],
        notes=_NOTES,
    )


def _reason(result: NebResult, axis: str, found: AxisDiffusion) -> str:
    """Return what carries the diffusion along an axis, and why E_A is not the bottleneck's."""
    if not found.shares:
        return ": no path leads on"
    ordered = sorted(found.shares.items(), key=lambda pair: -pair[1])
    named = [f"hop {hop + 1} {part:.0%}" for hop, part in ordered if part >= _NAMED]
    carried = f"; carried by {', '.join(named)}"
    if (bottleneck := result.threshold_ev(axis)) is None:
        return f": no path leads straight along {axis}, others lead there obliquely{carried}"
    saddle = sum((result.hops[hop].saddle_ev or 0.0) * part for hop, part in ordered)
    off, sites = found.e_a_ev - bottleneck, saddle - found.e_a_ev
    why = "harder hops share the way"
    if off < 0:
        below = f"sites {sites:.3f} eV above the lowest are occupied"
        why = below if saddle + sites > bottleneck else "easier hops lead there obliquely"
    same = abs(off) < _SAME_EV
    return f", bottleneck {bottleneck:.3f}{'' if same else f': {why}'}{carried}"
