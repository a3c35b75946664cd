"""Rankings: how far devices and materials suit an application, with every number behind it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, Field, field_validator

from pvkdb.chemistry.family import Family
from pvkdb.chemistry.formulas.composition import parse_composition
from pvkdb.display.notebook import NotebookView
from pvkdb.operations.fields import InCommand, Served, Text
from pvkdb.schemas import StrictModel
from pvkdb.schemas.kinetics import LayerRequest
from pvkdb.schemas.profiles import Ask, Criterion, MetricName, Subject
from pvkdb.schemas.responses import Assumption, ReferenceKeys

__all__ = ["DecisionSheet", "RankedCandidate", "Ranking"]

Halide = Literal["F", "Cl", "Br", "I"]
#: Commas that separate values, not those within brackets.
_COMMAS = re.compile(r",(?![^(\[{]*[)\]}])")


def split_names(given: str | Sequence[str]) -> tuple[str, ...]:
    """Return the different names of a text, or of several, in which commas separate them."""
    parts = _COMMAS.split(given if isinstance(given, str) else ",".join(given))
    return tuple(dict.fromkeys(part.strip(' "') for part in parts if part.strip(' "')))


#: Qualifiers of best values: the typical one is at most, or at least, the value.
BEST = ("up to", "down to")


class Verdict(StrEnum):
    """Whether the evidence meets a criterion."""

    MET = "met"
    GRADED = "graded"
    UNDECIDED = "undecided"
    NOT_DEMONSTRATED = "not demonstrated"
    FAILED = "failed"
    UNKNOWN = "unknown"
    NOT_DEFINED = "not defined"


class Grade(StrEnum):
    """Quality of the evidence, the best first."""

    MEAN = "mean of all sources"
    MEASURED_SEVERAL = "measured, several sources"
    MEASURED = "measured"
    BEST = "best value, not the typical one"
    EXTRAPOLATED = "extrapolated"
    SECONDARY = "quoted from another paper"
    INFERRED = "inferred by the reader"
    DFT = "DFT"
    REPORTED = "reported, method not given"
    OWN_DFT = "DFT by pvkdb"
    CALIBRATED = "calibrated potential"
    COMPOSITION = "from the composition"
    MODEL = "model"
    UNREVIEWED = "unreviewed, in no mean"
    MISSING = "missing"


#: Grades of energies that pvkdb computed and that count where the literature has none.
COMPUTED = frozenset({Grade.OWN_DFT, Grade.CALIBRATED})
#: Grades of values that pvkdb made, whose digits their errors decide; others are as printed.
JOINED = COMPUTED | {Grade.MEAN, Grade.COMPOSITION, Grade.MODEL}


class SourcedValue(BaseModel):
    """What is known of a metric: a value or an interval with its quality and source."""

    metric: MetricName
    minimum: float | None = Field(
        default=None,
        description="Lower end in the unit of the metric; None: unknown, or open below.",
    )
    maximum: float | None = Field(
        default=None,
        description="Upper end in the unit of the metric; None: unknown, or open above.",
    )
    word: str | None = Field(default=None, description="Value, if it is a word.")
    grade: Grade = Field(description="Quality of the evidence.")
    source: str | None = Field(default=None, description="Where the value comes from.")
    phase: str | None = Field(
        default=None, description="Phases of a composition that have the value, if they are known."
    )
    references: ReferenceKeys = ""
    erratum: str | None = Field(
        default=None,
        description="Doubts about the print of its sources: misprints, contradictions, inferences.",
    )


class Known(SourcedValue):
    """A known value that a ranking does not count."""

    text: str = Field(description="The value in words.")


class Assessment(SourcedValue):
    """The assessment of a candidate on one criterion, with the evidence for it."""

    weight: float = Field(description="Share of the weight.")
    verdict: Verdict = Field(description="Verdict of the evidence.")
    qualifier: str | None = Field(default=None, description="As printed, or 'tested'.")
    unit: str = Field(description="Unit; `1` for a pure number.")
    estimate: tuple[float, float, int] | None = Field(
        default=None,
        description="Of a mean: value, standard error of what a new source would say, degrees of "
        "freedom of Student's distribution.",
    )
    share: float = Field(
        description="How far it meets the criterion, 0 to 1: a share of papers, or a desirability."
    )
    share_low: float = Field(description="Lower end of the 95% interval of the share.")
    share_high: float = Field(description="Upper end of the 95% interval of the share.")
    reached: int | None = Field(
        default=None, description="Papers that have shown what is required; None: not counted."
    )
    tested: int | None = Field(
        default=None, description="Papers that have shown at least as much; None: not counted."
    )
    reason: str = Field(description="The verdict in words, with its numbers.")
    beside: list[Known] = Field(
        default=[],
        description="Values of a weaker kind that are known besides and do not count, such as "
        "calculations beside an experiment.",
    )


class UnderReading(BaseModel):
    """Rank and score of a candidate under another interpretation of ambiguous requirements."""

    rank: int = Field(description="Place under the reading.")
    score: float = Field(description="Score under the reading.")
    failures: list[str] = Field(description="Requirements that are not met under the reading.")


class RankedCandidate(BaseModel, NotebookView):
    """A candidate of a ranking with its rank; equal scores share a rank."""

    rank: int = Field(description="Place, from 1; equal scores share the better one.")
    score: float = Field(
        description="Product of the shares over all requirements, to two significant digits."
    )
    score_low: float = Field(description="Lower end of the 95% interval of the score.")
    score_high: float = Field(description="Upper end of the 95% interval of the score.")
    because: str = Field(description="The score in one sentence.")
    first: float = Field(
        description="Share of samples of weights and papers in which no other is better."
    )
    id: str = Field(description="Id of the device or the claim, or the formula of the composition.")
    label: str = Field(description="Common name.")
    kind: Literal["device", "figures", "material"] = Field(
        description="A row of the devices, figures of the text on one device, or a composition."
    )
    material: str | None = Field(
        default=None,
        description="Public name of the absorber of a device, or the formula of the composition.",
    )
    absorber: str | None = Field(default=None, description="Absorber of a device, as printed.")
    phase: str | None = Field(
        default=None, description="Phase of the absorber of a device, where a paper states it."
    )
    form: str | None = Field(
        default=None, description="Form of the absorber of a device, where it is no plain film."
    )
    stack_reported: bool | None = Field(
        default=None, description="Whether the electrodes of a device are known; None: a material."
    )
    references: ReferenceKeys = ""
    devices: int | None = Field(
        default=None,
        description="Number of devices of the store made of a composition, in any phase.",
    )
    coverage: float = Field(description="Share of the weight on which there is evidence.")
    failures: list[str] = Field(description="Requirements that are not met, in words.")
    met: int = Field(description="Criteria that are met.")
    not_demonstrated: int = Field(
        description="Criteria on which what is known neither meets nor fails the requirement."
    )
    unknown: int = Field(description="Criteria on which nothing is known.")
    under_readings: dict[str, UnderReading] = Field(
        default={}, description="Rank under other interpretations of ambiguous requirements."
    )
    prediction: str | None = Field(
        default=None,
        description="What the model of kinetics predicts, against what the profile requires.",
    )
    criteria: list[Assessment] = Field(description="Assessment of each criterion.")
    also_known: list[Known] = Field(
        default=[], description="Known values of metrics that the profile does not use."
    )


class RankingFilters(StrictModel):
    """Conditions for being ranked at all; of a device, its absorber must meet them."""

    compositions: tuple[str, ...] = Field(default=(), description="One of these formulas.")
    lead_free: bool | None = Field(default=None, description="Without lead, or with lead.")
    family: tuple[Family, ...] = Field(default=(), description="Formula of one of these families.")
    halide: tuple[Halide, ...] = Field(default=(), description="One of these on the X site.")
    has_device: bool = Field(default=False, description="The store has a device of it.")
    has_stack: bool = Field(default=False, description="Of devices: the electrodes are reported.")
    ions_known: bool = Field(default=False, description="E_A or DFE of its halide is known.")
    only_screening: bool = Field(default=False, description="A screening has computed it.")

    @field_validator("compositions", "family", "halide", mode="before")
    @classmethod
    def _split(cls, given: str | Sequence[str]) -> tuple[str, ...]:
        return split_names(given)

    @field_validator("compositions")
    @classmethod
    def _canonical(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(parse_composition(each).formula for each in given))


class RankingQuestion(LayerRequest):
    """What is ranked, by which weights and evidence, and the layer of predictions."""

    subject: Subject = Field("devices", description="What is ranked.")
    weights: Annotated[str, InCommand(value="M=W,…")] = Field(
        "", max_length=500, description="Other weights: METRIC=NUMBER, separated by commas."
    )
    reading: Text | None = Field(
        None, description="Another interpretation of ambiguous requirements."
    )
    computed: Annotated[bool, InCommand("--computed/--without-computed")] = Field(
        True, description="Whether E_A and DFE that pvkdb computed count."
    )
    unreviewed: Annotated[bool, InCommand("--with-unreviewed")] = Field(
        False, description="Whether imports that nobody has confirmed count."
    )
    samples: Annotated[int, Served(10_000)] = Field(
        2_000, ge=1, le=1_000_000, description="Random weights of papers and criteria."
    )


class SetAside(BaseModel):
    """Candidates that a filter keeps out of a ranking; each counts for the first one it fails."""

    filter: str = Field(description="Name of the filter.")
    reason: str = Field(description="Why, in words.")
    count: int = Field(description="Number of candidates.")


class Ranking(BaseModel, NotebookView):
    """Candidates in the order in which they suit an application."""

    application: str = Field(description="Name of the application profile.")
    title: str = Field(description="Title.")
    summary: str = Field(description="Summary in a few sentences.")
    subject: Subject = Field(description="What is ranked: devices or materials.")
    reading: str | None = Field(description="Reading of ambiguous requirements; None: the first.")
    samples: int = Field(description="Random weights, and random weights of papers.")
    seed: int = Field(description="Seed of the random numbers.")
    filters: RankingFilters = Field(
        default=RankingFilters(), description="What candidates had to meet to be ranked."
    )
    set_aside: list[SetAside] = Field(
        default=[], description="Candidates that did not meet the filters, by filter and reason."
    )
    criteria: list[Criterion] = Field(description="With the weights that were used.")
    not_judged: list[Ask] = Field(description="Requirements that cannot be judged from numbers.")
    candidates: list[RankedCandidate] = Field(description="Candidates, best first.")
    unreviewed: list[RankedCandidate] = Field(
        default=[],
        description="Candidates of imports that nobody has confirmed. They take no place: `rank` "
        "is where they would stand.",
    )
    chosen: str | None = Field(
        default=None,
        description="What was ranked of a large store; None: all candidates.",
        examples=["ranked are 500 of 61,204 compositions"],
    )
    not_rankable: list[str] = Field(
        default=[], description="Ids of candidates without evidence on a criterion with weight."
    )
    completeness: float | None = Field(
        default=None,
        description="Rank correlation of the score with the number of known criteria; "
        "None: one of the two is the same for all.",
    )
    notes: list[str] = Field(description="What a reader must know of this ranking.")
    assumptions: list[Assumption] = Field(
        default=[], description="What predictions take beside the activation energy."
    )
    dataset_version: str = Field(description="Version of the data, for a citation.")


class RankingPage(Ranking):
    """A page of a ranking. ``next_cursor`` is opaque; None on the last page."""

    total: int = Field(description="Ranked candidates, over all pages.", examples=[82])
    next_cursor: str | None = Field(
        description="What leads to the next page as `cursor`; null on the last one.",
        examples=["WyJkN2Y…"],
    )


class OpenValue(BaseModel):
    """An open value, and what knowing it is worth for the choice."""

    candidate: str = Field(description="Id of the candidate.")
    label: str = Field(description="Its common name.")
    metric: MetricName
    known: str = Field(description="What is known of it now, against the requirement.")
    computed: bool = Field(description="Whether a calculation gives it; otherwise a measurement.")
    gain: float = Field(description="Expected gain in the score of the best choice.")
    chance: float = Field(description="Probability that it turns out as good as it can be.")


class DecisionSheet(BaseModel, NotebookView):
    """A choice on one page: the question, the first candidates, and what would change it."""

    question: str = Field(description="The question that the ranking answers.")
    answer: str = Field(description="Which candidates come first, in one sentence.")
    total: int = Field(description="Number of ranked candidates.")
    ranking: Ranking = Field(description="Requirements, and the first candidates with all values.")
    reasons: list[str] = Field(description="How the first differs from the next, with the values.")
    stability: list[str] = Field(description="How stable the order is, in sentences.")
    open_values: list[OpenValue] = Field(description="What would change it, the most first.")
    unchanged: list[str] = Field(
        default=[], description="Why no open value would change it; empty if one would."
    )
    not_judged: list[str] = Field(
        default=[], description="Needs without a number, and criteria without any evidence."
    )
    addresses: dict[str, str] = Field(
        default={},
        description="Pages of computed sources by their names; paths are those of a service.",
    )
    scope: str = Field(default="", description="What the order rests on alone.")
    references: dict[str, str] = Field(description="The cited references by their keys.")
    names: dict[str, str] = Field(default={}, description="Their authors and years by their keys.")
    pages: dict[str, list[str]] = Field(
        default={}, description="Pages on which values were read, by the keys of references."
    )
    cite: str = Field(description="How to cite the sheet.")


class ProfileSummary(BaseModel):
    """An application profile in one row: name, title, and numbers of criteria."""

    name: str
    title: str
    device_criteria: int
    material_criteria: int


Difference = Literal["beyond the errors", "within the errors", "error not known", "unknown"]


class CompareRequest(StrictModel):
    """Compositions or devices to compare."""

    materials: Annotated[list[Text] | None, InCommand("materials")] = Field(
        None,
        min_length=2,
        max_length=4,
        description="Two to four formulas in any spelling.",
        examples=[["CsPbBr3", "MAPbI3"]],
    )
    devices: list[Text] | None = Field(
        None,
        min_length=2,
        max_length=4,
        description="Two to four ids of devices.",
        examples=[["d-t4-r14", "d-t4-r15"]],
    )

    @field_validator("materials", "devices", mode="before")
    @classmethod
    def _names(cls, given: str | Sequence[str] | None) -> list[str] | None:
        names = None if given is None else [*split_names(given)]
        if names is not None and not 2 <= len(names) <= 4:
            raise ValueError(
                f"two to four different ones are needed, not {len(names)}; write A,B, or each one "
                "by itself"
            )
        return names


class ComparedValue(Known):
    """A value of one candidate; `minimum` and `maximum` are the ends of its 95% interval."""

    kind: Literal["literature", "computed", "literature and computed", "unknown"] = Field(
        description="Whether papers report it, or pvkdb computed it."
    )
    beside: list[Known] = Field([], description="The kinds of evidence that it joins.")


class ComparedRow(BaseModel):
    """The values of all candidates for one metric."""

    metric: MetricName
    label: str = Field(description="The metric in words.")
    unit: str = Field(description="Unit; `1` for a pure number.")
    values: list[ComparedValue] = Field(description="One for each candidate, in their order.")
    difference: Difference = Field(description="Whether any two of the intervals lie apart.")


class ComparedScore(BaseModel):
    """Place and score of one candidate in the ranking of an application."""

    rank: int = Field(description="Place; of an unreviewed candidate where it would stand.")
    score: float = Field(description="Product of the shares over all requirements.")
    score_low: float = Field(description="Lower end of the 95% interval of the score.")
    score_high: float = Field(description="Upper end of the 95% interval of the score.")
    unreviewed: bool = Field(description="Whether it is imported and nobody has confirmed it.")


class ComparedApplication(BaseModel):
    """The places of all candidates in the ranking of one application."""

    application: str = Field(description="Name of the application.")
    title: str = Field(description="Title.")
    ranked: int = Field(description="Number of ranked candidates.")
    scores: list[ComparedScore | None] = Field(description="One for each candidate; None: none.")
    difference: Difference = Field(description="Whether any two of the intervals lie apart.")


class Comparison(BaseModel, NotebookView):
    """Candidates side by side, with the answer to how they differ."""

    answer: str = Field(description="What differs most beyond the errors, in one sentence.")
    subject: Subject = Field(description="What is compared: devices or materials.")
    candidates: list[str] = Field(description="Formulas, or ids of devices.")
    labels: list[str] = Field(description="Their names.")
    values: list[ComparedRow] = Field(description="One row for each metric with a value.")
    applications: list[ComparedApplication] = Field(description="One row for each application.")
    dataset_version: str = Field(description="Version of the data, for a citation.")

    @property
    def places(self) -> list[tuple[str, ComparedApplication]]:
        """The applications, those with equal places and scores as one, with all titles."""
        titles: dict[str, list[str]] = {}
        rows: dict[str, ComparedApplication] = {}
        for each in self.applications:
            same = each.model_dump_json(exclude={"application", "title"})
            titles.setdefault(same, []).append(each.title)
            rows[same] = each
        return [(", ".join(titles[same]), row) for same, row in rows.items()]
