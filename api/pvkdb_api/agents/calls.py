"""Calls of tools for language models, answered by the REST service in this process.

There is only one implementation of searching, of limits and of refusals: that of the service.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import httpx
import mcp_types as types
from fastapi import FastAPI

from pvkdb.chemistry.ions import sources
from pvkdb.errors import InputError, NotFoundError, unknown_name
from pvkdb.schemas.tables import ReferencesRow
from pvkdb.store.files.bibliography import dataset_text, doi_address, reference_text
from pvkdb.suitability import shipped_profiles
from pvkdb_api.agents import shortening
from pvkdb_api.agents.arguments import LIMIT, ROWS, checked, limit_in, names_in, short
from pvkdb_api.core.paths import API

#: Arguments that choose the size of an answer, and the rows that are tried without them.
_SIZES, _TRIED = frozenset({"limit", "fields", "explain"}), (ROWS, 5, 3, 2, 1)
#: Arguments that choose a page of a ranking.
_PAGING = frozenset({"limit", "cursor", "fields"})
#: Keys of references in one query.
_KEYS = 200


@dataclass(frozen=True, slots=True)
class AgentTool:
    """A tool: the route that it asks, what it is for, and arguments beside those of the route.

    ``formula`` is the parameter of the route that the argument ``formula`` stands for. Arguments of
    a route that is ``posted`` to are its body, as JSON.
    """

    route: str
    answer: Callable[[Agent, str, dict[str, Any]], Awaitable[dict[str, Any]]]
    description: str
    more: Mapping[str, dict[str, Any]] = field(default_factory=lambda: LIMIT)
    without: frozenset[str] = frozenset()
    formula: str = "formula"
    posted: bool = False

    def shown(self, argument: str) -> str:
        """Return the name of an argument for language models."""
        return "formula" if argument == self.formula else argument


def listed(app: FastAPI, tools: Mapping[str, AgentTool]) -> list[types.Tool]:
    """Return the tools of an application, with the parameters of their routes as arguments."""
    described = app.openapi()
    paths, schemas = described["paths"], described["components"]["schemas"]
    found = []
    for name, tool in tools.items():
        # An operation of another package that is broken has no route.
        if (methods := paths.get(API + tool.route)) is None:
            continue
        if tool.posted:
            body = methods["post"]["requestBody"]["content"]["application/json"]["schema"]
            given = schemas[body["$ref"].rpartition("/")[2]]["properties"]
        else:
            given = {
                each["name"]: each["schema"] | {"description": each["description"]}
                for each in methods["get"].get("parameters", ())
                if each["name"] not in tool.without
            }
        if "application" in given:
            given["application"]["enum"] = [*shipped_profiles()]
        every = given | dict(tool.more)
        arguments = {tool.shown(each): short(each, every[each], every) for each in every}
        required = [tool.shown(each) for each in names_in(tool.route)]
        schema = {"type": "object", "properties": arguments}
        schema |= {"required": required} if required else {}
        reads = types.ToolAnnotations(read_only_hint=True)
        tool_of = {"name": name, "description": tool.description, "annotations": reads}
        found.append(types.Tool(**tool_of, input_schema=schema))
    return found


class Agent:
    """Answers the calls of tools from the REST application of a database."""

    def __init__(
        self, app: FastAPI, tools: Mapping[str, AgentTool], listed: Sequence[types.Tool]
    ) -> None:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        self._http = httpx.AsyncClient(
            transport=transport, base_url="http://localhost", headers={"Accept": "application/json"}
        )
        self.app, self.listed = app, listed
        self._arguments = {each.name: each.input_schema["properties"] for each in listed}
        self._tools = {name: tools[name] for name in self._arguments}

    async def call(self, name: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Return the answer of a tool; of :data:`SHORT` characters, unless its size is chosen.

        Raises:
            InputError: the tool or an argument is unknown, or a value cannot be used.
            NotFoundError: the store does not hold what was named.
        """
        if name not in self._tools:
            raise InputError(unknown_name("tool", name[:60], self._tools))
        tool = self._tools[name]
        known, given = self._arguments[name], {}
        for argument, value in arguments.items():
            if argument not in {*known, tool.formula}:
                raise InputError(unknown_name(f"argument of {name}", argument[:60], known))
            if value is not None:
                own = tool.formula if argument == "formula" else argument
                given[own] = value if tool.posted and own != "limit" else checked(own, value)
        for argument in names_in(tool.route):
            if argument not in given:
                shown = tool.shown(argument)
                raise InputError(f"{name} needs {shown!r}: {known[shown]['description']}")
        chosen = not _SIZES.isdisjoint(given)
        for limit in _TRIED:
            answer = await tool.answer(self, name, given if chosen else {**given, "limit": limit})
            answer["cited"] = await self._cited(answer)
            answer["cite"] = dataset_text(answer["dataset_version"])
            found: dict[str, Any] = shortening.known(answer)
            length = len(shortening.as_text(found))
            if chosen or length <= shortening.SHORT:
                break
        if length > (most := shortening.MOST_CHARACTERS):
            raise InputError(
                f"the answer has {length:,} characters and {most:,} are allowed; ask for fewer "
                "rows (limit) or fewer fields"
            )
        return found

    async def _get(
        self, route: str, query: Mapping[str, Any], posted: bool = False
    ) -> dict[str, Any]:
        """Return the answer of a route to a query, or to a body, with the dataset version.

        Raises:
            InputError: the service refuses the query.
            NotFoundError: it does not hold what was named.
        """
        rest = dict(query)
        path = re.sub(r"{(\w+)}", lambda name: quote(str(rest.pop(name[1])), safe=""), route)
        try:
            asked: Any = {"json": rest} if posted else {"params": rest}
            response = await self._http.request("POST" if posted else "GET", API + path, **asked)
        except httpx.InvalidURL as long:
            raise InputError("the arguments are too long; give fewer or shorter values") from long
        if response.is_error:
            error = NotFoundError if response.status_code == 404 else InputError
            raise error(response.json()["detail"])
        found: dict[str, Any] = response.json()
        return {**found, "dataset_version": response.headers["X-Dataset-Version"]}

    async def search(self, name: str, given: dict[str, Any]) -> dict[str, Any]:
        """Return rows of a collection, and the call for the next ones."""
        limit = limit_in(given)
        page = await self._get(self._tools[name].route, {**given, "limit": limit})
        rows, cursor = page.pop("data"), page.pop("next_cursor")
        return {**page, "rows": rows, "more": self._more(name, given, cursor)}

    def _more(
        self, name: str, given: Mapping[str, Any], cursor: str | None
    ) -> dict[str, Any] | None:
        """Return the call that gives the next rows; None if there are none."""
        arguments = {self._tools[name].shown(each): value for each, value in given.items()}
        return {"tool": name, "arguments": {**arguments, "cursor": cursor}} if cursor else None

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
        facts = await self._get(self._tools[name].route, {"key": given["key"]})
        if "formula" not in facts:  # another route
            raise NotFoundError(f"compositions holds no {given['key']!r}")
        version, formula = facts.pop("dataset_version"), facts["formula"]
        limit = {"limit": limit_in(given)}
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
        asked = {**given, "limit": limit_in(given)}
        if "explain" in given:
            asked = {each: given[each] for each in given.keys() - {*_PAGING, "explain"}}
        ranking = await self._get(self._tools[name].route, asked)
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
            "candidates": [shortening.candidate(each) for each in candidates],
            "more": self._more(name, asked, cursor),
        }

    async def compute(self, name: str, given: dict[str, Any]) -> dict[str, Any]:
        """Return the result of an operation, with the sources of radii in it.

        Of its lists, ``limit`` elements are returned, and ``left_out`` has the number of others.
        """
        limit = limit_in(given)
        asked = {each: given[each] for each in given.keys() - {"limit"}}
        left_out: dict[str, int] = {}
        whole = await self._get(self._tools[name].route, asked, self._tools[name].posted)
        found: dict[str, Any] = shortening.lists(whole, limit, "", left_out)
        found["left_out"] = left_out or None
        if radii := re.findall(r"\w+", found.get("radii_source", "")):
            found["sources"] = {key: sources()[key] for key in radii if key in sources()}
        return found

    async def _cited(self, answer: dict[str, Any]) -> dict[str, str]:
        """Return the references that an answer cites, as text by their keys."""
        keys = [*dict.fromkeys(shortening.cited_keys(answer))]
        cited = {}
        for start in range(0, len(keys), _KEYS):
            query = {"key": ",".join(keys[start : start + _KEYS]), "limit": _KEYS}
            for found in (await self._get("/references", query))["data"]:
                row = ReferencesRow.model_validate(found)
                doi = row.doi or row.doi_seen
                cited[row.key] = f"{reference_text(row)} {doi_address(doi) if doi else ''}".strip()
        return cited
