"""The properties of structures that pvkdb defines, ``_pvkdb_…``, beside those of OPTIMADE."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, ScalarSelect, func, select
from sqlalchemy.orm import aliased

from pvkdb.store.models.energetics import Energetic
from pvkdb.store.models.materials import Composition, CompositionTolerance, Material
from pvkdb.store.models.structures import Structure
from pvkdb_api.optimade import PREFIX
from pvkdb_api.optimade.entries.properties import Kind, Property, Scalar


def current(statement: Any) -> ColumnElement[bool]:
    """Return the SQL condition that no correction supersedes an energy."""
    newer = aliased(Energetic)
    return ~select(newer.id).where(newer.supersedes_id == statement.id).exists()


def _extreme(end: str, quantity: str, scope: str) -> ScalarSelect[Any]:
    """Return the lowest or highest energy of a composition in any of its phases, as SQL.

    The phases are a subquery and not a joined table: with a join, SQLite reads the statements of
    all materials for each structure.
    """
    statement, material = aliased(Energetic), aliased(Material)
    extreme = func.min(statement.value_min_ev) if end == "min" else func.max(statement.value_max_ev)
    phases = (
        select(material.id)
        .where(material.composition_id == Material.composition_id)
        .correlate(Material)
    )
    return (
        select(extreme)
        .where(
            statement.material_id.in_(phases),
            statement.quantity == quantity,
            statement.scope == scope,
            current(statement),
        )
        .scalar_subquery()
    )


def _own(
    name: str, kind: Kind, expression: Any, description: str, unit: str | None = None
) -> Scalar:
    """Return a property with the prefix ``_pvkdb_``, computed by an SQL expression."""
    return Scalar(
        f"_{PREFIX}_{name}",
        kind,
        description,
        unit,
        sortable=True,
        expression=expression,
        nullable=name not in _NEVER_NULL,
    )


_NEVER_NULL = frozenset({"material", "formula", "family", "lead_free", "role", "origin"})

_ENERGY = (
    "of the composition, in eV, in any of its phases, for any defect and direction. Ends that a "
    "source leaves open ('> 1.2') do not count."
)
_REPORTED = f"as the literature reports it {_ENERGY}"
_COMPUTED = (
    "of the easiest path through the crystal in a direction, by calculations with interatomic "
    f"potentials {_ENERGY}"
)


def _energy_ends(name: str, quantity: str, scope: str, meaning: str) -> list[Scalar]:
    """Return two properties: the lowest and the highest energy of a quantity and scope."""
    return [
        _own(
            f"{name}_{end}_ev",
            "float",
            _extreme(end, quantity, scope),
            f"{extreme} {meaning}",
            "eV",
        )
        for end, extreme in (("min", "Lowest"), ("max", "Highest"))
    ]


PVKDB_PROPERTIES: tuple[Property, ...] = (
    _own(
        "material",
        "string",
        Structure.material_id,
        "Material by its public name, e.g. CsPbBr3-Pnma: formula and phase.",
    ),
    _own(
        "formula",
        "string",
        Composition.formula,
        "Formula of the material, ions in the order A, B, X; a cell with a defect belongs to the "
        "material without it.",
    ),
    _own("phase", "string", Material.phase, "Phase of the material: space group or name."),
    _own(
        "family",
        "string",
        Material.family,
        "Structure family of the material, e.g. 3D, double, vacancy-ordered, RP, DJ, A3B2X9.",
    ),
    _own(
        "dimensionality",
        "integer",
        Material.dimensionality,
        "Dimensions in which the octahedra connect.",
    ),
    _own("lead_free", "boolean", Composition.lead_free, "Whether no lead is present."),
    _own(
        "space_group",
        "string",
        Structure.space_group,
        "Space group of the structure with a tolerance (spglib, 0.05 to 0.1 Å); none for cells "
        "with a defect.",
    ),
    _own(
        "role",
        "string",
        Structure.role,
        "What the structure is: host (relaxed crystal), start (a user's own), vacancy, "
        "'hop N image M' or 'hop N saddle' of a migration path.",
    ),
    _own("origin", "string", Structure.origin, "How the structure was made."),
    _own("calculation", "string", Structure.calculation_id, "Calculation that made it."),
    _own("parent", "string", Structure.parent_id, "Structure that it was made from."),
    _own(
        "energy_ev",
        "float",
        Structure.energy_ev,
        "Potential energy of the cell; comparable within one calculation only.",
        "eV",
    ),
    _own(
        "t",
        "float",
        CompositionTolerance.t,
        "Goldschmidt's tolerance factor of the formula, with Shannon's and Kieslich's radii.",
    ),
    _own("mu", "float", CompositionTolerance.mu, "Octahedral factor of the formula."),
    _own(
        "tau",
        "float",
        CompositionTolerance.tau,
        "Bartel's tolerance factor of the formula; perovskite below 4.18 "
        "(doi 10.1126/sciadv.aav0693).",
    ),
    _own(
        "p_perovskite",
        "float",
        CompositionTolerance.p_perovskite,
        "Probability that the formula is a perovskite, from tau.",
    ),
    *_energy_ends("e_a_reported", "E_A", "reported", f"activation energy of migration {_REPORTED}"),
    *_energy_ends("e_a_percolation", "E_A", "percolation", f"migration bottleneck {_COMPUTED}"),
    *_energy_ends("dfe_reported", "DFE", "reported", f"defect formation energy {_REPORTED}"),
)
