"""``pvkdb structure``: starts from prototypes, relaxed hosts, structures that users bring."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import pytest
from ase import Atoms
from ase.io import read

from pvkdb.chemistry import parse_composition
from pvkdb.store.curation.registration import register_material
from pvkdb.store.database import Store
from pvkdb.store.models.calculations import Calculation
from pvkdb_pipelines.geometry.symmetry import space_group
from pvkdb_pipelines.prototypes import build

from ....structures import structure_row
from ..conftest import Run
from ..test_commands import failed_clearly


def parsed(text: str, format: str) -> Atoms:
    return read(io.StringIO(text), format=format)


@pytest.mark.parametrize(
    ("format", "reader"), [("cif", "cif"), ("poscar", "vasp"), ("extxyz", "extxyz")]
)
def test_start_is_written_in_every_format(run: Run, format: str, reader: str) -> None:
    outcome = run("structure", "CsPbI3", "--phase", "delta", "--format", format)
    atoms = parsed(outcome.stdout, reader)
    assert atoms.symbols.formula.count() == {"Cs": 4, "Pb": 4, "I": 12}
    assert space_group(atoms, 1e-3).symbol == "Pnma"
    for text in (outcome.stdout, outcome.stderr):  # what it is travels with the file
        assert "not relaxed" in text.replace("\n", " ")
        assert "ic401215x" in text.replace("\n", "")


def test_the_likeliest_phase_is_the_default(run: Run, tmp_path: Path) -> None:
    outcome = run("structure", "Cs2AgBiBr6", "-o", "start.cif")
    assert outcome.stdout == ""
    text = (tmp_path / "start.cif").read_text(encoding="utf-8")
    assert "Cs2AgBiBr6 Fm-3m" in text
    assert "_symmetry_Int_Tables_number   225" in text
    run("structure", "CsPbBr3", "-o", "POSCAR")
    assert parsed((tmp_path / "POSCAR").read_text(encoding="utf-8"), "vasp").symbols[0] == "Cs"


def test_rattle_breaks_the_symmetry_reproducibly(run: Run) -> None:
    arguments = ("structure", "CsPbI3", "--format", "extxyz", "--rattle", "0.05", "--seed", "7")
    one, same = run(*arguments).stdout, run(*arguments).stdout
    assert one == same
    assert space_group(parsed(one, "extxyz"), 1e-3).number == 1
    assert "seed 7" in one


def test_a_mixture_states_its_size_seed_and_quality_in_the_file_and_beside_it(run: Run) -> None:
    made = run("structure", "CsPbI2Br", "--seed", "7", "--format", "extxyz")
    for text in (made.stdout, made.stderr):
        assert "8 formula units (40 sites), seed 7" in text
        assert "objective 0.0" in text
        assert "X +0.0" in text
    assert "Fm-3m" in run("structure", "CsPb0.5Sn0.5I3", "--phase", "Pm-3m", "--ordered").stderr


def test_molecules_are_placed_in_a_pattern(run: Run) -> None:
    shown = run("structure", "MAPbI3", "--orientation", "random", "--seed", "3")
    assert "random pattern, seed 3" in shown.stderr
    assert shown.stdout.count(" N ") == 4
    refused = run("structure", "MAPbI3", "--orientation", "up", code=2)
    assert "antipolar, polar, random" in refused.stderr


def test_list_names_the_phases_and_their_sources(run: Run) -> None:
    table = run("structure", "Cs3Sb2I9", "--list").stdout
    assert "P6_3/mmc" in table
    assert "corners with 3" in table
    assert max(map(len, table.splitlines())) <= 100
    listed = json.loads(run("structure", "CsPbI3", "--list", "--json").stdout)
    assert {entry["phase"] for entry in listed if entry["searched"]} == {"Pnma", "delta"}
    assert all(entry["source"] for entry in listed)
    hybrid = json.loads(run("structure", "MAPbI3", "--list", "--json").stdout)
    assert "delta" not in {entry["phase"] for entry in hybrid}
    mixed = run("structure", "DMAPbI3", "--list")
    assert "delta" in mixed.stdout
    assert "molecule" in mixed.stderr


def test_relaxed_host_comes_from_the_store(run: Run, user_store: Store) -> None:
    none = run("structure", "CsPbI3", "--relaxed", code=3)
    assert failed_clearly(none, "pvkdb neb CsPbI3")
    composition = parse_composition("CsPbI3")
    host = build(composition, "Pnma")
    with user_store.session() as session:
        of = {"material_id": register_material(session, composition, "Pnma").id}
        for name, potential in (("c0", "chgnet"), ("c1", "sevennet-0")):
            given = {"potential": potential}
            done = Calculation(id=name, key=name, kind="neb", state="done", parameters=given, **of)
            session.add(done)
            session.flush()
            made = {"origin": f"{potential} from the Pnma prototype", "calculation_id": name}
            session.add(structure_row(f"{name}-host", host, space_group="Pnma", **of, **made))
    both = run("structure", "CsPbI3", "--relaxed", "--format", "poscar")
    assert "structure c1-host" in both.stdout
    assert "c0-host (chgnet)" in both.stderr.replace("\n", " ")
    one = run("structure", "CsPbI3", "--relaxed", "--potential", "chgnet", "--format", "poscar")
    assert "structure c0-host" in one.stdout
    assert len(parsed(one.stdout, "vasp")) == 20
    other = run("structure", "CsPbI3", "--relaxed", "--phase", "delta", code=3)
    assert failed_clearly(other, "delta")


@pytest.mark.usefixtures("initialised")
def test_users_bring_structures_as_starts(run: Run, tmp_path: Path) -> None:
    run("structure", "CsPbI3", "--phase", "delta", "-o", "mine.cif")
    brought = json.loads(run("structure", "CsPbI3", "--from", "mine.cif", "--json").stdout)
    # Pnma, but its octahedra share edges: the delta phase, not the perovskite.
    assert brought["material"] == "CsPbI3-delta"
    again = json.loads(run("structure", "CsPbI3", "--from", "mine.cif", "--json").stdout)
    assert again == brought
    rows = run("export", "structures").stdout
    assert rows.count("start-") == 1
    assert "mine.cif" in rows
    run("export", "structures", "--where", "role=start", "-o", "all.xyz")
    frame = read(tmp_path / "all.xyz")
    assert frame.info["pvkdb_id"] == brought["id"]
    run("export", "structures", "-o", "all.zip")
    with zipfile.ZipFile(tmp_path / "all.zip") as archive:
        assert {*archive.namelist()} == {"structures.xyz", "optimade.jsonl", "metadata.json"}
        assert brought["id"].encode() in archive.read("optimade.jsonl")
    other = run("structure", "CsPbBr3", "--from", "mine.cif", code=2)
    assert failed_clearly(other, "mine.cif holds CsPbI3, not CsPbBr3")


@pytest.mark.slow
@pytest.mark.usefixtures("initialised")
def test_an_unreachable_provider_is_reported_beside_the_others(run: Run, tmp_path: Path) -> None:
    (tmp_path / "mp.json").write_text('[{"material_id": "mp-1"}]', encoding="utf-8")
    bare = run("fetch-structures", "--from", "http://127.0.0.1:9", code=2)
    assert failed_clearly(bare, "need a filter")
    arguments = ("--from", "mp.json", "--from", "http://127.0.0.1:9", 'elements HAS "Cs"')
    outcome = run("fetch-structures", *arguments, code=6)
    assert "http://127.0.0.1:9/v1: cannot be reached" in outcome.stderr
    assert "run the same command again" in outcome.stderr
    assert "1 received, 0 stored, 0 already there, 1 refused" in " ".join(outcome.stdout.split())
    read, failed = json.loads(run("fetch-structures", *arguments, "--json", code=6).stdout)
    assert (read["refused"], failed["failed"]) == ({"incomplete": 1}, True)


def test_a_start_that_is_hardly_a_perovskite_comes_with_a_warning(run: Run) -> None:
    assert "a probability of 0.00 to be a perovskite" in run("structure", "LiMgI3").stderr
    assert "probability" not in run("structure", "LiMgI3", "--phase", "delta").stderr
    assert "probability" not in run("structure", "CsPbBr3").stderr


def test_what_keeps_a_command_from_an_answer_is_named(run: Run) -> None:
    empty = run("tolerance", "CsGeI3", "CsPbI3", "", code=2)
    assert "formulas: number 3 is an empty text" in empty.stderr
    molecular = run("hull", "MAPbI3", code=2)
    assert "MAPbI3 has MA on A, Pb on B, I on X" in molecular.stderr
