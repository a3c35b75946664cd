"""Tools for language models, over the REST service in this process.

There is only one implementation of searching, of limits and of refusals: that of the service.
"""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import httpx
import mcp_types as types
from fastapi import FastAPI

from pvkdb.chemistry.ions import sources
from pvkdb.errors import InputError, NotFoundError, unknown_name
from pvkdb.operations import declared
from pvkdb.schemas import unfit
from pvkdb.schemas.tables import ReferencesRow
from pvkdb.store.files.bibliography import dataset_text, doi_address, reference_text
from pvkdb.suitability import shipped_profiles
from pvkdb_api.core.paths import API

#: Rows of one answer: by default, and at most.
ROWS, MOST_ROWS = 10, 50
#: Most characters of an answer, and of an error.
MOST_CHARACTERS, LONGEST_ERROR = 120_000, 2_000
#: Characters of an answer whose size the caller has not chosen: 2,000 tokens of 3 characters.
SHORT = 6_000
#: Arguments that choose the size of an answer, and the rows that are tried without them.
_SIZES, _TRIED = frozenset({"limit", "fields", "explain"}), (ROWS, 5, 3, 2, 1)
#: Keys of references in one query.
_KEYS = 200

_LISTED = "Filters are combined; several values of one are separated by commas. "


@dataclass(frozen=True, slots=True)
class AgentTool:
    """A tool: the route that it asks, what it is for, and arguments beside those of the route.

    ``formula`` is the parameter of the route that the argument ``formula`` stands for; ``gives``
    has the types of what its answer has beside the fields of the route's.
    """

    route: str
    answer: Callable[[Agent, str, dict[str, Any]], Awaitable[dict[str, Any]]]
    description: str
    more: Mapping[str, dict[str, Any]] = field(default_factory=lambda: _LIMIT)
    without: frozenset[str] = frozenset()
    formula: str = "formula"
    gives: Mapping[str, str] = field(default_factory=dict)


class Agent:
    """Answers the calls of tools from the REST application of a database."""

    def __init__(self, app: FastAPI) -> None:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        self._http = httpx.AsyncClient(
            transport=transport, base_url="http://localhost", headers={"Accept": "application/json"}
        )
        described = app.openapi()
        self._paths: dict[str, Any] = described["paths"]
        self._schemas: dict[str, Any] = described["components"]["schemas"]
        # An operation of another package that is broken has no route.
        self._tools = {
            name: each for name, each in TOOLS.items() if API + each.route in self._paths
        }

    def tools(self) -> list[types.Tool]:
        """Return the tools with the parameters of their routes."""
        return [
            types.Tool(
                name=name,
                description=tool.description,
                input_schema={
                    "type": "object",
                    "properties": self._arguments(tool),
                    "required": [_shown(each, tool) for each in _names(tool.route)],
                    "additionalProperties": False,
                },
                output_schema=self._output(tool),
                annotations=types.ToolAnnotations(read_only_hint=True, open_world_hint=False),
            )
            for name, tool in self._tools.items()
        ]

    async def call(self, name: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Return the answer of a tool; of :data:`SHORT` characters, unless its size is chosen.

        Raises:
            InputError: the tool or an argument is unknown, or a value cannot be used.
            NotFoundError: the store does not hold what was named.
        """
        if name not in self._tools:
            raise InputError(unknown_name("tool", name[:60], self._tools))
        tool = self._tools[name]
        known, body = self._arguments(tool), self._body(tool.route)
        given = {}
        for argument, value in arguments.items():
            if argument not in {*known, tool.formula}:
                raise InputError(unknown_name(f"argument of {name}", argument[:60], known))
            if value is not None:
                own = tool.formula if argument == "formula" else argument
                given[own] = value if own in body else _checked(own, value)
        for argument in _names(tool.route):
            if argument not in given:
                shown = _shown(argument, tool)
                raise InputError(f"{name} needs {shown!r}: {known[shown]['description']}")
        chosen = not _SIZES.isdisjoint(given)
        for limit in _TRIED:
            answer = await tool.answer(self, name, given if chosen else {**given, "limit": limit})
            answer["cited"] = await self._cited(answer)
            answer["cite"] = dataset_text(answer["dataset_version"])
            found: dict[str, Any] = _known(answer)
            length = len(as_text(found))
            if chosen or length <= SHORT:
                break
        if length > MOST_CHARACTERS:
            raise InputError(
                f"the answer has {length:,} characters and {MOST_CHARACTERS:,} are allowed; ask "
                "for fewer rows (limit) or fewer fields"
            )
        return found

    def _arguments(self, tool: AgentTool) -> dict[str, dict[str, Any]]:
        """Return the JSON schemas of the arguments of a tool."""
        schemas = {
            each["name"]: _plain(each["schema"]) | {"description": each["description"]}
            for each in self._paths[API + tool.route].get("get", {}).get("parameters", ())
            if each["name"] not in tool.without
        }
        if "application" in schemas:
            schemas["application"]["enum"] = [*shipped_profiles()]
        every = schemas | dict(tool.more) | self._body(tool.route)
        return {_shown(argument, tool): each for argument, each in every.items()}

    def _output(self, tool: AgentTool) -> dict[str, Any]:
        """Return the JSON schema of the answer of a tool, without the parts of its fields."""
        (method,) = self._paths[API + tool.route].keys() & {"get", "post"}
        answered = self._paths[API + tool.route][method]["responses"]["200"]
        schema = answered["content"]["application/json"]["schema"]
        options = [schema, *schema.get("anyOf", ())]
        reference = next(each["$ref"] for each in options if "$ref" in each)
        declared = self._schemas[reference.rpartition("/")[2]].get("properties", {})
        kinds = {name: _one(each).get("type") for name, each in declared.items()}
        if tool.answer is Agent.composition:
            kinds = {}  # they are in its field `composition`
        kinds |= {"cited": "object", "cite": "string", "dataset_version": "string", **tool.gives}
        return {
            "type": "object",
            "properties": {
                name: {"type": kind} if kind else {}
                for name, kind in kinds.items()
                if name not in ("data", "next_cursor") or name in tool.gives
            },
            "required": ["cite", "dataset_version"],
        }

    def _body(self, route: str) -> dict[str, dict[str, Any]]:
        """Return the JSON schemas of the fields of a route's body; empty if it is asked by GET."""
        methods = self._paths[API + route]
        if "get" in methods:
            return {}
        schema = methods["post"]["requestBody"]["content"]["application/json"]["schema"]
        fields: dict[str, dict[str, Any]] = self._schemas[schema["$ref"].rpartition("/")[2]]
        return fields["properties"]

    async def _get(self, route: str, query: Mapping[str, Any]) -> dict[str, Any]:
        """Return the answer of a route to a query, or to a body, with the dataset version.

        Raises:
            InputError: the service refuses the query.
            NotFoundError: it does not hold what was named.
        """
        rest = dict(query)
        path = re.sub(r"{(\w+)}", lambda name: quote(str(rest.pop(name[1])), safe=""), route)
        try:
            posted = self._http.post(API + path, json=rest) if self._body(route) else None
            response = await (posted or self._http.get(API + path, params=rest))
        except httpx.InvalidURL as long:
            raise InputError("the arguments are too long; give fewer or shorter values") from long
        if response.is_error:
            error = NotFoundError if response.status_code == 404 else InputError
            raise error(response.json()["detail"])
        found: dict[str, Any] = response.json()
        return {**found, "dataset_version": response.headers["X-Dataset-Version"]}

    async def search(self, name: str, given: dict[str, Any]) -> dict[str, Any]:
        """Return rows of a collection, and the call for the next ones."""
        limit = _whole(given, "limit", ROWS, MOST_ROWS)
        page = await self._get(TOOLS[name].route, {**given, "limit": limit})
        rows, cursor = page.pop("data"), page.pop("next_cursor")
        return {**page, "rows": rows, "more": _more(name, given, cursor)}

    async def references(self, name: str, given: dict[str, Any]) -> dict[str, Any]:
        """Return references, also as BibTeX."""
        answer = await self.search(name, {**given, "fields": "key"})
        keys = [row["key"] for row in answer.pop("rows")]
        if answer["more"]:
            del answer["more"]["arguments"]["fields"]
        if keys:
            query = {"key": ",".join(keys), "format": "bibtex"}
            answer["bibtex"] = (await self._http.get(f"{API}/export/references", params=query)).text
        return answer | {"references": " ".join(keys)}

    async def composition(self, name: str, given: dict[str, Any]) -> dict[str, Any]:
        """Return what is known of a composition: facts, phases, energies and devices."""
        facts = await self._get(TOOLS[name].route, {"key": given["key"]})
        if "formula" not in facts:  # another route
            raise NotFoundError(f"compositions holds no {given['key']!r}")
        version, formula = facts.pop("dataset_version"), facts["formula"]
        limit = {"limit": _whole(given, "limit", ROWS, MOST_ROWS)}
        phases = await self._get("/materials", {"formula": formula, **limit})
        scopes = "reported,percolation,computed"
        energies = {"material": formula, "scope": scopes, **limit}
        found = await self._get("/energetics/summary", {"material": formula})
        summaries = [
            {name: value for name, value in each.items() if value not in (None, 0, formula)}
            for each in sorted(found["data"], key=lambda each: -each["statements"])
        ]
        ranges = summaries[: limit["limit"]]
        return {
            "composition": facts,
            "phases": phases["data"],
            "energy_ranges": ranges,
            "energy_ranges_left_out": len(summaries) - len(ranges),
            "energies": await self.search("search_energies", energies),
            "devices": await self.search("search_devices", {"absorber": formula, **limit}),
            "dataset_version": version,
        }

    async def rank(self, name: str, given: dict[str, Any]) -> dict[str, Any]:
        """Return candidates of a ranking, or one of them with the evidence for each verdict."""
        asked = {**given, "limit": _whole(given, "limit", ROWS, MOST_ROWS)}
        if "explain" in given:
            asked = {each: given[each] for each in given.keys() - {*_PAGING, "explain"}}
        ranking = await self._get(TOOLS[name].route, asked)
        if "candidates" not in ranking:  # another route
            raise InputError(unknown_name("application", asked["application"], shipped_profiles()))
        candidates, cursor = ranking.pop("candidates"), ranking.pop("next_cursor")
        ranking["not_rankable"] = len(ranking["not_rankable"])
        if "explain" in given:
            explain = str(given["explain"])
            named = [each for each in candidates if explain in (each["id"], each["label"])]
            if not named:
                known = [each["id"] for each in candidates]
                raise NotFoundError(unknown_name("candidate", explain[:60], known))
            asked_of = ("application", "title", "subject", "reading", "dataset_version")
            return {**{each: ranking[each] for each in asked_of}, "candidates": named[:1]}
        return {
            **ranking,
            "candidates": [_summary(each) for each in candidates],
            "more": _more(name, asked, cursor),
        }

    async def compute(self, name: str, given: dict[str, Any]) -> dict[str, Any]:
        """Return the result of an operation, with the sources of radii in it.

        Of its lists, ``limit`` elements are returned, and ``left_out`` has the number of others.
        """
        limit = _whole(given, "limit", ROWS, MOST_ROWS)
        asked = {each: given[each] for each in given.keys() - {"limit"}}
        left_out: dict[str, int] = {}
        whole = await self._get(TOOLS[name].route, asked)
        found: dict[str, Any] = _shortened(whole, limit, "", left_out)
        found["left_out"] = left_out or None
        if radii := re.findall(r"\w+", found.get("radii_source", "")):
            found["sources"] = {key: sources()[key] for key in radii if key in sources()}
        return found

    async def _cited(self, answer: dict[str, Any]) -> dict[str, str]:
        """Return the references that an answer cites, as text by their keys."""
        keys = [*dict.fromkeys(_cited_keys(answer))]
        cited = {}
        for start in range(0, len(keys), _KEYS):
            query = {"key": ",".join(keys[start : start + _KEYS]), "limit": _KEYS}
            for found in (await self._get("/references", query))["data"]:
                row = ReferencesRow.model_validate(found)
                doi = row.doi or row.doi_seen
                cited[row.key] = f"{reference_text(row)} {doi_address(doi) if doi else ''}".strip()
        return cited


_LIMIT: dict[str, dict[str, Any]] = {
    "limit": {
        "type": ["integer", "string"],
        "minimum": 1,
        "maximum": MOST_ROWS,
        "description": "Rows of the answer; `more` is the call for the next ones. By default as "
        "many, up to 10, as 2,000 tokens hold.",
    }
}
_OF_LISTS = {
    "limit": {
        **_LIMIT["limit"],
        "description": "Elements of each list; `left_out` counts the others. By default as many, "
        "up to 10, as 2,000 tokens hold.",
    }
}
_ROWS_FOUND = {"rows": "array", "more": "object"}
#: Arguments that choose a page of a ranking.
_PAGING = frozenset({"limit", "cursor", "fields"})
_RANKING: dict[str, dict[str, Any]] = {
    "explain": {
        "type": "string",
        "description": "Id of one candidate: its values, sources and reasons on each criterion.",
    },
}

#: Parameters of operations that the argument ``formula`` stands for.
_FORMULAS = {"compare": "materials", "tolerances": "formulas"}

TOOLS: dict[str, AgentTool] = {
    "search_compositions": AgentTool(
        "/compositions",
        Agent.search,
        f"Search compositions by ions, energies, stability, tolerance factors. {_LISTED}",
        gives=_ROWS_FOUND,
    ),
    "search_devices": AgentTool(
        "/devices",
        Agent.search,
        f"Search reported memristors with their metrics. {_LISTED}",
        formula="absorber",
        gives=_ROWS_FOUND,
    ),
    "search_energies": AgentTool(
        "/energetics",
        Agent.search,
        "Search activation energies of ion migration (E_A) and defect formation energies (DFE), "
        f"reported and computed, in eV. {_LISTED}",
        formula="material",
        gives=_ROWS_FOUND,
    ),
    "composition": AgentTool(
        "/compositions/{key}",
        Agent.composition,
        "What is known of one composition: facts, phases, energies and devices.",
        {**_LIMIT, "key": {"type": "string", "description": "Formula, e.g. CsPbBr3 or MAPbI3."}},
        formula="key",
        gives={
            **dict.fromkeys(("composition", "energies", "devices"), "object"),
            **dict.fromkeys(("phases", "energy_ranges"), "array"),
            "energy_ranges_left_out": "integer",
        },
    ),
    "rank": AgentTool(
        "/rankings/{application}",
        Agent.rank,
        "Rank devices or materials for an application, with verdicts on each criterion; `explain` "
        "has the evidence of one candidate. Takes seconds.",
        {**_LIMIT, **_RANKING},
        frozenset({"sheet"}),
        formula="compositions",
        gives={"not_rankable": "integer", "more": "object"},
    ),
    "search_references": AgentTool(
        "/references",
        Agent.references,
        f"Search the cited publications; text and BibTeX. {_LISTED}",
        without=frozenset({"fields"}),
        gives={"references": "string", "bibtex": "string", "more": "object"},
    ),
} | {
    each.name: AgentTool(
        each.path,
        Agent.compute,
        f"{each.summary} {each.description}",
        _OF_LISTS,
        formula=_FORMULAS.get(each.name, "formula"),
        gives={"left_out": "object", "sources": "object", "data": "array"},
    )
    for each in declared().values()
    if each.queued is None and not each.scope
}


def as_text(answer: Mapping[str, Any]) -> str:
    """Return an answer as JSON."""
    return json.dumps(answer, ensure_ascii=False)


def _more(name: str, given: Mapping[str, Any], cursor: str | None) -> dict[str, Any] | None:
    """Return the call that gives the next rows; None if there are none."""
    arguments = {_shown(each, TOOLS[name]): value for each, value in given.items()}
    return {"tool": name, "arguments": {**arguments, "cursor": cursor}} if cursor else None


def _names(route: str) -> list[str]:
    """Return the names in a route."""
    return re.findall(r"{(\w+)}", route)


def _shown(argument: str, tool: AgentTool) -> str:
    """Return the name of an argument for language models."""
    return "formula" if argument == tool.formula else argument


def _shortened(value: Any, most: int, place: str, left_out: dict[str, int]) -> Any:
    """Return a document with at most so many elements of each outer list; count the others."""
    if isinstance(value, dict):
        return {
            name: _shortened(each, most, f"{place}.{name}".lstrip("."), left_out)
            for name, each in value.items()
        }
    if isinstance(value, list) and len(value) > most:
        left_out[place] = len(value) - most
        return value[:most]
    return value


def _plain(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return a JSON schema without what a model has no use for; every argument may be left out."""
    merged = _one(schema)
    left_out = {"anyOf", "title", "x-separator", "minLength", "maxLength"}
    if "|" not in merged.get("pattern", ""):
        left_out.add("pattern")
    if merged.get("type") in ("integer", "number"):
        merged["type"] = [merged["type"], "string"]  # models write numbers as either
    return {name: value for name, value in merged.items() if name not in left_out}


def _one(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return a JSON schema with its first option that is not null in its own place."""
    options = [each for each in schema.get("anyOf", ()) if each.get("type") != "null"]
    return {**schema, **(options[0] if options else {})}


def _checked(name: str, value: Any) -> Any:
    """Return the value of an argument as the service reads it.

    Raises:
        InputError: it is an object or a path, too large, or holds control characters.
    """
    if reason := unfit(value):
        raise InputError(f"{name}: {reason}")
    if isinstance(value, list) and not any(isinstance(each, list | dict) for each in value):
        texts = [str(_checked(name, each)) for each in value]
        return ",".join(f'"{text}"' if "," in text and '"' not in text else text for text in texts)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return value
    if not isinstance(value, str):
        raise InputError(f"{name} cannot be a {type(value).__name__}; give a text or a number")
    if name in ("application", "formula", "key") and ("/" in value or not value.strip(". ")):
        raise InputError(f"{name} cannot be {value[:60]!r}; give one name without '/'")
    return value


def _whole(given: dict[str, Any], name: str, default: int, most: int) -> int:
    """Return a whole number among the arguments.

    Raises:
        InputError: it is something else, or out of range.
    """
    value = given.get(name, default)
    if isinstance(value, str) and re.fullmatch(r"\d{1,9}", value.strip()):
        value = int(value)
    if not isinstance(value, int) or not 1 <= value <= most:
        raise InputError(
            f"{name} cannot be {str(value)[:60]!r}; give a whole number from 1 to {most:,}"
        )
    return value


def _summary(candidate: dict[str, Any]) -> dict[str, Any]:
    """Return a candidate with the verdicts of its criteria in place of the evidence."""
    long = ("criteria", "also_known", "under_readings")
    verdicts = {each["metric"]: each["verdict"] for each in candidate.get("criteria", ())}
    return {name: value for name, value in candidate.items() if name not in long} | {
        "verdicts": verdicts
    }


def _known(value: Any) -> Any:
    """Return a document without fields that are not known."""
    if isinstance(value, dict):
        return {name: _known(each) for name, each in value.items() if each not in (None, "", [])}
    return [_known(each) for each in value] if isinstance(value, list) else value


def _cited_keys(value: Any) -> Iterator[str]:
    """Yield the keys in all fields ``references`` of a document."""
    if isinstance(value, dict):
        for name, each in value.items():
            if name == "references" and isinstance(each, str):
                yield from each.split()
            yield from _cited_keys(each)
    elif isinstance(value, list):
        for each in value:
            yield from _cited_keys(each)
