"""The MCP server: tools, resources and prompts, on standard input and output.

Protocol: https://modelcontextprotocol.io
"""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import Future, ThreadPoolExecutor
from importlib.resources import files
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import mcp_types as types
from mcp import MCPError
from mcp.server import Server, ServerRequestContext
from mcp.server.stdio import stdio_server

from pvkdb._version import __version__
from pvkdb.errors import InputError, PvkdbError, unknown_name
from pvkdb.operations import added
from pvkdb_api.agents.shortening import LONGEST_ERROR, as_text

if TYPE_CHECKING:
    from pvkdb_api.agents.calls import Agent

INSTRUCTIONS = """\
pvkdb: halide perovskites for memristors. Reported values come from papers, computed ones from \
calculations; they are never mixed. A field that is missing in an answer is not known: do not fill \
it. `references` of a row are keys; `cited` has their text. `source` names the place in the paper, \
or the calculation; `erratum` doubts the print. `more` is the call for the next rows. Quote values \
with their unit, source and reference, and cite the dataset with `cite`."""

_MATERIALS, _JSON = "pvkdb://materials/", "application/json"
_MATERIAL = types.ResourceTemplate(
    name="material",
    uri_template=f"{_MATERIALS}{{formula}}",
    description="Facts, phases, energies and devices of a composition, e.g. CsPbBr3, as JSON.",
    mime_type=_JSON,
)
_CITE = "Quote each value with its unit, source and reference, and cite the dataset."
#: The two main questions: description, arguments with their meanings, and text.
_PROMPTS: dict[str, tuple[str, dict[str, str], str]] = {
    "which_for": (
        "Which device or composition is the best choice for an application",
        {"application": "Name, e.g. synaptic-training.", "subject": "devices or materials."},
        "Which of the {subject} is the best choice for {application}? Call `rank` with this "
        "application and subject, then with `explain` for the first two. Begin with the answer in "
        "one sentence. Then say its score with the interval, how often it stays first (`first`), "
        "what each criterion rests on, what fails or is not known, and what would change the "
        f"choice. {_CITE}",
    ),
    "evidence_on": (
        "How easily ions move in a composition, and what that rests on",
        {"formula": "Formula, e.g. CsPbBr3."},
        "What is known of {formula}: how easily do its ions move, is it stable, what devices are "
        "made of it? Call `composition`, and `search_energies` for what it leaves out. Keep "
        "experiments, DFT and potentials apart, name those that disagree by more than their "
        f"errors, and say what is not known. {_CITE}",
    ),
}


#: The tools of pvkdb, as ``docs/reference/agent_tools.py`` writes them.
LISTED = "tools.json"


def shipped_tools() -> list[types.Tool] | None:
    """Return the tools at once; None if operations of other packages are tools, too."""
    if any(added()):
        return None
    text = files("pvkdb_api.agents").joinpath(LISTED).read_text(encoding="utf-8")
    return [types.Tool.model_validate(each) for each in json.loads(text)]


def mcp_server(made: Future[Agent]) -> Server[Any]:
    """Return the MCP server of an agent, which may still be made: that takes seconds."""

    async def call(name: str, arguments: dict[str, Any]) -> dict[str, Any]:
        return await (await asyncio.wrap_future(made)).call(name, arguments)

    async def list_tools(
        context: ServerRequestContext[Any], page: types.PaginatedRequestParams | None
    ) -> types.ListToolsResult:
        listed = shipped_tools() or (await asyncio.wrap_future(made)).listed
        return types.ListToolsResult(tools=[*listed])

    async def call_tool(
        context: ServerRequestContext[Any], asked: types.CallToolRequestParams
    ) -> types.CallToolResult:
        try:
            found = await call(asked.name, asked.arguments or {})
        except PvkdbError as error:
            text = str(error)[:LONGEST_ERROR]
            return types.CallToolResult(content=[types.TextContent(text=text)], is_error=True)
        return types.CallToolResult(
            content=[types.TextContent(text=as_text(found))], structured_content=found
        )

    async def list_resources(
        context: ServerRequestContext[Any], page: types.PaginatedRequestParams | None
    ) -> types.ListResourcesResult:
        known = await call("search_compositions", {"limit": 20, "fields": "formula"})
        found = [
            types.Resource(name=formula, uri=f"{_MATERIALS}{formula}", mime_type=_JSON)
            for formula in (row["formula"] for row in known.get("rows", ()))
        ]
        return types.ListResourcesResult(resources=found)

    async def list_templates(
        context: ServerRequestContext[Any], page: types.PaginatedRequestParams | None
    ) -> types.ListResourceTemplatesResult:
        return types.ListResourceTemplatesResult(resource_templates=[_MATERIAL])

    async def read_resource(
        context: ServerRequestContext[Any], asked: types.ReadResourceRequestParams
    ) -> types.ReadResourceResult:
        uri = str(asked.uri)
        try:
            if not uri.startswith(_MATERIALS):
                raise InputError(f"there is no resource {uri[:60]!r}; see {_MATERIAL.uri_template}")
            formula = unquote(uri.removeprefix(_MATERIALS))
            found = await call("composition", {"formula": formula})
        except PvkdbError as error:
            raise MCPError(types.INVALID_PARAMS, str(error)[:LONGEST_ERROR]) from error
        held = types.TextResourceContents(uri=asked.uri, mime_type=_JSON, text=as_text(found))
        return types.ReadResourceResult(contents=[held])

    async def list_prompts(
        context: ServerRequestContext[Any], page: types.PaginatedRequestParams | None
    ) -> types.ListPromptsResult:
        prompts = []
        for name, (description, arguments, _) in _PROMPTS.items():
            needed = [
                types.PromptArgument(name=each, description=meaning, required=True)
                for each, meaning in arguments.items()
            ]
            prompts.append(types.Prompt(name=name, description=description, arguments=needed))
        return types.ListPromptsResult(prompts=prompts)

    async def get_prompt(
        context: ServerRequestContext[Any], asked: types.GetPromptRequestParams
    ) -> types.GetPromptResult:
        if asked.name not in _PROMPTS:
            reason = unknown_name("prompt", asked.name[:60], _PROMPTS)
            raise MCPError(types.INVALID_PARAMS, reason)
        description, arguments, text = _PROMPTS[asked.name]
        given = asked.arguments or {}
        if missing := [each for each in arguments if not given.get(each)]:
            reason = f"{asked.name} needs {missing[0]!r}: {arguments[missing[0]]}"
            raise MCPError(types.INVALID_PARAMS, reason)
        filled = text.format(**{each: given[each][:200] for each in arguments})
        message = types.PromptMessage(role="user", content=types.TextContent(text=filled))
        return types.GetPromptResult(description=description, messages=[message])

    return Server(
        "pvkdb",
        version=__version__,
        instructions=INSTRUCTIONS,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
        on_list_resources=list_resources,
        on_list_resource_templates=list_templates,
        on_read_resource=read_resource,
        on_list_prompts=list_prompts,
        on_get_prompt=get_prompt,
    )


def agent_of(database_url: str) -> Agent:
    """Return what answers calls from a database."""
    from pvkdb_api.agents.calls import Agent, listed
    from pvkdb_api.agents.tools import TOOLS
    from pvkdb_api.app import create_app
    from pvkdb_api.core.settings import read_settings

    # There is only one caller, who may read and not write.
    settings = read_settings(
        reading="open", allow_local_writes=False, rate_per_minute=0, trusted_hosts=()
    )
    app = create_app(database_url, settings)
    return Agent(app, TOOLS, shipped_tools() or listed(app, TOOLS))


def serve(database_url: str) -> None:
    """Serve the tools on standard input and output, until the input ends."""

    async def run(server: Server[Any]) -> None:
        async with stdio_server() as (reading, writing):
            await server.run(reading, writing, server.create_initialization_options())

    with ThreadPoolExecutor(1) as thread:
        made = thread.submit(agent_of, database_url)
        try:
            asyncio.run(run(mcp_server(made)))
        finally:
            made.result().app.state.served.close()
