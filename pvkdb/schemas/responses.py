"""General parts of answers: assumptions, pages, problems, health."""

from __future__ import annotations

from typing import Annotated, Generic, Literal, TypeVar

from pydantic import BaseModel, Field

from pvkdb.operations.fields import InCommand, Served, Text
from pvkdb.schemas import StrictModel
from pvkdb.schemas.imports import FileProblem
from pvkdb.schemas.screening import Product
from pvkdb.schemas.tables import ToleranceRow

Item = TypeVar("Item")

ReferenceKeys = Annotated[
    str, Field(description="Keys of the publications behind it, separated by spaces.")
]


class Assumption(StrictModel):
    """A number or choice that a result depends on, with its source."""

    name: str = Field(description="Name of the assumption.")
    value: str = Field(description="The value as text, a range as `low–high`.")
    unit: str = Field(description="Unit; `1` for a pure number or a choice.")
    source: str = Field(description="Where it comes from: a paper, the store, or `given`.")
    default: bool = Field(description="Whether pvkdb chose it because nobody gave another.")


class FacetValue(BaseModel):
    """A value of a field, and the number of matching rows with it."""

    value: str | bool | int | float | None = Field(description="The value; null: not reported.")
    count: int = Field(description="Rows with this value.")


class Page(BaseModel, Generic[Item]):
    """A page of a collection. ``next_cursor`` is opaque; None on the last page."""

    data: list[Item] = Field(description="Rows of this page, in order.")
    total: int = Field(description="Rows that match the filters, over all pages.")
    more_than_total: bool = Field(
        default=False,
        description="Whether more than `total` rows match, which were not counted: of `energetics` "
        "and `materials`, more than 5,000; of `compositions`, more than 1,000 that other filters "
        "than family, lead_free, lowest_phase, has and one ion or one halide find. `facets` are "
        "then of `total` of them, in no order. `limit=0` counts all.",
    )
    next_cursor: str | None = Field(
        description="What leads to the next page as `cursor`; null on the last one."
    )
    dataset_version: str = Field(description="Version of the data, for a citation.")
    facets: dict[str, list[FacetValue]] | None = Field(
        default=None,
        description="Values of the fields that `facets` names, the most frequent first, at most "
        "50 each; null if none was requested.",
    )


class Answers(BaseModel, Generic[Item]):
    """Answers to the parts of a request."""

    data: list[Item] = Field(description="An answer for each part, in their order.")


class EnergySummary(BaseModel):
    """Statements on the energies of a material that are alike, as one range."""

    material: str = Field(description="Material, by its public name.")
    quantity: str = Field(description="`E_A` or `DFE`.")
    defect: str = Field(description="Defect, e.g. `V_I`.", examples=["V_I"])
    species: str = Field(description="Ion that it is made of, or that moves.", examples=["I"])
    charge: int | None = Field(
        description="Charge of the defect, in e; null: none given.", examples=[1]
    )
    scope: str = Field(description="`reported`, `computed`, `hop` (each alone) or `percolation`.")
    method: str = Field(description="Method, e.g. `DFT` or `MLIP`.")
    functional: str | None = Field(
        description="Functional or potential; null: not reported.", examples=["sevennet-0"]
    )
    statements: int = Field(description="Number of statements.")
    minimum_ev: float | None = Field(description="Lowest value or bound, in eV.")
    maximum_ev: float | None = Field(description="Highest value or bound, in eV.")
    open_below: int = Field(description="How many are upper bounds alone.", examples=[0])
    open_above: int = Field(description="How many are lower bounds alone.", examples=[0])


class FieldInfo(BaseModel):
    """A field of a collection: its meaning and its use."""

    name: str = Field(description="Name of the field.")
    type: str = Field(description="string, integer, number, boolean, datetime or array.")
    meaning: str = Field(description="What a value says.")
    unit: str | None = Field(description="Unit of a number; `1` where it has none.")
    values: list[str] = Field(description="The only values that are used; empty: any.")
    empty: str | None = Field(description="What null means.")
    source: str = Field(description="Where values come from.")
    sortable: bool = Field(description="Whether `sort` takes it.")
    facet: bool = Field(description="Whether `facets` takes it.")


class FilterInfo(BaseModel):
    """A filter of a collection."""

    name: str = Field(description="Name of the parameter.")
    type: str = Field(description="string, integer, number or boolean.")
    meaning: str = Field(description="Which rows it keeps.")
    several: bool = Field(description="Whether it takes several values, by commas.")
    choices: list[str] = Field(description="The only values that it takes; empty: any.")
    example: str | bool | int | float | None = Field(description="A value that can be used.")


class CollectionFields(BaseModel):
    """Fields, filters and facets of a collection."""

    name: str = Field(description="Name of the collection.")
    purpose: str = Field(description="What it is for.")
    fields: list[FieldInfo] = Field(description="Fields of a row, in order.")
    filters: list[FilterInfo] = Field(description="Filters of a search.")
    facets: list[str] = Field(description="Values of `facets`; some are not fields of a row.")


class FormulaRequest(StrictModel):
    """A formula whose tolerance factors are wanted."""

    formula: Text = Field(
        description="Formula in any spelling, e.g. CsPbBr3.", examples=["CsPbBr3"]
    )


class ToleranceRequest(StrictModel):
    """Formulas whose tolerance factors are wanted; a thousand take a fraction of a second."""

    formulas: Annotated[
        Annotated[list[Text], Field(min_length=1)],
        InCommand("formulas"),
        Served(1000),
    ] = Field(
        description="ABX3 or A2BB'X6 formulas, e.g. CsPbBr3 Cs2AgBiBr6.",
        examples=[["CsPbI3", "CH3NH3PbI3"]],
    )


class FormulaTolerance(BaseModel):
    """Tolerance factors of one of many formulas, or the reason why it has none."""

    formula: str = Field(description="The formula as it was given.")
    factors: ToleranceRow | None = Field(None, description="The factors with their radii.")
    radii: list[str] = Field([], description="Each radius with its kind and source.")
    not_defined: str | None = Field(
        None,
        description="Why factors of it are empty.",
        examples=["tau and p_perovskite need an A cation larger than B"],
    )
    problem: str | None = Field(None, description="Why it has no factors.")
    unreadable: bool = Field(False, description="Whether the problem is the formula itself.")


class SimilarityRequest(StrictModel):
    """A structure to compare with those of the store."""

    cif: Annotated[
        str, Field(min_length=1, max_length=900_000), InCommand("cif", value="FILE", file=True)
    ] = Field(description="A CIF with one ordered structure.", examples=["data_CsPbBr3 …"])


class StructureMatch(BaseModel):
    """A structure of the store that matches a given one."""

    structure: str = Field(description="Id of the structure.", examples=["cspbbr3"])
    material: str = Field(description="Its material, by its public name.", examples=["CsPbBr3"])
    space_group: str = Field(description="Its space group (spglib, 0.05 Å).", examples=["Pm-3m"])
    rms_displacement: float = Field(
        description="Of its atoms, scaled to one volume, over (volume an atom)^(1/3).",
        examples=[0.012],
    )
    exchanged: dict[str, str] = Field(
        description="Its element in place of each element of the given structure; empty: the same."
    )


class SimilarStructures(BaseModel):
    """What a given structure is for the store."""

    verdict: Literal["known phase", "prototype", "new"] = Field(
        description="`known phase`: the store has this structure of this composition; `prototype`: "
        "it has it with other ions; `new`: neither, which says nothing of the literature.",
        examples=["known phase"],
    )
    formula: str = Field(description="Its formula.", examples=["CsPbBr3"])
    space_group: str = Field(description="Space group (spglib, 0.05 Å).", examples=["Pm-3m"])
    atoms: int = Field(description="Atoms of the primitive cell.", examples=[5])
    matches: list[StructureMatch] = Field(description="What matches, the nearest first.")
    compared: int = Field(description="Structures that were compared.", examples=[2])


class HullRequest(StrictModel):
    """A compound whose energy is compared with all known competing phases of its elements."""

    formula: Annotated[Text, InCommand("formula")] = Field(
        description="Formula in any spelling, e.g. CsPbBr3.", examples=["CsPbBr3"]
    )
    potential: str | None = Field(
        default=None,
        max_length=200,
        description="Potential that relaxed them; default: the one that relaxed most.",
        examples=["sevennet-0"],
    )


class Hull(BaseModel):
    """Energy above the hull of every competing phase that the store has, by one potential."""

    formula: str = Field(description="Formula of the compound.", examples=["CsPbBr3"])
    phase: str = Field(description="Its lowest relaxed phase.", examples=["Pnma"])
    potential: str = Field(description="Of all energies.", examples=["sevennet-0"])
    above_hull_ev_per_atom: float | None = Field(
        description="Above the lowest mixture of others; negative: stable. Null where they do not "
        "balance it.",
        examples=[-0.02],
    )
    products: list[Product] = Field(description="That mixture.")
    compared: list[str] = Field(description="Compounds and elements of the comparison.")
    missing: list[str] = Field(
        description="What is known to lack: competitors that were not relaxed with the potential. "
        "A phase that neither pvkdb has nor a provider gave is not among them."
    )


class Problem(BaseModel):
    """An error as RFC 9457 describes it (application/problem+json)."""

    type: str = Field(
        default="about:blank",
        description="Type of the problem: the path of a page of this service that explains it.",
        examples=["/problems/not-found"],
    )
    title: str = Field(description="The status in words.")
    status: int = Field(description="Status of the answer.")
    detail: str = Field(description="What was refused, why, and what to do instead.")
    parameter: str | None = Field(default=None, description="The parameter that was refused.")
    problems: list[FileProblem] | None = Field(
        default=None, description="Each place in an import that was refused, at most 20."
    )


class Liveness(BaseModel):
    """Answer of ``/livez``."""

    status: str = Field(description="`ok`: the service answers.")
    version: str = Field(description="Version of pvkdb.")


class Health(BaseModel):
    """Answer of ``/readyz`` and ``/healthz``."""

    status: str = Field(description="`ok`; where it is not, the answer is a problem.")
    version: str = Field(description="Version of pvkdb.")
    database: str = Field(description="Kind of database: sqlite or postgresql.")
    dataset_version: str = Field(description="Version of the data.")
