"""Formation energies of point defects, and limits of the chemical potentials.

The terms may come from any method, as long as all of them come from the same one. S. B. Zhang,
J. E. Northrup, Phys. Rev. Lett. 67, 2339 (1991), doi:10.1103/PhysRevLett.67.2339; C. Freysoldt et
al., Rev. Mod. Phys. 86, 253 (2014), doi:10.1103/RevModPhys.86.253.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import isfinite
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog

from pvkdb.compositions.compounds import Compound
from pvkdb.errors import InputError
from pvkdb_pipelines.screening.stages.stability import possible_products

__all__ = ["formation_energy_ev", "transition_levels"]

#: A formation energy beyond this has terms in different units or of cells of different size.
_IMPOSSIBLE_EV = 50.0
#: Status of scipy's linear programs without a solution; others are without a limit.
_INFEASIBLE = 2

FermiLevel = TypeVar("FermiLevel", float, NDArray[np.float64])


def formation_energy_ev(
    defect_ev: float,
    bulk_ev: float,
    added: Mapping[str, int],
    potentials_ev: Mapping[str, float],
    *,
    charge: int = 0,
    vbm_ev: float | None = None,
    fermi_level_ev: FermiLevel = 0.0,  # type: ignore[assignment]
    correction_ev: float = 0.0,
) -> FermiLevel:
    """Return the formation energy of a defect from its terms, eV.

    E_f = E(defect) − E(bulk) − Σ n_i μ_i + q (E_VBM + E_F) + E_corr

    Args:
        defect_ev: Energy of the cell with the defect, in its charge.
        bulk_ev: Energy of the same cell without it.
        added: Atoms n_i of each element that the defect adds; a vacancy of iodine is
            ``{"I": -1}``, bismuth in place of lead ``{"Bi": 1, "Pb": -1}``.
        potentials_ev: Chemical potential μ_i of each of these elements, eV/atom, on the same
            absolute scale as the cells.
        charge: q in units of the elementary charge; +1 where an electron is missing.
        vbm_ev: Valence band maximum of the bulk, on the same scale; needed with a charge.
        fermi_level_ev: Fermi level above the valence band maximum, a number or an array.
        correction_ev: Correction for the finite size of the charged cell, with the alignment of
            potentials where it is not in ``vbm_ev``; added without change.

    Returns:
        A number, or an array of the shape of ``fermi_level_ev``.

    Raises:
        InputError: a needed term is missing or not a number, a count of atoms or the charge is
            not whole, or the energy is so large that the terms cannot belong together.

    Example:
        >>> formation_energy_ev(-95.0, -100.0, {"I": -1}, {"I": -2.0}, charge=1, vbm_ev=-1.5)
        1.5
    """
    if charge != 0 and vbm_ev is None:
        raise InputError(
            f"the valence band maximum is missing: with charge {charge:+d} the formation energy "
            "depends on it; give vbm_ev"
        )
    atoms = {f"the number of {element} atoms added": number for element, number in added.items()}
    for what, number in {"charge": charge, **atoms}.items():
        if number != int(number):
            raise InputError(f"{what} is {number}, which is not a whole number")
    if missing := ", ".join(sorted(added.keys() - potentials_ev.keys())):
        raise InputError(f"the chemical potential of {missing} is missing: {added} adds it")
    terms = [defect_ev, bulk_ev, vbm_ev or 0.0, correction_ev]
    terms += [potentials_ev[element] for element in added]
    if not (all(map(isfinite, terms)) and np.isfinite(fermi_level_ev).all()):
        raise InputError(f"a term of the formation energy is not a number: {terms}")
    exchanged = sum(number * potentials_ev[element] for element, number in added.items())
    at_vbm = defect_ev - bulk_ev - exchanged + charge * (vbm_ev or 0.0) + correction_ev
    if abs(at_vbm) > _IMPOSSIBLE_EV:
        raise InputError(
            f"a formation energy of {at_vbm:.1f} eV is impossible: give all terms in eV, of cells "
            "of the same size, on one scale, and atoms removed with a minus"
        )
    return at_vbm + charge * fermi_level_ev


@dataclass(frozen=True, slots=True)
class TransitionLevel:
    """The Fermi level above the valence band maximum where the stable charge changes."""

    below: int
    above: int
    level_ev: float


def transition_levels(at_vbm_ev: Mapping[int, float]) -> tuple[TransitionLevel, ...]:
    """Return the levels between the stable charges of a defect, from low to high Fermi level.

    At ε(q/q′) = [E_f(q; 0) − E_f(q′; 0)] / (q′ − q) two charges have equal energy. A charge that is
    never the lowest has no level (negative U). Levels outside the band gap are included; only those
    inside are seen in an experiment.

    Args:
        at_vbm_ev: Formation energy by charge with the Fermi level at the valence band maximum.
    """
    charges = sorted(at_vbm_ev, reverse=True)
    found = []
    while len(charges) > 1:
        here, *lower = charges
        # The next stable charge is the first to cross; where several do at once, the last.
        level_ev, there = min(
            ((at_vbm_ev[here] - at_vbm_ev[other]) / (other - here), other) for other in lower
        )
        found.append(TransitionLevel(here, there, level_ev))
        charges = [charge for charge in charges if charge <= there]
    return tuple(found)


@dataclass(frozen=True, slots=True)
class HalideLimits:
    """Chemical potential of the halide in its poor and rich limits.

    Attributes:
        poor_ev: Halide-poor limit, eV/atom.
        rich_ev: Halide-rich limit, eV/atom.
        allowed_ev: Lowest and highest value at which the compound is in equilibrium with its
            elements' reservoirs and no other phase precipitates; None where the compound
            decomposes at every value. The limits are then those of the elements and binary
            halides alone.
    """

    poor_ev: float
    rich_ev: float
    allowed_ev: tuple[float, float] | None


def halide_limits(
    compound: Compound,
    energy_ev_per_formula: float,
    competitors_ev_per_formula: Mapping[Compound, float],
    elements_ev_per_atom: Mapping[str, float],
    halide: str | None = None,
) -> HalideLimits:
    """Return the window of the halide's chemical potential in a compound.

    Rich: the solid halogen, μ = E(X2) / 2. Poor: the cation that gives up its halide first turns
    into the solid element, for ABX3 μ = [E(BX2) − E(B)] / 2. Both are moved into the allowed
    interval of :func:`allowed_potential_ev` where it ends earlier.

    The poor limit of ABX3 is the corner of its stable region where B and BX2 are about to appear.
    The lowest allowed value, where B and AX are about to appear, is lower by half the
    decomposition energy into AX and BX2; it is not used because that energy is the least certain.

    Args:
        compound: the compound.
        energy_ev_per_formula: its lowest energy.
        competitors_ev_per_formula: Lowest energy of each compound that it may decompose into,
            binary halides of its cations among them.
        elements_ev_per_atom: Energy of the solid elements; the molecular crystal for the halide.
        halide: Halide of a mixture; by default the first.

    Raises:
        InputError: an element or binary halide is missing without which a limit is not defined.
    """
    halide = halide or compound.sites["X"].symbol
    if halide not in elements_ev_per_atom:
        raise InputError(f"the energy of solid {halide}2 is missing, the halide-rich reference")
    rich = elements_ev_per_atom[halide]
    binaries = {**competitors_ev_per_formula, compound: energy_ev_per_formula}
    poor = min(rich, _first_metal_ev(halide, compound, binaries, elements_ev_per_atom))
    allowed = allowed_potential_ev(
        halide, compound, energy_ev_per_formula, competitors_ev_per_formula, elements_ev_per_atom
    )
    if allowed is not None:
        poor, rich = (float(np.clip(value, *allowed)) for value in (poor, rich))
    return HalideLimits(poor, rich, allowed)


def _first_metal_ev(
    halide: str,
    compound: Compound,
    energies_ev_per_formula: Mapping[Compound, float],
    elements_ev_per_atom: Mapping[str, float],
) -> float:
    """Return the halide's chemical potential, eV, at which a first metal appears on lowering."""
    of_metals: dict[str, float] = {}
    for other, energy in energies_ev_per_formula.items():
        numbers = dict(other.numbers_of_elements)
        halides = numbers.pop(halide, 0)
        if halides == 0 or len(numbers) != 1 or not numbers.keys() <= elements_ev_per_atom.keys():
            continue
        ((metal, count),) = numbers.items()
        potential = (energy - count * elements_ev_per_atom[metal]) / halides
        # Of several halides of one metal, that of the lowest potential is next to the metal.
        of_metals[metal] = min(potential, of_metals.get(metal, potential))
    needed = {ion.symbol for ion in compound.on("B")}
    missing = sorted((needed or {compound.ions[0].symbol}) - of_metals.keys())
    if missing:
        raise InputError(
            f"the halide-poor limit of {compound} is not defined without the energies of solid "
            f"{missing[0]} and of its binary halide"
        )
    return max(of_metals.values())


def allowed_potential_ev(
    element: str,
    compound: Compound,
    energy_ev_per_formula: float,
    competitors_ev_per_formula: Mapping[Compound, float],
    elements_ev_per_atom: Mapping[str, float],
) -> tuple[float, float] | None:
    """Return the lowest and highest chemical potential at which a compound is stable.

    The potentials add up to the compound, Σ n_i μ_i = E, and no element or competitor
    precipitates, Σ m_i μ_i ≤ E(other): one linear program for each end.

    Returns:
        eV/atom; None where the compound decomposes at all potentials.

    Raises:
        InputError: the elements and competitors given leave the potential without a limit.
    """
    content = compound.numbers_of_elements
    elements = list(content)
    bounds = [
        ({symbol: 1}, energy)
        for symbol, energy in elements_ev_per_atom.items()
        if symbol in content
    ] + [
        (other.numbers_of_elements, competitors_ev_per_formula[other])
        for other in possible_products(compound, competitors_ev_per_formula)
    ]
    found = []
    for sign in (1, -1):
        solution = linprog(
            [sign * (symbol == element) for symbol in elements],
            A_ub=_rows((numbers for numbers, _ in bounds), elements),
            b_ub=[energy for _, energy in bounds],
            A_eq=_rows([content], elements),
            b_eq=[energy_ev_per_formula],
            bounds=(None, None),
            method="highs",
        )
        if not solution.success:
            missing = [symbol for symbol in elements if symbol not in elements_ev_per_atom]
            if solution.status == _INFEASIBLE or not missing:
                return None
            raise InputError(
                f"nothing limits the chemical potential of {element} in {compound}; give the "
                f"energies of its elements, also of {', '.join(missing)}"
            )
        found.append(sign * float(solution.fun))
    return found[0], found[1]


def _rows(formulas: Iterable[Mapping[str, float]], elements: list[str]) -> NDArray[np.float64]:
    return np.array([[numbers.get(e, 0) for e in elements] for numbers in formulas], dtype=float)


def neutral_vacancy_ev(
    vacancy_ev: float, host_ev: float, halide: str, limits: HalideLimits
) -> tuple[float, float]:
    """Return the formation energies of a neutral halide vacancy, eV: halide-poor, halide-rich.

    E_f = E(cell without one X) − E(cell) + μ_X: lowest where the halide is scarce.

    Args:
        vacancy_ev: Energy of the relaxed cell that lacks one halide.
        host_ev: Energy of the same cell, complete.
        halide: Its element, e.g. ``I``.
        limits: Chemical potentials of the halide.

    Raises:
        InputError: for the reasons of :func:`formation_energy_ev`.
    """
    poor, rich = (
        formation_energy_ev(vacancy_ev, host_ev, {halide: -1}, {halide: potential})
        for potential in (limits.poor_ev, limits.rich_ev)
    )
    return poor, rich
