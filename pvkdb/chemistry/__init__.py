"""Chemistry of halide perovskites: ions, formulas, compositions, tolerance factors, defects.

Pure functions and value types; the only files read are the tables shipped beside the modules.
"""

from pvkdb.chemistry.composition import Composition, Occupant, monatomic_abx3, parse_composition
from pvkdb.chemistry.defects import Defect
from pvkdb.chemistry.ions import Ion, Radius, ion, radii, site_radius
from pvkdb.chemistry.quantities import Interval
from pvkdb.chemistry.tolerance import ToleranceFactors, tolerance_factors

__all__ = [
    "Composition",
    "Defect",
    "Interval",
    "Ion",
    "Occupant",
    "Radius",
    "ToleranceFactors",
    "ion",
    "monatomic_abx3",
    "parse_composition",
    "radii",
    "site_radius",
    "tolerance_factors",
]
