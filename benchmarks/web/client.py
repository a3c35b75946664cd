"""A client goes through 100,000 rows while the service is stopped and started again.

    python benchmarks/web/client.py [--rows 100000]

A store of so many energetics rows is made, ``pvkdb serve`` runs on it, and the rows are read by
``iterate()`` with the service restarted (SIGTERM, start on the same port) after a third of them,
by ``download()`` with another restart, and by the asynchronous twin. Every row must come once.
The largest memory of the process tells whether it grows with the rows.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import httpx
from sqlalchemy import insert

import pvkdb
from pvkdb.chemistry import parse_composition
from pvkdb.store.curation.registration import register_material
from pvkdb.store.database import Store
from pvkdb.store.migrate import upgrade
from pvkdb.store.models.energetics import Energetic

FORMULAS = ("CsPbI3", "CsPbBr3", "CsPbCl3", "CsSnI3", "CsSnBr3", "CsGeI3")


def make_store(url: str, rows: int) -> None:
    """A store of statements that say nothing: only their number matters here."""
    store = Store(url)
    upgrade(store)
    with store.session() as session:
        materials = [
            register_material(session, parse_composition(formula), None).id for formula in FORMULAS
        ]
        session.flush()
        session.execute(
            insert(Energetic),
            [
                {
                    "id": f"b{number:07d}",
                    "material_id": materials[number % len(materials)],
                    "defect": "V_X",
                    "species": "X",
                    "quantity": "E_A",
                    "scope": "hop",
                    "value_min_ev": number % 1000 / 1000,
                    "value_max_ev": number % 1000 / 1000,
                    "approximate": False,
                    "method": "unknown",
                    "source": "benchmark",
                }
                for number in range(rows)
            ],
        )
    store.close()


class Service:
    """``pvkdb serve`` in a process of its own, on a port that it keeps."""

    def __init__(self, database: str) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = str(free.getsockname()[1])
        self.url = f"http://127.0.0.1:{port}"
        serve = [sys.executable, "-m", "pvkdb", "serve"]
        self.command = [*serve, "--database", database, "--port", port]
        self.start()
        while True:
            try:
                httpx.get(f"{self.url}/healthz").raise_for_status()
                return
            except httpx.HTTPError:
                time.sleep(0.1)

    def start(self) -> None:
        self.process = subprocess.Popen(
            self.command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def restart(self) -> None:
        self.stop()
        self.start()

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=60)


def iterate(service: Service, rows: int, folder: Path) -> list[str]:
    keys = []
    with pvkdb.Client(service.url) as client:
        for row in client.energetics.iterate():
            keys.append(row.id)
            if len(keys) == rows // 3:
                service.restart()
    return keys


def download(service: Service, rows: int, folder: Path) -> list[str]:
    answers = 0

    def count(response: httpx.Response) -> None:
        nonlocal answers
        answers += 1
        if answers == rows // 500 // 2:
            service.restart()

    with pvkdb.Client(service.url) as client:
        client._http.event_hooks["response"].append(count)
        path = client.download("energetics", folder / "energetics.csv")
    with path.open(encoding="utf-8") as file:
        next(file)
        return [line.partition(",")[0] for line in file]


def twin(service: Service, rows: int, folder: Path) -> list[str]:
    async def read() -> list[str]:
        async with pvkdb.AsyncClient(service.url) as client:
            return [row.id async for row in client.energetics.iterate()]

    return asyncio.run(read())


READERS: dict[str, Callable[[Service, int, Path], list[str]]] = {
    "iterate(), restarted": iterate,
    "download(), restarted": download,
    "AsyncClient, iterate()": twin,
}


def main() -> int:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--rows", type=int, default=100_000)
    rows = arguments.parse_args().rows
    folder = Path(tempfile.mkdtemp())
    database = f"sqlite:///{folder / 'store.sqlite'}"
    # In a process of its own, whose memory does not count.
    making = multiprocessing.get_context("spawn").Process(target=make_store, args=(database, rows))
    making.start()
    making.join()
    expected = [f"b{number:07d}" for number in range(rows)]
    service = Service(database)
    wrong = 0
    try:
        print(f"{'reader':<24} {'rows':>8} {'once each':>10} {'s':>7} {'rows/s':>8} {'MiB':>6}")
        for name, read in READERS.items():
            start = time.perf_counter()
            keys = read(service, rows, folder)
            seconds = time.perf_counter() - start
            memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            good = keys == expected
            wrong += not good
            print(
                f"{name:<24} {len(keys):>8} {'yes' if good else 'NO':>10} {seconds:>7.1f} "
                f"{len(keys) / seconds:>8.0f} {memory:>6.0f}"
            )
    finally:
        service.stop()
        shutil.rmtree(folder)
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
