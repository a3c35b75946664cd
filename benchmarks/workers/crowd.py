"""Two hundred readers and an import each five seconds: what short requests wait.

    python benchmarks/workers/crowd.py           # on SQLite and on PostgreSQL, 10 minutes each
    python benchmarks/workers/crowd.py --write           # and write docs/validation/crowd.md
    python benchmarks/workers/crowd.py --seconds 20 --clients 20 --databases sqlite --no-bar

The shipped dataset is served by ``--workers`` processes. Each client asks again as soon as it has
its answer (``--pause`` gives it a mean time to read): of five requests four are short (pages of
devices, energies and materials, a tolerance factor, a search), one is heavy (a ranking, a
comparison, the pages of applications). Another process imports three devices each five seconds,
one more asks for ``/livez`` four times a second. Clients, imports and the service share the cores.

The bar, of which any miss is an error: short requests within 5 s at the 99th percentile, ``/livez``
within 0.5 s, no status but 200, no ranking or comparison older than its header may say, and the
page of applications within 2 s after an import, asked by somebody who waits behind nobody.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import os
import random
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from benchmarks.serving import SERVE, add_bar_option, database_at, serving
from benchmarks.workers.soak import percentile
from pvkdb.cli.options import load as load_shipped
from pvkdb.errors import PvkdbError
from pvkdb.literature.importing import import_files
from pvkdb.store.database import Store
from pvkdb.suitability import shipped_profiles
from pvkdb_api.core.settings import read_settings
from validation.pages import FOLDER

PAGE = FOLDER / "crowd.md"
IMPORT_EVERY_S, LIVEZ_EVERY_S = 5.0, 0.25
#: An answer that is no older was current when the service last looked.
CURRENT_S = 3
SHORT_S, LIVEZ_S, FIRST_PAGE_S = 5.0, 0.5, 2.0
FORMULAS = ("CsPbBr3", "CsPbI3", "MAPbI3", "Cs2AgBiBr6", "FAPbI3", "CsSnI3", "Cs3Bi2I9")
FIRST_PAGE = "/applications?leaders=shown"

#: The requests by kind, from a source of random numbers.
SHORT: dict[str, Callable[[random.Random], str]] = {
    "devices": lambda draw: f"/api/v1/devices?limit=20&retention_s_min={draw.randrange(10**4)}",
    "energies": lambda draw: f"/api/v1/energetics?limit=50&material={draw.choice(FORMULAS)}",
    "materials": lambda draw: f"/api/v1/materials?limit=20&e_a_max={draw.random():.2f}",
    "tolerance": lambda draw: f"/api/v1/tolerance/{draw.choice(FORMULAS[:3])}",
    "search": lambda draw: f"/api/v1/references?q={draw.choice(('memristor', 'halide'))}&limit=20",
}
HEAVY: dict[str, Callable[[random.Random], str]] = {
    "ranking": lambda draw: (
        f"/api/v1/rankings/{draw.choice(shipped_profiles())}?limit=100&subject="
        + draw.choice(("devices", "materials"))
    ),
    "comparison": lambda draw: f"/api/v1/compare?materials={','.join(draw.sample(FORMULAS, 2))}",
    "applications": lambda draw: FIRST_PAGE,
    "application": lambda draw: (
        f"/applications/{draw.choice(shipped_profiles())}?subject="
        + draw.choice(("devices", "materials"))
    ),
}


@dataclass
class Crowd:
    """What was seen on one database."""

    database: str
    times_s: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    statuses: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    #: Ages that answers named in their header, in seconds; none was out of date.
    ages_s: list[int] = field(default_factory=list)
    most_s: float = 0
    imports: Counter[str] = field(default_factory=Counter)
    load: tuple[float, float, float] = (0.0, 0.0, 0.0)

    async def ask(self, client: httpx.AsyncClient, kind: str, path: str) -> None:
        """Send a request, and note its time, its status and the age of its answer."""
        start = time.perf_counter()
        try:
            async with client.stream("GET", path) as answer:
                async for _ in answer.aiter_raw():
                    pass
        except httpx.HTTPError as error:
            self.statuses[kind][type(error).__name__] += 1
            return
        self.times_s[kind].append(time.perf_counter() - start)
        self.statuses[kind][str(answer.status_code)] += 1
        if "age" in answer.headers:
            self.ages_s.append(int(answer.headers["age"]))

    def missed(self) -> list[str]:
        """Return where the bar was missed."""
        short = [each for kind in SHORT for each in self.times_s[kind]]
        statuses = sum(self.statuses.values(), Counter[str]())
        found = {
            f"short requests {percentile(short, 99):.2f} s (99 %)": percentile(short, 99) > SHORT_S,
            f"/livez {max(self.times_s['/livez'], default=0):.2f} s": max(
                self.times_s["/livez"], default=0
            )
            > LIVEZ_S,
            f"statuses {dict(statuses)}": statuses.keys() != {"200"},
            f"an answer {max(self.ages_s, default=0)} s old": max(self.ages_s, default=0)
            > self.most_s,
            f"the first page {max(self.times_s[FIRST], default=0):.2f} s": max(
                self.times_s[FIRST], default=0
            )
            > FIRST_PAGE_S,
        }
        return [said for said, wrong in found.items() if wrong]


FIRST = "applications, first after an import"


def import_devices(url: str, folder: str, stop: Any, counts: Any) -> None:
    """Import three devices each five seconds."""
    store, number = Store(url), 0
    while not stop.wait(IMPORT_EVERY_S):
        number += 1
        file = Path(folder) / f"crowd{number}.csv"
        rows = (
            f"ITO/CsPbBr3/Ag,CsPbBr3,{1000 * number + row},r36,crowd {number}.{row}"
            for row in range(3)
        )
        head = "structure,absorber,on_off_ratio,references,source"
        file.write_text("\n".join((head, *rows)) + "\n")
        try:
            with store.session() as session:
                import_files(session, [file])
            counts.put("done")
        except PvkdbError as error:
            counts.put(f"{type(error).__name__}: {error}"[:100])


async def load(crowd: Crowd, address: str, clients: int, pause_s: float, seconds: float) -> None:
    """Let clients ask for some seconds, and let what they still wait for end."""
    trusted = httpx.create_ssl_context()  # made once: reading its certificates takes 20 ms
    end = time.monotonic() + seconds

    async def read(seed: int) -> None:
        draw = random.Random(seed)
        async with httpx.AsyncClient(base_url=address, timeout=90, verify=trusted) as client:
            await asyncio.sleep(draw.random())
            while time.monotonic() < end:
                kinds = SHORT if draw.random() < 0.8 else HEAVY
                kind = draw.choice([*kinds])
                await crowd.ask(client, kind, kinds[kind](draw))
                await asyncio.sleep(draw.expovariate(1 / pause_s) if pause_s else 0)

    async def watch() -> None:
        async with httpx.AsyncClient(base_url=address, timeout=90, verify=trusted) as client:
            while time.monotonic() < end:
                await crowd.ask(client, "/livez", "/livez")
                await asyncio.sleep(LIVEZ_EVERY_S)

    await asyncio.gather(watch(), *map(read, range(clients)))


def first_pages(crowd: Crowd, store: Store, folder: str, address: str) -> None:
    """Ask for the page of applications right after an import, with nobody else there."""
    for number in range(3):
        file = Path(folder) / f"first{number}.csv"
        file.write_text(
            "structure,absorber,on_off_ratio,references,source\n"
            f"ITO/CsPbI3/Ag,CsPbI3,{number + 2},r36,first {number}\n"
        )
        with store.session() as session:
            import_files(session, [file])

        async def ask() -> None:
            async with httpx.AsyncClient(base_url=address, timeout=90) as client:
                await crowd.ask(client, FIRST, FIRST_PAGE)

        asyncio.run(ask())


def run(database: str, given: argparse.Namespace) -> Crowd:
    """Let everybody ask at once for some seconds."""
    crowd = Crowd(database, most_s=read_settings().ranking_lag_s)
    spawn = multiprocessing.get_context("spawn")
    with (
        tempfile.TemporaryDirectory() as name,
        database_at(Path(name), database == "postgresql") as url,
    ):
        load_shipped(Store(url))
        store, ending, counts = Store(url), spawn.Event(), spawn.Queue()
        environment = {"PVKDB_RATE_PER_MINUTE": "0", "PVKDB_WORKERS": str(given.workers)}
        importing = spawn.Process(target=import_devices, args=(url, name, ending, counts))
        with serving([sys.executable, "-c", SERVE, url], environment=environment) as (address, _):
            settled(address)
            first_pages(crowd, store, name, address)
            importing.start()
            asyncio.run(load(crowd, address, given.clients, given.pause, given.seconds))
            crowd.load = os.getloadavg()
            ending.set()
            importing.join(60)
        store.close()
        while not counts.empty():
            crowd.imports[counts.get()] += 1
    return crowd


def settled(address: str) -> None:
    """Wait until the service has made what it keeps, and ask for each kind of page once."""
    draw = random.Random(0)
    rankings = [
        f"/api/v1/rankings/{profile}?limit=1&subject={subject}"
        for profile in shipped_profiles()
        for subject in ("devices", "materials")
    ]
    for path in (FIRST_PAGE, *rankings):
        for _ in range(300):
            answer = httpx.get(f"{address}{path}", timeout=90)
            if int(answer.headers.get("age", 0)) <= CURRENT_S:
                break
            time.sleep(1)
    for drawn in (*SHORT.values(), *HEAVY.values()):
        httpx.get(f"{address}{drawn(draw)}", timeout=90)


def report(crowd: Crowd) -> Iterator[str]:
    """Yield the lines about one database."""
    yield f"## {'SQLite' if crowd.database == 'sqlite' else 'PostgreSQL'}\n"
    yield "| request | answers | median / s | 95 % | 99 % | longest | statuses |"
    yield "|---|---|---|---|---|---|---|"
    of_all = {
        "**all short**": [each for kind in SHORT for each in crowd.times_s[kind]],
        "**all heavy**": [each for kind in HEAVY for each in crowd.times_s[kind]],
    }
    for kind, times in (*of_all.items(), *crowd.times_s.items()):
        figures = (
            percentile(times, 50),
            percentile(times, 95),
            percentile(times, 99),
            max(times, default=0),
        )
        said = ", ".join(f"{count} × {each}" for each, count in crowd.statuses[kind].items())
        numbers = " | ".join(f"{each:.2f}" for each in figures)
        yield f"| {kind} | {len(times)} | {numbers} | {said} |"
    yield ""
    old = [each for each in crowd.ages_s if each > CURRENT_S]
    imports = ", ".join(f"{count} {how}" for how, count in crowd.imports.items()) or "none"
    yield (
        f"Answers from kept rankings of earlier data: {len(old)}, at most {max(old, default=0)} s "
        f"old. Imports: {imports}. Load of the last 1, 5 and 15 minutes at the end: "
        f"{', '.join(f'{each:.1f}' for each in crowd.load)}."
    )
    yield f"Missed: {'; '.join(crowd.missed()) or 'nothing'}.\n"


def main() -> None:
    """Let a crowd ask each database, and say what was seen."""
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--seconds", type=float, default=600)
    options.add_argument("--clients", type=int, default=200)
    options.add_argument("--pause", type=float, default=0.0, help="mean seconds between requests")
    options.add_argument("--workers", type=int, default=1, help="processes of the service")
    options.add_argument("--databases", nargs="+", default=["sqlite", "postgresql"])
    add_bar_option(options)
    options.add_argument(
        "--write", action="store_true", help=f"write {PAGE.name} in docs/validation"
    )
    given = options.parse_args()
    lines = [
        "# Many readers and imports\n",
        f"Made by `python benchmarks/workers/crowd.py --write`; do not edit. {given.clients} "
        f"clients, four of five requests short, a mean pause of {given.pause:g} s, an import each "
        f"{IMPORT_EVERY_S:g} s for {given.seconds:g} s on each database, on a machine of "
        f"{os.cpu_count()} cores that everything shares, the service in {given.workers} "
        f"process{'es' * (given.workers > 1)}.\n",
    ]
    missed = []
    for database in given.databases:
        crowd = run(database, given)
        lines += report(crowd)
        print("\n".join(report(crowd)), flush=True)
        missed += crowd.missed()
    if given.write:
        PAGE.write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")
        print(PAGE)
    if missed and not given.no_bar:
        sys.exit(f"missed: {'; '.join(missed)}")


if __name__ == "__main__":
    main()
