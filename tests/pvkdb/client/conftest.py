"""A real service with the literature, and clients of it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from ase import Atoms

from pvkdb.chemistry import parse_composition
from pvkdb.client import Client
from pvkdb.client._io import carriers
from pvkdb.store.curation.registration import register_material
from pvkdb.store.database import Store
from pvkdb.store.models.structures import Structure
from pvkdb_api.app import create_app
from pvkdb_api.core.settings import ServiceSettings
from pvkdb_pipelines.screening.funnel import Funnel
from pvkdb_pipelines.screening.plan.plan import parse_plan
from pvkdb_pipelines.screening.recorded import begin_run

from ...clocks import set_clock
from ...programs import listening
from ...structures import structure_row

PLAN = """\
title = "Caesium halides"
types = ["ABX3"]
stop_after = "tolerance"
rank_by = "tau"
[ions]
A = ["Cs"]
B = ["Pb2+", "Sn2+"]
X = ["I", "Br", "Cl"]
[filters]
tolerance = ["tau < 4.1"]
"""


def cubic_cspbbr3(material_id: str) -> Structure:
    """CsPbBr3 as a cube of 5.87 Å."""
    places = [[0, 0, 0], [0.5, 0.5, 0.5], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]]
    cube = Atoms("CsPbBr3", scaled_positions=places, cell=[5.87] * 3)
    return structure_row("s1", cube, material_id=material_id)


def screen(store: Store) -> None:
    """Run a plan to its tolerance stage: nothing is computed."""
    run = begin_run(store, "caesium")
    assert run is not None
    run.screen(Funnel(parse_plan(PLAN), store))


SETTINGS = ServiceSettings(allow_local_writes=True, rate_per_minute=0)


@pytest.fixture(scope="session")
def served(
    loaded_sqlite: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Store, str]]:
    """A loaded store, and the address of a service on it."""
    path = tmp_path_factory.mktemp("client") / "store.sqlite"
    shutil.copy(loaded_sqlite, path)
    store = Store(f"sqlite:///{path}")
    with store.session() as session:
        material = register_material(session, parse_composition("CsPbBr3"), "Pnma")
        session.add(cubic_cspbbr3(material.id))
    screen(store)
    with listening(create_app(str(store.url), SETTINGS)) as address:
        yield store, address
    store.close()


@pytest.fixture(scope="session")
def address(served: tuple[Store, str]) -> str:
    return served[1]


@pytest.fixture
def client(address: str) -> Iterator[Client]:
    with Client(address, api_key=SETTINGS.local_key) as client:
        yield client


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What the client would have slept, without the spread over clients."""
    slept: list[float] = []
    set_clock(monkeypatch, carriers, sleep=slept.append)
    monkeypatch.setattr("pvkdb.client._io.service.random.uniform", lambda low, high: 1.0)
    return slept
