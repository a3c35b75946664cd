"""Estimates of rate, diffusion, drift and times from one barrier, with every assumption."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import inf, log10

import numpy as np

from pvkdb.chemistry import Interval
from pvkdb.display.units import amount_range
from pvkdb.kinetics.conditions import DEFAULTS, ROOM_TEMPERATURE_K, Conditions
from pvkdb.kinetics.domains import DOMAINS, Array
from pvkdb.kinetics.hopping import (
    diffusion_coefficient_m2_per_s,
    drift_velocity_m_per_s,
    hop_rate_hz,
    ion_diffusion_coefficient_m2_per_s,
    vacancy_fraction,
)
from pvkdb.kinetics.propagation import bounds
from pvkdb.kinetics.times import (
    relaxation_time_s,
    switching_time_s,
    switching_voltage_v,
)
from pvkdb.schemas.kinetics import KineticsDocument, Quantity
from pvkdb.schemas.metrics import TABLE_METRICS
from pvkdb.schemas.responses import Assumption

Arguments = dict[str, Interval]

#: The widest window that is shown, in decades; a wider one predicts nothing.
WIDEST_DECADES = 3.0
#: What a device can have: the values that an import takes for measured ones.
PHYSICAL: Mapping[str, tuple[float, float]] = {
    "SET voltage": TABLE_METRICS["v_set_v"][1].plausible,
    "relaxation time": TABLE_METRICS["retention_s"][1].plausible,
}
_VINEYARD = "Vineyard 1957, doi 10.1016/0022-3697(57)90059-8"
_STRUKOV = "Strukov and Williams 2009, doi 10.1007/s00339-008-4975-3"
_WALSH = "Walsh 2015, doi 10.1002/anie.201409740"
_CRANK = "Crank 1975, The Mathematics of Diffusion, section 4.3"
_EINSTEIN = "Einstein 1905, doi 10.1002/andp.19053220806"


def estimate(
    barrier_ev: Interval, conditions: Conditions, ion: str = "ion", barrier_source: str = "given"
) -> KineticsDocument:
    """Return rate, diffusion, drift, switching and relaxation time of an ion, as intervals.

    Raises:
        InputError: a number is out of its range.
    """
    assumed: list[Assumption] = [
        _assumption("barrier_ev", barrier_ev, "eV", barrier_source, default=False)
    ]
    walk: Arguments = {"barrier_ev": barrier_ev}
    for name, default in DEFAULTS.items():
        given: Interval | None = getattr(conditions, name)
        walk[name] = given or default.value
        source = conditions.sources.get(name, "given") if given else default.source
        assumed.append(
            _assumption(name, given or default.value, default.unit, source, default=given is None)
        )
    temperature = conditions.temperature_k or Interval.exactly(ROOM_TEMPERATURE_K)
    walk["temperature_k"] = temperature
    for name, value, unit in (
        ("temperature_k", temperature, "K"),
        ("thickness_m", conditions.thickness_m, "m"),
        ("bias_v", conditions.bias_v, "V"),
        ("write_time_s", conditions.write_time_s, "s"),
        ("vacancy_formation_ev", conditions.vacancy_formation_ev, "eV"),
    ):
        if value is not None:
            room = name == "temperature_k" and conditions.temperature_k is None
            source = "room temperature" if room else conditions.sources.get(name, "given")
            chosen = room or name in conditions.defaulted
            assumed.append(_assumption(name, value, unit, source, default=chosen))
    return KineticsDocument(
        ion=ion,
        quantities=_quantities(walk, conditions),
        assumptions=assumed,
        notes=_notes(conditions),
    )


def _quantities(walk: Arguments, conditions: Conditions) -> list[Quantity]:
    """Return all quantities that can be computed from the given conditions."""
    layer = {**walk, "thickness_m": conditions.thickness_m}
    rate = {name: walk[name] for name in ("barrier_ev", "temperature_k", "attempt_frequency_hz")}
    arguments = {"hop rate": rate, "diffusion coefficient of the defect": walk}
    if (formation := conditions.vacancy_formation_ev) is not None:
        vacancies = {"formation_energy_ev": formation, "temperature_k": walk["temperature_k"]}
        arguments["vacant share of the sites"] = vacancies
        arguments["diffusion coefficient of the ions"] = {**walk, **vacancies}
    if conditions.bias_v is not None:
        biased = {**layer, "bias_v": conditions.bias_v}
        arguments["drift velocity"] = arguments["switching time"] = biased
    if conditions.write_time_s is not None:
        arguments["SET voltage"] = {**layer, "switching_time_s": conditions.write_time_s}
    arguments["relaxation time"] = layer
    return [_quantity(name, values) for name, values in arguments.items()]


def _drift(bias_v: Array, thickness_m: Array, **walk: Array) -> Array:
    """Return the drift velocity under a bias across the layer."""
    return drift_velocity_m_per_s(field_v_per_m=abs(bias_v) / thickness_m, **walk)


def _of_ions(formation_energy_ev: Array, temperature_k: Array, **walk: Array) -> Array:
    """Return the diffusion coefficient of the ions, by vacancies in equilibrium."""
    return ion_diffusion_coefficient_m2_per_s(
        diffusion_coefficient_m2_per_s(temperature_k=temperature_k, **walk),
        vacancy_fraction(formation_energy_ev, temperature_k),
    )


#: Unit, equation, source and function of each quantity.
_EQUATIONS: Mapping[str, tuple[str, str, str, Callable[..., Array]]] = {
    "hop rate": ("Hz", "ν exp(−E_A/kT)", _VINEYARD, hop_rate_hz),
    "diffusion coefficient of the defect": (
        "m2/s",
        "z a² Γ / 2d",
        _EINSTEIN,
        diffusion_coefficient_m2_per_s,
    ),
    "vacant share of the sites": ("1", "1 / (1 + exp(E_f/kT))", _WALSH, vacancy_fraction),
    "diffusion coefficient of the ions": ("m2/s", "x z a² Γ / 2d", _EINSTEIN, _of_ions),
    "drift velocity": ("m/s", "(2D/a) sinh(qaV/2LkT)", _STRUKOV, _drift),
    "switching time": ("s", "L / v", _STRUKOV, switching_time_s),
    "SET voltage": ("V", "L (2kT/qa) arsinh(La/2Dt)", _STRUKOV, switching_voltage_v),
    "relaxation time": ("s", "L² / π²D", _CRANK, relaxation_time_s),
}


def _quantity(name: str, arguments: Arguments) -> Quantity:
    unit, equation, source, function = _EQUATIONS[name]
    found = bounds(function, **arguments)
    return Quantity(
        name=name,
        minimum=found.minimum,
        maximum=found.maximum,
        unit=unit,
        equation=equation,
        source=source,
        missing=_missing(name, unit, found, function, arguments),
    )


def beyond_reason(name: str, minimum: float | None, maximum: float | None, unit: str) -> str | None:
    """Return why a window of a quantity is not shown; None if it is within reason."""
    least, most = PHYSICAL.get(name, (0.0, inf))
    if minimum == maximum == 0:
        return None  # no drift without a bias
    if not minimum or maximum is None:
        return f"the window has no {'upper' if minimum else 'lower'} end"
    if (decades := log10(maximum / minimum)) > WIDEST_DECADES:
        return f"the window spans {decades:.1f} decades"
    if least <= minimum and maximum <= most:
        return None
    possible = amount_range(least if least > 0 else None, most, unit)
    return f"{amount_range(minimum, maximum, unit)} is beyond what a device can have, {possible}"


def _missing(
    name: str, unit: str, found: Interval, function: Callable[..., Array], arguments: Arguments
) -> str | None:
    """Return why a window is not shown, and which arguments have to be known more closely.

    They are those that alone move the result most, until the others leave less than the limit.
    """
    reason = beyond_reason(name, found.minimum, found.maximum, unit)
    least, most = PHYSICAL.get(name, (0.0, inf))
    if reason is None or (found.minimum or 0.0) > most or (found.maximum or inf) < least:
        return reason and f"{reason}: the model does not describe this layer"
    ends = {
        key: (value.minimum or 0.0, inf if value.maximum is None else value.maximum)
        for key, value in arguments.items()
    }
    loose = [key for key, (low, high) in ends.items() if low != high]
    points = {key: np.full(2 * len(loose), low) for key, (low, _) in ends.items()}
    for place, key in enumerate(loose):
        points[key][2 * place + 1] = ends[key][1]
    with np.errstate(all="ignore"):
        results = np.log10(np.broadcast_to(function(**points), 2 * len(loose)))
        moved = np.nan_to_num(np.abs(results[1::2] - results[::2]), nan=inf, posinf=inf)
    order = sorted(zip(moved.tolist(), loose, strict=True), reverse=True)
    named: list[str] = []
    for place, (_, key) in enumerate(order):
        if named and sum(decades for decades, _ in order[place:]) <= WIDEST_DECADES:
            break
        value, domain = arguments[key], DOMAINS[key]
        spread = amount_range(value.minimum, value.maximum, domain.unit)
        named.append(f"{domain.meaning} ({spread})")
    return f"{reason}; missing: closer values of {' and '.join(named)}"


def _assumption(name: str, value: Interval, unit: str, source: str, *, default: bool) -> Assumption:
    return Assumption(name=name, value=str(value), unit=unit, source=source, default=default)


def _notes(conditions: Conditions) -> list[str]:
    notes = [
        "One ion hops over one barrier in the mean field: no space charge, no heating, no "
        "filament; real devices depart by decades."
    ]
    if conditions.bias_v is None:
        notes.append("Without a bias there is no switching time.")
    return notes
