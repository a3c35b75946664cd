"""Networks: lattices of the textbook, and those of the release of computed results."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pvkdb.computed import CALCULATIONS
from pvkdb.schemas.calculations.migration import NebResult
from pvkdb.simulation.network import HopNetwork
from pvkdb.store.database import Store
from pvkdb.store.files.calculation_import import take_calculations

from ..store.files.exchanging import file_of

#: Finished barriers by formula, phase and potential.
Released = dict[tuple[str, str, str], NebResult]

#: Corners of the primitive cells of the cubic lattices, in half lengths of the cubic cell, and
#: their hops.
LATTICES = {
    "simple cubic": (2 * np.eye(3), [(1, 0, 0), (0, 1, 0), (0, 0, 1)]),
    "face-centred cubic": (
        np.array([[0, 1, 1], [1, 0, 1], [1, 1, 0]]),
        [(1, 0, 0), (0, 1, 0), (0, 0, 1), (1, -1, 0), (0, 1, -1), (1, 0, -1)],
    ),
}


def lattice(name: str, saddle_ev: float = 0.3, a_ang: float = 4.0) -> HopNetwork:
    """One site in a cell, and hops over one barrier."""
    cell, hops = LATTICES[name]
    listed = [((0, 0, hop), saddle_ev, 0) for hop in hops]
    return HopNetwork(a_ang / 2 * cell, [[0, 0, 0]], [0.0], listed)


def barrier_lines() -> list[dict[str, Any]]:
    with gzip.open(CALCULATIONS, "rt") as stream:
        return [json.loads(line) for line in stream if '"barrier_forward_ev"' in line]


@pytest.fixture(scope="session")
def released() -> Released:
    """Finished barriers of the release by formula, phase and potential."""
    found = {}
    for line in barrier_lines():
        if line["kind"] == "neb":
            material, potential = line["material"], line["parameters"]["potential"]
            result = NebResult.model_validate(line["result"])
            found[material["formula"], material["phase"], potential] = result
    return found


@pytest.fixture(scope="session")
def caesium_lead_bromide(released: Released) -> NebResult:
    """The bromide vacancy of γ-CsPbBr3 by SevenNet-0."""
    return released["CsPbBr3", "Pnma", "sevennet-0"]


def computed_barriers(store: Store, folder: Path) -> None:
    """Put the released barriers of γ-CsPbBr3 into a store."""
    wanted = [line for line in barrier_lines() if line["material"]["formula"] == "CsPbBr3"]
    with store.session() as session:
        take_calculations(session, file_of(folder / "lines.jsonl.gz", *wanted))


@pytest.fixture
def barriers(sqlite_store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """The literature and the barriers of γ-CsPbBr3, in the store of a user's folder."""
    computed_barriers(sqlite_store, tmp_path)
    monkeypatch.setenv("PVKDB_DATABASE_URL", str(sqlite_store.url))
    monkeypatch.chdir(tmp_path)
    return sqlite_store
