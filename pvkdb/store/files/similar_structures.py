"""Structures of the store that a given structure resembles: its own phase, or its prototype.

Primitive cells are compared by the StructureMatcher of pymatgen: S. P. Ong et al., Comput. Mater.
Sci. 68, 314 (2013), doi:10.1016/j.commatsci.2012.10.028.
"""

from __future__ import annotations

import re
import warnings
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from pvkdb._extras import needing
from pvkdb.chemistry.formulas.sum_formula import anonymous_formula, reduced_formula
from pvkdb.errors import InputError, naming
from pvkdb.operations import Reading
from pvkdb.schemas.calculations.relaxations import Host
from pvkdb.schemas.responses import SimilarityRequest, SimilarStructures, StructureMatch
from pvkdb.store.files.structure_reading import read_cif
from pvkdb.store.models.materials import Material
from pvkdb.store.models.structures import Structure

if TYPE_CHECKING:
    from pymatgen.core.structure import Structure as Crystal

#: Tolerance for primitive cells and space groups, Å; as for the space groups in the store.
_SYMPREC_ANG = 0.05
#: Most atoms of a primitive cell; the time for a comparison grows with their square and more.
MOST_PRIMITIVE_ATOMS = 60
#: Most structures of the same composition that are compared, and of each structure type.
_OF_COMPOSITION, _OF_TYPE = 20, 3


def answer(request: SimilarityRequest, reading: Reading) -> SimilarStructures:
    """Return what the structure of a CIF is for the store. Raises ParameterError."""
    with naming("cif"), reading() as session:
        return similar_structures(session, read_cif(request.cif))


def similar_structures(session: Session, host: Host) -> SimilarStructures:
    """Return whether a structure is a known phase, has a known prototype, or is new to the store.

    Structures of the same composition come first. Only if none matches, others with the same
    ratios of atoms and the same space group are compared, a few of each phase.

    Raises:
        InputError: the structure has no symmetry group, or its primitive cell too many atoms.
        MissingExtraError: pymatgen is not installed.
    """
    own = _primitive(host)
    if own is None:
        raise InputError("the symmetry of the structure cannot be determined; check its cell")
    crystal, space_group = own
    if len(crystal) > MOST_PRIMITIVE_ATOMS:
        most = MOST_PRIMITIVE_ATOMS
        raise InputError(
            f"its primitive cell has {len(crystal)} atoms; at most {most} are compared"
        )
    counts = Counter(host.symbols)
    formula = reduced_formula(counts)
    columns = (Structure.id, Structure.material_id, Structure.space_group, Structure.atoms)
    listed = session.execute(
        select(*columns, Structure.formula_reduced, Material.phase)
        .join(Material, Material.id == Structure.material_id)
        .where(Structure.formula_anonymous == anonymous_formula(counts))
        .where(Structure.atoms % len(crystal) == 0)
        .order_by(Structure.atoms, Structure.id)
    ).all()
    alike = [row for row in listed if row.formula_reduced == formula]
    compared = sorted(alike, key=lambda row: row.space_group != space_group)[:_OF_COMPOSITION]
    matches = _matches(session, crystal, compared)
    verdict = "known phase"
    if not matches:
        fits = [row for row in listed if row.space_group in (None, space_group)]
        types = [*_of_each_type([row for row in fits if row.formula_reduced != formula], counts)]
        matches = _matches(session, crystal, types)
        compared += types
        verdict = "prototype" if matches else "new"
    return SimilarStructures(
        verdict=verdict,
        formula=crystal.composition.reduced_formula,
        space_group=space_group,
        atoms=len(crystal),
        matches=matches,
        compared=len(compared),
    )


def _of_each_type(rows: Iterable[Any], elements: Iterable[str]) -> Iterator[Any]:
    """Yield rows of a few compositions of each phase, those with most common elements first."""
    types: dict[str | None, dict[str, Any]] = defaultdict(dict)
    for row in rows:
        types[row.phase].setdefault(row.formula_reduced, row)
    for found in types.values():
        common = {name: len({*re.findall("[A-Z][a-z]?", name)} & {*elements}) for name in found}
        yield from sorted(found.values(), key=lambda row: -common[row.formula_reduced])[:_OF_TYPE]


def _matches(session: Session, crystal: Crystal, rows: Iterable[Any]) -> list[StructureMatch]:
    """Return the rows whose structures match under the best exchange of elements, best first."""
    from pymatgen.analysis.structure_matcher import StructureMatcher

    matcher: Any = StructureMatcher(primitive_cell=False)
    found = []
    for row in rows:
        stored = session.get_one(Structure, row.id)
        other = _primitive(stored)
        if other is None or len(other[0]) != len(crystal):
            continue
        ions: dict[Any, Any] = {}
        if other[0].composition == crystal.composition:
            rms, _ = matcher.get_rms_dist(crystal, other[0]) or (None, None)
        else:
            rms, ions = matcher.get_rms_anonymous(crystal, other[0])
        if rms is not None:
            exchanged = {str(ours): str(theirs) for ours, theirs in ions.items() if ours != theirs}
            found.append(
                StructureMatch(
                    structure=row.id,
                    material=row.material_id,
                    space_group=other[1],
                    rms_displacement=round(float(rms), 4),
                    exchanged=exchanged,
                )
            )
    return sorted(found, key=lambda match: match.rms_displacement)


def _primitive(given: Host | Structure) -> tuple[Crystal, str] | None:
    """Return the primitive cell and the space group; None if it is not a structure."""
    with needing("screening"), warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        from pymatgen.core.lattice import Lattice
        from pymatgen.core.structure import Structure as Crystal
        from pymatgen.symmetry.analyzer import SpacegroupAnalyzer
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            cell, places = Lattice(given.cell_ang), given.positions_ang
            crystal = Crystal(cell, given.symbols, places, coords_are_cartesian=True)
            analyzer = SpacegroupAnalyzer(crystal, _SYMPREC_ANG)
            return analyzer.find_primitive(), analyzer.get_space_group_symbol()
    except Exception:  # an edited row of the store; the errors of spglib depend on its version
        return None
