"""Options of a ranking: weights, readings, samples, filters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pvkdb.errors import InputError, naming, unknown_name
from pvkdb.schemas.profiles import Criterion, weight_problem
from pvkdb.schemas.rankings import RankingFilters, RankingQuestion

#: Random weights of papers and criteria: a share of 50 % has a standard error of 1.1 %.
SAMPLES: int = RankingQuestion.model_fields["samples"].default
SEED = 20260301


@dataclass(frozen=True, slots=True)
class Options:
    """Options of a ranking.

    ``weights`` by metric replace those of the profile; ``reading`` names an alternative reading of
    ambiguous requirements; ``samples`` and ``seed`` are those of the random weights; without
    ``computed`` the E_A and DFE that pvkdb computed are left out; ``filters`` choose what is
    ranked; ``shortlist`` is how many materials are ranked at most; with ``unreviewed`` imports that
    nobody has confirmed count, too.
    """

    weights: Mapping[str, float] | None = None
    reading: str | None = None
    samples: int = SAMPLES
    seed: int = SEED
    computed: bool = True
    filters: RankingFilters = field(default_factory=RankingFilters)
    shortlist: int | None = None
    unreviewed: bool = False


def options_of(question: RankingQuestion, filters: RankingFilters) -> Options:
    """Return the options that a question states.

    Raises:
        ParameterError: a weight is none.
    """
    stated = question.model_dump(include={"reading", "samples", "computed", "unreviewed"})
    with naming("weights"):
        return Options(weights=parse_weights(question.weights), filters=filters, **stated)


def parse_weights(text: str) -> dict[str, float]:
    """Return weights from a text such as ``endurance_cycles=2,retention_s=1``.

    Raises:
        InputError: a part is not a metric with a number.
    """
    weights = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, _, value = part.partition("=")
        try:
            weights[name.strip()] = float(value)
        except ValueError:
            raise InputError(
                f"weights: {part!r} is not a weight; write METRIC=NUMBER, separated by commas"
            ) from None
        if reason := weight_problem(weights[name.strip()]):
            raise InputError(f"weights: {name.strip()}={reason}")
    return weights


def weighted(criteria: Sequence[Criterion], weights: Mapping[str, float] | None) -> list[Criterion]:
    """Return criteria with new weights; a criterion without a new weight keeps its own.

    Raises:
        InputError: a metric is not among them, a weight is out of bounds, or they sum to zero.
    """
    weights = weights or {}
    known = [criterion.metric for criterion in criteria]
    for name in weights:
        if name not in known:
            raise InputError(f"weights: {unknown_name('criterion', name, known)}")
    changed = [
        criterion.model_copy(update={"weight": weights[criterion.metric], "from_papers": 0})
        if criterion.metric in weights
        else criterion
        for criterion in criteria
    ]
    for criterion in changed:
        if reason := weight_problem(criterion.weight):
            raise InputError(f"weights: {criterion.metric}={reason}")
    # Those that wait for papers may have no weight either.
    if sum(criterion.weight for criterion in changed if not criterion.from_papers) == 0:
        raise InputError("weights: they sum to zero; give one criterion a weight")
    return changed
