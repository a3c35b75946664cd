"""Structures and barriers as files that ASE, optimade and other programs read."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase.io import read

from pvkdb.chemistry import parse_composition
from pvkdb.snapshots.structures import documents, write_archive
from pvkdb.store.curation.registration import register_material
from pvkdb.store.database import Store
from pvkdb.store.files.structure_files import many_text
from pvkdb.store.models.calculations import Calculation
from pvkdb.store.models.energetics import Energetic
from pvkdb.store.models.structures import Structure
from pvkdb_pipelines.prototypes import build

ORIGIN = 'OPTIMADE "X"\nof Å = {1}: mp-1, https://x.org/a?b=1, licence CC-BY-4.0'


@pytest.fixture
def filled(store: Store) -> Store:
    """A barrier with its two images, and a structure from elsewhere."""
    atoms = build(parse_composition("CsPbBr3"), "Pm-3m")
    with store.session() as session:
        material = register_material(session, parse_composition("CsPbBr3"), "Pm-3m")
        known = {"kind": "neb", "material_id": material.id, "parameters": {"potential": "p"}}
        session.add(Calculation(id="c1", key="k" * 64, **known))
        session.flush()
        shared: dict[str, Any] = {"material_id": material.id, "symbols": [*atoms.symbols]}
        shared |= {"atoms": len(atoms), "cell_ang": atoms.cell.array.tolist()}
        shared["positions_ang"] = atoms.positions.tolist()
        image = {"origin": "p from c1-host", "calculation_id": "c1", **shared}
        for n, energy in ((0, -20.5), (1, -20.25)):
            given = {"id": f"c1-hop1-image{n}", "role": f"hop 1 image {n}", "energy_ev": energy}
            session.add(Structure(**given, **image))
        session.add(Structure(id="start-1", role="start", origin=ORIGIN, **shared))
        barrier = {"quantity": "E_A", "scope": "hop", "value_min_ev": 0.25, "value_max_ev": 0.25}
        barrier |= {"defect": "V_Br", "species": "Br", "approximate": False, "method": "MLIP"}
        source = {"source": "calculation c1", "calculation_id": "c1"}
        session.add(Energetic(id="e-c1", material_id=material.id, **barrier, **source))
    return store


def test_ase_reads_frames_with_their_provenance_and_energy(filled: Store, tmp_path: Path) -> None:
    with filled.session(read_only=True) as session:
        found = [*documents(session, {"material": ("CsPbBr3",)})]
    (tmp_path / "all.xyz").write_text("".join(many_text(each, "extxyz") for each in found))
    first, second, start = read(tmp_path / "all.xyz", ":")
    assert first.get_potential_energy() == -20.5
    assert second.get_potential_energy() - first.get_potential_energy() == 0.25
    assert start.calc is None
    assert first.info["pvkdb_calculation"] == "c1"
    assert start.info["pvkdb_id"] == "start-1"
    assert start.info["pvkdb_origin"] == " ".join(ORIGIN.split())
    assert start.info["pvkdb_material"] == "CsPbBr3-Pm-3m"
    assert "pvkdb_calculation" not in start.info
    assert start.pbc.all()
    assert np.allclose(start.positions, found[2].positions_ang, atol=1e-7)


def test_an_archive_says_what_made_each_frame(filled: Store) -> None:
    with filled.session(read_only=True) as session:
        data = write_archive(session, documents(session, {}), lambda ids: [",".join(ids).encode()])
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        frames = read(io.StringIO(archive.read("structures.xyz").decode()), ":", format="extxyz")
        about = json.loads(archive.read("metadata.json"))
        assert archive.read("optimade.jsonl") == b"c1-hop1-image0,c1-hop1-image1,start-1"
    barrier, start = about["entries"]
    assert barrier["metadata"]["entry_id"] == "c1"
    assert barrier["metadata"]["entry_type"] == "neb"
    assert barrier["results"]["material"]["chemical_formula_reduced"] == "Br3CsPb"
    assert barrier["results"]["method"]["parameters"] == {"potential": "p"}
    (energy,) = barrier["results"]["properties"]["energetics"]
    assert (energy["id"], energy["value_min_ev"]) == ("e-c1", 0.25)
    assert start["metadata"]["comment"] == ORIGIN
    assert "method" not in start["results"]
    for entry in about["entries"]:
        for each in entry["structures"]:
            assert frames[each["frame"]].info["pvkdb_id"] == each["id"]
