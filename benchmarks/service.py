"""A filtered, sorted page of 100 devices with its count, from a store of 100,000 devices.

``python benchmarks/service.py``: makes a store by code (100,000 devices, 1,000,000 energetics;
nothing in it is data), serves it, and asks for pages by family and range of retention in the order
of the on/off ratio, each time with another range. One client gives the median; 20 clients (wrk,
where it is installed) give requests a second. Datasette (``--datasette PROGRAM``) is asked the
same of the same file. ``--postgresql`` does it on PostgreSQL. The store is deleted in the end.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import Connection, insert, select, text

from benchmarks.serving import SERVE, database_at, measured_ms, peak_mb, rate, serving
from pvkdb.literature import load_literature
from pvkdb.schemas.metrics import TABLE_METRICS
from pvkdb.store.database import Store
from pvkdb.store.migrate import upgrade
from pvkdb.store.models.devices import (
    Device,
    DeviceLayer,
    DeviceReference,
)
from pvkdb.store.models.energetics import Energetic, EnergeticReference
from pvkdb.store.models.materials import Composition, Material
from pvkdb.store.models.references import Reference

FAMILIES = ("3D", "RP", "vacancy-ordered", "A3B2X9")


def fill(connection: Connection, devices: int, energetics: int) -> None:
    """Rows by code, from a fixed seed."""
    draw = random.Random(2145)
    materials = connection.execute(select(Material.id, Composition.formula).join(Composition)).all()
    keys = list(connection.scalars(select(Reference.key)))

    def device(number: int) -> dict[str, Any]:
        name = f"bench-{number:06d}"
        material, formula = draw.choice(materials)
        row: dict[str, Any] = {
            "id": name,
            "group": "benchmark",
            "structure": f"ITO/{formula}/Ag",
            "absorber": formula,
            "material_id": material,
            "source": "benchmarks/service.py",
        }
        row |= dict.fromkeys(_FIGURES)
        for metric, value, qualifier in (
            ("on_off_ratio", round(10 ** draw.uniform(0, 9), 3), draw.choice((None, "~"))),
            ("retention_s", round(10 ** draw.uniform(1, 7), 1), draw.choice((None, ">"))),
            ("endurance_cycles", round(10 ** draw.uniform(1, 8)), None),
            ("v_set_v", round(draw.uniform(0.1, 4), 2), None),
        ):
            if draw.random() < 0.8:
                _, table = TABLE_METRICS[metric]
                row |= dict.fromkeys(table.names, value)
                row |= {table.qualifier: qualifier} if table.qualifier else {}
        return row

    for numbers in _batches(range(devices), 5_000):
        made = [device(number) for number in numbers]
        connection.execute(insert(Device), [_renamed(row) for row in made])
        stack = (("bottom_electrode", "ITO"), ("absorber", "perovskite"), ("top_electrode", "Ag"))
        connection.execute(
            insert(DeviceLayer),
            [
                {"device_id": row["id"], "position": place, "role": role, "material": material}
                for row in made
                for place, (role, material) in enumerate(stack)
            ],
        )
        connection.execute(
            insert(DeviceReference),
            [
                {"device_id": row["id"], "reference_key": draw.choice(keys), "position": 0}
                for row in made
            ],
        )
    for numbers in _batches(range(energetics), 10_000):
        values = [round(draw.uniform(0.05, 3), 3) for _ in numbers]
        connection.execute(
            insert(Energetic),
            [
                {
                    "id": f"bench-{number:07d}",
                    "material_id": draw.choice(materials)[0],
                    "defect": draw.choice(("V_I", "V_Br", "I_i", "V_Pb")),
                    "species": draw.choice(("I", "Br", "Pb")),
                    "quantity": draw.choice(("E_A", "DFE")),
                    "scope": "reported",
                    "value_min_ev": value,
                    "value_max_ev": value,
                    "approximate": False,
                    "method": draw.choice(("DFT", "experiment", "MLIP")),
                    "source": "benchmarks/service.py",
                }
                for number, value in zip(numbers, values, strict=True)
            ],
        )
        connection.execute(
            insert(EnergeticReference),
            [
                {
                    "energetic_id": f"bench-{number:07d}",
                    "reference_key": draw.choice(keys),
                    "position": 0,
                }
                for number in numbers
            ],
        )


_FIGURES = (
    *("on_off_ratio", "on_off_qualifier", "v_set_min_v", "v_set_max_v", "v_qualifier"),
    *("endurance_cycles", "retention_s", "retention_qualifier"),
)


def _renamed(row: dict[str, Any]) -> dict[str, Any]:
    return {"device_group" if name == "group" else name: value for name, value in row.items()}


def _batches(numbers: range, size: int) -> Iterator[range]:
    for start in range(0, len(numbers), size):
        yield numbers[start : start + size]


def make_store(url: str, devices: int, energetics: int) -> None:
    """The literature, and generated rows beside it."""
    store = Store(url)
    upgrade(store)
    with store.session() as session:
        load_literature(session)
    with store.engine.begin() as connection:
        fill(connection, devices, energetics)
    with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        # As autovacuum leaves a table that nobody writes to.
        connection.execute(text("VACUUM ANALYZE" if store.sqlite_path is None else "ANALYZE"))
    store.close()


def ranges(before: str) -> list[str]:
    """Paths that each ask for another range, so that no count was made before."""
    return [f"{before}{1e4 + random.random() * 1e5:.3f}" for _ in range(20_000)]


def measure(url: str, seconds: int, stream: bool) -> dict[str, Any]:
    """What the service does on a store."""
    found: dict[str, Any] = {}
    with serving([sys.executable, "-c", SERVE, url]) as (address, process):
        page = "/api/v1/devices?sort=-on_off_ratio&limit=100"
        asked = {
            "devices: family, retention range, by on/off ratio": [
                f"{page}&family={FAMILIES[n % 4]}&retention_s_min={1e4 + n}&retention_s_max=1e6"
                for n in range(40)
            ],
            "energetics: family, E_A below, by energy": [
                "/api/v1/energetics?sort=value_min_ev&limit=100"
                f"&family={FAMILIES[n % 4]}&e_a_max={0.1 + n / 100}"
                for n in range(12)
            ],
            "energetics: no filter, first page": ["/api/v1/energetics?limit=100"] * 12,
            "energetics: nothing found": [
                f"/api/v1/energetics?material=CsPbBr3&defect=none{n}" for n in range(12)
            ],
            "devices: words": [
                f"/api/v1/devices?q=Ag+{word}" for word in ("CsPbBr3", "MAPbI3", "none") * 4
            ],
            "references: words": [
                f"/api/v1/references?q={word}" for word in ("memristor", "halide", "none") * 4
            ],
            "materials: E_A below, lead-free": [
                f"/api/v1/materials?e_a_max={0.2 + n / 100}&lead_free=true" for n in range(12)
            ],
        }
        for name, paths in asked.items():
            found[name] = measured_ms(process, paths, address)
        many = ranges(f"{page}&family=3D&retention_s_max=1e6&retention_s_min=")
        found["20 clients"] = dict(zip(("per_s", "by"), rate(address, many, seconds), strict=True))
        found["peak_mb before the stream"] = round(peak_mb(process))
        if stream:
            start, rows = time.monotonic(), 0
            with httpx.stream("GET", f"{address}/api/v1/export/energetics", timeout=600) as answer:
                for chunk in answer.iter_raw():
                    rows += len(chunk)
            found["CSV of the energetics"] = {
                "mb": round(rows / 1e6, 1),
                "seconds": round(time.monotonic() - start, 1),
                "peak_mb": round(peak_mb(process)),
            }
    return found


def measure_datasette(program: str, path: Path, seconds: int) -> dict[str, Any]:
    """The same page from Datasette, through a view with the columns of the filters."""
    store = Store(f"sqlite:///{path}")
    with store.engine.begin() as connection:
        connection.execute(
            text(
                "CREATE VIEW device_list AS SELECT devices.*, materials.family FROM devices "
                "JOIN materials ON materials.id = devices.material_id WHERE devices.id NOT IN "
                "(SELECT supersedes_id FROM devices WHERE supersedes_id IS NOT NULL)"
            )
        )
    store.close()
    port = 8497
    command = [program, "serve", str(path), "-p", str(port), "--setting", "sql_time_limit_ms"]
    command += ["30000", "--setting", "num_sql_threads", "3"]
    page = f"/{path.stem}/device_list.json?_sort_desc=on_off_ratio&_size=100&_extra=count"
    with serving(command, f"http://127.0.0.1:{port}") as (address, process):
        paths = [
            f"{page}&family={FAMILIES[n % 4]}&retention_s__lte=1000000&retention_s__gte={1e4 + n}"
            for n in range(20)
        ]
        found = measured_ms(process, paths, address)
        many = ranges(f"{page}&family=3D&retention_s__lte=1000000&retention_s__gte=")
        per_s, by = rate(address, many, seconds)
    return {**found, "20 clients": {"per_s": per_s, "by": by}}


def main() -> None:
    """Make a store, measure, say what came out, delete the store."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--devices", type=int, default=100_000)
    options.add_argument("--energetics", type=int, default=1_000_000)
    options.add_argument("--seconds", type=int, default=8)
    options.add_argument("--postgresql", action="store_true", help="on PostgreSQL, not SQLite")
    options.add_argument("--stream", action="store_true", help="send the energetics as CSV too")
    options.add_argument("--datasette", help="the program to compare with")
    given = options.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="pvkdb-bench-") as folder,
        database_at(Path(folder), given.postgresql) as url,
    ):
        start = time.monotonic()
        make_store(url, given.devices, given.energetics)
        found: dict[str, Any] = {
            "database": "postgresql" if given.postgresql else "sqlite",
            "devices": given.devices,
            "energetics": given.energetics,
            "made in s": round(time.monotonic() - start),
            "pvkdb": measure(url, given.seconds, given.stream),
        }
        if given.datasette and not given.postgresql:
            path = Path(folder) / "store.sqlite"
            found["datasette"] = measure_datasette(given.datasette, path, given.seconds)
    found["load"] = os.getloadavg()
    found["this process, peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(json.dumps(found, indent=1, ensure_ascii=False))


if __name__ == "__main__":
    main()
