"""The query of an application page: the parameters of a ranking in the REST service.

Only the page has ``x`` and ``y`` (axes of the plot of two criteria) and ``top`` (candidates in the
list). Without a script, its form sends ``w.METRIC`` for each weight; these become ``weights``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import Request
from pydantic import Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from pvkdb import suitability
from pvkdb.chemistry.family import FAMILIES
from pvkdb.errors import InputError, ParameterError, naming
from pvkdb.kinetics.conditions import Conditions, conditions_of
from pvkdb.operations.fields import served_model
from pvkdb.schemas.profiles import SUBJECTS, Criterion, Profile, Subject
from pvkdb.schemas.rankings import RankingFilters, RankingQuestion
from pvkdb.store.models.summaries import KINDS, CompositionCount
from pvkdb_api.explorer.site.parameters import LAYER, known_choice, page_request
from pvkdb_api.explorer.site.rendering import client_code, link
from pvkdb_api.listing.parameters import read_filters

#: Parameters that the REST service also has, in the order of an address.
FILTERS = tuple(RankingFilters.model_fields)
SHARED = ("subject", *FILTERS, "weights", "reading", "computed", *LAYER, "samples")
PAGE_ONLY = ("x", "y", "top")


#: Prefix of the parameters that the form sends for weights.
WEIGHT = "w."

_Served: Any = served_model(RankingQuestion)


class PageQuestion(_Served):  # type: ignore[misc]  # made at run time
    """What a page asks for: candidates in the list and the axes of the plot, too."""

    top: int = Field(10, ge=1, le=1000)
    x: str | None = None
    y: str | None = None


#: Defaults as an address has them, without which it is shorter.
_DEFAULTS = {name: str(field.default).lower() for name, field in PageQuestion.model_fields.items()}


@dataclass(frozen=True)
class RankingQuery:
    """The parameters of a ranking page as text; :meth:`parse` checks them."""

    profile: Profile
    given: Mapping[str, str]

    @property
    def subject(self) -> Subject:
        """What is ranked: ``devices`` or ``materials``; devices if the parameter is invalid."""
        given = self.given.get("subject", "devices")
        return next((subject for subject in SUBJECTS if subject == given), "devices")

    @property
    def criteria(self) -> tuple[Criterion, ...]:
        """The criteria with the weights of the profile."""
        return suitability.criteria_for(self.profile, self.subject)

    def weights(self) -> dict[str, float]:
        """Return the weights in the address by metric; empty if they are invalid."""
        try:
            return suitability.parse_weights(self.given.get("weights", ""))
        except InputError:
            return {}

    def address(self, **changes: str | None) -> str:
        """Return the address of this page with changed parameters; None removes a parameter."""
        return link("/applications", self.profile.name, **_tidy({**self.given, **changes}))

    def rest_parameters(self) -> dict[str, str]:
        """Return the parameters for the REST service."""
        return {name: value for name, value in _tidy(self.given).items() if name in SHARED}

    def parse(self) -> ParsedRankingQuery:
        """Return the checked query.

        Raises:
            ParameterError: A value is invalid.
        """
        question: Any = page_request(
            PageQuestion, {n: v for n, v in self.given.items() if n not in FILTERS}
        )
        filters = read_filters({n: v for n, v in self.given.items() if n in FILTERS})
        options = suitability.options_of(question, filters)
        with naming("weights"):
            suitability.weighted(self.criteria, options.weights)
        for name in ("x", "y"):
            if (metric := getattr(question, name)) is not None:
                known_choice(name, metric, (each.metric for each in self.criteria), "criterion")
        readings = self.profile.readings(self.subject)
        if options.reading is not None and not readings:
            only = f"{self.profile.name} has only one reading of its requirements on"
            raise ParameterError("reading", f"{only} {question.subject}")
        if options.reading is not None:
            known_choice("reading", options.reading, readings)
        return ParsedRankingQuery(self, question, options, conditions_of(question))


@dataclass(frozen=True)
class ParsedRankingQuery:
    """A checked query; ``question`` is a :class:`PageQuestion`."""

    query: RankingQuery
    question: Any
    options: suitability.Options
    layer: Conditions


def families_of(session: Session, subject: Subject) -> list[str]:
    """Return the structure families that the candidates of the store have."""
    there = select(CompositionCount.families).where(CompositionCount.ion == "").distinct()
    if subject == "devices":
        there = there.where(CompositionCount.kinds.bitwise_and(KINDS["devices"].bit) != 0)
    found = {name for text in session.scalars(there) for name in text.split("; ")}
    return [name for name in FAMILIES if name in found]


def read_query(request: Request, profile: Profile) -> tuple[RankingQuery, bool]:
    """Return the query of a page, and whether its form sent it and its address can be shorter.

    Raises:
        ParameterError: A parameter is unknown or given twice.
    """
    given: dict[str, str] = {}
    sent: dict[str, str] = {}
    for name, value in request.query_params.multi_items():
        if not name.startswith(WEIGHT):
            known_choice(name[:60], name, (*SHARED, *PAGE_ONLY), "parameter")
        if name in given or name in sent:
            raise ParameterError(name[:60], f"{name[:60]!r} is given more than once; give it once")
        if name.startswith(WEIGHT):
            sent[name.removeprefix(WEIGHT)] = value.strip()
        elif value.strip():
            given[name] = value.strip()
    query = RankingQuery(profile, given)
    if sent:
        given["weights"] = changed_weights(query.criteria, sent)
    return query, bool(sent)


def changed_weights(criteria: Iterable[Criterion], sent: Mapping[str, str]) -> str:
    """Return the parameter ``weights`` with only the weights that the user has changed.

    Example: ``{"retention_s": "2", "endurance_cycles": "1"}`` gives ``retention_s=2``.
    """
    own = {each.metric: each.weight for each in criteria}
    return ",".join(
        f"{name}={text}"
        for name, text in sent.items()
        if text and not (name in own and _number(text) == own[name])
    )


def python_code(request: Request, wanted: ParsedRankingQuery) -> str:
    """Return Python code for the same ranking."""
    arguments: list[str] = [repr(wanted.query.profile.name)]
    if wanted.question.subject != "devices":
        arguments.append(repr(wanted.question.subject))
    given, options = wanted.query.rest_parameters(), wanted.options
    values = {
        "weights": dict(options.weights or {}),
        "reading": options.reading,
        "samples": options.samples,
    }
    named: dict[str, Any] = {name: each for name, each in values.items() if name in given and each}
    if not options.computed:
        named["computed"] = False
    chosen = options.filters.model_dump(exclude_defaults=True)
    named |= {name: [*each] if isinstance(each, tuple) else each for name, each in chosen.items()}
    for name in LAYER:
        if name in given:
            ends = tuple(float(end) for end in given[name].split(":"))
            named[name] = ends[0] if len(ends) == 1 else ends
    arguments += [f"{name}={value!r}" for name, value in named.items()]
    code = client_code(request, f"ranking = client.rankings.get({', '.join(arguments)})")
    return f"{code}\nfirst = ranking.candidates[0]\nprint(first.id, first.score, first.because)"


def _tidy(given: Mapping[str, str | None]) -> dict[str, str]:
    """Return the parameters in the order of an address, without empty values and defaults."""
    listed = ((name, given.get(name)) for name in (*SHARED, *PAGE_ONLY))
    return {name: value for name, value in listed if value and value != _DEFAULTS.get(name)}


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
