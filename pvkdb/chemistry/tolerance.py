"""Tolerance factors of ABX3 perovskites, always together with the radii they were made from.

* Goldschmidt's factor t = (r_A + r_X) / (√2 (r_B + r_X)); V. M. Goldschmidt, Naturwissenschaften
  14, 477 (1926), doi 10.1007/BF01507527.
* The octahedral factor mu = r_B / r_X; C. Li et al., Acta Cryst. B 64, 702 (2008),
  doi 10.1107/S0108768108032734.
* Bartel's tau = r_X / r_B - n_A (n_A - (r_A / r_B) / ln(r_A / r_B)); perovskite below 4.18;
  C. J. Bartel et al., Sci. Adv. 5, eaav0693 (2019), doi 10.1126/sciadv.aav0693.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log, sqrt

from pvkdb.chemistry.composition import Composition, Occupant, Site
from pvkdb.chemistry.ions import Radius, site_radius
from pvkdb.errors import InputError

#: Compositions with tau below this value are perovskites in Bartel's rule.
TAU_LIMIT = 4.18


@dataclass(frozen=True, slots=True)
class ToleranceFactors:
    """t, mu and tau of one composition (dimensionless) and the radii behind them (Å).

    ``tau`` is None where it is not defined (r_A not above r_B).
    """

    formula: str
    r_a_ang: float
    r_b_ang: float
    r_x_ang: float
    t: float
    mu: float
    tau: float | None
    radii: tuple[Radius, ...]

    @property
    def radii_source(self) -> str:
        """The sources of the radii, e.g. ``shannon1976 + kieslich2014``."""
        return " + ".join(sorted({radius.source for radius in self.radii}, reverse=True))


def goldschmidt(r_a_ang: float, r_b_ang: float, r_x_ang: float) -> float:
    """Goldschmidt's tolerance factor t from radii in Å."""
    return (r_a_ang + r_x_ang) / (sqrt(2) * (r_b_ang + r_x_ang))


def octahedral_factor(r_b_ang: float, r_x_ang: float) -> float:
    """The octahedral factor mu from radii in Å."""
    return r_b_ang / r_x_ang


def bartel_tau(r_a_ang: float, r_b_ang: float, r_x_ang: float, a_charge: float = 1) -> float | None:
    """Bartel's tau from radii in Å and the A-site charge; None unless r_A > r_B."""
    if r_a_ang <= r_b_ang:
        return None
    ratio = r_a_ang / r_b_ang
    return r_x_ang / r_b_ang - a_charge * (a_charge - ratio / log(ratio))


def tolerance_factors(composition: Composition) -> ToleranceFactors:
    """t, mu and tau of an ABX3 composition; mixed sites use occupancy-weighted radii.

    Raises:
        InputError: the composition is not ABX3, so that the factors are not defined.
        MissingRadiusError: an ion has no radius with a source.
    """
    if composition.family != "3D":
        raise InputError(
            f"{composition.formula} is not an ABX3 perovskite (family {composition.family}); "
            "t, mu and tau are defined for ABX3 only"
        )
    if not composition.numeric:
        raise InputError(
            f"{composition.formula} leaves amounts open; t, mu and tau need numbers, "
            "for example CsPbI2Br for CsPb(I,Br)3"
        )
    r_a, radii_a = _mean_radius(composition.on("A"), "A")
    r_b, radii_b = _mean_radius(composition.on("B"), "B")
    r_x, radii_x = _mean_radius(composition.on("X"), "X")
    return ToleranceFactors(
        formula=composition.formula,
        r_a_ang=r_a,
        r_b_ang=r_b,
        r_x_ang=r_x,
        t=goldschmidt(r_a, r_b, r_x),
        mu=octahedral_factor(r_b, r_x),
        tau=bartel_tau(r_a, r_b, r_x),
        radii=(*radii_a, *radii_b, *radii_x),
    )


def _mean_radius(occupants: tuple[Occupant, ...], site: Site) -> tuple[float, tuple[Radius, ...]]:
    radii = tuple(site_radius(occupant.ion, site) for occupant in occupants)
    amounts = [occupant.number or 0.0 for occupant in occupants]
    weighted = (n * radius.radius_ang for n, radius in zip(amounts, radii, strict=True))
    return sum(weighted) / sum(amounts), radii
