"""Rows made by pvkdb: materials, compositions, tolerance, calculations, structures, rankings."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from pvkdb.chemistry.family import FAMILIES
from pvkdb.schemas.calculations import CalculationState, FailureKind
from pvkdb.schemas.tables.columns import PHASE_SOURCE, Row, column, optional

_BARTEL = "Bartel 2019, doi 10.1126/sciadv.aav0693"
_FROM_FORMULA = "computed: from the formula (`pvkdb.chemistry`)"
_SITE_MEAN = "computed: mean of radii of the table `ions`, weighted by the amounts on the site"
_NEB = "climbing-image NEB (Henkelman 2000, doi 10.1063/1.1329672)"
_POTENTIAL = "computed: by the potential that `origin` names"
_COUNTED = "computed: counted in the store"
_SCORED = (
    "computed: product of the shares of all criteria (`pvkdb.suitability`, docs/suitability.md)"
)
_JUDGED = "computed: every criterion compared with the reported value (`pvkdb.suitability`)"
_OF_TOLERANCE = "computed: as in the table `tolerance`"
_NO_FACTOR = "not defined, or an ion has no radius with a source"
_NOT_YET = "the calculation has not computed it"


def _count(meaning: str, source: str) -> Any:
    """Declare a column that counts something."""
    return column(meaning, source, unit="1", minimum=0)


def _share(meaning: str, source: str) -> Any:
    """Declare a column between 0 and 1."""
    return column(meaning, source, unit="1", minimum=0, maximum=1)


def _energy(what: str, empty: str, source: str) -> Any:
    """Declare a column of an energy of halide vacancies, in eV."""
    return optional(what, source, unit="eV", empty=empty)


_LITERATURE = (
    "computed: over the statements of `energetics` without a calculation, on halide vacancies and "
    "on halide ions without a stated defect; a bound counts only where no value is known, and "
    "leaves the other end empty; formation energies of charged vacancies depend on the Fermi level "
    "and do not count"
)
_EASIEST = (
    "computed: over the statements of scope `percolation`, of each calculation that of the path in "
    "most dimensions less than 0.1 eV above the easiest; a bound counts only where no value is "
    "known, and leaves the other end empty"
)
_FORMATION = (
    "computed: over the statements of scope `computed`, neutral vacancies from the halide-poor to "
    "the halide-rich limit"
)

#: Columns of materials, for one phase, and of compositions, for all.
_LOWEST_REPORTED, _HIGHEST_REPORTED = (
    _energy(
        f"{end} reported activation energy of the halide vacancy.", "none is reported", _LITERATURE
    )
    for end in ("Lowest", "Highest")
)
_LOWEST_COMPUTED, _HIGHEST_COMPUTED = (
    _energy(
        f"{end} computed activation energy of the halide vacancy.", "none is computed", _EASIEST
    )
    for end in ("Lowest", "Highest")
)
_TAU = optional(
    "Bartel's tolerance factor; perovskite below 4.18.",
    _OF_TOLERANCE,
    unit="1",
    empty=_NO_FACTOR,
)
_ABOVE_HULL = optional(
    "Energy of decomposition into the prototypes of a screening; negative: stable against them.",
    "computed: Bartel 2020, doi 10.1038/s41524-020-00362-y, by the potential of the newest "
    "screening report with the composition",
    unit="eV/atom",
    empty="no screening has computed it",
)
_ABOVE_HULL_SOURCE = optional(
    "The screening and its potential, e.g. `screening 3, sevennet-0`.",
    "recorded",
    empty="no screening has computed it",
)


class MaterialsRow(Row):
    """One composition in one phase, or in no stated phase."""

    purpose: ClassVar[str] = "What the other tables are about."
    primary_key: ClassVar[tuple[str, ...]] = ("id",)
    elsewhere: ClassVar[tuple[str, ...]] = (
        "formula",
        "layers",
        "lead_free",
        "a_site",
        "b_site",
        "x_site",
        "energetics_count",
        "devices_count",
        "structures_count",
        "e_a_literature_min_ev",
        "e_a_literature_max_ev",
        "e_a_computed_min_ev",
        "e_a_computed_max_ev",
        "tau",
        "above_hull_ev_per_atom",
        "above_hull_source",
    )

    id: str = column(
        "Public name: the formula, with the phase behind a hyphen, e.g. `CsPbBr3-Pnma`.",
        _FROM_FORMULA,
        filter_by="CsPbBr3-Pnma",
    )
    formula: str = column("Formula in its canonical spelling.", _FROM_FORMULA)
    family: str = column(
        "Structure family.",
        "computed: from the ratio A : B : X, the kind of A cation and the phase "
        "(`pvkdb.chemistry`)",
        values=FAMILIES,
        facet=True,
    )
    phase: str | None = optional("Phase: space group or name.", PHASE_SOURCE, facet=True)
    dimensionality: int | None = optional(
        "Dimensions in which the octahedra connect.",
        "computed: from the family",
        unit="1",
        minimum=0,
        maximum=3,
        empty="family and phase do not decide it",
        facet=True,
    )
    layers: int | None = optional(
        "n of a layered phase: octahedra across one layer.",
        _FROM_FORMULA,
        unit="1",
        minimum=1,
        empty="not layered, or n is a symbol",
    )
    lead_free: bool = column("Whether it contains no lead.", _FROM_FORMULA, facet=True)
    a_site: str = column(
        "Ions on the A site, spacers included, with amounts, e.g. `PEA2 Cs3`.", _FROM_FORMULA
    )
    b_site: str = column("Ions on the B site with amounts.", _FROM_FORMULA)
    x_site: str = column("Ions on the X site with amounts.", _FROM_FORMULA)
    energetics_count: int = _count("Statements on its energetics.", _COUNTED)
    devices_count: int = _count("Devices made of it.", _COUNTED)
    structures_count: int = _count("Structures of it.", _COUNTED)
    e_a_literature_min_ev: float | None = _LOWEST_REPORTED
    e_a_literature_max_ev: float | None = _HIGHEST_REPORTED
    e_a_computed_min_ev: float | None = _LOWEST_COMPUTED
    e_a_computed_max_ev: float | None = _HIGHEST_COMPUTED
    tau: float | None = _TAU
    above_hull_ev_per_atom: float | None = _ABOVE_HULL
    above_hull_source: str | None = _ABOVE_HULL_SOURCE


class CompositionsRow(Row):
    """One composition: what is known of it in any phase, literature and computed apart."""

    purpose: ClassVar[str] = "What is known of each composition, most known first."
    primary_key: ClassVar[tuple[str, ...]] = ("formula",)
    elsewhere: ClassVar[tuple[str, ...]] = ("a_site", "b_site", "x_site", "phases")

    formula: str = column("Formula in its canonical spelling.", _FROM_FORMULA)
    known: int = _count(
        "How much is known, the default order. Tens: how many of four kinds of reports there are "
        "(devices, energies, E_A, DFE of a halide vacancy); ones: how many of four kinds of "
        "computed data (structures, energy above the hull, E_A, DFE).",
        "computed: from the columns of the row",
    )
    families: str = column(
        "Structure families of its phases, separated by `; `.",
        "computed: families of the table `materials`",
        empty="no material of it is in the store",
    )
    lead_free: bool = column("Whether it contains no lead.", _FROM_FORMULA)
    a_site: str = column(
        "Ions on the A site, spacers included, with amounts, e.g. `PEA2 Cs3`.", _FROM_FORMULA
    )
    b_site: str = column("Ions on the B site with amounts.", _FROM_FORMULA)
    x_site: str = column("Ions on the X site with amounts.", _FROM_FORMULA)
    phases: str = column(
        "Names of its phases in the store, separated by `; `.",
        PHASE_SOURCE,
        empty="no phase is stated",
    )
    phases_count: int = _count("Number of these phases.", _COUNTED)
    lowest_phase: str | None = optional(
        "The measured phase, else that of the lowest energy per atom by one potential; `undecided` "
        "where others are within the measured error of the potential. Ranges of energies are those "
        "of phases with its network of octahedra; while it is not decided, of all.",
        "computed: among the phases that `lowest_phase_potential` relaxed; potentials are never "
        "mixed; measured phases and errors: docs/validation/structures.md",
        empty="no potential has relaxed two of its phases",
    )
    lowest_phase_potential: str | None = optional(
        "`measured`, or the potential that says so: the one that has relaxed most phases, then the "
        "first by name.",
        "recorded",
        empty="no potential has relaxed two of its phases",
    )
    phases_compared: int = _count("Phases that this potential has compared.", _COUNTED)
    above_hull_ev_per_atom: float | None = _ABOVE_HULL
    above_hull_source: str | None = _ABOVE_HULL_SOURCE
    e_a_literature_min_ev: float | None = _LOWEST_REPORTED
    e_a_literature_max_ev: float | None = _HIGHEST_REPORTED
    e_a_computed_min_ev: float | None = _LOWEST_COMPUTED
    e_a_computed_max_ev: float | None = _HIGHEST_COMPUTED
    dfe_literature_min_ev: float | None = _energy(
        "Lowest reported formation energy of a halide vacancy.", "none is reported", _LITERATURE
    )
    dfe_literature_max_ev: float | None = _energy(
        "Highest reported formation energy of a halide vacancy.", "none is reported", _LITERATURE
    )
    dfe_computed_min_ev: float | None = _energy(
        "Lowest computed formation energy of a halide vacancy.", "none is computed", _FORMATION
    )
    dfe_computed_max_ev: float | None = _energy(
        "Highest computed formation energy of a halide vacancy.", "none is computed", _FORMATION
    )
    t: float | None = optional(
        "Goldschmidt's tolerance factor.", _OF_TOLERANCE, unit="1", empty=_NO_FACTOR
    )
    mu: float | None = optional("Octahedral factor.", _OF_TOLERANCE, unit="1", empty=_NO_FACTOR)
    tau: float | None = _TAU
    p_perovskite: float | None = optional(
        "Probability that the composition is a perovskite; 1 where one was measured, at any "
        "temperature.",
        _OF_TOLERANCE,
        unit="1",
        minimum=0,
        maximum=1,
        empty=_NO_FACTOR,
    )
    devices_count: int = _count("Devices made of it.", _COUNTED)
    energetics_reported_count: int = _count(
        "Reported statements on its energetics, on any defect.", _COUNTED
    )
    energetics_computed_count: int = _count(
        "Computed statements on its energetics, on any defect, single hops included.", _COUNTED
    )
    structures_count: int = _count("Structures of it.", _COUNTED)


class ToleranceRow(Row):
    """One ABX3 or A2BB'X6 composition whose ions all have a radius with a source."""

    purpose: ClassVar[str] = "Tolerance factors, together with the radii they were made from."
    primary_key: ClassVar[tuple[str, ...]] = ("formula",)

    formula: str = column("Formula in its canonical spelling.", _FROM_FORMULA)
    r_a_ang: float = column(
        "Radius of the A site: the coordination nearest to 12.", _SITE_MEAN, unit="Å", minimum=0
    )
    r_b_ang: float = column(
        "Radius of the B site, 6-coordinate or nearest to it; in A2BB'X6 the mean of B and B'.",
        _SITE_MEAN,
        unit="Å",
        minimum=0,
    )
    r_x_ang: float = column("Radius of the X site, 6-coordinate.", _SITE_MEAN, unit="Å", minimum=0)
    t: float = column(
        "Goldschmidt's tolerance factor.",
        "computed: (r_A + r_X) / (√2 (r_B + r_X)); Goldschmidt 1926, doi 10.1007/BF01507527",
        unit="1",
        minimum=0,
    )
    mu: float = column(
        "Octahedral factor.",
        "computed: r_B / r_X; Li 2008, doi 10.1107/S0108768108032734",
        unit="1",
        minimum=0,
    )
    tau: float | None = optional(
        "Bartel's tolerance factor; perovskite below 4.18.",
        f"computed: r_X/r_B − n_A (n_A − (r_A/r_B) / ln(r_A/r_B)); {_BARTEL}",
        unit="1",
        empty="not defined: r_A is not above r_B",
    )
    p_perovskite: float | None = optional(
        "Probability that the composition is a perovskite.",
        "computed: Platt scaling of tau, 1 / (1 + exp(1.802913 tau − 7.666904)), fitted on the 460 "
        f"training compounds of {_BARTEL}",
        unit="1",
        minimum=0,
        maximum=1,
        empty="not defined: tau is not",
    )
    radii_source: str = column(
        "Sources of the radii, e.g. `shannon1976 + kieslich2014`.", "curated"
    )


class IonsRow(Row):
    """One radius of one ion; an ion without a sourced radius has one row without it."""

    purpose: ClassVar[str] = "The ions that formulas may name, and their radii."
    primary_key: ClassVar[tuple[str, ...]] = (
        "ion",
        "charge",
        "kind",
        "coordination",
        "spin",
        "geometry",
    )

    ion: str = column(
        "Symbol of the element, or abbreviation of the molecule.", "curated", filter_by="Cs"
    )
    charge: int = column("Formal charge.", "curated", unit="e", filter_by=1, facet=True)
    name: str | None = optional("Name of the molecular ion.", "curated", empty="an element")
    formula: str | None = optional(
        "Sum formula of the molecular ion, without charge.", "curated", empty="an element"
    )
    smiles: str | None = optional(
        "SMILES of the molecular ion, with its charge.", "curated", empty="an element, or unknown"
    )
    radius_ang: float | None = optional(
        "Radius; Shannon's are negative for H⁺ and a few others.",
        "printed",
        unit="Å",
        empty="no radius with a source is known",
        filter_by=1.5,
    )
    kind: str | None = optional(
        "Kind of the radius: radii of different kinds cannot be compared.",
        "curated",
        values=("effective ionic", "effective molecular"),
        empty="no radius with a source is known",
        filter_by="effective ionic",
        facet=True,
    )
    coordination: int | None = optional(
        "Coordination number of the radius.",
        "printed",
        unit="1",
        minimum=1,
        empty="a molecular ion",
        filter_by=12,
        facet=True,
    )
    spin: str | None = optional(
        "Spin state of the radius: high or low.",
        "printed",
        values=("HS", "LS"),
        empty="one radius serves both",
        filter_by="HS",
        facet=True,
    )
    geometry: str | None = optional(
        "Geometry of the coordination, e.g. `square planar`.",
        "printed",
        empty="the usual one of the coordination number",
        filter_by="square planar",
        facet=True,
    )
    source: str = column(
        "Where ion and radius come from, e.g. `shannon1976`.", "curated", facet=True
    )


class CalculationsRow(Row):
    """One calculation, without the arrays of its result."""

    purpose: ClassVar[str] = "Calculations, queued and finished."
    primary_key: ClassVar[tuple[str, ...]] = ("id",)
    elsewhere: ClassVar[tuple[str, ...]] = (
        "material",
        "potential",
        "barrier_forward_ev",
        "barrier_reverse_ev",
        "residual_force_ev_per_ang",
    )

    id: str = column("Name of the calculation.", "recorded", filter_by="0123456789ab")
    kind: str = column(
        "What is computed, e.g. `neb`: a migration barrier; `dft-…`: with DFT.",
        "recorded",
        filter_by="neb",
        facet=True,
    )
    material: str | None = optional("Material, by its public name.", "recorded", empty=_NOT_YET)
    potential: str | None = optional("Potential, e.g. `sevennet-0`.", "recorded")
    state: CalculationState = column(
        "State of the calculation.", "recorded", filter_by="done", facet=True
    )
    barrier_forward_ev: float | None = optional(
        "Migration barrier from the first to the last image.",
        f"computed: E(highest image) − E(first image), {_NEB}",
        unit="eV",
        empty=_NOT_YET,
    )
    barrier_reverse_ev: float | None = optional(
        "Migration barrier from the last to the first image.",
        f"computed: E(highest image) − E(last image), {_NEB}",
        unit="eV",
        empty=_NOT_YET,
    )
    residual_force_ev_per_ang: float | None = optional(
        "Largest NEB force on any image; how well the barrier converged.",
        "computed: with the barrier",
        unit="eV/Å",
        minimum=0,
        empty=_NOT_YET,
    )
    failure_kind: FailureKind | None = optional(
        "Kind of failure.",
        "recorded",
        empty="it did not fail",
        filter_by="NEB not converged",
        facet=True,
    )
    failure_message: str | None = optional(
        "The failure in a sentence.", "recorded", empty="it did not fail"
    )
    attempts: int = column("How often it was started.", "recorded", unit="1", minimum=0)
    created_at: datetime = column("When it was queued (UTC); elsewhere: it started.", "recorded")
    started_at: datetime | None = optional(
        "When it last started (UTC).", "recorded", empty="it has not started"
    )
    finished_at: datetime | None = optional(
        "When it ended (UTC).", "recorded", empty="it has not ended"
    )


class StructuresRow(Row):
    """One periodic structure without its coordinates; a request by name returns them."""

    purpose: ClassVar[str] = "Hosts and the images of migration paths, ready for other codes."
    primary_key: ClassVar[tuple[str, ...]] = ("id",)
    elsewhere: ClassVar[tuple[str, ...]] = ("material", "phase", "parent", "calculation")

    id: str = column(
        "Name of the structure, e.g. `<calculation>-host`.",
        "recorded",
        filter_by="0123456789ab-host",
    )
    material: str = column("Material, by its public name.", "recorded", facet=True)
    phase: str | None = optional("Phase of the material.", "recorded", empty="no phase is stated")
    space_group: str | None = optional(
        "Space group of the relaxed structure.",
        "computed: spglib, 0.05 Å",
        empty="not determined: a cell with a defect",
        filter_by="Pnma",
        facet=True,
    )
    role: str = column(
        "What it is for the calculation: `host`, `vacancy`, `relaxed` with DFT, `hop N image M` on "
        "a migration path (N from 1, M from 0), or `hop N saddle`, its highest image.",
        "recorded",
        filter_by="host",
        facet=True,
    )
    origin: str = column("How it was made, e.g. `sevennet-0 from the Pnma prototype`.", "recorded")
    parent: str | None = optional(
        "Structure that it was made from.", "recorded", empty="made from a prototype"
    )
    calculation: str | None = optional(
        "Calculation that made it.",
        "recorded",
        empty="not made by a calculation",
        filter_by="0123456789ab",
    )
    atoms: int = column("Atoms in the cell.", "recorded", unit="1", minimum=1)
    energy_ev: float | None = optional(
        "Potential energy of the cell; comparable within one calculation only.",
        _POTENTIAL,
        unit="eV",
        empty="not computed",
    )


class StructureDocument(StructuresRow):
    """A structure with its coordinates: cell 3 × 3 in Å (rows a, b, c), positions n × 3 in Å."""

    cell_ang: list[list[float]] = column("Cell vectors: 3 × 3, rows a, b, c.", _POTENTIAL, unit="Å")
    symbols: list[str] = column("Elements of the n atoms.", "recorded")
    positions_ang: list[list[float]] = column("Cartesian positions: n × 3.", _POTENTIAL, unit="Å")


class RankingsRow(Row):
    """One device under one application."""

    purpose: ClassVar[str] = "Which device serves which application, best first, by evidence."
    primary_key: ClassVar[tuple[str, ...]] = ("application", "device")

    application: str = column("Name of the application profile.", "curated")
    rank: int = column(
        "Place by the score, from 1; equal scores share the better one.",
        _SCORED,
        unit="1",
        minimum=1,
    )
    device: str = column(
        "The device: `id` of the table `devices`; of a device that only the text knows, the `id` "
        "of its first figure in `device_claims`.",
        "curated",
    )
    structure: str = column("Stack of the device, or its name in the text.", "printed")
    absorber: str | None = optional(
        "Perovskite of the device.", "printed", empty="only the text knows the device"
    )
    met: int = _count("Criteria with weight that are met.", _JUDGED)
    unknown: int = _count("Criteria with weight on which nothing is reported.", _JUDGED)
    criteria: int = column("Criteria with weight.", _COUNTED, unit="1", minimum=1)
    references: str = column(
        "Publications behind the device: keys of the table `references`, separated by spaces.",
        "printed",
        empty="the source cites nothing",
    )
    score: float = _share("Product of the shares over all criteria with weight.", _SCORED)
    score_low: float = _share("Lower end of the 95% interval of the score.", _SCORED)
    score_high: float = _share("Upper end of the 95% interval of the score.", _SCORED)
    coverage: float = _share("Share of the weight on which there is evidence.", _JUDGED)
    not_demonstrated: int = _count(
        "Criteria with weight on which what is known neither meets nor fails the requirement.",
        _JUDGED,
    )
    failed: int = _count("Criteria with weight that are failed.", _JUDGED)
