"""Layers, ions and contacts of a device, and the mesh across it."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, inf, isfinite, sqrt

import numpy as np
from scipy.constants import elementary_charge, epsilon_0

from pvkdb.errors import InputError
from pvkdb.kinetics.hopping import BOLTZMANN_EV_PER_K, Array

__all__ = ["Contact", "MobileIon", "Stack", "StackLayer", "Traps"]

#: Width of an interface between two layers, m: thin enough for a continuous potential.
INTERFACE_M = 1e-10
#: Fields that may be infinite, and those that may be zero.
_ENDLESS = {"reference_k", "image_permittivity", "breakdown_v_per_m", "absorption_nm"}
_ZERO = {"density_per_cm3", "diffusion_m2_per_s", "e_a_ev", "donors_per_cm3", "acceptors_per_cm3"}
_ZERO |= {"affinity_ev", "recombination_cm3_per_s", "generation_per_cm3_s", "off_e_a_ev", "empty"}
_ZERO |= {"thermal_resistance_k_m2_per_w", "heat_capacity_j_per_k_m2", "gap_nm", "series_ohm"}


class Checked:
    """Refuses numbers that are negative, infinite, or zero where that has no meaning."""

    __slots__: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in self.__slots__:
            number = getattr(self, name)
            if not isinstance(number, int | float) or name in ("charge", "donor"):
                continue
            right, least = number > 0, "above zero"
            if name in _ZERO:
                right, least = number >= 0, "of zero or more"
            if not right or (number == inf and name not in _ENDLESS):
                what = f"{name}={number:g} of a {type(self).__name__}"
                raise InputError(f"{what}: give a number {least}")


@dataclass(frozen=True, slots=True)
class MobileIon(Checked):
    """A mobile ion or vacancy of a layer, which it does not leave.

    ``diffusion_m2_per_s`` is D at ``reference_k``; other temperatures follow from ``e_a_ev``. With
    an infinite reference it is the prefactor of D = D₀ exp(−E_A/kT).
    """

    charge: int
    density_per_cm3: float
    diffusion_m2_per_s: float
    e_a_ev: float = 0.0
    reference_k: float = 298.15

    def diffusion_at(self, temperature_k: float) -> float:
        """Return D in m²/s at a temperature."""
        inverse = 1 / temperature_k - 1 / self.reference_k
        return self.diffusion_m2_per_s * exp(-self.e_a_ev / BOLTZMANN_EV_PER_K * inverse)


@dataclass(frozen=True, slots=True)
class Traps(Checked):
    """Traps that capture electrons and holes, their level below vacuum (Shockley, Read and Hall).

    Acceptors, negative when they hold an electron, or donors, positive when they hold none.
    """

    density_per_cm3: float
    level_ev: float
    electron_capture_cm3_per_s: float
    hole_capture_cm3_per_s: float
    donor: bool = False


NO_ION, NO_TRAPS = MobileIon(1, 0.0, 0.0), Traps(0.0, 1.0, 1e-20, 1e-20)


@dataclass(frozen=True, slots=True)
class StackLayer(Checked):
    """A layer: band edges below vacuum, transport, up to two ions, recombination and light.

    ``generation_per_cm3_s`` is that of full light at the left end; it decays over
    ``absorption_nm``. Electrons and holes enter the next layer at ``exchange_m_per_s``.
    ``breakdown_v_per_m`` is the mean field at which a simulation stops, by ``breakdown_source``;
    without it the field is only reported.
    """

    thickness_nm: float
    permittivity: float
    affinity_ev: float
    ionisation_ev: float
    electron_states_per_cm3: float
    hole_states_per_cm3: float
    electron_mobility_cm2_per_v_s: float
    hole_mobility_cm2_per_v_s: float
    ions: tuple[MobileIon, ...] = ()
    donors_per_cm3: float = 0.0
    acceptors_per_cm3: float = 0.0
    recombination_cm3_per_s: float = 0.0
    traps: Traps = NO_TRAPS
    exchange_m_per_s: float = 1e3
    generation_per_cm3_s: float = 0.0
    absorption_nm: float = inf
    breakdown_v_per_m: float = inf
    breakdown_source: str = ""

    def __post_init__(self) -> None:
        Checked.__post_init__(self)
        if self.ionisation_ev <= self.affinity_ev:
            raise InputError("ionisation_ev is not above affinity_ev: both are below vacuum")
        if len(self.ions) > 2:
            raise InputError("a layer has one or two ions: leave out the slower ones")
        if isfinite(self.breakdown_v_per_m) and not self.breakdown_source:
            raise InputError("breakdown_v_per_m: give breakdown_source with it")

    def debye_length_nm(self, temperature_k: float) -> float:
        """Return the Debye length of the ions, sqrt(ε kT / Σ z² q² N)."""
        charge = elementary_charge * sum(ion.charge**2 * ion.density_per_cm3 for ion in self.ions)
        volts = BOLTZMANN_EV_PER_K * temperature_k
        return 1e6 * sqrt(self.permittivity * epsilon_0 * volts / charge) if charge else inf


@dataclass(frozen=True, slots=True)
class Contact(Checked):
    """An electrode that keeps electrons and holes at its work function's equilibrium.

    With ``image_permittivity``, the optical permittivity, the image force lowers the barrier of
    the carriers that the field E pulls in by sqrt(qE/4πε) (Sze, Physics of Semiconductor Devices,
    3rd edition, section 3.2.4).
    """

    work_function_ev: float
    image_permittivity: float = inf


@dataclass(frozen=True, slots=True)
class Stack(Checked):
    """A device: layers from left to right between two contacts.

    The voltage is that of the right contact against the left. With
    ``thermal_resistance_k_m2_per_w`` (to surroundings at ``temperature_k``) and
    ``heat_capacity_j_per_k_m2`` the current heats the whole device.
    """

    layers: tuple[StackLayer, ...]
    left: Contact
    right: Contact
    temperature_k: float = 298.15
    thermal_resistance_k_m2_per_w: float = 0.0
    heat_capacity_j_per_k_m2: float = 0.0

    def __post_init__(self) -> None:
        Checked.__post_init__(self)
        if not self.layers:
            raise InputError("a stack without layers: give at least one, with its thickness")
        if self.thermal_resistance_k_m2_per_w and not self.heat_capacity_j_per_k_m2:
            raise InputError("give heat_capacity_j_per_k_m2 with thermal_resistance_k_m2_per_w")
        ends = ((self.left, self.layers[0]), (self.right, self.layers[-1]))
        for side, (contact, layer) in zip(("left", "right"), ends, strict=True):
            if not layer.affinity_ev <= contact.work_function_ev <= layer.ionisation_ev:
                raise InputError(
                    f"work_function_ev={contact.work_function_ev:g} of the {side} contact is not "
                    f"between {layer.affinity_ev:g} and {layer.ionisation_ev:g}, the band edges"
                )

    def mesh(self, points: int) -> tuple[Array, Array]:
        """Return positions of the nodes in m, and the index of the layer of each.

        Each layer has ``points`` nodes, as the extremes of a cosine: dense at its ends.
        """
        if points < 5:
            raise InputError(f"points={points}: give at least 5 nodes a layer")
        shares = (1 - np.cos(np.linspace(0, np.pi, points))) / 2
        thickness = 1e-9 * np.array([layer.thickness_nm for layer in self.layers])
        starts = np.cumsum([0.0, *(thickness[:-1] + INTERFACE_M)])
        nodes = starts[:, None] + thickness[:, None] * shares
        return nodes.ravel(), np.repeat(np.arange(len(thickness)), points)
