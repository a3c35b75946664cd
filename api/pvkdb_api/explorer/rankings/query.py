"""What the page of an application is asked for: the parameters of the ranking in the REST service.

``x`` and ``y`` (the axes of the plot of two criteria) and ``top`` (candidates in the list) are the
page's own. ``w.METRIC`` is what its form sends without a script; it is turned into ``weights``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from fastapi import Request
from sqlalchemy.orm import Session

from pvkdb import suitability
from pvkdb.errors import InputError, unknown_name
from pvkdb.kinetics.conditions import Conditions
from pvkdb.schemas.profiles import SUBJECTS, Criterion, Profile, Subject
from pvkdb.schemas.rankings import ORDERS, Order, Ranking
from pvkdb_api.core.cache import QueryCache
from pvkdb_api.core.refusals import ParameterError, naming
from pvkdb_api.explorer.site.rendering import link
from pvkdb_api.listing.parameters import read_layer
from pvkdb_api.operations.rankings import MOST_SAMPLES, SAMPLES, rank

#: The layer of predictions, with what each number is.
LAYER = {
    "thickness_nm": ("Thickness", "nm"),
    "bias_v": ("Bias across it", "V"),
    "temperature_k": ("Temperature", "K"),
    "write_time_s": ("Pulse for the SET voltage", "s"),
}

#: Parameters that the REST service has as well, in the order of an address.
SHARED = ("subject", "order", "weights", "reading", *LAYER, "samples")
OWN = ("x", "y", "top")

#: Begins the parameters in which the form sends a weight each.
WEIGHT = "w."

#: Candidates in the list, unless more are asked for.
TOP = 25
_MOST_TOP = 1000

_DEFAULTS = {"subject": "devices", "order": "shown", "samples": str(SAMPLES), "top": str(TOP)}


@dataclass(frozen=True)
class Asked:
    """Parameters as text. Each may be nonsense: :meth:`read` says so."""

    profile: Profile
    given: Mapping[str, str]

    @property
    def subject(self) -> Subject:
        """What is ranked; devices where it cannot be told."""
        given = self.given.get("subject", "devices")
        return next((subject for subject in SUBJECTS if subject == given), "devices")

    @property
    def criteria(self) -> tuple[Criterion, ...]:
        """The criteria with the weights of the profile."""
        return suitability.judged(self.profile, self.subject)

    def weights(self) -> dict[str, float]:
        """The weights that were given, as far as they can be read."""
        try:
            return suitability.parse_weights(self.given.get("weights", ""))
        except InputError:
            return {}

    def address(self, **changes: str | None) -> str:
        """The address of this page with some parameters changed; None leaves one out."""
        return link("/applications", self.profile.name, **_tidy({**self.given, **changes}))

    def parameters(self) -> dict[str, str]:
        """The same for the REST service."""
        return {name: value for name, value in _tidy(self.given).items() if name in SHARED}

    def read(self) -> Wanted:
        """What is asked for.

        Raises:
            ParameterError: a value cannot be used.
        """
        given = self.given
        subject = _one_of("subject", given.get("subject", "devices"), SUBJECTS)
        order = _one_of("order", given.get("order", "shown"), ORDERS)
        with naming("weights"):
            weights = suitability.parse_weights(given.get("weights", ""))
            suitability.weighted(self.criteria, weights)
        readings = self.profile.readings(self.subject)
        reading = given.get("reading")
        if reading is not None and reading not in readings:
            reason = (
                unknown_name("reading", reading[:200], readings)
                if readings
                else f"{self.profile.name} has one reading of its requirements on {subject} only"
            )
            raise ParameterError("reading", reason)
        return Wanted(
            self,
            cast("Subject", subject),
            suitability.Options(
                order=cast("Order", order),
                weights=weights,
                reading=reading,
                samples=_whole("samples", given.get("samples", str(SAMPLES)), MOST_SAMPLES),
            ),
            read_layer(**{name: given.get(name) for name in LAYER}),
            _whole("top", given.get("top", str(TOP)), _MOST_TOP),
            self._axis("x"),
            self._axis("y"),
        )

    def _axis(self, name: str) -> str | None:
        metric = self.given.get(name)
        known = [each.metric for each in self.criteria]
        if metric is not None and metric not in known:
            raise ParameterError(name, unknown_name("criterion", metric[:60], known))
        return metric


@dataclass(frozen=True)
class Wanted:
    """A ranking that can be made."""

    asked: Asked
    subject: Subject
    options: suitability.Options
    layer: Conditions
    top: int
    x: str | None
    y: str | None

    def ranking(self, request: Request, session: Session) -> Ranking:
        """The ranking, made anew only where it is another one or the data is.

        Raises:
            InputError: the store holds too many candidates.
        """
        kept: QueryCache = request.app.state.ranking_cache
        return kept.get(
            session,
            self.asked.profile.name,
            self.asked.parameters(),
            lambda: rank(session, self.asked.profile, self.subject, self.options, self.layer),
        )


def read_parameters(request: Request, profile: Profile) -> tuple[Asked, bool]:
    """The parameters of a page, and whether they came from the form and have a shorter form.

    Raises:
        ParameterError: there is no such parameter, or it is given twice.
    """
    given: dict[str, str] = {}
    sent: dict[str, str] = {}
    for name, value in request.query_params.multi_items():
        if name not in (*SHARED, *OWN) and not name.startswith(WEIGHT):
            raise ParameterError(name[:60], unknown_name("parameter", name[:60], (*SHARED, *OWN)))
        if name in given or name in sent:
            raise ParameterError(name[:60], f"{name[:60]!r} is given more than once; give it once")
        if name.startswith(WEIGHT):
            sent[name.removeprefix(WEIGHT)] = value.strip()
        elif value.strip():
            given[name] = value.strip()
    asked = Asked(profile, given)
    if not sent:
        return asked, False
    weights = changed_weights(asked.criteria, sent)
    return Asked(profile, {**given, "weights": weights}), True


def changed_weights(criteria: Iterable[Criterion], sent: Mapping[str, str]) -> str:
    """The parameter ``weights`` of those weights that are not the profile's own.

    Example: ``{"retention_s": "2", "endurance_cycles": "1"}`` gives ``retention_s=2``.
    """
    own = {each.metric: each.weight for each in criteria}
    return ",".join(
        f"{name}={text}"
        for name, text in sent.items()
        if text and not (name in own and _number(text) == own[name])
    )


def python_call(root: str, wanted: Wanted) -> str:
    """The same ranking in Python."""
    arguments: list[str] = [repr(wanted.asked.profile.name)]
    if wanted.subject != "devices":
        arguments.append(repr(wanted.subject))
    named: dict[str, Any] = {}
    given = wanted.asked.parameters()
    if wanted.options.order != "shown":
        named["order"] = wanted.options.order
    if wanted.options.weights:
        named["weights"] = dict(wanted.options.weights)
    if wanted.options.reading is not None:
        named["reading"] = wanted.options.reading
    if "samples" in given:
        named["samples"] = wanted.options.samples
    for name in LAYER:
        if name in given:
            ends = tuple(float(end) for end in given[name].split(":"))
            named[name] = ends[0] if len(ends) == 1 else ends
    arguments += [f"{name}={value!r}" for name, value in named.items()]
    return (
        f"import pvkdb\n\nwith pvkdb.Client({root!r}) as client:\n"
        f"    ranking = client.rankings.get({', '.join(arguments)})\n"
        "first = ranking.candidates[0]\n"
        "print(first.id, first.shown, first.expected, first.possible)"
    )


def _tidy(given: Mapping[str, str | None]) -> dict[str, str]:
    """In the order of an address, without what is not given or would be taken anyway."""
    listed = ((name, given.get(name)) for name in (*SHARED, *OWN))
    return {name: value for name, value in listed if value and value != _DEFAULTS.get(name)}


def _one_of(name: str, value: str, known: Iterable[str]) -> str:
    if value not in (names := [*known]):
        raise ParameterError(name, unknown_name(name, value[:60], names))
    return value


def _whole(name: str, text: str, most: int) -> int:
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
    if not 1 <= number <= most:
        raise ParameterError(name, f"{name}: {text[:60]!r} is no whole number from 1 to {most}")
    return number


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
