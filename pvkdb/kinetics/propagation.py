"""The equations of the kinetics for intervals and samples of their arguments."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from math import inf, isinf, log10

import numpy as np

from pvkdb.chemistry import Interval
from pvkdb.errors import InputError
from pvkdb.kinetics.domains import DOMAINS, Array

#: Temperatures evaluated within an interval. The equations are monotonic in every other argument,
#: so that their extremes lie at the corners; drift is not monotonic where k_B T reaches E_A.
TEMPERATURES = 33

#: Decades from which on an interval of a positive quantity is sampled by its logarithm.
DECADES = 0.5


def bounds(function: Callable[..., Array], **arguments: float | Interval) -> Interval:
    """Return the interval of a result for intervals of its arguments.

    Numbers are intervals of no width. An open side extends to the end of the argument's range (a
    barrier "< 0.3 eV" from 0, one "> 1.2 eV" to infinity); a result without an upper end is a
    lower bound. ``approximate`` is passed on.

    Raises:
        InputError: an argument is out of its range, or nothing bounds the result.

    Example:
        >>> from pvkdb.kinetics.hopping import hop_rate_hz
        >>> str(bounds(hop_rate_hz, barrier_ev=Interval(0.2, 0.3), temperature_k=300.0,
        ...            attempt_frequency_hz=1e12))
        '9.12668e+06–4.36678e+08'
    """
    sides = [_ends(name, value) for name, value in arguments.items()]
    corners = np.array(list(product(*sides))).T
    results = np.broadcast_to(
        function(**dict(zip(arguments, corners, strict=True))), corners.shape[1:]
    )
    low, high = float(np.min(results)), float(np.max(results))
    if np.isnan(results).any() or (isinf(low) and isinf(high)):
        named = ", ".join(f"{name} = {value}" for name, value in arguments.items())
        raise InputError(f"nothing bounds the result for {named}; close the intervals")
    approximate = any(
        isinstance(value, Interval) and value.approximate for value in arguments.values()
    )
    if isinf(high):
        return Interval(low, None, bound="lower", approximate=approximate)
    return Interval(low, high, approximate=approximate)


def samples(
    function: Callable[..., Array],
    count: int,
    generator: np.random.Generator,
    **arguments: float | Interval,
) -> Array:
    """Return results for arguments drawn from their intervals: shape (count,).

    Values are uniform within an interval; positive quantities are uniform in the logarithm if the
    ends are more than half a decade apart.

    Raises:
        InputError: an interval has an open side, or an argument is out of its range.
    """
    drawn = {name: _drawn(name, value, count, generator) for name, value in arguments.items()}
    results: Array = np.broadcast_to(function(**drawn), (count,))
    return results


def _ends(name: str, value: float | Interval) -> list[float]:
    """Return the values of an argument at which a function is evaluated: ends, zero, or a grid."""
    if not isinstance(value, Interval):
        return [float(value)]
    domain = DOMAINS[name]
    low = domain.minimum if value.minimum is None else value.minimum
    high = inf if value.maximum is None else value.maximum
    if value.minimum is None and (domain.open or isinf(low)):
        raise InputError(f"{domain.meaning} {name} = {value} has no lower end; give one ({domain})")
    if low == high:
        return [low]
    if domain.unit == "K" and not isinf(high):
        return [float(temperature) for temperature in np.linspace(low, high, TEMPERATURES)]
    # A signed quantity may be largest or smallest at zero.
    return [low, 0.0, high] if low < 0 < high else [low, high]


def _drawn(
    name: str, value: float | Interval, count: int, generator: np.random.Generator
) -> Array | float:
    if not isinstance(value, Interval):
        return float(value)
    if value.minimum is None or value.maximum is None:
        raise InputError(
            f"{DOMAINS[name].meaning} {name} = {value} is open at one side and cannot be drawn "
            "from; close the interval"
        )
    low, high = value.minimum, value.maximum
    if low > 0 and log10(high / low) > DECADES:
        drawn: Array = 10 ** generator.uniform(log10(low), log10(high), count)
        return drawn
    uniform: Array = generator.uniform(low, high, count)
    return uniform
