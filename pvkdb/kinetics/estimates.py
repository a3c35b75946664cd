"""Estimates of rate, diffusion, drift and times from one barrier, with every assumption."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from itertools import product
from math import inf, log10

import numpy as np

from pvkdb.chemistry import Interval
from pvkdb.display.units import amount_range
from pvkdb.errors import InputError
from pvkdb.kinetics.conditions import DEFAULTS, Conditions
from pvkdb.kinetics.hopping import (
    DOMAINS,
    Array,
    checked,
    diffusion_coefficient_m2_per_s,
    drift_velocity_m_per_s,
    hop_rate_hz,
    relaxation_time_s,
    switching_time_s,
    switching_voltage_v,
    vacancy_fraction,
)
from pvkdb.schemas.kinetics import KineticsDocument, Quantity
from pvkdb.schemas.responses import Assumption
from pvkdb.schemas.tables import DevicesRow

#: The widest window that is shown, in decades; a wider one predicts nothing.
WIDEST_DECADES = 3.0
_DEVICES = DevicesRow.dictionary()
#: What a device can have: the values that an import takes for measured ones.
PHYSICAL: Mapping[str, tuple[float, float]] = {
    "SET voltage": _DEVICES["v_set_min_v"].bounds,
    "relaxation time": _DEVICES["retention_s"].bounds,
}
#: A diffusion coefficient above this at room temperature is questioned: an ion in a solid would be
#: faster than water in water, 2.3e-9 at 298 K (Holz 2000, doi 10.1039/b005319h).
FASTEST_M2_PER_S, ROOM_K = 1e-8, 300.0
#: Temperatures evaluated within an interval. The equations are monotonic in every other argument,
#: so that their extremes lie at the ends; drift is not monotonic where k_B T reaches E_A.
_TEMPERATURES = 33
_VINEYARD = "Vineyard 1957, doi 10.1016/0022-3697(57)90059-8"
_STRUKOV = "Strukov and Williams 2009, doi 10.1007/s00339-008-4975-3"
_WALSH = "Walsh 2015, doi 10.1002/anie.201409740"
_CRANK = "Crank 1975, The Mathematics of Diffusion, section 4.3"
_EINSTEIN = "Einstein 1905, doi 10.1002/andp.19053220806"
_NOTE = (
    "One ion hops over one barrier in the mean field: no space charge, no heating, no filament; "
    "real devices depart by decades."
)


def _of_ions(vacancy_formation_ev: Array, **walk: Array) -> Array:
    """Return the diffusion coefficient of the ions: an ion moves into a vacancy beside it."""
    vacant = vacancy_fraction(vacancy_formation_ev, walk["temperature_k"])
    return np.asarray(vacant * diffusion_coefficient_m2_per_s(**walk))


_RATE = ("barrier_ev", "temperature_k", "attempt_frequency_hz")
_WALK = (*_RATE, "jump_length_m", "equivalent_jumps", "dimensions")
_LAYER = (*_WALK, "thickness_m")
_FORMATION = "vacancy_formation_ev"
#: Unit, equation, source, function and arguments of each quantity.
_EQUATIONS: Mapping[str, tuple[str, str, str, Callable[..., Array], tuple[str, ...]]] = {
    "hop rate": ("Hz", "ν exp(−E_A/kT)", _VINEYARD, hop_rate_hz, _RATE),
    "diffusion coefficient of the defect": (
        *("m2/s", "z a² Γ / 2d", _EINSTEIN),
        *(diffusion_coefficient_m2_per_s, _WALK),
    ),
    "vacant share of the sites": (
        *("1", "1 / (1 + exp(E_f/kT))", _WALSH),
        *(vacancy_fraction, (_FORMATION, "temperature_k")),
    ),
    "diffusion coefficient of the ions": (
        *("m2/s", "x z a² Γ / 2d", _EINSTEIN),
        *(_of_ions, (*_WALK, _FORMATION)),
    ),
    "drift velocity": (
        *("m/s", "(2D/s) sinh(qsV/2LkT), s = a/√2", _STRUKOV),
        *(drift_velocity_m_per_s, (*_LAYER, "bias_v")),
    ),
    "switching time": ("s", "L / v", _STRUKOV, switching_time_s, (*_LAYER, "bias_v")),
    "SET voltage": (
        *("V", "L (2kT/qs) arsinh(Ls/2Dt)", _STRUKOV),
        *(switching_voltage_v, (*_LAYER, "write_time_s")),
    ),
    "relaxation time": ("s", "L² / π²D", _CRANK, relaxation_time_s, _LAYER),
}


def estimate(
    barrier_ev: Interval,
    conditions: Conditions,
    ion: str = "ion",
    barrier_source: str = "given",
    only: Collection[str] = (),
) -> KineticsDocument:
    """Return rate, diffusion, drift, switching and relaxation time of an ion, as intervals.

    ``only`` names the quantities that are needed; default: all.

    Raises:
        InputError: a number is out of its range.
    """
    known = {"barrier_ev": barrier_ev}
    assumed = [_assumption("barrier_ev", barrier_ev, barrier_source)]
    for name in (*DEFAULTS, "thickness_m", "bias_v", "write_time_s", _FORMATION):
        value: Interval | None = getattr(conditions, name)
        source, chosen = conditions.sources.get(name, "given"), name in conditions.defaulted
        if value is None and (default := DEFAULTS.get(name)) is not None:
            value, source, chosen = default.value, default.source, True
        if value is not None:
            known[name] = value
            assumed.append(_assumption(name, value, source, chosen))
    without = ["Without a bias there is no switching time."] if conditions.bias_v is None else []
    quantities = [
        _quantity(name, {each: known[each] for each in row[-1]})
        for name, row in _EQUATIONS.items()
        if known.keys() >= set(row[-1]) and (not only or name in only)
    ]
    at_room = (known["temperature_k"].minimum or 0.0) <= ROOM_K
    fast = [
        f"Check: the {each.name} reaches {each.maximum:.1e} m2/s at room temperature, above "
        f"{FASTEST_M2_PER_S:g}: faster than in liquids, so that the barrier may be wrong."
        for each in quantities
        if at_room and each.unit == "m2/s" and (each.maximum or inf) > FASTEST_M2_PER_S
    ]
    return KineticsDocument(
        ion=ion, quantities=quantities, assumptions=assumed, notes=[_NOTE, *without, *fast]
    )


def _quantity(name: str, arguments: Mapping[str, Interval]) -> Quantity:
    unit, equation, source, function, _ = _EQUATIONS[name]
    low, high = bounds(function, arguments)
    return Quantity(
        name=name,
        minimum=low,
        maximum=high,
        unit=unit,
        equation=equation,
        source=source,
        missing=_missing(name, low, high, arguments),
    )


def bounds(
    function: Callable[..., Array], arguments: Mapping[str, Interval]
) -> tuple[float, float | None]:
    """Return the ends of a result for intervals of its arguments, None for no upper end.

    An open side extends to the end of the argument's range (a barrier "< 0.3 eV" from 0, one "> 1.2
    eV" to infinity).

    Raises:
        InputError: an argument is out of its range, or nothing bounds the result.
    """
    corners = np.array(list(product(*(_ends(*each) for each in arguments.items())))).T
    results = function(**dict(zip(arguments, corners, strict=True)))
    low, high = float(np.min(results)), float(np.max(results))
    if np.isnan(results).any() or low == inf:
        named = ", ".join(f"{name} = {value}" for name, value in arguments.items())
        raise InputError(f"nothing bounds the result for {named}; close the intervals")
    return low, None if high == inf else high


def _ends(name: str, value: Interval) -> list[float]:
    """Return the values of an argument at which a function is evaluated: ends, zero, or a grid."""
    domain = DOMAINS[name]
    low = domain.minimum if value.minimum is None else value.minimum
    high = inf if value.maximum is None else value.maximum
    if low == -inf or (value.minimum is None and domain.open):
        raise InputError(f"{domain.meaning} {name} = {value} has no lower end; give one")
    checked(name, low)
    checked(name, high)
    if domain.unit == "K" and low < high < inf:
        return [float(kelvin) for kelvin in np.linspace(low, high, _TEMPERATURES)]
    # A signed quantity may be largest or smallest at zero.
    return [low, 0.0, high] if low < 0 < high else sorted({low, high})


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
    name: str, low: float, high: float | None, arguments: Mapping[str, Interval]
) -> str | None:
    """Return why a window is not shown, and which arguments have to be known more closely.

    They are those that alone move the result most, until the others leave less than the limit.
    """
    unit, _, _, function, _ = _EQUATIONS[name]
    reason, (least, most) = beyond_reason(name, low, high, unit), PHYSICAL.get(name, (0.0, inf))
    if reason is None or low > most or (high or inf) < least:
        return reason and f"{reason}: the model does not describe this layer"
    ends = {key: _ends(key, value) for key, value in arguments.items()}
    wide = [key for key, each in ends.items() if len(each) > 1]
    # First all arguments at their start, then each wide one at its other end.
    corners = {
        key: np.array([each[0], *(each[-1] if key == other else each[0] for other in wide)])
        for key, each in ends.items()
    }
    with np.errstate(all="ignore"):
        results = np.log10(function(**corners))
        decades = np.abs(results[1:] - results[0])
    moved = sorted(zip(np.where(np.isnan(decades), inf, decades), wide, strict=True), reverse=True)
    named: list[str] = []
    for place, (_, key) in enumerate(moved):
        if named and sum(decades for decades, _ in moved[place:]) <= WIDEST_DECADES:
            break
        value, domain = arguments[key], DOMAINS[key]
        spread = amount_range(value.minimum, value.maximum, domain.unit)
        named.append(f"{domain.meaning} ({spread})")
    return f"{reason}; missing: closer values of {' and '.join(named)}"


def _assumption(name: str, value: Interval, source: str, default: bool = False) -> Assumption:
    unit = DOMAINS[name].unit
    return Assumption(name=name, value=str(value), unit=unit, source=source, default=default)
