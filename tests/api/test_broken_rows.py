"""Broken and hostile rows in the tables: every page, export and answer stands."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import NoneType
from typing import Any
from urllib.parse import quote

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError
from typer.testing import CliRunner

from pvkdb.cli.app import app as cli
from pvkdb.errors import PvkdbError
from pvkdb.schemas.calculations.migration import NebRequest
from pvkdb.store.database import Store
from pvkdb_api.core.paths import API

from ..pipelines.migration.results import hop_barrier, migration_result_of
from .conftest import Api, serving

MATERIAL = "CsPbBr3"
TIME = "2026-01-01 00:00:00.000000"
RESULT = migration_result_of("CsPbBr3", hop_barrier(0.3)).model_dump(mode="json")
PARAMETERS = NebRequest(formula="CsPbBr3", phase="Pnma", defect="V_Br").model_dump(mode="json")
#: An accuracy.
OVER = {"mean": 0.9, "spread": 0.0, "seeds": []}
KINDS = (
    *("neb", "md", "relax", "element", "vacancy", "estimate", "simulation", "examine"),
    *("dft-scf", "dft-path", "dft-hop", "dft-neb", "dft-after", "<?>"),
)
#: Texts that no text of the store should be.
ODD = ("", "\x01\x1b[2J\x85", "'\"<script>alert(1)</script>", "=1+1", "‮\ufeff", "é" * 5000, "a\nb")
#: What stands in a JSON column where an object belongs.
NO_OBJECTS = ("[]", "{}", '"text"', "1", "true", "null", "[[[]]]", "[" * 300 + "]" * 300)
#: What SQLite keeps and no JSON is.
NO_JSON = ("not json", "", '{"e_a_ev": NaN}', '{"e_a_ev": -Infinity}', '{"a": ' * 2000)
#: What stands where a number, a text or a list belongs.
WRONG = ([], {}, "text", -1, True, None, [None], [[1, "a"]], {"a": [{}]}, 10**400, "\ud800\u0000")


def wrong_in(whole: dict[str, Any]) -> Iterator[str]:
    """A JSON object with one field missing, or of the wrong type or size, each kind in turn."""
    for place, name in enumerate(whole):
        yield json.dumps({key: value for key, value in whole.items() if key != name})
        for step in range(3):
            yield json.dumps({**whole, name: WRONG[(3 * place + step) % len(WRONG)]})
        yield json.dumps({**whole, name: "HUGE"}).replace('"HUGE"', "1e999")


def add(connection: Connection, table: str, **values: Any) -> str | None:
    """Insert a row and return its id; None where the database itself refuses it."""
    names = ", ".join(f'"{name}"' for name in values)
    places = ", ".join(f":{name}" for name in values)
    try:
        with connection.begin_nested():
            connection.execute(text(f"INSERT INTO {table} ({names}) VALUES ({places})"), values)
    except (DBAPIError, UnicodeEncodeError):
        return None
    return str(values["id"])


def calculation(connection: Connection, number: int, **values: Any) -> str | None:
    whole = {
        "id": f"broken{number:06d}",
        "key": f"{number:064d}",
        "kind": "neb",
        "material_id": MATERIAL,
        "state": "done",
        "parameters": json.dumps(PARAMETERS),
        "result": json.dumps(RESULT),
        "priority": 0,
        "attempts": 1,
        **dict.fromkeys(("created_at", "started_at", "finished_at"), TIME),
    }
    return add(connection, "calculations", **whole | values)


def broken_calculations() -> Iterator[dict[str, Any]]:
    """Columns of calculations that no version of pvkdb would write."""
    for broken in (*NO_OBJECTS, *NO_JSON):
        for column in ("result", "parameters", "versions"):
            yield {"kind": "neb", column: broken}
    for kind in KINDS:
        yield {"kind": kind, "result": "{}", "parameters": "[]"}
        yield {"kind": kind, "result": json.dumps({"points": [1], "images": {}, "hops": 5})}
    readable = {"task": "training", "device": "d", "result": OVER, "ideal": OVER, "notes": [""]}
    entries = {"task": "training", "device": "d", "behaviours": [{}], "metrics": [{}]}
    for parameters in (*NO_OBJECTS, '{"images": []}'):
        for result in (readable, entries, {**readable, "task": "trainig"}):
            yield {"kind": "examine", "parameters": parameters, "result": json.dumps(result)}
    yield {"result": json.dumps({**RESULT, "hops": []})}
    yield {"result": json.dumps({**RESULT, "dimensionality": 2, "percolation": []})}
    yield {"result": json.dumps({**RESULT, "sites": []})}
    yield {"parameters": json.dumps({**PARAMETERS, "host": {"symbols": 5}})}
    for result in wrong_in(RESULT):
        yield {"result": result}
    for parameters in wrong_in(PARAMETERS):
        yield {"parameters": parameters}
    for odd in ODD:
        yield {"kind": odd, "failure_kind": odd, "failure_message": odd, "state": "failed"}
    for progress in (*NO_OBJECTS, *NO_JSON, '{"stage": 1}'):
        yield {"state": "running", "progress": progress, "owner": "a", "lease_until": TIME}


def put_broken_rows(store: Store) -> dict[str, list[str]]:
    """Write straight into the tables; return the ids by table."""
    found: dict[str, list[str]] = {"calculations": [], "structures": [], "energetics": []}
    with store.engine.begin() as connection:
        for number, values in enumerate(broken_calculations()):
            found["calculations"] += filter(None, [calculation(connection, number, **values)])
        of = {"calculation_id": found["calculations"][0], "material_id": MATERIAL}
        for number, columns in enumerate(broken_structures()):
            odd = str(columns["role"])[:9]
            image = f"broken000000-hop-1-image-{odd}{number}"
            columns["id"] = f"broken-{number}" if number % 3 else image
            found["structures"] += filter(None, [add(connection, "structures", **columns | of)])
        texts = ("defect", "species", "direction", "functional", "conditions", "source")
        fixed = {"quantity": "E_A", "scope": "hop", "approximate": False, "method": "MLIP"}
        for number, odd in enumerate(ODD):
            for value in (1.0, 1e308, float("inf"), float("-inf")):
                ends = {"value_min_ev": value, "value_max_ev": value}
                row = dict.fromkeys(texts, odd) | fixed | ends | {"material_id": MATERIAL}
                row["id"] = f"e{number}{value}{odd[:9]}"
                found["energetics"] += filter(None, [add(connection, "energetics", **row)])
        for number, report in enumerate((b"", b"no gzip", b"\x1f\x8b", None)):
            for counts in (*NO_OBJECTS, *NO_JSON):
                add(
                    connection,
                    "screening_runs",
                    id=len(counts) * 10_000 + number * 100 + ord(counts[:1] or " "),
                    plan=f"{number}{counts[:9]}",
                    report=report,
                    state="done",
                    attempts=1,
                    scheduled=False,
                    **dict.fromkeys(("fire_time", "started_at", "finished_at"), TIME),
                    **dict.fromkeys(("counts", "differences"), counts),
                )
        runs = connection.execute(text("SELECT id FROM screening_runs ORDER BY id LIMIT 40"))
        found["screenings"] = [str(row[0]) for row in runs]
    return found


def broken_structures() -> Iterator[dict[str, Any]]:
    """Columns of structures: shapes that are none, and texts that are odd."""
    shape = {"cell_ang": "[[6,0,0],[0,6,0],[0,0,6]]", "symbols": '["Cs"]',
             "positions_ang": "[[0,0,0]]"}  # fmt: skip
    numbers = ("[1e999]", "[[1e999,0,0],[0,0,0],[0,0,0]]", "[[]]")
    wrong = [{name: each} for name in shape for each in (*NO_OBJECTS, *NO_JSON, *numbers)]
    formulas = ("formula_reduced", "formula_anonymous", "formula_hill")
    for changed, odd in [*((each, "host") for each in ({}, *wrong)), *(({}, odd) for odd in ODD)]:
        yield {
            **dict.fromkeys(("role", "origin", "space_group", *formulas), odd),
            "atoms": 1,
            "nelements": 1,
            "energy_ev": float("inf"),
            "recorded_at": TIME,
            **shape | changed,
        }


def routes(routes_: Any, prefix: str = "") -> Iterator[str]:
    """Every path that answers GET."""
    for route in routes_:
        if hasattr(route, "original_router"):
            yield from routes(route.original_router.routes, prefix)
        elif getattr(route, "routes", None):
            yield from routes(route.routes, prefix + route.path)
        elif "GET" in (getattr(route, "methods", None) or ()):
            yield prefix + route.path


def addresses(api: Api, found: dict[str, list[str]]) -> Iterator[str]:
    """Every GET, with the names of the broken rows in it."""
    given = {
        "application": ["synaptic-training"],
        "formula": ["CsPbBr3"],
        "name": ["energetics"],
        "path": ["x"],
        "file": ["a"],
        "state": ["x"],
        "version": ["v9"],
        "entry_id": [],
        "run": found["screenings"],
        "entry_type": ["structures"],
    }
    of = {
        f"{API}/calculations": "calculations",
        "/jobs": "calculations",
        f"{API}/structures": "structures",
        f"{API}/energetics": "energetics",
        "/optimade/v1/structures": "structures",
        "/optimade/structures": "structures",
        "/screenings": "screenings",
    }
    for path in dict.fromkeys(routes(api.app.routes)):
        start, brace, rest = path.partition("/{")
        if not brace:
            yield path
            continue
        name, _, tail = rest.partition("}")
        name = name.removesuffix(":path")
        names = found[of[start]] if start in of else given.get(name, [MATERIAL])
        for each in names:
            yield f"{start}/{quote(each, safe='')}{tail.replace('{file}', 'a')}"
    for row in found["calculations"][::3]:
        yield f"/compositions/{MATERIAL}?calculation={row}"
    for row in found["structures"]:
        for kind in ("cif", "poscar", "extxyz"):
            yield f"{API}/structures/{quote(row, safe='')}?format={kind}"
    for kind in ("cif", "extxyz", "jsonl"):
        yield f"{API}/structures/file?format={kind}"
    for table in ("calculations", "structures", "energetics", "materials"):
        for kind in ("csv", "json", "jsonl", "parquet"):
            yield f"{API}/export/{table}?format={kind}"
        yield f"{API}/{table}?limit=500"
    for table in ("calculations", "structures", "energetics"):
        yield f"/tables/{table}?material={MATERIAL}"


def test_the_page_of_a_calculation_says_why_its_result_cannot_be_read(sqlite_store: Store) -> None:
    with sqlite_store.engine.begin() as connection:
        name = calculation(connection, 1, result='{"e_a_ev": "high"}')
    (page,) = [
        api.request("GET", f"/jobs/{name}", headers={"Accept": "text/html"}).text
        for api in serving(str(sqlite_store.url))
    ]
    assert "The result in the database cannot be read: formula: Field required" in page
    assert "high" in page


#: OPTIMADE's own status.
VERSION_NOT_SUPPORTED = 553


@pytest.mark.long
def test_no_answer_fails_for_what_stands_in_the_tables(store: Store, api: Api) -> None:
    found = put_broken_rows(store)
    assert min(map(len, found.values())) > 20
    failed: dict[str, str] = {}
    for path in addresses(api, found):
        try:
            answer = api.request("GET", path, headers={"Accept": "text/html, */*"})
        except Exception as error:  # an export breaks off after its first lines
            failed[path] = repr(error)[:300]
            continue
        if answer.status_code >= 500 and answer.status_code != VERSION_NOT_SUPPORTED:
            failed[path] = answer.text[:300]
    assert not failed, f"{len(failed)}: {list(failed.items())[:40]}"


@pytest.mark.long
def test_no_command_fails_for_what_stands_in_the_tables(
    sqlite_store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = put_broken_rows(sqlite_store)
    monkeypatch.setenv("PVKDB_DATABASE_URL", str(sqlite_store.url))
    tables = ("calculations", "structures", "energetics", "materials", "rankings", "tolerance")
    commands = [
        *(["export", table, "--format", kind] for table in tables for kind in ("csv", "jsonl")),
        ["jobs", "list", "--limit", "1000"],
        ["jobs", "list", "--limit", "1000", "--json"],
        ["jobs", "export", str(tmp_path / "file.gz")],
        ["report"],
        ["rank", "synaptic-training"],
        ["rank", "non-volatile-memory", "--subject", "materials"],
        *(["jobs", "show", name] for name in found["calculations"]),
        *(["report", run] for run in found["screenings"]),
    ]
    failed = {}
    for command in commands:
        ended = CliRunner().invoke(cli, command)
        if not isinstance(ended.exception, NoneType | SystemExit | PvkdbError):
            failed[" ".join(command)] = repr(ended.exception)[:300]
    assert not failed, f"{len(failed)}: {list(failed.items())[:40]}"
