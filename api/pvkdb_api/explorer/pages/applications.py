"""Applications: all of them with who leads, and one of them with its ranking."""

from __future__ import annotations

import shlex
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy.orm import Session

from pvkdb import suitability
from pvkdb.errors import InputError, unknown_name
from pvkdb.kinetics.conditions import LAYER_DEFAULTS, ROOM_TEMPERATURE_K
from pvkdb.schemas.rankings import ORDERS, RankedCandidate
from pvkdb.store.collections import DEVICES, MATERIALS
from pvkdb_api.core.cache import QueryCache
from pvkdb_api.core.paths import API
from pvkdb_api.core.refusals import ParameterError
from pvkdb_api.core.sessions import ReadSession
from pvkdb_api.explorer.rankings import explanation as ranking_words
from pvkdb_api.explorer.rankings import view as ranking_view
from pvkdb_api.explorer.rankings.query import LAYER, TOP, WEIGHT, Asked, Wanted, python_call
from pvkdb_api.explorer.rankings.query import read_parameters as read_asked
from pvkdb_api.explorer.site.rendering import link, page, part, part_wanted
from pvkdb_api.explorer.tables.cells import reference_links
from pvkdb_api.operations import rankings

router = APIRouter(include_in_schema=False)

PATH = "/applications"

_WORDS: dict[str, Any] = {
    "candidate_link": ranking_words.candidate_link,
    "named": ranking_words.named,
    "count_words": ranking_words.count_words,
    "heading": ranking_view.heading,
    "reference_links": reference_links,
    "shades": ranking_view.shades,
    "tones": ranking_view.TONES,
    "unit_of": ranking_view.unit_of,
    "value_of": ranking_words.value_of,
    "with_links": ranking_view.with_links,
}


@router.get(PATH)
def get_applications(request: Request, session: ReadSession) -> Response:
    """The applications. Who leads each takes longer and comes after the page, or when asked for."""
    for name in request.query_params:
        if name != "leaders":
            raise ParameterError(name[:60], unknown_name("parameter", name[:60], ("leaders",)))
    profiles = [suitability.shipped_profile(name) for name in suitability.shipped_profiles()]
    wanted = part_wanted(request) == "leaders" or "leaders" in request.query_params
    shown = {
        "cards": ranking_view.cards(profiles),
        "leaders": _leaders(request, session) if wanted and _few(session) else None,
        **_WORDS,
    }
    if part_wanted(request) == "leaders":
        return part(request, "_applications.html", **shown)
    return page(request, "applications.html", **shown)


def _few(session: Session) -> bool:
    """Whether the candidates can be ranked for a page."""
    return all(
        collection.count(session, {}) <= rankings.MOST_RANKED for collection in (DEVICES, MATERIALS)
    )


def _leaders(request: Request, session: Session) -> dict[str, dict[str, list[RankedCandidate]]]:
    """Who stands first for each application and subject; nobody where nothing is known."""
    counts: QueryCache = request.app.state.query_cache

    def count() -> dict[str, dict[str, list[RankedCandidate]]]:
        found: dict[str, dict[str, list[RankedCandidate]]] = {}
        for ranking in suitability.leaders(session):
            known = any(entry.coverage > 0 for entry in ranking.candidates)
            first = [entry for entry in ranking.candidates if entry.rank == 1] if known else []
            found.setdefault(ranking.application, {})[ranking.subject] = first
        return found

    return counts.get(session, "leaders of applications", {}, count)


@router.get(PATH + "/{application}")
def get_application(
    request: Request, session: ReadSession, application: Annotated[str, Path(max_length=200)]
) -> Response:
    """An application: what it asks for, and who serves it by which evidence."""
    profile = suitability.shipped_profile(application)
    asked, from_form = read_asked(request, profile)
    if from_form:
        return RedirectResponse(asked.address(), 303)
    status, refusal, found = 200, None, {}
    try:
        wanted = asked.read()
        found = _found(request, session, wanted)
    except InputError as error:
        # Told where the ranking would stand, beside the controls with what was given.
        status, refusal = 422, error
    weights = asked.weights()
    shown = {
        "asked": asked,
        "profile": profile,
        "requirements": ranking_view.requirements(asked, weights),
        "refusal": refusal and _refused(refusal),
        "found": found,
        **_WORDS,
    }
    if part_wanted(request) == "ranking":
        answer = part(request, "_application.html", **shown)
        answer.status_code = status
        return answer
    return page(request, "application.html", status, **_controls(asked), **shown)


def _refused(refusal: InputError) -> tuple[str, str]:
    """The parameter that is refused and why, without saying its name twice."""
    parameter = str(getattr(refusal, "parameter", ""))
    return parameter, str(refusal).removeprefix(f"{parameter}: ")


def _found(request: Request, session: Session, wanted: Wanted) -> dict[str, Any]:
    ranking = wanted.ranking(request, session)
    asked = wanted.asked
    more = len(ranking.candidates) - wanted.top
    root = str(request.base_url).rstrip("/")
    rest = root + link(f"{API}/rankings", asked.profile.name, **asked.parameters())
    return {
        "ranking": ranking,
        "rows": ranking.candidates[: wanted.top],
        "more": asked.address(top=str(min(wanted.top + 100, 1000))) if more > 0 else None,
        "why": ranking_words.why(ranking),
        "chances": ranking_view.chances(ranking),
        "plane": ranking_view.plane(ranking, wanted),
        "order_means": ORDERS[ranking.order],
        "rest": rest,
        "curl": f"curl {shlex.quote(rest)}",
        "python": python_call(root, wanted),
    }


def _controls(asked: Asked) -> dict[str, Any]:
    profile, weights = asked.profile, asked.weights()
    top = max([5.0, *(weight for weight in weights.values())])
    defaults = {
        "thickness_nm": _range(*(end * 1e9 for end in _ends("thickness_m"))),
        "bias_v": _range(*_ends("bias_v")),
        "temperature_k": f"{ROOM_TEMPERATURE_K:g}",
        "write_time_s": _range(*_ends("write_time_s")),
    }
    return {
        "orders": ORDERS,
        "order": asked.given.get("order", "shown"),
        "readings": profile.readings(asked.subject),
        "layer": [
            (name, label, unit, defaults[name], asked.given.get(name, ""))
            for name, (label, unit) in LAYER.items()
        ],
        "layer_given": any(name in asked.given for name in LAYER),
        "weight_prefix": WEIGHT,
        "weight_top": top,
        "weight_texts": {
            each.metric: _text(weights.get(each.metric, each.weight)) for each in asked.criteria
        },
        "own_texts": {each.metric: _text(each.weight) for each in asked.criteria},
        "passed": {name: asked.given[name] for name in ("samples", "top") if name in asked.given},
        "top": TOP,
        "subjects": [
            (
                subject,
                link(PATH, profile.name, **({"subject": subject} if subject != "devices" else {})),
            )
            for subject in ("devices", "materials")
        ],
        "reset": Asked(profile, {**asked.given, "weights": ""}).address(),
    }


def _text(weight: float) -> str:
    """A weight as one writes it, with all its digits."""
    return repr(weight).removesuffix(".0")


def _ends(name: str) -> tuple[float, float]:
    value = LAYER_DEFAULTS[name].value
    assert value.minimum is not None
    assert value.maximum is not None
    return value.minimum, value.maximum


def _range(low: float, high: float) -> str:
    return f"{low:g}:{high:g}"
