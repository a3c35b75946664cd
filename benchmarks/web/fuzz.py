"""Random requests with hostile values to every address: no answer may be a 500.

    python benchmarks/web/fuzz.py                          # 20,000 requests to SQLite
    python benchmarks/web/fuzz.py --postgresql --seed 2

A store with the literature, generated rows and broken calculations is served. Each request takes a
route of the OpenAPI description, of OPTIMADE or of the pages, and puts values into its path, query,
headers and body that have broken services before: control characters, halves of surrogate pairs,
numbers beyond every range, formulas of spreadsheets, SQL, other origins and hosts, deep or invalid
JSON, forged cursors. Refusals are right; failures (500, a broken connection) are printed.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
from sqlalchemy import insert

from benchmarks.service import make_store
from benchmarks.serving import SERVE, database_at, serving
from pvkdb.store.database import Store
from pvkdb.store.models.calculations import Calculation
from pvkdb.store.security.keys import create_key

VALUES = (
    *("", " ", "\0", "a\0b", "\x1b[31m", "\n", "ÿ", "\u202e", "𝐂𝐬𝐏𝐛𝐈₃", "Cs" * 500),
    *("∞", "NaN", "-0"),
    *("1e309", "-1", "0", str(2**63), "9" * 400, "1;DROP TABLE devices", "' OR '1'='1", "%", "_"),
    *("../../etc/passwd", "a/b", "a~-b", "%2e%2e", "=1+1", "@SUM(A1)", "CsPbI3", "MAPbI3", "r36"),
    *("V_I", "E_A", "true", "null", "[]", "{}", "<script>", "2026-13-45", "CsPbBr3-Pnma", "c0"),
    *("eyJ2IjoxfQ", "id", "-id", "csv", "parquet", "nelements=", 'x HAS "y"', "((" * 60),
)
HEADERS: tuple[dict[str, str], ...] = (
    {},
    {"Origin": "http://localhost:1"},
    {"Origin": "null"},
    {"Origin": "://"},
    {"Host": "[::1"},
    {"Host": "evil.example:99999"},
    {"Sec-Fetch-Site": "cross-site"},
    {"X-API-Key": "pvkdb_" + "x" * 60},
    {"Authorization": "Bearer \xff"},
    {"If-None-Match": '"' + "x" * 3000 + '"'},
    {"Idempotency-Key": "\x7f" * 20},
    {"Cookie": "pvkdb_key=%00; a=b"},
    {"Content-Type": "text/plain"},
    {"Content-Type": "multipart/form-data; boundary="},
    {"Content-Encoding": "gzip"},
    {"Range": "bytes=9-1,x"},
    {"X-Forwarded-For": "1.2.3.4, nonsense"},
    {"Accept": "x/y;q=z"},
)
PAGES = (
    *("/", "/find", "/compositions", "/compositions/{key}", "/devices", "/devices/{key}"),
    *("/references", "/references/{key}", "/errata", "/dictionary", "/applications"),
    "/applications/{key}",
    *("/crossbar", "/computing", "/computing/{key}", "/screenings", "/screenings/{key}", "/docs"),
    *("/optimade/v1/structures", "/optimade/v1/structures/{key}", "/optimade/v1/references"),
    *("/optimade/v1/info/{key}", "/optimade/versions", "/sign-in", "/static/{key}"),
)
FIELDS = [
    *("filter", "sort", "fields", "cursor", "limit"),
    *("q", "format", "formula", "x", "response_fields"),
]


def bodies(draw: random.Random) -> bytes:
    """Return a body: JSON with hostile values, or something that is no JSON."""
    value: Any = draw.choice(VALUES)
    document = {
        "formula": draw.choice(("CsPbI3", value)),
        "phase": value,
        "defect": draw.choice(("V_I", value)),
        "charge": draw.choice((None, 10**30, -9, 1.5)),
        "settings": {"seed": draw.choice((1, 2**80)), "max_atoms": draw.choice((400, 10**9))},
    }
    text = json.dumps(document)
    return draw.choice(
        (
            text.encode(),
            text.replace("400", "NaN").encode(),
            b'{"formula": "CsPbI3", "formula": "CsPbBr3"}',
            b'{"formula": "\\ud800"}',
            b'{"a":' * 3000 + b"1" + b"}" * 3000,
            b"\xff\xfe{\x00}\x00",
            b"%PDF-1.7 \x00\x01",
            b"energetics:\n- {material: CsPbI3, value: .nan}\n",
            b"",
        )
    )


def parts(address: str) -> list[tuple[str, str, list[str]]]:
    """Return method, path and query parameters of every route."""
    described = httpx.get(f"{address}/openapi.json", timeout=60).json()["paths"]
    found = [
        (
            method.upper(),
            path,
            [each["name"] for each in operation.get("parameters", ()) if each["in"] == "query"],
        )
        for path, operations in described.items()
        for method, operation in operations.items()
    ]
    return found + [("GET", path, FIELDS) for path in PAGES]


def request(
    draw: random.Random, routes: list[tuple[str, str, list[str]]]
) -> tuple[str, dict[str, Any]]:
    """Return the route and the arguments of one request."""
    method, route, parameters = draw.choice(routes)
    path = route
    while "{" in path:
        before, _, behind = path.partition("{")
        path = (
            before
            + quote(str(draw.choice(VALUES)), safe=draw.choice(("", "/")))
            + behind.partition("}")[2]
        )
    if draw.random() < 0.05:
        method = draw.choice(("PUT", "DELETE", "PATCH", "OPTIONS", "HEAD", "POST"))
    chosen = draw.sample(parameters, min(len(parameters), draw.randrange(4)))
    query = "&".join(f"{name}={quote(str(draw.choice(VALUES)))}" for name in chosen)
    headers = dict(draw.choice(HEADERS))
    content = bodies(draw) if method in ("POST", "PUT", "PATCH") else None
    if content is not None:
        headers.setdefault("Content-Type", "application/json")
    encoded = {name: value.encode("latin-1") for name, value in headers.items()}
    arguments = {"method": method, "url": f"{path}?{query}", "headers": encoded}
    return f"{method} {route}", arguments | {"content": content}


def break_rows(url: str) -> None:
    """Add calculations whose parameters and results are not what their kinds have."""
    broken: tuple[Any, ...] = ({}, [], "text", 1e308, {"formula": None}, {"hops": [{}]}, None)
    store = Store(url)
    with store.engine.begin() as connection:
        connection.execute(
            insert(Calculation),
            [
                {
                    "id": f"broken{number}", "key": f"broken{number}", "kind": kind, "priority": 0,
                    "state": "done", "attempts": 1, "parameters": parameters, "result": result,
                }
                for number, (kind, parameters, result) in enumerate(
                    (kind, parameters, result)
                    for kind in ("neb", "relax", "vacancy", "dft-neb", "unknown")
                    for parameters in broken[:-1]
                    for result in broken
                )
            ],
        )  # fmt: skip
    store.close()


def main() -> None:
    """Send the requests, print the statuses and every failure."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--requests", type=int, default=20_000)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--postgresql", action="store_true")
    given = options.parse_args()
    statuses: Counter[str] = Counter()
    failures: list[str] = []
    spent_s: dict[str, float] = defaultdict(float)
    with (
        tempfile.TemporaryDirectory() as folder,
        database_at(Path(folder), given.postgresql) as url,
    ):
        make_store(url, 2_000, 2_000)
        break_rows(url)
        with Store(url).session() as session:
            key = {"X-API-Key": create_key(session, "fuzz", ["admin"]).key}
        settings = {"PVKDB_RATE_PER_MINUTE": "0", "PVKDB_KEY_RATE_PER_MINUTE": "0"}
        with serving([sys.executable, "-c", SERVE, url], environment=settings) as (address, _):
            routes = parts(address)

            def send(seed: int) -> None:
                draw = random.Random(seed)
                with httpx.Client(base_url=address, timeout=60, headers=key) as client:
                    for _ in range(given.requests // 4):
                        route, arguments = request(draw, routes)
                        began = time.monotonic()
                        try:
                            status = str(client.request(**arguments).status_code)
                        except httpx.InvalidURL:
                            status = "400 not sent"
                        except httpx.HTTPError as error:
                            status = type(error).__name__
                        statuses[status] += 1
                        spent_s[route] += time.monotonic() - began
                        busy = status == "503" and "readyz" in route  # which says so
                        if (status in ("500", "502", "503") and not busy) or status[0].isalpha():
                            failures.append(f"{status} {arguments}")

            with ThreadPoolExecutor(4) as threads:
                list(threads.map(send, range(4 * given.seed, 4 * given.seed + 4)))
    print(dict(sorted(statuses.items())))
    longest = sorted(spent_s.items(), key=lambda item: -item[1])[:8]
    print("longest in all:", *(f"{name} {s:.0f} s" for name, s in longest), sep="\n  ")
    for each in failures[:20]:
        print(each[:600])
    if failures:
        sys.exit(f"{len(failures)} of {given.requests:,} requests failed")


if __name__ == "__main__":
    main()
