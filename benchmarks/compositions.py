"""Lists, facets and single rows of 1,000,000 compositions, one client, on SQLite or PostgreSQL.

``python benchmarks/compositions.py FOLDER``: makes a store by statements of SQL (1,000,000
compositions, 3,000,000 energies, 100,000 devices, 300,000 structures; nothing in it is data;
``--large``: 10,000,000 energies and 1,200,000 structures), unless the folder holds it already,
serves it, and prints the median and the slowest of each kind of request. No two requests are the
same, so that no result is remembered. ``--postgresql`` does it on PostgreSQL,
``--only "an ion" words`` measures these kinds alone, ``--share 0.1`` makes a tenth of each but the
structures of a composition.
"""

from __future__ import annotations

# ruff: noqa: E501
import argparse
import itertools
import json
import os
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import numpy as np
from ase import Atoms
from sqlalchemy import Connection, Index, Result, Table, select, text

from benchmarks.serving import SERVE, cpu_s, database_at, peak_mb, serving
from pvkdb.chemistry import parse_composition
from pvkdb.chemistry.formulas.sum_formula import anonymous_formula, hill_formula, reduced_formula
from pvkdb.chemistry.ions import molecular_ions
from pvkdb.literature import load_literature
from pvkdb.store.base import Base
from pvkdb.store.collections import COMPOSITIONS as COLLECTION
from pvkdb.store.database import Store
from pvkdb.store.migrate import upgrade
from pvkdb.store.models.devices import Device
from pvkdb.store.models.energetics import Energetic
from pvkdb.store.models.materials import Material, SiteOccupancy
from pvkdb.store.models.structures import Structure, StructureElement
from pvkdb.store.models.summaries import CompositionSummary
from pvkdb.store.models.summary_updates import renew_summaries
from pvkdb.suitability.ranking.options import SAMPLES
from pvkdb_api.listing.cursors import write_cursor

COMPOSITIONS, DEVICES = 1_000_000, 100_000
#: Fewest compositions of which each kind of search finds one.
LEAST = 1_000
#: Energies, and how many of ten compositions have three phases with a structure each.
USUAL, LARGE = (3_000_000, 1), (10_000_000, 4)
#: Ions of each site, in the order of formulas.
SITES = {
    "a": ("Cs", "K", "Na", "Rb", "EA", "FA", "GA", "MA"),
    "b": ("Ca", "Cd", "Cu", "Ge", "Hg", "Mg", "Mn", "Ni", "Pb", "Sn", "Sr", "Zn"),
    "x": ("I", "Br", "Cl", "F"),
}
FAMILIES = ("3D", "RP", "vacancy-ordered", "A3B2X9", "rudorffite")
HAS = ("e_a", "dfe", "devices", "reported", "computed", "structures", "stability")
#: Kinds of lists whose facets are asked for too.
FACETED = ("a family, or lead-free", "an ion", "E_A below", "range of t", "part of a formula")
#: Applications for which materials are ranked: a high barrier is wanted, and a low one.
RANKED = ("non-volatile-memory", "selector")
#: A number that no size of a table shares a factor with; mixes the order.
PRIME = 7_368_787
CALCULATIONS = (("bench-neb", "neb", "sevennet-0"), ("bench-chgnet", "neb", "chgnet"))
RELAXED = ("bench-relax", "relax", "sevennet-0")


def site(ions: Sequence[str], units: int) -> Iterator[list[tuple[str, float]]]:
    """Single ions, and pairs of ions by steps of a twentieth."""
    yield from ([(ion, float(units))] for ion in ions)
    for first, second in itertools.combinations(ions, 2):
        for part in range(1, 20):
            amount = round(units * part / 20, 2)
            yield [(first, amount), (second, round(units - amount, 2))]


def formula(occupied: Sequence[tuple[str, float]]) -> str:
    return "".join(ion + ("" if amount == 1 else f"{amount:g}") for ion, amount in occupied)


def running(connection: Connection) -> Callable[..., Result[Any]]:
    """Return a function that runs a statement of SQL, with its values."""

    def run(statement: str, values: Any = None) -> Result[Any]:
        return connection.execute(text(statement), values)

    return run


def number_places(connection: Connection, last: int) -> None:
    """Temporary tables: what is on each site, and of each number the places on three sites."""
    run, sizes = running(connection), {}
    for name, units in (("a", 1), ("b", 1), ("x", 3)):
        every = list(site(SITES[name], units))
        sizes[name] = len(every)
        run(f"CREATE TEMP TABLE {name}_site (k INTEGER PRIMARY KEY, formula TEXT, ion TEXT)")
        run(f"CREATE TEMP TABLE {name}_ion (k INTEGER, place INTEGER, ion TEXT, amount FLOAT)")
        rows = [
            {"k": k, "formula": formula(each), "ion": each[0][0]} for k, each in enumerate(every)
        ]
        run(f"INSERT INTO {name}_site VALUES (:k, :formula, :ion)", rows)
        ions = [
            {"k": k, "place": place, "ion": ion, "amount": amount}
            for k, each in enumerate(every)
            for place, (ion, amount) in enumerate(each)
        ]
        run(f"INSERT INTO {name}_ion VALUES (:k, :place, :ion, :amount)", ions)
        run(f"CREATE INDEX {name}_ion_k ON {name}_ion (k)")
    total = sizes["a"] * sizes["b"] * sizes["x"]
    assert total >= COMPOSITIONS
    run("CREATE TEMP TABLE number (i INTEGER PRIMARY KEY, m BIGINT, a INT, b INT, x INT)")
    both = sizes["a"] * sizes["b"]
    run(
        "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < :last), "
        f"mixed(i, m) AS (SELECT i, (CAST(i AS BIGINT) * {PRIME}) % {total} FROM n) "
        f"INSERT INTO number SELECT i, m, m % {sizes['a']}, (m / {sizes['a']}) % {sizes['b']}, "
        f"m / {both} FROM mixed",
        {"last": last},
    )


def fill_structures(connection: Connection, first: int) -> None:
    """One of each material with a phase, with the first ion of each site and invented places."""
    run = running(connection)
    run(
        "CREATE TEMP TABLE kind (a TEXT, b TEXT, x TEXT, atoms INT, symbols TEXT, cell TEXT, "
        "positions TEXT, nelements INT, reduced TEXT, anonymous TEXT, hill TEXT)"
    )
    run("CREATE TEMP TABLE kind_element (reduced TEXT, element TEXT, atoms INT, ratio FLOAT)")
    kinds, elements = [], []
    for a, b, x in itertools.product(*SITES.values()):
        ion = molecular_ions().get(a)
        symbols = [*(Atoms(ion.formula).symbols if ion else [a]), b, x, x, x]
        counted = dict(sorted(Counter(symbols).items()))
        places = [[round(n * 6.1 / len(symbols), 6), 3.05, 1.525] for n in range(len(symbols))]
        kind = {
            "a": a,
            "b": b,
            "x": x,
            "atoms": len(symbols),
            "symbols": json.dumps(symbols),
            "cell": json.dumps((6.1 * np.eye(3)).tolist()),
            "positions": json.dumps(places),
            "nelements": len(counted),
            "reduced": reduced_formula(counted),
            "anonymous": anonymous_formula(counted),
            "hill": hill_formula(counted),
        }
        kinds.append(kind)
        elements += [
            {"reduced": kind["reduced"], "element": each, "atoms": n, "ratio": n / len(symbols)}
            for each, n in counted.items()
        ]
    run(
        "INSERT INTO kind VALUES (:a, :b, :x, :atoms, :symbols, :cell, :positions, :nelements, "
        ":reduced, :anonymous, :hill)",
        kinds,
    )
    run("INSERT INTO kind_element VALUES (:reduced, :element, :atoms, :ratio)", elements)
    run("CREATE INDEX kind_ions ON kind (a, b, x)")
    run("CREATE INDEX kind_reduced ON kind_element (reduced)")
    as_json = "JSON" if connection.dialect.name == "postgresql" else "TEXT"
    run(
        "INSERT INTO structures (id, material_id, role, origin, calculation_id, atoms, energy_ev, "
        "cell_ang, symbols, positions_ang, nelements, formula_reduced, formula_anonymous, formula_hill) "
        "SELECT 'bench-' || m.id, m.id, 'host', 'benchmark', 'bench-relax', t.atoms, "
        f"-10 - (m.composition_id * length(m.phase)) % 97 / 100.0, CAST(t.cell AS {as_json}), "
        f"CAST(t.symbols AS {as_json}), CAST(t.positions AS {as_json}), "
        "t.nelements, t.reduced, t.anonymous, t.hill FROM materials m CROSS JOIN number n "
        "CROSS JOIN a_site a CROSS JOIN b_site b CROSS JOIN x_site x CROSS JOIN kind t "
        f"WHERE m.phase IS NOT NULL AND m.composition_id >= {first} AND n.i = m.composition_id - {first} "
        "AND a.k = n.a AND b.k = n.b AND x.k = n.x AND t.a = a.ion AND t.b = b.ion AND t.x = x.ion"
    )
    run(
        "INSERT INTO structure_elements (structure_id, element, atoms, ratio) SELECT s.id, "
        "e.element, e.atoms, e.ratio FROM structures s CROSS JOIN kind_element e "
        "WHERE s.origin = 'benchmark' AND e.reduced = s.formula_reduced"
    )


def fill(connection: Connection, energies: int, with_phases: int) -> None:
    """Rows by code, the same each time; so many of ten compositions have three phases."""
    run = running(connection)
    if connection.dialect.name == "sqlite":
        run("PRAGMA cache_size = -800000")
    else:
        run("SET LOCAL session_replication_role = replica")  # no look for each foreign key
    first = run("SELECT max(id) FROM compositions").scalar_one() + 1
    occupied = run("SELECT max(id) FROM site_occupancies").scalar_one() + 1
    number_places(connection, energies)
    # CROSS JOIN keeps SQLite to this order.
    joined = " ".join(f"CROSS JOIN {name}_site {name}" for name in "abx")
    where = f"i < {COMPOSITIONS} AND a.k = number.a AND b.k = number.b AND x.k = number.x"
    run(
        f"INSERT INTO compositions (id, formula, lead_free) SELECT {first} + i, "
        "a.formula || b.formula || x.formula, b.formula NOT LIKE '%Pb%' "
        f"FROM number {joined} WHERE {where} ON CONFLICT DO NOTHING"
    )
    for place, label in enumerate("abx"):
        run(
            "INSERT INTO site_occupancies (id, composition_id, position, site, ion, charge, amount) "
            f"SELECT {occupied} + 6 * i + {2 * place} + o.place, {first} + i, {2 * place} + o.place, "
            f"'{label.upper()}', o.ion, 1, o.amount FROM number CROSS JOIN {label}_ion o "
            f"CROSS JOIN compositions c WHERE i < {COMPOSITIONS} AND o.k = number.{label} "
            f"AND c.id = {first} + i"
        )

    def mod(n: int) -> str:
        return f"(c.id - {first}) % {n}"

    family = (
        f"CASE WHEN {mod(1000)} = 7 THEN 'rudorffite' WHEN {mod(50)} = 3 THEN 'A3B2X9' "
        f"WHEN {mod(10)} = 1 THEN 'RP' WHEN {mod(10)} = 2 THEN 'vacancy-ordered' ELSE '3D' END"
    )
    ours = f"FROM compositions c WHERE c.id >= {first}"
    run(
        "INSERT INTO materials (id, composition_id, phase, family, dimensionality) "
        f"SELECT c.formula, c.id, NULL, {family}, 3 {ours} ON CONFLICT DO NOTHING"
    )
    for phase in ("Pm-3m", "Pnma", "P4~-mbm"):
        run(
            "INSERT INTO materials (id, composition_id, phase, family, dimensionality) "
            f"SELECT c.formula || '-{phase}', c.id, '{phase.replace('~-', '/')}', {family}, 3 {ours} "
            f"AND ({mod(10)} + 6) % 10 < {with_phases} ON CONFLICT DO NOTHING"
        )

    def share(n: int) -> str:
        return f"((CAST(c.id AS BIGINT) * {n}) % 99991) / 99991.0"

    run(
        "INSERT INTO tolerance_factors (composition_id, t, mu, tau, p_perovskite) "
        f"SELECT c.id, 0.7 + 0.5 * {share(7919)}, 0.3 + 0.5 * {share(104729)}, "
        f"3 + 4 * {share(1299709)}, {share(15485863)} {ours} AND {mod(5)} < 4"
    )
    run(
        "INSERT INTO composition_stabilities (composition_id, above_hull_ev_per_atom, source) "
        f"SELECT c.id, -0.1 + 0.3 * {share(611953)}, 'screening 1, sevennet-0' {ours} AND {mod(10)} IN (3, 4, 5)"
    )
    for key, kind, potential in (*CALCULATIONS, RELAXED):
        run(
            "INSERT INTO calculations (id, key, kind, state, priority, attempts, parameters, created_at) "
            "VALUES (:id, :id, :kind, 'done', 0, 1, :given, '2026-01-01 00:00:00')",
            {"id": key, "kind": kind, "given": f'{{"potential": "{potential}"}}'},
        )
    run(
        "INSERT INTO energetics (id, material_id, defect, species, quantity, scope, value_min_ev, "
        "value_max_ev, approximate, method, functional, source, calculation_id) "
        "SELECT 'bench-' || i, c.formula, CASE WHEN i % 4 = 0 THEN 'V_Br' ELSE 'V_I' END, "
        "CASE WHEN i % 4 = 0 THEN 'Br' ELSE 'I' END, CASE WHEN i % 3 = 0 THEN 'DFE' ELSE 'E_A' END, "
        "CASE WHEN i % 30 = 7 THEN 'reported' WHEN i % 3 = 0 THEN 'computed' WHEN i % 3 = 1 THEN "
        "'percolation' ELSE 'hop' END, 0.05 + 3 * ((CAST(i AS BIGINT) * 7919) % 99991) / 99991.0, "
        "0.05 + 3 * ((CAST(i AS BIGINT) * 7919) % 99991) / 99991.0, :no, CASE WHEN i % 30 = 7 THEN 'DFT' ELSE 'MLIP' END, "
        "'sevennet-0', 'benchmark', CASE WHEN i % 30 = 7 THEN NULL WHEN i % 2 = 0 THEN 'bench-neb' "
        f"ELSE 'bench-chgnet' END FROM number CROSS JOIN compositions c WHERE i < {energies} AND c.id = {first} + "
        f"CASE WHEN i % 30 = 7 THEN m % 20000 ELSE m % {COMPOSITIONS * 7 // 10} END", {"no": False})  # fmt: skip
    run(
        "INSERT INTO devices (id, device_group, structure, absorber, material_id, source, on_off_ratio, "
        "retention_s) SELECT 'bench-' || i, 'benchmark', 'ITO/' || c.formula || '/Ag', c.formula, "
        "c.formula, 'benchmark', 10 + i, 1000 + i "
        f"FROM number CROSS JOIN compositions c WHERE c.id = {first} + m % 5000 AND i < {DEVICES}"
    )
    fill_structures(connection, first)
    if connection.dialect.name == "postgresql":
        for table in ("compositions", "site_occupancies"):
            run(
                f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT max(id) FROM {table}))"
            )


def make_store(url: str, energies: int, with_phases: int) -> None:
    """The literature, and generated rows beside it."""
    store = Store(url)
    upgrade(store)
    with store.session() as session:
        load_literature(session)
    start = time.monotonic()
    # Without a look for each foreign key, and with indexes made at the end.
    engine = store.engine.execution_options(pvkdb_migrating=True)
    models = (
        Device,
        Energetic,
        Material,
        SiteOccupancy,
        Structure,
        StructureElement,
        CompositionSummary,
    )
    summarized = _indexes(CompositionSummary)
    indexes = [index for model in models for index in _indexes(model)]
    with engine.begin() as connection:
        for index in indexes:
            index.drop(connection)
        fill(connection, energies, with_phases)
    with engine.begin() as connection:
        for index in indexes:
            if index not in summarized:
                index.create(connection)
        connection.execute(text("ANALYZE"))
        print(f"filled in {time.monotonic() - start:.0f} s", file=sys.stderr, flush=True)
    with engine.begin() as connection:
        start = time.monotonic()
        renew_summaries(connection)
        for index in summarized:
            index.create(connection)
        print(f"summarized in {time.monotonic() - start:.0f} s", file=sys.stderr, flush=True)
    store.close()
    store = Store(url)
    if store.sqlite_path is not None:
        with store.engine.begin() as connection:
            connection.execute(text("ANALYZE"))
    else:
        outside = store.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        with outside as connection:  # as autovacuum leaves a table that nobody writes to
            connection.execute(text("VACUUM ANALYZE"))
    store.close()


def _indexes(model: type[Base]) -> set[Index]:
    table = model.__table__
    assert isinstance(table, Table)
    return table.indexes


def kinds(url: str) -> dict[str, list[str]]:
    """Kinds of requests, no two of them the same."""
    store = Store(url)
    with store.session(read_only=True) as session:
        some = select(CompositionSummary.known, CompositionSummary.formula)
        some = some.where(CompositionSummary.composition_id % (COMPOSITIONS // 40) == 7)
        places = [(known, formula) for known, formula in session.execute(some).tuples()]
    places = [place for place in places if parse_composition(place[1]).formula == place[1]]
    store.close()
    sorting = COLLECTION.sorting(None)
    bound = {"filters": {}, "sort": sorting}
    cursors = [write_cursor("compositions", bound, [*place]) for place in places]
    orders = [sign + name for name in COLLECTION.sortable for sign in ("", "-")]
    ions = [*SITES["a"], *SITES["b"]]
    energies = [round(0.1 + n / 40, 3) for n in range(20)]
    of_energies = {
        "energies, by id": [f"quantity=E_A&method=MLIP&limit={100 - n}" for n in range(20)],
        "energies, by value": [
            f"quantity={kind}&scope={scope}&sort=value_min_ev&limit={100 - n}"
            for kind, scope in (("E_A", "percolation"), ("E_A", "hop"), ("DFE", "computed"))
            for n in range(7)
        ],
        "energies of an ion": [f"ion={ion}&quantity=E_A" for ion in ions],
        "facets of energies": [
            f"limit=1&facets=family,method,scope&quantity=E_A&defect=V_{x}&{each}"
            for x in ("I", "Br")
            for each in ("method=MLIP", "scope=hop", "lead_free=true", "family=RP", "min_ev=1")
        ],
    }
    of_materials = {
        "materials": [f"family={name}&sort=formula&limit=100" for name in FAMILIES],
        "facets of materials": [
            f"limit=1&facets=phase,family&{each}"
            for each in ("lead_free=true", "phase=Pnma", "family=3D", "family=RP", "phase=Pm-3m")
        ],
    }
    of_optimade = [
        *(f'elements HAS "{b}" AND nelements={n}' for b in SITES["b"] for n in (3, 5)),
        *(f'elements HAS ALL "Cs","{b}","I"' for b in SITES["b"]),
        *(f'elements HAS "{b}" AND NOT elements HAS "Cs"' for b in SITES["b"]),
        *(f'chemical_formula_reduced="CsI3{b}"' for b in ("Pb", "Sn", "Zn", "Sr")),
    ]
    of_one = ("energetics?material={}", "devices?absorber={}", "materials?formula={}")
    lists = {
        "default order": [f"limit={100 - n}" for n in range(20)],
        "each other order": [f"sort={order}" for order in orders],
        "a page somewhere": [f"cursor={cursor}" for cursor in cursors],
        "a family, or lead-free": [
            *(f"family={name}" for name in FAMILIES),
            *(f"family={name}&lead_free=true" for name in FAMILIES),
        ],
        "kinds of data": [f"has={a},{b}" for a in HAS for b in HAS if a < b],
        "an ion": [f"ion={ion}" for ion in ions],
        "an ion and a halide": [f"ion={ion}&halide=F" for ion in ions],
        "an ion in a family": [f"ion={ion}&family=RP" for ion in ions],
        "E_A below": [f"e_a_max={value}" for value in energies],
        "E_A below, lead-free, by it": [
            f"e_a_max={value}&lead_free=true&sort=e_a_computed_min_ev" for value in energies
        ],
        "range of t": [f"t_min={0.8 + n / 100}&t_max={0.81 + n / 100}" for n in range(20)],
        "ranges of t and tau": [f"t_min={0.8 + n / 100}&tau_max=4.18" for n in range(20)],
        "lowest phase": [f"lowest_phase={phase}" for phase in ("Pnma", "Pm-3m", "P4/mbm")],
        "name of an ion": [f"q={word}" for word in ("methylammonium", "guanidinium", "rubidium")],
        "part of a formula": [f"q={ion}Pb0.{n}" for ion in SITES["a"] for n in (5, 15, 35)],
    }
    counted = "limit=1&facets=family,lead_free,lowest_phase"
    facets = {
        "without a filter": [f"{counted}&sort={order}" for order in orders[:8]],
        **{name: [f"{counted}&{each}" for each in lists[name]] for name in FACETED},
    }
    formulas = [quote(formula) for _, formula in places]
    found = {f"list: {name}": [f"compositions?{each}" for each in of] for name, of in lists.items()}
    found |= {
        f"facets: {name}": [f"compositions?{each}" for each in of] for name, of in facets.items()
    }
    found["one composition"] = [f"compositions/{formula}" for formula in formulas]
    for path in of_one:
        found[f"its {path.partition('?')[0]}"] = [path.format(formula) for formula in formulas]
    found |= {name: [f"energetics?{each}" for each in of] for name, of in of_energies.items()}
    found |= {name: [f"materials?{each}" for each in of] for name, of in of_materials.items()}
    for name in RANKED:
        few = [f"rankings/{name}?subject=materials&samples={SAMPLES - n}" for n in range(5)]
        found[f"ranking: {name}"] = few
    listed = {name: [f"/api/v1/{path}" for path in paths] for name, paths in found.items()}
    searched = [f"/optimade/v1/structures?filter={quote(each)}" for each in of_optimade]
    return listed | {"OPTIMADE filters": searched}


def measure(url: str, only: Sequence[str] = ()) -> None:
    """Print how long each kind of request takes, in ms; ``only`` these, by part of their names."""
    print(
        f"| {url.partition(':')[0]} | median, ms | slowest, ms | processor time of the service, ms |"
    )
    print("|---|---|---|---|")
    with (
        serving([sys.executable, "-c", SERVE, url]) as (address, process),
        httpx.Client(base_url=address, timeout=120) as client,
    ):
        for name, paths in kinds(url).items():
            if only and not any(part in name for part in only):
                continue
            client.get("/api/v1/compositions/fields")
            times, before_s = [], cpu_s(process)
            for path in paths:
                start = time.perf_counter()
                client.get(path).raise_for_status()
                times.append((1e3 * (time.perf_counter() - start), path))
            cpu_ms = 1e3 * (cpu_s(process) - before_s) / len(paths)
            middle = statistics.median(each for each, _ in times)
            worst, path = max(times)
            print(f"| {name} | {middle:.1f} | {worst:.1f} | {cpu_ms:.1f} |", flush=True)
            print(f"{name}: {path}", file=sys.stderr, flush=True)
        print(f"\nmost memory of the service: {peak_mb(process):.0f} MiB; load {os.getloadavg()}")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("folder", type=Path)
    options.add_argument("--postgresql", action="store_true", help="on PostgreSQL, not SQLite")
    options.add_argument("--large", action="store_true", help="ten million energies")
    options.add_argument(
        "--only", nargs="+", default=(), help="kinds of requests, by part of names"
    )
    options.add_argument("--share", type=float, default=1.0, help="of these sizes")
    given = options.parse_args()
    global COMPOSITIONS, DEVICES
    if not given.share * COMPOSITIONS >= LEAST:
        options.error(
            f"--share {given.share:g} makes {given.share * COMPOSITIONS:g} compositions and the "
            f"searches need {LEAST:,}; take {LEAST / COMPOSITIONS:g} or more"
        )
    energies, phased = LARGE if given.large else USUAL
    COMPOSITIONS, DEVICES = round(given.share * COMPOSITIONS), round(given.share * DEVICES)
    given.folder.mkdir(parents=True, exist_ok=True)
    made = given.folder / "made"
    with database_at(given.folder, given.postgresql) as url:
        if not made.exists():
            make_store(url, round(given.share * energies), phased)
            made.touch()
        measure(url, given.only)


if __name__ == "__main__":
    main()
