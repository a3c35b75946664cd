"""Tolerance factors of perovskites, always together with the radii that they are computed from.

* Goldschmidt's factor t = (r_A + r_X) / (√2 (r_B + r_X)); V. M. Goldschmidt, Naturwissenschaften
  14, 477 (1926), doi 10.1007/BF01507527.
* The octahedral factor mu = r_B / r_X; C. Li et al., Acta Cryst. B 64, 702 (2008),
  doi 10.1107/S0108768108032734.
* Bartel's tau = r_X / r_B - n_A (n_A - (r_A / r_B) / ln(r_A / r_B)); perovskite below 4.18;
  C. J. Bartel et al., Sci. Adv. 5, eaav0693 (2019), doi 10.1126/sciadv.aav0693.
* The probability of being a perovskite from tau (:mod:`~pvkdb.chemistry.factors.platt`).

They hold for ABX3 and, as Bartel et al. use them, for A2BB'X6 with the mean radius of B and B'.
A site shared by several ions has the mean of their radii and charges, weighted by the amounts; for
equal amounts that is what the code of Bartel et al. does. On the A site t of the mean radius is the
mean of the t of the ions; Z. Li et al., Chem. Mater. 28, 284 (2016), doi
10.1021/acs.chemmater.5b04107. Arrays of compositions:
:mod:`~pvkdb.chemistry.factors.tolerance_arrays`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from math import log, sqrt

from pvkdb.chemistry.factors.platt import PEROVSKITE
from pvkdb.chemistry.family import Family
from pvkdb.chemistry.formulas.composition import Composition, Occupant
from pvkdb.chemistry.ions import Ion, Radius, radii, site_radius
from pvkdb.chemistry.sites import Site
from pvkdb.errors import InputError, MissingRadiusError

#: Compositions with tau below this value are perovskites in Bartel's rule.
TAU_LIMIT = 4.18

#: Families for which the factors are defined.
DEFINED: tuple[Family, ...] = ("3D", "double")

_NO_FRAMEWORK = "they hold for octahedra that share all six corners"
_UNDEFINED: dict[Family, str] = {
    "vacancy-ordered": f"{_NO_FRAMEWORK}, and half of the B sites of A2BX6 are empty",
    "RP": f"{_NO_FRAMEWORK}, and here cations separate the layers",
    "DJ": f"{_NO_FRAMEWORK}, and here cations separate the layers",
    "ACI": f"{_NO_FRAMEWORK}, and here cations separate the layers",
    "A3B2X9": f"{_NO_FRAMEWORK}, and a third of the B sites of A3B2X9 are empty",
}


@dataclass(frozen=True, slots=True)
class ToleranceFactors:
    """t, mu, tau and p of a composition (dimensionless) and their radii (Å).

    ``tau`` and ``p_perovskite`` are None if they are not defined (r_A not above r_B).
    """

    formula: str
    family: Family
    r_a_ang: float
    r_b_ang: float
    r_x_ang: float
    t: float
    mu: float
    tau: float | None
    p_perovskite: float | None
    radii: tuple[Radius, ...]

    @property
    def radii_source(self) -> str:
        """The sources of the radii, e.g. ``shannon1976 + kieslich2014``."""
        return " + ".join(sorted({radius.source for radius in self.radii}, reverse=True))

    @property
    def not_defined(self) -> str | None:
        """The reason why factors are not defined; None if all are."""
        if self.tau is not None:
            return None
        return (
            f"tau and p_perovskite need an A cation larger than B, and r_A = {self.r_a_ang:g} Å is "
            f"not above r_B = {self.r_b_ang:g} Å"
        )


def goldschmidt(r_a_ang: float, r_b_ang: float, r_x_ang: float) -> float:
    """Return Goldschmidt's tolerance factor t from radii in Å."""
    return (r_a_ang + r_x_ang) / (sqrt(2) * (r_b_ang + r_x_ang))


def octahedral_factor(r_b_ang: float, r_x_ang: float) -> float:
    """Return the octahedral factor mu from radii in Å."""
    return r_b_ang / r_x_ang


def bartel_tau(r_a_ang: float, r_b_ang: float, r_x_ang: float, a_charge: float = 1) -> float | None:
    """Return Bartel's tau from radii in Å and the A-site charge; None unless r_A > r_B.

    tau has a pole at r_A = r_B: just above, it is very large (not a perovskite); below, it would be
    negative and make every such composition a perovskite.
    """
    ratio = r_a_ang / r_b_ang
    if ratio <= 1:
        return None
    return r_x_ang / r_b_ang - a_charge * (a_charge - ratio / log(ratio))


def tolerance_factors(composition: Composition) -> ToleranceFactors:
    """Return t, mu, tau and p of an ABX3 or A2BB'X6 composition, with weighted mean radii.

    Raises:
        InputError: the factors are not defined for the family, or an amount is not given.
        MissingRadiusError: an ion has no radius with a source.
    """
    if composition.family not in DEFINED:
        reason = _UNDEFINED.get(composition.family, _NO_FRAMEWORK)
        raise InputError(
            f"{composition.formula} is not an ABX3 perovskite (family {composition.family}); "
            f"t, mu and tau are not defined for it: {reason}"
        )
    if not composition.numeric:
        raise InputError(
            f"{composition.formula} leaves amounts open; t, mu and tau need numbers, "
            "for example CsPbI2Br for CsPb(I,Br)3"
        )
    r_a, radii_a = mean_radius(composition.on("A"), "A")
    r_b, radii_b = mean_radius(composition.on("B"), "B")
    r_x, radii_x = mean_radius(composition.on("X"), "X")
    a_charge = _mean((o.ion.charge, o.number or 0.0) for o in composition.on("A"))
    tau = bartel_tau(r_a, r_b, r_x, a_charge)
    return ToleranceFactors(
        formula=composition.formula,
        family=composition.family,
        r_a_ang=r_a,
        r_b_ang=r_b,
        r_x_ang=r_x,
        t=goldschmidt(r_a, r_b, r_x),
        mu=octahedral_factor(r_b, r_x),
        tau=tau,
        p_perovskite=None if tau is None else PEROVSKITE(tau),
        radii=(*radii_a, *radii_b, *radii_x),
    )


@cache
def factor_radius(ion: Ion, site: Site) -> Radius:
    """Return the radius of an ion on a site, as chosen by Bartel et al.

    It is :func:`~pvkdb.chemistry.ions.site_radius`, or, for the few B cations without a radius in
    an octahedron (Sm2+), that of the coordination nearest to 6.

    Raises:
        MissingRadiusError: no radius of this ion is known for the site.
    """
    try:
        return site_radius(ion, site)
    except MissingRadiusError:
        known = [radius for radius in radii() if radius.ion == ion and radius.geometry is None]
        if site != "B" or not known:
            raise
        return min(known, key=lambda radius: abs((radius.coordination or 0) - 6))


def mean_radius(occupants: tuple[Occupant, ...], site: Site) -> tuple[float, tuple[Radius, ...]]:
    """Return the mean radius of the ions on a site in Å, weighted by amount, and their radii.

    Raises:
        MissingRadiusError: see :func:`factor_radius`.
    """
    known = tuple(factor_radius(occupant.ion, site) for occupant in occupants)
    amounts = (occupant.number or 0.0 for occupant in occupants)
    return _mean((r.radius_ang, n) for r, n in zip(known, amounts, strict=True)), known


def _mean(weighted: Iterable[tuple[float, float]]) -> float:
    """Return the weighted mean of values; the mean of one value is exactly that value.

    The explicit loop fixes the rounding: Python's sum rounds differently between versions, and the
    factors of arrays must agree to the last bit.
    """
    (first, weight), *others = weighted
    if not others:
        return first
    value = weight * first
    for other, share in others:
        value += share * other
        weight += share
    return value / weight
