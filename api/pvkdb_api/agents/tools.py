"""The tools for language models: which routes they ask, and what they are for."""

from __future__ import annotations

from typing import Any

from pvkdb.operations import Operation, declared
from pvkdb_api.agents.arguments import LIMIT, LONG
from pvkdb_api.agents.calls import Agent, AgentTool

_LISTED = "Filters narrow together; one may have several values with commas."
_RANKING: dict[str, dict[str, Any]] = {
    "explain": {
        "type": "string",
        "description": "Id of one candidate: its values, sources and reasons on each criterion.",
    },
}

#: Parameters of operations that the argument ``formula`` stands for.
_FORMULAS = {"compare": "materials", "tolerances": "formulas"}


def _description(operation: Operation) -> str:
    """Return the summary of an operation, with the next sentence if both are short."""
    both = f"{operation.summary} {operation.description.partition('. ')[0].rstrip('.')}."
    return both if len(both) <= 2 * LONG else operation.summary


TOOLS: dict[str, AgentTool] = {
    "search_compositions": AgentTool(
        "/compositions",
        Agent.search,
        f"Search compositions by ions, energies, stability, tolerance factors. {_LISTED}",
    ),
    "search_devices": AgentTool(
        "/devices",
        Agent.search,
        f"Search reported memristors with their metrics. {_LISTED}",
        formula="absorber",
    ),
    "search_energies": AgentTool(
        "/energetics",
        Agent.search,
        "Search activation energies of ion migration (E_A) and defect formation energies (DFE), "
        f"reported and computed, in eV. {_LISTED}",
        formula="material",
    ),
    "composition": AgentTool(
        "/compositions/{key}",
        Agent.composition,
        "What is known of one composition: facts, phases, energies and devices.",
        {**LIMIT, "key": {"type": "string", "description": "Formula, e.g. CsPbBr3 or MAPbI3."}},
        formula="key",
    ),
    "rank": AgentTool(
        "/rankings/{application}",
        Agent.rank,
        "Rank devices or materials for an application, with verdicts on each criterion; `explain` "
        "has the evidence of one candidate. Takes seconds.",
        {**LIMIT, **_RANKING},
        frozenset({"sheet"}),
        formula="compositions",
    ),
    "search_references": AgentTool(
        "/references",
        Agent.references,
        f"Search the cited publications; text and BibTeX. {_LISTED}",
        without=frozenset({"fields"}),
    ),
} | {
    each.name: AgentTool(
        each.path,
        Agent.compute,
        _description(each),
        posted=each.verb == "POST",
        formula=_FORMULAS.get(each.name, "formula"),
    )
    for each in declared().values()
    if each.queued is None and not each.scope
}
