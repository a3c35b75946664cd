"""Structures of other databases: two services on loopback, one of which dies in the middle."""

from __future__ import annotations

import json
import shutil
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from ase import Atoms
from sqlalchemy import select

from pvkdb.chemistry import parse_composition
from pvkdb.client._io.service import Patience
from pvkdb.errors import InputError
from pvkdb.store.curation.registration import register_material
from pvkdb.store.database import Store
from pvkdb.store.models.structures import Structure
from pvkdb_pipelines.prototypes import build
from pvkdb_pipelines.structures.providers import (
    PAGE,
    FetchReport,
    atoms_of_entry,
    fetch_structures,
    read_documents,
)

from ...structures import structure_row

FILTER = 'elements HAS ALL "Cs","Pb"'
CUBIC = build(parse_composition("CsPbI3"), "Pm-3m")
HASTY = Patience(retries=1, limit_s=20, max_answer_mb=5)


def entry(name: str, atoms: Atoms, **changes: Any) -> dict[str, Any]:
    """A structure as OPTIMADE 1.2 writes it."""
    symbols = sorted(set(atoms.get_chemical_symbols()))
    species = [{"name": s, "chemical_symbols": [s], "concentration": [1.0]} for s in symbols]
    attributes = {
        "lattice_vectors": atoms.cell.array.tolist(),
        "cartesian_site_positions": atoms.positions.tolist(),
        "species": species,
        "species_at_sites": atoms.get_chemical_symbols(),
        "structure_features": [],
        "nperiodic_dimensions": 3,
        **changes,
    }
    return {"id": name, "type": "structures", "attributes": attributes}


def scaled(atoms: Atoms, step: int) -> Atoms:
    """The same crystal with a cell that is longer by steps of 0.01 %."""
    longer = atoms.copy()
    longer.set_cell(atoms.cell.array * (1 + 1e-4 * step), scale_atoms=True)
    return longer


class FaultyProvider(ThreadingHTTPServer):
    """An OPTIMADE provider that is busy once, and breaks off in the middle of a page."""

    def __init__(self, entries: list[dict[str, Any]], page: int, breaks_at: int | None) -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        self.entries, self.page, self.breaks_at = entries, page, breaks_at
        self.busy, self.asked, self.circle, self.moved = 1, Counter[str](), False, ""
        self.next_host = self.base = f"http://127.0.0.1:{self.server_address[1]}"


class _Answers(BaseHTTPRequestHandler):
    server: FaultyProvider

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        self.server.asked[self.path] += 1
        if url.path == "/v1/info":
            licences = {"available_licenses": ["CC-BY-4.0"], "license": {"href": "http://a/b"}}
            provider = {"name": "Faulty\nprovider", "prefix": "faulty"}
            self._send({"data": {"attributes": licences}, "meta": {"provider": provider}})
            return
        start = int(parse_qs(url.query).get("page_offset", ["0"])[0])
        if self.server.busy and start:
            self.server.busy -= 1
            self._send_nothing(429, "Retry-After", "0")
            return
        if self.server.moved and start:
            self._send_nothing(302, "Location", self.server.moved)
            return
        end = start + self.server.page
        following = 0 if self.server.circle else end
        more = f"{self.server.next_host}/v1/structures?page_offset={following}"
        self._send(
            {
                "data": self.server.entries[start:end],
                "links": {"next": {"href": more} if end < len(self.server.entries) else None},
                "meta": {"request_delay": 0.001},
            },
            broken=self.server.breaks_at is not None and start >= self.server.breaks_at,
        )

    def _send_nothing(self, status: int, header: str, value: str) -> None:
        self.send_response(status)
        self.send_header(header, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _send(self, document: Any, broken: bool = False) -> None:
        body = json.dumps(document).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if broken else body)

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def faulty(
    entries: list[dict[str, Any]], page: int = 2, breaks_at: int | None = None
) -> Iterator[FaultyProvider]:
    with FaultyProvider(entries, page, breaks_at) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def fetched(store: Store, server: FaultyProvider, folder: Path, **limits: Any) -> FetchReport:
    progress = folder / "p.json"
    (report,) = fetch_structures(store, FILTER, [server.base], progress=progress, **limits)
    return report


def origins(store: Store) -> dict[str, str]:
    with store.session(read_only=True) as session:
        return dict(session.execute(select(Structure.id, Structure.origin)).all())


MIXED = [{"name": "B", "chemical_symbols": ["Pb", "Sn"], "concentration": [0.5, 0.5]}]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        (
            {"species": [*entry("", CUBIC)["attributes"]["species"][:2], *MIXED]},
            "disordered: site B",
        ),
        ({"structure_features": ["disorder"]}, "disordered: it has disorder"),
        ({"nperiodic_dimensions": 2}, "not periodic: in 2 dimensions"),
        ({"lattice_vectors": [[1, 0, 0], [0, 1, 0]]}, "incomplete: lattice_vectors"),
        ({"cartesian_site_positions": [[0, 0, None]]}, "incomplete: cartesian_site_positions"),
        ({"species_at_sites": ["Cs"]}, "incomplete: it has different numbers"),
        ({"species_at_sites": ["Cs", "Pb", "I", "I", "Q"]}, "incomplete: 'Q' is not"),
    ],
)
def test_what_is_no_ordered_crystal_is_refused(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        atoms_of_entry(entry("x", CUBIC, **changes)["attributes"])


def test_refused_structures_are_counted_and_the_others_keep_their_origin(store, tmp_path):
    crowded, thin = CUBIC.copy(), CUBIC.copy()
    crowded.positions[1] = crowded.positions[0] + 0.3
    thin.cell[2] = thin.cell[0] + [0.0, 0.0, 0.4]
    entries = [
        entry("a/1", CUBIC),
        entry("a/1 again", CUBIC),
        entry("alloy", Atoms("CsPb", positions=np.eye(2, 3) * 3, cell=[6] * 3, pbc=True)),
        entry("layers", Atoms("PbI2", positions=np.eye(3) * 3, cell=[6] * 3, pbc=True)),
        entry("vacancy", CUBIC[:-1]),
        entry("crowded", crowded),
        entry("thin", thin),
        entry("large", CUBIC.repeat((4, 4, 4))),
        entry("mixed", CUBIC, structure_features=["disorder"]),
        {"id": 7},
        "nothing",
    ]
    with faulty(entries) as server:
        (report,) = fetch_structures(
            store,
            FILTER,
            [server.base, f"{server.base}/v1"],  # one provider
            progress=tmp_path / "p.json",
            patience=HASTY,
        )
        assert max(server.asked.values()) == 2  # the page that was busy
    assert (report.received, report.stored, report.known) == (11, 1, 1)
    assert report.refused == {
        "not a halide perovskite": 3,
        "unusable geometry": 2,
        "too large": 1,
        "disordered": 1,
        "incomplete": 2,
    }
    assert report.examples["too large"].startswith("large: 320 atoms")
    (origin,) = origins(store).values()
    assert origin.startswith(f"Faulty provider (faulty): a/1, {server.base}/v1/structures/a/1, ")
    assert origin.endswith("licence CC-BY-4.0")
    assert not (tmp_path / "p.json").exists()


@pytest.mark.parametrize(
    ("fault", "most_mb", "reason"),
    [
        ({"next_host": "http://localhost:1"}, 5, "a next page elsewhere: http://localhost:1"),
        ({"next_host": "http://127.0.0.1:1"}, 5, "a next page elsewhere: http://127.0.0.1:1"),
        ({"next_host": "file:///etc"}, 5, "gives a next page elsewhere"),
        ({"moved": "http://127.0.0.1:1/"}, 5, "leads elsewhere: http://127.0.0.1:1; if you"),
        ({"moved": "https://127.0.0.1/"}, 5, "leads elsewhere: https://127.0.0.1; if you"),
        ({"circle": True}, 5, "its pages never end"),
        ({}, 0.001, "answered with more than 0.001 MB"),
    ],
)
def test_a_provider_may_not_lead_elsewhere_in_circles_or_send_too_much(
    sqlite_store, tmp_path, fault, most_mb, reason
):
    entries = [entry(str(n), scaled(CUBIC, n)) for n in range(4)]
    with faulty(entries) as server:
        vars(server).update(fault)
        patience = Patience(retries=1, limit_s=20, max_answer_mb=most_mb)
        report = fetched(sqlite_store, server, tmp_path, patience=patience)
    assert reason in report.stopped
    assert report.failed


def test_limits_stop_and_the_next_call_goes_on(store: Store, tmp_path: Path) -> None:
    entries = [entry(str(n), scaled(CUBIC, n)) for n in range(5)]
    asked: list[int] = []
    with faulty(entries) as server:
        for pages in (1, 1, 5):
            report = fetched(store, server, tmp_path, pages=pages)
            asked.append(report.received)
            assert not report.failed
        late = fetched(store, server, tmp_path, minutes=0)
    assert asked == [2, 2, 1]
    assert (late.stopped, late.stored, late.known) == ("limit of 0 minutes", 0, 2)
    assert len(origins(store)) == 5


def test_documents_of_the_materials_project_are_read(store: Store, tmp_path: Path) -> None:
    def document(name: str, shares: dict[str, float], **facts: Any) -> dict[str, Any]:
        """As emmet-core 0.87 writes it: pymatgen's dictionary, with positions as fractions."""
        first = [{"element": element, "occu": share} for element, share in shares.items()]
        sites = [
            {"species": [{"element": s, "occu": 1}] if number else first, "abc": place.tolist()}
            for number, (s, place) in enumerate(
                zip(CUBIC.symbols, CUBIC.get_scaled_positions(), strict=True)
            )
        ]
        lattice = {"matrix": CUBIC.cell.array.tolist()}
        return {"material_id": name, "structure": {"lattice": lattice, "sites": sites}, **facts}

    path = tmp_path / "mp.json"
    documents = [
        document("mp-1", {CUBIC.symbols[0]: 1}, energy_above_hull=0.012),
        document("mp-2", {"Cs": 0.5, "Rb": 0.5}),
        {"material_id": "mp-3", "structure": {"sites": [{"abc": [0, 0]}]}},
    ]
    path.write_text(json.dumps(documents), encoding="utf-8")
    report = read_documents(store, path)
    assert (report.stored, report.refused) == (1, {"disordered": 1, "incomplete": 1})
    ((key, origin),) = origins(store).items()
    assert "mp-1, https://next-gen.materialsproject.org/materials/mp-1, 0.012 eV/atom" in origin
    assert origin.endswith("licence CC-BY-4.0")
    with store.session(read_only=True) as session:
        kept = session.get_one(Structure, key)
        assert kept.material.id == "CsPbI3-Pm-3m"
        assert np.allclose(kept.positions_ang, CUBIC.positions, atol=1e-6)
    path.write_text("{}", encoding="utf-8")
    with pytest.raises(InputError, match="has no list of documents"):
        read_documents(store, path)


@pytest.mark.long
def test_a_thousand_structures_come_though_one_provider_dies(
    sqlite_store: Store, tmp_path: Path, migrated_sqlite: Path
) -> None:
    from ...api.optimade.conftest import served

    shutil.copy(migrated_sqlite, tmp_path / "theirs.sqlite")
    theirs = Store(f"sqlite:///{tmp_path / 'theirs.sqlite'}")
    composition = parse_composition("CsPbBr3")
    bromide = build(composition, "Pnma")
    with theirs.session() as session:
        material = register_material(session, composition, "Pnma")
        for n in range(500):
            session.add(structure_row(f"s{n}", scaled(bromide, n), material=material))
    theirs.close()
    entries = [entry(f"f-{n}", scaled(CUBIC, n)) for n in range(500)]
    progress = tmp_path / "p.json"
    with served(theirs) as address, faulty(entries, PAGE, breaks_at=300) as server:
        urls = [f"{address}/optimade", server.base]
        healthy, dead = fetch_structures(
            sqlite_store, FILTER, urls, progress=progress, patience=HASTY
        )
        assert (healthy.stored, healthy.stopped) == (500, "")
        assert (dead.stored, dead.failed) == (300, True)
        assert "cannot be reached" in dead.stopped
        assert len(origins(sqlite_store)) == 800
        server.breaks_at = None
        before = server.asked.copy()
        skipped, resumed = fetch_structures(sqlite_store, FILTER, urls, progress=progress)
        assert (skipped.received, bool(skipped.finished)) == (0, True)
        assert (resumed.stored, resumed.known, resumed.stopped) == (200, 0, "")
        assert not progress.exists()
        assert set(server.asked - before) == {
            "/v1/info",
            "/v1/structures?page_offset=300",
            "/v1/structures?page_offset=400",
        }
        kept = origins(sqlite_store)
        again = fetch_structures(sqlite_store, FILTER, urls, progress=progress, pages=1)
        assert [(each.stored, each.known) for each in again] == [(0, 100), (0, 100)]
        assert origins(sqlite_store) == kept
    assert len(kept) == 1000
    assert len({origin.partition(", fetched ")[0] for origin in kept.values()}) == 1000
