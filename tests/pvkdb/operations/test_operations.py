"""Operations: declared once, the same on every surface, and loaded late."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest
from typer import Typer
from typer.testing import CliRunner

from pvkdb.cli.app import app
from pvkdb.cli.operations import settings_of
from pvkdb.client import Client
from pvkdb.errors import InputError
from pvkdb.operations import declared, fields_of, load
from pvkdb_api.app import create_app
from pvkdb_api.core.settings import read_settings
from pvkdb_api.rest.operations import router_of

ROOT = Path(__file__).parents[3]


def module_at(path: Path, name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def example() -> Iterator[Any]:
    """The operation of one file that CONTRIBUTING.md shows."""
    name = "sneak_current"
    yield module_at(Path(__file__).with_name("sneak_current.py"), name).OPERATIONS[0]
    del sys.modules[name]


def test_a_file_with_an_operation_is_a_command(example: Any) -> None:
    alone = Typer(rich_markup_mode=None)
    alone.command(example.command_name, **settings_of(example))(lambda: None)
    shown = CliRunner().invoke(alone, ["--help"], env={"COLUMNS": "100"}).output
    assert "Usage: sneak-current" in shown
    assert "--r-lrs-ohm OHM" in shown
    assert "[default: 64]" in shown
    found = CliRunner().invoke(alone, ["--r-lrs-ohm", "1e4", "--json"]).stdout
    # N = 64: R_sneak = R_LRS (2/63 + 1/63²) = 320 ohm.
    assert json.loads(found)["current_a"] == pytest.approx(0.2 / 320.0, rel=1e-3)
    refused = CliRunner().invoke(alone, ["--r-lrs-ohm", "1e4", "--size", "1"])
    assert isinstance(refused.exception, InputError)
    assert str(refused.exception).startswith("--size = 1: ")


def test_and_a_route_with_its_description(example: Any, loaded_sqlite: Path) -> None:
    service = create_app(f"sqlite:///{loaded_sqlite}", read_settings(rate_per_minute=0))
    service.include_router(router_of([example]))
    path = f"/api/v1{example.path}"
    route = service.openapi()["paths"][path]["get"]
    assert route["operationId"] == "get_sneak_current"
    size = next(each for each in route["parameters"] if each["name"] == "size")
    assert (size["schema"]["maximum"], size["schema"]["default"]) == (10_000, 64)
    assert route["summary"] == "Compute the sneak current of an array"

    async def ask(query: str) -> Any:
        transport = httpx.ASGITransport(service, client=("127.0.0.1", 123))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            return (await client.get(f"{path}?{query}")).json()

    assert asyncio.run(ask("r_lrs_ohm=1e4&size=2"))["current_a"] == pytest.approx(0.2 / 3e4)
    assert asyncio.run(ask("r_lrs_ohm=1e4&size=1"))["parameter"] == "size"
    service.state.served.store.close()


def test_the_methods_of_the_clients_are_those_of_the_declarations() -> None:
    generator = module_at(ROOT / "docs" / "reference" / "client_methods.py", "client_methods")
    made = "python docs/reference/client_methods.py"
    assert generator.FILE.read_text(encoding="utf-8") == generator.render(), f"run {made}"


def test_what_a_declaration_names_exists() -> None:
    for operation in declared().values():
        queued = operation.queued
        names = {operation.function, queued.result if queued else operation.result}
        names |= {operation.printed} - {""}
        names |= {operation.request} if operation.request else set()
        names |= {operation.plot[0]} if operation.plot else set()
        assert all(load(name) is not None for name in names)
        if operation.method:
            part, _, method = operation.method.partition(".")
            assert hasattr(getattr(Client("http://localhost"), part), method)
        command = operation.command_name.split()[0]
        assert command in {each.name for each in app.registered_commands}
        model = operation.request_model()
        for name, field in ({} if model is None else fields_of(model)).items():
            assert field.description, name
            assert field.examples or queued, name  # of a body, docs/reference/openapi.py has one


def test_the_list_of_commands_needs_the_base_install_and_no_models() -> None:
    """Pydantic would take longer than everything else; the help of one command may have it."""
    script = (
        "import sys; sys.modules.update(dict.fromkeys(('numpy', 'scipy', 'sqlalchemy')));"
        "from pvkdb.cli.app import app; from typer.testing import CliRunner;"
        "assert CliRunner().invoke(app, ['--help']).exit_code == 0;"
        "assert 'pydantic' not in sys.modules;"
        "shown = [CliRunner().invoke(app, [name, '--help']) for name in ('kinetics', 'crossbar')];"
        "assert not any(each.exit_code for each in shown), shown"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
