"""A structure comes as JSON, CIF, POSCAR or extended XYZ, and is the same in all of them."""

from __future__ import annotations

import io
import sys
import warnings

import numpy as np
import pytest
from ase import Atoms
from ase.io import read
from pymatgen.core import Structure as Crystal

from pvkdb.chemistry import parse_composition
from pvkdb.store.curation.registration import register_material
from pvkdb_pipelines.prototypes import build, compound_of

from ...structures import structure_row
from ..explorer.browsing import Browser, alert_in

PATH = "/api/v1/structures/c1-host"


@pytest.fixture
def stored(store, api) -> Atoms:
    """The tilted prototype of CsPbBr3, in the store."""
    composition = parse_composition("CsPbBr3")
    atoms = build(compound_of(composition), "Pnma")
    with store.session() as session:
        of = {"material": register_material(session, composition, "Pnma"), "energy_ev": -65.5}
        session.add(structure_row("c1-host", atoms, origin="chgnet from the Pnma\nprototype", **of))
    return atoms


def test_json_is_the_format_unless_another_is_asked_for(stored, api):
    plain, json = api.get(PATH), api.get(PATH, format="json")
    assert plain.json() == json.json()
    assert plain.headers["content-type"] == "application/json"
    assert plain.json()["symbols"] == stored.get_chemical_symbols()


@pytest.mark.parametrize(
    ("format", "reader", "media_type", "ending"),
    [
        ("poscar", "vasp", "text/plain; charset=utf-8", "vasp"),
        ("extxyz", "extxyz", "text/plain; charset=utf-8", "xyz"),
    ],
)
def test_cell_and_atoms_are_those_stored(stored, api, format, reader, media_type, ending):
    answer = api.get(PATH, format=format)
    assert answer.headers["content-type"] == media_type
    assert answer.headers["content-disposition"] == f'attachment; filename="c1-host.{ending}"'
    got = read(io.StringIO(answer.text), format=reader)
    assert got.get_chemical_symbols() == stored.get_chemical_symbols()
    assert np.allclose(got.cell.array, stored.cell.array, atol=1e-6)
    assert np.allclose(got.get_scaled_positions(), stored.get_scaled_positions(), atol=1e-6)
    assert "host of CsPbBr3-Pnma" in answer.text
    assert "chgnet from the Pnma prototype" in answer.text
    assert "-65.500000 eV" in answer.text


def test_a_cif_has_the_symmetry_and_the_same_crystal(stored, api):
    answer = api.get(PATH, format="cif")
    assert answer.headers["content-type"] == "chemical/x-cif"
    assert "_symmetry_Int_Tables_number   62" in answer.text
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pymatgen rounds what it has written itself
        got = Crystal.from_str(answer.text, fmt="cif")
    assert got.composition.reduced_formula == "CsPbBr3"
    assert len(got) == len(stored)
    assert got.volume == pytest.approx(stored.get_volume(), rel=1e-5)


def test_what_is_not_there_or_not_offered_is_refused(stored, api):
    assert api.problem("/api/v1/structures/none", 404, format="cif")["detail"] == (
        "structures holds no 'none'"
    )
    problem = api.problem(PATH, 422, format="cfi")
    assert problem["parameter"] == "format"
    assert "'cif'" in problem["detail"]


def test_a_server_without_ase_says_what_it_lacks(stored, api, monkeypatch):
    monkeypatch.setitem(sys.modules, "ase", None)
    problem = api.problem(PATH, 501, format="poscar")
    assert "pip install 'pvkdb[screening]'" in problem["detail"]
    assert api.get(PATH).status_code == 200


def test_its_own_cif_is_a_known_phase(stored, api):
    cif = api.get(PATH, format="cif").text
    page = Browser(api.app).submit("/structures", {"cif": cif})
    assert page.status_code == 200
    assert "Known phase: CsPbBr3-Pnma" in page.text
    other = Browser(api.app).submit("/structures", {}, {"cif": cif.replace("Pb", "Sn")})
    assert "Prototype: the structure of CsPbBr3-Pnma, with other ions" in other.text
    assert "Pb for Sn" in other.text
    refused = Browser(api.app).submit("/structures", {"cif": "data_x"})
    assert (refused.status_code, "no structure as CIF" in alert_in(refused.text)) == (422, True)
