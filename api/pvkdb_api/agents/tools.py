"""The tools for language models: which routes they ask, and what they are for."""

from __future__ import annotations

from typing import Any

from pvkdb.operations import declared
from pvkdb_api.agents.arguments import LIMIT
from pvkdb_api.agents.calls import Agent, AgentTool

_LISTED = "Filters are combined; several values of one are separated by commas. "
_OF_LISTS = {
    "limit": {
        **LIMIT["limit"],
        "description": "Elements of each list; `left_out` counts the others. By default as many, "
        "up to 10, as 2,000 tokens hold.",
    }
}
_ROWS_FOUND = {"rows": "array", "more": "object"}
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
        {**LIMIT, "key": {"type": "string", "description": "Formula, e.g. CsPbBr3 or MAPbI3."}},
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
        {**LIMIT, **_RANKING},
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
