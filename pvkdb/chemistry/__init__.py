"""Chemistry of halide perovskites: ions, formulas, compositions, tolerance factors, defects.

Pure functions and value types; they read only the tables that are part of the package.
"""

from pvkdb.chemistry.amounts import Amount
from pvkdb.chemistry.defects import Defect
from pvkdb.chemistry.factors.tolerance import ToleranceFactors, tolerance_factors
from pvkdb.chemistry.formulas.composition import (
    Composition,
    Occupant,
    material_family,
    parse_composition,
    parse_material,
)
from pvkdb.chemistry.ions import Ion, Radius, ion, radii, site_radius
from pvkdb.chemistry.quantities import Interval

__all__ = [
    "Amount",
    "Composition",
    "Defect",
    "Interval",
    "Ion",
    "Occupant",
    "Radius",
    "ToleranceFactors",
    "ion",
    "material_family",
    "parse_composition",
    "parse_material",
    "radii",
    "site_radius",
    "tolerance_factors",
]
