"""Rows reported by publications: references, energies, corrections, needs of applications."""

from __future__ import annotations

from typing import ClassVar, Literal

from pvkdb.chemistry.family import FAMILIES
from pvkdb.schemas.tables.columns import (
    PHASE_SOURCE,
    Row,
    as_printed_column,
    column,
    erratum_column,
    optional,
    references_column,
    review_column,
    source_column,
)

#: Beginning of ``source`` in a row that one paper quotes from another.
SECONDARY = "secondary: "

_column = column  # for a row with a field `column`


class ReferencesRow(Row):
    """One publication."""

    purpose: ClassVar[str] = "The bibliography that every statement cites."
    primary_key: ClassVar[tuple[str, ...]] = ("key",)
    elsewhere: ClassVar[tuple[str, ...]] = ("doi_seen", "doi_seen_at")

    key: str = column("Key that other tables cite, e.g. `r36`.", "curated", filter_by="r36")
    number: int | None = optional(
        "Number in the reference list of the source.",
        "printed",
        unit="1",
        minimum=1,
        empty="not in the list of a source",
    )
    authors: str | None = optional("Initials and family names, separated by `; `.", "printed")
    title: str | None = optional(
        "Title; of the meeting or the proceedings where no title of the paper is printed.",
        "printed",
    )
    journal: str | None = optional(
        "Journal, abbreviated as printed; the publisher with its place for a book.",
        "printed",
        facet=True,
    )
    year: int | None = optional(
        "Year of publication.", "printed", unit="year", minimum=1800, maximum=2100, facet=True
    )
    volume: str | None = optional("Volume, with the issue where it is printed.", "printed")
    pages: str | None = optional("Pages, or the article number where that is printed.", "printed")
    doi: str | None = optional("Digital object identifier, e.g. `10.1039/d5cs01222h`.", "printed")
    doi_seen: str | None = optional(
        "Digital object identifier where the source prints none and an open page shows it.",
        "curated",
        empty="printed, or not seen",
    )
    doi_seen_at: str | None = optional(
        "Address of that page; `doi_seen` is printed there or is the code in the address. Without "
        "`doi_seen` the page on which the paper was read: a copy, or one without DOI or title.",
        "curated",
        empty="the DOI is printed, and not on a copy, or no page is known",
    )


class EnergeticsRow(Row):
    """One statement on an activation energy (E_A) or a defect formation energy (DFE)."""

    purpose: ClassVar[str] = "How easily ions move and defects form, reported and computed alike."
    primary_key: ClassVar[tuple[str, ...]] = ("id",)
    elsewhere: ClassVar[tuple[str, ...]] = ("material", "family", "phase", "references", "review")

    id: str = column(
        "Name of the statement, e.g. `e-t1-r01-dfe` or `e-<calculation>`.",
        "curated",
        filter_by="e-t1-r01-ea",
    )
    material: str = column("Formula; in exports in its canonical spelling.", "curated")
    family: str = column(
        "Structure family of the material.",
        "computed: from the ratio A : B : X, the kind of A cation and the phase "
        "(`pvkdb.chemistry`)",
        values=FAMILIES,
    )
    phase: str | None = optional(
        "Phase: space group or name, e.g. `Pnma`, `δ`, `layered`.", PHASE_SOURCE
    )
    direction: str | None = optional(
        "Direction of the hop, e.g. `in-plane`, `c`; of a computed bottleneck the dimensions in "
        "which its path leads on (`1D`, `2D`, `3D`) or the axis that it follows (`a`, `b`, `c`).",
        "printed, or computed: percolation on the graph of hops",
        empty="not reported or isotropic",
    )
    defect: str = column(
        "Defect in Kröger–Vink notation without charge: `V_I` vacancy, `I_i` interstitial, "
        "`MA_Pb` antisite; `V_Pb+2V_I` vacancies that keep the charge together; a mobile ion alone "
        "(`I`) where the source does not name the defect, `ion` where it names neither.",
        "curated",
        filter_by="V_I",
        facet=True,
    )
    species: str = column(
        "Ion that the defect is made of, or that moves; `X` is any halide, `PbI2` what vacancies "
        "together lack.",
        "curated",
        filter_by="I",
        facet=True,
    )
    charge: int | None = optional(
        "Charge of the defect.",
        "printed",
        unit="e",
        empty="not reported, or not set: machine-learned potentials compute neutral cells",
    )
    quantity: Literal["E_A", "DFE"] = column(
        "`E_A`: activation energy of migration; `DFE`: formation energy of the defect.",
        "curated",
        filter_by="E_A",
        facet=True,
    )
    scope: Literal["reported", "hop", "percolation", "computed"] = column(
        "What the energy covers: `reported` as the source has it, `hop` one jump between "
        "neighbouring sites, `percolation` the highest saddle of the easiest path through the "
        "crystal, above the lowest site, `computed` the formation of a defect, by a calculation.",
        "curated",
        filter_by="reported",
        facet=True,
    )
    value_min_ev: float | None = optional(
        "Lower end of the energy; equal to the upper end for a single value.",
        "printed, or computed: E(highest image) − E(end point), the lower of the two directions, "
        "climbing-image NEB (Henkelman 2000, doi 10.1063/1.1329672)",
        unit="eV",
        empty="only an upper bound is reported",
    )
    value_max_ev: float | None = optional(
        "Upper end of the energy.",
        "printed, or computed: as `value_min_ev`, the higher of the two directions",
        unit="eV",
        empty="only a lower bound is reported",
    )
    bound: Literal["lower", "upper"] | None = optional(
        "Which end is known where the source gives a bound, e.g. `lower` for > 1.20.",
        "printed",
        empty="both ends are known",
    )
    approximate: bool = column("Whether the source says about (~).", "printed")
    method: Literal["DFT", "experiment", "MLIP", "mixed", "unknown"] = column(
        "How the energy was found; `MLIP` is a machine-learned potential, `unknown` where the "
        "source and the cited titles do not say.",
        "curated",
        filter_by="DFT",
        facet=True,
    )
    functional: str | None = optional(
        "Functional or potential, e.g. `PBE`, `sevennet-0`.", "printed, or recorded", facet=True
    )
    soc: bool | None = optional("Whether spin–orbit coupling was included.", "printed")
    conditions: str | None = optional(
        "Sample, light, additive or cell that the energy holds for, in a few words.",
        "curated, or recorded",
    )
    references: str = references_column(empty="the source cites nothing, or the row was computed")
    source: str = column(
        "Place in the source, e.g. `Table 1 row 3` or `section 2.3`; `secondary: …` where it "
        "quotes another paper; `calculation <id>` where the row was computed.",
        "curated",
    )
    as_printed: str | None = as_printed_column(empty="not transcribed, or the row was computed")
    erratum: str | None = erratum_column()
    review: str | None = review_column()


class CorrectionsRow(Row):
    """One cell of another table as it should read; that table keeps the printed value."""

    purpose: ClassVar[str] = "Which printed values are wrong, and what rankings count instead."
    primary_key: ClassVar[tuple[str, ...]] = ("row", "column")

    row: str = column(
        "Row that is corrected, e.g. `d-t4-r27`: an `id` of energetics, devices or device_claims, "
        "or a `key` of references.",
        "curated",
    )
    column: str = _column("Column of that row, e.g. `on_off_ratio`.", "curated")
    value: str = _column(
        "The corrected value, as text in the unit of the column.",
        "curated",
        empty="the cell should be empty",
    )
    source: str = _column("Where the value is from; `(inferred)` where none prints it.", "curated")
    why: str = _column("Reason for the correction.", "curated")


class ApplicationsRow(Row):
    """One requirement that an application puts on a device metric."""

    purpose: ClassVar[str] = "What synapses, selectors, reservoirs, neurons and arrays need."
    primary_key: ClassVar[tuple[str, ...]] = ("application", "metric", "comparator", "source")

    application: str = column(
        "The application, e.g. `synaptic-training`.", "curated", filter_by="selector", facet=True
    )
    metric: str = column(
        "What is required, with its unit as suffix; ratios, counts and states have none.",
        "curated",
        filter_by="retention_s",
        facet=True,
    )
    comparator: Literal[">", "<", ">=", "<=", "between"] = column(
        "How a device is compared with the value.", "curated", filter_by="<", facet=True
    )
    value: float = column(
        "The value; the lower end for `between`.",
        "printed; where `basis` is `reading`, curated",
        unit_column="unit",
    )
    value_max: float | None = optional(
        "Upper end for `between`.",
        "printed; where `basis` is `reading`, curated",
        unit_column="unit",
        empty="the requirement has one value",
    )
    unit: str = column("Unit of the value; `1` for a ratio.", "curated", facet=True)
    source: str = source_column()
    as_printed: str | None = as_printed_column()
    erratum: str | None = erratum_column()
    basis: Literal["printed", "reading", "working point", "offer"] = column(
        "What the row rests on: `printed`, a number printed as a requirement; `reading`, our "
        "reading of words without a number; `working point`, the value of one demonstration; "
        "`offer`, a property that perovskites offer.",
        "curated",
        default="printed",
        filter_by="printed",
        facet=True,
    )
    upper_limit: bool | None = optional(
        "For `between`: whether a device above the upper end fails too (true) or serves (false).",
        "curated",
        empty="the comparator is not `between`",
    )
