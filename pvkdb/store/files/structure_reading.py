"""User-supplied structures: read from CIF, checked against their formula, converted to hosts.

The service receives them from anyone, so that their size is checked first.
"""

from __future__ import annotations

import io
import warnings
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from sqlalchemy.orm import Session

from pvkdb._extras import needing
from pvkdb.chemistry import Composition
from pvkdb.chemistry.formulas.sum_formula import composition_of_atoms
from pvkdb.chemistry.ions import molecular_ions
from pvkdb.errors import InputError, naming
from pvkdb.schemas.calculations.migration import CompleteNebRequest, NebRequest
from pvkdb.schemas.calculations.relaxations import Host
from pvkdb.store.queue.migration_requests import complete_request

if TYPE_CHECKING:
    from ase import Atoms
    from ase.io.cif import CIFBlock

#: Largest difference of an amount between structure and formula, atoms per formula unit.
_AMOUNT = 1e-3
#: Most sites of a CIF, and most atoms after applying its symmetry. Supercells of a migration are
#: made from the primitive cell, which has fewer.
MOST_SITES = 500
MOST_ATOMS = 2000
#: Shortest edge of a cell (Å) and least volume per atom (Å³; diamond has 5.7).
_SHORTEST_ANG = 1.5
_LEAST_VOLUME_ANG3 = 3.0
#: Sites closer than this are the same atom, Å.
_SAME_SITE_ANG = 0.5
#: Tolerance for finding the space group, Å.
SYMPREC_ANG = 0.01
#: The same for a relaxed structure, whose atoms lie beside their sites.
_RELAXED_SYMPREC_ANG = 0.1


def named(request: NebRequest) -> NebRequest:
    """Return a request with the formula and phase of its structure, where it names none.

    Raises:
        InputError: the atoms are those of several compositions, or of none.
        MissingExtraError: spglib or ASE is not installed.
    """
    host = request.host
    if host is None or (request.formula and request.phase):
        return request
    formula = request.formula or composition_of_atoms(Counter(host.symbols)).formula
    phase = request.phase or space_group_of(host)
    return request.model_copy(update={"formula": formula, "phase": phase})


def barrier_request(session: Session, request: NebRequest) -> CompleteNebRequest:
    """Return the complete request for a barrier, also of a given structure.

    Raises:
        ParameterError: the formula, phase or defect cannot be used.
    """
    with naming("formula"):
        request = named(request)
    return complete_request(request, naming)


def read_cif(text: str, composition: Composition | None = None) -> Host:
    """Return the structure of a CIF as a host.

    Args:
        text: A CIF with one structure.
        composition: Its required composition; None for any.

    Raises:
        InputError: the text is not a CIF of one ordered, periodic structure of the composition,
            atoms overlap, or the structure is too large.
        MissingExtraError: ASE is not installed.
    """
    with needing("screening"):
        atoms = _atoms(_block(text))
    if not (np.isfinite(atoms.positions).all() and np.isfinite(atoms.cell.array).all()):
        raise InputError("the CIF has coordinates that are not finite numbers")
    if not (
        atoms.cell.lengths().min() >= _SHORTEST_ANG
        and abs(atoms.cell.volume) >= _LEAST_VOLUME_ANG3 * len(atoms)
    ):
        raise InputError(
            f"the cell of the CIF is too small for its {len(atoms)} atoms: "
            f"{abs(atoms.cell.volume):.4g} Å³"
        )
    require_order(atoms, "the CIF")
    if composition is not None:
        require_composition(atoms, composition, "the CIF")
    _require_distance(atoms)
    return host_of(atoms)


def space_group_of(host: Host) -> str | None:
    """Return the space group of a structure, e.g. ``Pnma``; None if spglib finds none.

    Raises:
        MissingExtraError: spglib or ASE is not installed.
    """
    found = _symmetry(host, SYMPREC_ANG)
    return None if found is None else str(found.international)


def distinct_atoms(host: Host) -> list[int]:
    """Return the first atom of each symmetry class of a relaxed structure; all if spglib fails.

    Raises:
        MissingExtraError: spglib or ASE is not installed.
    """
    found = _symmetry(host, _RELAXED_SYMPREC_ANG)
    if found is None:
        return [*range(len(host.symbols))]
    return sorted({int(first) for first in found.equivalent_atoms})


def _symmetry(host: Host, symprec_ang: float) -> Any:
    """Return the symmetry of a structure, or None.

    Source: A. Togo, K. Shinohara, I. Tanaka, Sci. Technol. Adv. Mater. Meth. 4, 2384822
    (2024), doi:10.1080/27660400.2024.2384822.
    """
    with needing("screening"):
        import spglib
        from ase.data import atomic_numbers
    cell = np.array(host.cell_ang)
    fractions = np.array(host.positions_ang) @ np.linalg.inv(cell)
    for symbol in host.symbols:
        if symbol not in atomic_numbers:
            raise InputError(f"{symbol[:20]!r} in the structure is not an element; write e.g. Pb")
    numbers = [atomic_numbers[symbol] for symbol in host.symbols]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return spglib.get_symmetry_dataset((cell, fractions, numbers), symprec=symprec_ang)
    except Exception:  # the errors of spglib depend on its version
        return None


def host_of(atoms: Atoms) -> Host:
    """Return a structure as a host, rounded so that writing and reading it keeps its hash."""
    return Host(
        symbols=tuple(atoms.get_chemical_symbols()),
        cell_ang=tuple(_rounded(row) for row in atoms.cell.array),
        positions_ang=tuple(_rounded(row) for row in atoms.positions),
    )


def elements_of(composition: Composition) -> dict[str, float]:
    """Return the number of atoms of each element in one formula unit, molecules included.

    Raises:
        InputError: an amount is not given, or an ion is generic, such as X.
    """
    amounts: dict[str, float] = {}
    for occupant in composition.occupants:
        ion, number = occupant.ion, occupant.number
        if number is None or ion.generic or composition.additives:
            raise InputError(
                f"{composition.formula} leaves ions or amounts open; a start needs a formula "
                "with numbers"
            )
        inside = {ion.symbol: 1}
        if ion.molecular:
            from ase.formula import Formula  # not needed to import calculations

            inside = Formula(molecular_ions()[ion.symbol].formula).count()
        for element, count in inside.items():
            amounts[element] = amounts.get(element, 0.0) + count * number
    return amounts


def require_composition(atoms: Atoms, composition: Composition, name: Path | str) -> None:
    """Raise an error if a structure does not have a composition; ``name`` is for the message.

    Raises:
        InputError: the elements or their ratios differ.
    """
    wanted = elements_of(composition)
    units = len(atoms) / sum(wanted.values())
    found = {element: count / units for element, count in atoms.symbols.formula.count().items()}
    if wanted.keys() != found.keys() or any(
        abs(found[element] - amount) > _AMOUNT for element, amount in wanted.items()
    ):
        raise InputError(
            f"{name} holds {atoms.symbols.formula.reduce()[0]}, not {composition.formula}"
        )


def require_order(atoms: Atoms, name: Path | str) -> None:
    """Raise an error if elements share a site or a site is partly occupied.

    Raises:
        InputError: names the site.
    """
    for site, occupants in atoms.info.get("occupancy", {}).items():
        if len(occupants) > 1 or abs(sum(occupants.values()) - 1) > _AMOUNT:
            shown = ", ".join(f"{element} {share:g}" for element, share in occupants.items())
            raise InputError(
                f"{name}: site {site} is occupied by {shown}; a start needs one atom on each "
                "site: order it in a supercell"
            )


def _block(text: str) -> CIFBlock:
    from ase.io.cif import parse_cif

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about irrelevant tags and settings
            blocks = [block for block in parse_cif(io.StringIO(text)) if block.has_structure()]
    except Exception as error:  # the reader of ASE raises many kinds of errors
        raise _unreadable(error) from error
    if not blocks:
        raise InputError(
            "the text holds no structure as CIF: a cell (_cell_length_a …) and the sites in it "
            "(_atom_site_fract_x …) under data_NAME"
        )
    if len(blocks) > 1:
        raise InputError(f"the CIF holds {len(blocks)} structures; give one")
    sites = len(blocks[0].get("_atom_site_fract_x", blocks[0].get("_atom_site_cartn_x", ())))
    if sites > MOST_SITES:
        raise InputError(f"the CIF lists {sites:,} sites; a host may have {MOST_SITES}")
    return blocks[0]


def _atoms(block: CIFBlock) -> Atoms:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            atoms = block.get_atoms(fractional_occupancies=True)
    except Exception as error:
        raise _unreadable(error) from error
    if not 0 < len(atoms) <= MOST_ATOMS:
        raise InputError(f"the cell of the CIF holds {len(atoms):,} atoms; at most {MOST_ATOMS:,}")
    return atoms


def _unreadable(error: Exception) -> InputError:
    return InputError(f"this cannot be read as CIF ({type(error).__name__}: {str(error)[:200]})")


def _require_distance(atoms: Atoms) -> None:
    from ase.neighborlist import neighbor_list

    first, second, distance = neighbor_list("ijd", atoms, _SAME_SITE_ANG)
    if len(distance):
        i, j = int(first[0]), int(second[0])
        raise InputError(
            f"the CIF has {atoms.symbols[i]} and {atoms.symbols[j]} {float(distance[0]):.2f} Å "
            "apart: sites that are listed twice, or of a disordered structure"
        )


def _rounded(row: np.ndarray) -> tuple[float, float, float]:
    x, y, z = (round(float(value), 8) for value in row)
    return x, y, z
