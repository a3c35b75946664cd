"""Tools for language models, called by the client of the official SDK."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sqlite3
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from concurrent.futures import Future
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from mcp import Client, MCPError, StdioServerParameters
from mcp.client.stdio import stdio_client

from pvkdb.literature.loader import dataset_version
from pvkdb_api.agents import mcp_server
from pvkdb_api.agents.arguments import MOST_ROWS
from pvkdb_api.agents.calls import Agent, listed
from pvkdb_api.agents.shortening import LONGEST_ERROR, MOST_CHARACTERS, SHORT
from pvkdb_api.agents.tools import TOOLS
from pvkdb_api.app import create_app

from ..each import for_each
from ..programs import module_at
from ..structures import CIF
from .conftest import OWN_MACHINE

ROOT = Path(__file__).parents[2]

#: One call of each tool, and a text of its answer.
CALLS: dict[str, tuple[dict[str, Any], str]] = {
    "search_compositions": ({"has": "devices", "lead_free": True}, "Cs2SnI6"),
    "search_devices": ({"formula": "CsPbBr3", "limit": "10"}, "Ag/CsPbBr3/Ag"),
    "search_energies": ({"formula": ["CsPbBr3"], "max_ev": "0.3"}, '"quantity": "E_A"'),
    "composition": ({"formula": "CH3NH3PbI3"}, '"formula": "MAPbI3"'),
    "rank": ({"application": "selector", "limit": 2, "samples": 1}, '"verdicts"'),
    "tolerance": ({"formula": "CsPbBr3"}, "10.1107/S0567739476001551"),
    "compare": ({"formula": ["CsPbBr3", "MAPbI3"]}, '"answer"'),
    "series": ({"changed": "top electrode"}, "from Ag to Au"),
    "crossbar": ({"device": "d-t4-r01", "size": 4}, '"exact"'),
    "device_arrays": ({}, '"size_best_pull_up"'),
    "kinetics": ({"formula": "MAPbI3"}, '"switching time"'),
    "tolerances": ({"formula": ["CsPbBr3", "CsPbO3"]}, '"problem"'),
    "similar_structures": ({"cif": CIF}, '"verdict": "new"'),
    "search_references": ({"q": "memristor", "limit": 2}, "@article{r15"),
    "changes": ({"since": dataset_version()}, '"dataset_version"'),
}

Ask = Callable[..., tuple[bool, str]]


def agent_for(app: FastAPI) -> Future[Agent]:
    """An agent that is made already."""
    made: Future[Agent] = Future()
    made.set_result(Agent(app, TOOLS, listed(app, TOOLS)))
    return made


@pytest.fixture(scope="module")
def ask(loaded_sqlite: Path) -> Iterator[Ask]:
    """Calls a tool of a server in this process: whether it failed, and the text of its answer."""
    app = create_app(f"sqlite:///{loaded_sqlite}", OWN_MACHINE)
    server = mcp_server(agent_for(app))

    def call(tool: str, **arguments: Any) -> tuple[bool, str]:
        async def once() -> Any:
            # As clients did before the protocol of 2026; the test over stdio uses the newest.
            async with Client(server, mode="legacy") as client:
                return await client.call_tool(tool, arguments)

        answer = asyncio.run(once())
        (content,) = answer.content
        assert answer.is_error or answer.structured_content == json.loads(content.text)
        return answer.is_error, content.text

    yield call
    app.state.served.store.close()


def rows(answer: tuple[bool, str]) -> dict[str, Any]:
    failed, text = answer
    assert not failed, text
    document: dict[str, Any] = json.loads(text)
    return document


def test_the_call_for_more_gives_the_next_rows_until_there_are_none(ask: Ask) -> None:
    found = rows(ask("search_devices", absorber="CsPbBr3", limit=4, fields="id"))
    seen = [row["id"] for row in found["rows"]]
    while more := found.get("more"):
        found = rows(ask(more["tool"], **more["arguments"]))
        seen += [row["id"] for row in found["rows"]]
    assert len(seen) == len(set(seen)) == found["total"] > 4


def test_an_answer_has_sources_and_version_and_leaves_out_what_is_not_known(ask: Ask) -> None:
    found = rows(ask("search_devices", id="d-t4-r08"))
    (device,) = found["rows"]
    assert device["source"] == "Table 4 row 8"
    assert found["cited"].keys() == {device["references"]}
    assert "erratum" in device  # doubts travel with the value
    assert "stability_days" not in device  # not reported
    assert found["dataset_version"] in found["cite"]


@pytest.mark.slow
def test_a_candidate_of_a_ranking_is_explained_with_its_evidence(ask: Ask) -> None:
    found = rows(ask("rank", application="selector", samples=1, limit=1))
    (second,) = rows(ask("rank", **found["more"]["arguments"]))["candidates"]
    assert second["id"] != found["candidates"][0]["id"]
    explained = rows(ask("rank", application="selector", samples=1, explain=second["id"]))
    (candidate,) = explained["candidates"]
    reasons = {each["metric"]: each["reason"] for each in candidate["criteria"]}
    assert reasons.keys() == second["verdicts"].keys()
    assert all(reasons.values())
    for unknown in ("no", 5):
        failed, text = ask("rank", application="selector", samples=1, explain=unknown)
        assert failed
        assert f"no candidate '{unknown}'" in text


@for_each(
    ("tool", "arguments", "words"),
    [
        ("tolerances", {"formulas": "CsPbI3"}, "formulas"),
        ("similar_structures", {"cif": "data_x"}, "no structure as CIF"),
        ("drop", {}, "there is no tool 'drop'"),
        ("tolerance", {}, "tolerance needs 'formula'"),
        ("search_devices", {"lmit": 3}, "did you mean 'limit'"),
        ("search_devices", {"limit": 10**30}, "the number is too large"),
        ("search_devices", {"limit": 0}, f"from 1 to {MOST_ROWS}"),
        ("search_devices", {"limit": "ten"}, "whole number"),
        ("search_devices", {"limit": True}, "whole number"),
        ("search_devices", {"on_off_ratio_min": "abc"}, "valid number"),
        ("search_devices", {"absorber": {"$ne": 1}}, "cannot be a dict"),
        ("search_devices", {"absorber": [["CsPbBr3"]]}, "cannot be a list"),
        ("search_devices", {"absorber": "a\x1b[31m"}, "control character"),
        ("search_devices", {"absorber": "\x00"}, "control character"),
        ("search_devices", {"absorber": "x" * 100_000}, "too long"),
        ("search_devices", {"absorber": ["CsPbBr3"] * 20_000}, "too long"),
        ("search_devices", {"q": "\U0001f600" * 8_000}, "too long"),
        ("search_devices", {"absorber": "x" * 9_000}, "at most 8000 characters"),
        ("search_devices", {"fields": "secret"}, "there is no field 'secret'"),
        ("search_devices", {"sort": "id; DROP TABLE devices"}, "to sort by"),
        ("search_energies", {"cursor": "AAAA"}, "cursor cannot be read"),
        ("tolerance", {"formula": "'; DROP TABLE devices; --"}, "neither an element nor an ion"),
        ("tolerance", {"formula": "../devices"}, "without '/'"),
        ("tolerance", {"formula": ".."}, "without '/'"),
        ("tolerance", {"formula": 5}, "'5'"),
        ("composition", {"key": 1.5}, "holds no '1.5'"),
        ("composition", {"key": "fields"}, "holds no 'fields'"),
        ("composition", {"formula": "CsPbF3"}, "holds no 'CsPbF3'"),
        ("composition", {}, "composition needs 'formula'"),
        ("rank", {"application": 7}, "no application '7'"),
        ("rank", {"application": "synaptic"}, "did you mean 'synaptic-training'"),
        ("rank", {"application": "selector/profile"}, "without '/'"),
        ("rank", {"application": "selector", "sheet": "pdf"}, "no argument of rank 'sheet'"),
        ("rank", {"application": "selector", "samples": 10**9}, "samples"),
    ],
)
def test_a_hostile_argument_gets_a_clear_error(
    tool: str, arguments: dict[str, Any], words: str, ask: Ask
) -> None:
    failed, text = ask(tool, **arguments)
    assert failed
    assert words in text
    assert len(text) <= LONGEST_ERROR


def test_the_largest_answers_stay_within_the_bound(ask: Ask) -> None:
    for tool in ("search_compositions", "search_devices", "search_energies", "search_references"):
        found = ask(tool, limit=MOST_ROWS)
        assert found[0] is False
        assert len(found[1]) <= MOST_CHARACTERS


@pytest.mark.parametrize("tool", sorted(CALLS.keys() - {"rank", "compare"}))
def test_an_answer_is_short_unless_its_size_is_chosen(tool: str, ask: Ask) -> None:
    arguments = {name: value for name, value in CALLS[tool][0].items() if name != "limit"}
    found = rows(ask(tool, **arguments))
    assert len(json.dumps(found, ensure_ascii=False)) <= SHORT
    if more := found.get("more"):
        assert rows(ask(more["tool"], **more["arguments"])) != found


def test_the_shipped_tools_are_those_of_the_service_in_less_than_20_kb() -> None:
    """They are listed at once, while the service is still imported."""

    async def shipped() -> list[dict[str, Any]]:
        async with Client(mcp_server(Future())) as client:
            tools = (await client.list_tools()).tools
        return [each.model_dump(mode="json", by_alias=True, exclude_none=True) for each in tools]

    tools = asyncio.run(shipped())
    writer = module_at(ROOT / "docs" / "reference" / "agent_tools.py")
    assert tools == json.loads(writer.render()), "run: python docs/reference/agent_tools.py"
    sent = (json.dumps(each, ensure_ascii=False, separators=(",", ":")) for each in tools)
    assert sum(len(each.encode()) for each in sent) <= 20_000


def test_a_material_is_a_resource_and_the_main_questions_are_prompts(loaded_sqlite: Path) -> None:
    app = create_app(f"sqlite:///{loaded_sqlite}", OWN_MACHINE)

    async def use() -> None:
        async with Client(mcp_server(agent_for(app))) as client:
            first = (await client.list_resources()).resources[0]
            read: Any = await client.read_resource(first.uri)
            assert json.loads(read.contents[0].text)["composition"]["formula"] == first.name
            (template,) = (await client.list_resource_templates()).resource_templates
            assert template.uri_template == "pvkdb://materials/{formula}"
            for uri, words in (
                ("pvkdb://materials/CsPbF3", "CsPbF3"),
                ("file:///x", "no resource"),
            ):
                with pytest.raises(MCPError, match=words):
                    await client.read_resource(uri)
            for prompt in (await client.list_prompts()).prompts:
                given = {each.name: "CsPbBr3" for each in prompt.arguments or ()}
                shown: Any = await client.get_prompt(prompt.name, given)
                named = re.findall(r"`(\w+)`", shown.messages[0].content.text)
                assert TOOLS.keys() & {*named}
                with pytest.raises(MCPError, match="needs"):
                    await client.get_prompt(prompt.name, {})

    run(use())
    app.state.served.store.close()


@asynccontextmanager
async def started(database: str, folder: Path) -> AsyncIterator[Client]:
    """The SDK's client of ``pvkdb mcp`` in a process of its own."""
    command = StdioServerParameters(
        command=sys.executable,
        args=["-m", "pvkdb", "mcp", "--database", database],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        cwd=folder,
    )
    with (folder / "errors.txt").open("w") as errors:
        async with Client(stdio_client(command, errlog=errors)) as client:
            yield client


def run(task: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(task, 300))


def rows_of(path: Path) -> list[str]:
    """All rows of a store, but for the rankings that it keeps."""
    with closing(sqlite3.connect(path)) as store:
        return [line for line in store.iterdump() if "kept_results" not in line]


@pytest.mark.slow
def test_a_client_lists_and_calls_every_tool_and_nothing_is_written(medium: Path) -> None:
    path = medium / "loaded.sqlite"
    before = rows_of(path)

    async def use() -> None:
        async with started(f"sqlite:///{path}", medium) as client:
            offered = {tool.name: tool for tool in (await client.list_tools()).tools}
            assert offered.keys() == TOOLS.keys() == {*CALLS, "hull"}  # needs computed results
            for name, tool in offered.items():
                assert tool.annotations is not None
                assert tool.annotations.read_only_hint
                assert tool.input_schema["properties"].keys() >= CALLS.get(name, ({},))[0].keys()
            for name, (arguments, words) in CALLS.items():
                answer: Any = await client.call_tool(name, arguments)
                assert not answer.is_error, answer
                assert words in answer.content[0].text
                assert "limit" in arguments or len(answer.content[0].text) <= SHORT
                assert answer.structured_content == json.loads(answer.content[0].text)
                assert '"dataset_version": "review2026-' in answer.content[0].text
            refused: Any = await client.call_tool("tolerance", {"formula": "\x1b]0;x\x07"})
            assert refused.is_error  # and the server goes on
            assert not (await client.call_tool("tolerance", {"formula": "CsPbI3"})).is_error

    run(use())
    assert rows_of(path) == before
    said = (medium / "errors.txt").read_text(encoding="utf-8").split()  # wrapped by its length
    assert "over MCP" in " ".join(said)
