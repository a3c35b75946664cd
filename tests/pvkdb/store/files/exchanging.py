"""Files of calculations for tests: written, taken, and made line by line."""

from __future__ import annotations

import copy
import gzip
import json
from pathlib import Path
from typing import Any

from pvkdb.schemas.calculations import PotentialName
from pvkdb.schemas.calculations.relaxations import ElementRequest, ElementResult
from pvkdb.store.database import Store
from pvkdb.store.files.calculation_import import ImportCounts, take_calculations
from pvkdb.store.files.exchange import write_calculations, write_queued

from ....queueing import Queue

Line = dict[str, Any]


def file_of(path: Path, *lines: Line) -> Path:
    """A file of calculations."""
    head = {"format": "pvkdb calculations", "version": 1, "pvkdb_version": "0", "calculations": 0}
    head["calculations"] = len(lines)
    text = "".join(json.dumps(line) + "\n" for line in (head, *lines))
    path.write_bytes(gzip.compress(text.encode()))
    return path


def element(symbol: str) -> ElementRequest:
    return ElementRequest(symbol=symbol, potential=PotentialName.CHGNET)


def ended(store: Store, symbol: str, failure: str | None = None) -> str:
    """An element that was relaxed, or failed for this reason."""
    queue = Queue(store)
    name = queue.put(element(symbol))
    queue.claim("a", name)
    if failure is None:
        result = ElementResult(
            symbol=symbol, energy_ev_per_atom=-1.1, atoms=1, volume_ang3_per_atom=73.0,
            space_group="Im-3m", structure_source="a test", steps=9, force_calls=10,
            cpu_seconds=0.5, wall_seconds=1.0,
        )  # fmt: skip
        queue.finish(name, "a", result.model_dump(mode="json"), {"ase": "3"})
    else:
        queue.fail(name, "a", failure, "a test")
    return name


def written(store: Store, path: Path) -> int:
    with store.session(read_only=True) as session:
        return write_calculations(session, path)[0]


def taken(store: Store, path: Path) -> ImportCounts:
    with store.session() as session:
        return take_calculations(session, path)


def sent(store: Store, path: Path) -> tuple[int, int]:
    """Numbers of queued calculations that were written, and left out."""
    with store.session() as session:
        number, left_out = write_queued(session, path)
    return number, len(left_out)


def with_path(barrier: Line) -> Line:
    """The line of a barrier with the images of its first hop."""
    line = copy.deepcopy(barrier)
    (host,) = line["structures"]
    energies = line["result"]["hops"][0]["image_energies_ev"]
    for index, energy in enumerate(energies):
        image = copy.deepcopy(host)
        for column in ("symbols", "positions_ang"):
            image[column].pop()  # a bromine
        role = "saddle" if energy == max(energies) else f"image {index}"
        image.update(
            id=host["id"].replace("host", f"hop-1-image-{index}"),
            role=f"hop 1 {role}",
            parent_id=host["id"],
            space_group=None,
            energy_ev=-100 + energy,
        )
        line["structures"].append(image)
    return line
