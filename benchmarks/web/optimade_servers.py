"""The OPTIMADE service beside the reference server of optimade-python-tools, on the same entries.

``python benchmarks/web/optimade_servers.py --optimade-server VENV``: VENV is a virtual environment
of its own with the reference server (``python -m venv VENV; VENV/bin/pip install
'optimade[server]'``); without it nothing is measured. The store holds the literature and structures
made by code, prototypes with their atoms moved at random: nothing in it is data. What ``pvkdb
serve`` answers about all its structures and references becomes the reference server's collection,
so that both hold the same entries; that both answer each query with the same ones is checked.

The reference server keeps its entries in mongomock (in memory, in its own process), the backend
that needs no server of MongoDB; it runs as it comes, and once more without the validation of its
answers. A third one holds only as many structures as a page: what is left there of a request is
the server itself, which a quicker database would not shorten. One process each, and the same
options: uvicorn's own choice of loop and parser, no access log, no gzip.

Exits with 1 where pvkdb does less than twice the requests a second of the quicker reference.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import numpy as np
from sqlalchemy import text

from benchmarks.serving import SERVE, cpu_s, database_at, median_ms, rate, serving
from pvkdb.chemistry import parse_composition
from pvkdb.literature import load_literature
from pvkdb.store.curation.registration import register_material
from pvkdb.store.database import Store
from pvkdb.store.migrate import upgrade
from pvkdb.store.models.structures import Structure
from pvkdb_pipelines.prototypes import build, candidates, compound_of

BAR = 2
PAGE = 100
#: Requests of one client, as many as begin in so many seconds; clients at once.
REPEATS, WITHIN_S, CLIENTS = 24, 5, 4
FORMULAS = [
    *(f"{a}{b}{x}3" for a in ("Cs", "Rb") for b in ("Pb", "Sn", "Ge") for x in ("I", "Br", "Cl")),
    *(f"{a}2{b}{x}6" for a in ("Cs", "Rb") for b in ("Sn", "Te", "AgBi") for x in ("I", "Br")),
    *(f"Cs3{b}2I9" for b in ("Sb", "Bi")),
]
SHORT = "chemical_formula_reduced,elements,nelements,nsites,lattice_vectors"


OURS = "pvkdb"
AS_IT_COMES = "reference"
UNVALIDATED = "reference, answers not validated"
A_PAGE = "the same, 100 structures in all"


#: One client asks for what wrk asks for: answers that are not compressed.
PLAIN = {"Accept-Encoding": "identity"}


@dataclass(frozen=True)
class Served:
    """A server, and the path before ``/v1``."""

    address: str
    process: int
    base: str = ""


@dataclass(frozen=True)
class Query:
    """Some requests of one kind; ``at`` is the offset of the page."""

    name: str
    filters: tuple[str, ...] = ("",)
    sort: str = ""
    fields: str = SHORT
    at: int = 0
    limit: int = PAGE

    def paths(self, base: str) -> list[str]:
        """The requests."""
        given = {
            "sort": self.sort,
            "response_fields": self.fields,
            "page_offset": self.at or "",
            "page_limit": self.limit,
        }
        kept = {name: value for name, value in given.items() if value}
        return [
            f"{base}/v1/structures?{urlencode(kept | ({'filter': each} if each else {}))}"
            for each in self.filters
        ]


def queries(structures: int) -> list[Query]:
    """What both servers are asked."""
    pairs = [(a, x) for a in ("Cs", "Rb") for x in ("I", "Br", "Cl")]
    return [
        Query("first page"),
        Query("first page, all properties", fields=""),
        Query("page at nine tenths of all", sort="id", at=structures * 9 // 10),
        Query("elements HAS ALL", tuple(f'elements HAS ALL "{a}","{x}"' for a, x in pairs)),
        Query("nelements, sorted", ("nelements=3", "nelements=4"), sort="-nsites,id"),
        Query(
            "elements and nelements, sorted",
            tuple(f'elements HAS ALL "{a}","{x}" AND nelements=3' for a, x in pairs),
            sort="chemical_formula_reduced,id",
        ),
        Query(
            "reduced formula",
            tuple(f'chemical_formula_reduced="{x}3{a}Pb"' for a, x in (("Cs", "Br"), ("Rb", "Cl"))),
        ),
        Query(
            "count", tuple(f'elements HAS "{x}"' for x in ("I", "Br", "Cl")), fields="id", limit=1
        ),
    ]


def make_store(url: str, structures: int) -> None:
    """The literature, and prototypes with their atoms moved at random, from a fixed seed."""
    draw = np.random.default_rng(2145)
    store = Store(url)
    upgrade(store)
    with store.session() as session:
        load_literature(session)
        prototypes = []
        for formula in FORMULAS:
            composition = parse_composition(formula)
            compound = compound_of(composition)
            for each in candidates(compound):
                material = register_material(session, composition, each.phase)
                prototypes.append((material, build(compound, each.phase)))
        for number in range(structures):
            material, atoms = prototypes[number % len(prototypes)]
            moved = atoms.positions + draw.normal(0, 0.05, atoms.positions.shape)
            session.add(
                Structure(
                    id=f"bench-{number:06d}",
                    material=material,
                    role="host",
                    origin="benchmarks/web/optimade_servers.py",
                    atoms=len(atoms),
                    cell_ang=np.round(atoms.cell.array, 6).tolist(),
                    symbols=atoms.get_chemical_symbols(),
                    positions_ang=np.round(moved, 6).tolist(),
                )
            )
    with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE" if store.sqlite_path is None else "ANALYZE"))
    store.close()


def entries(served: Served, kind: str) -> Iterator[dict[str, Any]]:
    """All entries of a type that a service of OPTIMADE holds, as it answers them."""
    link = f"{served.address}{served.base}/v1/{kind}?page_limit=500&include="
    with httpx.Client(timeout=60) as client:
        while link:
            page = client.get(link).raise_for_status().json()
            yield from page["data"]
            link = page["links"]["next"]


def own_properties(served: Served) -> list[str]:
    """The properties of structures that pvkdb defines."""
    answer = httpx.get(f"{served.address}{served.base}/v1/info/structures")
    found = answer.raise_for_status().json()
    return [name for name in found["data"]["properties"] if name.startswith("_pvkdb_")]


def write_lines(served: Served, path: Path) -> None:
    """What a service holds, as the JSON lines that the reference server reads."""
    with path.open("w") as lines:
        lines.write(json.dumps({"x-optimade": {"meta": {"api_version": "1.2.0"}}}) + "\n")
        for kind in ("structures", "references"):
            for entry in entries(served, kind):
                lines.write(json.dumps(entry) + "\n")


def write_few(lines: Path, path: Path) -> None:
    """The first page of the structures, and all references."""
    with lines.open() as read, path.open("w") as few:
        kept = 0
        for line in read:
            kept += '"type": "structures"' in line
            if kept <= PAGE or '"type": "references"' in line:
                few.write(line)


def settings_file(folder: Path, lines: Path, own: list[str], validate: bool) -> Path:
    """Settings of the reference server, as a file."""
    path = folder / f"{lines.stem}-{validate}.json"
    settings = {
        "insert_test_data": False,
        "insert_from_jsonl": str(lines),
        "create_default_index": True,
        "database_backend": "mongomock",
        "validate_api_response": validate,
        "provider": {"prefix": "pvkdb", "name": "pvkdb", "description": "benchmark"},
        "provider_fields": {"structures": own},
        "log_dir": str(folder),
        "log_level": "warning",
    }
    path.write_text(json.dumps(settings))
    return path


@contextmanager
def reference(python: Path, settings: Path) -> Iterator[Served]:
    """The reference server; it reads its entries before it listens."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [str(python), "-m", "uvicorn", "optimade.server.main:app", "--port", str(port)]
    command += ["--no-access-log", "--log-level", "warning"]
    environment = {"OPTIMADE_CONFIG_FILE": str(settings), "PYTHONPATH": ""}
    address = f"http://127.0.0.1:{port}"
    with serving(command, address, environment) as (_, process):
        yield Served(address, process)


def measure(served: Served, query: Query, seconds: int) -> dict[str, Any]:
    """What a query costs one client and the server, and how many are answered a second."""
    paths = query.paths(served.base)
    median_ms(paths[:1], served.address, PLAIN)
    asked, end = 0, time.monotonic() + WITHIN_S

    def several() -> Iterator[str]:
        nonlocal asked
        while asked < REPEATS and time.monotonic() < end:
            yield paths[asked % len(paths)]
            asked += 1

    before_s = cpu_s(served.process)
    median, late = median_ms(several(), served.address, PLAIN)
    cpu_ms = 1e3 * (cpu_s(served.process) - before_s) / asked
    per_s, by = rate(served.address, paths, seconds, CLIENTS)
    return {
        "median_ms": round(median, 1),
        "p95_ms": round(late, 1),
        "server_cpu_ms": round(cpu_ms, 1),
        "per_s": per_s,
        "by": by,
    }


def contents(served: Served, asked: list[Query]) -> dict[str, Any]:
    """What a server answers to each request: the number found, and where an order was asked for
    the entries."""
    found = {}
    for query in asked:
        for path in query.paths(""):
            answer = httpx.get(f"{served.address}{served.base}{path}", timeout=60)
            page = answer.raise_for_status().json()
            listed = [(entry["id"], entry["attributes"]) for entry in page["data"]]
            found[path] = (page["meta"]["data_returned"], listed if query.sort else len(listed))
    return found


def require_same(ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    """Refuse to compare servers that answer differently."""
    for path, answer in ours.items():
        if answer != theirs[path]:
            raise SystemExit(f"the servers answer differently to {path}: {answer} {theirs[path]}")


def report(found: dict[str, dict[str, Any]]) -> float:
    """Print what was found; the smallest ratio of requests a second to a reference."""
    ratios: list[float] = []
    for name in found[OURS]:
        print(f"\n{name}")
        for server, queries_of in found.items():
            each = queries_of[name]
            print(
                f"  {server:34} {each['median_ms']:8.1f} ms  {each['server_cpu_ms']:8.1f} ms CPU"
                f"  {each['per_s']:8.2f} /s  {each['by']}"
            )
        per_s = {server: queries_of[name]["per_s"] for server, queries_of in found.items()}
        cpu_ms = {server: queries_of[name]["server_cpu_ms"] for server, queries_of in found.items()}
        both = (AS_IT_COMES, UNVALIDATED)
        ratios.append(per_s[OURS] / max(*(per_s[each] for each in both), 1e-9))
        less = min(cpu_ms[each] for each in both) / cpu_ms[OURS]
        a_page = per_s[OURS] / max(per_s[A_PAGE], 1e-9)
        print(f"  {ratios[-1]:.1f} times the requests, with {less:.1f} times less processor time")
        print(f"  {a_page:.1f} times those of a reference server that holds {PAGE} structures")
    return min(ratios)


def main() -> int:
    """Make a store, serve the same entries by both, measure, compare."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--optimade-server", type=Path, metavar="VENV")
    options.add_argument("--structures", type=int, default=5_000)
    options.add_argument("--seconds", type=int, default=5, help="of several clients, each query")
    options.add_argument("--postgresql", action="store_true", help="on PostgreSQL, not SQLite")
    options.add_argument("--json", type=Path, help="write the figures here too")
    given = options.parse_args()
    if given.optimade_server is None:
        print("skipped: --optimade-server names no environment with the reference server")
        return 0
    python = given.optimade_server / "bin" / "python"
    with (
        tempfile.TemporaryDirectory(prefix="pvkdb-bench-") as temporary,
        database_at(folder := Path(temporary), given.postgresql) as url,
    ):
        make_store(url, given.structures)
        asked = queries(given.structures)
        with ExitStack() as stack:
            begun = stack.enter_context(serving([sys.executable, "-c", SERVE, url]))
            ours = Served(*begun, "/optimade")
            lines, few = folder / "all.jsonl", folder / "page.jsonl"
            own = own_properties(ours)
            write_lines(ours, lines)
            write_few(lines, few)
            servers = {OURS: ours}
            for name, read, validate in (
                (AS_IT_COMES, lines, True),
                (UNVALIDATED, lines, False),
                (A_PAGE, few, False),
            ):
                settings = settings_file(folder, read, own, validate)
                servers[name] = stack.enter_context(reference(python, settings))
            answers = contents(ours, asked)
            for name in (AS_IT_COMES, UNVALIDATED):
                require_same(answers, contents(servers[name], asked))
            # In turns, so that what else the machine does meets all of them.
            found: dict[str, dict[str, Any]] = {name: {} for name in servers}
            for query in asked:
                for name, each in servers.items():
                    found[name][query.name] = measure(each, query, given.seconds)
    print(f"{given.structures} structures, {CLIENTS} clients, load {os.getloadavg()}")
    worst = report(found)
    if given.json:
        given.json.write_text(json.dumps(found, indent=1))
    print(f"\nsmallest ratio {worst:.1f}, bar {BAR}")
    return 0 if worst >= BAR else 1


if __name__ == "__main__":
    sys.exit(main())
