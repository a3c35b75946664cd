"""The commands of the DFT tier, as a user runs them; pw.x itself is tested with the pipelines."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pvkdb.cli.app import app
from pvkdb.errors import PvkdbError
from pvkdb.schemas.calculations.migration import NebRequest
from pvkdb.schemas.calculations.relaxations import Host
from pvkdb.store.database import Store
from pvkdb.store.models.calculations import Calculation
from pvkdb.store.models.structures import Structure
from pvkdb.store.queue.claims import submit

from ....each import for_each
from ....pipelines.dft.barriers import stored_barrier
from ..conftest import Run


@pytest.fixture
def key(user_store: Store) -> str:
    """The id of a finished barrier."""
    return stored_barrier(user_store)


def test_charges_are_queued_once_each_and_failures_are_typed(
    run: Run, key: str, environment: dict[str, str]
) -> None:
    first = run("dft", key, "--charge", "0", "--charge", "1", "--kpoints", "1x1x1", "--json")
    documents = json.loads(first.stdout)
    assert [entry["parameters"]["settings"]["charge"] for entry in documents] == [0, 1]
    assert {entry["kind"] for entry in documents} == {"dft-path"}
    assert {entry["material"] for entry in documents} == {"CsPbBr3-Pnma"}
    again = run("dft", key, "--charge", "1", "--kpoints", "1 1 1")
    assert f"already queued  {documents[1]['id']}" in again.stderr
    assert "note: Γ only" in again.stderr
    assert "charge +1" in again.stderr

    environment["PVKDB_PW_COMMAND"] = "no-such-pw.x"
    worked = run("work", code=5)
    assert worked.stderr.count("program not found") == 2
    assert "Traceback" not in worked.stderr


@pytest.mark.slow
def test_molecular_dynamics_is_queued_once(run: Run, user_store: Store, key: str) -> None:
    with user_store.session() as session:
        image = session.get_one(Structure, f"{key}-hop-1-image-0")
        same = ("material_id", "origin", "calculation_id", "atoms", *Host.model_fields)
        host = Structure(id=f"{key}-host", role="host", **{n: getattr(image, n) for n in same})
        session.add(host)
    asked = run("md", key, "--temperature-k", "800", "--picoseconds", "50", "--json")
    document = json.loads(asked.stdout)
    assert (document["kind"], document["material"]) == ("md", "CsPbBr3-Pnma")
    given = document["parameters"]
    assert (given["defect"], given["settings"]["picoseconds"]) == ("V_Br", 50.0)
    assert len(given["host"]["symbols"]) == 4
    again = run("md", key, "--temperature-k", "800", "--picoseconds", "50")
    assert f"already queued  {document['id']}  V_Br in CsPbBr3, 800 K, 50 ps" in again.stderr
    other = run("md", document["id"], "--temperature-k", "800", code=2)
    assert "is not a finished barrier of a vacancy" in other.stderr
    refused = run("md", key, "--temperature-k", "-1", code=2).stderr
    assert refused.startswith("pvkdb: --temperature-k = -1.0: ")


def test_dft_waits_for_a_barrier_that_is_not_computed_yet(run: Run, user_store: Store) -> None:
    with user_store.session() as session:
        key = submit(session, NebRequest(formula="CsPbBr3", phase="Pnma"))[0].id
    asked = run("dft", key, "--method", "neb", "--fmax", "0.1", "--charge", "1")
    assert "waiting  " in asked.stderr
    assert f"dft-neb of CsPbBr3, charge +1, after {key}" in asked.stderr
    (listed,) = [line for line in run("jobs").stdout.splitlines() if "dft-after" in line]
    shown = run("jobs", "show", listed.split()[0])
    assert f"waits for    {key} (queued)" in shown.stdout
    run("dft", key, "--hop", "0", code=2)


def test_a_barrier_is_exported_and_its_empty_folder_refused(
    run: Run, user_store: Store, key: str, tmp_path: Path
) -> None:
    written = run("dft", key, "--charge", "1", "--by-hand", "job")
    assert f"pvkdb import-results {key} job" in written.stderr
    files = {str(path.relative_to(tmp_path / "job")) for path in (tmp_path / "job").rglob("*.in")}
    assert files == {"start/pw.in", "saddle/pw.in", "end/pw.in"}
    assert "tot_charge       = 1" in (tmp_path / "job" / "saddle" / "pw.in").read_text()
    readme = (tmp_path / "job" / "README.md").read_text()
    assert "br_pbe_v1.4.uspp.F.UPF" in readme
    assert "charge +1" in readme
    outcome = run("import-results", key, "job", code=2)
    assert "one output of pw.x" in outcome.stderr
    with user_store.session() as session:
        assert [entry.kind for entry in session.query(Calculation)] == ["neb"]


def test_a_queued_dft_calculation_is_exported(run: Run, key: str) -> None:
    queued = json.loads(run("dft", f"{key}-hop-1-image-0", "--charge", "1", "--json").stdout)[0]
    written = run("export-inputs", queued["id"], "--for", "vasp", "--json")
    folder = f"dft-{queued['id']}-vasp"
    names = {Path(file).name for file in json.loads(written.stdout)["files"]}
    assert names == {"INCAR", "KPOINTS", "POSCAR", "POTCAR.spec", "README.md", "pvkdb-job.json"}
    assert json.loads(written.stdout)["folder"] == folder


def test_a_band_between_two_structures_is_written_and_nothing_is_queued(
    run: Run, user_store: Store, key: str, tmp_path: Path
) -> None:
    ends = (f"{key}-hop-1-image-0", "--to", f"{key}-hop-1-image-2")
    run("dft", *ends, "--method", "neb", "--engine", "vasp", "--by-hand", "job")
    folders = {path.name for path in (tmp_path / "job").iterdir()}
    assert {"00", "01", "04", "start", "end"} <= folders
    readme = (tmp_path / "job" / "README.md").read_text()
    assert f"path of pairwise distances (IDPP) that begins with {ends[0]}" in readme
    job = json.loads((tmp_path / "job" / "pvkdb-job.json").read_text())
    assert job["request"]["defect"] == "V_Br"
    with user_store.session() as session:
        assert [entry.kind for entry in session.query(Calculation)] == ["neb"]


@for_each(
    ("arguments", "words"),
    [
        (("export-inputs", "nothing"), "no calculation has the id"),
        (("import-results", "nothing", "."), "no calculation has the id"),
        (("dft", "KEY", "--method", "relax"), "name a structure"),
        (("dft", "KEY", "--method", "hop", "--max-steps", "0"), "max_force_calls = 0"),
        (("dft", "KEY", "--cutoff", "60", "--density-cutoff", "100"), "100 Ry is below 4 times"),
        (("dft", "KEY", "--engine", "siesta"), "engine = 'siesta'"),
        (("dft", "KEY", "--charge", "1", "--dielectric", "20"), "where that is from"),
        (("dft", "KEY-hop-1-image-0", "--method", "neb"), "is a structure"),
        (("dft", "KEY-hop-1-image-0", "--method", "neb", "--to", "KEY"), "has the atoms of"),
        (("dft", "KEY", "--functional", "r2SCAN"), "not to be had with espresso; use vasp"),
        (("dft", "KEY", "--hubbard", "Pb=3"), "hubbard = 'Pb=3'"),
        (("dft", "KEY", "--hubbard", "Ni-3d=3"), "Ni, which CsPbBr3 does not contain"),
        (("dft", "KEY", "--soc", "--pseudopotentials", "."), "has no fully relativistic"),
        (("dft", "KEY", "--lattice", "KEY"), "is not a finished relaxation of a cell by DFT"),
        (("dft", "KEY", "--by-hand", "x", "--charge", "0", "--charge", "1"), "name one charge"),
        (("export-inputs", "KEY", "--for", "gaussian"), "no code with input files"),
        (("export-inputs", "KEY"), "with: pvkdb dft KEY --engine espresso --by-hand"),
        (("dft", "KEY", "--method", "neb", "--max-steps", "0"), "max_steps_neb = 0"),
    ],
)
def test_what_makes_no_sense_is_refused_and_nothing_is_queued(
    user_store: Store, key: str, arguments: tuple[str, ...], words: str
) -> None:
    url = user_store.url.render_as_string(hide_password=False)
    given = [word.replace("KEY", key) for word in arguments]
    outcome = CliRunner().invoke(app, [*given, "--database", url])
    assert isinstance(outcome.exception, PvkdbError)
    assert words.replace("KEY", key) in str(outcome.exception)
    assert outcome.stdout == ""
    with user_store.session() as session:
        assert session.query(Calculation).count() == 1
