"""Tolerance factors of arrays of compositions: a million ABX3 in about a second.

The numbers agree with :mod:`~pvkdb.chemistry.factors.tolerance` to the last bit; NaN denotes
undefined factors and missing radii. This module needs numpy, which comes with the extra ``store``.

Example:
    >>> factors = abx3_factors((["Cs", "MA"], 1), ("Pb", 2), ("I", -1))
    >>> factors.t.round(3).tolist()
    [0.851, 0.912]

    If compositions are indices into lists of ions, the radii are looked up once per ion:

    >>> r_a = site_radii(["Cs", "MA"], 1, "A")
    >>> factors_from_radii(r_a[[0, 1, 1, 0]], 1.19, 2.20).t.round(3).tolist()
    [0.851, 0.912, 0.912, 0.851]
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from itertools import repeat
from math import exp, log, nan, sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pvkdb.chemistry.factors.platt import PEROVSKITE
from pvkdb.chemistry.factors.tolerance import factor_radius
from pvkdb.chemistry.ions import radii
from pvkdb.chemistry.sites import Site
from pvkdb.errors import MissingRadiusError

FloatArray = NDArray[np.float64]

#: Symbols and charges of the ions on a site, arrays or one for all: ``(["Cs", "MA"], 1)``.
Ions = tuple[ArrayLike, ArrayLike]


@dataclass(frozen=True, slots=True, eq=False)
class FactorArrays:
    """t, mu, tau and p of many compositions, and their radii (Å); arrays of one shape."""

    r_a_ang: FloatArray
    r_b_ang: FloatArray
    r_x_ang: FloatArray
    t: FloatArray
    mu: FloatArray
    tau: FloatArray
    p_perovskite: FloatArray


def abx3_factors(a: Ions, b: Ions, x: Ions) -> FactorArrays:
    """Return the factors of ABX3 compositions with one ion on each site."""
    return factors_from_radii(
        site_radii(*a, "A"), site_radii(*b, "B"), site_radii(*x, "X"), a_charge=a[1]
    )


def factors_from_radii(
    r_a_ang: ArrayLike, r_b_ang: ArrayLike, r_x_ang: ArrayLike, a_charge: ArrayLike = 1
) -> FactorArrays:
    """Return the factors from radii in Å and A-site charges; shapes are broadcast."""
    r_a, r_b, r_x, n_a = np.broadcast_arrays(
        *(np.asarray(values, dtype=np.float64) for values in (r_a_ang, r_b_ang, r_x_ang, a_charge))
    )
    ratio = r_a / r_b
    ratio = np.where(ratio > 1, ratio, nan)
    tau = r_x / r_b - n_a * (n_a - ratio / _each(log, ratio))
    return FactorArrays(
        r_a_ang=r_a,
        r_b_ang=r_b,
        r_x_ang=r_x,
        t=(r_a + r_x) / (sqrt(2) * (r_b + r_x)),
        mu=r_b / r_x,
        tau=tau,
        p_perovskite=_probability(tau),
    )


def site_radii(symbols: ArrayLike, charges: ArrayLike, site: Site) -> FloatArray:
    """Return radii of ions on a site in Å, NaN if unknown; shapes are broadcast."""
    names, sizes = np.broadcast_arrays(np.asarray(symbols), np.asarray(charges))
    ions = zip(names.ravel().tolist(), sizes.ravel().tolist(), strict=True)
    found = np.fromiter(map(_known_radii(site).get, ions, repeat(nan)), np.float64, names.size)
    return found.reshape(names.shape)


def _probability(tau: FloatArray) -> FloatArray:
    """Evaluate the curve of :mod:`~pvkdb.chemistry.factors.platt` on an array."""
    exponent = PEROVSKITE.slope * tau + PEROVSKITE.offset
    small = _each(exp, -np.abs(exponent))
    return np.where(exponent > 0, small, 1.0) / (1.0 + small)


def _each(function: Callable[[float], float], values: FloatArray) -> FloatArray:
    """Apply a function of Python's math to every value.

    log and exp of numpy differ in the last bit on some processors, so that a filter could give
    different results for a single composition and an array.
    """
    results = np.fromiter(map(function, values.ravel().tolist()), np.float64, values.size)
    return results.reshape(values.shape)


@cache
def _known_radii(site: Site) -> dict[tuple[str, int], float]:
    """Return the radii of all ions that can be on a site, by symbol and charge."""
    known = {}
    for ion in {radius.ion for radius in radii()}:
        try:
            known[ion.symbol, ion.charge] = factor_radius(ion, site).radius_ang
        except MissingRadiusError:
            continue
    return known
