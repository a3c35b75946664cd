"""Operations: declared once, the same on every surface, and loaded late."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from operator import attrgetter
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from pvkdb.cli.app import app
from pvkdb.client import Client
from pvkdb.display.numbers import short_number
from pvkdb.errors import AddedError, InputError
from pvkdb.local import open_store
from pvkdb.operations import added, declared, fields_of
from pvkdb.operations.other_packages import load
from pvkdb.store.database import Store
from pvkdb.store.security.keys import create_key
from pvkdb_api.agents import calls
from pvkdb_api.agents.serving import shipped_tools
from pvkdb_api.app import create_app
from pvkdb_api.core.settings import read_settings

from ...programs import module_at

ROOT = Path(__file__).parents[3]
EXAMPLE = ROOT / "docs" / "examples" / "sneak_current"

#: An operation that names models which do not exist.
BROKEN = """
from pvkdb.operations import Operation
texts = dict(summary="Half.", description="An operation without its other half.", path="/half")
names = dict(function="broken:run", request="broken:Request", result="broken:Result")
OPERATIONS = [Operation(name="half", printed="broken:show", **texts, **names)]
"""


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The package of docs/examples, as pip installs it, beside one that is broken twice."""
    project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    (tmp_path / "broken.py").write_text(BROKEN, encoding="utf-8")
    packages = {project["name"]: project["entry-points"]}
    packages["pvkdb-broken"] = {
        "pvkdb.operations": {"half": "broken:OPERATIONS", "gone": "nowhere:OPERATIONS"},
        "pvkdb.tables": {"none": "nowhere:TABLES"},
    }
    for name, points in packages.items():
        about = tmp_path / f"{name.replace('-', '_')}-1.0.dist-info"
        about.mkdir()
        lines = []
        for group, entries in points.items():
            lines += [f"[{group}]", *(f"{each} = {value}" for each, value in entries.items())]
        (about / "entry_points.txt").write_text("\n".join(lines))
        (about / "METADATA").write_text(f"Metadata-Version: 2.4\nName: {name}\nVersion: 1.0\n")
    for folder in (EXAMPLE, tmp_path):
        monkeypatch.syspath_prepend(folder)
    added.cache_clear()
    yield
    added.cache_clear()
    for name in ("sneak_current", "sneak_current.current", "broken"):
        sys.modules.pop(name, None)


@pytest.mark.usefixtures("installed")
def test_an_operation_of_another_package_is_a_command_and_a_broken_one_stops_alone() -> None:
    listed = CliRunner().invoke(app, ["--help"], env={"COLUMNS": "100"})
    added_lines = listed.stdout.partition("Added:")[2]
    assert "sneak-current       Compute the sneak current of an array." in added_lines
    assert "left out: gone of the package pvkdb-broken is broken (ModuleNotFound" in listed.stderr
    assert "sneak_current.current" not in sys.modules  # whose models take long to load
    shown = CliRunner().invoke(app, ["sneak-current", "--help"], env={"COLUMNS": "100"}).output
    assert "--r-lrs-ohm OHM" in shown
    assert "[default: 64]" in shown
    found = CliRunner().invoke(app, ["sneak-current", "--r-lrs-ohm", "1e4", "--json"]).stdout
    # N = 64: R_sneak = R_LRS (2/63 + 1/63²) = 320 ohm.
    assert json.loads(found)["current_a"] == pytest.approx(0.2 / 320.0, rel=1e-3)
    refused = CliRunner().invoke(app, ["sneak-current", "--r-lrs-ohm", "1e4", "--size", "1"])
    assert isinstance(refused.exception, InputError)
    assert str(refused.exception).startswith("--size = 1: ")
    half = CliRunner().invoke(app, ["half"]).exception
    assert isinstance(half, AddedError)
    assert "half of the package pvkdb-broken is broken (AttributeError" in str(half)


@pytest.mark.usefixtures("installed")
def test_and_a_route_a_method_a_page_and_a_tool_on_this_machine_until_a_key_has_the_scope(
    loaded_sqlite: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "store.sqlite"
    shutil.copy(loaded_sqlite, path)
    with Store(f"sqlite:///{path}").session() as session:
        keys = [create_key(session, scope, [scope]).key for scope in ("read", "queue")]
    with caplog.at_level("ERROR", "pvkdb_api"), open_store(f"sqlite:///{path}") as local:
        assert local.call("sneak_current", r_lrs_ohm=1e4, size=2).current_a == 0.2 / 3e4
        for name in ("half", "gone"):
            assert f"left out: {name} of the package pvkdb-broken" in caplog.text
        with pytest.raises(InputError, match="size"):
            local.call("sneak_current", r_lrs_ohm=1e4, size=1)
    service = create_app(f"sqlite:///{path}", read_settings(rate_per_minute=0))
    address = "/api/v1/crossbar/sneak-current"
    route = service.openapi()["paths"][address]["get"]
    size = next(each for each in route["parameters"] if each["name"] == "size")
    assert (size["schema"]["maximum"], size["schema"]["default"]) == (10_000, 64)

    page = "/operations/sneak_current?r_lrs_ohm=1e4&size=2"

    async def answers(host: str, name: str, *asked: tuple[str, str]) -> list[httpx.Response]:
        transport = httpx.ASGITransport(service, client=(host, 123))
        async with httpx.AsyncClient(transport=transport, base_url=f"http://{name}") as client:
            headers = [{"X-API-Key": key, "Accept": "text/html"} for _, key in asked]
            return [
                await client.get(path, headers={n: v for n, v in each.items() if v})
                for (path, _), each in zip(asked, headers, strict=True)
            ]

    for path in (f"{address}?r_lrs_ohm=1e4", page):
        asked = [(path, key) for key in ("", *keys)]
        found = asyncio.run(answers("203.0.113.5", "a.example", *asked))
        assert [each.status_code for each in found] == [401, 403, 200]
    shown, refused, half, listed = asyncio.run(
        answers(
            *("127.0.0.1", "localhost", (page, ""), (page.replace("size=2", "size=1"), "")),
            *(("/operations/half", ""), ("/docs", "")),
        )
    )
    assert f"<td>{short_number(0.2 / 3e4)}</td><td>In A.</td>" in shown.text
    assert "N of the N × N array." in shown.text
    assert (refused.status_code, "size = &#39;1&#39;" in refused.text) == (422, True)
    assert (half.status_code, "half of the package pvkdb-broken is" in half.text) == (500, True)
    assert 'href="/operations/sneak_current"' in listed.text
    agents = module_at(ROOT / "api" / "pvkdb_api" / "agents" / "tools.py", "agents_again")
    assert shipped_tools() is None  # the file has those of pvkdb alone
    agent = agents.Agent(service, agents.TOOLS, calls.listed(service, agents.TOOLS))
    assert "sneak_current" in {tool.name for tool in agent.listed}
    with pytest.raises(InputError, match="no tool 'half'"):
        asyncio.run(agent.call("half", {}))
    assert "current_a" in asyncio.run(agent.call("sneak_current", {"r_lrs_ohm": 1e4}))
    service.state.served.store.close()


#: What users do with a table of another package, in a process that has it from the start.
WITH_A_TABLE = """
import logging, sys
from fastapi.testclient import TestClient
from typer.testing import CliRunner
from pvkdb.cli.app import app
from pvkdb.local import open_store
from pvkdb_api.app import create_app
logging.basicConfig(level="ERROR")
with open_store(sys.argv[1]) as local:
    (found,) = local.table("sneak_sizes").search(size=64)
    assert (found.array, local.table("sneak_sizes").count(q="64")) == ("64 × 64", 1), found
    assert local.table("sneak_sizes").search(sort="-of_r_lrs")[0].size == 2
pages = TestClient(create_app(sys.argv[1]), base_url="http://localhost")
print(pages.get("/tables/sneak_sizes").text, pages.get("/dictionary").text)
command = ["export", "sneak_sizes", "--where", "size=2", "--database", sys.argv[1]]
print(CliRunner().invoke(app, command).output)
"""


@pytest.mark.slow
@pytest.mark.usefixtures("installed")
def test_a_table_of_another_package_is_listed_exported_and_shown(sqlite_store: Store) -> None:
    command = [sys.executable, "-c", WITH_A_TABLE, str(sqlite_store.url)]
    paths = {"PYTHONPATH": os.pathsep.join(sys.path)}
    ran = subprocess.run(command, env=os.environ | paths, capture_output=True, text=True)
    assert not ran.returncode, ran.stderr
    assert "array,size,of_r_lrs\n2 × 2,2,3\n" in ran.stdout
    assert "R_sneak as a multiple of R_LRS" in ran.stdout.partition("array,size")[0]
    assert "left out: none of the package pvkdb-broken is broken (ModuleNotFound" in ran.stderr


def test_the_methods_of_the_clients_are_those_of_the_declarations() -> None:
    generator = module_at(ROOT / "docs" / "reference" / "client_methods.py", "client_methods")
    made = "python docs/reference/client_methods.py"
    assert generator.FILE.read_text(encoding="utf-8") == generator.render(), f"run {made}"


def test_what_a_declaration_names_exists() -> None:
    for operation in declared().values():
        names = {operation.function, operation.printed, operation.failure, operation.request}
        names |= {operation.queued.result if operation.queued else operation.result}
        names |= {operation.plot and operation.plot[0]}
        assert all(load(name) is not None for name in names if name)
        if operation.method:
            assert attrgetter(operation.method)(Client("http://localhost"))
        command = operation.command_name.split()[0]
        # Without a command, or with one that does more.
        without = operation.name in ("relaxation", "vacancies", "equation_of_state")
        assert without != (command in {each.name for each in app.registered_commands})
        model = operation.request_model()
        for name, field in ({} if model is None else fields_of(model)).items():
            assert field.description, name
            assert field.examples or operation.queued, (
                name
            )  # of a body, docs/reference/openapi.py has one
